"""Every number of the page's tables is one of ``metrics.json``, in the form that people read."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from backtest import load_config, run
from backtest.report import formats
from backtest.report.tearsheet import tearsheet_html

ROOT = Path(__file__).resolve().parents[3]
NUMBER = re.compile(r"[-+]?\d[\d,]*(?:\.\d+)?(?: ?%| bps)?")
DATE_OR_NAME = re.compile(r"\d{4}-\d{2}(?:-\d{2})?|\S*[A-Za-z]\S*(?<!bps)")
# Sums and quotients of numbers of the metrics stand in these, and numbers of files elsewhere.
APART = frozenset({"totals", "data", "months", "plain-facts", "long", "trade-log"})


class Cells(HTMLParser):
    """Texts of table cells and of large numbers, apart from what is named above."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self._stack: list[tuple[str, bool]] = []
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        if tag in {"meta", "link", "br", "input"}:
            return
        classes = set((dict(attrs).get("class") or "").split())
        self._stack.append((tag, bool(classes & APART)))
        if tag == "td" or "value" in classes:
            self.found.append("")

    def handle_endtag(self, tag):
        while self._stack and self._stack.pop()[0] != tag:
            pass

    def handle_data(self, data):
        inside = [tag for tag, _ in self._stack]
        apart = any(is_apart for _, is_apart in self._stack) or "script" in inside
        is_value = bool(self.found) and ("td" in inside or "dd" in inside)
        if is_value and not apart:
            self.found[-1] += f" {data} "


def leaves(tree: object) -> Iterator[float]:
    if isinstance(tree, dict):
        for value in tree.values():
            yield from leaves(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from leaves(value)
    elif isinstance(tree, int | float) and not isinstance(tree, bool) and math.isfinite(tree):
        yield float(tree)


def forms(value: float) -> set[str]:
    """Every way in which the page may write a number, its sign apart."""
    plain = {formats.number(value, digits) for digits in range(5)}
    plain |= {formats.number(10_000.0 * value, 1), formats.significant(value)}
    shares = {formats.percent(value, digits) for digits in range(4)}
    hundredths = {formats.number(100.0 * value, 1)}
    return {text.lstrip("-+") for text in plain | shares | hundredths | {formats.bps(value)}}


@pytest.fixture(scope="module", params=["ipo_day_one", "low_pe_rotation"])
def ran(request):
    return run(
        load_config(ROOT / f"configs/{request.param}.yaml", overrides=["data.start=2022-01-03"])
    )


def test_every_number_in_a_table_is_one_of_the_metrics(ran):
    known = set().union(*(forms(value) for value in leaves(ran.metrics)))
    # An interval writes its percent sign once.
    known |= {text.removesuffix(" %") for text in known}
    texts = [
        DATE_OR_NAME.sub("", text.replace("\u00a0", " "))
        for text in Cells(tearsheet_html(ran)).found
    ]
    numbers = [number for text in texts for number in NUMBER.findall(text)]
    assert len(numbers) > 400
    strange = [number for number in numbers if number.lstrip("-+") not in known]
    assert " ".join(strange) == ""

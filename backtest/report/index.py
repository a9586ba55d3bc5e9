"""All runs below a reports folder to its ``index.html``.

The page holds the table of runs; ``index-data.js`` beside it holds their inputs and thinned NAV,
for filters and for the comparison that the page draws itself, since a page opened as a file can
fetch nothing. Both are the same bytes for the same run folders, wherever and whenever they are
written: times come from the runs' manifests.
"""

from __future__ import annotations

import hashlib
import html
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from backtest.report.index_runs import Found, find_runs, run_marks
from backtest.report.index_summary import Summary
from backtest.report.index_table import COLUMNS, MEASURES, Row, measure_texts, row_of
from backtest.report.page import embed, render, write_text

PAGE, DATA = "index.html", "index-data.js"

_TRIES = 10
# Keys that name or dress a run and move no number.
_DRESS = ("name", "description", "tearsheet.title", "tearsheet.theme", "tearsheet.top",
          "tearsheet.quantstats", "look_ahead")  # fmt: skip
_HEAD = 4096  # bytes of a page that are searched for its title


class Link(NamedTuple):
    """A page and what it is called."""

    address: str
    title: str


def write_index(reports: Path) -> Path:
    """Write ``index.html`` and ``index-data.js`` of ``reports``; returns the page's path.

    Two processes may do so at once. Each file is replaced in one step, and whoever writes looks
    again afterwards and starts over if runs came, went or changed meanwhile: so the last to write
    leaves every run in.
    """
    for _ in range(_TRIES):
        before = run_marks(reports)
        found = find_runs(reports)
        data = index_data(found)
        write_text(reports / DATA, data)
        page = write_text(reports / PAGE, index_html(reports, found, data=data))
        if run_marks(reports) == before:
            break
    return page


def index_html(reports: Path, found: Found, *, data: str) -> str:
    """Page of ``found``; ``data`` is the text of the file beside it."""
    runs = in_order(found.runs)
    variations = varied_inputs(runs)
    told = Counter((run.name, tuple(variations[run.path])) for run in runs)
    rows: list[Row] = [
        row_of(
            run,
            varied=variations[run.path],
            is_alone=told[run.name, tuple(variations[run.path])] == 1,
            link=_address(f"{run.path}/tearsheet.html")
            if (reports / run.path / "tearsheet.html").is_file()
            else "",
        )
        for run in runs
    ]
    return render(
        "index.html",
        rows=rows,
        columns=COLUMNS,
        skipped=found.skipped,
        comparisons=_comparisons(reports),
        data_file=f"{DATA}?{hashlib.sha256(data.encode()).hexdigest()[:12]}",
        simulated=sum(run.simulated is True for run in runs),
    )


def index_data(found: Found) -> str:
    """Script that sets ``backtestIndex``: inputs, measures and thinned NAV of every run.

    An input that all runs share is kept once; of the others each value is kept once, with the
    runs' places among them. Lists of dates that runs share are kept once, too.
    """
    runs = in_order(found.runs)
    dates: dict[tuple[str, ...], int] = {}
    content = {
        "measures": [measure.label for measure in MEASURES],
        "inputs": [
            *(_input(key, [run.inputs for run in runs]) for key in _keys(runs)),
            _input("look_ahead", [{"look_ahead": run.look_ahead} for run in runs]),
        ],
        "runs": [
            {
                "path": run.path,
                "name": run.name,
                "fingerprint": run.fingerprint,
                "first": run.first,
                "last": run.last,
                "currency": run.currency,
                "base": run.base,
                "simulated": run.simulated,
                "costs": run.costs,
                "measures": measure_texts(run),
                "unit": run.unit,
                "dates": dates.setdefault(tuple(run.dates), len(dates)),
                "levels": run.levels,
                "falls": run.falls,
            }
            for run in runs
        ],
    }
    content["dates"] = [list(shared) for shared in dates]
    return f'"use strict";\nvar backtestIndex = {embed(content)};\n'


def in_order(runs: Sequence[Summary]) -> list[Summary]:
    """Runs as the page first shows them: last finished first, then by name and path."""
    by_name = sorted(runs, key=lambda run: (run.name, run.path))
    return sorted(by_name, key=lambda run: run.finished, reverse=True)


def varied_inputs(runs: Sequence[Summary]) -> dict[str, list[tuple[str, str]]]:
    """For each run the config keys, with its values, that set it apart from others of its name.

    Where no key does (other data or code), or there is no other run, the list is empty.
    """
    groups: dict[str, list[Summary]] = {}
    for run in runs:
        groups.setdefault(run.name, []).append(run)
    found: dict[str, list[tuple[str, str]]] = {}
    for group in groups.values():
        keys = [key for key in _keys(group) if not key.endswith(")") and key not in _DRESS]
        values = {key: Counter(run.inputs.get(key, "") for run in group) for key in keys}
        varied = [key for key in keys if len(values[key]) > 1 and not key.startswith("version of")]
        for run in group:
            found[run.path] = [(key, run.inputs.get(key, "")) for key in varied]
    return found


def _keys(runs: Sequence[Summary]) -> list[str]:
    """Inputs of the runs, in the order of their configs."""
    return list(dict.fromkeys(key for run in runs for key in run.inputs))


def _input(key: str, runs: Sequence[Mapping[str, str]]) -> dict[str, object]:
    """One input over all runs: its values, and which of them each run has (-1: none)."""
    values: dict[str, int] = {}
    at = [values.setdefault(run[key], len(values)) if key in run else -1 for run in runs]
    shared = len(values) == 1 and -1 not in at
    return {"key": key, "values": list(values), "dress": key in _DRESS} | (
        {} if shared else {"at": at}
    )


def _comparisons(reports: Path) -> list[Link]:
    """Pages that ``backtest compare`` left in the folder, by name."""
    return [
        Link(_address(page.name), _title(page)) for page in sorted(reports.glob("compare-*.html"))
    ]


def _title(page: Path) -> str:
    """Title of a page of ours, its file's name where it has none."""
    try:
        with page.open("rb") as file:
            head = file.read(_HEAD).decode("utf-8", errors="replace")
    except OSError:
        return page.name
    found = re.search(r"<title>(.*?)</title>", head, re.DOTALL)
    return html.unescape(found[1]) if found else page.name


def _address(path: str) -> str:
    """Relative address of a file; names that are no UTF-8 keep their bytes."""
    return "./" + quote(os.fsencode(path))

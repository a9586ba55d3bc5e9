"""One self-contained HTML page from a template, charts and data.

Whatever is not ours (names, descriptions, warnings) reaches a page in two ways only: through
jinja2's autoescape, or as JSON in a ``<script>`` that no text can close. A content security
policy forbids every request.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from threading import get_ident
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from backtest.report.formats import day

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

_HERE = Path(__file__).parent
_SHARED_FROM = 32  # lists from this length on are embedded once, however many charts use them

_TURNS = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])

Figure = dict[str, object]
"""A plotly figure as JSON: ``{"data": [...], "layout": {...}}``; colours are palette names."""


@dataclass(frozen=True)
class Table:
    """Rows of text under headings; the first column heads its row.

    ``text`` counts the leading columns that are words (aligned left); the rest are numbers.
    """

    columns: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    text: int = 1


@dataclass(frozen=True)
class Key:
    """One entry of a chart's legend: a label and the palette name of its colour."""

    label: str
    color: str
    group: str = ""
    """Traces with this ``legendgroup`` are switched by the entry; none where it is empty."""


@dataclass(frozen=True)
class Chart:
    """A figure with what is needed to read it: title, question answered, legend, table."""

    name: str
    title: str
    note: str
    figure: Figure
    table: Table
    legend: tuple[Key, ...] = ()
    height: Literal["low", "middle", "tall", "full", "panels", "overlay"] = "middle"
    switch: str = ""
    """The axis that a linear/log switch changes; none where it is empty."""


def render(template: str, **values: object) -> str:
    """HTML of ``templates/<template>`` filled with ``values``."""
    page = _environment().get_template(template).render(**values)
    # A lone surrogate in a name has no UTF-8 form; a question mark stands for it.
    return page.encode("utf-8", errors="replace").decode("utf-8")


def write_text(path: Path, text: str) -> Path:
    """Write a page in one step, so that no half page is ever seen; returns its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Two processes may write the same page at once: each has a draft of its own.
    partial = path.with_name(f".{path.name}.{os.getpid()}.{get_ident()}.partial")
    try:
        partial.write_bytes(text.encode("utf-8"))
        os.replace(partial, path)  # noqa: PTH105 - as Path.replace; this one reads as atomic
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    return path


def embed(data: object) -> Markup:
    r"""JSON that is safe inside ``<script>``: ASCII only, sorted keys, no ``<``, ``>`` or ``&``.

    Numbers keep six significant digits; NaN and infinities are null.

    >>> str(embed({"name": "</script>"}))
    '{"name":"\\u003c/script\\u003e"}'
    """
    from markupsafe import Markup

    text = json.dumps(_plain(data), sort_keys=True, allow_nan=False, separators=(",", ":"))
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)  # noqa: S704 - escaped for its context above


def embed_charts(charts: Sequence[Chart]) -> Markup:
    """Figures by name, with every long list kept once: ``{"$": 3}`` stands for ``lists[3]``."""
    lists: dict[tuple[object, ...], int] = {}

    def shared(value: object) -> object:
        if isinstance(value, Mapping):
            return {key: shared(item) for key, item in value.items()}
        if isinstance(value, list):
            if len(value) >= _SHARED_FROM and not isinstance(value[0], list | dict):
                return {"$": lists.setdefault(tuple(value), len(lists))}
            return [shared(item) for item in value]
        return value

    figures = {chart.name: shared(_plain(chart.figure)) for chart in charts}
    return embed({"figures": figures, "lists": [list(items) for items in lists]})


def _plain(value: object) -> object:
    """``value`` in the types of JSON."""
    if isinstance(value, float):  # np.float64 is one, too
        return float(f"{value:.6g}") if math.isfinite(value) else None
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | pd.Series | pd.Index):
        return [_plain(item) for item in value.tolist()]
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, date):
        return day(value)
    return str(value)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals["asset"] = _asset
    # A number and its sign stay on one line within a sentence.
    environment.filters["unbroken"] = lambda text: str(text).replace(" %", "\u00a0%")
    environment.globals["plotly_js"] = _plotly_js
    return environment


def _shown(value: object) -> object:
    """Text without the invisible signs that turn the direction of what follows them."""
    if isinstance(value, str) and not value.isascii() and not hasattr(value, "__html__"):
        return value.translate(_TURNS)
    return value


@cache
def _asset(name: str) -> Markup:
    """Stylesheet or script of ours, to be put into the page as it is."""
    from markupsafe import Markup

    return Markup((_HERE / "assets" / name).read_text(encoding="utf-8"))  # noqa: S704 - our file


@cache
def _plotly_js() -> Markup:
    """Chart library, from the plotly package's files (the package itself is not imported)."""
    from markupsafe import Markup

    spec = find_spec("plotly")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("the plotly package is needed to write pages; pip install plotly")
    source = Path(spec.origin).parent / "package_data" / "plotly.min.js"
    return Markup(source.read_text(encoding="utf-8"))  # noqa: S704 - the library's own file

"""Rows of the page of all runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from backtest.report import formats
from backtest.report.index_summary import Summary

_WIDTH, _HEIGHT, _EDGE = 112.0, 28.0, 2.0
_POINTS = 60
_MOST_VARIED = 4
_PLAIN = ("execution", "portfolio", "universe", "clock", "exits")


class Measure(NamedTuple):
    """One number of a summary, its label and its form."""

    key: str
    label: str
    show: Callable[[object], str]
    title: str = ""


class Column(NamedTuple):
    """One column of the table: its key, heading and what the heading means."""

    key: str
    label: str
    title: str
    is_text: bool


class Cell(NamedTuple):
    """One cell: its column's key and heading, text, what it is sorted by, a fainter second line.

    ``badge`` is the look of the text as a label, empty where it is plain.
    """

    key: str
    label: str
    text: str
    sort: str
    is_text: bool = False
    below: str = ""
    badge: str = ""


class Line(NamedTuple):
    """NAV as a small drawing: points of a polyline, and the height of the initial cash."""

    points: str
    base: str


class Badge(NamedTuple):
    """Short label; ``bad`` ones are graver than ``note``."""

    text: str
    level: str


class Row(NamedTuple):
    """One run."""

    path: str
    name: str
    link: str
    varied: str
    varied_title: str
    badges: tuple[Badge, ...]
    line: Line | None
    cells: tuple[Cell, ...]


def _percent(value: object) -> str:
    return formats.percent(value)


def _tenth(value: object) -> str:
    return formats.percent(value, 1)


def _whole(value: object) -> str:
    return formats.percent(value, 0)


def _number(value: object) -> str:
    return formats.number(value)


def _count(value: object) -> str:
    return formats.show(value, "count")


def _bps(value: object) -> str:
    return formats.number(value, 1)


SHOWN = (
    Measure("total_return", "Total return", _percent, "Over the whole run, after all costs"),
    Measure("cagr", "CAGR", _percent, "Compound return a year, after all costs"),
    Measure("volatility", "Volatility", _percent, "Of returns per session, a year"),
    Measure("sharpe", "Sharpe", _number, "A year; below it its standard error"),
    Measure("max_drawdown", "Max drawdown", _percent, "Deepest fall of NAV from a peak"),
    Measure("turnover", "Turnover", _whole, "A year, one-way, of NAV"),
    Measure("costs_bps", "Costs, bps", _bps, "Of NAV a year, financing apart"),
)
"""Measures of the table."""

MEASURES = (
    *SHOWN[:4],
    Measure("sharpe_error", "Sharpe's error", _number),
    Measure("sortino", "Sortino", _number),
    SHOWN[4],
    Measure("calmar", "Calmar", _number),
    Measure("beta", "Beta", _number),
    Measure("gross_exposure", "Gross exposure", _tenth),
    *SHOWN[5:],
    Measure("closed_trades", "Trades closed", _count),
    Measure("win_rate", "Won", _tenth),
)
"""Measures of the comparison that the page draws."""

COLUMNS = (
    *(Column(measure.key, measure.label, measure.title, is_text=False) for measure in SHOWN),
    Column("period", "Period", "First to last session", is_text=True),
    Column("currency", "In", "Currency of the account", is_text=True),
    Column("data", "Data", "Simulated or real, and the bundle", is_text=True),
    Column("warnings", "Warnings", "Below it the assumptions left optimistic", is_text=False),
    Column("finished", "Finished", "UTC, as the run's manifest says", is_text=True),
)
"""Columns after the run's name and its line."""


def row_of(run: Summary, *, varied: Sequence[tuple[str, str]], is_alone: bool, link: str) -> Row:
    """Row of ``run``; ``varied`` are the inputs that set it apart from others of its name.

    Where they do not (``is_alone`` is false), or there are none, the fingerprint stands beside.
    """
    shown = [f"{_short(key)} {value}" for key, value in varied[:_MOST_VARIED]]
    more = len(varied) - _MOST_VARIED
    if more > 0:
        shown.append(f"and {more} more")
    if not (is_alone and shown):
        shown.append(run.fingerprint[:8])
    return Row(
        path=run.path,
        name=run.name,
        link=link,
        varied=", ".join(shown),
        varied_title=", ".join(f"{key}={value}" for key, value in varied)
        or f"fingerprint {run.fingerprint}",
        badges=tuple(_badges(run)),
        line=line_of([1.0, *run.levels]),
        cells=tuple(_cells(run)),
    )


def measure_texts(run: Summary) -> list[str]:
    """Measures of the comparison, as text."""
    return [measure.show(run.numbers[measure.key]) for measure in MEASURES]


def line_of(levels: Sequence[float | None]) -> Line | None:
    """Small drawing of ``levels`` (NAV over initial cash), None with fewer than two known."""
    values = np.array([np.nan if level is None else level for level in levels], dtype=np.float64)
    known = values[np.isfinite(values)]
    if known.size <= 1:
        return None
    rows = np.unique(np.linspace(0, known.size - 1, min(_POINTS, known.size)).round().astype(int))
    low, high = min(1.0, float(known.min())), max(1.0, float(known.max()))
    x = _EDGE + (_WIDTH - 2 * _EDGE) * rows / (known.size - 1)
    scale = (_HEIGHT - 2 * _EDGE) / (high - low) if high > low else 0.0
    y = _HEIGHT - _EDGE - scale * (known[rows] - low)
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    return Line(points, f"{_HEIGHT - _EDGE - scale * (1.0 - low):.1f}")


def _short(key: str) -> str:
    """Key without the section that goes without saying.

    >>> _short("strategy.params.window"), _short("execution.slippage.bps"), _short("data.start")
    ('window', 'slippage.bps', 'data.start')
    """
    for section in ("strategy.params.", *(f"{name}." for name in _PLAIN)):
        if key.startswith(section):
            return key.removeprefix(section)
    return key


def _badges(run: Summary) -> list[Badge]:
    found = []
    if run.bankrupt:
        found.append(Badge("Bankrupt", "bad"))
    if run.look_ahead == "failed":
        found.append(Badge("Look-ahead found", "bad"))
    if run.costs.startswith("off"):
        found.append(Badge("No costs", "note"))
    return found


def _cells(run: Summary) -> list[Cell]:
    cells = []
    for measure in SHOWN:
        value = run.numbers[measure.key]
        sort = "" if value is None else repr(value)
        cells.append(Cell(measure.key, measure.label, measure.show(value), sort))
    error = run.numbers["sharpe_error"]
    at = next(row for row, measure in enumerate(SHOWN) if measure.key == "sharpe")
    cells[at] = cells[at]._replace(below="" if error is None else f"± {_number(error)}")
    data = {True: "Simulated", False: "Real", None: formats.UNKNOWN}[run.simulated]
    day, _, clock = run.finished.partition("T")
    return [
        *cells,
        Cell("period", "Period", run.first, f"{run.first} {run.last}", True, run.last),
        Cell("currency", "In", run.currency, run.currency, is_text=True),
        Cell(
            "data",
            "Data",
            data,
            f"{data} {run.bundle}",
            is_text=True,
            below=run.bundle,
            badge="note" if run.simulated else "real" if run.simulated is False else "",
        ),
        Cell(
            "warnings",
            "Warnings",
            formats.show(run.warnings, "count"),
            str(run.warnings),
            below=f"{run.optimistic} optimistic",
        ),
        Cell("finished", "Finished", day or formats.UNKNOWN, run.finished, True, clock[:5]),
    ]

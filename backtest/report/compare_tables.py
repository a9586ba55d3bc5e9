"""The tables of a comparison's page: runs, small pictures, matrices, years."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from backtest.report import describe, formats
from backtest.report.compare_inputs import NOT_SET
from backtest.report.compare_lines import color_of, rebased_nav
from backtest.report.series import by_session, section

if TYPE_CHECKING:
    from backtest.measures.performance import FloatArray
    from backtest.report.compare_inputs import Difference
    from backtest.report.comparison import Comparison

_POINTS = 96  # of a small picture's line
_WIDTH, _HEIGHT = 120.0, 44.0
_MOST_COLUMNS = 6  # keys of the config in the table of runs
_MOST_VALUES = 12  # of one key that are named
_DENSE = 12  # runs up to which a matrix shows its numbers


class Run(NamedTuple):
    """One row of the list of runs."""

    name: str
    color: str
    link: str
    cells: tuple[str, ...]


class Picture(NamedTuple):
    """A run's NAV as a small line, over the first run's; points of SVG polylines."""

    name: str
    line: str
    base: str
    words: str


class Cell(NamedTuple):
    """One cell of a matrix: its text and how full its colour is, from -1 to 1."""

    text: str
    shade: float
    title: str


class Matrix(NamedTuple):
    """Runs against runs; ``is_dense`` where there are too many to print the numbers."""

    title: str
    note: str
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]
    is_dense: bool


class Column(NamedTuple):
    """A config key as a column of the table of runs; numbers where all of its values are some."""

    key: str
    short: str
    texts: tuple[str, ...]
    numbers: tuple[object, ...]


class Inputs(NamedTuple):
    """What differs in the inputs.

    ``rows`` are key by key, without the ``params`` that not all of the strategies have. For many
    runs ``told`` has the values of each key with the count of runs, and ``columns`` are the keys
    that fit into the table of runs.
    """

    rows: tuple[Difference, ...]
    params: tuple[Difference, ...]
    told: tuple[tuple[str, tuple[tuple[str, int, bool], ...]], ...]
    columns: tuple[Column, ...]


def inputs_of(comparison: Comparison) -> Inputs:
    """Lay out the differences of the inputs."""
    rows = comparison.differences
    has_strategies = any(row.key == "strategy.name" for row in rows)
    params = [
        row
        for row in rows
        if has_strategies and row.key.startswith("strategy.params.") and NOT_SET in row.texts
    ]
    kept = tuple(row for row in rows if row not in params)
    keyed = [row for row in kept if "(hash)" not in row.key and not row.key.startswith("version")]
    return Inputs(
        rows=kept,
        params=tuple(params),
        told=tuple((row.key, _counted(row)) for row in rows),
        columns=tuple(_column_of(row) for row in keyed[:_MOST_COLUMNS]),
    )


def _counted(row: Difference) -> tuple[tuple[str, int, bool], ...]:
    """Values of a key with the count of runs that have each, in order of appearance."""
    defaults = dict(zip(row.texts, row.is_default, strict=True))
    found = [(text, row.texts.count(text), defaults[text]) for text in dict.fromkeys(row.texts)]
    rest = found[_MOST_VALUES:]
    if rest:
        more = formats.counted(len(rest), "other value")
        found = [*found[:_MOST_VALUES], (more, sum(count for _, count, _ in rest), False)]
    return tuple(found)


def _column_of(row: Difference) -> Column:
    numbers = [_as_number(text) for text in row.texts]
    is_number = all(math.isfinite(number) for number in numbers)
    return Column(
        row.key,
        row.key.removeprefix("strategy.params.").rpartition(".")[2]
        if not row.key.endswith(".name")
        else row.key,
        row.texts,
        tuple(numbers) if is_number else row.texts,
    )


def _as_number(text: str) -> float:
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return math.nan


def run_rows(comparison: Comparison, links: Sequence[str]) -> list[Run]:
    """What each run is: period, data, currency, costs, fingerprint."""
    rows = []
    for at, (name, result, link) in enumerate(
        zip(comparison.names, comparison.results, links, strict=True)
    ):
        sessions = by_session(result.nav).index
        bundle = section(result.manifest, "bundle")
        rows.append(
            Run(
                name,
                color_of(at, len(comparison.names)),
                link,
                (
                    f"{formats.day(sessions[0])} to {formats.day(sessions[-1])}, "
                    f"{formats.counted(len(sessions), 'session')}",
                    str(bundle.get("name", formats.UNKNOWN)),
                    describe.currency_of(result),
                    describe.cost_words(result),
                    str(result.manifest.get("fingerprint", formats.UNKNOWN))[:8],
                ),
            )
        )
    return rows


def pictures(comparison: Comparison) -> list[Picture]:
    """NAV of each run, rebased, on one scale for all of them (logarithmic, as growth compounds)."""
    lines = [
        rebased_nav(daily, daily.nav, comparison.common)[_thinned(len(daily.dates))]
        for daily in comparison.dailies
    ]
    known = np.concatenate([line[np.isfinite(line) & (line > 0.0)] for line in lines])
    low, high = (float(np.log(known.min())), float(np.log(known.max()))) if known.size else (0, 1)
    first = min(daily.account.sessions[0] for daily in comparison.dailies)
    last = max(daily.account.sessions[-1] for daily in comparison.dailies)
    span = max(float((last - first).astype(int)), 1.0)
    drawn = []
    for daily, line in zip(comparison.dailies, lines, strict=True):
        days = daily.account.sessions[_thinned(len(daily.dates))]
        x = _WIDTH * (days - first).astype(int) / span
        drawn.append(_polyline(x, line, low, high))
    measures = {row.label: row.texts for row in comparison.headlines}
    return [
        Picture(
            name,
            line,
            drawn[0],
            f"{measures['CAGR'][at]} · Sharpe {measures['Sharpe'][at]}",
        )
        for at, (name, line) in enumerate(zip(comparison.names, drawn, strict=True))
    ]


def matrices(comparison: Comparison) -> list[Matrix]:
    """Correlation of returns, overlap of holdings and of drawdowns."""
    overlap = comparison.overlap
    return [
        _matrix(
            "Correlation of returns", "Of the common sessions.", comparison, overlap.correlation
        ),
        _matrix(
            "Holdings in common",
            "Smaller weight of each name that both hold, over the larger exposure; average of the "
            "sessions where either holds anything.",
            comparison,
            overlap.holdings,
            is_share=True,
        ),
        _matrix(
            "Drawdowns in common",
            "Depth that both are under water, over the depth that either is.",
            comparison,
            overlap.drawdowns,
            is_share=True,
        ),
    ]


def fall_rows(comparison: Comparison) -> list[tuple[str, str, tuple[str, ...]]]:
    """Each run's deepest fall: its name, its dates, and what every run returned in it."""
    if len(comparison.names) > _DENSE:
        return []
    return [
        (
            name,
            f"{fall.peak} to {fall.trough}",
            tuple(formats.percent(value) for value in fall.returns),
        )
        for name, fall in zip(comparison.names, comparison.falls, strict=True)
        if fall is not None
    ]


def year_cells(comparison: Comparison) -> list[tuple[str, tuple[Cell, ...]]]:
    """Return by year: a row for each run, its years shaded on one scale."""
    sizes = [abs(x) for row in comparison.years for x in row.numbers if math.isfinite(x)]
    scale = max(sizes, default=1.0) or 1.0
    return [
        (
            name,
            tuple(
                Cell(row.texts[at], _finite(row.numbers[at] / scale), "")
                for row in comparison.years
            ),
        )
        for at, name in enumerate(comparison.names)
    ]


def _matrix(
    title: str, note: str, comparison: Comparison, values: FloatArray, *, is_share: bool = False
) -> Matrix:
    names = comparison.names
    rows = []
    for row, name in enumerate(names):
        cells = []
        for column, other in enumerate(names):
            value = float(values[row, column])
            text = formats.percent(value, 0) if is_share else formats.number(value)
            # A run and itself say nothing; a full square there would only draw the eye.
            shade = 0.0 if row == column else _finite(value)
            cells.append(Cell(text, shade, f"{name} and {other}: {text}"))
        rows.append((name, tuple(cells)))
    return Matrix(title, note, tuple(rows), len(names) > _DENSE)


def _finite(value: float) -> float:
    return round(value, 3) if math.isfinite(value) else 0.0


def _thinned(count: int) -> slice:
    return slice(None, None, max(1, math.ceil(count / _POINTS)))


def _polyline(x: FloatArray, values: FloatArray, low: float, high: float) -> str:
    known = np.isfinite(values) & (values > 0.0)
    y = np.log(values[known])
    height = _HEIGHT * (1.0 - (y - low) / ((high - low) or 1.0))
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x[known], height, strict=True))

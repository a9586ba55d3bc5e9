"""Measures of several runs in rows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from backtest.report import formats
from backtest.report.catalogue import GROUPS, Measure, look_up
from backtest.report.comparison import MeasureRow, PairRow
from backtest.report.series import rows_of

if TYPE_CHECKING:
    from backtest.report.compare_noise import Noise
    from backtest.report.compare_window import Values
    from backtest.result import Result

HEADLINES = (
    Measure(("return", "cagr"), "CAGR", formats.percent),
    Measure(("return", "total_return"), "Total return", formats.percent),
    Measure(("risk", "sharpe"), "Sharpe", formats.number),
    Measure(("drawdowns", "max_drawdown"), "Max drawdown", formats.percent),
    Measure(("risk", "volatility"), "Volatility", formats.percent),
    Measure(("trading", "gross_exposure"), "Gross exposure", lambda x: formats.percent(x, 1)),
    Measure(("trading", "turnover_per_year"), "Turnover a year", lambda x: formats.percent(x, 0)),
    Measure(("costs", "total", "bps_of_nav_per_year"), "Costs a year", formats.bps),
)
"""Numbers of a tearsheet's first screen."""


def headline_rows(values: Sequence[Values], noise: Noise | None) -> list[MeasureRow]:
    """First numbers of each run, in the tearsheet's order."""
    return [_headline_row(values, measure, noise) for measure in HEADLINES]


def _headline_row(
    values: Sequence[Values], measure: Measure, noise: Noise | None = None
) -> MeasureRow:
    return _row([own[measure.path] for own in values], measure, noise)


def measure_groups(
    results: Sequence[Result], noise: Noise | None
) -> list[tuple[str, tuple[MeasureRow, ...]]]:
    """All measures that any run has, in groups: a title and its rows."""
    found = []
    for group in GROUPS:
        rows = [measure_row(results, measure, noise) for measure in group.measures]
        known = tuple(row for row in rows if any(value != formats.UNKNOWN for value in row.texts))
        if known:
            found.append((group.title, known))
    return found


def measure_row(
    results: Sequence[Result], measure: Measure, noise: Noise | None = None
) -> MeasureRow:
    """One measure of each run; the best is marked where ``noise`` says that it is."""
    return _row([look_up(result.metrics, measure.path) for result in results], measure, noise)


def _row(found: Sequence[object], measure: Measure, noise: Noise | None) -> MeasureRow:
    texts = [formats.UNKNOWN if value is None else measure.show(value) for value in found]
    numbers = [formats.as_float(value) for value in found]
    best = noise.best(measure.path, numbers) if noise is not None else None
    return MeasureRow(measure.label, tuple(texts), tuple(numbers), best)


def pair_rows(
    values: Sequence[Values], noise: Noise | None, *, is_subtracted: bool
) -> list[PairRow]:
    """First numbers of two runs, with their difference and its range under noise.

    Nothing is subtracted where the runs were not measured over the same time.
    """
    rows = []
    for measure in HEADLINES:
        row = _headline_row(values, measure)
        value = row.numbers[1] - row.numbers[0] if is_subtracted else math.nan
        judge = noise if math.isfinite(value) else None
        lead = judge.range_of(measure.path, 0, 1) if judge is not None else None
        form = _points if measure.show is not formats.number else _signed
        if measure.path[0] == "costs":
            form = _signed_bps
        rows.append(
            PairRow(
                label=row.label,
                first=row.texts[0],
                second=row.texts[1],
                difference=form(value),
                low=form(lead.low) if lead is not None else "",
                high=form(lead.high) if lead is not None else "",
                is_clear=lead is not None and not lead.low <= 0.0 <= lead.high,
            )
        )
    return rows


def year_rows(results: Sequence[Result]) -> list[MeasureRow]:
    """Return of each calendar year; a star marks a part of one."""
    tables = [
        {
            str(row.get("year")): row
            for row in rows_of(look_up(result.metrics, ("periods", "years")))
        }
        for result in results
    ]
    years = sorted({year for table in tables for year in table})
    return [
        MeasureRow(
            year,
            tuple(_year(table.get(year)) for table in tables),
            tuple(
                formats.as_float(table[year].get("return")) if year in table else math.nan
                for table in tables
            ),
        )
        for year in years
    ]


def _points(value: float) -> str:
    """Difference of two shares, in percentage points."""
    return _unit(formats.number(100.0 * value, signed=True), "pp")


def _signed(value: float) -> str:
    return formats.number(value, signed=True)


def _signed_bps(value: float) -> str:
    return _unit(formats.number(value, 1, signed=True), "bps")


def _unit(text: str, unit: str) -> str:
    return text if text == formats.UNKNOWN else f"{text} {unit}"


def _year(row: Mapping[str, object] | None) -> str:
    if row is None:
        return formats.UNKNOWN
    return formats.percent(row.get("return")) + (" *" if row.get("partial") else "")

"""Chart of several runs through time: Sharpe, volatility, costs so far, holdings in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from backtest.measures import periods
from backtest.report import formats
from backtest.report.compare_inputs import short
from backtest.report.compare_lines import (
    Panel,
    drawn_words,
    in_order,
    legend_of,
    of_run,
    stacked,
    steps_of,
    trace_of,
)
from backtest.report.compare_overlap import average_overlap
from backtest.report.page import Chart, Table
from backtest.report.plot import Trace

if TYPE_CHECKING:
    from backtest.measures.performance import FloatArray
    from backtest.report.comparison import Comparison
    from backtest.report.series import Series
    from backtest.result import Result

_MOST_SHARPE = 5.0
_QUARTER = 63  # sessions over which the overlap is averaged, or it would flicker


@dataclass(frozen=True)
class _Band:
    """A panel, and each run's dates and values on it."""

    panel: Panel
    lines: tuple[tuple[Sequence[str], FloatArray], ...]

    def finite(self) -> FloatArray:
        """Every value that is known."""
        values = np.concatenate([values for _, values in self.lines])
        return np.asarray(values[np.isfinite(values)])


def rolling_chart(comparison: Comparison) -> Chart | None:
    """Panels that have anything to show; None where none has."""
    bands = [band for band in _bands(comparison) if band.finite().size]
    if not bands:
        return None
    cut = ""
    if bands[0].panel.span is not None and not bands[0].panel.is_percent:
        cut = f" Sharpe is cut at ±{_MOST_SHARPE:.0f}: years almost without risk run beyond."
    names, steps = comparison.names, steps_of(comparison.dailies)
    data: list[Trace] = []
    rows: list[tuple[str, ...]] = []
    for run, name in enumerate(names):
        drawn = [
            trace_of(*band.lines[run], name, band.panel, at=at, steps=steps)
            for at, band in enumerate(bands)
        ]
        data += of_run(drawn, run, len(names))
        rows += _year_ends(name, bands, run)
    panels = [band.panel for band in bands]
    return Chart(
        name="rolling",
        title="Rolling, and costs",
        note=f"Blank until a window is full.{cut} Costs are fees, slippage and conversion over the "
        f"NAV of their session, summed.{drawn_words(steps)}",
        figure={"data": in_order(data, len(names)), "layout": stacked(panels, comparison.dailies)},
        table=Table(("Run", "Year end", *(panel.title for panel in panels)), rows, text=2),
        legend=legend_of(names),
        height="overlay",
    )


def costs_so_far(result: Result) -> FloatArray:
    """Fees, slippage and conversion of each session over its NAV, summed from the start, (T,)."""
    nav = result.nav["nav"].to_numpy(dtype=np.float64)
    paid = result.nav[["fees", "slippage", "fx_cost"]].sum(axis=1).to_numpy(dtype=np.float64)
    shares = np.divide(paid, nav, out=np.zeros_like(paid), where=nav > 0.0)
    return np.asarray(np.cumsum(shares))


def _bands(comparison: Comparison) -> list[_Band]:
    dailies = comparison.dailies
    ratios, spreads = zip(*(_rolled(daily) for daily in dailies), strict=True)
    costs = [costs_so_far(result) for result in comparison.results]
    found = [
        _band(Panel("Sharpe, one year", is_percent=False, span=_cut(ratios)), dailies, ratios),
        _band(Panel("Volatility, one year", is_percent=True, digits=1), dailies, spreads),
        _band(Panel("Costs so far, share of NAV", is_percent=True), dailies, costs),
    ]
    if len(dailies) > 1:
        words = f"Holdings shared with {short(comparison.names[0])}, {_QUARTER} sessions"
        panel = Panel(words, is_percent=True, digits=0, span=(0.0, 104.0))
        days = formats.days(comparison.common.sessions)
        shared = [average_overlap(row, _QUARTER) for row in comparison.overlap.with_first]
        # A run shares all with itself: a line along the top would say nothing.
        shared[0] = np.full_like(shared[0], np.nan)
        found.append(_Band(panel, tuple((days, values) for values in shared)))
    return found


def _band(panel: Panel, dailies: Sequence[Series], lines: Sequence[FloatArray]) -> _Band:
    return _Band(
        panel,
        tuple((daily.dates, values) for daily, values in zip(dailies, lines, strict=True)),
    )


def _rolled(daily: Series) -> tuple[FloatArray, FloatArray]:
    """Sharpe and volatility over a year of sessions, NaN until it is full."""
    account = daily.account
    window, per_year = round(account.sessions_per_year), account.sessions_per_year
    return (
        account.rolling_sharpe(window=window),
        periods.rolling_volatility(account.returns, window=window, sessions_per_year=per_year),
    )


def _cut(lines: Sequence[FloatArray]) -> tuple[float, float] | None:
    """Bounds of the Sharpe axis where lines run far; None where they do not.

    A year almost without risk has a ratio of any size, which would flatten all others.
    """
    values = np.concatenate(lines)
    known = values[np.isfinite(values)]
    if known.size == 0 or np.abs(known).max() <= _MOST_SHARPE:
        return None
    low, high = max(float(known.min()), -_MOST_SHARPE), min(float(known.max()), _MOST_SHARPE)
    return min(low, 0.0) - 0.3, max(high, 0.0) + 0.3


def _year_ends(name: str, bands: Sequence[_Band], run: int) -> list[tuple[str, ...]]:
    """One row per year of a run: the last value of each panel in it."""
    by_year = [
        {date[:4]: value for date, value in zip(dates, values.tolist(), strict=True)}
        for dates, values in (band.lines[run] for band in bands)
    ]
    years = sorted({year for values in by_year for year in values})
    return [
        (
            name,
            year,
            *(
                formats.percent(values.get(year), band.panel.digits)
                if band.panel.is_percent
                else formats.number(values.get(year), band.panel.digits)
                for values, band in zip(by_year, bands, strict=True)
            ),
        )
        for year in years
    ]

"""Charts of several runs over one another; a run has one colour on all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from backtest.report import describe, formats
from backtest.report.compare_inputs import short
from backtest.report.compare_lines import (
    COLORS,
    FEW,
    Panel,
    color_of,
    drawn_words,
    in_order,
    legend_of,
    of_run,
    rebased_nav,
    stacked,
    steps_of,
    trace_of,
)
from backtest.report.page import Chart, Key, Table
from backtest.report.plot import Trace, bars, base_layout, percent_axis
from backtest.report.series import Series, section

if TYPE_CHECKING:
    from backtest.measures.performance import FloatArray
    from backtest.report.compare_common import Common
    from backtest.report.comparison import Comparison
    from backtest.result import Result


def overlay_chart(comparison: Comparison) -> Chart:
    """NAV rebased, NAV relative to the first run, and drawdown, on one time axis."""
    dailies, common, names = comparison.dailies, comparison.common, comparison.names
    steps = steps_of(dailies)
    has_relative = len(dailies) > 1 and common.sessions.size > 0
    titles = [Panel("", is_percent=False, share=0.5, digits=1)]
    if has_relative:
        titles.append(Panel(f"NAV relative to {short(names[0])}", is_percent=True, share=0.25))
    titles.append(Panel("Drawdown", is_percent=True, share=0.25))
    data: list[Trace] = []
    legend: list[Key] = []
    benchmark = _shared_benchmark(comparison.results, dailies[0])
    if benchmark is not None:
        name, levels = benchmark
        rebased = rebased_nav(dailies[0], levels, common)
        data.append(trace_of(dailies[0].dates, rebased, name, titles[0], at=0, steps=steps))
        data[0] |= {"line": {"color": "@benchmark", "width": 1.3}, "legendgroup": "benchmark"}
        legend.append(Key(name, "benchmark", "benchmark"))
    relative = _relative(common)
    for run, (name, daily) in enumerate(zip(names, dailies, strict=True)):
        nav = rebased_nav(daily, daily.nav, common)
        drawn = [trace_of(daily.dates, nav, name, titles[0], at=0, steps=steps)]
        if has_relative:
            days = formats.days(common.sessions)
            lead = relative[run] if run else np.where(np.isfinite(relative[run]), 0.0, np.nan)
            drawn.append(trace_of(days, lead, name, titles[1], at=1, steps=steps))
        last = len(titles) - 1
        drawn.append(trace_of(daily.dates, daily.drawdown, name, titles[-1], at=last, steps=steps))
        data += of_run(drawn, run, len(names))
        legend.append(Key(name, color_of(run, len(names)), f"run{run}"))
    where = (
        f"on {formats.day(common.sessions[0])}" if common.sessions.size else "at each run's start"
    )
    note = f"100 {where}; drawdowns from each run's own start.{drawn_words(steps)}"
    return Chart(
        name="overlay",
        title="NAV, rebased",
        note=note,
        figure={"data": in_order(data, len(names)), "layout": stacked(titles, dailies)},
        table=_overlay_table(names, dailies, common),
        legend=tuple(legend) if len(names) <= FEW else tuple(legend[:1]) * (benchmark is not None),
        height="overlay",
        switch="yaxis",
    )


def yearly_chart(comparison: Comparison) -> Chart:
    """Return of each calendar year, runs side by side; for a few runs only."""
    years = [row.label for row in comparison.years]
    width = min(0.8 / len(comparison.names), 0.09 * len(years))
    data: list[Trace] = []
    for run, name in enumerate(comparison.names):
        values = np.array([row.numbers[run] for row in comparison.years], dtype=np.float64)
        drawn = bars(
            years, 100.0 * values, name, f"@{COLORS[run]}", width=width, hovertemplate="%{y:.2f} %"
        )
        data.append(drawn | {"legendgroup": f"run{run}"})
    layout = base_layout()
    # Years are names of bars, not points in time: as a time axis they would stand off their labels.
    layout["xaxis"] |= {"type": "category", "showgrid": False}
    layout["yaxis"] |= {**percent_axis(), "zeroline": True}
    return Chart(
        name="yearly",
        title="Return by year",
        note="",
        figure={"data": data, "layout": layout},
        table=Table(
            ("Year", *comparison.names), [(row.label, *row.texts) for row in comparison.years]
        ),
        legend=legend_of(comparison.names),
    )


def _relative(common: Common) -> FloatArray:
    """Growth of each run over that of the first since the first common session, less 1, (R, C)."""
    levels = common.levels[:, 1:]
    if not common.sessions.size:
        return levels
    ratio = np.full(levels.shape, np.nan)
    base, first = levels[0], levels[:, :1]
    # Where either is bankrupt there is no NAV to relate, nor to relate to.
    np.divide(
        levels * base[0], base * first, out=ratio, where=(base > 0.0)[None, :] & (first > 0.0)
    )
    return ratio - 1.0


def _shared_benchmark(results: Sequence[Result], first: Series) -> tuple[str, FloatArray] | None:
    """Benchmark that all runs have in the same data and currency."""
    marks = {
        (
            describe.benchmark_of(result),
            describe.currency_of(result),
            str(section(result.manifest, "bundle").get("hash")),
        )
        for result in results
    }
    if len(marks) > 1 or first.benchmark is None:
        return None
    return describe.benchmark_of(results[0]) or "Benchmark", first.benchmark


def _overlay_table(names: Sequence[str], dailies: Sequence[Series], common: Common) -> Table:
    """Rebased NAV at month ends."""
    columns = []
    for daily in dailies:
        nav = rebased_nav(daily, daily.nav, common)
        columns.append({daily.dates[row][:7]: nav[row] for row in daily.month_ends})
    months = sorted({month for column in columns for month in column})
    rows = [
        (month, *(formats.number(column.get(month), 1) for column in columns)) for month in months
    ]
    return Table(("Month end", *names), rows)

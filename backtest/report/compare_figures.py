"""Charts of several runs over one another; a run has one colour on all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from backtest.measures import periods
from backtest.report import describe, formats
from backtest.report.compare_overlap import average_overlap
from backtest.report.page import Chart, Key, Table
from backtest.report.plot import Layout, Trace, bars, base_layout, line, panels, percent_axis
from backtest.report.series import Series, section

if TYPE_CHECKING:
    from backtest.measures.performance import FloatArray
    from backtest.report.compare_common import Common
    from backtest.report.comparison import Comparison
    from backtest.result import Result

FEW = 7
"""Up to so many runs have a colour each; of more, all but the first are grey until pointed at."""
COLORS = ("strategy", "second", "third", "fourth", "fifth", "sixth", "seventh")
GREY = "@faint/0.5"

_REBASED = 100.0
_MOST_POINTS = 20_000  # of all runs together, on one panel
_MOST_SHARPE = 5.0
_QUARTER = 63  # sessions over which the overlap is averaged, or it would flicker


class Panel(NamedTuple):
    """One panel of a chart: its title, the form of its values, its share of the height."""

    title: str
    is_percent: bool
    share: float
    digits: int = 2


def color_of(run: int, runs: int) -> str:
    """Palette name of a run's colour; ``faint`` where there are too many for a colour each."""
    if runs <= FEW:
        return COLORS[run]
    return COLORS[0] if run == 0 else "faint"


def overlay_chart(comparison: Comparison) -> Chart:
    """NAV rebased, NAV relative to the first run, and drawdown, on one time axis."""
    dailies, common, names = comparison.dailies, comparison.common, comparison.names
    steps = _steps(dailies)
    has_relative = len(dailies) > 1 and common.sessions.size > 0
    titles = [Panel("", is_percent=False, share=0.5, digits=1)]
    if has_relative:
        titles.append(Panel(f"NAV relative to {names[0]}", is_percent=True, share=0.25))
    titles.append(Panel("Drawdown", is_percent=True, share=0.25))
    data: list[Trace] = []
    legend: list[Key] = []
    benchmark = _shared_benchmark(comparison.results, dailies[0])
    if benchmark is not None:
        name, levels = benchmark
        rebased = rebased_nav(dailies[0], levels, common)
        data.append(_trace(dailies[0].dates, rebased, name, titles[0], at=0, steps=steps))
        data[0] |= {"line": {"color": "@benchmark", "width": 1.3}, "legendgroup": "benchmark"}
        legend.append(Key(name, "benchmark", "benchmark"))
    relative = _relative(common)
    for run, (name, daily) in enumerate(zip(names, dailies, strict=True)):
        nav = rebased_nav(daily, daily.nav, common)
        drawn = [_trace(daily.dates, nav, name, titles[0], at=0, steps=steps)]
        if has_relative:
            days = formats.days(common.sessions)
            lead = relative[run] if run else np.where(np.isfinite(relative[run]), 0.0, np.nan)
            drawn.append(_trace(days, lead, name, titles[1], at=1, steps=steps))
        last = len(titles) - 1
        drawn.append(_trace(daily.dates, daily.drawdown, name, titles[-1], at=last, steps=steps))
        data += _of_run(drawn, run, len(names))
        legend.append(Key(name, color_of(run, len(names)), f"run{run}"))
    where = (
        f"on {formats.day(common.sessions[0])}" if common.sessions.size else "at each run's start"
    )
    note = f"{_REBASED:.0f} {where}; drawdowns from each run's own start.{_drawn_words(steps)}"
    return Chart(
        name="overlay",
        title="NAV, rebased",
        note=note,
        figure={"data": data, "layout": _stacked(titles, dailies)},
        table=_overlay_table(names, dailies, common),
        legend=tuple(legend) if len(names) <= FEW else tuple(legend[:1]) * (benchmark is not None),
        height="overlay",
        switch="yaxis",
    )


def rolling_chart(comparison: Comparison) -> Chart:
    """Sharpe and volatility of the last year, holdings shared with the first run, costs so far."""
    dailies, names, common = comparison.dailies, comparison.names, comparison.common
    steps = _steps(dailies)
    titles = [
        Panel("Sharpe, one year", is_percent=False, share=1.0),
        Panel("Volatility, one year", is_percent=True, share=1.0, digits=1),
        Panel("Costs so far, share of NAV", is_percent=True, share=1.0),
    ]
    if len(names) > 1:
        words = f"Holdings shared with {names[0]}, {_QUARTER} sessions"
        titles.append(Panel(words, is_percent=True, share=1.0, digits=0))
    data: list[Trace] = []
    rows: list[tuple[str, ...]] = []
    for run, (name, daily, result) in enumerate(
        zip(names, dailies, comparison.results, strict=True)
    ):
        lines = [*_rolled(daily), costs_so_far(result)]
        columns = [(daily.dates, values) for values in lines]
        if len(names) > 1:
            shared = average_overlap(comparison.overlap.with_first[run], _QUARTER)
            # A run shares all with itself: a line along the top would say nothing.
            columns.append((formats.days(common.sessions), shared if run else shared * np.nan))
        data += _of_run(
            [
                _trace(dates, values, name, title, at=at, steps=steps)
                for at, ((dates, values), title) in enumerate(zip(columns, titles, strict=True))
            ],
            run,
            len(names),
        )
        rows += _year_ends(name, columns, titles)
    layout = _stacked(titles, dailies)
    cut = _cut(layout, [trace["y"] for trace in data if trace["yaxis"] == "y"])
    if len(names) > 1:
        layout["yaxis4"] |= {"range": [0, 104]}
    return Chart(
        name="rolling",
        title="Rolling, and costs",
        note=f"Blank until a window is full.{cut} Costs are fees, slippage and conversion over the "
        f"NAV of their session, summed.{_drawn_words(steps)}",
        figure={"data": data, "layout": layout},
        table=Table(("Run", "Year end", *(title.title for title in titles)), rows, text=2),
        legend=_legend(names),
        height="overlay",
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
        legend=_legend(comparison.names),
    )


def rebased_nav(daily: Series, values: FloatArray, common: Common) -> FloatArray:
    """``values`` as 100 on the first common session, or at the first known where there is none."""
    known = values[np.isfinite(values) & (values > 0.0)]
    start = np.nan
    if common.sessions.size:
        start = values[np.searchsorted(daily.account.sessions, common.sessions[0])]
    base = start if start > 0.0 else float(known[0]) if known.size else np.nan
    return _REBASED * values / base


def costs_so_far(result: Result) -> FloatArray:
    """Fees, slippage and conversion of each session over its NAV, summed from the start, (T,)."""
    nav = result.nav["nav"].to_numpy(dtype=np.float64)
    paid = result.nav[["fees", "slippage", "fx_cost"]].sum(axis=1).to_numpy(dtype=np.float64)
    shares = np.divide(paid, nav, out=np.zeros_like(paid), where=nav > 0.0)
    return np.asarray(np.cumsum(shares))


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


def _rolled(daily: Series) -> tuple[FloatArray, FloatArray]:
    """Sharpe and volatility over a year of sessions, NaN until it is full."""
    account = daily.account
    window, per_year = round(account.sessions_per_year), account.sessions_per_year
    return (
        periods.rolling_sharpe(
            account.returns,
            window=window,
            sessions_per_year=per_year,
            risk_free=account.risk_free,
        ),
        periods.rolling_volatility(account.returns, window=window, sessions_per_year=per_year),
    )


def _trace(
    dates: Sequence[str],
    values: FloatArray,
    name: str,
    panel: Panel,
    *,
    at: int,
    steps: int,
) -> Trace:
    """Line of one run on one panel, every ``steps``-th session and the last."""
    rows = np.arange(len(dates) - 1, -1, -steps)[::-1]
    y = (100.0 if panel.is_percent else 1.0) * values[rows]
    form = f"%{{y:.{panel.digits}f}}" + (" %" if panel.is_percent else "")
    return line(
        [dates[row] for row in rows],
        y,
        name,
        GREY,
        yaxis=f"y{at + 1}" if at else "y",
        hovertemplate=form,
    )


def _of_run(drawn: Sequence[Trace], run: int, runs: int) -> list[Trace]:
    """Traces of one run, in its colour and switched together."""
    is_many = runs > FEW
    color = GREY if is_many and run else f"@{color_of(run, runs)}"
    width = 1.0 if is_many and run else 1.7
    return [
        trace
        | {
            "line": {"color": color, "width": width},
            "legendgroup": f"run{run}",
            # The page finds a run's lines by this name, to lift them out of the others.
            "uid": f"run{run}x{at}",
        }
        for at, trace in enumerate(drawn)
    ]


def _stacked(titles: Sequence[Panel], dailies: Sequence[Series]) -> Layout:
    axes: list[Trace] = [
        {"nticks": 5, "zeroline": True, **(percent_axis() if title.is_percent else {})}
        for title in titles
    ]
    layout = panels(
        [title.title for title in titles],
        [title.share for title in titles],
        axes,
        first=min(daily.dates[0] for daily in dailies),
        last=max(daily.dates[-1] for daily in dailies),
    )
    if len(dailies) > FEW:
        layout |= {"hovermode": "closest"}  # type: ignore[dict-item]  # a word, as plotly wants
    return layout


def _cut(layout: Layout, lines: Sequence[object]) -> str:
    """Keep the Sharpe axis within bounds; says so where lines run beyond.

    A year almost without risk has a ratio of any size, which would flatten all others.
    """
    values = np.concatenate([np.asarray(line, dtype=np.float64) for line in lines])
    known = values[np.isfinite(values)]
    if known.size == 0 or np.abs(known).max() <= _MOST_SHARPE:
        return ""
    low, high = max(float(known.min()), -_MOST_SHARPE), min(float(known.max()), _MOST_SHARPE)
    layout["yaxis"] |= {"range": [min(low, 0.0) - 0.3, max(high, 0.0) + 0.3]}
    return f" Sharpe is cut at ±{_MOST_SHARPE:.0f}: years almost without risk run beyond."


def _steps(dailies: Sequence[Series]) -> int:
    """Every how many sessions a point is drawn: each, or weeks or months where there are many."""
    points = sum(len(daily.dates) for daily in dailies)
    return next((step for step in (1, 5, 21) if points / step <= _MOST_POINTS), 21)


def _drawn_words(steps: int) -> str:
    return f" Drawn every {steps} sessions." if steps > 1 else ""


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


def _legend(names: Sequence[str]) -> tuple[Key, ...]:
    if len(names) > FEW:
        return ()
    return tuple(Key(name, COLORS[run], f"run{run}") for run, name in enumerate(names))


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


def _year_ends(
    name: str, columns: Sequence[tuple[Sequence[str], FloatArray]], titles: Sequence[Panel]
) -> list[tuple[str, ...]]:
    """One row per year: the last value of each column in it."""
    by_year = [
        {date[:4]: value for date, value in zip(dates, values.tolist(), strict=True)}
        for dates, values in columns
    ]
    return [
        (
            name,
            year,
            *(
                formats.percent(values.get(year), title.digits)
                if title.is_percent
                else formats.number(values.get(year), title.digits)
                for values, title in zip(by_year, titles, strict=True)
            ),
        )
        for year in sorted(by_year[0])
    ]

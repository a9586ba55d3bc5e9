"""A comparison as one self-contained page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from backtest.report import describe, formats, series
from backtest.report.page import Chart, Key, Table, embed_charts, render
from backtest.report.plot import Trace, line, panels, percent_axis
from backtest.report.series import Series, by_session, section

if TYPE_CHECKING:
    from backtest.measures.performance import FloatArray
    from backtest.report.compare import Comparison
    from backtest.result import Result

COLORS = ("strategy", "second", "third", "fourth", "fifth", "sixth", "seventh")
"""Palette names of the first, second, ... run; from the eighth on they come again, dashed."""
_DASHES = ("solid", "dash", "dot", "dashdot")
_REBASED = 100.0


class Run(NamedTuple):
    """One row of the list of runs."""

    name: str
    color: str
    link: str
    cells: tuple[str, ...]


def comparison_html(comparison: Comparison, *, links: Sequence[str] = ()) -> str:
    """Page of ``comparison``; ``links`` lead to the runs' tearsheets, empty ones to none."""
    chart = overlay_chart(comparison)
    return render(
        "compare.html",
        title="Comparison of " + _enumerated(comparison.names),
        theme="auto",
        names=comparison.names,
        runs=_runs(comparison, links or [""] * len(comparison.names)),
        comparison=comparison,
        chart=chart,
        chart_data=embed_charts([chart]),
        simulated=[
            name
            for name, result in zip(comparison.names, comparison.results, strict=True)
            if section(result.manifest, "bundle").get("simulated")
        ],
    )


def comparison_fragment(comparison: Comparison) -> str:
    """Comparison's tables without charts, styles and scripts."""
    return render("compare_fragment.html", comparison=comparison, names=comparison.names)


def overlay_chart(comparison: Comparison) -> Chart:
    """NAV rebased, drawdown, and NAV relative to the first run, on one time axis."""
    dailies = [series.series_of(result) for result in comparison.results]
    common = _common_sessions(comparison.results)
    data: list[Trace] = []
    legend: list[Key] = []
    benchmark = _shared_benchmark(comparison.results, dailies[0])
    if benchmark is not None:
        name, levels = benchmark
        rebased = _rebased(dailies[0], levels, common)
        beside = line(dailies[0].dates, rebased, name, "@benchmark", hovertemplate="%{y:.1f}")
        data.append(beside | {"legendgroup": "benchmark"})
        legend.append(Key(name, "benchmark", "benchmark"))
    first = dailies[0]
    for at, (name, daily) in enumerate(zip(comparison.names, dailies, strict=True)):
        data += _run_traces(name, daily, first, common, at)
        legend.append(Key(name, COLORS[at % len(COLORS)], f"run{at}"))
    has_others = len(dailies) > 1
    titles = ["", "Drawdown", f"NAV relative to {comparison.names[0]}"]
    axes: list[Trace] = [{"nticks": 7}, {**percent_axis(), "nticks": 4}]
    axes.append({**percent_axis(), "nticks": 4, "zeroline": True})
    shares = [0.5, 0.25, 0.25]
    count = 3 if has_others and len(common) else 2
    layout = panels(
        titles[:count],
        shares[:count],
        axes[:count],
        first=min(daily.dates[0] for daily in dailies),
        last=max(daily.dates[-1] for daily in dailies),
    )
    where = f"on {formats.day(common[0])}" if len(common) else "at each run's start"
    return Chart(
        name="overlay",
        title="NAV, rebased",
        note=f"{_REBASED:.0f} {where}; drawdowns from each run's own start.",
        figure={"data": data, "layout": layout},
        table=_overlay_table(comparison.names, dailies, common),
        legend=tuple(legend),
        height="overlay",
        switch="yaxis",
    )


def _run_traces(
    name: str, daily: Series, first: Series, common: pd.DatetimeIndex, at: int
) -> list[Trace]:
    """NAV, drawdown and lead over the first run, of run ``at``."""
    color = f"@{COLORS[at % len(COLORS)]}"
    dash = _DASHES[at // len(COLORS) % len(_DASHES)]
    nav = line(
        daily.dates, _rebased(daily, daily.nav, common), name, color,
        dash=dash, width=1.7, hovertemplate="%{y:.1f}",
    )  # fmt: skip
    falls = line(
        daily.dates, 100.0 * daily.drawdown, f"{name}, drawdown", color,
        dash=dash, width=1.1, yaxis="y2", hovertemplate="%{y:.2f} %",
    )  # fmt: skip
    traces = [nav, falls]
    if at and len(common):
        own, base = _at(daily, daily.nav, common), _at(first, first.nav, common)
        # Where either is bankrupt there is no NAV to relate, nor to relate to.
        ratio = np.full(len(common), np.nan)
        np.divide(own * base[0], base * own[0], out=ratio, where=(base > 0.0) & (own[0] > 0.0))
        lead = line(
            formats.days(common.to_numpy()), 100.0 * (ratio - 1.0), f"{name}, relative", color,
            dash=dash, width=1.4, yaxis="y3", hovertemplate="%{y:.2f} %",
        )  # fmt: skip
        traces.append(lead)
    return [trace | {"legendgroup": f"run{at}"} for trace in traces]


def _common_sessions(results: Sequence[Result]) -> pd.DatetimeIndex:
    """Sessions that all runs have."""
    common = pd.DatetimeIndex(by_session(results[0].nav).index)
    for result in results[1:]:
        common = common.intersection(pd.DatetimeIndex(by_session(result.nav).index))
    return common


def _at(daily: Series, values: FloatArray, sessions: pd.DatetimeIndex) -> FloatArray:
    """``values`` at ``sessions``."""
    rows = np.searchsorted(daily.account.sessions, sessions.to_numpy().astype("datetime64[D]"))
    return values[rows]


def _rebased(daily: Series, values: FloatArray, common: pd.DatetimeIndex) -> FloatArray:
    """``values`` as 100 on the first common session, or at the first known where there is none."""
    known = values[np.isfinite(values) & (values > 0.0)]
    start = float(_at(daily, values, common[:1])[0]) if len(common) else float("nan")
    base = start if start > 0.0 else float(known[0]) if known.size else float("nan")
    return _REBASED * values / base


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


def _overlay_table(
    names: Sequence[str], dailies: Sequence[Series], common: pd.DatetimeIndex
) -> Table:
    """Rebased NAV at month ends."""
    columns = []
    for daily in dailies:
        nav = _rebased(daily, daily.nav, common)
        columns.append({daily.dates[row][:7]: nav[row] for row in daily.month_ends})
    months = sorted({month for column in columns for month in column})
    rows = [
        (month, *(formats.number(column.get(month), 1) for column in columns)) for month in months
    ]
    return Table(("Month end", *names), rows)


def _runs(comparison: Comparison, links: Sequence[str]) -> list[Run]:
    rows = []
    for at, (name, result, link) in enumerate(
        zip(comparison.names, comparison.results, links, strict=True)
    ):
        sessions = by_session(result.nav).index
        bundle = section(result.manifest, "bundle")
        rows.append(
            Run(
                name,
                COLORS[at % len(COLORS)],
                link,
                (
                    f"{formats.day(sessions[0])} to {formats.day(sessions[-1])}",
                    str(bundle.get("name", formats.UNKNOWN)),
                    describe.currency_of(result),
                    describe.cost_words(result),
                    str(result.manifest.get("fingerprint", formats.UNKNOWN))[:8],
                ),
            )
        )
    return rows


def _enumerated(names: Sequence[str]) -> str:
    """Names as ``a, b and c``; of more than four, the last as a number."""
    most = 4
    if len(names) > most:
        return f"{', '.join(names[: most - 1])} and {len(names) - most + 1} more"
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)

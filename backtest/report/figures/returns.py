"""What the account returned: NAV, years, rolling windows, the distribution of months."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from backtest.measures import periods
from backtest.report import formats
from backtest.report.page import Chart, Key, Table
from backtest.report.plot import bars, base_layout, line, panels, percent_axis, plain

if TYPE_CHECKING:
    from backtest.measures.performance import FloatArray
    from backtest.report.series import Series

STILL = 0.005
"""Volatility a year below which an account is as good as cash."""

_PERCENT = "%{y:.2f} %"


def nav_chart(daily: Series, *, currency: str, benchmark: str) -> Chart:
    """NAV against the benchmark, the drawdown of both below on the same time axis."""
    rows = daily.drawn
    x = [daily.dates[row] for row in rows]
    money = f"%{{y:,.0f}} {plain(currency)}"
    data = [line(x, daily.nav[rows], "Strategy", "@strategy", width=1.9, hovertemplate=money)]
    falls = line(
        x, 100.0 * daily.drawdown[rows], "Strategy, drawdown", "@strategy", width=1.2, yaxis="y2"
    )
    falls |= {"fill": "tozeroy", "fillcolor": "@strategy/0.13", "hovertemplate": _PERCENT}
    legend = [Key("Strategy", "strategy")]
    if daily.benchmark is not None and daily.benchmark_drawdown is not None:
        beside = line(x, daily.benchmark[rows], benchmark, "@benchmark", hovertemplate=money)
        under = line(
            x, 100.0 * daily.benchmark_drawdown[rows], f"{benchmark}, drawdown", "@benchmark",
            width=1.0, yaxis="y2", hovertemplate=_PERCENT,
        )  # fmt: skip
        # The benchmark is drawn first, so that the strategy lies above it.
        data = [trace | {"legendgroup": "benchmark"} for trace in (beside, under)] + data
        legend.append(Key(benchmark, "benchmark", "benchmark"))
    layout = panels(
        ["", "Drawdown"],
        [0.7, 0.3],
        [{"tickformat": "~s", "nticks": 7}, {**percent_axis(), "nticks": 4, "rangemode": "tozero"}],
        first=x[0],
        last=x[-1],
    )
    return Chart(
        name="nav",
        title=f"NAV, {currency}",
        note=daily.drawn_words,
        figure={"data": [*data, falls], "layout": layout},
        table=_nav_table(daily, benchmark),
        legend=tuple(legend),
        height="full",
        switch="yaxis",
    )


def yearly_chart(years: Sequence[Mapping[str, object]], *, benchmark: str) -> Chart:
    """Return of each calendar year, beside the benchmark's; ``years`` are those of the metrics."""
    x = [str(row.get("year")) for row in years]
    mine = np.array([formats.as_float(row.get("return")) for row in years])
    market = np.array([formats.as_float(row.get("benchmark")) for row in years])
    has_market = bool(np.isfinite(market).any())
    look = {"hovertemplate": _PERCENT, "width": min(0.35, 0.09 * len(x))}
    data = [bars(x, 100.0 * mine, "Strategy", "@strategy", **look)]
    columns: tuple[str, ...] = ("Year", "Strategy")
    legend = [Key("Strategy", "strategy")]
    if has_market:
        data.append(bars(x, 100.0 * market, benchmark, "@benchmark/0.75", **look))
        columns = (*columns, benchmark)
        legend.append(Key(benchmark, "benchmark"))
    layout = base_layout()
    # Years are names of bars, not points in time: as a time axis they would stand off their labels.
    layout["xaxis"] |= {"type": "category", "showgrid": False}
    layout["yaxis"] |= {**percent_axis(), "zeroline": True}
    partial = [str(row.get("year")) for row in years if row.get("partial")]
    rows = [
        (label, formats.percent(own), *[formats.percent(theirs)] * has_market)
        for label, own, theirs in zip(x, mine, market, strict=True)
    ]
    return Chart(
        name="yearly",
        title="Return by year",
        note=f"Part of a year only: {', '.join(partial)}." if partial else "",
        figure={"data": data, "layout": layout},
        table=Table(columns, rows),
        legend=tuple(legend),
    )


def rolling_chart(daily: Series, *, window: int) -> Chart:
    """Return, volatility, Sharpe and beta over the last ``window`` sessions.

    Blank until the window is full; the Sharpe ratio also where volatility is below `STILL`.
    """
    x, drawn_rows = [daily.dates[row] for row in daily.drawn], daily.drawn
    rows = _rolled(daily, window)
    data, axes = [], []
    for row, (name, values, unit) in enumerate(rows):
        is_percent = unit == "percent"
        shown = (100.0 if is_percent else 1.0) * values[drawn_rows]
        drawn = line(x, shown, name, "@strategy", width=1.3)
        form = _PERCENT if is_percent else "%{y:.2f}"
        data.append(drawn | {"hovertemplate": form, "yaxis": f"y{row + 1}" if row else "y"})
        axes.append({"nticks": 4, "zeroline": True, **(percent_axis() if is_percent else {})})
    names = [name for name, _, _ in rows]
    layout = panels(names, [1.0] * len(rows), axes, first=x[0], last=x[-1])
    table = [
        (daily.dates[end], *(formats.show(values[end], unit) for _, values, unit in rows))
        for end in daily.month_ends
        if end >= window - 1
    ]
    is_still = bool(np.isnan(rows[2][1][window - 1 :]).any())
    blank = f", and where volatility is below {formats.percent(STILL, 1)}: cash has no Sharpe ratio"
    return Chart(
        name="rolling",
        title=f"Rolling, {window} sessions",
        note=f"Blank until the window is full{blank if is_still else ''}. "
        f"{daily.drawn_words}".strip(),
        figure={"data": data, "layout": layout},
        table=Table(("Month end", *names), table),
        height="panels",
    )


def months_chart(
    months: Sequence[Mapping[str, object]], *, benchmark: str, unit: str = "month"
) -> Chart:
    """How often returns of which size came, the benchmark's as a line over the bars."""
    mine = np.array([formats.as_float(row.get("return")) for row in months])
    market = np.array([formats.as_float(row.get("benchmark")) for row in months])
    mine, market = mine[np.isfinite(mine)], market[np.isfinite(market)]
    edges: FloatArray = bins_of(np.concatenate((mine, market)))
    middle = [f"{100.0 * (a + b) / 2.0:.6g}" for a, b in itertools.pairwise(edges)]
    counts = [np.histogram(values, edges)[0] for values in (mine, market)]
    ranges = [
        f"{formats.percent(a, 1)} to {formats.percent(b, 1)}" for a, b in itertools.pairwise(edges)
    ]
    look = {"text": ranges, "textposition": "none", "hovertemplate": "%{text}: %{y}"}
    data = [bars(middle, counts[0], "Strategy", "@strategy/0.8", width=None, **look)]
    columns: tuple[str, ...] = ("Return", "Strategy")
    legend = [Key("Strategy", "strategy")]
    if market.size:
        drawn = line(middle, counts[1], benchmark, "@benchmark", width=1.8, shape="hvh")
        data.append({**drawn, "text": ranges, "hovertemplate": "%{text}: %{y}"})
        columns = (*columns, benchmark)
        legend.append(Key(benchmark, "benchmark"))
    layout = base_layout()
    layout["xaxis"] |= {"type": "linear", "showgrid": False, "zeroline": True, **percent_axis()}
    layout["yaxis"] |= {"tickformat": "d", "nticks": 5, "rangemode": "tozero"}
    layout["bargap"] = 0.06  # type: ignore[assignment]  # a number, as plotly wants
    has_market = market.size > 0
    rows = [
        (text, *(formats.show(count[row], "count") for count in counts[: 1 + has_market]))
        for row, text in enumerate(ranges)
    ]
    return Chart(
        name="months",
        title=f"How often which return of a {unit}",
        note="",
        figure={"data": data, "layout": layout},
        table=Table(columns, rows),
        legend=tuple(legend),
    )


def bins_of(values: FloatArray) -> FloatArray:
    """Edges of equal bins on round numbers that hold all of ``values``, about twenty of them.

    >>> bins_of(np.array([-0.021, 0.034])).round(3).tolist()[:3]
    [-0.022, -0.02, -0.018]
    """
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
    span = max(high - low, 1e-4)
    size = 10.0 ** math.floor(math.log10(span / 20.0))
    step = next(size * factor for factor in (1.0, 2.0, 5.0, 10.0) if span <= 30.0 * size * factor)
    first, last = math.floor(low / step), math.ceil(high / step + 1e-9)
    # Whole numbers times the step: sums of the step would drift off the round numbers.
    return np.arange(first, max(last, first + 1) + 1, dtype=np.float64) * step


def _rolled(daily: Series, window: int) -> list[tuple[str, FloatArray, formats.Unit]]:
    account = daily.account
    spread = periods.rolling_volatility(
        account.returns, window=window, sessions_per_year=account.sessions_per_year
    )
    sharpe = account.rolling_sharpe(window=window)
    rows: list[tuple[str, FloatArray, formats.Unit]] = [
        ("Return", periods.rolling_return(account.returns, window=window), "percent"),
        ("Volatility", spread, "percent"),
        ("Sharpe", np.where(spread >= STILL, sharpe, np.nan), "number"),
    ]
    if daily.benchmark is not None:
        beta = periods.rolling_beta(account.returns, account.benchmark_returns, window=window)
        rows.append(("Beta", beta, "number"))
    return rows


def _nav_table(daily: Series, benchmark: str) -> Table:
    """NAV and drawdown at month ends."""
    columns: list[tuple[str, FloatArray, formats.Unit]] = [
        ("NAV", daily.nav, "amount"),
        ("Drawdown", daily.drawdown, "percent"),
    ]
    if daily.benchmark is not None and daily.benchmark_drawdown is not None:
        columns.insert(1, (benchmark, daily.benchmark, "amount"))
        columns.append((f"{benchmark}, drawdown", daily.benchmark_drawdown, "percent"))
    rows = [
        (daily.dates[row], *(formats.show(values[row], unit) for _, values, unit in columns))
        for row in daily.month_ends
    ]
    return Table(("Month end", *(name for name, _, _ in columns)), rows)

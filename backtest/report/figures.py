"""Result to charts: plotly figures as plain dicts, each with its question, legend and table.

Colours are palette names (``@strategy``, ``@gain/0.2`` with opacity) that the page looks up in its
stylesheet, so one figure serves light, dark and print. Text from data goes through ``plain``:
plotly reads a few HTML tags in its labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from backtest.measures import periods
from backtest.report import formats, series
from backtest.report.page import Chart, Key, Table
from backtest.report.plot import bars, base_layout, line, panels, percent_axis, plain

if TYPE_CHECKING:
    from backtest.measures.performance import FloatArray
    from backtest.report.series import Series
    from backtest.result import Result

_PERCENT = "%{y:.2f} %"


def nav_chart(daily: Series, *, currency: str, benchmark: str) -> Chart:
    """NAV against the benchmark, the drawdown of both below on the same time axis."""
    x = daily.dates
    money = f"%{{y:,.0f}} {plain(currency)}"
    data = [line(x, daily.nav, "Strategy", "@strategy", width=1.9, hovertemplate=money)]
    falls = line(
        x, 100.0 * daily.drawdown, "Strategy, drawdown", "@strategy", width=1.2, yaxis="y2"
    )
    falls |= {"fill": "tozeroy", "fillcolor": "@strategy/0.13", "hovertemplate": _PERCENT}
    legend = [Key("Strategy", "strategy")]
    if daily.benchmark is not None and daily.benchmark_drawdown is not None:
        beside = line(x, daily.benchmark, benchmark, "@benchmark", hovertemplate=money)
        under = line(
            x, 100.0 * daily.benchmark_drawdown, f"{benchmark}, drawdown", "@benchmark",
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
        note="",
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
        height="tall",
    )


def rolling_chart(daily: Series, *, window: int) -> Chart:
    """Sharpe, volatility and beta over the last ``window`` sessions; blank until they are full."""
    x, account = daily.dates, daily.account
    sharpe = periods.rolling_sharpe(
        account.returns,
        window=window,
        sessions_per_year=account.sessions_per_year,
        risk_free=account.risk_free,
    )
    spread = periods.rolling_volatility(
        account.returns, window=window, sessions_per_year=account.sessions_per_year
    )
    rows: list[tuple[str, FloatArray, formats.Unit]] = [
        ("Sharpe", sharpe, "number"),
        ("Volatility", spread, "percent"),
    ]
    if daily.benchmark is not None:
        beta = periods.rolling_beta(account.returns, account.benchmark_returns, window=window)
        rows.append(("Beta", beta, "number"))
    data, axes = [], []
    for row, (name, values, unit) in enumerate(rows):
        is_percent = unit == "percent"
        drawn = line(x, (100.0 if is_percent else 1.0) * values, name, "@strategy", width=1.3)
        form = _PERCENT if is_percent else "%{y:.2f}"
        data.append(drawn | {"hovertemplate": form, "yaxis": f"y{row + 1}" if row else "y"})
        axes.append({"nticks": 4, **(percent_axis() if is_percent else {})})
    axes[0]["zeroline"] = True
    names = [name for name, _, _ in rows]
    layout = panels(names, [1.0] * len(rows), axes, first=x[0], last=x[-1])
    table = [
        (x[end], *(formats.show(values[end], unit) for _, values, unit in rows))
        for end in daily.month_ends
        if end >= window - 1
    ]
    return Chart(
        name="rolling",
        title=f"Rolling, {window} sessions",
        note="Blank until the window is full.",
        figure={"data": data, "layout": layout},
        table=Table(("Month end", *names), table),
        height="tall",
    )


def exposure_chart(result: Result, daily: Series) -> Chart:
    """Exposure, number of names and turnover on one time axis."""
    x, percent = daily.dates, "%{y:.1f} %"
    shares = series.shares_of_nav(result)
    names = series.names_held(result)
    months, turnover = series.monthly_turnover(result)
    gross = line(x, 100.0 * shares["gross"], "Gross", "@strategy", width=1.2, hovertemplate=percent)
    data = [gross | {"fill": "tozeroy", "fillcolor": "@strategy/0.13"}]
    legend = [Key("Gross exposure", "strategy")]
    is_long_only = bool(np.allclose(shares["gross"], shares["net"], equal_nan=True))
    if not is_long_only:
        data.append(line(x, 100.0 * shares["net"], "Net", "@second", hovertemplate=percent))
        legend.append(Key("Net exposure", "second"))
    data += [
        line(x, 100.0 * shares["cash"], "Cash", "@benchmark", width=1.1, hovertemplate=percent),
        line(x, names, "Names", "@strategy", shape="hv", yaxis="y2", hovertemplate="%{y:.0f}"),
        bars(
            months, 100.0 * turnover, "Turnover of the month", "@strategy/0.7", yaxis="y3",
            hovertemplate=percent, xperiod="M1", xperiodalignment="middle",
        ),
    ]  # fmt: skip
    legend.append(Key("Cash", "benchmark"))
    layout = panels(
        ["Share of NAV", "Names held", "Turnover by month, one-way"],
        [0.42, 0.27, 0.31],
        [
            {**percent_axis(), "nticks": 5},
            {"rangemode": "tozero", "nticks": 4},
            {**percent_axis(), "nticks": 4},
        ],
        first=x[0],
        last=x[-1],
    )
    rows = [
        (
            x[end],
            *(formats.percent(shares[key][end], 1) for key in ("gross", "net", "cash")),
            formats.show(names[end], "count"),
            formats.percent(turn, 1),
        )
        for end, turn in zip(daily.month_ends, turnover, strict=True)
    ]
    columns = ("Month end", "Gross", "Net", "Cash", "Names", "Turnover of the month")
    return Chart(
        name="exposure",
        title="Exposure, names and turnover",
        note="Long only: gross and net exposure are the same." if is_long_only else "",
        figure={"data": data, "layout": layout},
        table=Table(columns, rows),
        legend=tuple(legend),
        height="tall",
    )


def costs_chart(rows: Sequence[tuple[str, float]], *, currency: str) -> Chart:
    """Waterfall of profit: gross, each cost, net.

    ``rows`` are labels and amounts: the first is the gross level, the last the net level, those
    between are the steps (a cost < 0). Levels are drawn as lines and steps as bars, so the axis
    may start anywhere without lying.
    """
    names = [plain(label) for label, _ in rows]
    steps = np.array([step for _, step in rows[1:-1]])
    levels = rows[0][1] + np.concatenate(([0.0], np.cumsum(steps)))
    texts = [formats.number(amount, 0) for _, amount in rows]
    hover = {"hovertemplate": f"%{{text}} {plain(currency)}<extra></extra>", "cliponaxis": False}
    falls = bars(
        names[1:-1], steps, "Cost", ["@loss" if step < 0 else "@gain" for step in steps],
        base=levels[:-1], text=texts[1:-1], textposition="outside", textfont={"color": "@ink"},
        width=0.5, constraintext="none", **hover,
    )  # fmt: skip
    ends = {
        "type": "scatter",
        "mode": "markers",
        "x": [names[0], names[-1]],
        "y": [rows[0][1], rows[-1][1]],
        "text": [texts[0], texts[-1]],
        "marker": {"symbol": "line-ew", "size": 44, "line": {"width": 3, "color": "@strategy"}},
        **hover,
    }
    notes = [
        {
            "x": names[at], "y": rows[at][1], "text": texts[at], "yshift": 11, "showarrow": False,
            "font": {"color": "@ink", "weight": 600},
        }
        for at in (0, -1)
    ]  # fmt: skip
    room = 0.14 * float(levels.max() - levels.min()) or 1.0
    layout = base_layout()
    layout["xaxis"] |= {
        "type": "category",
        "showgrid": False,
        "categoryorder": "array",
        "categoryarray": names,
    }
    layout["yaxis"] |= {
        "tickformat": "~s",
        "range": [float(levels.min()) - room, float(levels.max()) + 1.4 * room],
    }
    return Chart(
        name="costs",
        title=f"From gross to net profit, {currency}",
        note="The axis need not start at zero: gross and net are levels, costs the steps between.",
        figure={
            "data": [falls, ends],
            "layout": {**layout, "hovermode": "closest", "annotations": notes},
        },
        table=Table(
            ("Step", currency), [(label, formats.number(amount, 0)) for label, amount in rows]
        ),
    )


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

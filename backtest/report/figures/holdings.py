"""What was held: exposure, names, concentration, turnover, and the largest positions over time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from backtest.measures import trading
from backtest.report import formats, series
from backtest.report.page import Chart, Key, Table
from backtest.report.plot import (
    Layout,
    bars,
    base_layout,
    date_axis,
    line,
    panels,
    percent_axis,
    plain,
    short,
)

if TYPE_CHECKING:
    from backtest.measures.performance import FloatArray
    from backtest.report.series import Series
    from backtest.result import Result

_FEW_NAMES = 6
_MOST_COLUMNS = 120  # of the map of positions: more are thinner than a pixel of a phone


def exposure_chart(result: Result, daily: Series) -> Chart:
    """Exposure, number of names, largest weight and turnover on one time axis."""
    drawn, percent = daily.drawn, "%{y:.1f} %"
    x = [daily.dates[row] for row in drawn]
    shares = series.shares_of_nav(result)
    names, largest = series.names_held(result), largest_weights(result, daily)
    lines = {name: 100.0 * values[drawn] for name, values in shares.items()}
    months, turnover = series.monthly_turnover(result)
    gross = line(x, lines["gross"], "Gross", "@strategy", width=1.2, hovertemplate=percent)
    data = [gross | {"fill": "tozeroy", "fillcolor": "@strategy/0.13"}]
    legend = [Key("Gross exposure", "strategy")]
    is_long_only = bool(np.allclose(shares["gross"], shares["net"], equal_nan=True))
    if not is_long_only:
        data.append(line(x, lines["net"], "Net", "@second", hovertemplate=percent))
        legend.append(Key("Net exposure", "second"))
    data += [
        line(x, lines["cash"], "Cash", "@benchmark", width=1.1, hovertemplate=percent),
        line(
            x, names[drawn], "Names", "@strategy", shape="hv", yaxis="y2", hovertemplate="%{y:.0f}"
        ),
        line(
            x, 100.0 * largest[drawn], "Largest weight", "@strategy", width=1.2, yaxis="y3",
            hovertemplate=percent,
        ),
        bars(
            months, 100.0 * turnover, "Turnover of the month", "@strategy/0.7", yaxis="y4",
            hovertemplate=percent, xperiod="M1", xperiodalignment="middle",
        ),
    ]  # fmt: skip
    legend.append(Key("Cash", "benchmark"))
    layout = _exposure_layout(x[0], x[-1])
    rows = [
        (
            daily.dates[end],
            *(formats.percent(shares[key][end], 1) for key in ("gross", "net", "cash")),
            formats.show(names[end], "count"),
            formats.percent(largest[end], 1),
            formats.percent(turn, 1),
        )
        for end, turn in zip(daily.month_ends, turnover, strict=True)
    ]
    return Chart(
        name="exposure",
        title="Exposure, names, concentration and turnover",
        note="Long only: gross and net exposure are the same." if is_long_only else "",
        figure={"data": data, "layout": layout},
        table=Table(
            ("Month end", "Gross", "Net", "Cash", "Names", "Largest weight", "Turnover"), rows
        ),
        legend=tuple(legend),
        height="full",
    )


def _exposure_layout(first: str, last: str) -> Layout:
    from_zero = {"rangemode": "tozero", "nticks": 4}
    return panels(
        ["Share of NAV", "Names held", "Largest weight", "Turnover by month, one-way"],
        [0.34, 0.2, 0.2, 0.26],
        [
            {**percent_axis(), "nticks": 5},
            from_zero,
            {**percent_axis(), **from_zero},
            {**percent_axis(), **from_zero},
        ],
        first=first,
        last=last,
    )


def largest_weights(result: Result, daily: Series) -> FloatArray:
    """Largest weight by size at each close, 0 where nothing is held, shape (T,)."""
    sessions = daily.account.sessions
    days = result.positions["session"].to_numpy().astype("datetime64[D]")
    row = np.searchsorted(sessions, days).astype(np.int64)
    weight = result.positions["weight"].to_numpy(dtype=np.float64)
    return trading.largest_weight(row, weight, sessions=sessions.size)


def positions_chart(result: Result, daily: Series, *, top: int) -> Chart | None:
    """Weights of the ``top`` positions over time, darker for more; None where nothing was held."""
    held = result.positions
    if held.empty:
        return None
    sizes = held["weight"].abs().groupby(held["symbol"]).sum()
    symbols = sizes.sort_values(ascending=False, kind="stable").index[:top].tolist()
    edges, weights = mean_weights(result, daily, symbols)
    names = [plain(symbol) for symbol in symbols]
    starts = [daily.dates[edge] for edge in edges]
    reach = 100.0 * float(np.nanmax(np.abs(weights))) or 1.0
    has_short = bool((weights < 0.0).any())
    ends = ["@loss", "@paper", "@gain"] if has_short else ["@paper", "@strategy"]
    heat = {
        "type": "heatmap",
        "x": starts,
        "y": names,
        "z": (100.0 * weights).tolist(),
        "zmin": -reach if has_short else 0.0,
        "zmax": reach,
        "colorscale": [[at / (len(ends) - 1), color] for at, color in enumerate(ends)],
        "showscale": False,
        "xgap": 0,
        "ygap": 2,
        "hovertemplate": "%{y}<br>from %{x}: %{z:.2f} %<extra></extra>",
    }
    layout = base_layout()
    layout["xaxis"] |= date_axis()
    layout["yaxis"] |= {
        "type": "category",
        "autorange": "reversed",
        "showgrid": False,
        "tickvals": names,
        "ticktext": [plain(short(symbol)) for symbol in symbols],
    }
    stretch = f"{edges[1] - edges[0]:,} sessions" if len(edges) > 1 else "all sessions"
    return Chart(
        name="positions",
        title=f"Largest positions over time, the {len(symbols)} held most"
        if len(symbols) > 1
        else "The position over time",
        note=f"Mean weight over {stretch}, from blank at 0 to full colour at "
        f"{formats.percent(reach / 100.0, 1)} of NAV"
        + ("; shorts in orange." if has_short else "."),
        figure={"data": [heat], "layout": {**layout, "hovermode": "closest"}},
        table=_position_table(result, daily),
        height="middle" if len(symbols) > _FEW_NAMES else "low",
    )


def mean_weights(result: Result, daily: Series, symbols: list[str]) -> tuple[list[int], FloatArray]:
    """First rows of equal stretches of sessions, and mean weights in each, shape (N, stretches)."""
    sessions = daily.account.sessions
    size = -(-sessions.size // _MOST_COLUMNS)
    edges = list(range(0, sessions.size, size))
    held = result.positions[result.positions["symbol"].isin(symbols)]
    row = np.searchsorted(sessions, held["session"].to_numpy().astype("datetime64[D]")) // size
    name = np.array([symbols.index(symbol) for symbol in held["symbol"].tolist()], dtype=np.int64)
    weights = np.zeros((len(symbols), len(edges)))
    np.add.at(weights, (name, row), held["weight"].to_numpy(dtype=np.float64))
    counts = np.diff([*edges, sessions.size])
    return edges, weights / counts


def _position_table(result: Result, daily: Series) -> Table:
    """The five largest positions at each month end, with their weights."""
    held = result.positions
    rows = []
    sessions = series.by_session(result.nav).index
    ends = held[held["session"].isin(sessions[daily.month_ends])]
    by_session = dict(tuple(ends.groupby("session", sort=False)))
    for end in daily.month_ends:
        table = by_session.get(sessions[end])
        if table is None:
            rows.append((daily.dates[end], "nothing held"))
            continue
        order = table["weight"].abs().sort_values(ascending=False, kind="stable").index[:5]
        largest = table.loc[order]
        words = ", ".join(
            f"{symbol} {formats.percent(weight, 1)}"
            for symbol, weight in zip(
                largest["symbol"].tolist(), largest["weight"].tolist(), strict=True
            )
        )
        rows.append((daily.dates[end], words))
    return Table(("Month end", "Five largest"), rows, text=2)

"""How a run dealt: what orders became, what trades cost, how much of the market they took."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from backtest.calendars import timezone
from backtest.measures import trading
from backtest.report import formats
from backtest.report.account import Account, Section, column
from backtest.report.series import order_fates, section
from backtest.result import BY_RIGHT

if TYPE_CHECKING:
    from backtest.measures.performance import FloatArray
    from backtest.result import Result

_HELD = (1, 5, 10, 20, 60, 120)
"""Most own sessions of each group of holding periods; one more group is longer."""


def dealing_sections(result: Result, account: Account) -> Section:
    """Orders by fate, costs by year and per trade, slippage, shares of volumes, holding periods."""
    return {
        "orders": _orders(result),
        "per_trade": _per_trade(result),
        "costs_by_year": _by_year(result, account),
        "slippage": _slippage(result),
        "participation": _participation(result),
        "holding_periods": _holding_periods(result),
    }


def _orders(result: Result) -> list[Section]:
    fates = order_fates(result)
    total = float(fates["count"].sum())
    return [
        {"status": str(status), "count": int(count), "share": count / total, "value": value}
        for status, count, value in zip(
            *(fates[name].tolist() for name in ("status", "count", "value")), strict=True
        )
    ]


def _per_trade(result: Result) -> Section | None:
    """Average costs of a fill and of a trade, money; None without a fill."""
    fills = result.fills[~result.fills["reason"].astype(str).isin(BY_RIGHT)]
    if fills.empty:
        return None
    fx = column(fills, "fx")
    value = np.abs(column(fills, "value")) * fx
    fees, slippage = column(fills, "fees") * fx, column(fills, "slippage") * fx
    cost = float(np.sum(fees + slippage + column(fills, "fx_cost")))
    trades = len(result.trades)
    return {
        "average_fill_value": np.mean(value),
        "median_fill_value": np.median(value),
        "cost_per_fill": cost / len(fills),
        "cost_per_trade": cost / trades if trades else None,
        "cost_of_average_pnl": _over(cost, result.trades),
    }


def _slippage(result: Result) -> Section | None:
    """Slippage paid beside the basis points asked for, bps of the reference; None without a fill.

    A fill stays inside its bar, so on narrow bars, above all where the open is the high or the low,
    less is paid than was asked.
    """
    fills = result.fills[~result.fills["reason"].astype(str).isin((*BY_RIGHT, "offer"))]
    if fills.empty:
        return None
    asked = formats.as_float(section(result.config, "execution", "slippage").get("bps", 0.0))
    fx, given_up = column(fills, "fx"), column(fills, "slippage")
    value = np.abs(column(fills, "shares")) * column(fills, "reference")
    paid = 1e4 * given_up / value
    return {
        "asked_bps": asked,
        "paid_bps": 1e4 * float(np.sum(given_up * fx)) / float(np.sum(value * fx)),
        "paid_less_than_asked": np.mean(paid < asked * (1.0 - 1e-6)),
    }


def _over(cost: float, trades: pd.DataFrame) -> float | None:
    """Costs over what trades earned before them; None where they earned nothing."""
    before = float(trades["pnl"].sum()) + cost
    return cost / before if before > 0.0 else None


def _by_year(result: Result, account: Account) -> list[Section]:
    years = account.sessions.astype("datetime64[Y]").astype(np.int64) + 1970
    nav = account.nav[1:]
    fills = result.fills[~result.fills["reason"].astype(str).isin(BY_RIGHT)]
    filled = fills["filled_at"].dt.tz_convert(None).to_numpy().astype("datetime64[Y]")
    value = np.abs(column(fills, "value")) * column(fills, "fx")
    rows: list[Section] = []
    for year in np.unique(years):
        mine = years == year
        paid = {
            n: float(column(result.nav, n)[mine].sum()) for n in ("fees", "slippage", "fx_cost")
        }
        traded = float(value[filled.astype(np.int64) + 1970 == year].sum())
        total, mean = sum(paid.values()), float(np.mean(nav[mine]))
        rows.append(
            {
                "year": str(year),
                "traded_amount": traded,
                **paid,
                "bps_of_traded_value": trading.bps_of_traded_value(total, traded),
                "of_nav": total / mean if mean > 0.0 else None,
            }
        )
    return rows


def _participation(result: Result) -> Section | None:
    """Shares of their bar's volume that fills took; None where no volume is known."""
    shares = fill_participation(result)
    known = shares[np.isfinite(shares)]
    if known.size == 0:
        return None
    return {
        "fills": known.size,
        "fills_unknown": shares.size - known.size,
        "median": np.median(known),
        "quantile_95": np.quantile(known, 0.95),
        "largest": known.max(),
        "above_1_percent": np.mean(known > 0.01),
        "above_5_percent": np.mean(known > 0.05),
    }


def fill_participation(result: Result) -> FloatArray:
    """Size of each fill over its bar's volume, shape (fills,), NaN where that is unknown or 0."""
    fills, prices = result.fills, result.context.get("prices")
    known = result.context.get("instruments")
    if prices is None or known is None or fills.empty:
        return np.full(len(fills), np.nan)
    exchange = fills["symbol"].map(known.set_index("symbol")["exchange"])
    session = pd.Series(np.datetime64("NaT", "ns"), index=fills.index)
    for name in exchange.dropna().unique():
        mine = exchange == name
        local = fills.loc[mine, "filled_at"].dt.tz_convert(timezone(str(name)))
        session[mine] = local.dt.tz_localize(None).dt.normalize()
    volume = prices.set_index(["symbol", "session"])["volume"]
    at = pd.MultiIndex.from_arrays([fills["symbol"], session])
    traded = volume.reindex(at).to_numpy(dtype=np.float64)
    dealt = ~fills["reason"].astype(str).isin(BY_RIGHT).to_numpy() & (traded > 0.0)
    shares: FloatArray = np.full(len(fills), np.nan)
    np.divide(np.abs(column(fills, "shares")), traded, out=shares, where=dealt)
    return shares


def _holding_periods(result: Result) -> list[Section]:
    """Closed trades by own sessions held, shortest first."""
    closed = result.trades[~result.trades["open"].to_numpy(dtype=np.bool_)]
    group = np.searchsorted(_HELD, column(closed, "sessions"), side="left")
    edges = [0, *(most + 1 for most in _HELD)]
    rows: list[Section] = []
    for number, low in enumerate(edges):
        mine = closed[group == number]
        pnl, gains = column(mine, "pnl"), column(mine, "return")
        rows.append(
            {
                "from": low,
                "to": _HELD[number] if number < len(_HELD) else None,
                "trades": len(mine),
                "win_rate": trading.win_rate(pnl),
                "mean_return": trading.expectancy(gains[~np.isnan(gains)]),
                "pnl": float(pnl.sum()),
            }
        )
    return rows

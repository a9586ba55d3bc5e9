"""Sections of the metrics that need the records: positions, fills, orders and trades."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from backtest.measures import distribution, trading
from backtest.measures.performance import FloatArray
from backtest.report.account import Account, Records, Section, column
from backtest.result import BY_RIGHT


def holding_section(positions: pd.DataFrame, account: Account) -> Section:
    """Sum up the positions at the closes, from the positions' weights, averaged over all sessions.

    ``effective_names`` and ``average_largest_weight`` are averages of the sessions with positions.
    """
    days = positions["session"].to_numpy().astype("datetime64[D]")
    row = np.searchsorted(account.sessions, days).astype(np.int64)
    weight = column(positions, "weight")
    size = {"sessions": account.sessions.size}
    gross = trading.gross_exposure(row, weight, **size)
    names = trading.names_held(row, weight, **size)
    largest = trading.largest_weight(row, weight, **size)
    effective = trading.effective_names(row, weight, **size)
    spread = effective[~np.isnan(effective)]
    return {
        "gross_exposure": np.mean(gross),
        "net_exposure": np.mean(trading.net_exposure(row, weight, **size)),
        "largest_gross_exposure": gross.max(),
        "time_in_market": np.mean(names > 0),
        "average_names": np.mean(names),
        "largest_names": names.max(),
        "effective_names": np.mean(spread) if spread.size else None,
        "average_largest_weight": np.mean(largest[names > 0]) if bool(names.any()) else None,
        "largest_weight": largest.max(),
    }


def dealing_section(result: Records, account: Account) -> Section:
    """Orders, fills and turnover, and the largest share of NAV marked at stale prices."""
    fills, statuses = result.fills, result.orders["status"].astype(str)
    nav = account.nav[1:]
    stale = np.zeros(nav.size)
    np.divide(column(result.nav, "stale_value"), nav, out=stale, where=nav > 0.0)
    return {
        "turnover_per_year": trading.turnover_per_year(
            column(result.nav, "turnover"), years=account.years
        ),
        "traded_amount": _traded(fills),
        "fills": len(fills),
        "orders": len(statuses),
        "orders_by_status": dict(sorted(statuses.value_counts().items())),
        "average_stale_share": np.mean(stale),
        "largest_stale_share": stale.max(),
    }


def cost_section(nav: pd.DataFrame, fills: pd.DataFrame, account: Account) -> Section:
    """Amounts paid, each also in basis points; ``total`` leaves out financing, which may earn."""
    fx = column(fills, "fx")
    # A component that an instrument's market does not have may be blank: nothing was charged.
    charged = {
        str(name).removeprefix("fee_"): float(np.nansum(column(fills, str(name)) * fx))
        for name in fills.columns
        if str(name).startswith("fee_")
    }
    paid = {name: float(np.sum(column(nav, name))) for name in ("fees", "slippage", "fx_cost")}
    average, years, traded = account.nav[1:], account.years, _traded(fills)

    def costed(amount: float) -> Section:
        return {
            "amount": amount,
            "bps_of_nav_per_year": trading.bps_of_nav_per_year(amount, average, years=years),
            "bps_of_traded_value": trading.bps_of_traded_value(amount, traded),
        }

    return {
        "total": costed(sum(paid.values())),
        **{name: costed(amount) for name, amount in paid.items()},
        "financing": costed(float(np.sum(column(nav, "financing")))),
        "fees_by_component": {name: costed(amount) for name, amount in charged.items()},
    }


def trade_section(trades: pd.DataFrame) -> Section:
    """Trades closed, flat to flat, net of all costs; open ones are only counted and summed."""
    is_open = trades["open"].to_numpy(dtype=np.bool_)
    closed = trades[~is_open].sort_values(["exit", "symbol"], kind="stable")
    pnl, gains = column(closed, "pnl"), column(closed, "return")
    held = column(closed, "sessions")
    by_reason = closed.groupby(closed["reason"].astype(str))["pnl"].agg(["size", "sum"])
    return {
        "closed_trades": len(closed),
        "open_trades": int(is_open.sum()),
        "closed_pnl": float(pnl.sum()),
        "open_pnl": float(column(trades[is_open], "pnl").sum()),
        "win_rate": trading.win_rate(pnl),
        "payoff_ratio": trading.payoff_ratio(pnl),
        "profit_factor": trading.profit_factor(pnl),
        "expectancy_pnl": trading.expectancy(pnl),
        "expectancy_return": trading.expectancy(gains),
        "average_win_pnl": trading.expectancy(pnl[pnl > 0.0]),
        "average_loss_pnl": trading.expectancy(pnl[pnl < 0.0]),
        "best_trade": _trade(closed, pnl, np.argmax),
        "worst_trade": _trade(closed, pnl, np.argmin),
        "average_sessions": trading.expectancy(held),
        "median_sessions": float(np.median(held)) if held.size else None,
        "average_mae": trading.expectancy(_known(column(closed, "mae"))),
        "average_mfe": trading.expectancy(_known(column(closed, "mfe"))),
        "longest_winning_count": distribution.longest_run(pnl > 0.0),
        "longest_losing_count": distribution.longest_run(pnl < 0.0),
        "five_best_share_of_wins": trading.share_of_best(pnl, count=5),
        "by_reason": {
            str(reason): {"count": int(row["size"]), "pnl": float(row["sum"])}
            for reason, row in by_reason.sort_index().iterrows()
        },
    }


def _trade(
    closed: pd.DataFrame, pnl: FloatArray, pick: Callable[[FloatArray], np.intp]
) -> Section | None:
    """Best or worst closed trade; the first of equals by exit and symbol."""
    if pnl.size == 0:
        return None
    row = closed.iloc[int(pick(pnl))]
    return {
        "symbol": row["symbol"],
        "exit_session": row["exit_session"],
        "pnl": row["pnl"],
        "return": row["return"],
    }


def _traded(fills: pd.DataFrame) -> float:
    """Value bought and sold, in the portfolio's currency; delistings are no trades."""
    dealt = fills[~fills["reason"].astype(str).isin(BY_RIGHT)]
    return float(np.sum(np.abs(column(dealt, "value")) * column(dealt, "fx")))


def _known(values: FloatArray) -> FloatArray:
    """Values other than NaN: the excursions of a trade without bars are unknown."""
    return values[~np.isnan(values)]

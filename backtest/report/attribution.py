"""Where a run's profit came from: names, sectors, currencies, sides, the benchmark, US nights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from backtest.inference.longrun import newey_west_lags
from backtest.measures.distribution import hit_rate
from backtest.measures.regression import regress
from backtest.report.account import Account, Section
from backtest.report.brinson_section import brinson_section
from backtest.report.series import contributions

if TYPE_CHECKING:
    from backtest.measures.performance import FloatArray
    from backtest.result import Result

NIGHTS = (-0.02, -0.01, 0.0, 0.01, 0.02)
"""Edges between the groups of US nights."""

UNSTATED = "not stated"


def attribution_section(result: Result, account: Account, *, top: int) -> Section:
    """Profit by what earned it, and return by what it moved with.

    Amounts are of trades, net of all costs, dividends in; ``contribution`` is amount over initial
    cash, so that contributions, ``interest`` and ``other`` add up to the total return.
    """
    table = contributions(result)
    traded = _described(result, table[table["trades"] > 0])
    profit = account.nav[-1] - account.nav[0]
    interest = -float(np.sum(result.nav["financing"].to_numpy(dtype=np.float64)))
    made = float(traded["pnl"].sum())
    start = float(account.nav[0])
    largest = traded.sort_values("pnl", kind="stable", ascending=False)
    return {
        "made": _rows(largest[largest["pnl"] > 0.0].head(top), "symbol", start),
        "lost": _rows(largest[largest["pnl"] < 0.0].iloc[::-1].head(top), "symbol", start),
        "by_sector": _grouped(traded, "sector", start),
        "by_currency": _grouped(traded, "currency", start),
        "by_exchange": _grouped(traded, "exchange", start),
        "by_side": _by_side(result, start),
        "positions": _positions(table, top),
        "instruments": len(traded),
        "trades_pnl": made,
        "interest": interest,
        "other": profit - made - interest,
        "split": benchmark_split(account),
        "spillover": spillover(result, account),
        "brinson": brinson_section(result, account),
    }


def benchmark_split(account: Account) -> Section | None:
    """Mean excess return a year as beta times the benchmark's plus alpha, errors beside.

    None without a benchmark that moved.
    """
    market = account.benchmark_returns - account.risk_free
    mine = account.returns - account.risk_free
    lags = newey_west_lags(int((~np.isnan(market)).sum()))
    fit = regress(mine, market[:, None], lags=lags)
    if np.isnan(fit.coefficients).any():
        return None
    known, per_year = ~np.isnan(market), account.sessions_per_year
    alpha, beta = (float(number) for number in fit.coefficients)
    return {
        "mean_excess": float(np.mean(mine[known])) * per_year,
        "from_benchmark": beta * float(np.mean(market[known])) * per_year,
        "alpha": alpha * per_year,
        "alpha_error": float(fit.errors[0]) * per_year,
        "beta": beta,
        "beta_error": float(fit.errors[1]),
        "r_squared": fit.r_squared,
        "hac_lags": lags,
    }


def spillover(result: Result, account: Account) -> Section | None:
    """How the account's sessions followed the US night before them.

    Only sessions with a new US session count. None where the run knows no US source.
    """
    table = result.context.get("overnight")
    if table is None or len(table) != account.returns.size:
        return None
    night = table["return"].to_numpy(dtype=np.float64)
    night = np.where(table["us_sessions"].to_numpy() > 0, night, np.nan)
    lags = newey_west_lags(int((~np.isnan(night)).sum()))
    alone = regress(account.returns, night[:, None], lags=lags)
    market = account.benchmark_returns
    beside = regress(account.returns, np.column_stack([night, market]), lags=lags)
    theirs = regress(market, night[:, None], lags=lags)
    return {
        "source": str(table["symbol"].iloc[0]),
        "sessions": alone.observations,
        "beta": alone.coefficients[1],
        "beta_error": alone.errors[1],
        "r_squared": alone.r_squared,
        "beta_beside_benchmark": beside.coefficients[1],
        "beta_beside_benchmark_error": beside.errors[1],
        "benchmark_beta": theirs.coefficients[1],
        "benchmark_beta_error": theirs.errors[1],
        "nights": _by_night(night, account.returns, market),
    }


def _by_night(night: FloatArray, returns: FloatArray, market: FloatArray) -> list[Section]:
    """Sessions by how far the US had moved the night before, lowest first."""
    group = np.where(np.isnan(night), -1, np.searchsorted(NIGHTS, night, side="right"))
    edges = [None, *NIGHTS, None]
    rows: list[Section] = []
    for number in range(len(NIGHTS) + 1):
        mine, theirs = returns[group == number], market[group == number]
        theirs = theirs[~np.isnan(theirs)]
        rows.append(
            {
                "from": edges[number],
                "to": edges[number + 1],
                "sessions": mine.size,
                "mean_return": np.mean(mine) if mine.size else None,
                "mean_benchmark": np.mean(theirs) if theirs.size else None,
                "hit_rate": hit_rate(mine) if mine.size else None,
            }
        )
    return rows


def _positions(table: pd.DataFrame, top: int) -> list[Section]:
    """Instruments held with the largest mean weight by size, the largest first."""
    held = table[table["sessions"] > 0]
    order = held["weight"].abs().sort_values(ascending=False, kind="stable").index[:top]
    fields = ("symbol", "weight", "largest", "last", "sessions")
    return [
        {
            "name": str(name),
            "weight": mean,
            "largest_weight": peak,
            "last_weight": last,
            "sessions": int(sessions),
        }
        for name, mean, peak, last, sessions in zip(
            *(held.loc[order, field].tolist() for field in fields), strict=True
        )
    ]


def _described(result: Result, table: pd.DataFrame) -> pd.DataFrame:
    """Contributions with sector, currency and exchange of each instrument beside."""
    known = result.context.get("instruments")
    fields = ["sector", "currency", "exchange"]
    if known is None:
        return table.assign(**dict.fromkeys(fields, UNSTATED))
    beside = known.set_index("symbol")[fields].reindex(table["symbol"]).reset_index(drop=True)
    words = beside.astype("str").where(beside.notna() & (beside != ""), UNSTATED)
    return pd.concat([table.reset_index(drop=True), words], axis=1)


def _grouped(traded: pd.DataFrame, field: str, start: float) -> list[Section]:
    sums = traded.groupby(field).agg(
        pnl=("pnl", "sum"), trades=("trades", "sum"), weight=("weight", "sum")
    )
    rows = sums.reset_index().sort_values(["pnl", field], ascending=[False, True], kind="stable")
    return _rows(rows, field, start)


def _by_side(result: Result, start: float) -> list[Section]:
    trades, held = result.trades, result.positions
    sums = trades.groupby("side").agg(pnl=("pnl", "sum"), trades=("pnl", "size")).reset_index()
    sessions = max(len(result.nav), 1)
    weights = {
        "long": float(held["weight"].clip(lower=0.0).sum()) / sessions,
        "short": float(held["weight"].clip(upper=0.0).sum()) / sessions,
    }
    return _rows(sums.assign(weight=sums["side"].map(weights)), "side", start)


def _rows(table: pd.DataFrame, field: str, start: float) -> list[Section]:
    """Rows of ``name``, ``pnl``, ``contribution``, ``trades`` and mean ``weight``."""
    return [
        {
            "name": str(name),
            "pnl": pnl,
            "contribution": pnl / start,
            "trades": int(trades),
            "weight": weight,
        }
        for name, pnl, trades, weight in zip(
            *(table[column].tolist() for column in (field, "pnl", "trades", "weight")), strict=True
        )
    ]

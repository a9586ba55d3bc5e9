"""Earnings and southbound flows of the sample market, with the moments they became known."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import pandas as pd

from backtest.data.sample_draws import (
    DateArray,
    FloatArray,
    IntArray,
    ObjectArray,
    decaying_sums,
    normals,
    row_sums,
    uniforms,
)
from backtest.data.sample_effects import Effects
from backtest.data.sample_hongkong import HongKong
from backtest.data.sample_reports import Reports, last_quarter_before
from backtest.data.sample_walk import Path

_RESTATED = 0.06  # share of the reports that are corrected later
_FLOW_KEEP = 0.7  # persistence of the noise in southbound buying
_FLOW_SHARE = 0.06  # of a stock's ordinary turnover: one standard deviation of net buying
_FLOW_HOUR = np.timedelta64(10, "h")  # UTC: 18:00 in Hong Kong, after both closes


class Listed(Protocol):
    """Symbols, and the row of each one's first session."""

    @property
    def symbols(self) -> tuple[str, ...]: ...  # noqa: D102

    @property
    def first(self) -> IntArray: ...  # noqa: D102


def earnings_facts(
    seed: int, listed: Listed, path: Path, reports: Reports, *, close: DateArray
) -> pd.DataFrame:
    """``eps_ttm`` of one market: reports, their restatements, and what was known at the start.

    Parameters
    ----------
    listed
        A listing's first figure stands in its prospectus, a week before its first session; that of
        the others (first session at row 0) in a report of a month before.
    close
        UTC instants of the closes, shape (T,); a report comes out 30 to 240 minutes later.
    """
    symbols, first = listed.symbols, listed.first
    minutes = (30.0 + 210.0 * uniforms(seed, f"{symbols[0]} hour", *path.close.shape)).astype(int)
    row, column = reports.row, reports.column
    known = close[row] + minutes[row, column].astype("timedelta64[m]")
    parts = [_eps_rows(symbols, column, reports.period, known, path.earnings[row, column])]
    parts.append(_restatements(seed, symbols, path, reports, close))
    days = close[first].astype("datetime64[D]") - np.where(first > 0, 7, 35)
    columns = np.arange(len(symbols))
    age = np.where(first > 0, 95, 40)  # a prospectus is older than the next report
    period = np.array([last_quarter_before(*pair) for pair in zip(days, age, strict=True)])
    known = days + np.timedelta64(12, "h")
    parts.append(_eps_rows(symbols, columns, period, known, path.first_earnings))
    return pd.concat(parts, ignore_index=True)


def flow_facts(seed: int, market: HongKong, shared: DateArray, effects: Effects) -> pd.DataFrame:
    """``southbound_net_buy`` in HKD, per eligible stock and for the market (symbol ``""``).

    ``shared`` are the dates on which Hong Kong and the mainland both trade; there is no row on
    other days, and none for a stock that is suspended, delisted or not yet eligible.
    """
    level, plan = market.path.close * market.path.shares, market.plan
    rows, columns = level.shape
    before = np.concatenate([np.full((1, columns), np.nan), level[:-1]])
    move = np.nan_to_num(level / before - 1.0) / plan.sigma
    noise = decaying_sums(normals(seed, "flow", rows, columns), _FLOW_KEEP) * 0.7
    lead = effects.flow_lead * 100.0 * market.overhang
    growth = 0.4 + 1.2 * (np.arange(rows) / rows)
    wanted = 0.2 + noise - 0.25 * move + lead
    amount = np.rint(wanted * plan.turnover * _FLOW_SHARE * growth[:, None] / 1e4) * 1e4
    open_day = np.isin(market.dates, shared)
    eligible = (
        (np.arange(rows)[:, None] >= plan.eligible)
        & ~np.isnan(level)
        & ~market.halted
        & open_day[:, None]
    )
    column, row = np.nonzero(eligible.T)
    others = decaying_sums(normals(seed, "flow of others", rows), _FLOW_KEEP) * 6e8 * growth
    everything = row_sums(np.where(eligible, amount, 0.0)) * 1.5 + others
    total = np.rint(everything / 1e4) * 1e4
    stocks = np.asarray(plan.symbols, dtype=object)[column]
    symbol = np.concatenate([np.full(int(open_day.sum()), "", dtype=object), stocks])
    period = np.concatenate([market.dates[open_day], market.dates[row]]).astype("datetime64[ns]")
    published = np.asarray(period + _FLOW_HOUR, dtype="datetime64[ns]")
    value = np.concatenate([total[open_day], amount[row, column]])
    return _facts(symbol, "southbound_net_buy", period, published, value)


def _restatements(
    seed: int, symbols: tuple[str, ...], path: Path, reports: Reports, close: DateArray
) -> pd.DataFrame:
    """Corrections of some reports 30 to 130 sessions later, in the shares of their own day."""
    rows, columns = path.close.shape
    wait = 30 + (100.0 * uniforms(seed, f"{symbols[0]} restated at", rows, columns)).astype(int)
    chosen = uniforms(seed, f"{symbols[0]} restated", rows, columns) < _RESTATED
    change = 0.2 * uniforms(seed, f"{symbols[0]} restated by", rows, columns) - 0.12
    row, column = reports.row, reports.column
    later = np.minimum(row + wait[row, column], rows - 1)
    kept = chosen[row, column] & (later < rows - 1) & ~np.isnan(path.close[later, column])
    row, column, later = row[kept], column[kept], later[kept]
    split = path.shares[later, column] / path.shares[row, column]
    value = path.earnings[row, column] * (1.0 + change[row, column]) / split
    known = close[later] + np.timedelta64(60, "m")
    rounded = np.rint(value * 1000.0) / 1000.0
    moved = rounded != np.rint(path.earnings[row, column] / split * 1000.0) / 1000.0
    period = reports.period[kept]
    return _eps_rows(symbols, column[moved], period[moved], known[moved], rounded[moved])


def _eps_rows(
    symbols: tuple[str, ...],
    column: IntArray,
    period: DateArray,
    known: DateArray,
    value: FloatArray,
) -> pd.DataFrame:
    names = np.asarray(symbols, dtype=object)[column]
    return _facts(names, "eps_ttm", period.astype("datetime64[ns]"), known, value)


def _facts(
    symbol: ObjectArray, field: str, period: DateArray, known: DateArray, value: FloatArray
) -> pd.DataFrame:
    known_at = pd.DatetimeIndex(known.astype("datetime64[ns]")).tz_localize("UTC")
    return pd.DataFrame(
        {"symbol": symbol, "field": field, "period": period, "known_at": known_at, "value": value}
    )

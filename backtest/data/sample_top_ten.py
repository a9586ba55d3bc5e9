"""The daily list of the ten stocks that mainland investors traded most, in the sample market."""

from __future__ import annotations

import numpy as np
import pandas as pd

from backtest.data.sample_draws import (
    BoolArray,
    DateArray,
    FloatArray,
    decaying_sums,
    normals,
    row_sums,
    uniforms,
)
from backtest.data.sample_effects import KNOWN_AHEAD, Effects
from backtest.data.sample_groups import fact_rows
from backtest.data.sample_hongkong import HongKong

_LISTED = 10
_KEEP = 0.7  # persistence of the noise in net buying
_SHARE = 0.05  # of a stock's ordinary turnover: one standard deviation of net buying
_HOUR = np.timedelta64(10, "h")  # UTC: 18:00 in Hong Kong


def top_ten_facts(seed: int, market: HongKong, shared: DateArray, effects: Effects) -> pd.DataFrame:
    """``southbound_top10_net_buy`` in HKD: one channel's ten stocks of the day, and no others.

    A stock that is not on the list was traded less than the tenth: its net buying is unknown.
    """
    plan, level = market.plan, market.path.close * market.path.shares
    rows, columns = level.shape
    before = np.concatenate([np.full((1, columns), np.nan), level[:-1]])
    move = np.nan_to_num(level / before - 1.0)
    traded = (
        (np.arange(rows)[:, None] >= plan.eligible)
        & ~np.isnan(level)
        & ~market.halted
        & np.isin(market.dates, shared)[:, None]
    )
    noise = 0.7 * decaying_sums(normals(seed, "top ten", rows, columns), _KEEP)
    wanted = 0.1 + noise - 0.2 * move / plan.sigma
    wanted = wanted + effects.flow_knows * _ahead(move, ~np.isnan(level), plan.sigma)
    amount = np.rint(wanted * plan.turnover * _SHARE / 1e4) * 1e4
    crowd = 0.3 + 1.4 * uniforms(seed, "top ten crowd", rows, columns)
    busy = plan.turnover * crowd * (1.0 + 0.5 * np.abs(move) / plan.sigma)
    row, column = np.nonzero(_largest(np.where(traded, busy, -1.0)) & traded)
    symbol = np.asarray(plan.symbols, dtype=object)[column]
    period = market.dates[row].astype("datetime64[ns]")
    known = np.asarray(period + _HOUR, dtype="datetime64[ns]")
    return fact_rows(symbol, "southbound_top10_net_buy", period, known, amount[row, column])


def _ahead(move: FloatArray, live: BoolArray, sigma: FloatArray) -> FloatArray:
    """What each stock will do against the mean of all, next sessions, in standard deviations."""
    mean = row_sums(np.where(live, move, 0.0)) / np.maximum(row_sums(live.astype(np.float64)), 1.0)
    own = np.where(live, move - mean[:, None], 0.0)
    total = np.concatenate([np.zeros((1, own.shape[1])), np.add.accumulate(own, axis=0)])
    last = np.minimum(np.arange(len(own)) + 1 + KNOWN_AHEAD, len(own))
    ahead = total[last] - total[1:]
    scaled = ahead / (sigma * np.sqrt(np.float64(KNOWN_AHEAD)))
    return np.asarray(np.clip(scaled, -3.0, 3.0))


def _largest(values: FloatArray) -> BoolArray:
    """The ten largest of each row; ties by column."""
    order = np.argsort(-values, axis=1, kind="stable")[:, :_LISTED]
    out = np.zeros(values.shape, dtype=np.bool_)
    out[np.arange(len(values))[:, None], order] = True
    return out

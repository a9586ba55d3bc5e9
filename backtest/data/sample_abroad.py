"""The markets around Hong Kong in the sample: US technology, a mainland ETF, Bitcoin."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from backtest.data.sample_draws import (
    DateArray,
    FloatArray,
    IntArray,
    along,
    clustered,
    decaying_sums,
    fat_normals,
    mean_of,
    normals,
    uniforms,
)
from backtest.data.sample_effects import EPISODES, FEAR_BOUND, FEAR_KEEP, US_DRIFT, Effects
from backtest.data.sample_reports import US_LAGS, Reports, add_jumps, plan_reports
from backtest.data.sample_walk import Motion, Path, walk

US_STOCKS = 12
_SECTORS = ("Semiconductors", "Software", "Internet", "Hardware")
_SIGMA = 0.014
_JUMP = 0.04
_SPLIT_ABOVE = 500.0  # USD per share


@dataclass(frozen=True, eq=False)
class UnitedStates:
    """The simulated US technology index, and twelve stocks around it."""

    symbols: tuple[str, ...]
    names: tuple[str, ...]
    sectors: tuple[str, ...]
    first: IntArray  # (N,) row of the first session: 0
    dates: DateArray
    gap: FloatArray  # (T,) of the index
    intra: FloatArray  # (T,)
    start: FloatArray  # (N,)
    sigma: FloatArray  # (N,) own volatility per session
    path: Path
    reports: Reports

    @property
    def level(self) -> FloatArray:
        """Closing level of the index over its start, shape (T,)."""
        return np.asarray(np.multiply.accumulate((1.0 + self.gap) * (1.0 + self.intra)))


def united_states(seed: int, dates: DateArray) -> UnitedStates:
    """US technology: a clustered random path with the dated episodes, and stocks that follow it."""
    rows, columns = len(dates), US_STOCKS
    gap, intra = _index(seed, dates)
    sigma = 0.010 + 0.008 * uniforms(seed, "us sigma", columns)
    beta = 0.7 + 0.8 * uniforms(seed, "us beta", columns)
    start = np.rint(along(uniforms(seed, "us start", columns), (0, 1), (40.0, 280.0)) * 100) / 100
    overnight = fat_normals(seed, "us overnight", rows, columns)
    daytime = fat_normals(seed, "us daytime", rows, columns)
    reports = plan_reports(seed, "us", dates, columns, US_LAGS)
    surprise = fat_normals(seed, "us surprise", rows, columns)
    stock_gap = beta * gap[:, None] + 0.5 * sigma * overnight
    months = dates.astype("datetime64[M]").astype(np.int64)
    path = walk(
        Motion(
            gap=add_jumps(stock_gap, reports, surprise, _JUMP),
            intra=beta * intra[:, None] + math.sqrt(0.75) * sigma * daytime,
            start=start,
            first=np.zeros(columns, dtype=np.int64),
            last=np.full(columns, rows - 1, dtype=np.int64),
            halted=np.zeros((rows, columns), dtype=np.bool_),
            lot=np.ones(columns),
            split_above=np.full(columns, _SPLIT_ABOVE),
            split_below=np.zeros(columns),
            split_ratio=np.where(np.arange(columns) % 2 == 0, 4.0, 10.0),
            split_rows=(np.diff(months, prepend=months[0]) > 0) & (months % 3 == 0),
            payout=_payouts(seed, dates),
            reported=reports.mask(rows, columns),
            surprise=surprise,
            anchor=np.where(np.arange(columns) == 8, -0.01, 0.02 + 0.03 * beta / 1.5),
            value_spread=0.0,
            value_rows=np.zeros(rows, dtype=np.bool_),
        )
    )
    return UnitedStates(
        symbols=tuple(f"N{i + 1:02d}.US" for i in range(columns)),
        names=tuple(f"US Tech {i + 1:02d}" for i in range(columns)),
        sectors=tuple(_SECTORS[i % len(_SECTORS)] for i in range(columns)),
        first=np.zeros(columns, dtype=np.int64),
        dates=dates,
        gap=gap,
        intra=intra,
        start=start,
        sigma=sigma,
        path=path,
        reports=reports,
    )


def new_returns(levels: FloatArray, dates: DateArray, at: DateArray) -> FloatArray:
    """Return of a US level that became new before each open of another market; 0 when none did.

    A US session dated before a Hong Kong session has closed before its open; one of the same date
    has not begun. Several new sessions compound.
    """
    known = np.searchsorted(dates, at, side="left") - 1
    level = np.where(known >= 0, levels[np.maximum(known, 0)], 1.0)
    before = np.concatenate([[1.0], level[:-1]])
    return np.asarray(level / before - 1.0)


def mainland_returns(
    seed: int, dates: DateArray, hk_dates: DateArray, hk_gap: FloatArray, hk_intra: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Gap and session returns of the mainland ETF: Hong Kong's factor of the day, and its own."""
    row = np.minimum(np.searchsorted(hk_dates, dates), len(hk_dates) - 1)
    shared = hk_dates[row] == dates
    gap = 0.006 * fat_normals(seed, "cn overnight", len(dates))
    intra = 0.010 * fat_normals(seed, "cn daytime", len(dates))
    gap = gap + np.where(shared, 0.6 * hk_gap[row], 0.0)
    intra = intra + np.where(shared, 0.6 * hk_intra[row], 0.0)
    intra = intra - mean_of(gap) - mean_of(intra) + 0.0003
    # Inside the daily price limit of 10 % with room for the high and the low.
    return np.clip(gap, -0.04, 0.04), np.clip(intra, -0.045, 0.045)


def bitcoin_returns(seed: int, rows: int) -> tuple[FloatArray, FloatArray]:
    """Gap (none: it never closes) and session returns of Bitcoin."""
    free = np.full(rows, np.nan)
    move = clustered(fat_normals(seed, "btc", rows), 0.032, react=0.08, persist=0.88, given=free)
    return np.zeros(rows), np.maximum(move - mean_of(move) + 0.0013, -0.35)


def hedge_coin_returns(
    seed: int, dates: DateArray, us: UnitedStates, effects: Effects
) -> tuple[FloatArray, FloatArray]:
    """Gap (none) and daily returns of a coin that rises while recent US falls are large.

    A New York session is over within the coin's day of the same date.
    """
    free = np.full(len(dates), np.nan)
    noise = fat_normals(seed, "btc 2", len(dates))
    move = clustered(noise, 0.028, react=0.08, persist=0.88, given=free)
    fall = np.zeros(len(dates))
    us_move = (1.0 + us.gap) * (1.0 + us.intra) - 1.0
    fall[np.searchsorted(dates, us.dates)] = np.maximum(-us_move - FEAR_BOUND, 0.0)
    fear = decaying_sums(fall, FEAR_KEEP)
    move = move - mean_of(move) + effects.coin_hedge * (fear - mean_of(fear)) + 0.0005
    return np.zeros(len(dates)), np.maximum(move, -0.35)


def _index(seed: int, dates: DateArray) -> tuple[FloatArray, FloatArray]:
    """Gap and session returns of the technology index."""
    given = np.full(len(dates), np.nan)
    for day, fall in EPISODES.items():
        given[np.searchsorted(dates, np.datetime64(day))] = fall
    shocks = fat_normals(seed, "us index", len(dates))
    move = clustered(shocks, _SIGMA, react=0.09, persist=0.88, given=given)
    move = np.asarray(np.clip(move, -0.09, 0.09))
    # The other sessions make up for the episodes: the mean is the documented drift for every seed.
    free = np.isnan(given)
    lift = (US_DRIFT - mean_of(move)) * len(dates) / float(np.count_nonzero(free))
    whole = np.where(free, move + lift, move)
    gap = 0.4 * whole + 0.25 * _SIGMA * normals(seed, "us index overnight", len(dates))
    return gap, (1.0 + whole) / (1.0 + gap) - 1.0


def _payouts(seed: int, dates: DateArray) -> FloatArray:
    """Quarterly dividend yields on their ex-sessions; every third stock pays."""
    out = np.zeros((len(dates), US_STOCKS))
    for column in range(0, US_STOCKS, 3):
        months = np.arange(np.datetime64("2016-08"), np.datetime64("2026-06"), 3)
        wait = (uniforms(seed, f"us ex {column}", len(months)) * 14.0).astype("timedelta64[D]")
        row = np.searchsorted(dates, months.astype("datetime64[D]") + 5 + wait)
        out[row, column] = 0.0025
    return out

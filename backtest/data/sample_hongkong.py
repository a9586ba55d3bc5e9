"""Hong Kong in the sample market: stocks and listings that follow last night's US session."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from backtest.data.sample_draws import (
    BoolArray,
    DateArray,
    FloatArray,
    clustered,
    decaying_sums,
    fat_normals,
    mean_of,
    normals,
    row_sums,
    uniforms,
)
from backtest.data.sample_effects import (
    IPO_DRIFT_SESSIONS,
    STRENGTH_SESSIONS,
    US_DRIFT,
    Effects,
)
from backtest.data.sample_plan import (
    SEASONED,
    TAKEOVER,
    TAKEOVER_FIRST,
    TAKEOVER_PREMIUM,
    Plan,
    halted,
    last_rows,
    plan_stocks,
    row_of,
)
from backtest.data.sample_reports import HONG_KONG_LAGS, Reports, add_jumps, plan_reports
from backtest.data.sample_walk import Motion, Path, walk

_SESSIONS = 247.0  # per year, for drifts
_DRIFT = 0.09 / _SESSIONS
_FACTOR_SIGMA = 0.010
# A quarter of a session's own variance is in the gap, three quarters come during the session.
_OVERNIGHT, _DAYTIME = 0.5, math.sqrt(0.75)
_JUMP = 0.05  # per standard deviation of an earnings surprise
_INQUIRY = (28, 31, 44)  # seasoned columns that fall by 30 % before a long suspension


@dataclass(frozen=True, eq=False)
class HongKong:
    """The simulated stocks of XHKG and what moved them; arrays are sessions x stocks."""

    dates: DateArray
    plan: Plan
    path: Path
    halted: BoolArray
    reports: Reports
    factor_gap: FloatArray  # (T,) of the Hong Kong factor
    factor_intra: FloatArray  # (T,)
    overhang: FloatArray  # what is still to reverse, seen after the session's open; a fraction >= 0
    takeover_offer: float


def hong_kong(seed: int, dates: DateArray, us_night: FloatArray, effects: Effects) -> HongKong:
    """Hong Kong stocks, given the US technology return that is new to each open, shape (T,)."""
    plan = plan_stocks(seed, dates, ipo_pop=effects.ipo_pop)
    rows, columns = len(dates), len(plan.symbols)
    factor_gap, factor_intra = _factor(seed, rows)
    overhang = _overhang(seed, us_night, columns, effects)
    gap, intra = _returns(seed, plan, us_night, overhang, effects)
    gap += plan.beta_hk * factor_gap[:, None]
    intra += plan.beta_hk * factor_intra[:, None]
    silent = halted(dates, columns)
    for column in _INQUIRY:
        gap[np.argmax(silent[:, column]) - 1, column] = -0.30
    frozen = silent.copy()
    frozen[row_of(dates, TAKEOVER_FIRST) :, TAKEOVER] = True
    reports = plan_reports(seed, "hk", dates, columns, HONG_KONG_LAGS)
    at = np.arange(rows)[:, None]
    last = last_rows(dates, columns)
    settled = np.where(plan.first > 0, plan.first + 20, -1)
    reports = reports.where((at > settled) & (at < last) & ~frozen)
    surprise = fat_normals(seed, "hk surprise", rows, columns)
    gap = add_jumps(gap, reports, surprise, _JUMP)
    gap, intra = _first_days(seed, plan, gap, intra)
    months = np.diff(dates.astype("datetime64[M]").astype(np.int64), prepend=0) > 0
    quarter = months & (dates.astype("datetime64[M]").astype(np.int64) % 3 == 0)
    motion = Motion(
        gap=gap,
        intra=intra,
        start=plan.start,
        first=plan.first,
        last=last,
        halted=frozen,
        lot=plan.lot,
        split_above=np.full(columns, 40_000.0),
        split_below=np.full(columns, 2_000.0),
        split_ratio=np.where(np.arange(columns) % 3 == 0, 10.0, 5.0),
        split_rows=quarter & (at[:, 0] > 0),
        payout=_payouts(seed, dates, plan.payout),
        reported=reports.mask(rows, columns),
        surprise=surprise,
        anchor=plan.anchor,
        value_spread=effects.value_spread / _SESSIONS,
        value_rows=months,
    )
    path, offer = _taken_over(seed, dates, walk(motion))
    return HongKong(dates, plan, path, silent, reports, factor_gap, factor_intra, overhang, offer)


def index_returns(market: HongKong, *, equal: bool) -> tuple[FloatArray, FloatArray]:
    """Gap and session returns, shape (T,), of the seasoned stocks together, dividends left out.

    By capitalisation, or with ``equal`` rebalanced to equal weights at every close.
    """
    level = (market.path.close * market.path.shares)[:, :SEASONED]
    opened = (market.path.open * market.path.shares)[:, :SEASONED]
    start = market.plan.start[:SEASONED]
    before = np.concatenate([start[None, :], level[:-1]])
    weight = np.ones_like(before) if equal else market.plan.weight[:SEASONED] * before / start
    weight = np.where(np.isnan(level), 0.0, weight)
    whole = row_sums(weight)
    gap = row_sums(np.where(weight > 0.0, weight * (opened / before - 1.0), 0.0)) / whole
    total = row_sums(np.where(weight > 0.0, weight * (level / before - 1.0), 0.0)) / whole
    return gap, (1.0 + total) / (1.0 + gap) - 1.0


def _factor(seed: int, rows: int) -> tuple[FloatArray, FloatArray]:
    """Gap and session returns of the Hong Kong market's own factor."""
    overnight = _OVERNIGHT * normals(seed, "hk factor overnight", rows)
    daytime = _DAYTIME * normals(seed, "hk factor daytime", rows)
    shock = overnight + daytime
    free = np.full(rows, np.nan)
    move = clustered(shock, _FACTOR_SIGMA, react=0.07, persist=0.90, given=free)
    volatility = move / np.where(shock == 0.0, 1.0, shock)
    # No drift of its own, for every seed.
    gap, intra = overnight * volatility, daytime * volatility
    return gap - mean_of(gap), intra - mean_of(intra)


def _overhang(seed: int, us_night: FloatArray, columns: int, effects: Effects) -> FloatArray:
    """US fall that was overdone and is still to come back, times a strength that averages 1.

    The strength is drawn anew every ``STRENGTH_SESSIONS``: 1.5 or 0.5 with even odds for the
    market, 0.2 more or less for the stock.
    """
    block = np.arange(len(us_night)) // STRENGTH_SESSIONS
    count = int(block[-1]) + 1
    common = np.where(uniforms(seed, "reversal strength", count, 1) < 0.5, 1.5, 0.5)
    own = 0.4 * (uniforms(seed, "reversal strength of stocks", count, columns) - 0.5)
    depth = -decaying_sums(us_night, effects.overdone_keep) - effects.overdone_bound
    overdone = np.clip(depth, 0.0, np.maximum(-us_night, 0.0))
    return decaying_sums((common + own)[block] * overdone[:, None], 1.0 - effects.release)


def _returns(
    seed: int, plan: Plan, us_night: FloatArray, overhang: FloatArray, effects: Effects
) -> tuple[FloatArray, FloatArray]:
    """Gap and session returns of each stock, without the Hong Kong factor."""
    rows, columns = overhang.shape
    # The average US gain is taken off, so that spillover moves prices and lifts nothing.
    spill = effects.spillover * plan.beta_us * (us_night - US_DRIFT)[:, None]
    before = np.concatenate([np.zeros((1, columns)), overhang[:-1]])
    back = effects.release * before - effects.overdone_mean
    pull = effects.reversal * plan.beta_us * back
    rank = np.where(np.isnan(plan.appetite_rank), 0.5, plan.appetite_rank)
    age = np.arange(rows)[:, None] - plan.first
    drift = effects.ipo_drift * (1.0 - 2.0 * rank) / IPO_DRIFT_SESSIONS
    drifting = (age >= 1) & (age <= IPO_DRIFT_SESSIONS)
    overnight = fat_normals(seed, "hk overnight", rows, columns)
    daytime = fat_normals(seed, "hk daytime", rows, columns)
    gap = effects.open_share * spill + _OVERNIGHT * plan.sigma * overnight
    intra = (1.0 - effects.open_share) * spill + _DAYTIME * plan.sigma * daytime
    intra = intra + pull + _DRIFT + np.where(drifting, drift, 0.0)
    return np.asarray(gap), np.asarray(intra)


def _first_days(
    seed: int, plan: Plan, gap: FloatArray, intra: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Gap and session returns with those of first days: three quarters of them at the open."""
    gap, intra = gap.copy(), intra.copy()
    column = np.nonzero(plan.first > 0)[0]
    row, whole = plan.first[column], plan.first_day[column]
    noise = 0.06 * (uniforms(seed, "first open", len(column)) - 0.5)
    gap[row, column] = 0.75 * whole + noise
    intra[row, column] = (1.0 + whole) / (1.0 + gap[row, column]) - 1.0
    return gap, intra


def _payouts(seed: int, dates: DateArray, yearly: FloatArray) -> FloatArray:
    """Dividend yields on their ex-sessions: two thirds in June, one third in September."""
    out = np.zeros((len(dates), len(yearly)))
    for year in range(2016, 2027):
        for start, share in ((f"{year}-06-03", 2.0 / 3.0), (f"{year}-09-05", 1.0 / 3.0)):
            wait = (uniforms(seed, f"hk ex {start}", len(yearly)) * 21.0).astype("timedelta64[D]")
            row = np.searchsorted(dates, np.datetime64(start) + wait)
            inside = (row > 0) & (row < len(dates))
            out[row[inside], np.nonzero(inside)[0]] = share * yearly[inside]
    return out


def _taken_over(seed: int, dates: DateArray, path: Path) -> tuple[Path, float]:
    """Prices where one stock trades just below a cash offer, and that offer per share."""
    first = row_of(dates, TAKEOVER_FIRST)
    offer = float(np.rint(path.close[first - 4, TAKEOVER] * (1.0 + TAKEOVER_PREMIUM) * 10) / 10)
    opened, closed = path.open.copy(), path.close.copy()
    for name, prices in (("open", opened), ("close", closed)):
        near = 0.97 + 0.02 * uniforms(seed, f"takeover {name}", len(dates))
        live = ~np.isnan(prices[first:, TAKEOVER])
        prices[first:, TAKEOVER] = np.where(live, offer * near[first:], np.nan)
    return replace(path, open=opened, close=closed), offer

"""Falls of NAV from its running peak, and the measures made of them.

``nav`` has shape (T + 1,), the initial cash first; ``sessions`` has shape (T,). The initial cash is
dated one day before the first session and is a peak like any other, so a loss on day one counts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date

import numpy as np

from backtest.measures.performance import (
    NOISE,
    DateArray,
    FloatArray,
    absorbed,
    cagr,
    ratio,
    total_return,
)

_DAY = np.timedelta64(1, "D")


@dataclass(frozen=True, slots=True)
class Episode:
    """One fall from a peak until NAV is back at it, or until the last session.

    Attributes
    ----------
    peak, trough, recovery
        Dates: the last session at the peak before the fall, the first at the lowest NAV, the first
        back at or above the peak. ``recovery`` is None where NAV never came back.
    depth
        Fall from peak to trough, a fraction < 0.
    days, sessions
        Length from the peak to the recovery, or to the last session: calendar days and sessions.
    fall_days
        Calendar days from the peak to the trough.
    """

    peak: date
    trough: date
    recovery: date | None
    depth: float
    days: int
    sessions: int
    fall_days: int


def drawdown(nav: FloatArray) -> FloatArray:
    r"""Fall from the running peak at each session's close, fractions <= 0, shape (T,).

    A fall below 1e-12 is rounding and counts as none. NaN from the first NaN on, and where nothing
    was there to fall from: an account that is bankrupt from the start has no peak.

    Notes
    -----
    .. math:: NAV_t / \max_{s \le t} NAV_s - 1, \quad s \text{ from the initial cash on}

    Examples
    --------
    >>> drawdown(np.array([100.0, 80.0, 120.0, 90.0])).round(12).tolist()
    [-0.2, 0.0, -0.25]
    """
    kept = absorbed(nav)
    peak = np.maximum.accumulate(kept)
    falls = np.divide(kept, peak, out=np.full_like(kept, np.nan), where=peak != 0.0) - 1.0
    return np.where(falls > -NOISE, 0.0, falls)[1:]


def max_drawdown(nav: FloatArray) -> float:
    """Largest fall from a running peak, a fraction <= 0; the initial cash is the first peak.

    References
    ----------
    Magdon-Ismail & Atiya (2004), Maximum drawdown, Risk 17(10), 99-102.

    Examples
    --------
    >>> round(max_drawdown(np.array([100.0, 110.0, 55.0, 66.0])), 12)
    -0.5
    """
    return float(np.min(drawdown(nav)))


def drawdown_episodes(nav: FloatArray, sessions: DateArray) -> list[Episode]:
    """Every fall from a peak, in time order; empty where NAV never falls.

    No NaN allowed: what lies behind an unknown NAV is no episode.

    Examples
    --------
    >>> days = np.array(["2024-01-02", "2024-01-03", "2024-01-04"], dtype="datetime64[D]")
    >>> [fall] = drawdown_episodes(np.array([100.0, 80.0, 90.0, 100.0]), days)
    >>> fall.peak.isoformat(), fall.trough.isoformat(), str(fall.recovery), fall.days, fall.sessions
    ('2024-01-01', '2024-01-02', '2024-01-04', 3, 3)
    """
    falls = drawdown(nav)
    dates = np.concatenate((sessions[:1] - _DAY, sessions))
    # Index k of `dates` is NAV k: 0 is the initial cash, session t is k = t + 1.
    under = np.concatenate(([False], falls < 0.0, [False])).astype(np.int8)
    starts = np.flatnonzero(np.diff(under) == 1)  # the last k at the peak
    stops = np.flatnonzero(np.diff(under) == -1) + 1  # the first k back, T + 1 when never
    return [_episode(int(a), int(b), falls, dates) for a, b in zip(starts, stops, strict=True)]


def calmar(nav: FloatArray, sessions: DateArray) -> float:
    """CAGR over the largest drawdown of the whole period, both fractions; NaN without a drawdown.

    A loss makes it negative.

    References
    ----------
    Young (1991), Calmar ratio: a smoother tool, Futures 20(1), 40.

    Examples
    --------
    >>> year = np.array(["2021-01-01", "2022-06-01", "2024-12-31"], dtype="datetime64[D]")
    >>> round(calmar(np.array([100.0, 80.0, 120.0, 146.41]), year), 12)
    0.5
    """
    return ratio(cagr(nav, sessions), -max_drawdown(nav))


def recovery_factor(nav: FloatArray) -> float:
    """Total return over the largest drawdown; negative for a loss, NaN without a drawdown.

    Examples
    --------
    >>> round(recovery_factor(np.array([100.0, 80.0, 60.0, 80.0])), 12)
    -0.5
    """
    return ratio(total_return(nav), -max_drawdown(nav))


def ulcer_index(nav: FloatArray) -> float:
    r"""Root mean square of the drawdown over all sessions, a fraction >= 0.

    Notes
    -----
    .. math:: \sqrt{\sum_t D_t^2 / T}

    References
    ----------
    Martin & McCann (1989), The Investor's Guide to Fidelity Funds, ch. 7.

    Examples
    --------
    >>> round(ulcer_index(np.array([100.0, 80.0, 100.0, 100.0, 100.0])), 12)
    0.1
    """
    return float(np.sqrt(np.mean(np.square(drawdown(nav)))))


def time_under_water(nav: FloatArray) -> float:
    """Share of sessions that close below the running peak.

    Examples
    --------
    >>> time_under_water(np.array([100.0, 80.0, 90.0, 100.0, 110.0]))
    0.5
    """
    falls = drawdown(nav)
    return math.nan if bool(np.isnan(falls).any()) else float(np.mean(falls < 0.0))


def _episode(start: int, stop: int, falls: FloatArray, dates: DateArray) -> Episode:
    """Episode whose last peak is NAV ``start`` and whose first NAV back is ``stop``."""
    trough = start + 1 + int(np.argmin(falls[start : stop - 1]))
    recovered = stop < dates.size
    end = stop if recovered else dates.size - 1
    return Episode(
        peak=dates[start].item(),
        trough=dates[trough].item(),
        recovery=dates[stop].item() if recovered else None,
        depth=float(falls[trough - 1]),
        days=int((dates[end] - dates[start]).astype(int)),
        sessions=end - start,
        fall_days=int((dates[trough] - dates[start]).astype(int)),
    )

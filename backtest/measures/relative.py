"""Measures of returns against a benchmark's, over the same base sessions.

Both arrays have shape (T,): what account and benchmark did between the same two base closes, so a
benchmark whose market was shut returns 0.0 and its move falls on the session when it became known.
Pairs with a NaN on either side are dropped (:func:`paired` counts them); nothing is filled.
Sums of products are numpy's own, not BLAS's, whose order may change from machine to machine.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from backtest.measures.performance import NOISE, FloatArray, deviation, ratio


class Paired(NamedTuple):
    """Pairs of returns without NaN, and how many pairs were dropped for one."""

    returns: FloatArray
    benchmark: FloatArray
    dropped: int


def benchmark_returns(levels: FloatArray) -> FloatArray:
    """Session returns, simple, shape (T,), from benchmark levels, 1.0 before the first.

    NaN where either level is unknown: years before a listing are unknown, not flat.

    Examples
    --------
    >>> benchmark_returns(np.array([1.5, 1.5, 0.75])).tolist()
    [0.5, 0.0, -0.5]
    >>> benchmark_returns(np.array([np.nan, 1.0, 1.5])).tolist()
    [nan, nan, 0.5]
    """
    before = np.concatenate(([1.0], levels[:-1]))
    return levels / before - 1.0


def paired(returns: FloatArray, benchmark: FloatArray) -> Paired:
    """Pairs in which both returns are known, and the count of the others.

    Examples
    --------
    >>> paired(np.array([0.1, 0.2]), np.array([np.nan, 0.3])).dropped
    1
    """
    known = ~(np.isnan(returns) | np.isnan(benchmark))
    return Paired(returns[known], benchmark[known], int(known.size - known.sum()))


def beta(
    returns: FloatArray, benchmark: FloatArray, *, risk_free: float | FloatArray = 0.0
) -> float:
    r"""Slope of excess returns on the benchmark's; NaN where the benchmark did not move.

    ``risk_free`` is the return of cash per session, a number or shape (T,).

    Notes
    -----
    .. math:: cov(r - f, b - f) / var(b - f)

    References
    ----------
    Jensen (1968), The performance of mutual funds in the period 1945-1964, Journal of Finance
    23(2), 389-416.

    Examples
    --------
    >>> market = np.array([0.01, -0.02, 0.03])
    >>> round(beta(0.5 * market + 0.001, market), 12)
    0.5
    """
    mine, market, _ = paired(returns - risk_free, benchmark - risk_free)
    if not deviation(market) > 0.0:
        return math.nan
    centred = market - np.mean(market)
    return float(np.sum(mine * centred) / np.sum(np.square(centred)))


def alpha(
    returns: FloatArray,
    benchmark: FloatArray,
    *,
    sessions_per_year: float,
    risk_free: float | FloatArray = 0.0,
) -> float:
    r"""Jensen's alpha per year: the regression's intercept times sessions per year, not compounded.

    ``risk_free`` as in :func:`beta`; NaN where the benchmark did not move.

    Notes
    -----
    .. math:: n \, (\overline{r - f} - \beta \, \overline{b - f})

    References
    ----------
    Jensen (1968), as for :func:`beta`.

    Examples
    --------
    >>> market = np.array([0.01, -0.02, 0.03])
    >>> round(alpha(0.5 * market + 0.001, market, sessions_per_year=250), 12)
    0.25
    """
    slope = beta(returns, benchmark, risk_free=risk_free)
    mine, market, _ = paired(returns - risk_free, benchmark - risk_free)
    if math.isnan(slope):
        return math.nan
    return float(np.mean(mine) - slope * np.mean(market)) * sessions_per_year


def correlation(returns: FloatArray, benchmark: FloatArray) -> float:
    """Pearson's correlation with the benchmark; NaN where either did not move.

    Examples
    --------
    >>> round(correlation(np.array([0.01, 0.0, 0.01, 0.0]), np.array([0.02, 0.0, 0.0, 0.02])), 12)
    0.0
    """
    mine, market, _ = paired(returns, benchmark)
    if not (deviation(mine) > 0.0 and deviation(market) > 0.0):
        return math.nan
    a, b = mine - np.mean(mine), market - np.mean(market)
    return float(np.sum(a * b) / np.sqrt(np.sum(np.square(a)) * np.sum(np.square(b))))


def tracking_error(
    returns: FloatArray, benchmark: FloatArray, *, sessions_per_year: float
) -> float:
    """Annualised standard deviation (n - 1) of the differences of returns.

    References
    ----------
    Grinold & Kahn (1999), Active Portfolio Management, 2nd ed., ch. 5.

    Examples
    --------
    >>> active = np.array([0.01, -0.01, 0.03])
    >>> round(tracking_error(active + 0.02, np.full(3, 0.02), sessions_per_year=100), 12)
    0.2
    """
    mine, market, _ = paired(returns, benchmark)
    return deviation(mine - market) * math.sqrt(sessions_per_year)


def information_ratio(
    returns: FloatArray, benchmark: FloatArray, *, sessions_per_year: float
) -> float:
    r"""Annualised mean of the differences of returns, per tracking error; NaN without the latter.

    Notes
    -----
    .. math:: \sqrt{n} \, \overline{(r - b)} / \sigma_{r - b}

    References
    ----------
    Grinold & Kahn (1999), ch. 5.

    Examples
    --------
    >>> active = np.array([0.01, -0.01, 0.03])
    >>> round(information_ratio(active + 0.02, np.full(3, 0.02), sessions_per_year=100), 12)
    5.0
    """
    mine, market, _ = paired(returns, benchmark)
    error = deviation(mine - market)
    if not error > 0.0:
        return math.nan
    return ratio(float(np.mean(mine - market)), error) * math.sqrt(sessions_per_year)


def up_capture(returns: FloatArray, benchmark: FloatArray) -> float:
    r"""Mean geometric return while the benchmark rose, over the benchmark's own; 1 is all of it.

    Give session or monthly returns; the periods are those given. NaN where it never rose.

    Notes
    -----
    .. math:: (\prod (1 + r_u)^{1/k} - 1) / (\prod (1 + b_u)^{1/k} - 1), \quad u: b_u > 0

    References
    ----------
    Bacon (2008), ch. 3; Morningstar (2011), Upside and downside capture ratios.

    Examples
    --------
    >>> round(up_capture(np.array([0.05, -0.3]), np.array([0.1, -0.2])), 12)
    0.5
    """
    mine, market, _ = paired(returns, benchmark)
    return _capture(mine[market > 0.0], market[market > 0.0])


def down_capture(returns: FloatArray, benchmark: FloatArray) -> float:
    """Mean geometric return while the benchmark fell, over the benchmark's own; below 1 is good.

    As :func:`up_capture`, over the periods in which the benchmark fell; NaN where it never did.

    Examples
    --------
    >>> round(down_capture(np.array([0.05, -0.3]), np.array([0.1, -0.2])), 12)
    1.5
    """
    mine, market, _ = paired(returns, benchmark)
    return _capture(mine[market < 0.0], market[market < 0.0])


def _capture(mine: FloatArray, market: FloatArray) -> float:
    """Quotient of the geometric means."""
    if mine.size == 0:
        return math.nan
    theirs = _geometric_mean(market)
    return _geometric_mean(mine) / theirs if abs(theirs) > NOISE else math.nan


def _geometric_mean(returns: FloatArray) -> float:
    """Return per period that compounds to the same growth."""
    return float(np.prod(1.0 + returns) ** (1.0 / returns.size) - 1.0)

"""Excess return over a benchmark, split by the sectors of both."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from backtest.measures.performance import FloatArray


class Effects(NamedTuple):
    """What each sector added in each session, shape (T, S)."""

    allocation: FloatArray
    selection: FloatArray
    interaction: FloatArray


def brinson(
    weights: FloatArray,
    returns: FloatArray,
    market_weights: FloatArray,
    market_returns: FloatArray,
) -> Effects:
    r"""Allocation, selection and interaction by sector, of single sessions.

    Parameters
    ----------
    weights, returns
        Of the account's sectors, shape (T, S): shares of NAV at the session's start, cash among
        them so that they sum to 1, and what they returned; a return is NaN where nothing is held.
    market_weights, market_returns
        The benchmark's, likewise.

    Notes
    -----
    .. math:: (w_s - W_s)(B_s - B), \quad W_s (r_s - B_s), \quad (w_s - W_s)(r_s - B_s)

    with B the benchmark's sum of W_s B_s. A sector that the benchmark does not hold is taken to
    return B, one that the account does not hold to return B_s. Summed over sectors and effects:
    the account's return less the benchmark's.

    References
    ----------
    Brinson & Fachler (1985), Measuring non-US equity portfolio performance, Journal of Portfolio
    Management 11(3), 73-76.

    Examples
    --------
    >>> one = lambda *x: np.array([x])
    >>> found = brinson(one(0.7, 0.3), one(0.10, 0.0), one(0.5, 0.5), one(0.08, 0.02))
    >>> [round(float(effect.sum()), 4) for effect in found]
    [0.012, 0.0, 0.008]
    """
    unheld = np.isnan(market_returns)
    earned = market_weights * np.where(unheld, 0.0, market_returns)
    total = np.sum(earned, axis=1, keepdims=True)
    theirs = np.where(unheld, total, market_returns)
    mine = np.where(np.isnan(returns), theirs, returns)
    tilt, beyond = weights - market_weights, mine - theirs
    return Effects(tilt * (theirs - total), market_weights * beyond, tilt * beyond)


def linking(returns: FloatArray, market: FloatArray) -> FloatArray:
    r"""Factors, shape (T,), with which effects of sessions sum to the difference of the growths.

    Notes
    -----
    .. math:: k_t / k, \quad k_t = \frac{\ln(1 + r_t) - \ln(1 + b_t)}{r_t - b_t}

    and k the same of the compounded returns; 1 / (1 + r) where both are equal.

    References
    ----------
    Carino (1999), Combining attribution effects over time, Journal of Performance Measurement 3(4),
    5-14.

    Examples
    --------
    >>> mine, theirs = np.array([0.1, 0.2]), np.array([0.05, 0.1])
    >>> round(float(np.sum((mine - theirs) * linking(mine, theirs))), 9)
    0.165
    """
    grown, theirs = np.prod(1.0 + returns) - 1.0, np.prod(1.0 + market) - 1.0
    whole = _factor(np.array([grown]), np.array([theirs]))
    return _factor(returns, market) / whole


def _factor(returns: FloatArray, market: FloatArray) -> FloatArray:
    gap = returns - market
    same = np.abs(gap) < 1e-12
    near = 1.0 / (1.0 + returns)
    logs = np.log1p(returns) - np.log1p(market)
    return np.where(same, near, logs / np.where(same, 1.0, gap))

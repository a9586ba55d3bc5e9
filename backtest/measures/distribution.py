"""Shape of a distribution of returns: its tails, moments, hits and streaks.

Values are simple returns of equal periods, shape (T,). One NaN makes the answer NaN.
"""

from __future__ import annotations

import math

import numpy as np

from backtest.measures.performance import NOISE, BoolArray, FloatArray


def value_at_risk(returns: FloatArray, *, level: float = 0.05) -> float:
    """Historical value at risk per session: the ``level`` quantile of returns, a loss negative.

    Linear between order statistics (type 7 of Hyndman & Fan); no distribution is assumed.
    NaN below 1 / ``level`` sessions: a twentieth of fewer than 20 returns is no tail.

    References
    ----------
    Hyndman & Fan (1996), Sample quantiles in statistical packages, American Statistician 50(4).

    Examples
    --------
    >>> round(value_at_risk(np.arange(-10, 11) / 100.0), 12)
    -0.09
    """
    if returns.size * level < 1.0:
        return math.nan
    return float(np.quantile(returns, level))


def expected_shortfall(returns: FloatArray, *, level: float = 0.05) -> float:
    """Mean of the returns at or below the historical value at risk, a loss negative.

    NaN below 1 / ``level`` sessions.

    References
    ----------
    Acerbi & Tasche (2002), On the coherence of expected shortfall, Journal of Banking & Finance
    26(7), 1487-1503.

    Examples
    --------
    >>> round(expected_shortfall(np.arange(-10, 11) / 100.0), 12)
    -0.095
    """
    threshold = value_at_risk(returns, level=level)
    if math.isnan(threshold):
        return math.nan
    return float(np.mean(returns[returns <= threshold]))


def skewness(returns: FloatArray) -> float:
    r"""Third standardised moment, of the population (no small-sample correction).

    NaN without volatility.

    Notes
    -----
    .. math:: m_3 / m_2^{3/2}, \quad m_k = \sum (r_t - \bar r)^k / T

    References
    ----------
    Joanes & Gill (1998), Comparing measures of sample skewness and kurtosis, The Statistician 47.

    Examples
    --------
    >>> round(skewness(np.array([0.0, 0.0, 0.0, 0.0, 0.05])), 12)
    1.5
    """
    return _moment(returns, 3)


def kurtosis(returns: FloatArray) -> float:
    r"""Raw fourth standardised moment, of the population: 3 for the normal, excess is this less 3.

    NaN without volatility.

    Notes
    -----
    .. math:: m_4 / m_2^2, \quad m_k = \sum (r_t - \bar r)^k / T

    References
    ----------
    Joanes & Gill (1998), as for :func:`skewness`.

    Examples
    --------
    >>> round(kurtosis(np.array([-0.01, 0.01, -0.01, 0.01])), 12)
    1.0
    """
    return _moment(returns, 4)


def tail_ratio(returns: FloatArray, *, level: float = 0.05) -> float:
    """Upper tail over lower tail: the 95 % quantile over minus the 5 % quantile.

    NaN below 1 / ``level`` sessions and where either quantile has the wrong sign.

    Examples
    --------
    >>> round(tail_ratio(np.arange(-10, 31) / 100.0), 12)
    3.5
    """
    if returns.size * level < 1.0:
        return math.nan
    low, high = (float(q) for q in np.quantile(returns, (level, 1.0 - level)))
    return high / -low if low < 0.0 < high else math.nan


def hit_rate(returns: FloatArray) -> float:
    """Share of periods with a gain; a flat one is no hit but counts. NaN where there is no period.

    Examples
    --------
    >>> hit_rate(np.array([0.01, 0.0, -0.02, 0.03]))
    0.5
    """
    if returns.size == 0 or bool(np.isnan(returns).any()):
        return math.nan
    return float(np.mean(returns > 0.0))


def longest_run(flags: BoolArray) -> int:
    """Longest unbroken run of true values: ``longest_run(returns < 0)`` is the worst streak.

    Examples
    --------
    >>> longest_run(np.array([True, False, True, True]))
    2
    """
    edges = np.diff(np.concatenate(([0], flags.astype(np.int8), [0])))
    lengths = np.flatnonzero(edges == -1) - np.flatnonzero(edges == 1)
    return int(lengths.max(initial=0))


def _moment(values: FloatArray, order: int) -> float:
    """Standardised central moment of the population."""
    if values.size == 0:
        return math.nan
    centred = values - np.mean(values)
    spread = float(np.sqrt(np.mean(np.square(centred))))
    if spread <= NOISE:
        return math.nan
    return float(np.mean((centred / spread) ** order))

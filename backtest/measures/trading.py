"""Measures of what was held, dealt and paid, from positions, fills and flat-to-flat trades.

Positions come as two arrays of equal length: ``row``, the ordinal of the session, and ``weight``,
the position's value over NAV. Trades come as ``pnl``, one number per closed trade, in the
portfolio's currency and net of all costs. Nothing here is inferred from returns.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from backtest.measures.performance import FloatArray

IntArray = NDArray[np.int64]
_BPS = 1e4


def gross_exposure(row: IntArray, weight: FloatArray, *, sessions: int) -> FloatArray:
    """Sum of absolute weights at each session's close, shape (sessions,); 0 where nothing is held.

    Cash is no exposure, whatever interest it earns.

    Examples
    --------
    >>> gross_exposure(np.array([0, 0, 2]), np.array([0.5, -0.25, 1.0]), sessions=3).tolist()
    [0.75, 0.0, 1.0]
    """
    return _summed(row, np.abs(weight), sessions)


def net_exposure(row: IntArray, weight: FloatArray, *, sessions: int) -> FloatArray:
    """Sum of signed weights at each session's close, shape (sessions,).

    Examples
    --------
    >>> net_exposure(np.array([0, 0, 2]), np.array([0.5, -0.25, 1.0]), sessions=3).tolist()
    [0.25, 0.0, 1.0]
    """
    return _summed(row, weight, sessions)


def names_held(row: IntArray, weight: FloatArray, *, sessions: int) -> IntArray:
    """Positions other than zero at each session's close, shape (sessions,).

    Examples
    --------
    >>> names_held(np.array([0, 0, 2]), np.array([0.5, -0.25, 0.0]), sessions=3).tolist()
    [2, 0, 0]
    """
    return np.bincount(row[weight != 0.0], minlength=sessions).astype(np.int64)


def largest_weight(row: IntArray, weight: FloatArray, *, sessions: int) -> FloatArray:
    """Largest absolute weight at each session's close, shape (sessions,); 0 where nothing is held.

    Examples
    --------
    >>> largest_weight(np.array([0, 0, 2]), np.array([0.5, -0.75, 1.0]), sessions=3).tolist()
    [0.75, 0.0, 1.0]
    """
    largest = np.zeros(sessions)
    np.maximum.at(largest, row, np.abs(weight))
    return largest


def effective_names(row: IntArray, weight: FloatArray, *, sessions: int) -> FloatArray:
    r"""Names that would be as concentrated if equally weighted, shape (sessions,).

    The inverse Herfindahl index of absolute weights rescaled to 1; NaN where nothing is held.

    Notes
    -----
    .. math:: (\sum_j |w_j|)^2 / \sum_j w_j^2

    References
    ----------
    Hirschman (1964), The paternity of an index, American Economic Review 54(5), 761-762.

    Examples
    --------
    >>> effective_names(np.array([0, 0]), np.array([0.25, 0.25]), sessions=2).tolist()
    [2.0, nan]
    """
    gross = _summed(row, np.abs(weight), sessions)
    squares = _summed(row, np.square(weight), sessions)
    names = np.full(sessions, math.nan)
    np.divide(np.square(gross), squares, out=names, where=squares > 0.0)
    return names


def turnover_per_year(turnover: FloatArray, *, years: float) -> float:
    """One-way turnover, a multiple of NAV per year, from that of each session.

    A session's turnover is half the absolute value traded over NAV, so 1.0 is a portfolio sold
    and bought anew once a year; the first purchase counts one half. NaN sessions (no NAV) count 0.

    Examples
    --------
    >>> turnover_per_year(np.array([0.5, 0.0, 1.5]), years=4.0)
    0.5
    """
    return float(np.nansum(turnover)) / years


def bps_of_nav_per_year(cost: float, nav: FloatArray, *, years: float) -> float:
    """Cost in basis points of the average NAV per year; NaN where there was no NAV.

    Examples
    --------
    >>> bps_of_nav_per_year(2.0, np.array([900.0, 1100.0]), years=2.0)
    10.0
    """
    average = float(np.mean(nav))
    return cost / average / years * _BPS if average > 0.0 else math.nan


def bps_of_traded_value(cost: float, traded: float) -> float:
    """Cost in basis points of the value bought and sold; NaN where nothing was traded.

    Examples
    --------
    >>> bps_of_traded_value(2.0, 1000.0)
    20.0
    """
    return cost / traded * _BPS if traded > 0.0 else math.nan


def win_rate(pnl: FloatArray) -> float:
    """Share of trades that made money after costs; a trade at exactly 0 is no win but counts.

    NaN without trades, as all that follow.

    Examples
    --------
    >>> win_rate(np.array([3.0, -1.0, 0.0, 1.0]))
    0.5
    """
    return float(np.mean(pnl > 0.0)) if pnl.size else math.nan


def payoff_ratio(pnl: FloatArray) -> float:
    """Average win over average loss, a positive number; NaN without wins or without losses.

    Examples
    --------
    >>> payoff_ratio(np.array([3.0, 1.0, -1.0]))
    2.0
    """
    wins, losses = pnl[pnl > 0.0], pnl[pnl < 0.0]
    if wins.size == 0 or losses.size == 0:
        return math.nan
    return float(np.mean(wins) / -np.mean(losses))


def profit_factor(pnl: FloatArray) -> float:
    """Sum of wins over sum of losses, a number >= 0; NaN without losses.

    Examples
    --------
    >>> profit_factor(np.array([3.0, 1.0, -1.0]))
    4.0
    """
    losses = -float(np.sum(pnl[pnl < 0.0]))
    return float(np.sum(pnl[pnl > 0.0])) / losses if losses > 0.0 else math.nan


def expectancy(pnl: FloatArray) -> float:
    """Average of all trades: of their pnl in currency, or of their returns as fractions.

    Examples
    --------
    >>> expectancy(np.array([3.0, 1.0, -1.0]))
    1.0
    """
    return float(np.mean(pnl)) if pnl.size else math.nan


def share_of_best(pnl: FloatArray, *, count: int) -> float:
    """Share of the sum of wins that the ``count`` best trades made; NaN without wins.

    Examples
    --------
    >>> share_of_best(np.array([3.0, 1.0, -5.0]), count=1)
    0.75
    """
    wins = np.sort(pnl[pnl > 0.0])[::-1]
    return float(np.sum(wins[:count]) / np.sum(wins)) if wins.size else math.nan


def _summed(row: IntArray, values: FloatArray, sessions: int) -> FloatArray:
    """Sum of the values of each session, in the order given."""
    return np.bincount(row, weights=values, minlength=sessions).astype(np.float64)

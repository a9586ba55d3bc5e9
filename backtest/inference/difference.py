"""Whether two strategies differ by more than luck: differences of Sharpe ratios and of means.

``first`` and ``second`` are excess returns over the same sessions, shape (T,); every difference is
first less second, so that above 0 the first did better. Ratios and means are per session, the
ratios with deviations over T - 1. One NaN, fewer than ten sessions or a strategy without volatility
make every number NaN; so does a difference that never moves: of a strategy with itself, or of the
ratios of one strategy at two leverages.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from backtest.inference.arrays import NOISE, FloatArray, same_sessions, square_root
from backtest.inference.blocks import (
    block_length as path_block_length,
)
from backtest.inference.blocks import circular_block_length, circular_rows, stationary_rows
from backtest.inference.longrun import prewhitened_variance
from backtest.inference.sharpe import sharpe_influence

_NORMAL = NormalDist()
_FEWEST = 10  # sessions; below, no error means anything
_SAME_INFLUENCE = 1e-9
_CHUNK = 64  # draws at a time; part of what a seed means


class Difference(NamedTuple):
    """A difference, its standard error, value / error, two-sided p-value of 0, and an interval."""

    value: float
    error: float
    statistic: float
    p_value: float
    low: float
    high: float
    block_length: int | None = None


class PairedDifferences(NamedTuple):
    """Differences of two strategies drawn together: of mean returns and of Sharpe ratios."""

    mean: Difference
    sharpe: Difference


def sharpe_difference_error(
    first: float, second: float, *, correlation: float, observations: int
) -> float:
    r"""Error (standard) of the difference of two Sharpe ratios of independent normal returns.

    ``correlation`` is that of the two strategies' returns; the ratios are per period.

    Notes
    -----
    .. math:: \sqrt{\left( 2 - 2 \rho + (SR_a^2 + SR_b^2 - 2 SR_a SR_b \rho^2) / 2 \right) / n}

    References
    ----------
    Jobson & Korkie (1981), Performance hypothesis testing with the Sharpe and Treynor measures,
    Journal of Finance 36(4), 889-908; Memmel (2003), Performance hypothesis testing with the
    Sharpe ratio, Finance Letters 1, 21-23, who mends it.

    Examples
    --------
    >>> round(sharpe_difference_error(0.2, 0.1, correlation=0.5, observations=120), 6)
    0.092195
    """
    curve = (first**2 + second**2 - 2.0 * first * second * correlation**2) / 2.0
    return square_root((2.0 - 2.0 * correlation + curve) / observations)


def sharpe_difference_memmel(
    first: FloatArray, second: FloatArray, *, level: float = 0.90
) -> Difference:
    """Difference of Sharpe ratios with the error of independent normal returns.

    The quickest answer, and the most trusting: fat tails and memory make the true error larger.

    References
    ----------
    As for :func:`sharpe_difference_error`.
    """
    a, b = same_sessions(first, second)
    if not _ratios_differ(a, b):
        return _unknown()
    left, right = a - np.mean(a), b - np.mean(b)
    spread = math.sqrt(float(np.sum(left**2)) * float(np.sum(right**2)))
    correlation = float(np.sum(left * right)) / spread
    error = sharpe_difference_error(
        _sharpe(a), _sharpe(b), correlation=correlation, observations=a.size
    )
    return _normal(_sharpe(a) - _sharpe(b), error, level=level)


def sharpe_difference_ledoit_wolf(
    first: FloatArray, second: FloatArray, *, level: float = 0.90
) -> Difference:
    r"""Difference of Sharpe ratios with an error that bears fat tails and memory.

    Notes
    -----
    Delta method on means and second moments. The covariance of the four moments need not be formed:
    the difference is, to first order, the mean of the difference of the two ratios' influences (see
    :func:`~backtest.inference.sharpe.sharpe_influence`), and its long-run variance is found by the
    quadratic spectral kernel after prewhitening, times T / (T - 4). As the memory taken out is that
    of the one series that matters, the answer does not hang on the units of returns.

    References
    ----------
    Ledoit & Wolf (2008), Robust performance hypothesis testing with the Sharpe ratio, Journal of
    Empirical Finance 15(5), 850-859, section 3.1.
    """
    a, b = same_sessions(first, second)
    if not _ratios_differ(a, b):
        return _unknown()
    return _normal(_sharpe(a) - _sharpe(b), _robust_error(a, b), level=level)


def sharpe_difference_bootstrap(
    first: FloatArray,
    second: FloatArray,
    *,
    seed: int,
    draws: int = 1000,
    block_length: int | None = None,
    level: float = 0.90,
) -> Difference:
    r"""Difference of Sharpe ratios judged by the studentised circular block bootstrap.

    The most careful of the three, and the one its authors advise for samples of usual size.

    Parameters
    ----------
    first, second
        Excess returns of the same sessions, shape (T,).
    block_length
        Sessions in a block; without it the circular block of Politis and White for the influences
        (the authors calibrate it by simulation, which costs far more and changes little).

    Notes
    -----
    With :math:`\hat\Delta` the difference, s its robust error, and in each draw
    :math:`\Delta^*` and the error :math:`s^*` of the blocks' sums,

    .. math:: d^* = |\Delta^* - \hat\Delta| / s^*, \quad
              p = \frac{1 + \#\{d^* \ge |\hat\Delta| / s\}}{1 + draws}

    and the interval is :math:`\hat\Delta \pm s` times the quantile ``level`` of d*.

    References
    ----------
    Ledoit & Wolf (2008), as for :func:`sharpe_difference_ledoit_wolf`, section 3.2 and 3.3.
    """
    a, b = same_sessions(first, second)
    if not _ratios_differ(a, b):
        return _unknown()
    influence = sharpe_influence(a) - sharpe_influence(b)
    length = round(circular_block_length(influence)) if block_length is None else block_length
    generator = np.random.default_rng(seed)
    value, error = _sharpe(a) - _sharpe(b), _robust_error(a, b)
    distance = np.empty(draws)
    for start in range(0, draws, _CHUNK):
        count = min(_CHUNK, draws - start)
        rows = circular_rows(a.size, length=length, draws=count, generator=generator)
        left, right = np.tile(a, 2)[rows], np.tile(b, 2)[rows]
        drawn = _sharpes(left) - _sharpes(right)
        errors = _block_errors(_influences(left) - _influences(right), length=length)
        # A draw without an error holds one session over and over: it says nothing of 0.
        ratios = np.full(count, math.inf)
        np.divide(np.abs(drawn - value), errors, out=ratios, where=errors > NOISE)
        distance[start : start + count] = ratios
    statistic = value / error
    odds = (1.0 + float(np.sum(distance >= abs(statistic)))) / (1.0 + draws)
    reach = float(np.quantile(distance, level, method="higher")) * error
    return Difference(value, error, statistic, odds, value - reach, value + reach, length)


def paired_bootstrap_difference(
    first: FloatArray,
    second: FloatArray,
    *,
    seed: int,
    draws: int = 1000,
    block_length: int | None = None,
    level: float = 0.90,
) -> PairedDifferences:
    """Differences of mean returns and of Sharpe ratios, sessions of both drawn together.

    Parameters
    ----------
    first, second
        Excess returns of the same sessions, shape (T,).
    block_length
        Mean block in sessions; without it that of the differences of returns
        (:func:`~backtest.inference.blocks.block_length`).

    Returns
    -------
    PairedDifferences
        The errors are deviations of the draws; the intervals are percentiles of the draws; the
        p-value is the share of draws that stray from the value by as much as it is from 0. Interval
        and p-value may disagree by a little near the edge.

    References
    ----------
    Politis & Romano (1994), The stationary bootstrap, Journal of the American Statistical
    Association 89(428), 1303-1313.
    """
    a, b = same_sessions(first, second)
    if not _are_known(a, b):
        return PairedDifferences(_unknown(), _unknown())
    length = path_block_length(a - b) if block_length is None else block_length
    generator = np.random.default_rng(seed)
    means, ratios = np.empty(draws), np.empty(draws)
    for start in range(0, draws, _CHUNK):
        count = min(_CHUNK, draws - start)
        rows = stationary_rows(a.size, length=length, draws=count, generator=generator)
        left, right = np.tile(a, 2)[rows], np.tile(b, 2)[rows]
        means[start : start + count] = np.mean(left - right, axis=1)
        ratios[start : start + count] = _sharpes(left) - _sharpes(right)
    of_means = _drawn(float(np.mean(a - b)), means, level=level, length=length)
    of_ratios = _drawn(_sharpe(a) - _sharpe(b), ratios, level=level, length=length)
    return PairedDifferences(
        of_means if float(np.std(a - b)) > NOISE else _unknown(),
        of_ratios if _ratios_differ(a, b) else _unknown(),
    )


def _robust_error(a: FloatArray, b: FloatArray) -> float:
    """Error of the difference by the prewhitened quadratic spectral kernel."""
    variance = prewhitened_variance(sharpe_influence(a) - sharpe_influence(b))
    return square_root(variance / (a.size - 4))


def _block_errors(influences: FloatArray, *, length: int) -> FloatArray:
    """Errors of the drawn differences, shape (draws,), from the sums of whole blocks."""
    draws, size = influences.shape
    blocks = max(1, size // length)
    whole = influences[:, : blocks * length].reshape(draws, blocks, -1)
    sums = np.sum(whole, axis=2)
    return np.asarray(np.sqrt(np.mean(np.square(sums), axis=1) / whole.shape[2] / size))


def _influences(returns: FloatArray) -> FloatArray:
    """:func:`sharpe_influence` of each row, shape (draws, T); 0 without volatility."""
    mean = np.mean(returns, axis=1, keepdims=True)
    second = np.mean(np.square(returns), axis=1, keepdims=True)
    spread = np.std(returns, axis=1, keepdims=True)
    scale = np.divide(1.0, spread**3, out=np.zeros_like(spread), where=spread > NOISE)
    return np.asarray(
        scale * (second * (returns - mean) - mean / 2.0 * (np.square(returns) - second))
    )


def _sharpe(returns: FloatArray) -> float:
    return float(np.mean(returns)) / float(np.std(returns, ddof=1))


def _sharpes(returns: FloatArray) -> FloatArray:
    """Ratio of each row; 0 without volatility, as where one flat session fills a draw."""
    spread = np.std(returns, axis=1, ddof=1)
    mean = np.mean(returns, axis=1)
    return np.asarray(np.divide(mean, spread, out=np.zeros_like(mean), where=spread > NOISE))


def _are_known(a: FloatArray, b: FloatArray) -> bool:
    """Whether both have no NaN, move, and are long enough."""
    if a.size < _FEWEST or np.isnan(a).any() or np.isnan(b).any():
        return False
    return min(float(np.std(a)), float(np.std(b))) > NOISE


def _ratios_differ(a: FloatArray, b: FloatArray) -> bool:
    """Whether both are known, and their ratios are not one and the same by construction."""
    # Influences are of size 1, whatever the returns are.
    return _are_known(a, b) and (
        float(np.std(sharpe_influence(a) - sharpe_influence(b))) > _SAME_INFLUENCE
    )


def _normal(value: float, error: float, *, level: float) -> Difference:
    """Difference judged by the normal distribution."""
    if not error > 0.0:
        return _unknown()
    statistic = value / error
    reach = _NORMAL.inv_cdf((1.0 + level) / 2.0) * error
    odds = 2.0 * _NORMAL.cdf(-abs(statistic))
    return Difference(value, error, statistic, odds, value - reach, value + reach)


def _drawn(value: float, draws: FloatArray, *, level: float, length: int) -> Difference:
    """Difference judged by its draws."""
    tail = (1.0 - level) / 2.0
    low, high = np.quantile(draws, [tail, 1.0 - tail])
    error = float(np.std(draws, ddof=1))
    strays = float(np.sum(np.abs(draws - value) >= abs(value)))
    return Difference(
        value,
        error,
        value / error if error > 0.0 else math.nan,
        (1.0 + strays) / (1.0 + draws.size),
        float(low),
        float(high),
        length,
    )


def _unknown() -> Difference:
    return Difference(math.nan, math.nan, math.nan, math.nan, math.nan, math.nan)

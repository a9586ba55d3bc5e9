"""Rows drawn again in blocks, so that what hangs together in time stays together."""

from __future__ import annotations

import math

import numpy as np

from backtest.inference.arrays import FloatArray, IntArray

_STATIONARY, _CIRCULAR = 2.0, 4.0 / 3.0  # the constants of the two bootstraps' variances


def stationary_block_length(values: FloatArray) -> float:
    r"""Mean block that estimates the variance of the mean of ``values`` best; at least 1, in rows.

    Parameters
    ----------
    values
        Shape (T,). NaN with a NaN; 1 where nothing moved and below 9 rows.

    Notes
    -----
    .. math:: b = (G^2 / g(0)^2)^{1/3} T^{1/3}, \quad G = \sum_k \lambda(k / M) |k| R(k), \quad
              g(0) = \sum_k \lambda(k / M) R(k)

    with the autocovariances R and the flat-top window :math:`\lambda(x) = \min(1, 2 (1 - |x|))`. M
    is twice the first lag from which max(5, log10 T) autocorrelations are within
    :math:`2 \sqrt{\log_{10} T / T}`; b is at most :math:`\min(3 \sqrt T, T / 3)`.

    References
    ----------
    Politis & White (2004), Automatic block-length selection for the dependent bootstrap,
    Econometric Reviews 23(1), 53-70; corrected by Patton, Politis & White (2009), 28(4), 372-375.

    Examples
    --------
    >>> stationary_block_length(np.tile([0.01, -0.01, -0.02, 0.02], 25)) > 1.0
    True
    """
    return _block_length(values, _STATIONARY)


def circular_block_length(values: FloatArray) -> float:
    """Like :func:`stationary_block_length`, for blocks of one length: 1.14 times as long."""
    return _block_length(values, _CIRCULAR)


def block_length(returns: FloatArray) -> int:
    """Mean block, in whole rows, for measures of a path of ``returns``, shape (T,).

    The longer of the best for the returns and for their squares: returns forget within days, their
    size for weeks, and deviations and drawdowns depend on it. 0 with a NaN: no blocks can be drawn.
    """
    centred = returns - np.mean(returns)
    longest = max(stationary_block_length(centred), stationary_block_length(np.square(centred)))
    return 0 if np.isnan(centred).any() else round(longest)


def stationary_rows(
    size: int, *, length: float, draws: int, generator: np.random.Generator
) -> IntArray:
    r"""Row numbers of the stationary bootstrap, shape (draws, size), from 0 to 2 size - 1.

    A number of ``size`` or more means the row that much before: write the values twice, one after
    the other, and take from there. Blocks begin anywhere, last ``length`` on average, and run on
    from the last row to the first.

    Notes
    -----
    Lengths are geometric: each row begins a new block with probability 1 / length.

    References
    ----------
    Politis & Romano (1994), The stationary bootstrap, Journal of the American Statistical
    Association 89(428), 1303-1313.
    """
    odds = 1.0 / length
    chance = generator.random((draws, size))
    chance[:, 0] *= odds  # the first row always begins a block
    begins = np.flatnonzero(chance < odds)
    # A chance below the odds is itself even between 0 and the odds: it says where to begin.
    starts = np.minimum((chance.ravel()[begins] / odds * size).astype(np.int64), size - 1)
    return _run_on(starts, begins, draws=draws, size=size)


def circular_rows(
    size: int, *, length: int, draws: int, generator: np.random.Generator
) -> IntArray:
    """Row numbers of the circular block bootstrap, shape (draws, size), from 0 to 2 size - 1.

    As :func:`stationary_rows`, with blocks of ``length`` rows each, the last cut where it ends.

    References
    ----------
    Politis & Romano (1992), A circular block-resampling procedure for stationary data, in LePage &
    Billard (eds.), Exploring the Limits of Bootstrap, 263-270.
    """
    begins = (np.arange(draws)[:, None] * size + np.arange(0, size, length)).ravel()
    starts = generator.integers(0, size, begins.size)
    return _run_on(starts, begins, draws=draws, size=size)


def _run_on(starts: IntArray, begins: IntArray, *, draws: int, size: int) -> IntArray:
    """Rows counted on from each start; ``begins`` are the places of the starts, row by row."""
    lasting = np.diff(begins, append=draws * size)
    shift = np.repeat(starts - begins % size, lasting).reshape(draws, size)
    return np.asarray(shift + np.arange(size), dtype=np.int64)


def _block_length(values: FloatArray, constant: float) -> float:
    """Block length for a bootstrap whose variance has ``constant`` in front of g(0)^2."""
    size = values.size
    if np.isnan(values).any():
        return math.nan
    quiet = max(5, int(math.log10(max(size, 1))))
    longest = min(math.ceil(math.sqrt(size)) + quiet, size - 1)
    if size < 9 or longest <= quiet:
        return 1.0
    centred = values - np.mean(values)
    covariances = np.array(
        [float(np.sum(centred[lag:] * centred[: size - lag])) for lag in range(longest + 1)]
    )
    covariances /= size
    # Rounding alone: a mean that is not exact leaves about 1e-16 of the largest value.
    if not covariances[0] > 1e-24 * float(np.max(np.square(values))):
        return 1.0
    small = np.abs(covariances / covariances[0]) < 2.0 * math.sqrt(math.log10(size) / size)
    runs = (first for first in range(longest - quiet + 1) if small[first : first + quiet].all())
    window = min(2 * max(next(runs, longest), 1), longest)
    lags = np.arange(1, window + 1)
    weighted = 2.0 * np.minimum(1.0, 2.0 * (1.0 - lags / window)) * covariances[1 : window + 1]
    slope, level = float(np.sum(weighted * lags)), float(covariances[0] + np.sum(weighted))
    if level == 0.0:
        return 1.0
    best: float = (2.0 * slope**2 / (constant * level**2) * size) ** (1.0 / 3.0)
    return max(1.0, min(best, math.ceil(min(3.0 * math.sqrt(size), size / 3.0))))

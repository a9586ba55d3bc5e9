"""Whether the best of many beats a benchmark by more than luck, and which may be the best.

Matrices have one row per session and one column per strategy, shape (T, N). In the tests against a
benchmark the cells are returns less the benchmark's, positive where the strategy did better. Many
strategies that were tried have to be there, not only those that were kept.

``arch`` has the same tests on losses, the sign turned. Its ``SPA`` does not divide the statistic by
its deviation, whatever ``studentize`` says (release 8.0): its upper p-value is White's reality
check, and Hansen's test is :func:`spa` here. Its model confidence set is used as it is.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from backtest.inference.arrays import NOISE, BoolArray, FloatArray, trial_matrix
from backtest.inference.blocks import stationary_block_length, stationary_rows

_CHUNK = 64  # draws at a time; part of what a seed means


class RealityCheck(NamedTuple):
    """Statistic and p-value, the column of the best strategy, and the mean block in sessions."""

    statistic: float
    p_value: float
    best: int
    block_length: int


class SuperiorAbility(NamedTuple):
    """Statistic, its three p-values, the column of the best strategy, the mean block in sessions.

    ``consistent`` is the one to report; ``lower`` and ``upper`` are its bounds, and ``upper`` what
    the test says if poor strategies count as if they were as good as the benchmark.
    """

    statistic: float
    lower: float
    consistent: float
    upper: float
    best: int
    block_length: int


class ConfidenceSet(NamedTuple):
    """Columns that may be the best, rising, and each column's p-value of being so, shape (N,)."""

    included: tuple[int, ...]
    p_values: FloatArray
    block_length: int


def reality_check(
    differences: FloatArray,
    *,
    seed: int,
    draws: int = 1000,
    block_length: int | None = None,
    trials: int | None = None,
) -> RealityCheck:
    r"""White's test that no strategy beats the benchmark, by mean difference of returns.

    Parameters
    ----------
    differences
        Returns less the benchmark's, shape (T, N). A NaN is an error.
    block_length
        Mean block in sessions; without it the median of the columns' own.
    trials
        N, where there are more strategies than sessions.

    Notes
    -----
    .. math:: V = \max_k \sqrt T \bar d_k, \quad
              p = \frac{1 + \#\{\max_k \sqrt T (\bar d_k^* - \bar d_k) \ge V\}}{1 + draws}

    Not studentised: one wild strategy can hide a steady one, and poor strategies raise the p-value.

    References
    ----------
    White (2000), A reality check for data snooping, Econometrica 68(5), 1097-1126.
    """
    matrix = _known(differences, trials=trials)
    length = _length(matrix) if block_length is None else block_length
    root, means = math.sqrt(matrix.shape[0]), np.mean(matrix, axis=0)
    drawn = _mean_draws(matrix, length=length, draws=draws, seed=seed)
    statistic = root * float(np.max(means))
    luck = root * np.max(drawn - means, axis=1)
    return RealityCheck(statistic, _share(luck, statistic), int(np.argmax(means)), length)


def spa(
    differences: FloatArray,
    *,
    seed: int,
    draws: int = 1000,
    block_length: int | None = None,
    trials: int | None = None,
) -> SuperiorAbility:
    r"""Hansen's test that no strategy beats the benchmark: superior predictive ability.

    Parameters
    ----------
    differences, block_length, trials
        As for :func:`reality_check`. A column that does not move is left out; NaN where none does.

    Notes
    -----
    .. math:: V = \max(0, \max_k \sqrt T \bar d_k / \omega_k)

    with :math:`\omega_k^2` the variance of :math:`\sqrt T \bar d_k` under the stationary bootstrap
    itself. Draws are centred on d_k for ``upper``, on max(d_k, 0) for ``lower``, and for
    ``consistent`` on d_k unless it is below :math:`-\omega_k \sqrt{2 \ln \ln T / T}`, when a
    strategy is too poor to matter and stays so in every draw.

    References
    ----------
    Hansen (2005), A test for superior predictive ability, Journal of Business & Economic
    Statistics 23(4), 365-380.
    """
    matrix = _known(differences, trials=trials)
    size = matrix.shape[0]
    length = _length(matrix) if block_length is None else block_length
    deviations = np.sqrt(_bootstrap_variances(matrix, length=length))
    moves = deviations > NOISE
    if not moves.any():
        return SuperiorAbility(math.nan, math.nan, math.nan, math.nan, 0, length)
    means = np.mean(matrix[:, moves], axis=0)
    scale = math.sqrt(size) / deviations[moves]
    statistic = max(0.0, float(np.max(means * scale)))
    poor = means * scale < -math.sqrt(2.0 * math.log(math.log(size)))
    drawn = _mean_draws(matrix[:, moves], length=length, draws=draws, seed=seed)
    lower, consistent, upper = (
        _share(np.maximum(0.0, np.max((drawn - centre) * scale, axis=1)), statistic)
        for centre in (np.maximum(means, 0.0), np.where(poor, 0.0, means), means)
    )
    best = int(np.flatnonzero(moves)[np.argmax(means * scale)])
    return SuperiorAbility(statistic, lower, consistent, upper, best, length)


def model_confidence_set(
    returns: FloatArray,
    *,
    seed: int,
    size: float = 0.10,
    draws: int = 1000,
    block_length: int | None = None,
    trials: int | None = None,
) -> ConfidenceSet:
    """Strategies among which the best is, with probability 1 - ``size``, by mean return.

    Parameters
    ----------
    returns
        Excess returns, shape (T, N), higher is better. A NaN is an error, as are two columns that
        are the same: they cannot be told apart. Divide each by its deviation to compare the
        ratios of strategies of unlike risk, roughly.
    size
        Strategies whose p-value is at most this are left out.
    block_length, trials
        As for :func:`reality_check`.

    Notes
    -----
    By the range statistic; the worst is left out first, until no difference is left to see. With
    little data the set is large: that nobody is excluded says nothing good of anybody.

    References
    ----------
    Hansen, Lunde & Nason (2011), The model confidence set, Econometrica 79(2), 453-497.
    """
    matrix = _known(returns, trials=trials)
    length = _length(matrix) if block_length is None else block_length
    columns = matrix.shape[1]
    same = _copies(matrix)
    if same is not None:
        raise ValueError(
            f"columns {same[0]} and {same[1]} hold the same returns, or ones a constant apart: "
            "leave one out, nothing can tell them apart"
        )
    if columns == 1:
        return ConfidenceSet((0,), np.ones(1), length)
    from arch.bootstrap import MCS

    # arch takes losses: the best strategy has the lowest.
    found = MCS(-matrix, size, reps=draws, block_size=length, bootstrap="stationary", seed=seed)
    found.compute()
    table = found.pvalues["Pvalue"]
    p_values = np.array([float(table.loc[column]) for column in range(columns)])
    return ConfidenceSet(tuple(np.flatnonzero(p_values > size).tolist()), p_values, length)


def _known(values: FloatArray, *, trials: int | None) -> FloatArray:
    """Matrix without NaN and with at least two sessions."""
    matrix = trial_matrix(values, trials=trials)
    if matrix.shape[1] == 0 or matrix.shape[0] < 3:
        raise ValueError(f"expected at least 3 sessions x 1 strategy, got shape {matrix.shape}")
    unknown = np.flatnonzero(np.isnan(matrix).any(axis=0))
    if unknown.size:
        raise ValueError(
            f"column {unknown[0]} holds NaN: keep the sessions where every strategy is known"
        )
    return matrix


def _length(matrix: FloatArray) -> int:
    """Mean block for all columns: the median of their own."""
    return round(float(np.median([stationary_block_length(column) for column in matrix.T])))


def _mean_draws(matrix: FloatArray, *, length: int, draws: int, seed: int) -> FloatArray:
    """Column means of resampled rows, shape (draws, N)."""
    size = matrix.shape[0]
    generator = np.random.default_rng(seed)
    means = np.empty((draws, matrix.shape[1]))
    for start in range(0, draws, _CHUNK):
        count = min(_CHUNK, draws - start)
        rows = stationary_rows(size, length=length, draws=count, generator=generator) % size
        places = rows + np.arange(count)[:, None] * size
        times = np.bincount(places.ravel(), minlength=count * size).reshape(count, size)
        # How often each row was drawn, times the rows: the matrix product is far quicker than
        # gathering, and its last bits, which may change between machines, only meet inequalities.
        means[start : start + count] = times.astype(np.float64) @ matrix / size
    return means


def _bootstrap_variances(matrix: FloatArray, *, length: int) -> FloatArray:
    r"""Variance of :math:`\sqrt T` times the resampled mean of each column, shape (N,).

    Notes
    -----
    .. math:: \gamma_0 + 2 \sum_i \kappa_i \gamma_i, \quad
              \kappa_i = \frac{T - i}{T} (1 - q)^i + \frac{i}{T} (1 - q)^{T - i}, \; q = 1 / length

    References
    ----------
    Politis & Romano (1994), lemma 1; Hansen (2005), section 3.2.
    """
    size = matrix.shape[0]
    spectrum = np.fft.rfft(matrix - np.mean(matrix, axis=0), 2 * size, axis=0)
    power = np.square(np.abs(spectrum))
    covariances = np.fft.irfft(power, 2 * size, axis=0)[:size] / size
    lags, stay = np.arange(1, size), 1.0 - 1.0 / length
    weights = (size - lags) / size * stay**lags + lags / size * stay ** (size - lags)
    total = covariances[0] + 2.0 * np.sum(weights[:, None] * covariances[1:], axis=0)
    return np.asarray(np.maximum(total, 0.0))


def _share(luck: FloatArray, statistic: float) -> float:
    """P-value of ``statistic`` among draws of luck alone; itself counts as one, so never 0."""
    return (1.0 + float(np.sum(luck >= statistic))) / (1.0 + luck.size)


def _copies(matrix: FloatArray) -> tuple[int, int] | None:
    """First two columns whose difference does not move."""
    for at in range(matrix.shape[1] - 1):
        apart = np.std(matrix[:, at + 1 :] - matrix[:, at : at + 1], axis=0)
        same: BoolArray = apart <= NOISE
        if same.any():
            return at, at + 1 + int(np.argmax(same))
    return None

"""Luck of the best of many trials: the maximum to expect, and what is left of a ratio beyond it.

Sharpe ratios are per period, as in :mod:`backtest.inference.sharpe`, but for the target of
:func:`min_backtest_years`. The number of trials counts every variant that was tried and could have
been picked, those thrown away too; trials that resemble one another count as fewer
(:func:`effective_trials`, :func:`trial_clusters`), so it need not be whole.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from backtest.inference.arrays import FloatArray, IntArray, correlation_matrix
from backtest.inference.sharpe import probabilistic_sharpe

_NORMAL = NormalDist()
_EULER_MASCHERONI = 0.5772156649015329


def expected_maximum(trials: float) -> float:
    r"""Largest, as expected, of ``trials`` independent standard normal numbers, approximately.

    The papers' formula: 2.4 % high for 10 trials, 0.4 % for 1,000. One trial is 0 exactly, and
    between one and two, where the formula falls below 0, so is the answer.

    Notes
    -----
    .. math:: (1 - \gamma) Z(1 - 1/N) + \gamma Z(1 - 1/(N e)), \quad \gamma = 0.5772...

    References
    ----------
    Bailey, Borwein, Lopez de Prado & Zhu (2014), Pseudo-mathematics and financial charlatanism,
    Notices of the AMS 61(5), 458-471.

    Examples
    --------
    >>> round(expected_maximum(10), 4)
    1.5746
    """
    _at_least_one(trials)
    if trials == 1:
        return 0.0
    first = _NORMAL.inv_cdf(1.0 - 1.0 / trials)
    second = _NORMAL.inv_cdf(1.0 - 1.0 / (trials * math.e))
    return max(0.0, (1.0 - _EULER_MASCHERONI) * first + _EULER_MASCHERONI * second)


def expected_maximum_exact(trials: float) -> float:
    r"""Largest, as expected, of ``trials`` independent standard normal numbers, by integration.

    Notes
    -----
    .. math:: \int x \, N \varphi(x) \Phi(x)^{N-1} dx
              = \int_0^\infty (1 - \Phi(x)^N) dx - \int_{-\infty}^0 \Phi(x)^N dx

    References
    ----------
    David & Nagaraja (2003), Order Statistics, 3rd ed., ch. 3.

    Examples
    --------
    >>> round(expected_maximum_exact(10), 4)
    1.5388
    """
    from scipy.integrate import quad
    from scipy.special import log_ndtr

    _at_least_one(trials)

    def above(x: float) -> float:
        return -math.expm1(trials * float(log_ndtr(x)))

    def below(x: float) -> float:
        return math.exp(trials * float(log_ndtr(x)))

    # Nothing of the normal is left beyond 40, so finite bounds lose nothing.
    high = quad(above, 0.0, 8.0, epsabs=1e-12, limit=200)[0] + quad(above, 8.0, 40.0)[0]
    return float(high - quad(below, -40.0, 0.0, epsabs=1e-12, limit=200, points=[-8.0])[0])


def deflated_sharpe(
    sharpe: float,
    observations: int,
    *,
    skewness: float,
    kurtosis: float,
    trials: float,
    trial_variance: float,
) -> float:
    r"""Probability that the best of ``trials`` has skill beyond the luck of being picked.

    ``trial_variance`` is the variance of the trials' Sharpe ratios per period, by
    :func:`trial_variance` where they are of histories of different lengths. For the exact
    maximum give ``sqrt(trial_variance) * expected_maximum_exact(trials)`` as the threshold of
    :func:`~backtest.inference.sharpe.probabilistic_sharpe`.

    Notes
    -----
    The probabilistic Sharpe ratio against the best that luck alone would give,

    .. math:: SR^* = \sqrt{Var(SR_k)} \, E[\max_N]

    References
    ----------
    Bailey & Lopez de Prado (2014), The deflated Sharpe ratio, Journal of Portfolio Management
    40(5), 94-107.

    Examples
    --------
    The paper's example: 2.5 a year over five years of 250 days, the best of 100.

    >>> best = 2.5 / math.sqrt(250)
    >>> odds = deflated_sharpe(
    ...     best, 1250, skewness=-3.0, kurtosis=10.0, trials=100, trial_variance=0.5 / 250
    ... )
    >>> round(odds, 4)
    0.9004
    """
    luck = math.sqrt(trial_variance) * expected_maximum(trials)
    return probabilistic_sharpe(
        sharpe, observations, skewness=skewness, kurtosis=kurtosis, threshold=luck
    )


def haircut_sharpe(sharpe: float, observations: int, *, trials: float) -> float:
    r"""Sharpe ratio that would be as unlikely alone as ``sharpe`` is as the best of ``trials``.

    Two-sided, by Bonferroni's bound, which holds however the trials are related; 0 where the best
    of so many is no surprise at all. The sign is kept.

    Notes
    -----
    .. math:: p = 2 \Phi(-|SR| \sqrt{n}), \quad
              SR' = -Z(\min(1, N p) / 2) / \sqrt{n}

    References
    ----------
    Harvey & Liu (2015), Backtesting, Journal of Portfolio Management 42(1), 13-28.

    Examples
    --------
    Ten trials turn 3 standard errors into 2.2:

    >>> round(haircut_sharpe(0.3, 100, trials=10), 3)
    0.221
    """
    _at_least_one(trials)
    if math.isnan(sharpe):
        return math.nan
    root = math.sqrt(observations)
    odds = min(1.0, trials * 2.0 * _NORMAL.cdf(-abs(sharpe) * root))
    if odds == 0.0:  # beyond 38 standard errors a float holds no probability: nothing to cut
        return sharpe
    # From the lower tail: 1 - p / 2 would round to 1 long before p is nothing.
    left = max(0.0, -_NORMAL.inv_cdf(odds / 2.0)) / root
    return math.copysign(left, sharpe)


def trial_variance(sharpes: FloatArray, sessions: FloatArray, *, observations: int) -> float:
    r"""Variance of the trials' Sharpe ratios, for a ratio of ``observations`` sessions.

    Trials of one length give their plain variance, as the paper has it. A short history's ratio
    scatters more than a long one's: without skill its variance is 1 / T. So where lengths differ
    there are two answers, the plain variance and that of the ratios brought to ``observations``
    sessions, and the larger one is given: luck is never made to look smaller than it is.

    Parameters
    ----------
    sharpes
        Per session, shape (N,). NaN is no trial, and is left out.
    sessions
        That each ratio was measured over, shape (N,).
    observations
        Sessions of the ratio that is to be deflated.

    Returns
    -------
    float
        Over N - 1; NaN with fewer than two ratios.

    Notes
    -----
    .. math:: \max\left( Var(SR_k), \; Var(SR_k \sqrt{T_k / T}) \right)

    The second is the variance of the trials' t statistics over T. In neither does the number of
    sessions in a year matter for trials over the same dates.

    References
    ----------
    Lo (2002), The statistics of Sharpe ratios, Financial Analysts Journal 58(4), 36-52, for the
    1 / T; Bailey & Lopez de Prado (2014), as for :func:`deflated_sharpe`, for trials of one length.

    Examples
    --------
    Ratios of 100 sessions say more of luck in 25 than their plain variance does:

    >>> ratios, lengths = np.array([-0.1, 0.0, 0.1]), np.full(3, 100)
    >>> trial_variance(ratios, lengths, observations=100)
    0.010000000000000002
    >>> round(trial_variance(ratios, lengths, observations=25), 4)
    0.04
    """
    known = ~np.isnan(sharpes)
    if known.sum() < 2:
        return math.nan
    ratios, lengths = sharpes[known], sessions[known]
    plain = float(np.var(ratios, ddof=1))
    if np.all(lengths == observations):
        return plain
    return max(plain, float(np.var(ratios * np.sqrt(lengths / observations), ddof=1)))


def min_backtest_years(trials: float, *, target: float = 1.0) -> float:
    r"""Years of history below which the best of ``trials`` without skill is expected at ``target``.

    ``target`` is an annual Sharpe ratio > 0, the only annual one in this package.

    Notes
    -----
    .. math:: (E[\max_N] / target)^2 < 2 \ln N / target^2

    References
    ----------
    Bailey, Borwein, Lopez de Prado & Zhu (2014), as for :func:`expected_maximum`.

    Examples
    --------
    Five years allow no more than 45 trials:

    >>> round(min_backtest_years(45), 2)
    5.0
    """
    return (expected_maximum(trials) / target) ** 2


def effective_trials(correlations: FloatArray) -> float:
    r"""Number of independent trials that ``correlations`` amount to, from 1 to N.

    Parameters
    ----------
    correlations
        Of the trials' returns, shape (N, N). NaN is an error: a flat trial has none.

    Notes
    -----
    From the eigenvalues of the matrix, N of which are 1 for unrelated trials and one of which is N
    for copies of one,

    .. math:: \left( \sum_i \lambda_i \right)^2 / \sum_i \lambda_i^2
              = N^2 / \sum_{ij} \rho_{ij}^2

    Correlations found in T sessions are off by about 1 / sqrt(T) each, so that even unrelated
    trials come out as N / (1 + (N - 1) / T).

    References
    ----------
    Bretherton et al. (1999), The effective number of spatial degrees of freedom of a time-varying
    field, Journal of Climate 12(7), 1990-2009.

    Examples
    --------
    >>> effective_trials(np.eye(4)), effective_trials(np.ones((4, 4)))
    (4.0, 1.0)
    """
    matrix = correlation_matrix(correlations)
    return float(matrix.shape[0] ** 2 / np.sum(np.square(matrix)))


def trial_clusters(correlations: FloatArray, *, together: float = 0.5) -> IntArray:
    r"""Cluster of each trial, shape (N,): 0 for the first trial's, then in order of appearance.

    Clusters are joined, nearest first, while the average distance between two of them is at most
    that of a correlation of ``together``. The number of clusters is the number of trials for the
    deflated Sharpe ratio; the variance is that of the clusters' Sharpe ratios.

    Parameters
    ----------
    correlations
        Of the trials' returns, shape (N, N). NaN is an error.
    together
        Correlation, from -1 to 1. The idea is the reference's; there k-means and silhouettes
        choose the number of clusters, here a threshold does that can be read and repeated.

    Notes
    -----
    Average linkage on the distance :math:`\sqrt{(1 - \rho) / 2}`.

    References
    ----------
    Lopez de Prado & Lewis (2019), Detection of false investment strategies using unsupervised
    learning methods, Quantitative Finance 19(9), 1555-1565; Kaufman & Rousseeuw (1990), Finding
    Groups in Data, ch. 5, for average linkage.

    Examples
    --------
    >>> trial_clusters(np.array([[1.0, 0.1, 0.9], [0.1, 1.0, 0.1], [0.9, 0.1, 1.0]])).tolist()
    [0, 1, 0]
    """
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    matrix = correlation_matrix(correlations)
    if not -1.0 <= together <= 1.0:
        raise ValueError(f"together is a correlation from -1 to 1, got {together}")
    if matrix.shape[0] == 1:
        return np.zeros(1, dtype=np.int64)
    distance = np.sqrt(np.clip((1.0 - matrix) / 2.0, 0.0, 1.0))
    np.fill_diagonal(distance, 0.0)
    tree = linkage(squareform(distance, checks=False), method="average")
    labels = fcluster(tree, t=math.sqrt((1.0 - together) / 2.0), criterion="distance")
    found, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(found.size, dtype=np.int64)
    rank[np.argsort(first)] = np.arange(found.size)
    return rank[inverse]


def _at_least_one(trials: float) -> None:
    if not trials >= 1:
        raise ValueError(f"trials must be at least 1, got {trials}")

"""How much one Sharpe ratio can be trusted: its error, its odds, the record that it needs.

Conventions
-----------
Every Sharpe ratio here is per period, mean over standard deviation of excess returns, never
annualised; ``observations`` counts its periods. Skewness is 0 and kurtosis 3 for the normal (raw,
not excess). The probabilistic Sharpe ratio and the minimum track record follow the papers of 2012
and 2014: the variance holds the *observed* ratio, over observations - 1. The functions that end in
``_under_null`` follow the standard proposed in 2025: the variance holds the ratio *of the
hypothesis*, over observations. On the same data the two can differ widely.
What is not defined is NaN.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from backtest.inference.arrays import NOISE, FloatArray, square_root
from backtest.inference.longrun import newey_west_lags, newey_west_variance

_NORMAL = NormalDist()


def sharpe_error_iid(sharpe: float, observations: int) -> float:
    r"""Error (standard) of the Sharpe ratio of independent normal returns.

    Notes
    -----
    .. math:: \sqrt{(1 + SR^2 / 2) / n}

    References
    ----------
    Lo (2002), The statistics of Sharpe ratios, Financial Analysts Journal 58(4), 36-52.

    Examples
    --------
    >>> sharpe_error_iid(2.0, 12)
    0.5
    """
    return math.sqrt((1.0 + sharpe**2 / 2.0) / observations)


def sharpe_error_mertens(
    sharpe: float, observations: int, *, skewness: float, kurtosis: float
) -> float:
    r"""Error (standard) of the Sharpe ratio of independent returns of any shape.

    Over observations - 1, as in the probabilistic Sharpe ratio. NaN below two observations.

    Notes
    -----
    .. math:: \sqrt{(1 - \gamma_3 SR + (\gamma_4 - 1) SR^2 / 4) / (n - 1)}

    References
    ----------
    Mertens (2002), Comments on variance of the IID estimator in Lo; Bailey & Lopez de Prado
    (2012), The Sharpe ratio efficient frontier, Journal of Risk 15(2), 3-44.

    Examples
    --------
    >>> sharpe_error_mertens(2.0, 13, skewness=0.0, kurtosis=3.0)
    0.5
    """
    if observations < 2:
        return math.nan
    return square_root(_variance(sharpe, skewness, kurtosis) / (observations - 1))


def sharpe_error_hac(excess: FloatArray, *, lags: int | None = None) -> float:
    r"""Error (standard) of the Sharpe ratio of ``excess``, robust to shape and to autocorrelation.

    Parameters
    ----------
    excess
        Excess returns per period, shape (T,). NaN in, NaN out; NaN without volatility.
    lags
        Autocovariances counted, with Bartlett's falling weights. Without it
        floor(4 (T / 100)^(2/9)); with 0 the answer is the Mertens error over T.

    Notes
    -----
    Delta method on the mean :math:`\mu` and the second moment :math:`\gamma` with the Newey-West
    covariance :math:`\Psi` of :math:`(r, r^2)`:

    .. math:: \sqrt{g' \Psi g / T}, \quad
              g = (\gamma, -\mu / 2) / (\gamma - \mu^2)^{3/2}

    References
    ----------
    Ledoit & Wolf (2008), Robust performance hypothesis testing with the Sharpe ratio, Journal of
    Empirical Finance 15(5), 850-859; Newey & West (1987), Econometrica 55(3), 703-708, and (1994),
    Review of Economic Studies 61(4), 631-653, for the number of lags.

    Examples
    --------
    >>> round(sharpe_error_hac(np.array([-1.0, 1.0, -1.0, 1.0]), lags=0), 12)
    0.5
    """
    size = excess.size
    if size < 2 or float(np.std(excess)) <= NOISE:
        return math.nan
    bandwidth = newey_west_lags(size) if lags is None else lags
    return square_root(newey_west_variance(sharpe_influence(excess), lags=bandwidth) / size)


def sharpe_influence(excess: FloatArray) -> FloatArray:
    r"""Influence of each period on the Sharpe ratio, shape (T,), with mean 0.

    The ratio less its true value is the mean of the influences, but for terms of order 1 / T: any
    estimate of the variance of their mean is one of the variance of the ratio. NaN without
    volatility.

    Notes
    -----
    .. math:: g_1 (r_t - \mu) + g_2 (r_t^2 - \gamma), \quad
              g = (\gamma, -\mu / 2) / (\gamma - \mu^2)^{3/2}

    References
    ----------
    Ledoit & Wolf (2008), as for :func:`sharpe_error_hac`, section 3.1.

    Examples
    --------
    >>> sharpe_influence(np.array([-1.0, 1.0, -1.0, 1.0])).tolist()
    [-1.0, 1.0, -1.0, 1.0]
    """
    if float(np.std(excess)) <= NOISE:
        return np.full(excess.shape, math.nan)
    mean, second = float(np.mean(excess)), float(np.mean(np.square(excess)))
    gradient = np.array([second, -mean / 2.0]) / (second - mean**2) ** 1.5
    slope, curve = float(gradient[0]), float(gradient[1])
    return slope * (excess - mean) + curve * (np.square(excess) - second)


def sharpe_scaling(autocorrelations: FloatArray, *, periods: int) -> float:
    r"""Factor from a Sharpe ratio per period to one over ``periods``; sqrt(periods) if independent.

    ``autocorrelations`` are of lags 1, 2, ... up to ``periods`` - 1; lags not given count as 0.
    NaN where they leave the sum of the periods no variance.

    Notes
    -----
    .. math:: q / \sqrt{q + 2 \sum_{k=1}^{q-1} (q - k) \rho_k}

    References
    ----------
    Lo (2002), as for :func:`sharpe_error_iid`.

    Examples
    --------
    >>> sharpe_scaling(np.zeros(0), periods=4)
    2.0
    """
    known = autocorrelations[: periods - 1]
    weights = periods - np.arange(1, known.size + 1)
    spread = square_root(periods + 2.0 * float(np.sum(weights * known)))
    return periods / spread if spread != 0.0 else math.nan


def probabilistic_sharpe(
    sharpe: float,
    observations: int,
    *,
    skewness: float,
    kurtosis: float,
    threshold: float = 0.0,
) -> float:
    r"""Probability that the true Sharpe ratio exceeds ``threshold``, from 0 to 1.

    Never annualised: both ratios are per period. NaN below two observations.

    Notes
    -----
    .. math:: \Phi \left( \frac{(SR - SR^*) \sqrt{n - 1}}
              {\sqrt{1 - \gamma_3 SR + (\gamma_4 - 1) SR^2 / 4}} \right)

    References
    ----------
    Bailey & Lopez de Prado (2012), The Sharpe ratio efficient frontier, Journal of Risk 15(2).

    Examples
    --------
    >>> round(probabilistic_sharpe(0.458, 24, skewness=-2.448, kurtosis=10.164), 3)
    0.913
    """
    error = sharpe_error_mertens(sharpe, observations, skewness=skewness, kurtosis=kurtosis)
    return _probability(sharpe - threshold, error)


def probabilistic_sharpe_under_null(
    sharpe: float,
    observations: int,
    *,
    skewness: float,
    kurtosis: float,
    threshold: float = 0.0,
) -> float:
    r"""One minus the p-value of a true Sharpe ratio of ``threshold``: the standard of 2025.

    Notes
    -----
    .. math:: \Phi \left( \frac{(SR - SR^*) \sqrt{n}}
              {\sqrt{1 - \gamma_3 SR^* + (\gamma_4 - 1) SR^{*2} / 4}} \right)

    References
    ----------
    Lopez de Prado, Lipton & Zoonekynd (2025), Sharpe ratio inference: a new standard for
    reporting and decision making, SSRN 5520741.

    Examples
    --------
    >>> sharpe = 0.036 / 0.079
    >>> round(probabilistic_sharpe_under_null(sharpe, 24, skewness=-2.448, kurtosis=10.164), 3)
    0.987
    """
    error = square_root(_variance(threshold, skewness, kurtosis) / observations)
    return _probability(sharpe - threshold, error)


def min_track_record(
    sharpe: float,
    *,
    skewness: float,
    kurtosis: float,
    threshold: float = 0.0,
    confidence: float = 0.95,
) -> float:
    r"""Observations until the probabilistic Sharpe ratio reaches ``confidence``.

    Infinite where ``sharpe`` is not above ``threshold``: no record is long enough.

    Notes
    -----
    .. math:: 1 + (1 - \gamma_3 SR + (\gamma_4 - 1) SR^2 / 4) (z_\alpha / (SR - SR^*))^2

    References
    ----------
    Bailey & Lopez de Prado (2012), as for :func:`probabilistic_sharpe`.

    Examples
    --------
    >>> round(min_track_record(0.458, skewness=-2.448, kurtosis=10.164), 4)
    34.5575
    """
    if sharpe <= threshold:
        return math.inf
    quantile = _NORMAL.inv_cdf(confidence)
    return 1.0 + _variance(sharpe, skewness, kurtosis) * (quantile / (sharpe - threshold)) ** 2


def min_track_record_under_null(
    sharpe: float,
    *,
    skewness: float,
    kurtosis: float,
    threshold: float = 0.0,
    confidence: float = 0.95,
) -> float:
    r"""Observations until a true Sharpe ratio of ``threshold`` is rejected: the standard of 2025.

    Infinite where ``sharpe`` is not above ``threshold``.

    Notes
    -----
    .. math:: (1 - \gamma_3 SR^* + (\gamma_4 - 1) SR^{*2} / 4) (z_\alpha / (SR - SR^*))^2

    References
    ----------
    Lopez de Prado, Lipton & Zoonekynd (2025), as for :func:`probabilistic_sharpe_under_null`.

    Examples
    --------
    >>> round(min_track_record_under_null(0.036 / 0.079, skewness=-2.448, kurtosis=10.164), 3)
    13.029
    """
    if sharpe <= threshold:
        return math.inf
    quantile = _NORMAL.inv_cdf(confidence)
    return _variance(threshold, skewness, kurtosis) * (quantile / (sharpe - threshold)) ** 2


def _variance(sharpe: float, skewness: float, kurtosis: float) -> float:
    """Asymptotic variance of a Sharpe ratio, times the observations."""
    return 1.0 - skewness * sharpe + (kurtosis - 1.0) / 4.0 * sharpe**2


def _probability(distance: float, error: float) -> float:
    """Probability of the normal below ``distance`` standard errors; NaN without an error."""
    if math.isnan(distance) or not error > 0.0:
        return math.nan
    return _NORMAL.cdf(distance / error)

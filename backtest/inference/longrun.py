"""Memory of a series: its autocorrelations, and the long-run variance that it makes."""

from __future__ import annotations

import math

import numpy as np

from backtest.inference.arrays import NOISE, FloatArray

_MOST_MEMORY = 0.97  # of the prewhitening regression: nearer to 1 the variance has no bound


def autocorrelations(values: FloatArray, *, lags: int) -> FloatArray:
    r"""Autocorrelations of lags 1 to ``lags``, shape (lags,); NaN where nothing moved.

    Notes
    -----
    .. math:: \sum_{t > k} (r_t - \bar r)(r_{t-k} - \bar r) / \sum_t (r_t - \bar r)^2

    Examples
    --------
    >>> autocorrelations(np.array([1.0, -1.0, 1.0, -1.0]), lags=2).tolist()
    [-0.75, 0.5]
    """
    centred = values - np.mean(values)
    total = float(np.sum(np.square(centred)))
    if not total > NOISE**2 * values.size:
        return np.full(lags, math.nan)
    sums = [float(np.sum(centred[lag:] * centred[:-lag])) for lag in range(1, lags + 1)]
    return np.array(sums, dtype=np.float64) / total


def newey_west_lags(observations: int) -> int:
    """Lags of the usual rule, floor(4 (T / 100)^(2/9)), below T.

    References
    ----------
    Newey & West (1994), Automatic lag selection in covariance matrix estimation, Review of
    Economic Studies 61(4), 631-653.

    Examples
    --------
    >>> newey_west_lags(100), newey_west_lags(2600)
    (4, 8)
    """
    return max(0, min(int(4.0 * (observations / 100.0) ** (2.0 / 9.0)), observations - 1))


def newey_west_variance(values: FloatArray, *, lags: int) -> float:
    r"""Long-run variance of ``values``, shape (T,), by Bartlett's falling weights; never below 0.

    Over T it is the variance of their mean; with 0 lags it is the population's. ``values`` are
    taken as they are: their mean should be 0.

    Notes
    -----
    .. math:: \hat\gamma_0 + 2 \sum_{k=1}^{L} (1 - k / (L + 1)) \hat\gamma_k, \quad
              \hat\gamma_k = \sum_{t > k} x_t x_{t-k} / T

    References
    ----------
    Newey & West (1987), A simple, positive semi-definite covariance matrix, Econometrica 55(3),
    703-708.

    Examples
    --------
    >>> newey_west_variance(np.array([1.0, -1.0, 1.0, -1.0]), lags=1)
    0.25
    """
    size = values.size
    variance = float(np.mean(np.square(values)))
    for lag in range(1, min(lags, size - 1) + 1):
        weight = 1.0 - lag / (lags + 1.0)
        variance += 2.0 * weight * float(np.sum(values[lag:] * values[:-lag])) / size
    return variance


def quadratic_spectral_variance(values: FloatArray, *, bandwidth: float) -> float:
    r"""Long-run variance of ``values``, shape (T,), by the quadratic spectral kernel.

    All lags count, with weights that fall as 1 / lag^2. ``values`` should have the mean 0;
    ``bandwidth`` is in lags, at 0 only the variance counts.

    Notes
    -----
    .. math:: \hat\gamma_0 + 2 \sum_k w(k / S) \hat\gamma_k, \quad
              w(x) = \frac{25}{12 \pi^2 x^2}
              \left( \frac{\sin(6 \pi x / 5)}{6 \pi x / 5} - \cos(6 \pi x / 5) \right)

    References
    ----------
    Andrews (1991), Heteroskedasticity and autocorrelation consistent covariance matrix estimation,
    Econometrica 59(3), 817-858.
    """
    size = values.size
    spectrum = np.fft.rfft(values, 2 * size)
    covariances = np.fft.irfft(np.square(np.abs(spectrum)), 2 * size)[:size] / size
    if not bandwidth > 0.0:
        return float(covariances[0])
    angle = 1.2 * math.pi * np.arange(1, size) / bandwidth
    weights = 3.0 / np.square(angle) * (np.sin(angle) / angle - np.cos(angle))
    return float(covariances[0] + 2.0 * np.sum(weights * covariances[1:]))


def prewhitened_variance(values: FloatArray) -> float:
    r"""Long-run variance of ``values``, shape (T,): memory of one lag taken out, then put back.

    The quadratic spectral kernel on the residuals of an AR(1), its bandwidth by Andrews's rule for
    the residuals' own AR(1), then divided by (1 - rho)^2. NaN below three values.

    Notes
    -----
    .. math:: S = 1.3221 \left( \frac{4 \rho_e^2}{(1 - \rho_e)^4} T \right)^{1/5}

    References
    ----------
    Andrews & Monahan (1992), An improved heteroskedasticity and autocorrelation consistent
    covariance matrix estimator, Econometrica 60(4), 953-966.
    """
    if values.size < 3 or not float(np.std(values)) > NOISE:
        return math.nan if values.size < 3 or np.isnan(values).any() else 0.0
    memory = _slope(values)
    residuals = values[1:] - memory * values[:-1]
    rest = _slope(residuals)
    curvature = 4.0 * rest**2 / (1.0 - rest) ** 4
    bandwidth = 1.3221 * (curvature * residuals.size) ** 0.2
    return quadratic_spectral_variance(residuals, bandwidth=bandwidth) / (1.0 - memory) ** 2


def _slope(values: FloatArray) -> float:
    """Slope of the values on those before, kept within the bounds of the prewhitening."""
    below = float(np.sum(np.square(values[:-1])))
    slope = float(np.sum(values[1:] * values[:-1])) / below if below > 0.0 else 0.0
    return min(max(slope, -_MOST_MEMORY), _MOST_MEMORY)

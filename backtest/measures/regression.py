"""Least squares of returns on a few others, with errors that allow for autocorrelation."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from backtest.measures.performance import NOISE, FloatArray


class Fit(NamedTuple):
    """A regression: intercept first, then one slope per regressor; NaN where not defined."""

    coefficients: FloatArray
    errors: FloatArray
    r_squared: float
    observations: int


def regress(values: FloatArray, regressors: FloatArray, *, lags: int) -> Fit:
    r"""Intercept and slopes of ``values`` (T,) on ``regressors`` (T, K), with HAC standard errors.

    Rows with a NaN are dropped. All NaN with fewer than K + 2 rows left, or where a regressor does
    not move or is a combination of the others.

    Parameters
    ----------
    lags
        Autocorrelations of the scores that the errors allow for, by Bartlett's falling weights;
        0 allows for heteroskedasticity only.

    Notes
    -----
    .. math:: \frac{T}{T - K - 1} (X'X)^{-1} \Big(\Omega_0 + \sum_{l=1}^{L}
              (1 - \tfrac{l}{L + 1}) (\Omega_l + \Omega_l') \Big) (X'X)^{-1}, \quad
              \Omega_l = \sum_t x_t e_t e_{t-l} x_{t-l}'

    Sums of products are numpy's own, not BLAS's, whose order may change from machine to machine.

    References
    ----------
    Newey & West (1987), A simple, positive semi-definite covariance matrix, Econometrica 55(3),
    703-708.

    Examples
    --------
    >>> fit = regress(np.array([1.0, 3.0, 5.0, 7.0]), np.arange(4.0)[:, None], lags=0)
    >>> [round(float(number), 9) for number in fit.coefficients]
    [1.0, 2.0]
    """
    known = ~(np.isnan(values) | np.isnan(regressors).any(axis=1))
    y = values[known]
    x: FloatArray = np.column_stack([np.ones(y.size), regressors[known]]).astype(np.float64)
    size, width = x.shape
    unknown = Fit(np.full(width, np.nan), np.full(width, np.nan), float("nan"), size)
    if size < width + 1 or not _is_independent(x):
        return unknown
    inverse = np.linalg.inv(_products(x, x)).astype(np.float64)
    coefficients = np.sum(inverse * _products(x, y[:, None])[:, 0], axis=1)
    rest = y - np.sum(x * coefficients, axis=1)
    scores: FloatArray = np.asarray(x * rest[:, None], dtype=np.float64)
    middle = _products(scores, scores)
    for lag in range(1, min(lags, size - 1) + 1):
        beside = _products(scores[lag:], scores[:-lag])
        middle += (1.0 - lag / (lags + 1.0)) * (beside + beside.T)
    variance = _products(_products(middle, inverse), inverse) * size / (size - width)
    total = float(np.sum(np.square(y - np.mean(y))))
    explained = 1.0 - float(np.sum(np.square(rest))) / total if total > 0.0 else float("nan")
    # A fit without rest has errors of zero, which rounding may turn below it.
    return Fit(coefficients, np.sqrt(np.maximum(np.diag(variance), 0.0)), explained, size)


def _products(a: FloatArray, b: FloatArray) -> FloatArray:
    """One sum per entry of ``a`` transposed times ``b``."""
    return np.asarray(np.sum(a[:, :, None] * b[:, None, :], axis=0), dtype=np.float64)


def _is_independent(x: FloatArray) -> bool:
    """Whether no column is, but for rounding, a combination of the others."""
    size = np.sqrt(np.sum(np.square(x), axis=0))
    if not bool((size > 0.0).all()):
        return False
    return bool(np.linalg.svd(x / size, compute_uv=False)[-1] > NOISE)

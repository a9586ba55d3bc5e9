"""Arrays that the statistics share: their types and the checks of their shapes."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

# Returns are fractions of 1, exact to about 2e-16: a standard deviation below this is rounding.
NOISE = 1e-12


def trial_matrix(values: FloatArray, *, trials: int | None = None) -> FloatArray:
    """``values`` as floats of shape (T, N), one row per session and one column per trial.

    More columns than rows look like a transposed matrix and are an error, unless ``trials`` says
    how many columns there are.

    Examples
    --------
    >>> trial_matrix(np.zeros((3, 2))).shape
    (3, 2)
    """
    matrix = np.asarray(values, dtype=np.float64)
    if matrix.ndim != 2:
        raise ValueError(
            f"expected a matrix of sessions x trials, got shape {matrix.shape}: "
            "one row per session, one column per trial"
        )
    rows, columns = matrix.shape
    if trials is not None and columns != trials:
        raise ValueError(
            f"expected {trials} trials as columns, got shape {matrix.shape}: "
            "one row per session, one column per trial"
        )
    if trials is None and columns > rows:
        raise ValueError(
            f"got {rows} sessions x {columns} trials, which looks transposed: one row per session; "
            f"pass trials={columns} where there really are more trials than sessions"
        )
    return matrix


def same_sessions(first: FloatArray, second: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Both arrays as floats of one shape (T,); a ValueError where they differ in shape."""
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.ndim != 1 or a.shape != b.shape:
        raise ValueError(
            f"expected two arrays over the same sessions, got shapes {a.shape} and {b.shape}"
        )
    return a, b


def correlation_matrix(values: FloatArray) -> FloatArray:
    """``values`` as floats, shape (N, N); a ValueError for what is no matrix of correlations."""
    matrix = np.asarray(values, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or matrix.size == 0:
        raise ValueError(f"expected a square matrix of correlations, got shape {matrix.shape}")
    if np.isnan(matrix).any():
        raise ValueError(
            "expected correlations, got NaN: leave out trials without volatility, or with gaps"
        )
    if not np.allclose(matrix, matrix.T, rtol=0.0, atol=1e-8):
        raise ValueError("expected a matrix of correlations, got one that is not symmetric")
    if float(np.max(np.abs(matrix))) > 1.0 + 1e-8:
        raise ValueError(f"expected correlations from -1 to 1, got {float(np.max(np.abs(matrix)))}")
    if not np.allclose(np.diagonal(matrix), 1.0, rtol=0.0, atol=1e-8):
        raise ValueError("expected a matrix of correlations, got a diagonal other than 1")
    return matrix


def square_root(value: float) -> float:
    """Square root; NaN below 0, where the moments given are those of no distribution."""
    return math.sqrt(value) if value >= 0.0 else math.nan

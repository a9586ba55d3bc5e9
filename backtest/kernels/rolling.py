"""Rolling windows over time-major arrays: sums, moments, least squares, cross-sectional ranks.

Rows are time, columns are instruments, NaN is unknown and skipped. A window is cut at multiples of
its length into the *tail* of one block and the *head* of the next; tails are accumulated backward
once per block, heads forward, and the two are joined. Nothing is ever subtracted, so the cost is
one pass whatever the window, a flat stretch has a deviation of exactly 0, and a misprint leaves no
trace once it has left the window. Row ``t`` reads rows up to ``t`` only.

References
----------
Welford (1962), Technometrics 4(3), 419-420 (the update); Chan, Golub & LeVeque (1983), The American
Statistician 37(3), 242-247 (joining two parts).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

FloatArray = npt.NDArray[np.float64]
Moments = tuple[float, float, float]
CoMoments = tuple[float, float, float, float, float]


@njit(cache=True, nogil=True)
def _with(part: Moments, value: float) -> Moments:
    """Count, mean and sum of squared deviations after one more value; NaN changes nothing."""
    n, mean, squares = part
    if np.isnan(value):
        return n, mean, squares
    n += 1.0
    gap = value - mean
    mean += gap / n
    return n, mean, squares + gap * (value - mean)


@njit(cache=True, nogil=True)
def _joined(a: Moments, b: Moments) -> Moments:
    """Moments of two disjoint parts together."""
    if a[0] == 0.0:
        return b
    if b[0] == 0.0:
        return a
    n = a[0] + b[0]
    gap = b[1] - a[1]
    return n, a[1] + gap * b[0] / n, a[2] + b[2] + gap * gap * a[0] * b[0] / n


@njit(cache=True, nogil=True)
def _with_pair(part: CoMoments, x: float, y: float) -> CoMoments:
    """Count, means, squares of x and products after one more pair; a pair needs both ends."""
    n, mean_x, mean_y, xx, xy = part
    if np.isnan(x) or np.isnan(y):
        return n, mean_x, mean_y, xx, xy
    n += 1.0
    gap = x - mean_x
    mean_x += gap / n
    mean_y += (y - mean_y) / n
    return n, mean_x, mean_y, xx + gap * (x - mean_x), xy + gap * (y - mean_y)


@njit(cache=True, nogil=True)
def _joined_pairs(a: CoMoments, b: CoMoments) -> CoMoments:
    """Co-moments of two disjoint parts together."""
    if a[0] == 0.0:
        return b
    if b[0] == 0.0:
        return a
    n = a[0] + b[0]
    gap_x = b[1] - a[1]
    gap_y = b[2] - a[2]
    weight = a[0] * b[0] / n
    return (
        n,
        a[1] + gap_x * b[0] / n,
        a[2] + gap_y * b[0] / n,
        a[3] + b[3] + gap_x * gap_x * weight,
        a[4] + b[4] + gap_x * gap_y * weight,
    )


@njit(cache=True, nogil=True)
def rolling_sum(values: FloatArray, window: int, min_count: int) -> FloatArray:
    """Sum of the known values among the last ``window`` rows, shape (T, N).

    NaN where fewer than ``min_count`` (at least 1) are known.
    """
    T, N = values.shape
    out = np.full((T, N), np.nan)
    tail_sum = np.zeros(window + 1)
    tail_count = np.zeros(window + 1, np.int64)
    for j in range(N):
        head_sum = 0.0
        head_count = 0
        for t in range(T):
            k = t % window
            if k == 0:
                head_sum = 0.0
                head_count = 0
                for m in range(window - 1, -1, -1):
                    value = values[t - window + m, j] if t > 0 else np.nan
                    known = not np.isnan(value)
                    tail_sum[m] = tail_sum[m + 1] + (value if known else 0.0)
                    tail_count[m] = tail_count[m + 1] + (1 if known else 0)
            value = values[t, j]
            if not np.isnan(value):
                head_sum += value
                head_count += 1
            if head_count + tail_count[k + 1] >= min_count:
                out[t, j] = tail_sum[k + 1] + head_sum
    return out


@njit(cache=True, nogil=True)
def rolling_mean_std(
    values: FloatArray, window: int, min_count: int
) -> tuple[FloatArray, FloatArray]:
    """Mean and standard deviation (ddof 1) of the last ``window`` rows, each (T, N).

    Both are NaN where fewer than ``min_count`` (at least 1) values are known, the deviation also
    where there is only one.
    """
    T, N = values.shape
    mean = np.full((T, N), np.nan)
    std = np.full((T, N), np.nan)
    nothing = (0.0, 0.0, 0.0)
    tail = np.zeros((window + 1, 3))
    for j in range(N):
        head = nothing
        for t in range(T):
            k = t % window
            if k == 0:
                head = nothing
                part = nothing
                for m in range(window - 1, -1, -1):
                    part = _with(part, values[t - window + m, j] if t > 0 else np.nan)
                    tail[m, 0], tail[m, 1], tail[m, 2] = part
            head = _with(head, values[t, j])
            n, average, squares = _joined((tail[k + 1, 0], tail[k + 1, 1], tail[k + 1, 2]), head)
            if n >= min_count:
                mean[t, j] = average
                if n > 1.0:
                    std[t, j] = np.sqrt(squares / (n - 1.0))
    return mean, std


@njit(cache=True, nogil=True)
def rolling_ols(
    y: FloatArray, x: FloatArray, window: int, min_count: int, lag: int
) -> tuple[FloatArray, FloatArray]:
    """Slope and intercept of each column of ``y`` on ``x`` over ``window`` rows, each (T, N).

    Parameters
    ----------
    y
        Shape (T, N).
    x
        Shape (T,), one regressor for all columns.
    min_count
        Pairs with both ends known, at least; at least 2.
    lag
        The estimate at row t uses rows t - lag - window + 1 to t - lag.

    Notes
    -----
    NaN where there are too few pairs or ``x`` does not vary.
    """
    T, N = y.shape
    beta = np.full((T, N), np.nan)
    alpha = np.full((T, N), np.nan)
    nothing = (0.0, 0.0, 0.0, 0.0, 0.0)
    tail = np.zeros((window + 1, 5))
    for j in range(N):
        head = nothing
        for t in range(T - lag):
            k = t % window
            if k == 0:
                head = nothing
                part = nothing
                for m in range(window - 1, -1, -1):
                    if t > 0:
                        part = _with_pair(part, x[t - window + m], y[t - window + m, j])
                    tail[m, 0], tail[m, 1], tail[m, 2], tail[m, 3], tail[m, 4] = part
            head = _with_pair(head, x[t], y[t, j])
            old = tail[k + 1]
            n, mean_x, mean_y, xx, xy = _joined_pairs(
                (old[0], old[1], old[2], old[3], old[4]), head
            )
            if n >= min_count and xx > 0.0:
                beta[t + lag, j] = xy / xx
                alpha[t + lag, j] = mean_y - xy / xx * mean_x
    return beta, alpha


@njit(cache=True, nogil=True)
def cross_rank(values: FloatArray) -> FloatArray:
    """Rank within each row, 1 for the smallest, (T, N); NaN unranked, ties by column order."""
    T, N = values.shape
    out = np.full((T, N), np.nan)
    for t in range(T):
        known = np.flatnonzero(~np.isnan(values[t]))
        order = np.argsort(values[t][known], kind="mergesort")
        for place in range(len(order)):
            out[t, known[order[place]]] = place + 1.0
    return out

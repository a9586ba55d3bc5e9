"""Random draws whose bits are the same on every machine.

Raw words come from PCG64, whose stream NumPy guarantees; everything after that is integer sums and
elementwise ``+ - * /`` and ``sqrt``, which IEEE 754 rounds exactly. There is no ``exp``, ``log`` or
``power`` (their last bits differ between C libraries), no BLAS, no pairwise ``sum`` (its order
depends on the CPU) and no ``np.interp`` (compilers may fuse its multiply and add).
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]
ObjectArray: TypeAlias = npt.NDArray[np.object_]
BoolArray: TypeAlias = npt.NDArray[np.bool_]
DateArray: TypeAlias = npt.NDArray[np.datetime64]

_PARTS = 8  # 16-bit uniforms per normal: kurtosis 3 - 1.2/8 = 2.85, all draws within 4.9 sigma
_PART_MEAN = (2**16 - 1) / 2
_PART_VARIANCE = (2**32 - 1) / 12


def _words(seed: int, stream: str, count: int) -> npt.NDArray[np.uint64]:
    """``count`` raw 64-bit words of the stream called ``stream``."""
    entropy = np.random.SeedSequence([seed, int.from_bytes(stream.encode(), "big")])
    words: npt.NDArray[np.uint64] = np.random.PCG64(entropy).random_raw(count)
    return words


def uniforms(seed: int, stream: str, *shape: int) -> FloatArray:
    """Uniform draws in [0, 1), multiples of 2**-53; each named stream is independent."""
    words = _words(seed, stream, int(np.prod(shape)))
    return (words >> np.uint64(11)).astype(np.float64).reshape(shape) * 2.0**-53


def normals(seed: int, stream: str, *shape: int) -> FloatArray:
    """Near-normal draws (mean 0, variance 1): sums of eight uniform 16-bit integers."""
    count = int(np.prod(shape))
    # All four parts of a word are summed, so the byte order of the machine does not matter.
    parts = _words(seed, stream, count * _PARTS // 4).view(np.uint16).reshape(count, _PARTS)
    total = parts.sum(axis=1, dtype=np.int64).astype(np.float64).reshape(shape)
    scale = np.sqrt(np.float64(_PARTS * _PART_VARIANCE))
    return np.asarray((total - _PARTS * _PART_MEAN) / scale)


def fat_normals(seed: int, stream: str, *shape: int) -> FloatArray:
    """Mean 0, variance 1, kurtosis about 6: one draw in twenty is 2.5 times as wide."""
    wide, share = 2.5, 0.05
    width = np.where(uniforms(seed, stream + " width", *shape) < share, wide, 1.0)
    scale = np.sqrt(np.float64(1.0 - share + share * wide * wide))
    return np.asarray(normals(seed, stream, *shape) * width / scale)


def picks(seed: int, stream: str, choices: tuple[float, ...], *shape: int) -> FloatArray:
    """Uniform draws from ``choices``."""
    index = (uniforms(seed, stream, *shape) * len(choices)).astype(np.int64)
    return np.asarray(choices, dtype=np.float64)[index]


def along(at: FloatArray, knots: tuple[float, ...], values: tuple[float, ...]) -> FloatArray:
    """Piecewise linear through (knots, values), flat outside.

    Examples
    --------
    >>> along(np.array([0.0, 0.25, 2.0]), (0.0, 1.0), (10.0, 20.0)).tolist()
    [10.0, 12.5, 20.0]
    """
    x, y = np.asarray(knots, dtype=np.float64), np.asarray(values, dtype=np.float64)
    left = np.clip(np.searchsorted(x, at, side="right") - 1, 0, len(x) - 2)
    share = np.clip((at - x[left]) / (x[left + 1] - x[left]), 0.0, 1.0)
    return np.asarray(y[left] + share * (y[left + 1] - y[left]))


def clustered(
    shocks: FloatArray, sigma: float, *, react: float, persist: float, given: FloatArray
) -> FloatArray:
    """Random returns in volatility clusters, shape (T,): GARCH(1, 1) around ``sigma``.

    Parameters
    ----------
    shocks
        Unit-variance draws, shape (T,).
    react, persist
        Weights of the last squared return and of the last variance.
    given
        Returns that are set, shape (T,), NaN where they are drawn; they feed the variance too.
    """
    variance = long_run = sigma * sigma
    out = np.empty(len(shocks))
    for row, (shock, fixed) in enumerate(zip(shocks.tolist(), given.tolist(), strict=True)):
        move = shock * math.sqrt(variance) if math.isnan(fixed) else fixed
        out[row] = move
        variance = long_run * (1.0 - react - persist) + react * move * move + persist * variance
    return out


def mean_of(values: FloatArray) -> float:
    """Mean of a vector, added up from first to last."""
    return float(np.add.accumulate(values)[-1]) / len(values)


def row_sums(values: FloatArray) -> FloatArray:
    """Row by row sum of (T, N), added up from left to right; shape (T,)."""
    return np.asarray(np.add.accumulate(values, axis=1)[:, -1])


def decaying_sums(values: FloatArray, keep: float) -> FloatArray:
    """Cumulative sum that forgets: out[t] = keep x out[t-1] + values[t]; 0 before the first row."""
    out = np.empty_like(values)
    state = np.zeros(values.shape[1:])
    for row in range(len(values)):
        state = keep * state + values[row]
        out[row] = state
    return out

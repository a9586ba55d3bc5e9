"""Rolling features for authors of strategies: frames in, frames out.

Every function reads rows up to and including its own, skips NaN (not known), and gives NaN where
too little is known. Windows are counted in rows: decisions, one per session of the base exchange.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from backtest.features import feature
from backtest.kernels import rolling

Frame = TypeVar("Frame", pd.DataFrame, "pd.Series[float]")
FloatArray = npt.NDArray[np.float64]


def rolling_sum(values: Frame, window: int, *, min_periods: int | None = None) -> Frame:
    """Sum of what is known in the last ``window`` rows, in the unit of ``values``.

    Parameters
    ----------
    window
        Rows, the latest included; at least 1.
    min_periods
        Known values a window needs, else NaN; all of them unless given.

    Examples
    --------
    >>> rolling_sum(pd.Series([1.0, 2.0, 4.0]), 2).tolist()
    [nan, 3.0, 6.0]
    """
    (total,) = feature(rolling.rolling_sum, (_array(values),), *_window(window, min_periods))
    return _like(values, total)


def rolling_mean(values: Frame, window: int, *, min_periods: int | None = None) -> Frame:
    """Mean of what is known in the last ``window`` rows; arguments as in `rolling_sum`.

    Examples
    --------
    >>> rolling_mean(pd.Series([1.0, float("nan"), 5.0]), 3, min_periods=2).tolist()
    [nan, nan, 3.0]
    """
    mean, _ = feature(rolling.rolling_mean_std, (_array(values),), *_window(window, min_periods))
    return _like(values, mean)


def rolling_std(values: Frame, window: int, *, min_periods: int | None = None) -> Frame:
    """Sample standard deviation (ddof 1) of the last ``window`` rows; exactly 0 on a flat stretch.

    Arguments as in `rolling_sum`; NaN also where only one value is known.

    Examples
    --------
    >>> rolling_std(pd.Series([1.0, 3.0, 3.0]), 2).tolist()
    [nan, 1.4142135623730951, 0.0]
    """
    _, std = feature(rolling.rolling_mean_std, (_array(values),), *_window(window, min_periods))
    return _like(values, std)


def rolling_zscore(values: Frame, window: int, *, min_periods: int | None = None) -> Frame:
    """Latest value less the window's mean, in the window's standard deviations (ddof 1).

    The window includes the latest row. Arguments as in `rolling_sum`; NaN also where the latest
    value is unknown or the window is flat.

    Examples
    --------
    >>> rolling_zscore(pd.Series([1.0, 2.0, 3.0]), 3).tolist()
    [nan, nan, 1.0]
    """
    array = _array(values)
    mean, std = feature(rolling.rolling_mean_std, (array,), *_window(window, min_periods))
    return _like(values, np.divide(array - mean, std, out=np.full_like(std, np.nan), where=std > 0))


def rolling_beta(
    returns: pd.DataFrame,
    source: pd.Series[float],
    window: int,
    *,
    min_periods: int | None = None,
    lag: int = 0,
) -> pd.DataFrame:
    """Least-squares slope of each column on ``source``, with an intercept.

    Parameters
    ----------
    returns, source
        Row t of one is explained by row t of the other: shift them into step before the call.
    window
        Rows of the estimation window; at least 2.
    min_periods
        Rows with both ends known that a window needs, else NaN; all of them unless given.
    lag
        Rows between the end of the estimation window and the row that gets the estimate: 0 ends it
        with the row itself, 5 leaves the latest five rows out.

    Notes
    -----
    NaN also where ``source`` does not vary within the window.

    Examples
    --------
    >>> y = pd.DataFrame({"A": [1.0, 3.0, 5.0, 0.0]})
    >>> rolling_beta(y, pd.Series([0.0, 1.0, 2.0, 9.0]), 3, lag=1)["A"].tolist()
    [nan, nan, nan, 2.0]
    """
    return _like(returns, _ols(returns, source, window, min_periods, lag)[0])


def rolling_alpha(
    returns: pd.DataFrame,
    source: pd.Series[float],
    window: int,
    *,
    min_periods: int | None = None,
    lag: int = 0,
) -> pd.DataFrame:
    """Intercept that belongs to `rolling_beta`, in the unit of ``returns`` per row."""
    return _like(returns, _ols(returns, source, window, min_periods, lag)[1])


def cross_rank(values: pd.DataFrame, *, ascending: bool = True) -> pd.DataFrame:
    """Rank within each row, 1.0 for the smallest (or largest); NaN unranked, ties by column order.

    Examples
    --------
    >>> cross_rank(pd.DataFrame([[3.0, float("nan"), 1.0, 3.0]]), ascending=False).iloc[0].tolist()
    [1.0, nan, 3.0, 2.0]
    """
    array = _array(values)
    (rank,) = feature(rolling.cross_rank, (array if ascending else -array,))
    return _like(values, rank)


def _ols(
    returns: pd.DataFrame,
    source: pd.Series[float],
    window: int,
    min_periods: int | None,
    lag: int,
) -> tuple[FloatArray, FloatArray]:
    if not returns.index.equals(source.index):
        raise ValueError("returns and source must have the same rows")
    if window < 2 or lag < 0:
        raise ValueError(f"window must be at least 2 and lag at least 0, got {window} and {lag}")
    window, needed = _window(window, min_periods)
    arrays = (_array(returns), _array(source)[:, 0].copy())
    beta, alpha = feature(rolling.rolling_ols, arrays, window, max(needed, 2), lag)
    return beta, alpha


def _window(window: int, min_periods: int | None) -> tuple[int, int]:
    needed = window if min_periods is None else min_periods
    if not 1 <= needed <= window:
        raise ValueError(f"expected 1 <= min_periods <= window, got {needed} and {window}")
    return window, needed


def _array(values: pd.DataFrame | pd.Series[float]) -> FloatArray:
    """Copy into a (T, N) array: the kernels are compiled once, for writable C order."""
    array = np.array(values.to_numpy(), dtype=np.float64, order="C", copy=True)
    return array.reshape(len(values), -1)


def _like(values: Frame, array: FloatArray) -> Frame:
    if isinstance(values, pd.Series):
        return pd.Series(array[:, 0], index=values.index, name=values.name)
    return pd.DataFrame(array, index=values.index, columns=values.columns)

"""Last known closes and total-return index of every instrument, session by session."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int32]


@njit(cache=True, nogil=True)
def fill_marks(
    close: FloatArray,
    ptr: IntArray,
    act_row: IntArray,
    act_split: FloatArray,
    act_dividend: FloatArray,
    mark: FloatArray,
    total_return: FloatArray,
) -> None:
    """Write what each instrument is marked at after each CLOSE, with its total-return index.

    Parameters
    ----------
    close
        Closes, shape (S, N), NaN where there is no bar.
    ptr, act_row, act_split, act_dividend
        Corporate actions by column: those of column j are ``ptr[j]:ptr[j + 1]``, in order of rows;
        ``act_split`` is new shares per old (1 for none), ``act_dividend`` cash per new share.
    mark
        Written: last known close, divided by splits and lowered by dividends since, never below 0.
    total_return
        Written: the first close, compounded with (close + dividend) / last close; NaN before it.
    """
    sessions, columns = close.shape
    for j in range(columns):
        last = np.nan
        index = np.nan
        at = ptr[j]
        end = ptr[j + 1]
        for s in range(sessions):
            dividend = 0.0
            before = last
            if at < end and act_row[at] == s:
                before = last / act_split[at]
                dividend = act_dividend[at]
                last = max(before - dividend, 0.0)  # NaN before the first bar stays NaN
                if before != before:
                    last = np.nan
                at += 1
            price = close[s, j]
            if price == price:
                last = price
            if index != index:
                index = last
            elif before > 0.0:
                index *= (last + dividend) / before
            mark[s, j] = last
            total_return[s, j] = index

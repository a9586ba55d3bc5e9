"""Last known closes and total-return index of every instrument, session by session."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int32]


@njit(cache=True, nogil=True)
def ex_rights(price: float, fresh: float, issue: float) -> float:
    """Theoretical price ex rights of ``fresh`` new shares per old one, offered at ``issue``.

    Rights that cost no less than the share are worth nothing and leave its price alone; so does
    a price that is not known.
    """
    if fresh > 0.0 and price > issue:
        return (price + fresh * issue) / (1.0 + fresh)
    return price


@njit(cache=True, nogil=True)
def fill_marks(
    close: FloatArray,
    ptr: IntArray,
    act_row: IntArray,
    acts: FloatArray,
    mark: FloatArray,
    total_return: FloatArray,
) -> None:
    """Write what each instrument is marked at after each CLOSE, with its total-return index.

    Parameters
    ----------
    close
        Closes, shape (S, N), NaN where there is no bar.
    ptr, act_row
        Corporate actions by column: those of column j are ``ptr[j]:ptr[j + 1]``, in order of rows.
    acts
        Shape (A, 5): new shares per old (1 for none); cash, or its worth, per new share; new shares
        offered per old (0 for none) and the price they are offered at; what the share is worth
        from then on (NaN for none).
    mark
        Written: last known close, divided by splits, ex rights, lowered by dividends since, never
        below 0; or the worth that an action gives it.
    total_return
        Written: the first close, compounded with (close + dividend) / last close, splits and
        rights taken out of the last close; NaN before it.
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
                before = ex_rights(last / acts[at, 0], acts[at, 2], acts[at, 3])
                dividend = acts[at, 1]
                last = max(before - dividend, 0.0)  # NaN before the first bar stays NaN
                if before != before:
                    last = np.nan
                if acts[at, 4] == acts[at, 4]:
                    last = acts[at, 4]
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

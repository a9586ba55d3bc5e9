"""When an instrument is offered, listed or gone, seen from each decision."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from backtest.data.grid import NEVER, UNKNOWN

FloatArray = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Days = Iterable[tuple[slice, npt.NDArray[np.datetime64]]]

_EDGES = {"listed": np.greater_equal, "delisted": np.less}


def life_mask(
    table: pd.DataFrame,
    days: Days,
    shape: tuple[int, int],
    edges: Sequence[str] = ("listed", "delisted"),
) -> Mask:
    """True from 00:00 local of ``listed`` (always, where unknown) to 00:00 of ``delisted``.

    Parameters
    ----------
    days
        By exchange: its columns, and the local date of each decision there.
    edges
        Which of the two dates count.
    """
    out = np.ones(shape, dtype=np.bool_)
    for columns, local in days:
        for name in edges:
            edge = table[name].to_numpy().astype("datetime64[D]")[columns]
            out[:, columns] &= np.isnat(edge)[None, :] | _EDGES[name](local[:, None], edge[None, :])
    return out


def since_listing(
    listed: npt.NDArray[np.int32], today: Iterable[tuple[slice, Ints]], shape: tuple[int, int]
) -> FloatArray:
    """Own sessions since the first; NaN before it and where it is not known.

    ``today`` has the columns of each exchange, with its session of each decision's date.
    """
    out = np.full(shape, np.nan)
    for columns, row in today:
        for j in range(*columns.indices(len(listed))):
            if listed[j] not in (UNKNOWN, NEVER):
                out[:, j] = np.where(row >= listed[j], row - listed[j], np.nan)
    return out


def application_mask(rows: Ints | None, allowed: Mask, shape: tuple[int, int]) -> Mask:
    """True at the one decision that applies for each allowed column.

    ``rows`` are those of the decisions, -1 for none; without any nothing is applied for.
    """
    out = np.zeros(shape, dtype=np.bool_)
    if rows is not None:
        columns = np.flatnonzero((rows >= 0) & (rows < shape[0]) & allowed)
        out[rows[columns], columns] = True
    return out


def offered_mask(
    table: pd.DataFrame, days: Days, rows: Ints | None, allowed: Mask, shape: tuple[int, int]
) -> Mask:
    """True from the decision that applies for an allowed column up to its listing."""
    if rows is None:
        return np.zeros(shape, dtype=np.bool_)
    since = np.arange(shape[0])[:, None] >= rows[None, :]
    ahead = ~life_mask(table, days, shape, edges=("listed",))
    return np.asarray(((rows >= 0) & allowed)[None, :] & since & ahead, dtype=np.bool_)

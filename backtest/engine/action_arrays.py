"""Corporate actions as the arrays of a simulation."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from backtest.data.grid import NEVER, Grid
from backtest.engine.lots import Lots
from backtest.kernels.codes import ACTION, DEAL, IN_KIND, NEW_LOT, PAYMENT
from backtest.kernels.world import GONE, Records

IntArray = npt.NDArray[np.int32]


def action_arrays(grid: Grid) -> tuple[IntArray, Records]:
    """Where the actions of each (exchange, session) begin; the actions."""
    actions = grid.actions
    inside = actions.row < grid.bars.close.shape[0]
    exchange = grid.bars.column_exchange[actions.column].astype(np.int32)
    order = np.lexsort((actions.column, actions.row, exchange))
    order = order[inside[order]]
    acts = np.zeros(len(order), ACTION)
    acts["column"] = actions.column[order]
    for name in ("split", "dividend", "paid", "fresh", "issue", "fixed"):
        acts[name] = getattr(actions, name)[order]
    return _pointers(exchange[order], actions.row[order], grid), acts


def deal_arrays(grid: Grid, lots: Lots) -> tuple[IntArray, Records, int]:
    """Where each session's deals begin; the deals; how many of them are paid on a later day.

    A lot that changes is one of them.
    """
    table = grid.deals
    late = np.flatnonzero(table.pay_row >= 0)
    slot = np.full(len(table.kind), -1)
    slot[late] = np.arange(len(late))
    paid = late[table.pay_row[late] < grid.bars.close.shape[0]]
    deals = np.zeros(len(table.kind) + len(paid), DEAL)
    for name in ("kind", "column", "ratio", "price", "factor"):
        values = getattr(table, name)
        deals[name] = np.concatenate([values, values[paid]])
    deals["target"] = np.concatenate([np.maximum(table.target, 0), np.zeros(len(paid))])
    deals["slot"] = np.concatenate([slot, slot[paid]])
    deals["kind"][len(slot) :] = PAYMENT
    row = np.concatenate([table.row, table.pay_row[paid]])
    # A gift whose instrument is not in the bundle is worth what its action says, and not held.
    known = (deals["kind"] != IN_KIND) | (np.concatenate([table.target, table.target[paid]]) >= 0)
    cuts = np.zeros(len(lots.row), DEAL)
    cuts["kind"], cuts["column"] = NEW_LOT, lots.column
    deals, row = np.concatenate([deals[known], cuts]), np.concatenate([row[known], lots.row])
    exchange = grid.bars.column_exchange[deals["column"]].astype(np.int32)
    order = np.lexsort((deals["target"], deals["column"], deals["kind"], row, exchange))
    return _pointers(exchange[order], row[order], grid), deals[order], len(late)


def delisting_arrays(grid: Grid) -> tuple[IntArray, Records]:
    """Where the delistings of each (exchange, session) begin; the delistings."""
    columns = np.flatnonzero((grid.delisted >= 0) & (grid.delisted < NEVER))
    exchange = grid.bars.column_exchange[columns].astype(np.int32)
    row = grid.delisted[columns]
    order = np.lexsort((columns, row, exchange))
    gone = np.zeros(len(columns), GONE)
    gone["column"] = columns[order]
    gone["value"] = grid.delisting_value[columns[order]]
    return _pointers(exchange[order], row[order], grid), gone


def _pointers(exchange: IntArray, row: IntArray, grid: Grid) -> IntArray:
    """Where the entries of each (exchange, session) begin, shape (X, S + 1); entries are sorted."""
    sessions = grid.bars.close.shape[0]
    wide = sessions + 1
    key = exchange.astype(np.int64) * wide + row
    corners = np.arange(len(grid.bars.exchanges))[:, None] * wide + np.arange(wide)[None, :]
    return np.asarray(np.searchsorted(key, corners), dtype=np.int32)

"""Facts per share in the shares of each decision."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from backtest.data.grid import Grid
from backtest.panel.facts import FactRows

FloatArray = npt.NDArray[np.float64]
Times = npt.NDArray[np.datetime64]


def in_first_shares(rows: FactRows, grid: Grid) -> FactRows:
    """Per-share values times the splits up to ``known_at``, so that later ones divide them."""
    values = rows.value.copy()
    for column, times, factors in _split_times(grid):
        own = rows.column == column
        seen = np.searchsorted(times, rows.known_at[own], side="right")
        values[own] *= np.append(1.0, np.cumprod(factors))[seen]
    return replace(rows, value=values)


def splits_so_far(grid: Grid, decisions: Times, shape: tuple[int, int]) -> FloatArray:
    """Shares that one first share has become by each decision, shape (decisions, instruments)."""
    out = np.ones(shape)
    for column, times, factors in _split_times(grid):
        seen = np.searchsorted(times, decisions, side="left")
        out[:, column] = np.append(1.0, np.cumprod(factors))[seen]
    return out


def _split_times(grid: Grid) -> list[tuple[int, Times, FloatArray]]:
    """By column with splits: the OPEN of each ex-session, and its ratio."""
    acts, bars = grid.actions, grid.bars
    found = []
    for column in np.unique(acts.column[acts.split != 1.0]):
        own = slice(acts.ptr[column], acts.ptr[column + 1])
        opens = bars.sessions[bars.exchanges[bars.column_exchange[column]]].open
        rows = acts.row[own]
        inside = (acts.split[own] != 1.0) & (rows < len(opens))
        found.append((int(column), opens[rows[inside]], acts.split[own][inside]))
    return found

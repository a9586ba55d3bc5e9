"""Bars, marks and corporate actions of a bundle on one time-major grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from backtest.data.arrays import BarArrays
from backtest.data.bundle import Bundle
from backtest.kernels.marks import fill_marks

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int32]

NEVER = np.int32(2**31 - 1)
"""Row of an event that lies beyond the grid."""


@dataclass(frozen=True, eq=False)
class Actions:
    """Splits and dividends, one entry per instrument and ex-session, sorted by (column, row).

    ``split`` is new shares per old share (1 for none), ``dividend`` gross cash per share as traded
    on the ex-session (0 for none); ``ptr[j]:ptr[j + 1]`` are those of column j.
    """

    ptr: IntArray
    column: IntArray
    row: IntArray
    split: FloatArray
    dividend: FloatArray


@dataclass(frozen=True, eq=False)
class Grid:
    """What happened, by the own session of each instrument: shape (S, N), row as in ``bars``.

    ``mark`` is the last known close after each session's CLOSE, ``total_return`` its index with
    dividends reinvested. ``listed`` is the row of the first session on or after the listing date
    (-1 unknown), ``delisted`` that of the last session not after the delisting (-1 none).
    """

    bars: BarArrays
    mark: FloatArray
    total_return: FloatArray
    actions: Actions
    listed: IntArray
    delisted: IntArray
    delisting_value: FloatArray

    @property
    def columns(self) -> dict[str, int]:
        """Column of each symbol."""
        return {symbol: j for j, symbol in enumerate(self.bars.symbols)}


def build_grid(bundle: Bundle, bars: BarArrays) -> Grid:
    """The grid of ``bundle`` over the sessions of ``bars``."""
    actions = _actions(bundle, bars)
    mark = np.empty_like(bars.close)
    total_return = np.empty_like(bars.close)
    fill_marks(
        bars.close, actions.ptr, actions.row, actions.split, actions.dividend, mark, total_return
    )
    value = np.full(len(bars.symbols), np.nan)
    known = bundle.actions[bundle.actions["kind"] == "delisting"]
    columns = {symbol: j for j, symbol in enumerate(bars.symbols)}
    for symbol, cash in zip(known["symbol"], known["value"], strict=True):
        value[columns[symbol]] = cash
    return Grid(
        bars=bars,
        mark=mark,
        total_return=total_return,
        actions=actions,
        listed=_rows_of(bundle.instruments["listed"], bars, last=False),
        delisted=_rows_of(bundle.instruments["delisted"], bars, last=True),
        delisting_value=value,
    )


def row_of(bars: BarArrays, column: int, session: np.datetime64) -> int:
    """Ordinal of ``session`` (a date) in the calendar of the column's exchange."""
    dates = bars.sessions[bars.exchanges[bars.column_exchange[column]]].dates
    return int(np.searchsorted(dates, session.astype("datetime64[D]")))


def _actions(bundle: Bundle, bars: BarArrays) -> Actions:
    columns = {symbol: j for j, symbol in enumerate(bars.symbols)}
    table = bundle.actions[bundle.actions["kind"].isin(["split", "dividend"])]
    split: dict[tuple[int, int], float] = {}
    dividend: dict[tuple[int, int], float] = {}
    for symbol, session, kind, value in zip(
        table["symbol"], table["ex_session"].to_numpy(), table["kind"], table["value"], strict=True
    ):
        column = columns[symbol]
        key = (column, row_of(bars, column, session))
        if kind == "split":
            split[key] = split.get(key, 1.0) * value
        else:
            dividend[key] = dividend.get(key, 0.0) + value
    keys = sorted(split.keys() | dividend.keys())
    owner = np.array([key[0] for key in keys], dtype=np.int32)
    return Actions(
        ptr=np.searchsorted(owner, np.arange(len(bars.symbols) + 1)).astype(np.int32),
        column=owner,
        row=np.array([key[1] for key in keys], dtype=np.int32),
        split=np.array([split.get(key, 1.0) for key in keys], dtype=np.float64),
        dividend=np.array([dividend.get(key, 0.0) for key in keys], dtype=np.float64),
    )


def _rows_of(dates: pd.Series[pd.Timestamp], bars: BarArrays, *, last: bool) -> IntArray:
    """Row of each date: the first session on or after it, or the last not after it; -1 for NaT."""
    rows = np.full(len(bars.symbols), -1, dtype=np.int32)
    for column, stamp in enumerate(dates):
        if pd.isna(stamp):
            continue
        own = bars.sessions[bars.exchanges[bars.column_exchange[column]]].dates
        day = np.datetime64(stamp, "D")
        if last:
            beyond = day > own[-1]
            rows[column] = -1 if beyond else np.searchsorted(own, day, side="right") - 1
        else:
            found = np.searchsorted(own, day, side="left")
            rows[column] = NEVER if found == len(own) else found
    return rows

"""Bars, marks and corporate actions of a bundle on one time-major grid."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from backtest.calendars import sessions
from backtest.data.arrays import BarArrays
from backtest.data.bundle import Bundle
from backtest.data.deals import Actions, Deals, actions_of, deals_of
from backtest.kernels.marks import fill_marks

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int32]

NEVER = np.int32(2**31 - 1)
"""Row of an event that lies beyond the grid."""

UNKNOWN = np.int32(-(2**31))
"""Row of an event whose date is not given."""

_EARLIEST = date(1990, 1, 1)  # sessions before the grid are counted from here on


@dataclass(frozen=True, eq=False)
class Grid:
    """What happened, by the own session of each instrument: shape (S, N), row as in ``bars``.

    ``mark`` is the last known close after each session's CLOSE, ``total_return`` its index with
    dividends reinvested. ``listed`` is the row of the first session on or after the listing date,
    below 0 where that lies before the grid, ``UNKNOWN`` where it is not given; ``delisted`` that of
    the last session not after the delisting (-1 none).
    """

    bars: BarArrays
    mark: FloatArray
    total_return: FloatArray
    actions: Actions
    deals: Deals
    listed: IntArray
    delisted: IntArray
    delisting_value: FloatArray

    @property
    def columns(self) -> dict[str, int]:
        """Column of each symbol."""
        return {symbol: j for j, symbol in enumerate(self.bars.symbols)}


def build_grid(bundle: Bundle, bars: BarArrays) -> Grid:
    """The grid of ``bundle`` over the sessions of ``bars``."""
    deals = deals_of(bundle, bars)
    actions = actions_of(bundle, bars, deals)
    mark, total_return = _marks(bars, actions)
    if deals.need_prices:
        deals = deals.priced(bars, actions, mark)
        actions = actions_of(bundle, bars, deals)
        mark, total_return = _marks(bars, actions)
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
        deals=deals.with_factors(actions, mark),
        listed=_listed(bundle, bars),
        delisted=_delisted(bundle, bars),
        delisting_value=value,
    )


def _marks(bars: BarArrays, actions: Actions) -> tuple[FloatArray, FloatArray]:
    """Last known closes and total-return index, after these actions."""
    mark, total_return = np.empty_like(bars.close), np.empty_like(bars.close)
    fill_marks(bars.close, actions.ptr, actions.row, actions.table, mark, total_return)
    return mark, total_return


def _listed(bundle: Bundle, bars: BarArrays) -> IntArray:
    rows = np.full(len(bars.symbols), UNKNOWN)
    dates = bundle.instruments["listed"].to_numpy().astype("datetime64[D]")
    for x, exchange in enumerate(bars.exchanges):
        own = bars.sessions[exchange].dates
        mine = (bars.column_exchange == x) & ~np.isnat(dates)
        found = np.searchsorted(own, dates[mine], side="left").astype(np.int32)
        found[found == len(own)] = NEVER
        before = _sessions_before(exchange, own[0], dates[mine])
        rows[mine] = found - before
    return rows


def _sessions_before(
    exchange: str, first: np.datetime64, dates: npt.NDArray[np.datetime64]
) -> IntArray:
    """Sessions from each date to the one before ``first``: 0 where the date is not before it."""
    until = pd.Timestamp(first).date()
    since = max(pd.Timestamp(min([first, *dates])).date(), _EARLIEST)
    if since >= until:
        return np.zeros(len(dates), dtype=np.int32)
    earlier = sessions(exchange, since, until).dates[:-1]
    return (len(earlier) - np.searchsorted(earlier, dates, side="left")).astype(np.int32)


def _delisted(bundle: Bundle, bars: BarArrays) -> IntArray:
    rows = np.full(len(bars.symbols), -1, dtype=np.int32)
    for column, stamp in enumerate(bundle.instruments["delisted"]):
        own = bars.sessions[bars.exchanges[bars.column_exchange[column]]].dates
        if not pd.isna(stamp) and (day := np.datetime64(stamp, "D")) <= own[-1]:
            rows[column] = np.searchsorted(own, day, side="right") - 1
    return rows

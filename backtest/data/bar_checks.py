"""Checks of the bars, each one function from bars to the rows it finds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from backtest.calendars import Sessions
from backtest.data.findings import Found, places_of
from backtest.data.rows import session_rows, symbol_columns
from backtest.data.settings import CheckName

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

RANGE_TOLERANCE = 5e-4
"""low_above_high, open_outside_range, close_outside_range: fraction by which a price may lie on the
wrong side of another, for rounded prices."""

SPIKE_FACTOR, SPIKE_RETURN = 3.0, 0.2
"""spike: a close of this multiple of the last one, or this part of it, and the next one back within
this fraction of the last. Real moves of +115 % are undone the day after; bad prints are further
out."""

STALE_SESSIONS = 5
"""stale_run: so many bars in a row with the close of the bar before, and no volume."""

GAP_SESSIONS = 10
"""gap: so many sessions of the exchange in a row without a bar, between two bars."""


@dataclass(frozen=True, eq=False)
class BarRows:
    """Bars as arrays of one length, sorted by symbol and session.

    ``row`` is the row in the frame, ``column`` that in ``instruments``, ``ordinal`` the session's
    in its own exchange; the instruments' own arrays (``exchange``, ``index``, ``listed``,
    ``delisted``) are by column.
    """

    row: IntArray
    column: IntArray
    ordinal: IntArray
    session: npt.NDArray[np.datetime64]
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    symbol: npt.NDArray[np.object_]
    exchange: npt.NDArray[np.object_]
    index: BoolArray
    listed: npt.NDArray[np.datetime64]
    delisted: npt.NDArray[np.datetime64]

    def take(self, kept: BoolArray) -> BarRows:
        """Bars that are kept."""
        rows = ("row", "column", "ordinal", "session", "open", "high", "low", "close", "volume")
        return BarRows(
            **{name: getattr(self, name)[kept] for name in rows},
            symbol=self.symbol,
            exchange=self.exchange,
            index=self.index,
            listed=self.listed,
            delisted=self.delisted,
        )

    @property
    def follows(self) -> BoolArray:
        """True where the bar before is of the same instrument."""
        return np.concatenate(([False], self.column[1:] == self.column[:-1]))[: len(self.column)]


def check_bars(
    found: Found, frame: pd.DataFrame, instruments: pd.DataFrame, spans: Mapping[str, Sessions]
) -> pd.DataFrame:
    """Bars that every check leaves; ``found`` is told of the others."""
    bars = bar_rows(frame, instruments, spans)
    gone = np.zeros(len(frame), dtype=bool)
    for check, rule in RULES.items():
        wrong = rule(bars)
        if not wrong.any():
            continue
        lost = before_last(bars, wrong) if check == "gap" else wrong
        names = bars.exchange if check == "volume_missing" else bars.symbol
        places = places_of(
            names[bars.column[wrong]], bars.session[wrong], each_day=check == "volume_missing"
        )
        action = found.tell(check, "bars", places, int(lost.sum()))
        if action != "warn":
            gone[bars.row[lost]] = True
            bars = bars.take(~lost)
        elif check == "not_a_session":
            # They stay in the table, but have no place among the sessions that the rest looks at.
            bars = bars.take(~wrong)
    return frame[~gone].reset_index(drop=True) if gone.any() else frame


def bar_rows(
    frame: pd.DataFrame, instruments: pd.DataFrame, spans: Mapping[str, Sessions]
) -> BarRows:
    """Bars of ``frame``, which is sorted, with what their instruments say."""
    prices = {name: frame[name].to_numpy() for name in ("open", "high", "low", "close", "volume")}
    return BarRows(
        row=np.arange(len(frame)),
        column=symbol_columns(frame["symbol"], instruments),
        ordinal=session_rows(frame["symbol"], frame["session"], instruments, spans),
        session=frame["session"].to_numpy(),
        **prices,
        symbol=instruments["symbol"].to_numpy(dtype=object),
        exchange=instruments["exchange"].to_numpy(dtype=object),
        index=(instruments["kind"] == "index").to_numpy(dtype=bool),
        listed=instruments["listed"].to_numpy(),
        delisted=instruments["delisted"].to_numpy(),
    )


def not_a_session(bars: BarRows) -> BoolArray:
    """Bars on a date on which their exchange was shut. ``warn`` keeps them in the table only."""
    return bars.ordinal < 0


def close_missing(bars: BarRows) -> BoolArray:
    """Bars without a close."""
    return np.isnan(bars.close)


def before_listing(bars: BarRows) -> BoolArray:
    """Bars before the instrument's ``listed``; none where it is not given."""
    return bars.session < bars.listed[bars.column]


def after_delisting(bars: BarRows) -> BoolArray:
    """Bars after the instrument's ``delisted``; a bar on that date is its last."""
    return bars.session > bars.delisted[bars.column]


def spike(bars: BarRows) -> BoolArray:
    """Bars whose close is ``SPIKE_FACTOR`` off the last, undone by the next close. Hindsight."""
    close, follows = bars.close, bars.follows
    found = np.zeros(len(close), dtype=bool)
    if len(close) < 3:
        return found
    before, this, after = close[:-2], close[1:-1], close[2:]
    with np.errstate(divide="ignore", invalid="ignore"):
        move, back = this / before, after / before - 1.0
    far = (move >= SPIKE_FACTOR) | (move <= 1.0 / SPIKE_FACTOR)
    found[1:-1] = far & (np.abs(back) <= SPIKE_RETURN) & follows[1:-1] & follows[2:]
    return found


def padding(bars: BarRows) -> BoolArray:
    """Flat bars without volume before an instrument's first bar with volume. Hindsight.

    An index has no volume, and an instrument that never trades has no first trade: neither is
    looked at.
    """
    early = np.arange(len(bars.column)) < _first_trade(bars)[bars.column]
    found: BoolArray = early & (bars.volume == 0) & _flat(bars) & ~bars.index[bars.column]
    return found


def stale_run(bars: BarRows) -> BoolArray:
    """Bars with the close before and no volume, ``STALE_SESSIONS`` or more in a row. Hindsight.

    Padding is not told again: only what follows an instrument's first trade counts.
    """
    same = np.zeros(len(bars.close), dtype=bool)
    same[1:] = bars.close[1:] == bars.close[:-1]
    same &= bars.follows & (bars.volume == 0) & ~bars.index[bars.column]
    same &= np.arange(len(same)) > _first_trade(bars)[bars.column]
    # Runs end where an instrument's first bar (never the same as one before) breaks them.
    edges = np.flatnonzero(np.diff(np.concatenate(([0], same.astype(np.int8), [0]))))
    starts, ends = edges[::2], edges[1::2]
    long = ends - starts >= STALE_SESSIONS
    found = np.zeros(len(same) + 1, dtype=np.int64)
    found[starts[long]] += 1
    found[ends[long]] -= 1
    return np.cumsum(found)[:-1] > 0


def low_above_high(bars: BarRows) -> BoolArray:
    """Bars with a low above high by more than ``RANGE_TOLERANCE``, where both are known."""
    return bars.low > bars.high * (1.0 + RANGE_TOLERANCE)


def open_outside_range(bars: BarRows) -> BoolArray:
    """Bars with an open above high or below low by more than ``RANGE_TOLERANCE``, where known."""
    return _outside_range(bars, bars.open)


def close_outside_range(bars: BarRows) -> BoolArray:
    """Bars with a close above high or below low by more than ``RANGE_TOLERANCE``, where known."""
    return _outside_range(bars, bars.close)


def _outside_range(bars: BarRows, price: FloatArray) -> BoolArray:
    above = price > bars.high * (1.0 + RANGE_TOLERANCE)
    return above | (price < bars.low * (1.0 - RANGE_TOLERANCE))


def volume_missing(bars: BarRows) -> BoolArray:
    """Zero-volume bars of sessions in which no tradable instrument of the exchange has volume.

    Unknown volumes and indices are left aside; a single bar with zero volume is enough.
    """
    exchanges, codes = np.unique(bars.exchange.astype(str), return_inverse=True)
    width = int(bars.ordinal.max(initial=0)) + 1
    cell = codes[bars.column] * width + bars.ordinal
    tradable = ~bars.index[bars.column]
    traded = np.zeros(len(exchanges) * width, dtype=bool)
    traded[cell[tradable & (bars.volume > 0)]] = True
    found: BoolArray = tradable & (bars.volume == 0) & ~traded[cell]
    return found


def gap(bars: BarRows) -> BoolArray:
    """Bars that come after ``GAP_SESSIONS`` or more sessions without one. Hindsight.

    ``drop`` drops the instrument's bars before its last gap, so that no history reaches across it.
    """
    missed = np.zeros(len(bars.ordinal), dtype=np.int64)
    missed[1:] = bars.ordinal[1:] - bars.ordinal[:-1] - 1
    return bars.follows & (missed >= GAP_SESSIONS)


def _first_trade(bars: BarRows) -> IntArray:
    """Row of each instrument's first bar with volume, -1 where it has none."""
    traded = np.flatnonzero(bars.volume > 0)
    first = np.full(len(bars.symbol), -1, dtype=np.int64)
    columns, at = np.unique(bars.column[traded], return_index=True)
    first[columns] = traded[at]
    return first


def _flat(bars: BarRows) -> BoolArray:
    """Bars that show one price only, unknown prices aside."""
    flat = np.ones(len(bars.close), dtype=bool)
    for price in (bars.open, bars.high, bars.low):
        flat &= np.isnan(price) | (price == bars.close)
    return flat


def before_last(bars: BarRows, found: BoolArray) -> BoolArray:
    """Rows of each instrument before the last that was found."""
    last = np.full(len(bars.symbol), -1, dtype=np.int64)
    at = np.flatnonzero(found)
    last[bars.column[at]] = at
    return np.arange(len(found)) < last[bars.column]


RULES: Mapping[CheckName, Callable[[BarRows], BoolArray]] = {
    "not_a_session": not_a_session,
    "close_missing": close_missing,
    "before_listing": before_listing,
    "after_delisting": after_delisting,
    "spike": spike,
    "padding": padding,
    "stale_run": stale_run,
    "low_above_high": low_above_high,
    "open_outside_range": open_outside_range,
    "close_outside_range": close_outside_range,
    "volume_missing": volume_missing,
    "gap": gap,
}
"""In the order in which they run; each looks at what the ones before it left."""

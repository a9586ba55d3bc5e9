"""Bundles whose sessions are drawn again from their own, the whole market at a time.

A row is a session of the base exchange, with what other exchanges did since the session before.
Every price becomes a change from the last close known, dividends included; a drawn market is made
of the changes of the drawn rows, one after the other, on the dates of the real one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from backtest.calendars import timezone
from backtest.data.arrays import BarArrays
from backtest.data.bundle import Bundle
from backtest.data.grid import Grid
from backtest.data.rows import sort_rows, symbol_columns
from backtest.data.schema import TABLES

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Days = npt.NDArray[np.datetime64]
Rounding = Callable[[FloatArray], FloatArray]

_PRICES = ("open", "high", "low", "close")
_VALUES = (*_PRICES, "volume")


def redrawn(
    bundle: Bundle, grid: Grid, base: str, *, first: int, rows: IntArray, rounded: Rounding
) -> Bundle:
    """``bundle`` with the sessions from ``first`` on replaced by those of ``rows``.

    Parameters
    ----------
    base
        The exchange whose sessions are drawn.
    first
        Its first session that is replaced, at least 1; what lies before stays as it is, and what
        lies behind the last is cut off.
    rows
        The session that stands at ``first``, ``first + 1``, ...; none of them below ``first``.
    rounded
        Prices laid out as the grid -> the same as they could be traded at.

    Notes
    -----
    An instrument has no bar where it had none in the drawn session, and none outside its own first
    and last bar. Its price goes on from the last close before ``first``, or from its own first one.
    Volume is such that the same money changes hands. Splits and dividends are in the prices; a
    delisting stays on its date and pays the same share of the last close. Facts come with the
    session that first knew them, as many days before it as they were and about as old a period;
    those named in ``per_share`` keep their ratio to the price. Rates and fx stay where they are.
    """
    spans = grid.bars.sessions
    places = {
        name: _places(span.dates, spans[base].dates, first, rows) for name, span in spans.items()
    }
    draw = _Draw(grid, base, first, rows, places)
    values, mark = _drawn(draw, rounded)
    content = hashlib.sha256(f"{bundle.hash} redrawn {base} {first} ".encode())
    content.update(np.ascontiguousarray(rows, dtype=np.int64).tobytes())
    return replace(
        bundle,
        bars=_bars(bundle, grid.bars, values),
        actions=_actions(bundle, draw, mark),
        facts=_facts(bundle, draw, mark),
        hash=content.hexdigest(),
        path=None,
    )


@dataclass(frozen=True, eq=False)
class _Draw:
    """The sessions of the base exchange from ``first`` on, and what replaces them everywhere."""

    grid: Grid
    base: str
    first: int
    rows: IntArray
    places: Mapping[str, _Places]

    @property
    def days(self) -> Days:
        """Sessions of the base exchange."""
        return self.grid.bars.sessions[self.base].dates


@dataclass(frozen=True, eq=False)
class _Places:
    """Sessions ``start:stop`` of an exchange are replaced, each by the session of ``source``.

    ``until`` is the last own session of each base session.
    """

    start: int
    stop: int
    source: IntArray
    until: IntArray


def _places(own: Days, days: Days, first: int, rows: IntArray) -> _Places:
    """Which session of an exchange stands for which, given the rows of the base exchange.

    Each session belongs to the first base session not before it; counted back from the last of
    those, it is replaced by the one as far back from the drawn base session.
    """
    until = np.searchsorted(own, days, side="right") - 1
    start, stop = int(until[first - 1]) + 1, int(until[first + len(rows) - 1]) + 1
    target = np.searchsorted(days, own[start:stop], side="left")
    back = until[target] - np.arange(start, stop)
    return _Places(start, stop, np.maximum(until[rows[target - first]] - back, 0), until)


def _drawn(draw: _Draw, rounded: Rounding) -> tuple[dict[str, FloatArray], FloatArray]:
    """Prices and volumes laid out as the grid, with what they are marked at before rounding."""
    grid, bars = draw.grid, draw.grid.bars
    values = {name: getattr(bars, name).copy() for name in _VALUES}
    mark = grid.mark.copy()
    paid = np.zeros_like(bars.close)
    acted = grid.actions
    inside = acted.row < len(paid)
    paid[acted.row[inside], acted.column[inside]] = acted.dividend[inside]
    changed = np.zeros(bars.close.shape, dtype=bool)
    for x, exchange in enumerate(bars.exchanges):
        place, columns = draw.places[exchange], np.flatnonzero(bars.column_exchange == x)
        _replace(grid, place, columns, paid=paid, values=values, mark=mark)
        changed[place.start : place.stop, columns] = True
        for made in values.values():
            made[place.stop :, columns] = np.nan
    for name in _PRICES:
        np.copyto(values[name], rounded(values[name]), where=changed)
    return values, mark


def _replace(
    grid: Grid,
    place: _Places,
    columns: IntArray,
    *,
    paid: FloatArray,
    values: dict[str, FloatArray],
    mark: FloatArray,
) -> None:
    """Write the drawn sessions of the ``columns`` of one exchange into ``values`` and ``mark``."""
    bars = grid.bars
    source, here = place.source, slice(place.start, place.stop)
    at, before = np.ix_(source, columns), np.ix_(np.maximum(source - 1, 0), columns)
    close, volume = bars.close[at], bars.volume[at]
    with np.errstate(divide="ignore", invalid="ignore"):
        growth = grid.total_return[at] / grid.total_return[before]
        scale = growth / (close + paid[at])  # of a price of that session to a change
    known = np.isfinite(scale) & (source > 0)[:, None] & _alive(bars, place, columns)
    start = _anchors(grid, place, columns)
    path = start * np.cumprod(np.where(known, growth, 1.0), axis=0)
    last = np.vstack((start, path))[:-1]
    mark[here, columns] = path
    for name in _PRICES:
        price = last * (getattr(bars, name)[at] + paid[at]) * scale
        values[name][here, columns] = np.where(known, price, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = volume * close / path
    whole = np.where(volume > 0.0, np.maximum(np.rint(shares), 1.0), 0.0)
    shares = np.where(volume == np.floor(volume), whole, shares)
    values["volume"][here, columns] = np.where(known, shares, np.nan)


def _alive(bars: BarArrays, place: _Places, columns: IntArray) -> npt.NDArray[np.bool_]:
    """Where a replaced session lies between the first and the last bar of each column."""
    has = ~np.isnan(bars.close[:, columns])
    session = np.arange(place.start, place.stop)[:, None]
    last = len(has) - 1 - np.argmax(has[::-1], axis=0)
    return np.asarray((session >= np.argmax(has, axis=0)) & (session <= last))


def _anchors(grid: Grid, place: _Places, columns: IntArray) -> FloatArray:
    """The price that each column goes on from, NaN without any bar."""
    close = grid.bars.close[:, columns]
    own = close[np.argmax(~np.isnan(close), axis=0), np.arange(len(columns))]
    if place.start == 0:
        return np.asarray(own, dtype=np.float64)
    known = grid.mark[place.start - 1, columns]
    return np.asarray(np.where(known > 0.0, known, own))


def _bars(bundle: Bundle, bars: BarArrays, values: Mapping[str, FloatArray]) -> pd.DataFrame:
    """The table of bars, by symbol and session."""
    column, row = np.nonzero(~np.isnan(values["close"].T))
    days = np.empty(len(row), dtype="datetime64[ns]")
    for x, exchange in enumerate(bars.exchanges):
        mine = bars.column_exchange[column] == x
        days[mine] = bars.sessions[exchange].dates[row[mine]]
    symbols = pd.Series(list(bars.symbols), dtype=bundle.bars["symbol"].dtype)
    table = {"symbol": symbols.take(column).reset_index(drop=True), "session": days}
    return sort_rows(
        "bars", pd.DataFrame(table | {name: values[name][row, column] for name in _VALUES})
    )


def _actions(bundle: Bundle, draw: _Draw, mark: FloatArray) -> pd.DataFrame:
    """What was before the first drawn session, and the delistings, by the drawn last close."""
    actions, bars = bundle.actions, draw.grid.bars
    column = symbol_columns(actions["symbol"], bundle.instruments)
    days = actions["ex_session"].to_numpy()
    row, start, stop = (np.zeros(len(actions), dtype=np.int64) for _ in range(3))
    for x, exchange in enumerate(bars.exchanges):
        mine = bars.column_exchange[column] == x
        row[mine] = np.searchsorted(bars.sessions[exchange].dates, days[mine], side="right") - 1
        start[mine], stop[mine] = draw.places[exchange].start, draw.places[exchange].stop
    leaves = (actions["kind"] == "delisting").to_numpy() & (row >= start) & (row < stop)
    value = actions["value"].to_numpy().copy()
    at = (row[leaves], column[leaves])
    value[leaves] *= mark[at] / draw.grid.mark[at]
    kept = ((row < start) | leaves) & np.isfinite(value)
    left: pd.DataFrame = actions.assign(value=value)[kept]
    return left.reset_index(drop=True)


def _facts(bundle: Bundle, draw: _Draw, mark: FloatArray) -> pd.DataFrame:
    """Facts from before the first drawn session, then those of the drawn ones on their new days."""
    grid, zone, days, first, rows = draw.grid, timezone(draw.base), draw.days, draw.first, draw.rows
    facts = bundle.facts
    local = facts["known_at"].dt.tz_convert(zone).dt.tz_localize(None)
    known_on = local.to_numpy().astype("datetime64[D]")
    session = np.searchsorted(days, known_on, side="left")
    order = np.argsort(session, kind="stable")
    begin = np.searchsorted(session[order], rows, side="left")
    count = np.searchsorted(session[order], rows, side="right") - begin
    within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    taken = order[np.repeat(begin, count) + within]
    new = np.repeat(np.arange(first, first + len(rows)), count)
    # As many days before its session as it was, but behind the session before: none overtakes.
    day = np.maximum(known_on[taken] + (days[new] - days[session[taken]]), days[new - 1] + 1)
    moved = (day - known_on[taken]).astype("timedelta64[ns]")
    value = facts["value"].to_numpy()[taken]
    column = symbol_columns(facts["symbol"], bundle.instruments)[taken]
    per_share = facts["field"].isin(bundle.per_share).to_numpy()[taken] & (column >= 0)
    for x, exchange in enumerate(grid.bars.exchanges):
        mine = np.flatnonzero(per_share & (grid.bars.column_exchange[column] == x))
        until = draw.places[exchange].until
        old = grid.mark[until[session[taken[mine]]], column[mine]]
        value[mine] *= mark[until[new[mine]], column[mine]] / old
    drawn = facts.iloc[taken].assign(
        period=facts["period"].to_numpy()[taken] + moved,
        known_at=(local.iloc[taken] + moved)
        .dt.tz_localize(
            zone, ambiguous=np.ones(len(taken), dtype=bool), nonexistent="shift_forward"
        )
        .dt.tz_convert("UTC"),
        value=value,
    )
    both = pd.concat([facts[session < first], drawn[np.isfinite(value)]], ignore_index=True)
    return sort_rows("facts", both.drop_duplicates(TABLES["facts"].key, keep="last"))

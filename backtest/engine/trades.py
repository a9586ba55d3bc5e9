"""Fills and cash flows to round trips, flat to flat."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from backtest.calendars import Sessions
from backtest.clock import CLOSE, NAV, OPEN, Clock
from backtest.data.grid import Grid
from backtest.engine.currency import CurrencyMoves
from backtest.engine.trips import Trip, follow_move
from backtest.kernels.world import CASH_KINDS, PAID, PAID_CONVERSION, REASONS, Log

FloatArray = npt.NDArray[np.float64]

COLUMNS = (
    "symbol",
    "side",
    "entry",
    "exit",
    "entry_session",
    "exit_session",
    "shares",
    "entry_price",
    "exit_price",
    "pnl",
    "fx_pnl",
    "dividends",
    "fees",
    "return",
    "sessions",
    "mae",
    "mfe",
    "open",
    "reason",
)

_WITHIN = ("stop_loss", "take_profit", "trailing_stop")  # left when the price was met
_INCOME = ("dividend", "receivable", "rights", "in_kind")
_FLAT = 1e-9  # shares: what rounding may leave of a position that was sold


def trades_frame(log: Log, clock: Clock, grid: Grid, moves: CurrencyMoves) -> pd.DataFrame:
    """Round trips at average cost; one per position from flat to flat, open ones flagged.

    ``pnl`` is in the portfolio's currency, net of all costs, dividends and cash for fractions
    included; of an open trade, with its last mark. ``fx_pnl`` is the part of it that exchange rates
    made, `backtest.engine.currency`. ``return`` is pnl over what the entries cost.
    ``mae`` and ``mfe`` are the worst and best price while it was held against the average entry, as
    fractions: not the bar before an entry at its close, nor after an exit at its open or level.
    """
    done: list[dict[str, object]] = []
    trips: dict[int, Trip] = {}
    last_mark = _last_marks(log)
    for event, _, kind, row in _stream(log):
        if kind == "fill":
            _follow_fill(log, clock, grid, trips, done, moves=moves, event=event, row=row)
        else:
            _follow_cash(log, clock, grid, trips, done, event=event, row=row)
    done.extend(
        _still_open(trips[column], clock, grid, last_mark.get(column, (0.0, 0.0)))
        for column in sorted(trips)
    )
    frame = pd.DataFrame(done, columns=list(COLUMNS))
    return _typed(frame).sort_values(["entry", "symbol"], kind="stable", ignore_index=True)


def _stream(log: Log) -> list[tuple[int, int, str, int]]:
    """Fills and cash rows in the order in which they happened; actions before an event's fills."""
    steps = [(int(event), 1, "fill", row) for row, event in enumerate(log.fill_at[:, 0])]
    steps.extend(
        (int(event), 0 if CASH_KINDS[kind] != "write_off" else 2, "cash", row)
        for row, (event, column, kind, _) in enumerate(log.cash_at)
        if column >= 0
    )
    return sorted(steps, key=lambda step: (step[0], step[1], step[3]))


def _follow_fill(
    log: Log,
    clock: Clock,
    grid: Grid,
    trips: dict[int, Trip],
    done: list[dict[str, object]],
    *,
    moves: CurrencyMoves,
    event: int,
    row: int,
) -> None:
    column = int(log.fill_at[row, 2])
    shares, _, price, rate, fx_cost, fees = (float(value) for value in log.fill[row])
    cost, move = fees * rate + fx_cost, float(moves.fill[row])
    while shares != 0.0:
        trip = trips.get(column)
        if trip is None:
            trip = Trip(column, np.sign(shares), begun=event, since=event, rates=moves)
            trip.entered_at_close = bool(clock.kind[event] == CLOSE)
            trips[column] = trip
        opens = shares * trip.side > 0
        part = shares if opens else np.sign(shares) * min(abs(shares), abs(trip.held))
        share_of_cost = cost * part / shares
        trip.cash -= part * price * rate + share_of_cost
        trip.moves += move * part / shares
        move -= move * part / shares
        trip.fees += share_of_cost
        if opens:
            trip.bought += abs(part)
            trip.paid += abs(part) * price
            trip.invested += abs(part) * price * rate + share_of_cost
        else:
            trip.sold += abs(part)
            trip.received += abs(part) * price
        trip.held += part
        trip.last = price
        trip.largest = max(trip.largest, abs(trip.held))
        cost -= share_of_cost
        shares -= part
        # Without a sale it is no rounding: fractions bought with the last cash may be as small.
        if trip.sold > 0.0 and abs(trip.held) <= _FLAT * max(1.0, trip.largest):
            trip.reason = REASONS[log.fill_at[row, 3]]
            trip.left = _left_within(trip, clock, grid, event)
            done.append(_closed(trips.pop(column), clock, grid, event, price=None))
            if abs(shares) <= _FLAT:
                shares = 0.0


def _follow_cash(
    log: Log,
    clock: Clock,
    grid: Grid,
    trips: dict[int, Trip],
    done: list[dict[str, object]],
    *,
    event: int,
    row: int,
) -> None:
    column = int(log.cash_at[row, 1])
    code = log.cash_at[row, 2]
    kind = CASH_KINDS[code]
    if kind == "moved":
        follow_move(log, trips, row, event)
        return
    trip = trips.get(column)
    if trip is None or code in (PAID, PAID_CONVERSION):  # the trip of the ex-session had it
        return
    amount, local, change = (float(value) for value in log.cash[row])
    if kind == "split":
        ratio = _split_ratio(clock, grid, column, event)
        trip.rest = trip.held * ratio - (trip.held + change)
        trip.held += change
        trip.largest *= ratio
        trip.bought *= ratio
        trip.sold *= ratio
        trip.growth *= ratio
        return
    if kind == "write_off":
        trip.reason = "write_off"
        done.append(_closed(trips.pop(column), clock, grid, event, price=0.0))
        return
    trip.cash += amount
    trip.moves += float(trip.rates.cash[row])
    trip.dividends += amount if kind in _INCOME else 0.0
    trip.fees -= amount if kind == "fx_cost" else 0.0
    if kind == "fraction":
        trip.sold += abs(trip.rest)
        trip.received += abs(local)
        if trip.held == 0.0:  # a consolidation left less than one share
            trip.reason = "fraction"
            trip.left = _left_within(trip, clock, grid, event)
            done.append(_closed(trips.pop(column), clock, grid, event, price=None))


def _split_ratio(clock: Clock, grid: Grid, column: int, event: int) -> float:
    acts = grid.actions
    own = slice(acts.ptr[column], acts.ptr[column + 1])
    return float(acts.split[own][acts.row[own] == clock.row[event]][0])


def _last_marks(log: Log) -> dict[int, tuple[float, float]]:
    """Mark and value of what is held at the last base close, by column."""
    if not len(log.position_at):
        return {}
    last = log.position_at[:, 0] == len(log.nav) - 1
    return {
        int(column): (float(mark), float(shares * mark * rate))
        for column, (shares, mark, rate) in zip(
            log.position_at[last, 1], log.position[last], strict=True
        )
    }


def _closed(
    trip: Trip, clock: Clock, grid: Grid, event: int, *, price: float | None
) -> dict[str, object]:
    exit_price = price if price is not None else trip.received / trip.sold
    row = _row(trip, clock, grid, event, exit_price=exit_price, pnl=trip.cash)
    return {**row, "exit": clock.time[event], "open": False}


def _still_open(
    trip: Trip, clock: Clock, grid: Grid, mark: tuple[float, float]
) -> dict[str, object]:
    row = _row(trip, clock, grid, len(clock.time) - 1, exit_price=np.nan, pnl=trip.cash + mark[1])
    return {**row, "exit": np.datetime64("NaT"), "exit_session": np.datetime64("NaT"), "open": True}


def _row(
    trip: Trip, clock: Clock, grid: Grid, event: int, *, exit_price: float, pnl: float
) -> dict[str, object]:
    entry_price = trip.paid / trip.bought
    own = clock.sessions[clock.exchanges[grid.bars.column_exchange[trip.column]]]
    start, end = (_own_session(own, clock, at) for at in (trip.begun, event))
    over = int(np.searchsorted(own.close, clock.time[event], side="right")) - 1
    seen = end if trip.left is not None else min(end, over)  # a bar is known once it is over
    worst, best = _excursions(trip, grid, start, seen, entry_price)
    return {
        "symbol": grid.bars.symbols[trip.column],
        "side": "long" if trip.side > 0 else "short",
        "entry": clock.time[trip.begun],
        "entry_session": own.dates[start],
        "exit_session": own.dates[end],
        "shares": trip.largest,
        "entry_price": entry_price,
        "exit_price": exit_price,
        "pnl": pnl,
        "fx_pnl": trip.moves + trip.rates.held(trip.column, trip.since, event),
        "dividends": trip.dividends,
        "fees": trip.fees,
        "return": pnl / trip.invested if trip.invested > 0 else np.nan,
        "sessions": end - start,
        "mae": worst,
        "mfe": best,
        "reason": trip.reason,
    }


def _own_session(own: Sessions, clock: Clock, event: int) -> int:
    """The session an own event belongs to; of a NAV row the last that began before it."""
    if clock.kind[event] != NAV:
        return int(clock.row[event])
    return max(int(np.searchsorted(own.open, clock.time[event], side="left")) - 1, 0)


def _left_within(trip: Trip, clock: Clock, grid: Grid, event: int) -> tuple[float, float] | None:
    """Lowest and highest price of the last bar while it was held; None for the whole bar's."""
    opening = float(grid.bars.open[clock.row[event], trip.column])
    if clock.kind[event] == OPEN:
        return opening, opening
    if trip.reason in _WITHIN:
        first = trip.last if np.isnan(opening) else opening
        return min(first, trip.last), max(first, trip.last)
    return None


def _excursions(
    trip: Trip, grid: Grid, start: int, end: int, entry_price: float
) -> tuple[float, float]:
    """Worst and best price while it was held against the average entry, as fractions."""
    bars = grid.bars
    stretch = slice(start, end + 1)
    close = bars.close[stretch, trip.column]
    low = np.where(np.isnan(bars.low[stretch, trip.column]), close, bars.low[stretch, trip.column])
    high = np.where(
        np.isnan(bars.high[stretch, trip.column]), close, bars.high[stretch, trip.column]
    )
    if len(close) and trip.entered_at_close:
        low[0] = high[0] = close[0]
    if len(close) and trip.left is not None:
        low[-1], high[-1] = trip.left
    if trip.growth != 1.0:
        factor = _shares_at_end(grid, trip.column, start, end)
        low, high = low / factor, high / factor
    known = ~np.isnan(low)
    if not known.any() or entry_price <= 0:
        return np.nan, np.nan
    falls = float(low[known].min() / entry_price - 1.0)
    rises = float(high[known].max() / entry_price - 1.0)
    worst, best = (falls, rises) if trip.side > 0 else (-rises, -falls)
    return min(worst, 0.0), max(best, 0.0)


def _shares_at_end(grid: Grid, column: int, start: int, end: int) -> FloatArray:
    """By session, the shares that one share of then has become at ``end``."""
    factor = np.ones(end - start + 1)
    acts = grid.actions
    for k in range(acts.ptr[column], acts.ptr[column + 1]):
        if start < acts.row[k] <= end:
            factor[: acts.row[k] - start] *= acts.split[k]
    return factor


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    for name in ("entry", "exit"):
        frame[name] = pd.to_datetime(frame[name], utc=True).astype("datetime64[ns, UTC]")
    for name in ("entry_session", "exit_session"):
        frame[name] = pd.to_datetime(frame[name]).astype("datetime64[ns]")
    for name in ("symbol", "side", "reason"):
        frame[name] = frame[name].astype("str")
    for name in (
        "shares",
        "entry_price",
        "exit_price",
        "pnl",
        "fx_pnl",
        "dividends",
        "fees",
        "return",
        "mae",
        "mfe",
    ):
        frame[name] = frame[name].astype("float64")
    return frame.astype({"sessions": "int64", "open": "bool"})

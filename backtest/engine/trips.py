"""A position from flat to flat while it is followed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from backtest.engine.currency import CurrencyMoves
from backtest.kernels.world import Log


@dataclass
class Trip:
    """A position from flat to flat while it is followed; prices per share as held at the end."""

    column: int
    side: float
    begun: int  # event
    since: int  # event since which it is in this column
    rates: CurrencyMoves
    held: float = 0.0
    largest: float = 0.0
    bought: float = 0.0  # shares that opened or added, and what was paid for them
    paid: float = 0.0
    sold: float = 0.0
    received: float = 0.0
    invested: float = 0.0  # portfolio currency, costs of the entries included
    cash: float = 0.0  # portfolio currency, all flows
    moves: float = 0.0  # portfolio currency: what exchange rates made of the flows
    dividends: float = 0.0
    fees: float = 0.0
    growth: float = 1.0  # splits since the entry
    rest: float = 0.0  # of a share, after a split: paid in cash, next in the log
    entered_at_close: bool = False
    last: float = np.nan  # price of the last fill
    left: tuple[float, float] | None = None  # range of the last bar that it was held through
    reason: str = ""


def follow_move(log: Log, trips: dict[int, Trip], row: int, event: int) -> None:
    """Carry a round trip to the new ticker; its row follows that of the old one.

    Where the new ticker is held already the two are one trip from then on.
    """
    if log.cash[row, 1] == 0.0:  # the old ticker's
        return
    old, target = (int(log.cash_at[at, 1]) for at in (row - 1, row))
    ratio, change = float(log.cash[row, 1]), float(log.cash[row, 2])
    trip = trips.pop(old, None)
    if trip is None:
        return
    trip.rest = trip.held * ratio - change
    trip.held = change
    trip.moves += trip.rates.held(old, trip.since, event)
    trip.column, trip.since = target, event
    for name in ("largest", "bought", "sold", "growth"):
        setattr(trip, name, getattr(trip, name) * ratio)
    other = trips.get(target)
    trips[target] = trip if other is None else _joined(other, trip)


def _joined(one: Trip, two: Trip) -> Trip:
    """Two trips in one instrument as a single one, of the earlier entry."""
    for name in (
        *("held", "bought", "paid", "sold", "received"),
        *("invested", "cash", "moves", "dividends", "fees", "rest"),
    ):
        setattr(one, name, getattr(one, name) + getattr(two, name))
    one.begun = min(one.begun, two.begun)
    one.largest = max(one.largest, two.largest, abs(one.held))
    return one

"""The account's own lists and logs: positions, orders, fills, cash."""

from __future__ import annotations

import numpy as np

from backtest.kernels.inner import inner
from backtest.kernels.world import (
    CANCELLED,
    CASH_ROWS,
    HELD,
    LAPSED,
    NO_COLUMN,
    PARTIAL,
    REPLACED,
    WAITING,
    Book,
    Counts,
    Floats,
    Ints,
    Log,
    Records,
    World,
)

NUDGE = 1e-9  # of a lot: 0.29 / 0.01 is 28.999..., and an exact lot must not be lost to rounding


@inner
def to_lots(shares: float, lot: float) -> float:
    """``shares`` toward zero to whole lots; unchanged where ``lot`` is 0."""
    if lot == 0.0:
        return shares
    lots = np.floor(abs(shares) / lot + NUDGE) * lot
    return lots if shares >= 0.0 else -lots


@inner
def lot_of(world: World, book: Book, j: int) -> float:
    """Lot of column ``j`` in its session that is open or was closed last."""
    lot = world.columns[j]["lot"]
    if lot < 0.0:
        s = max(book.desks[world.columns[j]["exchange"]]["row"], 0)
        lot = world.lots[s, np.int64(-1.0 - lot), 0]
    return lot


@inner
def is_too_small(world: World, book: Book, j: int, q: float) -> bool:
    """Whether an order of ``q`` shares is below the least, and is not all that is held."""
    place = -1.0 - world.columns[j]["lot"]
    if place < 0.0 or q + book.shares[j] == 0.0:
        return False
    s = max(book.desks[world.columns[j]["exchange"]]["row"], 0)
    return abs(q) < world.lots[s, np.int64(place), 1]


@inner
def change_shares(shares: Floats, held: Ints, count: Counts, j: int, after: float) -> None:
    """Set the shares of column ``j``, keeping ``held`` the ascending list of positions."""
    before = shares[j]
    shares[j] = after
    n = count[HELD]
    if before == 0.0 and after != 0.0:
        k = n
        while k > 0 and held[k - 1] > j:
            held[k] = held[k - 1]
            k -= 1
        held[k] = j
        count[HELD] = n + 1
    elif before != 0.0 and after == 0.0:
        k = 0
        while held[k] != j:
            k += 1
        for m in range(k, n - 1):
            held[m] = held[m + 1]
        count[HELD] = n - 1


@inner
def note_entry(
    watch: Records, j: int, s: int, before: float, q: float, price: float, at_close: bool
) -> None:
    """Keep what exit rules watch when ``q`` shares join ``before``: average, peak, entry."""
    after = before + q
    slot = watch[j]
    if before == 0.0 or before * after < 0.0:
        slot["average"] = price
        slot["peak"] = price
        slot["entry"] = s
        slot["entry_at_close"] = at_close
        slot["deferred"] = 0
    elif before * q > 0.0:
        slot["average"] = (before * slot["average"] + q * price) / after


@inner
def log_cash(
    book: Book,
    log: Log,
    event: int,
    j: int,
    kind: int,
    amount: float,
    local: float,
    change: float,
) -> None:
    """Write one change of cash or shares that is no trade; ``j`` is -1 without an instrument."""
    k = book.count[CASH_ROWS]
    book.count[CASH_ROWS] = k + 1
    if log.on:
        log.cash_at[k, 0] = event
        log.cash_at[k, 1] = -1 if j == NO_COLUMN else np.int64(j)
        log.cash_at[k, 2] = kind
        log.cash[k, 0] = amount
        log.cash[k, 1] = local
        log.cash[k, 2] = change


@inner
def set_status(log: Log, event: int, ticket: int, status: int) -> None:
    """Write what became of an order; one that lapses after a part was filled is `PARTIAL`."""
    if not log.on or ticket < 0:
        return
    if log.order[ticket, 2] != 0.0 and (
        status == LAPSED or status == REPLACED or status == CANCELLED  # noqa: PLR1714 - for numba
    ):
        status = PARTIAL
    log.order_at[ticket, 2] = status
    log.order_at[ticket, 3] = event


@inner
def close_order(book: Book, log: Log, event: int, j: int, status: int) -> None:
    """End the pending order of column ``j``, with what became of it."""
    book.slots[j]["pending"] = False
    set_status(log, event, book.slots[j]["ticket"], status)


@inner
def cancel_order(book: Book, log: Log, event: int, j: int) -> None:
    """End the pending order of column ``j``, if there is one, because its position went away."""
    if book.slots[j]["pending"]:
        close_order(book, log, event, j, CANCELLED)


@inner
def tidy_waiting(waiting: Ints, count: Counts, slots: Records) -> None:
    """Drop what is no longer pending and restore the ascending order of the list."""
    kept = 0
    ordered = True
    for k in range(count[WAITING]):
        j = waiting[k]
        if slots[j]["pending"]:
            if kept > 0 and waiting[kept - 1] > j:
                ordered = False
            waiting[kept] = j
            kept += 1
        else:
            slots[j]["listed_waiting"] = False
    if not ordered:
        kept = 0
        for j in range(slots.shape[0]):
            if slots[j]["pending"]:
                waiting[kept] = j
                kept += 1
    count[WAITING] = kept


@inner
def lapse_all(book: Book, log: Log, event: int) -> None:
    """End every order that is still pending when the run ends."""
    for k in range(book.count[WAITING]):
        j = book.waiting[k]
        if book.slots[j]["pending"]:
            close_order(book, log, event, j, LAPSED)
    tidy_waiting(book.waiting, book.count, book.slots)

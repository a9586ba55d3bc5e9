"""Orders in an instrument's listing session, which may fill at a price of their own."""

from __future__ import annotations

from backtest.kernels.batch import fit, quote, settle
from backtest.kernels.book import lot_of, tidy_waiting, to_lots
from backtest.kernels.fills import fill_orders, gather, report
from backtest.kernels.inner import inner
from backtest.kernels.world import (
    BATCH,
    CAPPED,
    FILLED,
    FIRST_DAY_OPEN,
    FIRST_DAY_TYPICAL,
    WAITING,
    Book,
    Floats,
    Log,
    Terms,
    World,
)


@inner
def fill_all_but_new(
    world: World, terms: Terms, book: Book, log: Log, event: int, x: int, s: int, prices: Floats
) -> None:
    """`fill_orders`, but what lists in session ``s`` goes on waiting."""
    slots = book.slots
    n = 0
    for j in range(world.edge[x], world.edge[x + 1]):
        slots[j]["aside"] = slots[j]["pending"] and world.columns[j]["listed"] == s
        if slots[j]["aside"]:
            slots[j]["pending"] = False
            n += 1
    fill_orders(world, terms, book, log, event, x, s, prices)
    if n == 0:
        return
    for j in range(world.edge[x], world.edge[x + 1]):
        if slots[j]["aside"]:
            slots[j]["pending"] = True
            if not slots[j]["listed_waiting"]:
                slots[j]["listed_waiting"] = True
                book.waiting[book.count[WAITING]] = j
                book.count[WAITING] += 1
    tidy_waiting(book.waiting, book.count, slots)


@inner
def fill_new(
    world: World, terms: Terms, book: Book, log: Log, event: int, x: int, s: int, at_open: bool
) -> None:
    """Fill the orders of what lists in session ``s``, sells first; both in column order."""
    for side in (-1.0, 1.0):
        n = 0
        for j in range(world.edge[x], world.edge[x + 1]):
            slot = book.slots[j]
            if not slot["pending"] or world.columns[j]["listed"] != s:
                continue
            if slot["leaves"]:
                slot["order"] = -book.shares[j]
            if slot["order"] * side > 0.0:
                book.sides[0, n] = j
                n += 1
        if n == 0:
            continue
        gather(book, world.open[s] if at_open else world.close[s], book.sides[0], n)
        if terms.first_day == FIRST_DAY_TYPICAL:
            to_typical(world, book, s)
        if terms.first_day_part > 0.0:
            cap(world, terms, book, x, s)
        quote(world, terms, book, x, s, side)
        if side > 0.0:
            fit(world, terms, book, event, x, s)
        settle(world, terms, book, log, event, x, s, side)
        uncap(book)
        report(terms, book, log, event, side)
    tidy_waiting(book.waiting, book.count, book.slots)


@inner
def is_now(terms: Terms, at_open: bool) -> bool:
    """Whether orders of listing sessions fill at this kind of event."""
    return (terms.first_day == FIRST_DAY_OPEN) == at_open


@inner
def to_typical(world: World, book: Book, s: int) -> None:
    """Take the mean of high, low and close for the price; the close where one is not known."""
    for i in range(book.count[BATCH]):
        trade = book.batch[i]
        j = trade["column"]
        price = (world.high[s, j] + world.low[s, j] + world.close[s, j]) / 3.0
        if price == price:
            trade["reference"] = price


@inner
def cap(world: World, terms: Terms, book: Book, x: int, s: int) -> None:
    """Ask for no more than the first day's share of the volume, where that is known."""
    for i in range(book.count[BATCH]):
        trade = book.batch[i]
        j = trade["column"]
        volume = world.volume[s, j]
        if volume != volume or world.volume_unknown[x, s]:
            continue
        most = terms.first_day_part * volume
        if trade["asked"] > most:
            trade["asked"] = to_lots(most, lot_of(world, book, j))


@inner
def uncap(book: Book) -> None:
    """Say of what `cap` cut that it was capped, with all that was asked for."""
    for i in range(book.count[BATCH]):
        trade = book.batch[i]
        asked = abs(book.slots[trade["column"]]["order"])
        if trade["asked"] < asked and trade["status"] == FILLED:
            trade["status"] = CAPPED
        trade["asked"] = asked

"""One portfolio, folded over the events of the clock."""

from __future__ import annotations

from backtest.kernels.actions import take_actions
from backtest.kernels.between import close_of_base, delist
from backtest.kernels.book import lapse_all
from backtest.kernels.deals import take_deals
from backtest.kernels.exits import exits_at_open, exits_within_bar, raise_peaks
from backtest.kernels.fills import fill_offers, fill_orders
from backtest.kernels.first_day import fill_all_but_new, fill_new, is_now
from backtest.kernels.inner import merged, outer
from backtest.kernels.lent import lend
from backtest.kernels.orders import decide, size_now
from backtest.kernels.purses import release
from backtest.kernels.subscriptions import allot, apply_for
from backtest.kernels.world import (
    APPLIED,
    BANKRUPT,
    CASH,
    CLOSE,
    DECISION,
    FIRST_DAY_FILL,
    FIRST_DAY_OPEN,
    HELD,
    NAV,
    WAITING,
    Book,
    Log,
    Orders,
    Terms,
    World,
)


@outer
def simulate(world: World, orders: Orders, terms: Terms, book: Book, log: Log) -> None:
    """Run one portfolio; what is to be read stands in ``log`` and ``book.count`` afterwards.

    Parameters
    ----------
    world, orders, terms
        What happens, what is wanted, on which terms; none is changed.
    book
        A new book (see `new_book`), consumed.
    log
        Where the results go. With ``log.on`` false only ``log.nav`` is written, rows are counted.
    """
    world, orders, terms, book, log = lend(world), lend(orders), lend(terms), lend(book), lend(log)
    book.money[CASH] = terms.cash
    for event in range(world.events.shape[0]):
        kind = world.events[event]["kind"]
        x = world.events[event]["exchange"]
        s = world.events[event]["row"]
        if kind == CLOSE:
            book.desks[x]["row"] = s
            book.desks[x]["is_open"] = False
            busy = book.count[WAITING] > 0 or book.desks[x]["due"] >= 0
            watched = terms.has_exits and book.count[HELD] > 0
            late = terms.fill_at_close or terms.first_day > FIRST_DAY_OPEN
            if watched or (late and busy):
                if not world.events[event]["shut"]:
                    trade_close(world, orders, terms, book, log, event, x, s)
                elif watched:
                    raise_peaks(world, book, x, s)
            if world.gone_ptr[x, s] < world.gone_ptr[x, s + 1]:
                delist(world, terms, book, log, event, x, s)
        elif kind == NAV:
            close_of_base(world, terms, book, log, event)
            if book.count[BANKRUPT] > 0:
                log.nav[s - world.first :] = 0.0
                lapse_all(book, log, event)
                break
        elif kind == DECISION:
            if orders.can_trade[s - world.first]:
                decide(world, orders, terms, book, log, event)
                if terms.subscribes:
                    apply_for(world, orders, terms, book, log, event, s - world.first)
        else:
            if terms.waits:
                release(world, terms, book, log, event, x, s)
            busy = book.count[WAITING] > 0 or book.desks[x]["due"] >= 0
            if terms.at_offer and busy:
                fill_offers(world, terms, book, log, event, x, s)
            if terms.subscribes and book.count[APPLIED] > 0:
                allot(world, terms, book, log, event, x, s)
            book.desks[x]["row"] = s
            book.desks[x]["is_open"] = True
            if world.act_ptr[x, s] < world.act_ptr[x, s + 1]:
                take_actions(world, terms, book, log, event, x, s)
            if world.deal_ptr[x, s] < world.deal_ptr[x, s + 1]:
                take_deals(world, terms, book, log, event, x, s)
            watched = terms.has_exits and book.count[HELD] > 0
            early = not terms.fill_at_close or terms.first_day == FIRST_DAY_OPEN
            is_open = not world.events[event]["shut"]
            if is_open and (watched or (early and busy)):
                trade_open(world, orders, terms, book, log, event, x, s)
    lapse_all(book, log, world.events.shape[0] - 1)


@merged
def trade_open(
    world: World, orders: Orders, terms: Terms, book: Book, log: Log, event: int, x: int, s: int
) -> None:
    """At an OPEN: exits, then orders."""
    if terms.has_exits and book.count[HELD] > 0:
        exits_at_open(world, terms, book, log, event, x, s)
    if not terms.fill_at_close:
        prices = world.open[s]
        if book.desks[x]["due"] >= 0:
            size_now(world, orders, terms, book, log, event, x, prices)
        if book.count[WAITING] > 0 and terms.first_day == FIRST_DAY_FILL:
            fill_orders(world, terms, book, log, event, x, s, prices)
    if terms.first_day > FIRST_DAY_FILL and book.count[WAITING] > 0:
        trade_new(world, terms, book, log, event, x, s, True)


@merged
def trade_close(
    world: World, orders: Orders, terms: Terms, book: Book, log: Log, event: int, x: int, s: int
) -> None:
    """At a CLOSE: exits of the bar, orders, then the peaks that trailing stops follow."""
    if terms.has_exits and book.count[HELD] > 0:
        exits_within_bar(world, terms, book, log, event, x, s)
    if terms.fill_at_close:
        prices = world.close[s]
        if book.desks[x]["due"] >= 0:
            size_now(world, orders, terms, book, log, event, x, prices)
        if book.count[WAITING] > 0 and terms.first_day == FIRST_DAY_FILL:
            fill_orders(world, terms, book, log, event, x, s, prices)
    if terms.first_day > FIRST_DAY_FILL and book.count[WAITING] > 0:
        trade_new(world, terms, book, log, event, x, s, False)
    if terms.has_exits and book.count[HELD] > 0:
        raise_peaks(world, book, x, s)


@merged
def trade_new(
    world: World, terms: Terms, book: Book, log: Log, event: int, x: int, s: int, at_open: bool
) -> None:
    """At an OPEN or CLOSE: all orders but those of new listings, then these if it is their time."""
    if at_open != terms.fill_at_close:
        prices = world.open[s] if at_open else world.close[s]
        fill_all_but_new(world, terms, book, log, event, x, s, prices)
    if is_now(terms, at_open):
        fill_new(world, terms, book, log, event, x, s, at_open)

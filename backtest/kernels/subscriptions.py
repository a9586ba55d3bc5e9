"""Applications for new listings: cash is locked, lots are allotted, the rest is refunded."""

from __future__ import annotations

import numpy as np

from backtest.kernels.book import (
    NUDGE,
    close_order,
    log_cash,
    lot_of,
    set_status,
    tidy_waiting,
    to_lots,
)
from backtest.kernels.fills import take_up
from backtest.kernels.inner import inner
from backtest.kernels.orders import write_order
from backtest.kernels.purses import square
from backtest.kernels.valuation import buying_power, nav_now
from backtest.kernels.world import (
    APPLICATION,
    APPLIED,
    CANCELLED,
    CASH,
    CASH_SCALED,
    FEES,
    FILLED,
    FINANCING,
    HANDLING_FEE,
    LAPSED,
    LOAN_INTEREST,
    LOCKED,
    NO_PRICE,
    OFFER,
    REFUND,
    SIGNAL,
    WAITING,
    Book,
    Log,
    Orders,
    Terms,
    World,
)

YEAR = 365.0


@inner
def apply_for(
    world: World, orders: Orders, terms: Terms, book: Book, log: Log, event: int, t: int
) -> None:
    """Turn the orders of decision ``t`` for what is offered then into applications.

    Until it lists, an instrument applied for takes no other order than one to leave.
    """
    if book.count[APPLIED] > 0 and nav_now(world, book, event) > 0.0:
        sell_what_comes(world, orders, book, log, event, t)
    row = t + world.first
    need, dues = 0.0, 0.0
    for k in range(book.count[WAITING]):
        j = book.waiting[k]
        slot = book.slots[j]
        if not slot["pending"] or slot["leaves"]:
            continue
        if book.applied[j]["shares"] > 0.0:
            close_order(book, log, event, j, CANCELLED)
            continue
        offer = world.offers[j]
        if offer["row"] != row or slot["order"] <= 0.0:
            continue
        if not offer["price"] > 0.0 or offer["rate"] != offer["rate"]:
            close_order(book, log, event, j, NO_PRICE)
            continue
        slot["wanted"] *= world.columns[j]["offer"] / offer["price"] / (1.0 - terms.financed)
        sought = slot["wanted"] * (offer["rate"] if terms.placing else 1.0)
        need += own_money(world, terms, event, j, sought)
        dues += terms.handling_fee * world.fx[event, world.columns[j]["currency"]]
    available = max(buying_power(world, terms, book, event), 0.0)
    if terms.keeps:  # an application takes the portfolio's currency, bought with the others'
        available /= 1.0 + terms.fx_cost
    share = (available - dues) / need if need + dues > available else 1.0
    for k in range(book.count[WAITING]):
        j = book.waiting[k]
        slot = book.slots[j]
        if slot["pending"] and world.offers[j]["row"] == row and slot["order"] > 0.0:
            shares = to_lots(share * slot["wanted"], lot_of(world, book, j))
            if share <= NUDGE or shares == 0.0:
                close_order(book, log, event, j, LAPSED if share == 1.0 else CASH_SCALED)
            else:
                lock(world, terms, book, log, event, j, shares)
    if terms.keeps:
        square(world, terms, book, log, event)
    tidy_waiting(book.waiting, book.count, book.slots)


@inner
def sell_what_comes(world: World, orders: Orders, book: Book, log: Log, event: int, t: int) -> None:
    """Orders to leave what is applied for: they sell what will have been allotted."""
    for k in range(orders.ptr[t], orders.ptr[t + 1]):
        j = orders.column[k]
        slot = book.slots[j]
        shares = book.applied[j]["shares"]
        if orders.weight[k] != 0.0 or shares == 0.0 or slot["pending"]:
            continue
        slot["pending"] = True
        slot["order"] = 0.0
        slot["wanted"] = 0.0
        slot["leaves"] = True
        slot["why"] = SIGNAL
        slot["decided"] = event
        if not slot["listed_waiting"]:
            slot["listed_waiting"] = True
            book.waiting[book.count[WAITING]] = j
            book.count[WAITING] += 1
        value = -shares * world.columns[j]["offer"] * world.fx[event, world.columns[j]["currency"]]
        write_order(book, log, event, event, j, -shares, value, LAPSED, SIGNAL)


@inner
def own_money(world: World, terms: Terms, event: int, j: int, shares: float) -> float:
    """Cash that is locked for ``shares``, portfolio currency: what the broker does not lend."""
    offer = world.offers[j]
    amount = shares * offer["price"] * (1.0 + offer["fee"]) * (1.0 - terms.financed)
    return amount * world.fx[event, world.columns[j]["currency"]]


@inner
def lock(
    world: World, terms: Terms, book: Book, log: Log, event: int, j: int, shares: float
) -> None:
    """Make one application: its cash leaves the account's until the listing, the fee for good."""
    slot = book.slots[j]
    rate = world.fx[event, world.columns[j]["currency"]]
    fee = terms.handling_fee * rate
    sought = shares
    if terms.placing:
        sought = to_lots(shares * world.offers[j]["rate"], lot_of(world, book, j))
    locked = own_money(world, terms, event, j, sought)
    applied = book.applied[j]
    applied["shares"] = shares
    applied["locked"] = locked
    applied["decided"] = slot["decided"]
    applied["ticket"] = slot["ticket"]
    if log.on and slot["ticket"] >= 0:
        log.order[slot["ticket"], 0] = shares
    book.count[APPLIED] += 1
    book.money[CASH] -= locked + fee
    book.money[LOCKED] += locked
    book.money[FEES] += fee
    log_cash(book, log, event, j, APPLICATION, -locked, -locked / rate, 0.0)
    if fee > 0.0:
        log_cash(book, log, event, j, HANDLING_FEE, -fee, -terms.handling_fee, 0.0)
    close_order(book, log, event, j, LAPSED)  # what becomes of it is written at the listing


@inner
def allot(world: World, terms: Terms, book: Book, log: Log, event: int, x: int, s: int) -> None:
    """Refund what was locked for the listings of session ``s``, and book what was allotted."""
    for j in range(world.edge[x], world.edge[x + 1]):
        applied = book.applied[j]
        if applied["shares"] == 0.0 or world.columns[j]["listed"] != s:
            continue
        shares = applied["shares"]
        rate = world.fx[event, world.columns[j]["currency"]]
        unlock(book, log, event, j, rate)
        charge_loan(world, terms, book, log, event, j, shares)
        amount = allotted(world, terms, book, j, shares)
        slot = book.slots[j]
        kept = (slot["decided"], slot["ticket"], slot["why"])
        slot["decided"] = applied["decided"]
        slot["ticket"] = applied["ticket"]
        slot["why"] = OFFER
        trade = book.batch[0]
        trade["column"] = j
        trade["amount"] = amount
        trade["reference"] = world.columns[j]["offer"]
        trade["price"] = world.columns[j]["offer"]
        take_up(world, terms, book, log, event, x, s, 0)
        set_status(log, event, slot["ticket"], FILLED if amount >= shares else LAPSED)
        slot["decided"] = kept[0]
        slot["ticket"] = kept[1]
        slot["why"] = kept[2]
        if amount == 0.0 and slot["pending"] and slot["leaves"]:
            close_order(book, log, event, j, LAPSED)
    if terms.keeps:
        square(world, terms, book, log, event)


@inner
def unlock(book: Book, log: Log, event: int, j: int, rate: float) -> None:
    """Give back what an application locked, in the portfolio's currency as it was taken."""
    locked = book.applied[j]["locked"]
    book.applied[j]["shares"] = 0.0
    book.applied[j]["locked"] = 0.0
    book.count[APPLIED] -= 1
    book.money[LOCKED] = book.money[LOCKED] - locked if book.count[APPLIED] > 0 else 0.0
    book.money[CASH] += locked
    log_cash(book, log, event, j, REFUND, locked, locked / rate, 0.0)


@inner
def charge_loan(
    world: World, terms: Terms, book: Book, log: Log, event: int, j: int, shares: float
) -> None:
    """Interest on what the broker lent, for the days from the close of applications on."""
    offer = world.offers[j]
    if terms.financed == 0.0 or terms.loan_rate == 0.0:
        return
    loan = shares * offer["price"] * (1.0 + offer["fee"]) * terms.financed
    local = loan * terms.loan_rate * offer["days"] / YEAR
    interest = local * world.fx[event, world.columns[j]["currency"]]
    book.money[CASH] -= interest
    book.money[FINANCING] += interest
    log_cash(book, log, event, j, LOAN_INTEREST, -interest, -local, 0.0)


@inner
def allotted(world: World, terms: Terms, book: Book, j: int, shares: float) -> float:
    """Shares that an application gets: a placing's part, the expected lots, or a draw of them."""
    offer = world.offers[j]
    lot = lot_of(world, book, j)
    if terms.placing or lot == 0.0:
        return to_lots(shares * offer["rate"], lot)
    expected = expected_lots(shares / lot, offer["one_lot"], offer["rate"])
    if not terms.drawn:
        return expected * lot
    sure = np.floor(expected + NUDGE)
    return (sure + (1.0 if offer["luck"] < expected - sure else 0.0)) * lot


@inner
def expected_lots(lots: float, one_lot: float, rate: float) -> float:
    """Lots that an application can expect: min(n, max(p sqrt(n), r n)).

    A ballot favours the small: one lot applied for gets one with the published chance p, larger
    applications gain with the square root of their size until their pro rata share r n is more.
    """
    return min(lots, max(one_lot * np.sqrt(lots), rate * lots))


@inner
def release_all(book: Book, log: Log, event: int) -> None:
    """Give every application back to the cash: the account is to be written off."""
    for j in range(book.applied.shape[0]):
        if book.applied[j]["shares"] > 0.0:
            unlock(book, log, event, j, 1.0)

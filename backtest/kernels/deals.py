"""Dividends to come, rights, scrip, gifts in kind, take-overs, new tickers."""

from __future__ import annotations

from backtest.kernels.actions import NUDGE, credit, pay_fraction, take_in, whole_part
from backtest.kernels.book import (
    cancel_order,
    change_shares,
    close_order,
    log_cash,
    lot_of,
    note_entry,
    tidy_waiting,
    to_lots,
)
from backtest.kernels.codes import (
    CLAIM,
    IN_KIND,
    LAPSE,
    NEW_LOT,
    OPEN_OFFER,
    PAYMENT,
    RIGHTS,
    SCRIP,
    TAKE_UP,
    TAKEOVER,
)
from backtest.kernels.inner import inner, merged
from backtest.kernels.valuation import buying_power, mark_held, mark_now
from backtest.kernels.world import (
    ACQUIRED,
    CLAIMS,
    CONVERSION,
    DIVIDEND,
    ELECTED,
    FILLS,
    GIVEN,
    KIND,
    LAPSED,
    MOVED,
    PAID,
    PAID_CONVERSION,
    RECEIVABLE,
    REPLACED,
    RIGHTS_SOLD,
    SUBSCRIBED,
    WAITING,
    Book,
    Log,
    Terms,
    World,
)


@merged
def take_deals(
    world: World, terms: Terms, book: Book, log: Log, event: int, x: int, s: int
) -> None:
    """The deals of session ``s`` of exchange ``x``, after its splits and dividends."""
    for k in range(world.deal_ptr[x, s], world.deal_ptr[x, s + 1]):
        if RIGHTS <= world.deals[k]["kind"] <= OPEN_OFFER:  # before shares come at today's price
            watch = book.watch[world.deals[k]["column"]]
            watch["average"] *= world.deals[k]["factor"]
            watch["peak"] *= world.deals[k]["factor"]
    for k in range(world.deal_ptr[x, s], world.deal_ptr[x, s + 1]):
        kind = world.deals[k]["kind"]
        j = world.deals[k]["column"]
        if kind == PAYMENT:
            pay(world, terms, book, log, event, k)
            continue
        if kind == NEW_LOT:
            cut_order(world, book, log, event, j)
        elif kind > TAKEOVER:
            move(world, terms, book, log, event, k)
        elif book.shares[j] == 0.0:
            if kind == TAKEOVER:
                cancel_order(book, log, event, j)
        elif kind == CLAIM:
            claim(world, book, log, event, k)
        elif kind == SCRIP:
            elect(world, terms, book, log, event, s, k)
        elif kind == IN_KIND:
            give(world, terms, book, log, event, s, k)
        elif kind == TAKEOVER:
            acquire(world, terms, book, log, event, k)
        else:
            subscribe(world, terms, book, log, event, s, k)


@inner
def cut_order(world: World, book: Book, log: Log, event: int, j: int) -> None:
    """A pending order to the lots that hold from this session on; what leaves stays whole."""
    slot = book.slots[j]
    if slot["pending"] and not slot["leaves"]:
        slot["order"] = to_lots(slot["order"], lot_of(world, book, j))
        if slot["order"] == 0.0:
            close_order(book, log, event, j, LAPSED)


@inner
def claim(world: World, book: Book, log: Log, event: int, k: int) -> None:
    """Note a dividend that is paid on a later day; what is sold short owes it."""
    j = world.deals[k]["column"]
    held = book.shares[j]
    local = held * world.deals[k]["ratio"]
    if held > 0.0:
        local *= world.columns[j]["kept"]
    if local == 0.0:
        return
    currency = world.columns[j]["currency"]
    book.claims[world.deals[k]["slot"]] = local
    book.owed[currency] += local
    book.count[CLAIMS] += 1
    log_cash(book, log, event, j, RECEIVABLE, local * world.fx[event, currency], local, 0.0)


@inner
def pay(world: World, terms: Terms, book: Book, log: Log, event: int, k: int) -> None:
    """Pay a claim, at the exchange rate of the day of payment."""
    j = world.deals[k]["column"]
    slot = world.deals[k]["slot"]
    local = book.claims[slot]
    if local == 0.0:
        return
    book.claims[slot] = 0.0
    book.owed[world.columns[j]["currency"]] -= local
    book.count[CLAIMS] -= 1
    if book.count[CLAIMS] == 0:
        book.owed[:] = 0.0  # what rounding has left of the sums
    credit(world, terms, book, log, event, j, local, PAID, PAID_CONVERSION)


@inner
def elect(world: World, terms: Terms, book: Book, log: Log, event: int, s: int, k: int) -> None:
    """A dividend with a choice: cash, or new shares at the price of the scheme."""
    j = world.deals[k]["column"]
    held = book.shares[j]
    in_cash = held < 0.0 or not terms.scrip
    if in_cash and world.deals[k]["slot"] >= 0:
        claim(world, book, log, event, k)
        return
    local = held * world.deals[k]["ratio"]
    if held > 0.0:
        local *= world.columns[j]["kept"]
    if in_cash:
        credit(world, terms, book, log, event, j, local, DIVIDEND, CONVERSION)
        return
    price = world.deals[k]["price"]
    shares = whole_part(local / price, world.columns[j]["whole"])
    amount = local * world.fx[event, world.columns[j]["currency"]]
    log_cash(book, log, event, j, DIVIDEND, amount, local, 0.0)
    take_in(world, terms, book, log, event, j, local, 0.0, CONVERSION)
    come(world, terms, book, log, event, s, j, shares, price, 0.0, ELECTED)


@inner
def give(world: World, terms: Terms, book: Book, log: Log, event: int, s: int, k: int) -> None:
    """Shares of another instrument: a dividend of their worth, and their purchase with it."""
    j = world.deals[k]["column"]
    target = world.deals[k]["target"]
    price = world.deals[k]["price"]
    held = book.shares[j]
    given = held * world.deals[k]["ratio"]
    local = given * price
    if held > 0.0:
        local *= world.columns[j]["kept"]
    amount = local * world.fx[event, world.columns[j]["currency"]]
    if amount != 0.0:
        log_cash(book, log, event, j, KIND, amount, local, 0.0)
        take_in(world, terms, book, log, event, j, local, 0.0, CONVERSION)
    shares = whole_part(given, world.columns[target]["whole"])
    come(world, terms, book, log, event, s, target, shares, price, 0.0, GIVEN)


@inner
def subscribe(world: World, terms: Terms, book: Book, log: Log, event: int, s: int, k: int) -> None:
    """Rights of a holding: taken up as far as the cash goes, sold, or left to lapse.

    An open offer cannot be sold. Whoever is short owes what the rights are worth.
    """
    j = world.deals[k]["column"]
    price = world.deals[k]["price"]
    value = world.open[s, j]
    if value != value:
        value = mark_now(world, book, j)
    if not value > price:
        return
    rights = book.shares[j] * world.deals[k]["ratio"]
    rest = rights
    column = world.columns[j]
    if rights > 0.0 and terms.rights == TAKE_UP:
        cost = terms.fx_cost if column["currency"] > 0 else 0.0
        unit = price * world.fx[event, column["currency"]] * (1.0 + cost)
        most = max(buying_power(world, terms, book, event), 0.0) / unit
        taken = whole_part(min(rights, most), column["whole"])
        come(world, terms, book, log, event, s, j, taken, price, cost, SUBSCRIBED)
        rest = rights - taken
    sold = world.deals[k]["kind"] == RIGHTS and terms.rights != LAPSE and rest > NUDGE
    if sold or rights < 0.0:
        local = rest * (value - price)
        credit(world, terms, book, log, event, j, local, RIGHTS_SOLD, CONVERSION)


@inner
def come(
    world: World,
    terms: Terms,
    book: Book,
    log: Log,
    event: int,
    s: int,
    j: int,
    shares: float,
    price: float,
    cost: float,
    why: int,
) -> None:
    """Book shares that come at ``price`` by right, not from the market; no fees."""
    if shares == 0.0:
        return
    take_in(world, terms, book, log, event, j, -shares * price, cost, CONVERSION)
    before = book.shares[j]
    if why != SUBSCRIBED:  # exit levels of rights follow the price ex rights
        note_entry(book.watch, j, s, before, shares, price, False)
    change_shares(book.shares, book.held, book.count, j, before + shares)
    book_fill(world, book, log, event, j, shares, price, why)


@inner
def book_fill(
    world: World, book: Book, log: Log, event: int, j: int, shares: float, price: float, why: int
) -> None:
    """Write a change of shares that no order asked for."""
    n = book.count[FILLS]
    book.count[FILLS] = n + 1
    if log.on:
        log.fill_at[n, 0] = event
        log.fill_at[n, 1] = event
        log.fill_at[n, 2] = j
        log.fill_at[n, 3] = why
        log.fill_at[n, 4] = -1
        log.fill[n, 0] = shares
        log.fill[n, 1] = price
        log.fill[n, 2] = price
        log.fill[n, 3] = world.fx[event, world.columns[j]["currency"]]


@inner
def acquire(world: World, terms: Terms, book: Book, log: Log, event: int, k: int) -> None:
    """The whole position for cash, no fees, no cost of conversion."""
    j = world.deals[k]["column"]
    cancel_order(book, log, event, j)
    held = book.shares[j]
    price = world.deals[k]["ratio"]
    take_in(world, terms, book, log, event, j, held * price, 0.0, CONVERSION)
    change_shares(book.shares, book.held, book.count, j, 0.0)
    book_fill(world, book, log, event, j, -held, price, ACQUIRED)


@inner
def move(world: World, terms: Terms, book: Book, log: Log, event: int, k: int) -> None:
    """A position and its order from one column to another; a fraction is paid in cash."""
    j = world.deals[k]["column"]
    target = world.deals[k]["target"]
    ratio = world.deals[k]["ratio"]
    held = book.shares[j]
    if held != 0.0:
        price = mark_held(world, book, j) / ratio
        before = book.shares[target]
        moved = whole_part(held * ratio, world.columns[target]["whole"])
        log_cash(book, log, event, j, MOVED, 0.0, 0.0, -held)
        log_cash(book, log, event, target, MOVED, 0.0, ratio, moved)
        move_watch(book, j, target, ratio, before, moved)
        change_shares(book.shares, book.held, book.count, j, 0.0)
        change_shares(book.shares, book.held, book.count, target, before + moved)
        rest = held * ratio - moved
        if abs(rest) > NUDGE:
            pay_fraction(world, terms, book, log, event, target, rest * price)
    move_order(world, book, log, event, j, target, ratio)


@inner
def move_watch(book: Book, j: int, target: int, ratio: float, before: float, moved: float) -> None:
    """What exit rules watch of a position, to its new column."""
    old = book.watch[j]
    if before == 0.0:
        new = book.watch[target]
        new["average"] = old["average"] / ratio
        new["peak"] = old["peak"] / ratio
        new["entry"] = old["entry"]
        new["entry_at_close"] = old["entry_at_close"]
        new["deferred"] = old["deferred"]
    else:
        price = old["average"] / ratio
        note_entry(book.watch, target, old["entry"], before, moved, price, False)


@inner
def move_order(
    world: World, book: Book, log: Log, event: int, j: int, target: int, ratio: float
) -> None:
    """A pending order to its new column, unless that has one of its own."""
    old = book.slots[j]
    new = book.slots[target]
    new["blocked"] = new["blocked"] or old["blocked"]
    old["blocked"] = False
    if not old["pending"]:
        return
    if new["pending"]:
        close_order(book, log, event, j, REPLACED)
        return
    old["pending"] = False
    new["pending"] = True
    new["decided"] = old["decided"]
    new["ticket"] = old["ticket"]
    new["leaves"] = old["leaves"]
    new["why"] = old["why"]
    new["order"] = to_lots(old["order"] * ratio, lot_of(world, book, target))
    new["wanted"] = old["wanted"] * ratio
    book.watch[target]["sigma"] = book.watch[j]["sigma"]
    book.watch[target]["typical_volume"] = book.watch[j]["typical_volume"] * ratio
    if not new["listed_waiting"]:
        new["listed_waiting"] = True
        book.waiting[book.count[WAITING]] = target
        book.count[WAITING] += 1
    if new["order"] == 0.0 and not new["leaves"]:
        close_order(book, log, event, target, LAPSED)
    tidy_waiting(book.waiting, book.count, book.slots)

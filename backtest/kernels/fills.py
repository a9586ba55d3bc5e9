"""Pending orders to fills, at one event of one exchange."""

from __future__ import annotations

from backtest.kernels.batch import fit, log_fill, quote, settle
from backtest.kernels.book import (
    NUDGE,
    change_shares,
    close_order,
    note_entry,
    set_status,
    tidy_waiting,
)
from backtest.kernels.inner import inner
from backtest.kernels.purses import affordable_share, draw, square
from backtest.kernels.valuation import buying_power, first_at_least
from backtest.kernels.world import (
    BATCH,
    CASH,
    CASH_SCALED,
    FEES,
    FILLED,
    FILLS,
    FX_COST,
    NO_PRICE,
    OFFER,
    TRADED,
    WAITING,
    Book,
    Floats,
    Ints,
    Log,
    Terms,
    World,
)


@inner
def fill_orders(
    world: World,
    terms: Terms,
    book: Book,
    log: Log,
    event: int,
    x: int,
    s: int,
    prices: Floats,
) -> None:
    """Fill what waits for this event of exchange ``x``: sells, then buys, both in column order."""
    low = first_at_least(book.waiting, book.count[WAITING], world.edge[x])
    high = first_at_least(book.waiting, book.count[WAITING], world.edge[x + 1])
    if low == high:
        return
    sells, buys = sort_sides(book, low, high)
    for side in (-1.0, 1.0):
        n = sells if side < 0.0 else buys
        if n == 0:
            continue
        gather(book, prices, book.sides[0 if side < 0.0 else 1], n)
        quote(world, terms, book, x, s, side)
        if side > 0.0:
            fit(world, terms, book, event, x, s)
        settle(world, terms, book, log, event, x, s, side)
        report(terms, book, log, event, side)
    tidy_waiting(book.waiting, book.count, book.slots)


@inner
def sort_sides(book: Book, low: int, high: int) -> tuple[int, int]:
    """Write the columns of ``waiting[low:high]`` that sell and that buy; how many of each.

    Both lists are written at every step and only their ends move: which side comes next cannot be
    predicted, and a branch guessed wrong costs more than a store.
    """
    slots = book.slots
    shares = book.shares
    waiting = book.waiting
    sides = book.sides
    sells = 0
    buys = 0
    last = slots.shape[0] - 1
    for k in range(low, high):
        j = waiting[k]
        slot = slots[j]
        if slot["leaves"]:
            slot["order"] = -shares[j]
        q = slot["order"]
        pending = slot["pending"]
        sides[0, min(sells, last)] = j
        sells += 1 if pending and q < 0.0 else 0
        sides[1, min(buys, last)] = j
        buys += 1 if pending and q > 0.0 else 0
    return sells, buys


@inner
def gather(book: Book, prices: Floats, columns: Ints, n: int) -> None:
    """Put the pending orders of ``columns[:n]`` into the batch."""
    batch = book.batch
    slots = book.slots
    book.count[BATCH] = n
    for i in range(n):
        j = columns[i]
        batch[i]["column"] = j
        batch[i]["asked"] = abs(slots[j]["order"])
        batch[i]["reference"] = prices[j]


@inner
def report(terms: Terms, book: Book, log: Log, event: int, side: float) -> None:
    """Write what became of the orders of the batch; with ``carry`` the rest stays pending."""
    batch = book.batch
    slots = book.slots
    for i in range(book.count[BATCH]):
        trade = batch[i]
        j = trade["column"]
        status = trade["status"]
        if terms.carry and status != FILLED:
            slots[j]["order"] = side * (trade["asked"] - trade["amount"])
        else:
            slots[j]["pending"] = False
        if log.on:
            set_status(log, event, slots[j]["ticket"], status)


@inner
def fill_offers(
    world: World, terms: Terms, book: Book, log: Log, event: int, x: int, s: int
) -> None:
    """Allot what was wanted of the instruments that exchange ``x`` lists in session ``s``."""
    low = first_at_least(book.waiting, book.count[WAITING], world.edge[x])
    high = first_at_least(book.waiting, book.count[WAITING], world.edge[x + 1])
    n = 0
    need = 0.0
    if terms.keeps:
        book.purses["wanted"][:] = 0.0
    for k in range(low, high):
        j = book.waiting[k]
        column = world.columns[j]
        slot = book.slots[j]
        if column["listed"] != s or not slot["pending"] or slot["order"] <= 0.0:
            continue
        rule = world.rules.rows[column["rule"] + world.rules.period[x, s]]
        crowd = column["oversubscription"] * rule["ipo_factor"]
        if crowd != crowd or not column["offer"] > 0.0:
            close_order(book, log, event, j, NO_PRICE)
            continue
        trade = book.batch[n]
        trade["column"] = j
        slot["why"] = OFFER
        trade["amount"] = slot["wanted"] / max(1.0, crowd)
        trade["reference"] = column["offer"]
        trade["price"] = column["offer"]
        cost = trade["amount"] * column["offer"] * world.fx[event, column["currency"]]
        need += cost * (1.0 + rule["ipo_fee"])
        if terms.keeps:
            local = trade["amount"] * column["offer"] * (1.0 + rule["ipo_fee"])
            book.purses[column["currency"]]["wanted"] += local
        elif column["currency"] > 0:
            need += cost * terms.fx_cost
        n += 1
    available = max(buying_power(world, terms, book, event), 0.0)
    share = available / need if need > available else 1.0
    if terms.keeps and n > 0:
        share = affordable_share(world, terms, book, event, need, available)
    if share <= NUDGE:
        share = 0.0  # what rounding left of the cash is no allotment
    for i in range(n):
        book.batch[i]["amount"] *= share
        take_up(world, terms, book, log, event, x, s, i)
        j = book.batch[i]["column"]
        close_order(book, log, event, j, FILLED if share == 1.0 else CASH_SCALED)
    if terms.keeps:
        square(world, terms, book, log, event)
    tidy_waiting(book.waiting, book.count, book.slots)


@inner
def take_up(
    world: World, terms: Terms, book: Book, log: Log, event: int, x: int, s: int, i: int
) -> None:
    """Book the allotment of trade ``i`` at the offer price, with the subscription fee."""
    trade = book.batch[i]
    amount = trade["amount"]
    if amount <= 0.0:
        return
    j = trade["column"]
    column = world.columns[j]
    rule = world.rules.rows[column["rule"] + world.rules.period[x, s]]
    rate = world.fx[event, column["currency"]]
    value = amount * trade["price"]
    fees = value * rule["ipo_fee"]
    fx_cost = value * rate * terms.fx_cost if column["currency"] > 0 else 0.0
    if terms.keeps and column["currency"] > 0:
        home = draw(world, book, log, event, column["currency"], value + fees)
        fx_cost = home * terms.fx_cost
        book.money[CASH] -= home + fx_cost
    else:
        book.money[CASH] -= (value + fees) * rate + fx_cost
    book.money[TRADED] += value * rate
    book.money[FEES] += fees * rate
    book.money[FX_COST] += fx_cost
    if terms.has_exits:
        note_entry(book.watch, j, s, book.shares[j], amount, trade["price"], False)
    if rule["t_plus_one"]:
        book.watch[j]["bought_on"] = s
        book.watch[j]["bought"] = amount
    change_shares(book.shares, book.held, book.count, j, book.shares[j] + amount)
    if log.on:
        book.fees[:] = 0.0
        book.fees[book.fees.shape[0] - 1] = fees
        log_fill(book, log, event, i, amount, rate, fx_cost, fees)
    book.count[FILLS] += 1

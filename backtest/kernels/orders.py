"""Target weights to pending orders, at a decision or at the event that fills them."""

from __future__ import annotations

import numpy as np

from backtest.kernels.book import (
    NUDGE,
    close_order,
    is_too_small,
    lot_of,
    set_status,
    tidy_waiting,
    to_lots,
)
from backtest.kernels.inner import inner
from backtest.kernels.valuation import mark_held, mark_now, nav_at, nav_now, note_impact
from backtest.kernels.world import (
    BLOCKED,
    DECISION,
    HELD,
    LAPSED,
    NO_PRICE,
    ORDERS,
    REPLACED,
    SIGNAL,
    UNIVERSE,
    WAITING,
    Book,
    Floats,
    Log,
    Orders,
    Terms,
    World,
)

ALL = np.int64(-1)  # exchanges


@inner
def decide(world: World, orders: Orders, terms: Terms, book: Book, log: Log, event: int) -> None:
    """Turn the weights of a rebalance decision into pending orders."""
    sized_on = book.sized_on
    columns = world.columns
    wanted_columns = orders.column
    desks = book.desks
    mark = world.mark
    t = world.events[event]["row"] - world.first
    if terms.size_at_fill:
        for x in range(desks.shape[0]):
            if desks[x]["due"] < 0:
                desks[x]["due"] = t
            desks[x]["latest"] = t
        if terms.impact > 0.0:
            for k in range(orders.ptr[t], orders.ptr[t + 1]):
                note_impact(world, book, wanted_columns[k])
            for h in range(book.count[HELD]):
                note_impact(world, book, book.held[h])
        return
    nav = nav_now(world, book, event)
    if nav <= 0.0:
        return
    low = orders.ptr[t]
    high = orders.ptr[t + 1]
    for k in range(low, high):
        j = wanted_columns[k]
        x = columns[j]["exchange"]
        s = desks[x]["row"]
        price = mark[s, j] if s >= 0 else np.nan
        if desks[x]["is_open"]:
            price = mark_now(world, book, j)
        if price != price and columns[j]["listed"] >= 0:
            price = columns[j]["offer"]
        sized_on[k - low] = price
    open_orders(world, orders, terms, book, log, event, event, t, low, high, nav)
    sell_outsiders(world, orders, book, log, event, event, t, ALL)
    if terms.impact > 0.0:
        know_impact(world, book, event)
    tidy_waiting(book.waiting, book.count, book.slots)


@inner
def size_now(
    world: World,
    orders: Orders,
    terms: Terms,
    book: Book,
    log: Log,
    event: int,
    x: int,
    prices: Floats,
) -> None:
    """Size the weights that wait for exchange ``x`` on ``prices``, those of this very event.

    Several decisions may wait; for each column the latest that gave a number counts.
    """
    due = book.desks[x]["due"]
    t = book.desks[x]["latest"]
    book.desks[x]["due"] = -1
    if not has_weights(world, orders, x, due, t) and not has_outsiders(world, orders, book, t, x):
        return
    nav = nav_at(world, book, event, x, prices)
    if nav <= 0.0:
        return
    is_tidy = book.count[WAITING] == 0 and orders.universe.shape[0] == 0
    if orders.ptr[due] == orders.ptr[t]:
        size_row(world, orders, terms, book, log, event, x, t, prices, nav)
        if is_tidy:
            return  # all that waits is of this row, in its order
    else:
        size_rows(world, orders, terms, book, log, event, x, due, t, prices, nav)
    sell_outsiders(world, orders, book, log, event, decision_of(world, event, t), t, x)
    tidy_waiting(book.waiting, book.count, book.slots)


@inner
def size_row(
    world: World,
    orders: Orders,
    terms: Terms,
    book: Book,
    log: Log,
    event: int,
    x: int,
    t: int,
    prices: Floats,
    nav: float,
) -> None:
    """Size the weights of one decision, the only one that waits with any."""
    low = orders.ptr[t]
    high = orders.ptr[t + 1]
    while low < high and orders.column[low] < world.edge[x]:
        low += 1
    while high > low and orders.column[high - 1] >= world.edge[x + 1]:
        high -= 1
    if low == high or not orders.can_trade[t]:
        return
    wanted_columns = orders.column
    sized_on = book.sized_on
    for k in range(low, high):
        j = wanted_columns[k]
        price = prices[j]
        if price != price:  # no bar: sized on the last close, and lapses for want of a price
            price = mark_now(world, book, j)
        sized_on[k - low] = price
    decided = decision_of(world, event, t)
    open_orders(world, orders, terms, book, log, event, decided, t, low, high, nav)


@inner
def size_rows(
    world: World,
    orders: Orders,
    terms: Terms,
    book: Book,
    log: Log,
    event: int,
    x: int,
    due: int,
    t: int,
    prices: Floats,
    nav: float,
) -> None:
    """Size the weights of several decisions: the latest number of each column counts."""
    sized = book.sides[1]
    for j in range(world.edge[x], world.edge[x + 1]):
        sized[j] = 0
    for row in range(t, due - 1, -1):
        if not orders.can_trade[row]:
            continue
        decided = decision_of(world, event, row)
        low = orders.ptr[row]
        high = orders.ptr[row + 1]
        while low < high and orders.column[low] < world.edge[x]:
            low += 1
        for k in range(low, high):
            j = orders.column[k]
            if j >= world.edge[x + 1]:
                break
            if sized[j] == 1 or (
                row < t and orders.universe.shape[0] > 0 and not orders.universe[t, j]
            ):
                continue
            sized[j] = 1
            price = prices[j]
            if price != price:  # no bar: sized on the last close, and lapses for want of a price
                price = mark_now(world, book, j)
            book.sized_on[0] = price
            open_orders(world, orders, terms, book, log, event, decided, row, k, k + 1, nav)


@inner
def decision_of(world: World, event: int, t: int) -> int:
    """Event of the decision of weights row ``t``, looked for backward from ``event``."""
    while world.events[event]["kind"] != DECISION or world.events[event]["row"] - world.first != t:
        event -= 1
    return event


@inner
def open_orders(
    world: World,
    orders: Orders,
    terms: Terms,
    book: Book,
    log: Log,
    event: int,
    decided: int,
    t: int,
    low: int,
    high: int,
    nav: float,
) -> None:
    """Orders that bring the columns of ``low:high`` from what is held to their weights.

    The price of each stands in ``book.sized_on``. A number replaces the column's pending order,
    even when it ends up as none.
    """
    slots = book.slots
    shares = book.shares
    sized_on = book.sized_on
    columns = world.columns
    wanted_columns = orders.column
    weights = orders.weight
    waiting = book.waiting
    count = book.count
    universe = orders.universe
    fx = world.fx[event]
    band = terms.band
    is_logged = log.on
    for k in range(low, high):
        j = wanted_columns[k]
        weight = weights[k]
        slot = slots[j]
        if slot["pending"]:
            slot["pending"] = False
            if is_logged:
                set_status(log, event, slot["ticket"], REPLACED)
        held = shares[j]
        price = sized_on[k - low]
        rate = fx[columns[j]["currency"]]
        reason = SIGNAL
        status = LAPSED
        if weight == 0.0:
            slot["blocked"] = False
            q = -held
            wanted = q
            if universe.shape[0] > 0 and not universe[t, j]:
                reason = UNIVERSE
        elif not price > 0.0:
            q = np.nan
            wanted = q
            status = NO_PRICE
        else:
            lot = columns[j]["lot"]
            is_dated = lot < 0.0
            if is_dated:
                lot = lot_of(world, book, j)
            wanted = weight * nav / (price * rate)
            q = to_lots(to_lots(wanted, lot) - held, lot)
            if lot == 0.0 and abs(q) <= NUDGE * max(abs(wanted), abs(held)):
                q = 0.0  # a position that is to stay as it is, in floats
            elif is_dated and is_too_small(world, book, j, q):
                q = 0.0
            wanted -= held
            if band > 0.0 and abs(q) * price * rate / nav < band:
                q = 0.0
            elif slot["blocked"] and abs(held + q) > abs(held):
                status = BLOCKED
        if q == 0.0:
            continue
        if status == LAPSED:
            slot["pending"] = True
            slot["order"] = q
            slot["wanted"] = wanted
            slot["leaves"] = weight == 0.0
            slot["why"] = reason
            slot["decided"] = decided
            if not slot["listed_waiting"]:
                slot["listed_waiting"] = True
                waiting[count[WAITING]] = j
                count[WAITING] += 1
        if is_logged:
            value = weight * nav if status == NO_PRICE else q * price * rate
            write_order(book, log, event, decided, j, q, value, status, reason)
        else:
            count[ORDERS] += 1


@inner
def know_impact(world: World, book: Book, event: int) -> None:
    """Keep with each new order the volatility and volume of its instrument that are known now."""
    for k in range(book.count[WAITING]):
        j = book.waiting[k]
        slot = book.slots[j]
        if not slot["pending"] or slot["decided"] != event:
            continue
        note_impact(world, book, j)


@inner
def write_order(
    book: Book,
    log: Log,
    event: int,
    decided: int,
    j: int,
    q: float,
    value: float,
    status: int,
    reason: int,
) -> None:
    """Write one row of the order log and remember it as the column's."""
    k = book.count[ORDERS]
    book.count[ORDERS] = k + 1
    book.slots[j]["ticket"] = k
    if log.on:
        log.order_at[k, 0] = decided
        log.order_at[k, 1] = j
        log.order_at[k, 2] = status
        log.order_at[k, 3] = event
        log.order_at[k, 4] = reason
        log.order[k, 0] = q
        log.order[k, 1] = value
        log.order[k, 2] = 0.0


@inner
def has_weights(world: World, orders: Orders, x: int, due: int, t: int) -> bool:
    """Whether a weight of rows ``due`` to ``t`` waits for exchange ``x``."""
    for k in range(orders.ptr[due], orders.ptr[t + 1]):
        if world.edge[x] <= orders.column[k] < world.edge[x + 1]:
            return True
    return False


@inner
def has_outsiders(world: World, orders: Orders, book: Book, t: int, only: int) -> bool:
    """Whether a position has left the universe, of exchange ``only`` (-1: all)."""
    if orders.universe.shape[0] == 0:
        return False
    for h in range(book.count[HELD]):
        j = book.held[h]
        if not orders.universe[t, j] and (only < 0 or world.columns[j]["exchange"] == only):
            return True
    return False


@inner
def sell_outsiders(
    world: World, orders: Orders, book: Book, log: Log, event: int, decided: int, t: int, only: int
) -> None:
    """Exit what has left the universe, held or about to be, of exchange ``only`` (-1: all)."""
    if orders.universe.shape[0] == 0:
        return
    for k in range(book.count[WAITING]):
        j = book.waiting[k]
        slot = book.slots[j]
        if slot["pending"] and slot["leaves"]:
            continue
        if slot["pending"] and not orders.universe[t, j] and book.shares[j] == 0.0:
            close_order(book, log, event, j, REPLACED)  # a carried order to enter
    for h in range(book.count[HELD]):
        j = book.held[h]
        slot = book.slots[j]
        if orders.universe[t, j] or (slot["pending"] and slot["leaves"]):
            continue
        if only >= 0 and world.columns[j]["exchange"] != only:
            continue
        if slot["pending"]:
            close_order(book, log, event, j, REPLACED)
        q = -book.shares[j]
        slot["pending"] = True
        slot["order"] = q
        slot["wanted"] = q
        slot["leaves"] = True
        slot["why"] = UNIVERSE
        slot["decided"] = decided
        if not slot["listed_waiting"]:
            slot["listed_waiting"] = True
            book.waiting[book.count[WAITING]] = j
            book.count[WAITING] += 1
        rate = world.fx[event, world.columns[j]["currency"]]
        value = q * mark_held(world, book, j) * rate
        write_order(book, log, event, decided, j, q, value, LAPSED, UNIVERSE)

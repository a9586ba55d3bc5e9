"""What an instrument is marked at now; what the account is worth."""

from __future__ import annotations

import numpy as np

from backtest.kernels.inner import inner
from backtest.kernels.marks import ex_rights
from backtest.kernels.purses import cash_at_hand, foreign_cash
from backtest.kernels.world import (
    CASH,
    CLAIMS,
    HELD,
    LOCKED,
    Book,
    Floats,
    Ints,
    Records,
    Terms,
    World,
)

LANES = 4  # partial sums of a valuation: fixed, so that compiled and plain code add alike


@inner
def close_before(mark: Floats, act_ptr: Ints, acts: Records, x: int, s: int, j: int) -> float:
    """Last close before session ``s`` of exchange ``x``, after that session's actions; else NaN."""
    if s <= 0:
        return np.nan
    price = mark[s - 1, j]
    for k in range(act_ptr[x, s], act_ptr[x, s + 1]):
        act = acts[k]
        if act["column"] != j:
            continue
        if price == price:
            price = ex_rights(price / act["split"], act["fresh"], act["issue"])
            price = max(price - act["dividend"], 0.0)
        if act["fixed"] == act["fixed"]:
            price = act["fixed"]
    return price


@inner
def mark_of(mark: Floats, act_ptr: Ints, acts: Records, desks: Records, x: int, j: int) -> float:
    """What column ``j`` is marked at: its last close, after an open session's actions."""
    s = desks[x]["row"]
    if desks[x]["is_open"]:
        return close_before(mark, act_ptr, acts, x, s, j)
    if s < 0:
        return np.nan
    return mark[s, j]


@inner
def mark_now(world: World, book: Book, j: int) -> float:
    """`mark_of` from the world and the book."""
    x = world.columns[j]["exchange"]
    return mark_of(world.mark, world.act_ptr, world.acts, book.desks, x, j)


@inner
def mark_held(world: World, book: Book, j: int) -> float:
    """What a position is marked at: before its first close the offer price, else what was paid."""
    price = mark_now(world, book, j)
    if price == price:
        if world.halted.shape[0] > 0:
            price *= left_by_halt(world, book, j)
        return price
    offer = world.columns[j]["offer"]
    return offer if offer > 0.0 else book.watch[j]["average"]


@inner
def left_by_halt(world: World, book: Book, j: int) -> float:
    """Part of its mark that a halt has left of column ``j`` at its exchange's last CLOSE."""
    x = world.columns[j]["exchange"]
    s = book.desks[x]["row"]
    if book.desks[x]["is_open"]:
        s -= 1
    return world.halted[s, j] if s >= 0 else 1.0


@inner
def dot_held(shares: Floats, mark: Floats, held: Ints) -> float:
    """Sum of shares x mark over ``held``, in four fixed lanes."""
    a = 0.0
    b = 0.0
    c = 0.0
    d = 0.0
    n = held.shape[0]
    full = n // LANES * LANES
    if held[n - 1] - held[0] == n - 1:  # no gaps: read straight through
        own = shares[held[0] : held[0] + n]  # from 0 on: no index can be negative, none is checked
        price = mark[held[0] : held[0] + n]
        for i in range(0, full, LANES):
            a += own[i] * price[i]
            b += own[i + 1] * price[i + 1]
            c += own[i + 2] * price[i + 2]
            d += own[i + 3] * price[i + 3]
    else:
        for h in range(0, full, LANES):
            a += shares[held[h]] * mark[held[h]]
            b += shares[held[h + 1]] * mark[held[h + 1]]
            c += shares[held[h + 2]] * mark[held[h + 2]]
            d += shares[held[h + 3]] * mark[held[h + 3]]
    for h in range(full, n):
        a += shares[held[h]] * mark[held[h]]
    return (a + b) + (c + d)


@inner
def first_at_least(values: Ints, count: int, bound: int) -> int:
    """Index of the first of ``values[:count]`` (ascending) that is not below ``bound``."""
    low = 0
    high = count
    while low < high:
        middle = (low + high) // 2
        if values[middle] < bound:
            low = middle + 1
        else:
            high = middle
    return low


@inner
def receivables(world: World, book: Book, event: int) -> float:
    """Dividends that went ex and are still to come, portfolio currency; of shorts below 0."""
    total = 0.0
    if book.count[CLAIMS] > 0:
        for currency in range(book.owed.shape[0]):
            total += book.owed[currency] * world.fx[event, currency]
    return total


@inner
def cash_now(world: World, book: Book, event: int) -> float:
    """Cash of all currencies, in the portfolio's."""
    cash = book.money[CASH]
    if book.purses.shape[0] > 1:
        cash += foreign_cash(world, book, event)
    return cash


@inner
def nav_now(world: World, book: Book, event: int) -> float:
    """Cash, receivables and positions at last known closes and fx, portfolio currency."""
    total = cash_now(world, book, event) + book.money[LOCKED]
    if book.count[CLAIMS] > 0:
        total += receivables(world, book, event)
    held = book.held
    count = book.count[HELD]
    rate = world.fx[event]
    exchanges = book.desks.shape[0]
    low = 0
    for x in range(exchanges):
        high = first_at_least(held, count, world.edge[x + 1]) if x + 1 < exchanges else count
        if high > low:
            s = book.desks[x]["row"]
            is_open = book.desks[x]["is_open"]
            currency = book.desks[x]["currency"]
            acts = is_open and world.act_ptr[x, s] < world.act_ptr[x, s + 1]
            known = s - 1 if is_open else s
            value = np.nan
            plain = world.halted.shape[0] == 0 and not acts
            if known >= 0 and currency >= 0 and plain:
                row = world.mark[known]
                value = dot_held(book.shares, row, held[low:high]) * rate[currency]
            if value != value:  # one by one: a position may be without a close as yet
                value = 0.0
                for h in range(low, high):
                    j = held[h]
                    own = book.shares[j] * mark_held(world, book, j)
                    value += own * rate[world.columns[j]["currency"]]
            total += value
        low = high
    return total


@inner
def nav_at(world: World, book: Book, event: int, x: int, prices: Floats) -> float:
    """`nav_now`, but what exchange ``x`` lists at ``prices`` where they are known."""
    total = cash_now(world, book, event) + book.money[LOCKED]
    if book.count[CLAIMS] > 0:
        total += receivables(world, book, event)
    columns = world.columns
    shares = book.shares
    rate = world.fx[event]
    first = world.edge[x]
    last = world.edge[x + 1]
    for h in range(book.count[HELD]):
        j = book.held[h]
        price = prices[j] if first <= j < last else np.nan
        if price != price:
            price = mark_held(world, book, j)
        total += shares[j] * price * rate[columns[j]["currency"]]
    return total


@inner
def short_value(world: World, book: Book, event: int) -> float:
    """Value of what is sold short, at marks, portfolio currency, positive."""
    total = 0.0
    for h in range(book.count[HELD]):
        j = book.held[h]
        if book.shares[j] < 0.0:
            rate = world.fx[event, world.columns[j]["currency"]]
            total -= book.shares[j] * mark_held(world, book, j) * rate
    return total


@inner
def buying_power(world: World, terms: Terms, book: Book, event: int) -> float:
    """Cash that buys may take; with shorts, less their value and the margin on it."""
    cash = book.money[CASH]
    if terms.keeps or terms.waits:
        cash = cash_at_hand(world, book, event)
    if not terms.short:
        return cash
    return cash - (1.0 + terms.margin) * short_value(world, book, event)


@inner
def note_impact(world: World, book: Book, j: int) -> None:
    """Keep the volatility and the volume of column ``j`` that are known now."""
    x = world.columns[j]["exchange"]
    s = book.desks[x]["row"]
    if book.desks[x]["is_open"]:
        note_impact_before(world, book, x, s, j)
    elif s >= 0:
        book.watch[j]["sigma"] = world.sigma[s, j]
        book.watch[j]["typical_volume"] = world.typical_volume[s, j]


@inner
def note_impact_before(world: World, book: Book, x: int, s: int, j: int) -> None:
    """Keep the volatility and the volume known before session ``s`` closes, in its shares."""
    slot = book.watch[j]
    slot["sigma"] = np.nan
    slot["typical_volume"] = np.nan
    if s > 0:
        slot["sigma"] = world.sigma[s - 1, j]
        slot["typical_volume"] = world.typical_volume[s - 1, j]
        for k in range(world.act_ptr[x, s], world.act_ptr[x, s + 1]):
            if world.acts[k]["column"] == j:
                slot["typical_volume"] *= world.acts[k]["split"]

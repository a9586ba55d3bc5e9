"""Splits and dividends: what a session's actions do to every holding."""

from __future__ import annotations

import numpy as np

from backtest.kernels.book import change_shares, close_order, log_cash, lot_of, to_lots
from backtest.kernels.inner import inner
from backtest.kernels.purses import receive, square
from backtest.kernels.world import (
    CASH,
    CONVERSION,
    DIVIDEND,
    FRACTION,
    FX_COST,
    LAPSED,
    SPLIT,
    Book,
    Log,
    Terms,
    World,
)

NUDGE = 1e-9


@inner
def take_actions(
    world: World, terms: Terms, book: Book, log: Log, event: int, x: int, s: int
) -> None:
    """Splits, then dividends, of session ``s`` of exchange ``x``."""
    for k in range(world.act_ptr[x, s], world.act_ptr[x, s + 1]):
        if world.acts[k]["split"] != 1.0:
            split(
                world, terms, book, log, event, s, world.acts[k]["column"], world.acts[k]["split"]
            )
    for k in range(world.act_ptr[x, s], world.act_ptr[x, s + 1]):
        j = world.acts[k]["column"]
        held = book.shares[j]
        if held == 0.0 or world.acts[k]["paid"] == 0.0:
            continue
        local = held * world.acts[k]["paid"]
        if held > 0.0:
            local *= world.columns[j]["kept"]
        credit(world, terms, book, log, event, j, local, DIVIDEND, CONVERSION)


@inner
def credit(
    world: World,
    terms: Terms,
    book: Book,
    log: Log,
    event: int,
    j: int,
    local: float,
    kind: int,
    cost_kind: int,
) -> None:
    """Take in cash of column ``j`` (out, where below 0) and pay for its conversion."""
    amount = local * world.fx[event, world.columns[j]["currency"]]
    log_cash(book, log, event, j, kind, amount, local, 0.0)
    take_in(world, terms, book, log, event, j, local, terms.fx_cost, cost_kind)


@inner
def take_in(
    world: World,
    terms: Terms,
    book: Book,
    log: Log,
    event: int,
    j: int,
    local: float,
    cost: float,
    cost_kind: int,
) -> None:
    """`credit` without its line in the log; a conversion costs the fraction ``cost``."""
    currency = world.columns[j]["currency"]
    amount = local * world.fx[event, currency]
    if terms.keeps:
        if currency > 0:
            receive(world, book, log, event, j, currency, local, cost)
        else:
            book.money[CASH] += amount
        square(world, terms, book, log, event)
        return
    book.money[CASH] += amount
    if currency > 0 and cost > 0.0:
        paid = abs(amount) * cost
        book.money[FX_COST] += paid
        book.money[CASH] -= paid
        log_cash(book, log, event, j, cost_kind, -paid, -abs(local) * cost, 0.0)


@inner
def whole_part(shares: float, whole: bool) -> float:
    """Shares toward zero to whole ones, where only whole ones are held."""
    if not whole:
        return shares
    kept = np.floor(abs(shares) + NUDGE)
    return kept if shares > 0.0 else -kept


@inner
def split(
    world: World, terms: Terms, book: Book, log: Log, event: int, s: int, j: int, ratio: float
) -> None:
    """New shares for old ones: position, pending order, exit levels; a fraction is paid in cash."""
    slot = book.slots[j]
    watch = book.watch[j]
    column = world.columns[j]
    watch["typical_volume"] *= ratio  # of an order yet to be sized, too
    if slot["pending"]:
        slot["order"] = to_lots(slot["order"] * ratio, lot_of(world, book, j))
        slot["wanted"] *= ratio
        if slot["order"] == 0.0 and not slot["leaves"]:
            close_order(book, log, event, j, LAPSED)
    held = book.shares[j]
    if held == 0.0:
        return
    watch["average"] /= ratio
    watch["peak"] /= ratio
    after = whole_part(held * ratio, column["whole"])
    rest = held * ratio - after
    if abs(rest) <= NUDGE:
        rest = 0.0
    change_shares(book.shares, book.held, book.count, j, after)
    if after == 0.0 and slot["pending"] and slot["leaves"]:
        close_order(book, log, event, j, LAPSED)
    log_cash(book, log, event, j, SPLIT, 0.0, 0.0, after - held)
    if rest != 0.0:
        price = world.open[s, j]
        if price != price:
            price = (world.mark[s - 1, j] if s > 0 else np.nan) / ratio
        if price != price:  # never traded yet
            price = column["offer"] / ratio if column["offer"] > 0.0 else 0.0
        local = rest * price
        pay_fraction(world, terms, book, log, event, j, local)


@inner
def pay_fraction(
    world: World, terms: Terms, book: Book, log: Log, event: int, j: int, local: float
) -> None:
    """Cash for a fraction of a share, at no cost of conversion."""
    amount = local * world.fx[event, world.columns[j]["currency"]]
    log_cash(book, log, event, j, FRACTION, amount, local, 0.0)
    take_in(world, terms, book, log, event, j, local, 0.0, CONVERSION)

"""Trades of unusual size: rests below the least order, odd lots sold at a discount."""

from __future__ import annotations

from backtest.kernels.book import NUDGE, is_too_small, lot_of, to_lots
from backtest.kernels.inner import inner
from backtest.kernels.world import BATCH, LAPSED, Book, World


@inner
def mind_sizes(world: World, book: Book, x: int, s: int, side: float) -> None:
    """Keep back rests below the least order; take the discount off the odd lots of sales."""
    for i in range(book.count[BATCH]):
        trade = book.batch[i]
        j = trade["column"]
        if trade["amount"] > 0.0 and is_rest(world, book, j):
            trade["amount"] = 0.0
            trade["status"] = LAPSED
        if side < 0.0 and trade["amount"] > 0.0:
            row = world.columns[j]["rule"] + world.rules.period[x, s]
            discount = world.rules.rows[row]["odd_discount"]
            trade["price"] *= 1.0 - discount * odd_part(world, book, j, trade["amount"])


@inner
def is_rest(world: World, book: Book, j: int) -> bool:
    """Whether the order of column ``j`` is too small to be sent, as a rest may be."""
    slot = book.slots[j]
    return not slot["leaves"] and is_too_small(world, book, j, slot["order"])


@inner
def odd_part(world: World, book: Book, j: int, amount: float) -> float:
    """Part of ``amount`` shares, above 0, that is no whole lot, as a fraction of them."""
    lot = lot_of(world, book, j)
    odd = amount - to_lots(amount, lot)
    return odd / amount if odd > NUDGE * lot else 0.0

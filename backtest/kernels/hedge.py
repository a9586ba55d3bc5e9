"""Forwards that are sold against what is held in other currencies, rolled at every base close."""

from __future__ import annotations

from backtest.kernels.inner import inner
from backtest.kernels.purses import log_money
from backtest.kernels.valuation import mark_held
from backtest.kernels.world import (
    CASH,
    FX_COST,
    HEDGE,
    HEDGE_COST,
    HELD,
    NO_COLUMN,
    Book,
    Log,
    Terms,
    World,
)

YEAR = 365.0


@inner
def roll_hedges(world: World, terms: Terms, book: Book, log: Log, event: int, t: int) -> None:
    """Settle the forwards of the previous base close, sell those of this one.

    The forward rate is the spot rate times the ratio of what both currencies earn until the next
    base close; the cost is that of converting the change of what is hedged, plus ``hedge_cost``.
    """
    exposures(world, book)
    for c in range(1, book.purses.shape[0]):
        purse = book.purses[c]
        spot = world.fx[event, c]
        if purse["hedged"] == 0.0 and purse["wanted"] == 0.0:
            continue
        if purse["hedged"] != 0.0:
            gain = purse["hedged"] * (purse["forward"] - spot)
            book.money[CASH] += gain
            log_money(book, log, event, NO_COLUMN, c, HEDGE, gain, gain)
        if t + 1 == world.days.shape[0]:
            purse["hedged"] = 0.0
            continue
        years = world.days[t + 1] / YEAR
        ratio = (1.0 + world.hedge_rate[t, 0] * years) / (1.0 + world.hedge_rate[t, c] * years)
        amount = terms.hedge * purse["wanted"]
        cost = abs(amount - purse["hedged"]) * spot * terms.fx_cost
        cost += abs(amount) * spot * terms.hedge_cost * years
        if cost > 0.0:
            book.money[CASH] -= cost
            book.money[FX_COST] += cost
            log_money(book, log, event, NO_COLUMN, c, HEDGE_COST, -cost, -cost)
        purse["hedged"] = amount
        purse["forward"] = spot * ratio


@inner
def exposures(world: World, book: Book) -> None:
    """Put what is held in each other currency, positions and cash, into its purse's ``wanted``."""
    for c in range(1, book.purses.shape[0]):
        book.purses[c]["wanted"] = book.purses[c]["balance"]
    for h in range(book.count[HELD]):
        j = book.held[h]
        c = world.columns[j]["currency"]
        if c > 0:
            book.purses[c]["wanted"] += book.shares[j] * mark_held(world, book, j)

"""Cash by currency: balances that are kept, proceeds that have not settled, what both earn."""

from __future__ import annotations

import numpy as np

from backtest.kernels.book import log_cash
from backtest.kernels.codes import codes
from backtest.kernels.inner import inner
from backtest.kernels.world import (
    CASH,
    CASH_ROWS,
    CONVERSION,
    FINANCING,
    FX_COST,
    INTEREST,
    NO_COLUMN,
    REVALUATION,
    TRANSFER,
    WRITE_OFF,
    Book,
    Log,
    Terms,
    World,
)

(HOME,) = codes(1)  # the portfolio's own currency, whose cash is Book.money[CASH]
ROUNDS = 20  # of scaling to what can be paid
SLACK = 1e-9  # relative: what rounding may leave over it
DUST = 1e-9  # of the initial cash: what rounding may leave of a debt


@inner
def at_hand(book: Book, c: int) -> float:
    """Cash of currency ``c`` that has settled; where that makes no difference, all of it."""
    cash = book.money[CASH] if c == HOME else book.purses[c]["balance"]
    return cash - book.purses[c]["unsettled"]


@inner
def foreign_cash(world: World, book: Book, event: int) -> float:
    """Cash in other currencies than the portfolio's, in that one."""
    total = 0.0
    for c in range(1, book.purses.shape[0]):
        balance = book.purses[c]["balance"]
        if balance != 0.0:  # an exchange rate that nobody needs may be missing
            total += balance * world.fx[event, c]
    return total


@inner
def cash_at_hand(world: World, book: Book, event: int) -> float:
    """Cash of all currencies that has settled, in the portfolio's."""
    total = at_hand(book, HOME)
    for c in range(1, book.purses.shape[0]):
        cash = at_hand(book, c)
        if cash != 0.0:
            total += cash * world.fx[event, c]
    return total


@inner
def log_money(
    book: Book, log: Log, event: int, j: int, c: int, kind: int, amount: float, local: float
) -> None:
    """Write a change of cash in currency ``c``, whatever the currency of column ``j``."""
    log_cash(book, log, event, j, kind, amount, local, 0.0)
    if log.on:
        log.cash_at[book.count[CASH_ROWS] - 1, 3] = np.int64(c) + 1


@inner
def draw(world: World, book: Book, log: Log, event: int, c: int, due: float) -> float:
    """Take ``due`` out of the cash of currency ``c``; below 0 it is put in.

    What the settled balance lacks is bought with the portfolio's currency: how much of that it
    takes is returned, for the caller to pay.
    """
    rate = world.fx[event, c]
    purse = book.purses[c]
    part = due
    if due > 0.0:
        part = min(due, max(at_hand(book, c), 0.0))
    purse["balance"] -= part
    purse["worth"] -= part * rate
    lack = due - part
    if not lack > 0.0:
        return 0.0
    log_money(book, log, event, NO_COLUMN, c, TRANSFER, lack * rate, lack)
    log_money(book, log, event, NO_COLUMN, HOME, TRANSFER, -lack * rate, -lack * rate)
    return lack * rate


@inner
def receive(
    world: World, book: Book, log: Log, event: int, j: int, c: int, local: float, cost: float
) -> None:
    """Put ``local`` of currency ``c`` into its purse; below 0 it is paid, at ``cost`` where bought.

    ``cost`` is the fraction that a conversion costs; ``j`` the instrument that it is for.
    """
    paid = draw(world, book, log, event, c, -local)
    book.money[CASH] -= paid
    if paid * cost > 0.0:
        book.money[CASH] -= paid * cost
        book.money[FX_COST] += paid * cost
        log_money(book, log, event, j, HOME, CONVERSION, -paid * cost, -paid * cost)


@inner
def conversion_cost(world: World, terms: Terms, book: Book, event: int, share: float) -> float:
    """Cost of the conversions that ``share`` of the ``wanted`` of all purses needs.

    What a currency lacks is bought with the portfolio's, what that lacks with what the others have
    to spare. In the portfolio's currency.
    """
    home = share * book.purses[HOME]["wanted"]
    cost = 0.0
    spare = 0.0
    for c in range(1, book.purses.shape[0]):
        there = max(at_hand(book, c), 0.0)
        lack = share * book.purses[c]["wanted"] - there
        if lack > 0.0:
            paid = lack * world.fx[event, c]
            cost += paid * terms.fx_cost
            home += paid * (1.0 + terms.fx_cost)
        elif there > 0.0:
            spare -= lack * world.fx[event, c]
    lack = max(home - max(at_hand(book, HOME), 0.0), 0.0)
    return cost + min(lack, spare / (1.0 + terms.fx_cost)) * terms.fx_cost


@inner
def affordable_share(
    world: World, terms: Terms, book: Book, event: int, need: float, available: float
) -> float:
    """Largest share of the ``wanted`` of all purses, ``need`` before conversions, that is paid."""
    share = 1.0
    for _ in range(ROUNDS):
        total = share * need + conversion_cost(world, terms, book, event, share)
        if total <= available + SLACK * max(1.0, available):
            break
        share *= available / total
    return share


@inner
def square(world: World, terms: Terms, book: Book, log: Log, event: int) -> None:
    """Pay what the portfolio's currency lacks with the others', in their order."""
    for c in range(1, book.purses.shape[0]):
        lack = -at_hand(book, HOME)
        if lack <= DUST * terms.cash:
            return
        rate = world.fx[event, c]
        there = at_hand(book, c) * rate
        if not there > 0.0:
            continue
        part = min(lack, there / (1.0 + terms.fx_cost))
        cost = part * terms.fx_cost
        book.purses[c]["balance"] -= (part + cost) / rate
        book.purses[c]["worth"] -= part + cost
        book.money[CASH] += part
        log_money(book, log, event, NO_COLUMN, c, TRANSFER, -(part + cost), -(part + cost) / rate)
        log_money(book, log, event, NO_COLUMN, HOME, TRANSFER, part + cost, part + cost)
        if cost > 0.0:
            book.money[FX_COST] += cost
            log_money(book, log, event, NO_COLUMN, HOME, CONVERSION, -cost, -cost)


@inner
def hold_back(world: World, book: Book, x: int, s: int, c: int, proceeds: float) -> None:
    """Keep the proceeds of a sale on exchange ``x`` in session ``s`` until they settle."""
    row = world.settles[x, s]
    if row > s and proceeds > 0.0:
        book.purses[c]["unsettled"] += proceeds
        book.arriving[x, row, c] += proceeds


@inner
def release(world: World, terms: Terms, book: Book, log: Log, event: int, x: int, s: int) -> None:
    """What settles with session ``s`` of exchange ``x`` is cash from its open on."""
    for c in range(book.purses.shape[0]):
        book.purses[c]["unsettled"] -= book.arriving[x, s, c]
    if terms.keeps:
        square(world, terms, book, log, event)


@inner
def charge_abroad(
    world: World, terms: Terms, book: Book, log: Log, event: int, t: int, years: float
) -> None:
    """Interest of every other currency on its own balance after the previous base close."""
    for c in range(1, book.purses.shape[0]):
        rate = world.purse_rate[t - 1, c]
        interest = book.purses[c]["earning"] * (rate - terms.rate_spread) * years
        if interest != interest or interest == 0.0:  # a currency without rates earns nothing
            continue
        amount = interest * world.fx[event, c]
        book.money[FINANCING] -= amount
        log_money(book, log, event, NO_COLUMN, c, INTEREST, amount, interest)
        receive(world, book, log, event, NO_COLUMN, c, interest, terms.fx_cost)


@inner
def revalue(world: World, book: Book, log: Log, event: int) -> None:
    """At a base close: what the exchange rates made of the other currencies' cash."""
    for c in range(1, book.purses.shape[0]):
        purse = book.purses[c]
        worth = purse["balance"] * world.fx[event, c] if purse["balance"] != 0.0 else 0.0
        gain = worth - purse["worth"]
        purse["worth"] = worth
        purse["earning"] = at_hand(book, c)
        if gain != 0.0:
            log_money(book, log, event, NO_COLUMN, c, REVALUATION, gain, 0.0)


@inner
def give_up(world: World, book: Book, log: Log, event: int) -> None:
    """Bankruptcy: the other currencies' cash is gone, too."""
    for c in range(1, book.purses.shape[0]):
        purse = book.purses[c]
        if purse["balance"] != 0.0:
            worth = purse["balance"] * world.fx[event, c]
            log_money(book, log, event, NO_COLUMN, c, WRITE_OFF, -worth, -purse["balance"])
        purse["balance"] = 0.0
        purse["worth"] = 0.0

"""What happens to positions and cash between fills."""

from __future__ import annotations

from backtest.kernels.book import cancel_order, change_shares, log_cash
from backtest.kernels.hedge import roll_hedges
from backtest.kernels.inner import inner
from backtest.kernels.purses import (
    HOME,
    at_hand,
    charge_abroad,
    give_up,
    receive,
    revalue,
    square,
)
from backtest.kernels.subscriptions import release_all
from backtest.kernels.valuation import (
    cash_now,
    mark_held,
    mark_now,
    nav_now,
    receivables,
    short_value,
)
from backtest.kernels.world import (
    ALL_COSTS,
    ALL_GROSS,
    ALL_TURNOVER,
    APPLIED,
    BANKRUPT,
    BORROW,
    BORROWING,
    CASH,
    CLAIMS,
    DELISTED,
    FEES,
    FILLS,
    FINANCING,
    FX_COST,
    HELD,
    INTEREST,
    LAST_CASH,
    LOCKED,
    NO_COLUMN,
    POSITIONS,
    SLIPPAGE,
    TRADED,
    WRITE_OFF,
    Book,
    Log,
    Terms,
    World,
)

YEAR = 365.0


@inner
def delist(world: World, terms: Terms, book: Book, log: Log, event: int, x: int, s: int) -> None:
    """Pay out what leaves exchange ``x`` with session ``s``; no fees, no fx cost."""
    for k in range(world.gone_ptr[x, s], world.gone_ptr[x, s + 1]):
        j = world.gone[k]["column"]
        cancel_order(book, log, event, j)
        held = book.shares[j]
        if held == 0.0:
            continue
        price = world.gone[k]["value"]
        if price != price:
            price = mark_now(world, book, j) * terms.recovery
        if price != price:
            price = 0.0
        currency = world.columns[j]["currency"]
        rate = world.fx[event, currency]
        if terms.keeps and currency > 0:
            receive(world, book, log, event, j, currency, held * price, 0.0)
            square(world, terms, book, log, event)
        else:
            book.money[CASH] += held * price * rate
        change_shares(book.shares, book.held, book.count, j, 0.0)
        n = book.count[FILLS]
        book.count[FILLS] = n + 1
        if log.on:
            log.fill_at[n, 0] = event
            log.fill_at[n, 1] = event
            log.fill_at[n, 2] = j
            log.fill_at[n, 3] = DELISTED
            log.fill_at[n, 4] = -1
            log.fill[n, 0] = -held
            log.fill[n, 1] = price
            log.fill[n, 2] = price
            log.fill[n, 3] = rate


@inner
def close_of_base(world: World, terms: Terms, book: Book, log: Log, event: int) -> None:
    """Interest and borrow, then the NAV row of a base session."""
    t = world.events[event]["row"] - world.first
    if book.count[BANKRUPT] > 0:
        log.nav[t] = 0.0
        return
    if t > 0:
        charge(world, terms, book, log, event, t)
    if terms.hedge > 0.0:
        roll_hedges(world, terms, book, log, event, t)
    if terms.keeps:
        square(world, terms, book, log, event)
        revalue(world, book, log, event)
    nav = nav_now(world, book, event)
    owed = receivables(world, book, event)
    if nav <= 0.0:
        write_off(world, book, log, event)
        nav = 0.0
        owed = 0.0
    log.nav[t] = nav
    short = short_value(world, book, event) if terms.short else 0.0
    book.money[LAST_CASH] = at_hand(book, HOME) if terms.waits else book.money[CASH]
    book.money[BORROWING] = short * terms.borrow
    if terms.short and world.borrow_rate.shape[0] > 0:
        book.money[BORROWING] = borrowing(world, terms, book, event, t)
    sum_up(world, book, event, nav, short, owed)
    if log.on:
        write_account(world, book, log, event, t, nav, owed)
    else:
        book.count[POSITIONS] += book.count[HELD]
    for k in (TRADED, FEES, SLIPPAGE, FX_COST, FINANCING):
        book.money[k] = 0.0


@inner
def sum_up(world: World, book: Book, event: int, nav: float, short: float, owed: float) -> None:
    """Add this NAV row to the sums over the run.

    ``short`` is the value of what is sold short, ``owed`` that of the receivables.
    """
    money = book.money
    money[ALL_COSTS] += money[FEES] + money[SLIPPAGE] + money[FX_COST]
    if nav > 0.0:
        money[ALL_TURNOVER] += 0.5 * money[TRADED] / nav
        cash = cash_now(world, book, event) + money[LOCKED] + owed
        money[ALL_GROSS] += (nav - cash + 2.0 * short) / nav


@inner
def charge(world: World, terms: Terms, book: Book, log: Log, event: int, t: int) -> None:
    """Interest on the cash after the previous base close, borrow on what was short then."""
    years = world.days[t] / YEAR
    cash = book.money[LAST_CASH]
    rate = world.rate[t - 1]
    if cash < 0.0:
        rate += terms.rate_spread
    elif world.has_rates:
        rate -= terms.rate_spread
    interest = cash * rate * years
    if interest != 0.0:
        book.money[CASH] += interest
        book.money[FINANCING] -= interest
        log_cash(book, log, event, NO_COLUMN, INTEREST, interest, interest, 0.0)
    if terms.keeps:
        charge_abroad(world, terms, book, log, event, t, years)
    borrow = book.money[BORROWING] * years
    if borrow != 0.0:
        book.money[CASH] -= borrow
        book.money[FINANCING] += borrow
        log_cash(book, log, event, NO_COLUMN, BORROW, -borrow, -borrow, 0.0)


@inner
def borrowing(world: World, terms: Terms, book: Book, event: int, t: int) -> float:
    """What is sold short costs a year, portfolio currency, at the rates known at a base close."""
    total = 0.0
    for h in range(book.count[HELD]):
        j = book.held[h]
        if book.shares[j] < 0.0:
            rate = world.borrow_rate[t, j]
            if rate != rate:
                rate = terms.borrow
            fx = world.fx[event, world.columns[j]["currency"]]
            total -= book.shares[j] * mark_held(world, book, j) * fx * rate
    return total


@inner
def write_off(world: World, book: Book, log: Log, event: int) -> None:
    """Bankruptcy: every position is given up, cash is set to zero, nothing happens any more."""
    book.count[BANKRUPT] = 1
    if book.count[APPLIED] > 0:
        release_all(book, log, event)
    while book.count[HELD] > 0:
        j = book.held[book.count[HELD] - 1]
        held = book.shares[j]
        worth = held * mark_held(world, book, j) * world.fx[event, world.columns[j]["currency"]]
        log_cash(book, log, event, j, WRITE_OFF, 0.0, worth, -held)
        change_shares(book.shares, book.held, book.count, j, 0.0)
        cancel_order(book, log, event, j)
    log_cash(book, log, event, NO_COLUMN, WRITE_OFF, -book.money[CASH], -book.money[CASH], 0.0)
    book.money[CASH] = 0.0
    give_up(world, book, log, event)
    book.claims[:] = 0.0
    book.owed[:] = 0.0
    book.count[CLAIMS] = 0


@inner
def write_account(
    world: World, book: Book, log: Log, event: int, t: int, nav: float, owed: float
) -> None:
    """The row of the account, and one row for every position."""
    money = book.money
    gross = 0.0
    net = 0.0
    stale = 0.0
    for h in range(book.count[HELD]):
        j = book.held[h]
        rate = world.fx[event, world.columns[j]["currency"]]
        mark = mark_held(world, book, j)
        value = book.shares[j] * mark * rate
        gross += abs(value)
        net += value
        x = world.columns[j]["exchange"]
        s = book.desks[x]["row"]
        if book.desks[x]["is_open"]:
            s -= 1
        if s < 0 or world.close[s, j] != world.close[s, j]:
            stale += abs(value)
        k = book.count[POSITIONS]
        book.count[POSITIONS] = k + 1
        log.position_at[k, 0] = t
        log.position_at[k, 1] = j
        log.position[k, 0] = book.shares[j]
        log.position[k, 1] = mark
        log.position[k, 2] = rate
    row = log.account[t]
    row[0] = cash_now(world, book, event)
    row[1] = gross / nav if nav > 0.0 else 0.0
    row[2] = net / nav if nav > 0.0 else 0.0
    row[3] = 0.5 * money[TRADED] / nav if nav > 0.0 else 0.0
    row[4] = money[FEES]
    row[5] = money[SLIPPAGE]
    row[6] = money[FX_COST]
    row[7] = money[FINANCING]
    row[8] = stale
    row[9] = money[LOCKED]
    row[10] = owed

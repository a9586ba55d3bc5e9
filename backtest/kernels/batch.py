"""The trades of one event, step by step: allowed, priced, fitted to the cash, settled."""

from __future__ import annotations

import numpy as np

from backtest.kernels.book import (
    NUDGE,
    change_shares,
    is_too_small,
    lot_of,
    note_entry,
    to_lots,
)
from backtest.kernels.codes import codes
from backtest.kernels.costs import split_fees, tick_of, to_tick, total_fees
from backtest.kernels.inner import inner
from backtest.kernels.purses import HOME, conversion_cost, draw, hold_back, square
from backtest.kernels.sizes import mind_sizes
from backtest.kernels.valuation import buying_power, close_before, mark_held
from backtest.kernels.world import (
    BATCH,
    CAPPED,
    CASH,
    CASH_SCALED,
    FEES,
    FILLED,
    FILLS,
    FX_COST,
    LAPSED,
    LIMIT,
    NOT_SHORTABLE,
    SLIPPAGE,
    TICK_RULE,
    TRADED,
    Book,
    Log,
    Terms,
    World,
)

ALL, COVERS = codes(2)  # which part of the trades takes buying power
ROUNDS = 20  # of scaling buys to the cash, before the smallest are dropped
SLACK = 1e-9  # relative: what rounding may leave over a fit


@inner
def has_trade(reference: float, volume: float, unknown: bool) -> bool:
    """Whether a bar has a price, and volume or one that is not known."""
    return reference > 0.0 and (volume != 0.0 or unknown)


@inner
def at_limit(world: World, x: int, s: int, j: int, reference: float, side: float) -> bool:
    """Whether the daily price limit stops a trade to ``side`` (+1 buy, -1 sell)."""
    row = world.columns[j]["rule"] + world.rules.period[x, s]
    rule = world.rules.rows[row]
    listed = world.columns[j]["listed"]
    if listed >= 0 and s - listed < rule["limit_free"]:
        return False
    if listed == s and rule["first_up"] > 0.0:
        before = world.columns[j]["offer"]
        move = rule["first_up"] if side > 0.0 else rule["first_down"]
    else:
        before = close_before(world.mark, world.act_ptr, world.acts, x, s, j)
        move = rule["limit"]
    if not before > 0.0:
        return False
    bound = before * (1.0 + side * move)
    unit = rule["limit_unit"]
    if unit > 0.0:
        bound = np.floor(bound / unit + 0.5 + 1e-9) * unit
    return reference * side >= bound * side - 1e-9 * bound


@inner
def refused_short(world: World, terms: Terms, x: int, s: int, j: int, reference: float) -> int:
    """Why column ``j`` may not be sold short at ``reference``; 0 where it may."""
    if world.shortable.shape[0] > 0 and not world.shortable[s, j]:
        return NOT_SHORTABLE
    row = world.columns[j]["rule"] + world.rules.period[x, s]
    if terms.short_tick_rule and world.rules.rows[row]["short_tick_rule"]:
        before = close_before(world.mark, world.act_ptr, world.acts, x, s, j)
        if before > 0.0 and reference < before * (1.0 - 1e-9):
            return TICK_RULE
    return FILLED


@inner
def whole_lots_of(held: float, lot: float) -> float:
    """What a sale may take of a holding without its odd lot; 0 of a short."""
    if held <= 0.0:
        return 0.0
    lots = to_lots(held, lot)
    return held if abs(held - lots) <= NUDGE * lot else lots


@inner
def quote(world: World, terms: Terms, book: Book, x: int, s: int, side: float) -> None:
    """Shares that price, rules of the market and volume let through, and what they would fill at.

    The price is the reference and slippage, on the tick grid, then kept in the bar's range.
    """
    batch = book.batch
    watch = book.watch
    slots = book.slots
    columns = world.columns
    rows = world.rules.rows
    ticks = world.rules.ticks
    held = book.shares
    unknown = world.volume_unknown[x, s]
    volume = world.volume[s]
    high = world.high[s]
    low = world.low[s]
    period = world.rules.period[x, s]
    may_refuse = side < 0.0 and (world.shortable.shape[0] > 0 or terms.short_tick_rule)
    for i in range(book.count[BATCH]):
        trade = batch[i]
        j = trade["column"]
        reference = trade["reference"]
        asked = trade["asked"]
        shares = volume[j]
        if not has_trade(reference, shares, unknown):
            trade["amount"] = 0.0
            trade["status"] = LAPSED
            continue
        row = columns[j]["rule"] + period
        rule = rows[row]
        if rule["limit"] > 0.0 and at_limit(world, x, s, j, reference, side):
            trade["amount"] = 0.0
            trade["status"] = LIMIT
            continue
        status = FILLED
        amount = asked
        if side < 0.0 and rule["t_plus_one"] and watch[j]["bought_on"] == s:
            amount = min(asked, max(held[j] - watch[j]["bought"], 0.0))
            if amount < asked:
                status = LIMIT
        if may_refuse and amount > max(held[j], 0.0):
            refused = refused_short(world, terms, x, s, j, reference)
            if refused != FILLED:
                amount = whole_lots_of(held[j], lot_of(world, book, j))
                status = refused
        if shares == shares and not unknown and not terms.size_at_fill:
            used = watch[j]["used"] if watch[j]["used_on"] == s else 0.0
            budget = terms.max_participation * shares
            if not (slots[j]["leaves"] and amount <= budget - used):
                lot = columns[j]["lot"]
                if lot < 0.0:
                    lot = lot_of(world, book, j)
                room = to_lots(max(to_lots(budget, lot) - used, 0.0), lot)
                if room < amount:
                    amount = room
                    status = CAPPED
        trade["amount"] = amount
        trade["status"] = status
        if amount <= 0.0:
            continue
        share = terms.slippage
        if terms.impact > 0.0:
            sigma = watch[j]["sigma"]
            typical = watch[j]["typical_volume"]
            if sigma == sigma and typical > 0.0:
                share += terms.impact * sigma * np.sqrt(amount / typical)
        paid = reference * (1.0 + side * share)
        if rule["tick_from"] < rule["tick_to"]:
            if terms.slippage_ticks > 0.0:
                paid += side * terms.slippage_ticks * tick_of(rows, ticks, row, reference)
            paid = to_tick(rows, ticks, row, paid, side)
        if paid != reference:
            if high[j] == high[j] and low[j] == low[j]:
                paid = min(max(paid, min(low[j], reference)), max(high[j], reference))
            paid = max(paid, 0.0)
        trade["price"] = paid
    if world.has_sizes:
        mind_sizes(world, book, x, s, side)


@inner
def needs(world: World, terms: Terms, book: Book, event: int, x: int, s: int, covers: int) -> float:
    """Buying power that the trades take, in all; ``covers`` counts only what closes shorts."""
    batch = book.batch
    columns = world.columns
    held = book.shares
    rows = world.rules.rows
    fee_table = world.rules.fees
    fx = world.fx
    period = world.rules.period[x, s]
    total = 0.0
    if terms.keeps:
        book.purses["wanted"][:] = 0.0
    for i in range(book.count[BATCH]):
        trade = batch[i]
        j = trade["column"]
        amount = trade["amount"]
        covered = 0.0
        if terms.short and held[j] < 0.0:
            covered = min(amount, -held[j])
        if covers == COVERS:
            amount = covered
        need = 0.0
        fees = 0.0
        if amount > 0.0:
            row = columns[j]["rule"] + period
            currency = columns[j]["currency"]
            rate = fx[event, currency]
            value = amount * trade["price"]
            fees = total_fees(rows, fee_table, row, 1.0, amount, value)
            need = (value + fees) * rate
            if terms.keeps:
                book.purses[currency]["wanted"] += value + fees
            elif currency > 0:
                need += value * rate * terms.fx_cost
            if covered > 0.0:
                need -= (1.0 + terms.margin) * covered * mark_held(world, book, j) * rate
        if covers != COVERS:
            trade["need"] = need
            trade["fees"] = fees
        total += need
    if terms.keeps:
        total += conversion_cost(world, terms, book, event, 1.0)
    return total


@inner
def fit(world: World, terms: Terms, book: Book, event: int, x: int, s: int) -> None:
    """Cut an event's buys to the buying power: all by one factor, then the smallest dropped."""
    batch = book.batch
    columns = world.columns
    held = book.shares
    available = buying_power(world, terms, book, event)
    limit = available + SLACK * max(1.0, abs(available))
    need = needs(world, terms, book, event, x, s, ALL)
    if need <= limit:
        return
    fixed = needs(world, terms, book, event, x, s, COVERS) if terms.short else 0.0
    for _ in range(ROUNDS):
        factor = max(0.0, (available - fixed) / (need - fixed)) if need > fixed else 0.0
        for i in range(book.count[BATCH]):
            trade = batch[i]
            j = trade["column"]
            part = 0.0
            if terms.short and held[j] < 0.0:
                part = min(trade["amount"], -held[j])
            lot = columns[j]["lot"]
            is_dated = lot < 0.0
            if is_dated:
                lot = lot_of(world, book, j)
            more = to_lots(factor * (trade["amount"] - part), lot)
            if is_dated and is_too_small(world, book, j, part + more):
                more = 0.0
            if lot == 0.0 and more <= NUDGE * trade["asked"]:
                more = 0.0  # next to nothing of what was asked, in fractions
            cut = part + more
            if cut < trade["amount"]:
                trade["amount"] = cut
                trade["status"] = CASH_SCALED
        need = needs(world, terms, book, event, x, s, ALL)
        if need <= limit:
            return
    while need > limit:
        smallest = -1
        for i in range(book.count[BATCH]):
            trade = batch[i]
            if trade["amount"] > 0.0 and (smallest < 0 or trade["need"] <= batch[smallest]["need"]):
                smallest = i
        if smallest < 0:
            return
        batch[smallest]["amount"] = 0.0
        batch[smallest]["status"] = CASH_SCALED
        need = needs(world, terms, book, event, x, s, ALL)


@inner
def settle(
    world: World,
    terms: Terms,
    book: Book,
    log: Log,
    event: int,
    x: int,
    s: int,
    side: float,
) -> None:
    """Book the trades: fees, fx cost, cash, shares, the bar's budget."""
    batch = book.batch
    watch = book.watch
    columns = world.columns
    shares = book.shares
    held = book.held
    count = book.count
    rows = world.rules.rows
    fee_table = world.rules.fees
    fx = world.fx
    period = world.rules.period[x, s]
    volume = world.volume[s]
    cash = book.money[CASH]
    traded = book.money[TRADED]
    paid_fees = book.money[FEES]
    slipped = book.money[SLIPPAGE]
    converted = book.money[FX_COST]
    at_close = not book.desks[x]["is_open"]
    mark = world.mark[s - 1 if s > 0 else 0]
    for i in range(book.count[BATCH]):
        trade = batch[i]
        amount = trade["amount"]
        if amount <= 0.0:
            continue
        j = trade["column"]
        row = columns[j]["rule"] + period
        currency = columns[j]["currency"]
        rate = fx[event, currency]
        value = amount * trade["price"]
        fees = trade["fees"]  # of a buy: it was fitted with them
        if side < 0.0 or fees != fees:
            fees = total_fees(rows, fee_table, row, side, amount, value)
        fx_cost = value * rate * terms.fx_cost if currency > 0 else 0.0
        if terms.keeps and currency > 0:
            home = draw(world, book, log, event, currency, side * value + fees)
            fx_cost = home * terms.fx_cost
            cash -= home + fx_cost
        else:
            cash -= (side * value + fees) * rate + fx_cost
        if terms.waits and side < 0.0:
            if terms.keeps:
                hold_back(world, book, x, s, currency, value - fees)
            else:
                hold_back(world, book, x, s, HOME, (value - fees) * rate - fx_cost)
        traded += value * rate
        paid_fees += fees * rate
        slipped += side * amount * (trade["price"] - trade["reference"]) * rate
        converted += fx_cost
        slot = watch[j]
        # Without exits the entry is asked for only while no close is known to mark the position at.
        unmarked = not at_close and (s == 0 or mark[j] != mark[j])
        if terms.has_exits or (terms.size_at_fill and unmarked):
            note_entry(watch, j, s, shares[j], side * amount, trade["price"], at_close)
        if side > 0.0 and rows[row]["t_plus_one"]:
            if slot["bought_on"] != s:
                slot["bought_on"] = s
                slot["bought"] = 0.0
            slot["bought"] += amount
        if volume[j] == volume[j]:
            if slot["used_on"] != s:
                slot["used_on"] = s
                slot["used"] = 0.0
            slot["used"] += amount
        after = shares[j] + side * amount
        change_shares(shares, held, count, j, after)
        if log.on:
            split_fees(rows, fee_table, row, side, amount, value, book.fees)
            log_fill(book, log, event, i, side * amount, rate, fx_cost, fees)
        count[FILLS] += 1
    book.money[CASH] = cash
    book.money[TRADED] = traded
    book.money[FEES] = paid_fees
    book.money[SLIPPAGE] = slipped
    book.money[FX_COST] = converted
    if terms.keeps:
        square(world, terms, book, log, event)


@inner
def log_fill(
    book: Book, log: Log, event: int, i: int, q: float, rate: float, fx_cost: float, fees: float
) -> None:
    """Write the fill of trade ``i``."""
    trade = book.batch[i]
    slot = book.slots[trade["column"]]
    k = book.count[FILLS]
    log.fill_at[k, 0] = event
    log.fill_at[k, 1] = slot["decided"]
    log.fill_at[k, 2] = trade["column"]
    log.fill_at[k, 3] = slot["why"]
    log.fill_at[k, 4] = slot["ticket"]
    log.fill[k, 0] = q
    log.fill[k, 1] = trade["reference"]
    log.fill[k, 2] = trade["price"]
    log.fill[k, 3] = rate
    log.fill[k, 4] = fx_cost
    log.fill[k, 5] = fees
    for m in range(book.fees.shape[0]):
        log.fill_fees[k, m] = book.fees[m]
    if slot["ticket"] >= 0:
        log.order[slot["ticket"], 2] += q

"""Exit rules: what a position's path does to it."""

from __future__ import annotations

import numpy as np

from backtest.kernels.batch import has_trade, quote, settle
from backtest.kernels.book import cancel_order
from backtest.kernels.inner import inner, merged
from backtest.kernels.valuation import first_at_least, note_impact_before
from backtest.kernels.world import (
    BATCH,
    FILLED,
    HELD,
    MAX_SESSIONS,
    STOP_LOSS,
    TAKE_PROFIT,
    TRAILING_STOP,
    Book,
    Log,
    Terms,
    World,
)


@inner
def stop_of(
    average: float, peak: float, side: float, stop_loss: float, trailing_stop: float
) -> tuple[float, int]:
    """Level at which a position is stopped, the nearer of two, and why; reason 0 for none."""
    level = np.nan
    reason = 0
    if stop_loss > 0.0:
        level = average * (1.0 - side * stop_loss)
        reason = STOP_LOSS
    if trailing_stop > 0.0:
        trail = peak * (1.0 - side * trailing_stop)
        if reason == 0 or trail * side > level * side:
            level = trail
            reason = TRAILING_STOP
    return level, reason


@merged
def exits_at_open(
    world: World, terms: Terms, book: Book, log: Log, event: int, x: int, s: int
) -> None:
    """Leave what was deferred, what is due, and what the open is already through."""
    look_at_open(world, terms, book, x, s)
    if book.count[BATCH] > 0:
        leave(world, terms, book, log, event, x, s)


@inner
def look_at_open(world: World, terms: Terms, book: Book, x: int, s: int) -> None:
    """Put into the batch what `exits_at_open` leaves."""
    shares = book.shares
    watch = book.watch
    open_ = world.open[s]
    volume = world.volume[s]
    unknown = world.volume_unknown[x, s]
    stop_loss, take_profit = terms.stop_loss, terms.take_profit
    trailing_stop = terms.trailing_stop
    max_sessions = 0 if terms.fill_at_close else terms.max_sessions
    low = first_at_least(book.held, book.count[HELD], world.edge[x])
    high = first_at_least(book.held, book.count[HELD], world.edge[x + 1])
    held = book.held[low:high]
    book.count[BATCH] = 0
    for h in range(held.shape[0]):
        j = held[h]
        opening = open_[j]
        if not has_trade(opening, volume[j], unknown):
            continue
        side = 1.0 if shares[j] > 0.0 else -1.0
        slot = watch[j]
        reason = int(slot["deferred"])
        if reason == 0 and max_sessions > 0 and s - slot["entry"] >= max_sessions:
            reason = MAX_SESSIONS
        if reason == 0:
            level, why = stop_of(slot["average"], slot["peak"], side, stop_loss, trailing_stop)
            if why > 0 and opening * side <= level * side:
                reason = why
        if reason == 0 and take_profit > 0.0:
            level = slot["average"] * (1.0 + side * take_profit)
            if opening * side >= level * side:
                reason = TAKE_PROFIT
        if reason > 0:
            note_exit(book, j, opening, reason)


@merged
def exits_within_bar(
    world: World, terms: Terms, book: Book, log: Log, event: int, x: int, s: int
) -> None:
    """Leave what the bar touched, stop before profit; then what is due at the close."""
    look_within_bar(world, terms, book, x, s)
    if book.count[BATCH] > 0:
        leave(world, terms, book, log, event, x, s)


@inner
def look_within_bar(world: World, terms: Terms, book: Book, x: int, s: int) -> None:
    """Put into the batch what `exits_within_bar` leaves."""
    shares = book.shares
    watch = book.watch
    open_ = world.open[s]
    high_ = world.high[s]
    low_ = world.low[s]
    close_ = world.close[s]
    volume = world.volume[s]
    unknown = world.volume_unknown[x, s]
    stop_loss, take_profit = terms.stop_loss, terms.take_profit
    trailing_stop = terms.trailing_stop
    max_sessions = terms.max_sessions if terms.fill_at_close else 0
    begin = first_at_least(book.held, book.count[HELD], world.edge[x])
    end = first_at_least(book.held, book.count[HELD], world.edge[x + 1])
    held = book.held[begin:end]
    book.count[BATCH] = 0
    for h in range(held.shape[0]):
        j = held[h]
        close = close_[j]
        if not has_trade(close, volume[j], unknown):
            continue
        side = 1.0 if shares[j] > 0.0 else -1.0
        slot = watch[j]
        opening = open_[j]
        first = opening if opening == opening else close  # the first price known of the bar
        high = high_[j]
        low = low_[j]
        if high != high:
            high = max(first, close)
        if low != low:
            low = min(first, close)
        worst = low if side > 0.0 else high
        best = high if side > 0.0 else low
        reason = 0
        reference = close
        level, why = stop_of(slot["average"], slot["peak"], side, stop_loss, trailing_stop)
        if why > 0 and worst * side <= level * side:
            reason = why
            reference = first if first * side < level * side else level
        elif take_profit > 0.0:
            level = slot["average"] * (1.0 + side * take_profit)
            if best * side >= level * side:
                reason = TAKE_PROFIT
                reference = opening if opening * side > level * side else level
        if reason == 0 and max_sessions > 0 and s - slot["entry"] >= max_sessions:
            reason = MAX_SESSIONS
        if reason > 0:
            note_exit(book, j, reference, reason)


@inner
def note_exit(book: Book, j: int, reference: float, reason: int) -> None:
    """Put an exit into the batch."""
    n = book.count[BATCH]
    book.count[BATCH] = n + 1
    book.batch[n]["column"] = j
    book.batch[n]["reference"] = reference
    book.batch[n]["status"] = reason


@inner
def leave(
    world: World,
    terms: Terms,
    book: Book,
    log: Log,
    event: int,
    x: int,
    s: int,
) -> None:
    """Sell or cover the positions of the batch by their rules, as far as the bar lets them.

    Each is blocked until a decision of exactly 0, its pending order ended. What T+1 keeps back is
    left at the next open.
    """
    n = book.count[BATCH]
    for i in range(n):
        trade = book.batch[i]
        j = trade["column"]
        cancel_order(book, log, event, j)
        slot = book.slots[j]
        slot["blocked"] = True
        slot["leaves"] = True
        slot["why"] = trade["status"]
        slot["decided"] = event
        slot["ticket"] = -1
        slot["order"] = trade["reference"]  # kept here while the batch is split by side
        book.sides[0, i] = j
        if terms.impact > 0.0:
            note_impact_before(world, book, x, s, j)
    for side in (-1.0, 1.0):
        book.count[BATCH] = 0
        for i in range(n):
            j = book.sides[0, i]
            if book.shares[j] * side < 0.0:
                trade = book.batch[book.count[BATCH]]
                trade["column"] = j
                trade["asked"] = abs(book.shares[j])
                trade["reference"] = book.slots[j]["order"]
                trade["fees"] = np.nan  # a cover is not fitted to the cash
                book.count[BATCH] += 1
        if book.count[BATCH] > 0:
            quote(world, terms, book, x, s, side)
            defer(book, s, side)
            settle(world, terms, book, log, event, x, s, side)


@inner
def defer(book: Book, s: int, side: float) -> None:
    """Remember the exits that T+1 keeps for the next open."""
    for i in range(book.count[BATCH]):
        j = book.batch[i]["column"]
        status = book.batch[i]["status"]
        if status == FILLED:
            book.watch[j]["deferred"] = 0
        elif side < 0.0 and book.watch[j]["bought_on"] == s:  # the volume may have capped it, too
            book.watch[j]["deferred"] = book.slots[j]["why"]


@inner
def raise_peaks(world: World, book: Book, x: int, s: int) -> None:
    """After a bar of exchange ``x``: the best price each position has seen since its entry."""
    shares = book.shares
    watch = book.watch
    open_ = world.open[s]
    high = world.high[s]
    low = world.low[s]
    close_ = world.close[s]
    begin = first_at_least(book.held, book.count[HELD], world.edge[x])
    end = first_at_least(book.held, book.count[HELD], world.edge[x + 1])
    held = book.held[begin:end]
    for h in range(held.shape[0]):
        j = held[h]
        slot = watch[j]
        if slot["entry"] == s and slot["entry_at_close"]:
            continue
        close = close_[j]
        if close != close:
            continue
        first = open_[j]
        if first != first:
            first = close
        if shares[j] > 0.0:
            best = high[j]
            if best != best:
                best = max(first, close)
            slot["peak"] = max(slot["peak"], best)
        else:
            best = low[j]
            if best != best:
                best = min(first, close)
            slot["peak"] = min(slot["peak"], best)

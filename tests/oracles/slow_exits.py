"""Exit rules that watch the path, for the slow simulator."""

from __future__ import annotations

from decimal import Decimal

from tests.oracles.slow_account import Position, Trade
from tests.oracles.slow_money import Moment
from tests.oracles.slow_orders import Book
from tests.oracles.slow_tables import ZERO, Instrument, number


def exit_at_open(book: Book, instrument: Instrument, moment: Moment) -> None:
    """Sell at the open what T+1 put off, what is due, and what the open is through."""
    account = book.account
    position, bar = account.positions.get(instrument.symbol), account.bar(instrument, moment)
    if position is None or not account.tradable(bar, moment) or bar.open is None:
        return
    side = 1 if position.shares > 0 else -1
    stop, reason, profit = _levels(book, position)
    if position.deferred is not None:
        account.seen["deferred_sold"] += 1
        _fire(book, instrument, position.deferred, bar.open, moment)
    elif _due(book, position, moment) and book.world.execution.fill == "open":
        _fire(book, instrument, "max_sessions", bar.open, moment)
    elif stop is not None and side * (bar.open - stop) <= 0:
        _fire(book, instrument, reason, bar.open, moment)
    elif profit is not None and side * (bar.open - profit) >= 0:
        _fire(book, instrument, "take_profit", bar.open, moment)


def exit_within_bar(book: Book, instrument: Instrument, moment: Moment) -> None:
    """Sell at a level that the bar touched: the stop first, then the profit."""
    account, symbol = book.account, instrument.symbol
    position, bar = account.positions.get(symbol), account.bar(instrument, moment)
    if position is None or symbol in book.exited or not account.tradable(bar, moment):
        return
    side = 1 if position.shares > 0 else -1
    stop, reason, profit = _levels(book, position)
    first = bar.close if bar.open is None else bar.open
    # Of a bar without its low or high, the open and the close are what is known to have traded.
    low = min(first, bar.close) if bar.low is None else bar.low
    high = max(first, bar.close) if bar.high is None else bar.high
    bad, good = (low, high) if side > 0 else (high, low)
    worse, better = (min, max) if side > 0 else (max, min)
    if stop is not None and side * (bad - stop) <= 0:
        _fire(book, instrument, reason, worse(stop, first), moment)
    elif profit is not None and side * (good - profit) >= 0:
        reference = profit if bar.open is None else better(profit, bar.open)
        _fire(book, instrument, "take_profit", reference, moment)


def exit_at_close(book: Book, instrument: Instrument, moment: Moment) -> None:
    """Sell what max_sessions has due at the close, unless another exit has fired in the bar."""
    account, symbol = book.account, instrument.symbol
    position, bar = account.positions.get(symbol), account.bar(instrument, moment)
    if position is None or symbol in book.exited or not account.tradable(bar, moment):
        return
    if _due(book, position, moment):
        _fire(book, instrument, "max_sessions", bar.close, moment)


def _due(book: Book, position: Position, moment: Moment) -> bool:
    limit = book.world.exits.max_sessions
    return limit is not None and moment.ordinal >= position.entered + limit


def _levels(book: Book, position: Position) -> tuple[Decimal | None, str, Decimal | None]:
    """Return the stop that counts, its reason, and the profit level."""
    exits, side = book.world.exits, 1 if position.shares > 0 else -1
    stops = []
    if exits.stop_loss is not None:
        stops.append((position.average * (1 - side * number(exits.stop_loss)), "stop_loss"))
    if exits.trailing_stop is not None:
        stops.append((position.peak * (1 - side * number(exits.trailing_stop)), "trailing_stop"))
    # The nearer level is met first: the higher one of a long, the lower one of a short.
    stop, reason = max(stops, key=lambda s: side * s[0]) if stops else (None, "")
    if exits.take_profit is None:
        return stop, reason, None
    return stop, reason, position.average * (1 + side * number(exits.take_profit))


def _fire(
    book: Book, instrument: Instrument, reason: str, reference: Decimal, moment: Moment
) -> None:
    """Sell (or cover) all that can be sold now; block and cancel whatever comes of it."""
    account, symbol = book.account, instrument.symbol
    if moment.at_close:
        book.exited.add(symbol)
    book.blocked.add(symbol)
    book.end(symbol, "cancelled", moment.time)
    position = account.positions[symbol]
    side = -1 if position.shares > 0 else 1
    quantity = abs(position.shares)
    if side < 0 and account.rules(moment).t_plus_one:
        free = max(quantity - account.bought.get(symbol, ZERO), ZERO)
        if free < quantity:
            account.seen["deferred"] += 1
            position.deferred = reason
        quantity = free
    if account.limit_locked(instrument, moment, side, reference):
        account.seen["exit_limit"] += 1
        return
    capped = account.capped(instrument, moment, quantity, is_exit=True)
    account.seen["exit_capped"] += capped < quantity
    if capped > 0:
        sale = Trade(None, instrument, capped, reference, reference, side)
        sale.price = account.fill_price(sale, moment, account.estimates(symbol))
        account.used[symbol] = account.used.get(symbol, ZERO) + capped
        account.book(moment, sale, capped, reason, None)

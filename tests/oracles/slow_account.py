"""The account of the slow simulator: marks, capacity, fill prices, buying power, booked fills."""

from __future__ import annotations

from calendar import monthrange
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from tests.oracles.slow_money import Moment, Money
from tests.oracles.slow_tables import (
    NUDGE,
    ONE,
    ZERO,
    Bar,
    DayRules,
    Instrument,
    Tables,
    World,
    fees_of,
    limit_locked,
    lot_in,
    number,
    tick_of,
    to_lots,
    to_tick,
)

HISTORY, ENOUGH = 20, 10  # sessions behind sigma and V, and the fewest that give an estimate
SCALINGS = 20
TOLERANCE = Decimal("1e-9")  # of the money available, at least one unit's
# A fraction of a share can come out as 1e-30 where the contract means none (a position resized to
# itself, cash scaled to nothing): below this share of the order's own size it is none.
DUST = Decimal("1e-9")


@dataclass
class Order:
    """What a decision asked for. ``shares`` is as decided, ``remaining`` follows splits."""

    decided: datetime
    symbol: str
    reason: str
    shares: Decimal = ZERO
    remaining: Decimal = ZERO
    wanted: Decimal = ZERO  # before lots
    filled: Decimal = ZERO
    status: str = "pending"
    resolved: datetime | None = None
    is_exit: bool = False
    is_offer: bool = False
    weight: Decimal | None = None  # sized at the fill only
    is_sized: bool = True  # False for what waits for a fill event to be sized at
    sigma: Decimal | None = None  # as known at the decision
    volume: Decimal | None = None


@dataclass
class Fill:
    """One execution; fees in the instrument's currency, fx_cost in the portfolio's."""

    decided: datetime | None
    filled: datetime
    symbol: str
    shares: Decimal
    reference: Decimal
    price: Decimal
    fees: dict[str, Decimal]
    fx: Decimal
    fx_cost: Decimal = ZERO
    reason: str = ""


@dataclass
class Position:
    """One holding; ``entered`` is the ordinal of its first own session."""

    shares: Decimal
    average: Decimal
    peak: Decimal
    entered: int
    entered_at_close: bool
    deferred: str | None = None  # reason of an exit that T+1 put off


@dataclass
class Trade:
    """One side of one event's fills, as far as the bar lets it."""

    order: Order | None
    instrument: Instrument
    quantity: Decimal  # absolute
    reference: Decimal
    price: Decimal
    side: int = 1
    asked: Decimal = ZERO
    covered: Decimal = ZERO  # the part of a buy that closes a short
    obstacle: str | None = None  # what held the rest of the order back
    offer_fee: Decimal | None = None  # subscriptions pay this fraction and nothing else


@dataclass
class Claim:
    """A dividend that went ex and is paid later; ``local`` is net of tax."""

    instrument: Instrument
    pay_date: date
    local: Decimal


@dataclass
class Account:
    """Cash, holdings and what is known of prices; everything that booking a fill needs."""

    tables: Tables
    world: World
    positions: dict[str, Position] = field(default_factory=dict)
    closes: dict[str, Decimal] = field(default_factory=dict)  # last close, actions applied
    traded_since: dict[str, tuple[Decimal, Decimal]] = field(default_factory=dict)  # of a return
    seen_last: dict[str, date] = field(default_factory=dict)  # day of the last bar
    left: dict[str, Decimal] = field(default_factory=dict)  # of a mark, by halts
    claims: list[Claim] = field(default_factory=list)  # dividends to come
    previous: dict[str, Decimal] = field(default_factory=dict)  # the close before this session's
    returns: dict[str, list[Decimal]] = field(default_factory=dict)
    volumes: dict[str, list[Decimal]] = field(default_factory=dict)
    bought: dict[str, Decimal] = field(default_factory=dict)  # in the running session, for T+1
    used: dict[str, Decimal] = field(default_factory=dict)  # of the running bar's volume budget
    fills: list[Fill] = field(default_factory=list)
    lots: dict[str, Decimal] = field(default_factory=dict)  # where they are no longer the first
    today: dict[str, date] = field(default_factory=dict)  # last session begun, by exchange
    locked: Decimal = ZERO  # in applications for new listings
    seen: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.money = Money(self.tables, self.world, self.seen)

    # --- lots --------------------------------------------------------------------------------

    def _rules_today(self, exchange: str) -> DayRules:
        first = self.world.sessions[exchange][0][0]
        return self.tables.rules(exchange, self.today.get(exchange, first))

    def lot(self, instrument: Instrument) -> Decimal:
        """Return the lot in the exchange's last session that has begun."""
        step = self._rules_today(instrument.exchange).step
        return self.lots.get(instrument.symbol, instrument.lot) if step is None else step

    def is_too_small(self, instrument: Instrument, shares: Decimal) -> bool:
        """Say whether an order is below the least one, and is not all that is held."""
        least = self._rules_today(instrument.exchange).least
        return abs(shares) < least and shares != -self.held(instrument.symbol)

    def begin(self, instrument: Instrument, day: date) -> None:
        """Take the lots that an instrument's actions bring on ``day``."""
        for kind, value in self.tables.actions.get((instrument.symbol, day), []):
            if kind == "lot_size":
                self.lots[instrument.symbol] = lot_in(self.world, value)

    # --- marks -------------------------------------------------------------------------------

    def held(self, symbol: str) -> Decimal:
        position = self.positions.get(symbol)
        return ZERO if position is None else position.shares

    def mark(self, instrument: Instrument, *, after_halt: bool = True) -> Decimal:
        """Return the last close, before the first one the offer price, else the average paid.

        Sessions without a bar take their haircut, months without one all of it.
        """
        if instrument.symbol in self.closes:
            left = self.left.get(instrument.symbol, ONE) if after_halt else ONE
            return self.closes[instrument.symbol] * left
        if instrument.offer_price is not None:
            return instrument.offer_price
        return self.positions[instrument.symbol].average

    def value(self, instrument: Instrument, time: datetime) -> Decimal:
        held = self.held(instrument.symbol)
        if held == 0:
            return ZERO
        return held * self.mark(instrument) * self.tables.fx(instrument.currency, time)

    def note_halt(self, instrument: Instrument, moment: Moment) -> None:
        """After a CLOSE: what halts have left of the mark."""
        symbol, portfolio = instrument.symbol, self.world.portfolio
        if self.bar(instrument, moment) is not None:
            self.seen_last[symbol], self.left[symbol] = moment.day, ONE
        elif symbol in self.seen_last:
            self.left[symbol] *= 1 - number(portfolio.halt_haircut)
            months = portfolio.halt_writeoff_months
            if months is not None and moment.day >= _months_on(self.seen_last[symbol], months):
                self.left[symbol] = ZERO

    def receivables(self, time: datetime) -> Decimal:
        owed = (c.local * self.tables.fx(c.instrument.currency, time) for c in self.claims)
        return sum(owed, ZERO)

    def nav(self, time: datetime) -> Decimal:
        values = (self.value(i, time) for i in self.tables.instruments)
        owned = self.money.total(time) + self.locked + self.receivables(time)
        return owned + sum(values, ZERO)

    def exposure(self) -> dict[str, Decimal]:
        """Return what is held by currency, positions and cash, in that currency."""
        held = dict(self.money.balance)
        for instrument in self.tables.instruments:
            shares = self.held(instrument.symbol)
            if shares != 0:
                held[instrument.currency] += shares * self.mark(instrument)
        return held

    def short_value(self, time: datetime) -> Decimal:
        values = (self.value(i, time) for i in self.tables.instruments)
        return sum((-v for v in values if v < 0), ZERO)

    def buying_power(self, time: datetime) -> Decimal:
        cash = self.money.power(time)
        if not self.world.portfolio.short:
            return cash
        return cash - (1 + number(self.world.portfolio.margin)) * self.short_value(time)

    # --- one fill ----------------------------------------------------------------------------

    def rules(self, moment: Moment) -> DayRules:
        return self.tables.rules(moment.exchange, moment.day)

    def bar(self, instrument: Instrument, moment: Moment) -> Bar | None:
        return self.tables.bars.get((instrument.symbol, moment.day))

    def tradable(self, bar: Bar | None, moment: Moment) -> bool:
        """Say whether a bar can fill or trigger anything."""
        if bar is None:
            return False
        return bar.volume != 0 or (moment.exchange, moment.day) in self.tables.volume_missing

    def limit_locked(
        self, instrument: Instrument, moment: Moment, side: int, reference: Decimal
    ) -> bool:
        age, days = None, [row[0] for row in self.world.sessions[instrument.exchange]]
        if instrument.listed is not None and instrument.listed >= days[0]:
            age = sum(instrument.listed <= day <= moment.day for day in days) - 1
        table = self.previous if moment.at_close else self.closes
        last, offered = table.get(instrument.symbol), instrument.offer_price
        rules = self.rules(moment)
        locked = limit_locked(rules, side, reference, last, age, offered=offered)
        self.seen["first_day_band"] += locked and age == 0
        return locked

    def refused_short(
        self, instrument: Instrument, moment: Moment, reference: Decimal
    ) -> str | None:
        """Say why a share may not be sold short at a price, None where it may."""
        opens = self.world.sessions[moment.exchange][moment.ordinal][1]
        if not self.tables.may_be_short(instrument, opens):
            return "not_shortable"
        table = self.previous if moment.at_close else self.closes
        before = table.get(instrument.symbol)
        bound = self.world.portfolio.short_tick_rule and self.rules(moment).short_tick_rule
        if bound and before is not None and reference < before * (1 - NUDGE):
            return "tick_rule"
        return None

    def borrowing(self, time: datetime) -> Decimal:
        """Return what all that is short costs a year, at the rates known."""
        values = ((i, self.value(i, time)) for i in self.tables.instruments)
        return sum((-v * self.tables.borrow(i, time) for i, v in values if v < 0), ZERO)

    def capped(
        self, instrument: Instrument, moment: Moment, quantity: Decimal, *, is_exit: bool
    ) -> Decimal:
        """Return what the bar's volume leaves of a quantity."""
        execution = self.world.execution
        volume = self.tables.bars[instrument.symbol, moment.day].volume
        missing = (moment.exchange, moment.day) in self.tables.volume_missing
        if volume is None or missing or execution.sizing == "fill":
            return quantity
        budget = number(execution.max_participation) * volume
        budget -= self.used.get(instrument.symbol, ZERO)
        lot = self.lot(instrument)
        if is_exit and quantity <= budget + NUDGE * lot:
            return quantity
        return min(quantity, to_lots(max(budget, ZERO), lot))

    def estimates(self, symbol: str) -> tuple[Decimal | None, Decimal | None]:
        """Return sigma and V as known now."""
        if self.world.execution.slippage.impact == 0:
            return None, None
        sigma = volume = None
        returns = self.returns.get(symbol, [])[-HISTORY:]
        if len(returns) >= ENOUGH:
            mean = sum(returns) / len(returns)
            sigma = (sum((r - mean) ** 2 for r in returns) / (len(returns) - 1)).sqrt()
        volumes = sorted(self.volumes.get(symbol, [])[-HISTORY:])
        if len(volumes) >= ENOUGH:
            half = len(volumes) // 2
            volume = volumes[half]
            if len(volumes) % 2 == 0:
                volume = (volumes[half - 1] + volumes[half]) / 2
        return sigma, volume

    def fill_price(
        self, trade: Trade, moment: Moment, known: tuple[Decimal | None, Decimal | None]
    ) -> Decimal:
        """Return the reference after slippage (``known``: sigma, V), tick and the bar's range."""
        slippage, ticks = self.world.execution.slippage, self.rules(moment).ticks
        part, (sigma, volume) = number(slippage.bps) / 10_000, known
        if sigma is not None and volume is not None and volume > 0:
            self.seen["impact"] += 1
            part += number(slippage.impact) * sigma * (trade.quantity / volume).sqrt()
        reference, side = trade.reference, trade.side
        price = reference * (1 + side * part)
        price += side * number(slippage.ticks) * tick_of(ticks, reference)
        if price > 0:
            price = to_tick(ticks, price, side)
        bar = self.tables.bars[trade.instrument.symbol, moment.day]
        if bar.low is not None and bar.high is not None:
            inside = min(max(price, min(bar.low, reference)), max(bar.high, reference))
            self.seen["clamped"] += inside != price
            price = inside
        return max(price, ZERO) * self._odd_lot(trade, moment)

    def _odd_lot(self, sale: Trade, moment: Moment) -> Decimal:
        """Return what is paid of the price on average: the odd part of a sale goes for less."""
        odd = sale.quantity - to_lots(sale.quantity, self.lot(sale.instrument))
        discount = self.rules(moment).odd_discount
        if sale.side > 0 or discount == 0 or odd <= NUDGE * self.lot(sale.instrument):
            return ONE
        self.seen["odd_lot"] += 1
        whole = sale.quantity - odd
        return (whole + odd * (1 - discount)) / sale.quantity

    def book(
        self, moment: Moment, trade: Trade, quantity: Decimal, reason: str, decided: datetime | None
    ) -> None:
        """Fill: pay price, fees and fx cost, change the position."""
        symbol, shares = trade.instrument.symbol, trade.side * quantity
        fees, cost = self._costs(moment, trade, quantity)
        currency, money = trade.instrument.currency, self.money
        fx = self.tables.fx(currency, moment.time)
        money.book(moment, "trade", symbol, -shares * trade.price, currency=currency)
        for name, fee in fees.items():
            kind = "fee" if trade.offer_fee is None else "subscription"
            money.book(moment, kind, symbol, -fee, currency=currency, component=name)
        if money.keeps:
            cost = money.top_up(moment, currency)
        if cost:
            money.book(moment, "fx_cost", symbol, -cost)
        if trade.side < 0:
            proceeds = quantity * trade.price - sum(fees.values(), ZERO)
            money.hold_back(moment, currency, proceeds if money.keeps else proceeds * fx - cost)
        fill = Fill(decided, moment.time, symbol, shares, trade.reference, trade.price, fees, fx)
        fill.fx_cost, fill.reason = cost, reason
        self.fills.append(fill)
        self._move(moment, symbol, shares, trade.price)

    def _costs(
        self, moment: Moment, trade: Trade, quantity: Decimal
    ) -> tuple[dict[str, Decimal], Decimal]:
        """Return the fees (own currency) and the fx cost (portfolio currency) of a quantity."""
        value, kind = quantity * trade.price, trade.instrument.kind
        if trade.offer_fee is None:
            fees = fees_of(self.rules(moment), kind, trade.side, quantity, value)
        else:
            fees = {"subscription": value * trade.offer_fee}
        return fees, self.fx_cost(trade.instrument, value, moment.time)

    def fx_cost(self, instrument: Instrument, amount: Decimal, time: datetime) -> Decimal:
        """Return the cost of converting an amount in the instrument's currency, if it is."""
        if self.money.keeps or instrument.currency == self.world.portfolio.currency:
            return ZERO
        bps = number(self.world.execution.fx_cost_bps)
        return abs(amount) * self.tables.fx(instrument.currency, time) * bps / 10_000

    def _move(self, moment: Moment, symbol: str, shares: Decimal, price: Decimal) -> None:
        position = self.positions.get(symbol)
        if shares > 0:
            self.bought[symbol] = self.bought.get(symbol, ZERO) + shares
        new = Position(shares, price, price, moment.ordinal, moment.at_close)
        if position is None:
            self.positions[symbol] = new
            return
        left = position.shares + shares
        if position.shares * shares > 0:
            cost = abs(position.shares) * position.average + abs(shares) * price
            position.average = cost / abs(left)
        if left == 0:
            del self.positions[symbol]
        elif left * position.shares > 0:
            position.shares = left
        else:  # through zero: a new position at this price
            self.seen["through_zero"] += 1
            new.shares = left
            self.positions[symbol] = new

    # --- the money of an event's buys --------------------------------------------------------

    def need(self, buy: Trade, quantity: Decimal, moment: Moment) -> Decimal:
        """Return the buying power that a quantity takes; covering a short gives some back."""
        if quantity == 0:
            return ZERO
        fees, cost = self._costs(moment, buy, quantity)
        fx = self.tables.fx(buy.instrument.currency, moment.time)
        released = ZERO
        if self.world.portfolio.short and buy.covered > 0:
            margin = 1 + number(self.world.portfolio.margin)
            released = margin * min(buy.covered, quantity) * self.mark(buy.instrument) * fx
        return (quantity * buy.price + sum(fees.values(), ZERO)) * fx + cost - released

    def affordable(self, buys: list[Trade], moment: Moment) -> list[Decimal]:
        """Return each buy's quantity after scaling, then dropping, until the event's buys fit."""
        available = self.buying_power(moment.time)
        enough = available + TOLERANCE * max(ONE, abs(available))
        quantities = [buy.quantity for buy in buys]
        covered = [buy.covered for buy in buys]

        def needs(amounts: list[Decimal]) -> list[Decimal]:
            return [self.need(b, q, moment) for b, q in zip(buys, amounts, strict=True)]

        def total_of(amounts: list[Decimal]) -> Decimal:
            wanted: dict[str, Decimal] = {}
            for buy, amount in zip(buys, amounts, strict=True):
                if amount > 0:
                    fees, _ = self._costs(moment, buy, amount)
                    paid = amount * buy.price + sum(fees.values(), ZERO)
                    own = buy.instrument.currency
                    wanted[own] = wanted.get(own, ZERO) + paid
            return sum(needs(amounts), ZERO) + self.money.price_of(wanted, moment.time)

        floor = total_of(covered)
        for _ in range(SCALINGS):
            total = total_of(quantities)
            if total <= enough:
                return quantities
            free = total - floor
            factor = max(ZERO, (available - floor) / free) if free > 0 else ZERO
            for i, buy in enumerate(buys):
                part = self._scaled(factor * (quantities[i] - covered[i]), buy)
                small = self.is_too_small(buy.instrument, covered[i] + part)
                if small and buy.offer_fee is None:
                    self.seen["scaled_too_small"] += part > 0
                    part = ZERO
                quantities[i] = min(covered[i] + part, quantities[i])
        while total_of(quantities) > enough and any(quantities):
            self.seen["dropped"] += 1
            sizes = needs(quantities)
            live = [i for i, quantity in enumerate(quantities) if quantity > 0]
            smallest = min(live, key=lambda i: (sizes[i], -buys[i].instrument.place))
            quantities[smallest] = ZERO
        return quantities

    def _scaled(self, shares: Decimal, buy: Trade) -> Decimal:
        """Round a scaled quantity down to lots; fractions of next to nothing are nothing."""
        lot = self.lot(buy.instrument)
        if buy.offer_fee is not None or lot == 0:
            return shares if shares > DUST * buy.asked else ZERO
        return to_lots(shares, lot)


def _months_on(day: date, months: int) -> date:
    """Return the same day of a later month, or the last that it has."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))

"""The slow simulator's cash: by currency where it is kept, and what has not settled."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from tests.oracles.slow_tables import ONE, ZERO, Tables, World, number

DUST = Decimal("1e-9")  # of the initial cash: a debt below it is rounding


@dataclass
class Entry:
    """One change of cash; ``amount`` in the portfolio's currency, positive in."""

    time: datetime
    day: date
    kind: str
    symbol: str
    component: str
    amount: Decimal
    currency: str = ""
    local: Decimal = ZERO


@dataclass(frozen=True)
class Moment:
    """One OPEN or CLOSE of one exchange."""

    exchange: str
    ordinal: int
    day: date
    time: datetime
    at_close: bool


@dataclass
class Coming:
    """Proceeds of a sale: cash from the open of the session of that ordinal on."""

    exchange: str
    ordinal: int
    currency: str
    amount: Decimal


class Money:
    """All cash of an account; ``balance`` has one entry per currency that cash is kept in."""

    def __init__(self, tables: Tables, world: World, seen: Counter[str]) -> None:
        self.tables, self.world, self.seen = tables, world, seen
        self.home = world.portfolio.currency
        self.keeps = world.portfolio.fx == "keep"
        self.cost = number(world.execution.fx_cost_bps) / 10_000
        own = [self.home, *(i.currency for i in tables.instruments)]
        self.currencies = list(dict.fromkeys(own))
        self.balance = dict.fromkeys(self.currencies, ZERO)
        self.balance[self.home] = number(world.portfolio.cash.amount)
        self.coming: list[Coming] = []
        self.hedges: dict[str, tuple[Decimal, Decimal]] = {}  # amount sold forward, and the rate
        self.ledger: list[Entry] = []

    # --- what there is -----------------------------------------------------------------------

    def total(self, time: datetime) -> Decimal:
        return sum((b * self.tables.fx(c, time) for c, b in self.balance.items() if b), ZERO)

    def at_hand(self, currency: str) -> Decimal:
        held_back = (x.amount for x in self.coming if x.currency == currency)
        return self.balance[currency] - sum(held_back, ZERO)

    def power(self, time: datetime) -> Decimal:
        there = {c: self.at_hand(c) for c in self.currencies}
        return sum((b * self.tables.fx(c, time) for c, b in there.items() if b), ZERO)

    # --- what moves --------------------------------------------------------------------------

    def book(
        self,
        moment: Moment,
        kind: str,
        symbol: str,
        local: Decimal,
        *,
        currency: str = "",
        component: str = "",
    ) -> None:
        """Book a change of cash in a currency; where none is kept it is converted on the spot."""
        currency = currency or self.home
        amount = local * self.tables.fx(currency, moment.time)
        entry = Entry(moment.time, moment.day, kind, symbol, component, amount, currency, local)
        self.ledger.append(entry)
        if self.keeps:
            self.balance[currency] += local
        else:
            self.balance[self.home] += amount

    def convert(self, moment: Moment, source: str, target: str, worth: Decimal) -> None:
        """Turn money into another currency; ``worth`` is in the portfolio's."""
        for currency, way in ((source, -1), (target, 1)):
            local = way * worth / self.tables.fx(currency, moment.time)
            self.book(moment, "conversion", "", local, currency=currency)

    def top_up(self, moment: Moment, currency: str) -> Decimal:
        """Buy what a currency lacks; return what that costs (not booked yet)."""
        lack = -self.at_hand(currency)
        if not self.keeps or currency == self.home or lack <= 0:
            return ZERO
        self.seen["topped_up"] += 1
        worth = lack * self.tables.fx(currency, moment.time)
        self.convert(moment, self.home, currency, worth)
        return worth * self.cost

    def square(self, moment: Moment) -> None:
        """Pay a debt in the portfolio's currency with what is there of the others."""
        for currency in self.currencies[1:] if self.keeps else []:
            lack = -self.at_hand(self.home)
            there = self.at_hand(currency)
            if lack <= DUST * number(self.world.portfolio.cash.amount) or there <= 0:
                continue
            there *= self.tables.fx(currency, moment.time)
            self.seen["squared"] += 1
            worth = min(lack * (1 + self.cost), there)
            self.convert(moment, currency, self.home, worth)
            fee = worth * self.cost / (1 + self.cost)
            if fee:
                self.book(moment, "fx_cost", "", -fee)

    def price_of(self, wanted: dict[str, Decimal], time: datetime) -> Decimal:
        """Return what the conversions cost that buys of ``wanted``, by currency, need."""
        if not self.keeps:
            return ZERO
        cost, spare, home = ZERO, ZERO, wanted.get(self.home, ZERO)
        for currency in self.currencies[1:]:
            there = max(self.at_hand(currency), ZERO)
            left = there - wanted.get(currency, ZERO)
            if left == 0:
                continue
            worth = left * self.tables.fx(currency, time)
            spare += max(worth, ZERO)
            cost += max(-worth, ZERO) * self.cost
            home += max(-worth, ZERO) * (1 + self.cost)
        lack = max(home - max(self.at_hand(self.home), ZERO), ZERO)
        return cost + min(lack, spare / (1 + self.cost)) * self.cost

    # --- settlement --------------------------------------------------------------------------

    def hold_back(self, moment: Moment, currency: str, proceeds: Decimal) -> None:
        if self.world.portfolio.spend_unsettled or proceeds <= 0:
            return
        ordinal = self.tables.settles(moment.exchange, moment.ordinal)
        if ordinal > moment.ordinal:
            self.seen["held_back"] += 1
            own = currency if self.keeps else self.home
            self.coming.append(Coming(moment.exchange, ordinal, own, proceeds))

    def release(self, moment: Moment) -> None:
        due = [
            c for c in self.coming if (c.exchange, c.ordinal) == (moment.exchange, moment.ordinal)
        ]
        self.seen["settled"] += bool(due)
        self.coming = [c for c in self.coming if c not in due]
        self.square(moment)

    # --- the base CLOSE ----------------------------------------------------------------------

    def roll(self, moment: Moment, exposure: dict[str, Decimal], ahead: date | None) -> None:
        """Settle the forwards, sell those until the next base session (None: there is none)."""
        portfolio = self.world.portfolio
        share = number(portfolio.fx_hedge)
        for currency in self.currencies[1:] if share else []:
            before, forward = self.hedges.pop(currency, (ZERO, ZERO))
            if before == exposure.get(currency, ZERO) == 0:
                continue
            spot = self.tables.fx(currency, moment.time)
            if before:
                self.seen["hedged"] += 1
                self.book(moment, "hedge", "", before * (forward - spot), component=currency)
            if ahead is None:
                continue
            years = Decimal((ahead - moment.day).days) / 365
            amount = share * exposure.get(currency, ZERO)
            cost = abs(amount - before) * spot * self.cost
            cost += abs(amount) * spot * number(portfolio.fx_hedge_cost) * years
            if cost:
                self.book(moment, "hedge_cost", "", -cost, component=currency)
            rates = [self.tables.rate(c, moment.time) for c in (self.home, currency)]
            points = ONE
            if None not in rates:
                points = (1 + rates[0] * years) / (1 + rates[1] * years)
            self.hedges[currency] = (amount, spot * points)

    def revalue(self, moment: Moment) -> None:
        """Tell what the rates made of foreign cash since the last base close."""
        for currency in self.currencies[1:] if self.keeps else []:
            held = self.balance[currency]
            worth = held * self.tables.fx(currency, moment.time) if held else ZERO
            told = sum((e.amount for e in self.ledger if e.currency == currency), ZERO)
            gain = worth - told  # what the ledger has not told of it yet
            if gain:
                entry = Entry(moment.time, moment.day, "revaluation", "", "", gain, currency)
                self.ledger.append(entry)

    def give_up(self, moment: Moment) -> None:
        for currency, balance in self.balance.items():
            self.book(moment, "write_off", "", -balance, currency=currency)

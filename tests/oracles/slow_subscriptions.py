"""Applications for new listings, for the slow simulator."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import ROUND_FLOOR, Decimal
from hashlib import blake2b
from zoneinfo import ZoneInfo

from tests.oracles.slow_account import Order, Trade
from tests.oracles.slow_money import Moment
from tests.oracles.slow_orders import Book
from tests.oracles.slow_tables import ONE, ZERO, Instrument, number, to_lots

ZONES = {
    "24/7": "UTC",
    "XHKG": "Asia/Hong_Kong",
    "XNYS": "America/New_York",
    "XSHG": "Asia/Shanghai",
}
NOON = time(12)
LEAST = Decimal("1e-9")  # of what is asked for, below which nothing is applied for


@dataclass
class Application:
    """One that was made: its shares, and the money that it holds, portfolio currency."""

    order: Order
    shares: Decimal
    locked: Decimal


class Subscriptions:
    """What is applied for, by symbol, until it lists."""

    def __init__(self, book: Book) -> None:
        self.book, self.account = book, book.account
        self.tables, self.world = book.tables, book.world
        self.made: dict[str, Application] = {}
        self.rows = {i.symbol: self._row(i) for i in self.tables.instruments}

    def apply(self, row: int, now: datetime) -> None:
        """Lock the cash of what this decision applies for; cancel what came too late."""
        if self.world.execution.ipo_entry != "subscribe" or not self.world.rebalance[row]:
            return
        day = self.world.sessions[self.world.base][row][0]
        if self.account.nav(now) > 0:
            for symbol, made in self.made.items():
                if self.book.weights.get((day, symbol)) == 0 and symbol not in self.book.pending:
                    self.account.seen["sold_unseen"] += 1
                    leave = Order(now, symbol, "signal", -made.shares, is_exit=True)
                    self.book.orders.append(leave)
                    self.book.pending[symbol] = leave
        asked = []
        for instrument in self.tables.instruments:
            order = self.book.pending.get(instrument.symbol)
            if order is None or order.is_exit:
                continue
            if instrument.symbol in self.made:
                self.account.seen["too_late"] += 1
                self.book.end(instrument.symbol, "cancelled", now)
            elif self.rows[instrument.symbol] == row and order.remaining > 0:
                if self._odds(instrument) is None:
                    self.book.end(instrument.symbol, "no_price", now)
                else:
                    asked.append((instrument, order))
        self._lock(asked, now)

    def _lock(self, asked: list[tuple[Instrument, Order]], now: datetime) -> None:
        lent = number(self._settings.financed) if self._retail else ZERO
        wanted = {o.symbol: o.wanted / (1 - lent) for _, o in asked}
        need = sum((self._own(i, wanted[o.symbol] * self._part(i), now) for i, o in asked), ZERO)
        dues = sum((self._handling * self.tables.fx(i.currency, now) for i, _ in asked), ZERO)
        there = max(self.account.buying_power(now), ZERO)
        part = (there - dues) / need if need + dues > there else ONE
        for instrument, order in asked:
            shares = to_lots(part * wanted[order.symbol], self.account.lot(instrument))
            if part <= LEAST or shares == 0:
                self.book.end(order.symbol, "lapsed" if part == 1 else "cash_scaled", now)
                continue
            self.account.seen["applied_scaled" if part < 1 else "applied"] += 1
            fee = self._handling * self.tables.fx(instrument.currency, now)
            lot = self.account.lot(instrument)
            sought = shares if self._retail else to_lots(shares * self._part(instrument), lot)
            cost = self._own(instrument, sought, now)
            moment = Moment(instrument.exchange, -1, now.date(), now, at_close=False)
            self._pay(moment, "application", instrument, -cost)
            if fee:
                self._pay(moment, "handling_fee", instrument, -fee)
            order.shares = shares
            self.account.locked += cost
            self.book.applied_for.add(order.symbol)
            self.made[order.symbol] = Application(order, shares, cost)
            self.book.end(order.symbol, "lapsed", now)

    def allot(self, moment: Moment) -> None:
        """Give the cash of a session's listings back, and book what they allot."""
        for instrument in self.tables.by_exchange[moment.exchange]:
            made = self.made.get(instrument.symbol)
            if made is None or self.tables.listing(instrument) != moment.day:
                continue
            del self.made[instrument.symbol]
            self._refund(moment, instrument, made)
            self._interest(instrument, made.shares, moment)
            shares, order = self._allotted(instrument, made.shares), made.order
            if shares > 0:
                self.account.seen["allotted"] += 1
                price = instrument.offer_price
                trade = Trade(
                    order, instrument, shares, price, price, offer_fee=self._fee(instrument)
                )
                self.account.book(moment, trade, shares, "offer", order.decided)
            order.filled, order.resolved = shares, moment.time
            order.status = "filled" if shares >= made.shares else "partial" if shares else "lapsed"
            self.account.seen["allotted_none"] += shares == 0
            leave = self.book.pending.get(instrument.symbol)
            if shares == 0 and leave is not None and leave.is_exit:
                self.book.end(instrument.symbol, "lapsed", moment.time)

    def release(self, moment: Moment) -> None:
        """Give everything back: the account is bankrupt."""
        for instrument in self.tables.instruments:
            if instrument.symbol in self.made:
                self.account.seen["ruined_applying"] += 1
                self._refund(moment, instrument, self.made.pop(instrument.symbol))

    # --- one application ---------------------------------------------------------------------

    def _pay(self, moment: Moment, kind: str, instrument: Instrument, amount: Decimal) -> None:
        """Book an amount of the portfolio's currency."""
        local = amount / self.tables.fx(instrument.currency, moment.time)
        money, currency = self.account.money, instrument.currency
        money.book(moment, kind, instrument.symbol, local, currency=currency)

    def _refund(self, moment: Moment, instrument: Instrument, made: Application) -> None:
        self._pay(moment, "refund", instrument, made.locked)
        self.account.locked -= made.locked
        self.book.applied_for.discard(instrument.symbol)

    @property
    def _settings(self):
        return self.world.execution.ipo

    @property
    def _retail(self) -> bool:
        return self._settings.account == "retail"

    @property
    def _handling(self) -> Decimal:
        return number(self._settings.handling_fee) if self._retail else ZERO

    def _part(self, instrument: Instrument) -> Decimal:
        """Return the part of an application that cash is locked for."""
        return ONE if self._retail else self._odds(instrument)

    def _own(self, instrument: Instrument, shares: Decimal, now: datetime) -> Decimal:
        """Return the account's own money for shares at the offer, no broker's fee in it."""
        own = 1 - number(self._settings.financed) if self._retail else ONE
        amount = shares * instrument.offer_price * (1 + self._fee(instrument)) * own
        return amount * self.tables.fx(instrument.currency, now)

    def _interest(self, instrument: Instrument, shares: Decimal, moment: Moment) -> None:
        lent = number(self._settings.financed) if self._retail else ZERO
        owed = shares * instrument.offer_price * (1 + self._fee(instrument)) * lent
        days, listed = self._days(instrument)
        closes, refunds = days[max(listed - self._notice(instrument), 0)], days[listed - 1]
        interest = owed * number(self._settings.rate) * (refunds - closes).days / 365
        if interest:
            self.account.seen["loan"] += 1
            fx = self.tables.fx(instrument.currency, moment.time)
            self._pay(moment, "loan_interest", instrument, -interest * fx)

    def _odds(self, instrument: Instrument) -> Decimal | None:
        """Return the share that is allotted pro rata."""
        if not self._retail:
            return number(self._settings.placed)
        if instrument.oversubscription is not None:
            covered = instrument.oversubscription
            return min(ONE, ONE / covered) if covered > 0 else ONE
        return None if instrument.one_lot is None else instrument.one_lot**2

    def _allotted(self, instrument: Instrument, shares: Decimal) -> Decimal:
        odds, lot = self._odds(instrument), self.account.lot(instrument)
        if not self._retail or lot == 0:
            return to_lots(shares * odds, lot)
        chance = odds.sqrt() if instrument.one_lot is None else instrument.one_lot
        lots = shares / lot
        expected = min(lots, max(chance * lots.sqrt(), odds * lots))
        if self._settings.allotment == "expectation":
            return expected * lot
        self.account.seen["drawn"] += 1
        sure = (expected + LEAST).to_integral_value(ROUND_FLOOR)
        seed = f"{self._settings.seed}:{instrument.symbol}"
        drawn = int.from_bytes(blake2b(seed.encode(), digest_size=8).digest(), "big")
        return (sure + (1 if Decimal(drawn) / 2**64 < expected - sure else 0)) * lot

    # --- its days ----------------------------------------------------------------------------

    def _terms(self, instrument: Instrument):
        rules = [r for r in self.world.rules.get(instrument.exchange, []) if r["rule"] == "ipo"]
        listed = self.tables.listing(instrument)
        before = [r for r in rules if r["from"] <= listed]
        ordered = sorted(before or rules, key=lambda rule: rule["from"])
        return (ordered[-1] if before else ordered[0]) if ordered else None

    def _fee(self, instrument: Instrument) -> Decimal:
        terms = self._terms(instrument)
        return ZERO if terms is None else number(terms["fee"])

    def _notice(self, instrument: Instrument) -> int:
        terms = self._terms(instrument)
        return 1 if terms is None else terms.get("close_sessions", 5)

    def _days(self, instrument: Instrument) -> tuple[list[date], int]:
        days = [row[0] for row in self.world.sessions[instrument.exchange]]
        return days, sum(day < instrument.listed for day in days)

    def _row(self, instrument: Instrument) -> int | None:
        """Return the row of the last decision before noon of the day applications close."""
        if instrument.listed is None:
            return None
        days, listed = self._days(instrument)
        if not 0 < listed < len(days):
            return None
        closes = days[max(listed - self._notice(instrument), 0)]
        noon = datetime.combine(closes, NOON, ZoneInfo(ZONES[instrument.exchange]))
        before = [row for row, when in self._decisions() if when <= noon]
        return before[-1] if before else None

    def _decisions(self) -> list[tuple[int, datetime]]:
        found = []
        for row, (_, opens, closes) in enumerate(self.world.sessions[self.world.base]):
            after = closes + timedelta(minutes=self.world.close_known_after)
            when = opens - timedelta(minutes=30) if self.world.decide == "before_open" else after
            found.append((row, when))
        return found

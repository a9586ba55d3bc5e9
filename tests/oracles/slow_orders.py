"""Weights to orders, orders to fills, for the slow simulator."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from tests.oracles.slow_account import DUST, Account, Order, Trade
from tests.oracles.slow_money import Moment
from tests.oracles.slow_tables import NUDGE, ONE, ZERO, Bar, Instrument, exact, number, to_lots

UNDONE = ("replaced", "cancelled", "lapsed")  # endings that are `partial` when something was filled


class Book:
    """Pending orders, and the instruments that an exit rule has blocked."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.tables, self.world = account.tables, account.world
        self.orders: list[Order] = []  # every one ever made, in order
        self.pending: dict[str, Order] = {}
        self.blocked: set[str] = set()
        self.exited: set[str] = set()  # an exit has fired within the bar
        self.applied_for: set[str] = set()  # new listings, until they list
        self.weights = {
            (stamp.date(), symbol): exact(weight)
            for symbol in self.world.weights.columns
            for stamp, weight in self.world.weights[symbol].items()
        }

    # --- decisions ---------------------------------------------------------------------------

    def decide(self, row: int, time: datetime) -> None:
        """Turn a row of weights into orders."""
        if not self.world.rebalance[row]:
            return
        day = self.world.sessions[self.world.base][row][0]
        nav = self.account.nav(time)
        at_fill = self.world.execution.sizing == "fill"
        if nav <= 0 and not at_fill:
            self.account.seen["decision_without_nav"] += 1
            return
        for instrument in self.tables.instruments:
            symbol = instrument.symbol
            weight = self.weights.get((day, symbol))
            if weight == 0:
                self.blocked.discard(symbol)
            busy = self.account.held(symbol) != 0 or symbol in self.pending
            if not self.world.universe[symbol][row] and busy:
                order = self.pending.get(symbol)
                is_leaving = order is not None and order.is_exit and order.is_sized
                if weight == 0 or not is_leaving:
                    self._send_exit(symbol, "universe", time)
            elif weight is None:
                continue
            elif weight == 0:
                self._send_exit(symbol, "signal", time)
            else:
                self.end(symbol, "replaced", time)
                if at_fill:
                    self._send(Order(time, symbol, "signal", weight=weight))
                else:
                    self._size(instrument, weight, nav, time)

    def end(self, symbol: str, status: str, time: datetime) -> None:
        """Take the pending order of a symbol, if any, off the book."""
        order = self.pending.pop(symbol, None)
        if order is not None:
            undone = status in UNDONE and order.filled != 0
            order.status, order.resolved = "partial" if undone else status, time

    def _send(self, order: Order) -> None:
        order.sigma, order.volume = self.account.estimates(order.symbol)
        order.is_sized = self.world.execution.sizing == "decision"
        self.orders.append(order)
        self.pending[order.symbol] = order

    def _refuse(self, order: Order, status: str) -> None:
        order.status, order.resolved = status, order.decided
        self.orders.append(order)

    def _send_exit(self, symbol: str, reason: str, time: datetime) -> None:
        """Ask for all that will be held at the fill."""
        self.end(symbol, "replaced", time)
        held = self.account.held(symbol)
        if held != 0:
            self._send(Order(time, symbol, reason, -held, remaining=-held, is_exit=True))

    def _size(self, instrument: Instrument, weight: Decimal, nav: Decimal, time: datetime) -> None:
        """Size on what is known at the decision."""
        account, symbol = self.account, instrument.symbol
        order = Order(time, symbol, "signal")
        price = account.closes.get(symbol, self._new_price(instrument))
        if price is None or price <= 0:
            self._refuse(order, "no_price")
            return
        worth = price * self.tables.fx(instrument.currency, time)
        held = account.held(symbol)
        wanted = weight * nav / worth
        order.shares = order.remaining = self._order_shares(wanted, held, instrument)
        order.wanted = wanted - held
        if self._subscribes(instrument, weight, time):
            order.is_offer, order.remaining = True, wanted
        if order.shares == 0:
            return
        if abs(order.shares * worth) / nav < number(self.world.portfolio.band):
            account.seen["band"] += 1
            return
        if symbol in self.blocked and abs(held + order.shares) > abs(held):
            self._refuse(order, "blocked_exit")
            return
        self._send(order)

    def _new_price(self, instrument: Instrument) -> Decimal | None:
        """Return the offer price of what was listed within the world's sessions."""
        first = self.world.sessions[instrument.exchange][0][0]
        is_new = instrument.listed is not None and instrument.listed >= first
        return instrument.offer_price if is_new else None

    def _subscribes(self, instrument: Instrument, weight: Decimal, time: datetime) -> bool:
        """Say whether a decision still comes before the OPEN of the listing session."""
        if self.world.execution.ipo_entry != "offer" or weight < 0:
            return False
        if instrument.symbol in self.account.closes:
            return False
        days = self.world.sessions[instrument.exchange]
        return any(day == instrument.listed and time <= opens for day, opens, _ in days)

    # --- fills -------------------------------------------------------------------------------

    def allot(self, moment: Moment) -> None:
        """Fill the subscriptions of a listing day before its trading; no bar is needed."""
        buys = []
        ipo = self.account.rules(moment).ipo
        fee, factor = (number(ipo[k]) for k in ("fee", "factor")) if ipo else (ZERO, ONE)
        for instrument in self.tables.by_exchange[moment.exchange]:
            order, price = self.pending.get(instrument.symbol), instrument.offer_price
            if order is None or not order.is_offer:
                continue
            if price is None or instrument.oversubscription is None:
                self.end(instrument.symbol, "no_price", moment.time)
                continue
            order.remaining /= max(ONE, instrument.oversubscription * factor)
            offer = Trade(order, instrument, order.remaining, price, price, offer_fee=fee)
            offer.asked = order.remaining
            buys.append(offer)
        quantities = self.account.affordable(buys, moment)
        for buy, quantity in zip(buys, quantities, strict=True):
            order = buy.order
            if quantity > 0:
                self.account.seen["offer"] += 1
                self.account.book(moment, buy, quantity, "offer", order.decided)
            order.filled, order.remaining = quantity, order.remaining - quantity
            status = "cash_scaled" if order.remaining else "filled"
            self.account.seen["offer_scaled"] += status == "cash_scaled"
            self.end(buy.instrument.symbol, status, moment.time)
        self.account.money.square(moment)

    def trade(self, moment: Moment) -> None:
        """Fill what fills at this event; what lists in its session may have a time of its own."""
        execution, columns = self.world.execution, self.tables.by_exchange[moment.exchange]
        now, day = "close" if moment.at_close else "open", execution.ipo.first_day
        if day == "fill":
            if execution.fill == now:
                self.fill(moment, columns)
            return
        new = [i for i in columns if self.tables.listing(i) == moment.day]
        if execution.fill == now:
            self.fill(moment, [i for i in columns if i not in new])
        if (day == "open") == (now == "open"):
            self.account.seen["first_day"] += any(i.symbol in self.pending for i in new)
            self.fill(moment, new, first_day=True)

    def fill(self, moment: Moment, columns: list[Instrument], *, first_day: bool = False) -> None:
        """Fill what waits for this event: sells, then buys, both in column order."""
        if self.world.execution.sizing == "fill":
            self._size_at_fill(columns, moment)
        waiting = [(i, self._side(i.symbol)) for i in columns if i.symbol in self.pending]
        for instrument, side in waiting:
            if side < 0:
                sale = self._prepare(instrument, side, moment, first_day=first_day)
                self._settle(sale, sale.quantity, moment)
            elif side == 0 and instrument.symbol not in self.applied_for:  # nothing left to sell
                self.end(instrument.symbol, "lapsed", moment.time)
        self.account.money.square(moment)
        buys = [
            self._prepare(i, side, moment, first_day=first_day) for i, side in waiting if side > 0
        ]
        quantities = self.account.affordable(buys, moment)
        for buy, quantity in zip(buys, quantities, strict=True):
            if quantity < buy.quantity:
                buy.obstacle = "cash_scaled"
            self._settle(buy, quantity, moment)
        self.account.money.square(moment)

    def _side(self, symbol: str) -> int:
        order = self.pending[symbol]
        shares = -self.account.held(symbol) if order.is_exit else order.remaining
        return (shares > 0) - (shares < 0)

    def _reference(self, bar: Bar | None, moment: Moment) -> Decimal | None:
        if bar is None:
            return None
        return bar.close if moment.at_close else bar.open

    def _typical(self, bar: Bar | None) -> Decimal | None:
        if bar is None or bar.high is None or bar.low is None:
            return None
        return (bar.high + bar.low + bar.close) / 3

    def _first_day_cap(self, bar: Bar, moment: Moment, instrument: Instrument) -> Decimal | None:
        """Return the most that an order of a listing session takes; None is no limit."""
        part = self.world.execution.ipo.first_day_participation
        missing = (moment.exchange, moment.day) in self.tables.volume_missing
        return None if part is None or bar.volume is None or missing else number(part) * bar.volume

    def _prepare(
        self, instrument: Instrument, side: int, moment: Moment, *, first_day: bool
    ) -> Trade:
        """Price an order, as far as bar, limit, T+1 and volume let it fill."""
        account, order = self.account, self.pending[instrument.symbol]
        bar = account.bar(instrument, moment)
        reference = self._reference(bar, moment)
        if first_day and self.world.execution.ipo.first_day == "typical":
            reference = self._typical(bar) or reference
        trade = Trade(order, instrument, ZERO, ZERO, ZERO, side, obstacle="lapsed")
        if reference is None or not account.tradable(bar, moment):
            return trade
        if account.limit_locked(instrument, moment, side, reference):
            trade.obstacle = "limit"
            return trade
        held = account.held(instrument.symbol)
        quantity, trade.obstacle = abs(held if order.is_exit else order.remaining), None
        trade.asked = quantity
        most = self._first_day_cap(bar, moment, instrument) if first_day else None
        if most is not None and quantity > most:
            account.seen["first_day_capped"] += 1
            quantity, trade.obstacle = to_lots(most, account.lot(instrument)), "capped"
        if side < 0 < held and account.rules(moment).t_plus_one:
            free = max(held - account.bought.get(instrument.symbol, ZERO), ZERO)
            if free < quantity:
                quantity, trade.obstacle = free, "limit"
        if side < 0 and quantity > max(held, ZERO):
            refusal = account.refused_short(instrument, moment, reference)
            if refusal is not None:
                lot = account.lot(instrument)
                lots = to_lots(max(held, ZERO), lot)
                is_whole = abs(held - lots) <= NUDGE * lot  # to the last bit of a float
                quantity, trade.obstacle = held if is_whole else lots, refusal
        capped = account.capped(instrument, moment, quantity, is_exit=order.is_exit)
        if capped < quantity:
            quantity, trade.obstacle = capped, "capped"
        small = not order.is_exit and account.is_too_small(instrument, order.remaining)
        if quantity > 0 and small:
            account.seen["rest_too_small"] += 1
            trade.obstacle = "lapsed"
        elif quantity > 0:
            trade.quantity, trade.reference = quantity, reference
            trade.covered = min(max(-held, ZERO), quantity) if side > 0 else ZERO
            trade.price = account.fill_price(trade, moment, (order.sigma, order.volume))
        return trade

    def _settle(self, trade: Trade, quantity: Decimal, moment: Moment) -> None:
        """Book what is filled; the rest is carried or ends as what held it back."""
        account, order, symbol = self.account, trade.order, trade.instrument.symbol
        if quantity > 0:
            account.used[symbol] = account.used.get(symbol, ZERO) + quantity
            account.seen["cover"] += trade.covered > 0
            account.book(moment, trade, quantity, order.reason, order.decided)
            account.seen["short"] += account.held(symbol) < 0
            order.filled += trade.side * quantity
            order.remaining -= trade.side * quantity
        left = account.held(symbol) if order.is_exit else order.remaining
        if left == 0:
            self.end(symbol, "filled", moment.time)
        elif self.world.execution.unfilled == "lapse":
            self.end(symbol, trade.obstacle or "lapsed", moment.time)
        else:
            account.seen[f"carried_{trade.obstacle}"] += 1

    def _size_at_fill(self, columns: list[Instrument], moment: Moment) -> None:
        """Size every waiting weight once, on the event's own prices."""
        account, references = self.account, {}
        for instrument in columns:
            reference = self._reference(account.bar(instrument, moment), moment)
            if reference is not None:
                references[instrument.symbol] = reference
        nav = account.money.total(moment.time) + account.receivables(moment.time)
        for instrument in self.tables.instruments:
            held = account.held(instrument.symbol)
            if held != 0:
                price = references.get(instrument.symbol) or account.mark(instrument)
                nav += held * price * self.tables.fx(instrument.currency, moment.time)
        for instrument in columns:
            symbol, order = instrument.symbol, self.pending.get(instrument.symbol)
            if order is None:
                continue
            order.is_sized = True
            if order.is_exit:
                order.shares = order.remaining = -account.held(symbol)
            if nav <= 0 or (order.is_exit and order.shares == 0):
                self.end(symbol, "none", moment.time)
                continue
            if order.is_exit:
                continue
            order.weight, weight = None, order.weight
            price = references.get(symbol, account.closes.get(symbol))
            if price is None or price <= 0:
                self.end(symbol, "no_price", moment.time)
                continue
            worth = price * self.tables.fx(instrument.currency, moment.time)
            wanted = weight * nav / worth
            order.shares = self._order_shares(wanted, account.held(symbol), instrument)
            order.remaining = order.shares
            share = abs(order.shares * worth) / nav
            if order.shares == 0 or share < number(self.world.portfolio.band):
                self.end(symbol, "none", moment.time)

    def _order_shares(self, target: Decimal, held: Decimal, instrument: Instrument) -> Decimal:
        """Return wanted minus held, both rounded toward zero to lots; none below the least."""
        lot = self.account.lot(instrument)
        wanted = to_lots(target, lot)
        shares = to_lots(wanted - held, lot)
        if abs(shares) <= DUST * max(abs(wanted), abs(held)):
            return ZERO
        if self.account.is_too_small(instrument, shares):
            self.account.seen["too_small"] += 1
            return ZERO
        return shares

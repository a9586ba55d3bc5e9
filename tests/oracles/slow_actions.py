"""Corporate actions beyond splits and cash at once, for the slow simulator."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from tests.oracles.slow_account import Claim, Fill, Position
from tests.oracles.slow_money import Moment
from tests.oracles.slow_tables import ONE, ZERO, Instrument, day_of, exact, number, to_lots

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.oracles.slow_orders import Book

    Receive = Callable[..., None]

LATER = ("scrip", "in_kind", "rights", "open_offer", "takeover", "ticker_change")


@dataclass
class Deal:
    """One row of the actions table that is no split and no cash at once."""

    kind: str
    instrument: Instrument
    day: date
    value: Decimal
    price: Decimal | None
    target: Instrument | None
    pay_date: date | None


class Deals:
    """What the later kinds of action do, in the order of an OPEN."""

    def __init__(self, book: Book, receive: Receive) -> None:
        self.receive = receive  # cash that is no trade's
        self.book, self.account = book, book.account
        self.tables, self.world = book.tables, book.world
        self.rows = list(self._read())

    def _read(self):
        table = self.world.actions
        if "pay_date" not in table:
            return
        by_symbol = {i.symbol: i for i in self.tables.instruments}
        for row in table.to_dict("records"):
            paid = day_of(row["pay_date"])
            if row["kind"] in LATER or (row["kind"] == "dividend" and paid is not None):
                yield Deal(
                    row["kind"],
                    by_symbol[row["symbol"]],
                    day_of(row["ex_session"]),
                    number(row["value"]),
                    exact(row["price"]),
                    by_symbol.get(row["symbol_to"]),
                    paid,
                )

    def is_late(self, symbol: str, day: date) -> bool:
        """Say whether the dividend of a day is paid in a later session."""
        return any(
            d.kind == "dividend" and d.instrument.symbol == symbol and d.day == day
            and self._is_later(d)
            for d in self.rows
        )  # fmt: skip

    def _is_later(self, deal: Deal) -> bool:
        days = [row[0] for row in self.world.sessions[deal.instrument.exchange]]
        first = min((d for d in days if d >= deal.pay_date), default=date.max)
        return first > deal.day

    def _today(self, moment: Moment, *kinds: str) -> list[Deal]:
        mine = [
            d
            for d in self.rows
            if d.kind in kinds and d.day == moment.day and d.instrument.exchange == moment.exchange
        ]
        return sorted(mine, key=lambda d: (kinds.index(d.kind), d.instrument.place))

    # --- what happens to prices --------------------------------------------------------------

    def ex_rights(self, moment: Moment) -> None:
        """Lower last closes to the theoretical price, with the levels of exit rules."""
        account = self.account
        for deal in self._today(moment, "rights", "open_offer"):
            symbol, close = deal.instrument.symbol, account.closes.get(deal.instrument.symbol)
            if close is None or close <= deal.price:
                continue
            after = (close + deal.value * deal.price) / (1 + deal.value)
            account.closes[symbol] = after
            price, dividends = account.traded_since[symbol]
            account.traded_since[symbol] = (_ex(price, deal), dividends)
            position = account.positions.get(symbol)
            if position is not None:
                position.average *= after / close
                position.peak *= after / close

    def lower(self, moment: Moment) -> None:
        """Take scrip and gifts out of last closes; set those that a deal fixes."""
        account = self.account
        for deal in self._today(moment, "scrip", "in_kind"):
            worth = deal.value
            if deal.kind == "in_kind":
                worth *= self.worth(deal, moment)
            symbol = deal.instrument.symbol
            if symbol in account.closes:
                account.closes[symbol] = max(account.closes[symbol] - worth, ZERO)
                price, dividends = account.traded_since[symbol]
                account.traded_since[symbol] = (price, dividends + worth)
        for deal in self._today(moment, "takeover"):
            account.closes[deal.instrument.symbol] = deal.value
        for deal in self._today(moment, "ticker_change"):
            last = account.closes.get(deal.instrument.symbol)
            if last is not None and deal.target.symbol not in account.closes:
                account.closes[deal.target.symbol] = last / deal.value

    def worth(self, deal: Deal, moment: Moment) -> Decimal:
        """Return what a share that is given is worth at this OPEN."""
        bar = self.account.bar(deal.target, moment)
        if bar is not None and bar.open is not None:
            return bar.open
        last = self.account.closes.get(deal.target.symbol)
        if last is not None:
            return last
        return deal.price if deal.price is not None else ZERO

    # --- what happens to holdings ------------------------------------------------------------

    def settle(self, moment: Moment) -> None:
        """Pay what is due today, then what today's deals give."""
        self._pay(moment)
        for kinds, act in (
            (("dividend",), self._claim),
            (("scrip",), self._scrip),
            (("in_kind",), self._in_kind),
            (("rights", "open_offer"), self._rights),
            (("takeover",), self._takeover),
            (("ticker_change",), self._move),
        ):
            for deal in self._today(moment, *kinds):
                act(deal, moment)

    def _pay(self, moment: Moment) -> None:
        account = self.account
        for claim in [c for c in account.claims if c.instrument.exchange == moment.exchange]:
            if claim.pay_date <= moment.day:
                account.claims.remove(claim)
                account.seen["claim_paid"] += 1
                self.receive(moment, "dividend", claim.instrument, claim.local)

    def _net(self, deal: Deal, gross: Decimal) -> Decimal:
        keep = self.world.portfolio.withholding
        keep = keep.get(deal.instrument.exchange, 0.0) if isinstance(keep, dict) else keep
        return gross * (1 - number(keep)) if gross > 0 else gross

    def _claim(self, deal: Deal, moment: Moment) -> None:
        held = self.account.held(deal.instrument.symbol)
        if held != 0 and deal.pay_date is not None and self._is_later(deal):
            self.account.seen["claim"] += 1
            local = self._net(deal, held * deal.value)
            self.account.claims.append(Claim(deal.instrument, deal.pay_date, local))

    def _scrip(self, deal: Deal, moment: Moment) -> None:
        held = self.account.held(deal.instrument.symbol)
        if held == 0:
            return
        local = self._net(deal, held * deal.value)
        if held > 0 and self.world.portfolio.scrip == "shares":
            self.account.seen["scrip_shares"] += 1
            self.receive(moment, "dividend", deal.instrument, local, free=True)
            shares = _whole(local / deal.price, deal.instrument)
            self._receive(moment, deal.instrument, shares, deal.price, "scrip")
        elif deal.pay_date is not None and self._is_later(deal):
            self._claim(deal, moment)
        else:
            self.account.seen["scrip_cash"] += 1
            self.receive(moment, "dividend", deal.instrument, local)

    def _in_kind(self, deal: Deal, moment: Moment) -> None:
        held = self.account.held(deal.instrument.symbol)
        if held == 0:
            return
        self.account.seen["in_kind"] += 1
        price = self.worth(deal, moment)
        local = self._net(deal, held * deal.value * price)
        self.receive(moment, "in_kind", deal.instrument, local, free=True, component="income")
        shares = _whole(held * deal.value, deal.target)
        self._receive(moment, deal.target, shares, price, "in_kind")

    def _rights(self, deal: Deal, moment: Moment) -> None:
        account, how = self.account, self.world.portfolio.rights
        symbol, bar = deal.instrument.symbol, account.bar(deal.instrument, moment)
        held = account.held(symbol)
        if held == 0:
            return
        value = bar.open if bar is not None and bar.open is not None else account.closes.get(symbol)
        if value is None or value <= deal.price:
            return
        rest = held * deal.value
        if held > 0 and how == "take_up":
            fx = self.tables.fx(deal.instrument.currency, moment.time)
            abroad = deal.instrument.currency != self.world.portfolio.currency
            unit = deal.price * fx * (1 + account.money.cost * abroad)
            most = max(account.buying_power(moment.time), ZERO) / unit
            account.seen["rights_short_of_cash"] += most < rest
            taken = _whole(min(rest, most), deal.instrument)
            account.seen["rights_taken"] += taken > 0
            self._receive(moment, deal.instrument, taken, deal.price, "rights", pays=True)
            rest -= taken
        if held < 0 or (how != "lapse" and deal.kind == "rights" and rest > Decimal("1e-9")):
            account.seen["rights_owed" if held < 0 else "rights_sold"] += 1
            worth = rest * (value - deal.price)
            self.receive(moment, "rights", deal.instrument, worth, component="income")

    def _takeover(self, deal: Deal, moment: Moment) -> None:
        account, symbol = self.account, deal.instrument.symbol
        if symbol in self.book.pending and self.book.pending[symbol].is_sized:
            self.book.end(symbol, "cancelled", moment.time)
        held = account.held(symbol)
        if held == 0:
            return
        account.seen["takeover"] += 1
        fx = self.tables.fx(deal.instrument.currency, moment.time)
        self.receive(moment, "takeover", deal.instrument, held * deal.value, free=True)
        prices = (deal.value, deal.value, {}, fx, ZERO, "takeover")
        account.fills.append(Fill(moment.time, moment.time, symbol, -held, *prices))
        del account.positions[symbol]

    def _move(self, deal: Deal, moment: Moment) -> None:
        account, old, new = self.account, deal.instrument.symbol, deal.target.symbol
        position = account.positions.get(old)
        if position is not None:
            account.seen["moved"] += 1
            price = account.mark(deal.instrument) / deal.value
            shares = position.shares * deal.value
            whole = _whole(shares, deal.target)
            del account.positions[old]
            position.average /= deal.value
            position.peak /= deal.value
            other = account.positions.get(new)
            if other is not None:
                account.seen["moved_together"] += 1
                _join(account, new, other, position, whole)
            elif whole != 0:
                position.shares = whole
                account.positions[new] = position
            if shares != whole:
                rest = (shares - whole) * price
                self.receive(moment, "fraction", deal.target, rest, free=True)
        self._move_order(deal, moment)

    def _move_order(self, deal: Deal, moment: Moment) -> None:
        book, old, new = self.book, deal.instrument.symbol, deal.target.symbol
        if old in book.blocked:
            book.blocked.discard(old)
            book.blocked.add(new)
        if old not in book.pending or not book.pending[old].is_sized:
            return
        if new in book.pending:
            book.end(old, "replaced", moment.time)
            return
        self.account.seen["moved_order"] += 1
        order = book.pending.pop(old)
        book.pending[new] = order
        order.remaining = to_lots(order.remaining * deal.value, self.account.lot(deal.target))
        if order.volume is not None:
            order.volume *= deal.value
        if order.remaining == 0 and not order.is_exit:
            book.end(new, "lapsed", moment.time)

    def _receive(
        self,
        moment: Moment,
        instrument: Instrument,
        shares: Decimal,
        price: Decimal,
        why: str,
        *,
        pays: bool = False,
    ) -> None:
        """Book shares that come by right: no fees; rights leave average and peak alone."""
        if shares == 0:
            return
        account, symbol = self.account, instrument.symbol
        fx = self.tables.fx(instrument.currency, moment.time)
        self.receive(moment, why, instrument, -shares * price, free=not pays)
        fill = Fill(moment.time, moment.time, symbol, shares, price, price, {}, fx, ZERO, why)
        account.fills.append(fill)
        position = account.positions.get(symbol)
        if position is None:
            account.positions[symbol] = Position(shares, price, price, moment.ordinal, False)
        elif why == "rights":
            position.shares += shares
        else:
            bought = Position(shares, price, price, moment.ordinal, False)
            _join(account, symbol, position, bought, shares)


def _ex(price: Decimal, deal: Deal) -> Decimal:
    if price <= deal.price:
        return price
    return (price + deal.value * deal.price) / (1 + deal.value)


def _join(account, symbol: str, one: Position, two: Position, shares: Decimal) -> None:
    """Add ``shares`` at the other's average: as a trade would, through zero a new position."""
    left = one.shares + shares
    if one.shares * shares > 0:
        cost = abs(one.shares) * one.average + abs(shares) * two.average
        one.average = cost / abs(left)
    if left == 0:
        del account.positions[symbol]
    elif left * one.shares > 0:
        one.shares = left
    else:
        account.positions[symbol] = Position(left, two.average, two.average, two.entered, False)


def _whole(shares: Decimal, instrument: Instrument) -> Decimal:
    return shares if instrument.fractional else to_lots(shares, ONE)

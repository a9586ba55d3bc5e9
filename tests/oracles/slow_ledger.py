"""An independent, slow simulator: weights to fills, cash and NAV, in exact decimals."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, localcontext

from tests.oracles.slow_account import Account, Fill, Order
from tests.oracles.slow_actions import Deals
from tests.oracles.slow_currency import Walk
from tests.oracles.slow_exits import exit_at_close, exit_at_open, exit_within_bar
from tests.oracles.slow_money import Entry, Moment
from tests.oracles.slow_orders import Book
from tests.oracles.slow_subscriptions import Subscriptions
from tests.oracles.slow_tables import ONE, ZERO, Instrument, Tables, World, number, to_lots

CLOSE, NAV, DECISION, OPEN = range(4)  # the order of events at one instant
BY_RIGHT = ("delisted", "takeover", "rights", "scrip", "in_kind")  # fills that no market made
BEFORE_OPEN = timedelta(minutes=30)


@dataclass
class Row:
    """One row of the NAV table, portfolio currency; costs are positive, turnover a fraction."""

    day: date
    nav: Decimal
    cash: Decimal
    gross: Decimal
    net: Decimal
    turnover: Decimal
    fees: Decimal
    slippage: Decimal
    fx_cost: Decimal
    financing: Decimal
    local_pnl: Decimal
    fx_pnl: Decimal
    hedge_pnl: Decimal
    receivables: Decimal = ZERO


@dataclass
class SlowResult:
    """What came out; ``shares`` and ``cash`` are those after each base CLOSE."""

    nav: list[tuple[date, Decimal]]
    cash: dict[date, Decimal]
    shares: dict[tuple[date, str], Decimal]
    rows: list[Row]
    fills: list[Fill]
    orders: list[Order]
    ledger: list[Entry]
    bankrupt: date | None
    seen: Counter[str]  # what happened on the way, for counting what random worlds cover


def simulate_slow(world: World) -> SlowResult:
    """Return the account of a world, session by session."""
    with localcontext() as context:
        context.prec = 40
        return _Run(world).run()


class _Run:
    def __init__(self, world: World) -> None:
        self.world = world
        self.tables = Tables(world)
        self.account = Account(self.tables, world)
        self.columns = self.tables.instruments
        self.book = Book(self.account)
        self.subscriptions = Subscriptions(self.book)
        self.deals = Deals(self.book, self._receive)
        self.traded_since = self.account.traded_since
        self.rows: list[Row] = []
        self.shares: dict[tuple[date, str], Decimal] = {}
        self.last_base: tuple[date, datetime, dict[str, Decimal], Decimal] | None = None
        self.bankrupt: date | None = None
        self.counted = (0, 0)  # fills and ledger entries that earlier rows have told of
        self.walk = Walk(self.account)

    def run(self) -> SlowResult:
        for time, kind, exchange, row in self._timeline():
            if kind in (OPEN, CLOSE):
                day = self.world.sessions[exchange][row][0]
                moment = Moment(exchange, row, day, time, kind == CLOSE)
                (self._on_close if kind == CLOSE else self._on_open)(moment)
            elif kind == NAV:
                self._on_base_close(row, time)
            else:
                self.book.decide(row, time)
                self.subscriptions.apply(row, time)
            if self.bankrupt is not None:
                break
        for symbol in list(self.book.pending):
            self.book.end(symbol, "lapsed", time)
        self._rows_after_ruin()
        account = self.account
        nav = [(row.day, row.nav) for row in self.rows]
        cash = {row.day: row.cash for row in self.rows}
        # A weight that waited for a fill event to be sized at, and met none, was no order yet.
        orders = [o for o in self.book.orders if o.status != "none" and o.is_sized]
        return SlowResult(
            nav, cash, self.shares, self.rows, account.fills, orders, account.money.ledger,
            self.bankrupt, account.seen,
        )  # fmt: skip

    def _timeline(self) -> list[tuple[datetime, int, str, int]]:
        """Return every event up to the last base CLOSE, in order."""
        world = self.world
        events = []
        for exchange, days in world.sessions.items():
            for row, (_, opens, closes) in enumerate(days):
                events += [(opens, OPEN, exchange, row), (closes, CLOSE, exchange, row)]
        for row, _, opens, closes in world.run_sessions():
            after = closes + timedelta(minutes=world.close_known_after)
            decided = opens - BEFORE_OPEN if world.decide == "before_open" else after
            events += [(closes, NAV, world.base, row), (decided, DECISION, world.base, row)]
        events.sort()
        end = max(i for i, event in enumerate(events) if event[1] == NAV)
        return events[: end + 1]

    # --- OPEN --------------------------------------------------------------------------------

    def _on_open(self, moment: Moment) -> None:
        columns = self.tables.by_exchange[moment.exchange]
        for instrument in columns:
            self.account.bought.pop(instrument.symbol, None)
            self.account.used.pop(instrument.symbol, None)
            self.book.exited.discard(instrument.symbol)
        self.account.money.release(moment)
        self.book.allot(moment)
        self.subscriptions.allot(moment)
        before = {i.symbol: self.account.lot(i) for i in columns}
        self.account.today[moment.exchange] = moment.day
        for instrument in columns:
            self.account.begin(instrument, moment.day)
        for kind, act in (("split", self._split), ("dividend", self._dividend)):
            for instrument in columns:
                for what, value in self.tables.actions.get((instrument.symbol, moment.day), []):
                    if what == kind:
                        act(instrument, value, moment)
            if kind == "split":
                self.deals.ex_rights(moment)
        self.deals.lower(moment)
        self.deals.settle(moment)
        for instrument in columns:
            if self.account.lot(instrument) != before[instrument.symbol]:
                self._cut_order(instrument, moment)
        if (moment.exchange, moment.day) in self.world.shut:
            self.account.seen["waited"] += bool(self.book.pending)
            return
        for side in self._sides(columns):
            for instrument in side:
                exit_at_open(self.book, instrument, moment)
            self.account.money.square(moment)
        self.book.trade(moment)

    def _split(self, instrument: Instrument, ratio: Decimal, moment: Moment) -> None:
        """Multiply shares and orders, divide prices; pay the fraction."""
        account, symbol = self.account, instrument.symbol
        if symbol in account.closes:
            account.closes[symbol] /= ratio
        if symbol in self.traded_since:
            price, dividends = self.traded_since[symbol]
            self.traded_since[symbol] = (price / ratio, dividends / ratio)
        account.volumes[symbol] = [v * ratio for v in account.volumes.get(symbol, [])]
        position = account.positions.get(symbol)
        if position is not None:
            account.seen["split_held"] += 1
            position.average /= ratio
            position.peak /= ratio
            shares = position.shares * ratio
            position.shares = shares if instrument.fractional else to_lots(shares, ONE)
            fraction = shares - position.shares
            if fraction != 0:
                account.seen["fraction"] += 1
                bar = account.bar(instrument, moment)
                price = bar.open if bar is not None and bar.open is not None else None
                price = account.mark(instrument, after_halt=False) if price is None else price
                self._receive(moment, "fraction", instrument, fraction * price, free=True)
            if position.shares == 0:
                del account.positions[symbol]
                if symbol in self.book.pending and self.book.pending[symbol].is_exit:
                    self.book.end(symbol, "lapsed", moment.time)
        order = self.book.pending.get(symbol)
        if order is not None and order.volume is not None:  # in the shares that the order is in
            order.volume *= ratio
        if order is not None and order.weight is None:
            account.seen["split_pending"] += 1
            order.remaining = to_lots(order.remaining * ratio, account.lot(instrument))
            if order.remaining == 0 and not order.is_exit:
                self.book.end(symbol, "lapsed", moment.time)

    def _cut_order(self, instrument: Instrument, moment: Moment) -> None:
        """Cut a pending order to lots of another size."""
        self.account.seen["new_lot"] += 1
        order = self.book.pending.get(instrument.symbol)
        if order is None or order.is_exit or order.is_offer or order.weight is not None:
            return
        cut = to_lots(order.remaining, self.account.lot(instrument))
        self.account.seen["new_lot_cut"] += cut != order.remaining
        order.remaining = cut
        if order.remaining == 0:
            self.book.end(instrument.symbol, "lapsed", moment.time)

    def _dividend(self, instrument: Instrument, gross: Decimal, moment: Moment) -> None:
        """Credit the net dividend and lower the last close by the gross one."""
        account, symbol = self.account, instrument.symbol
        if symbol in self.traded_since:
            price, dividends = self.traded_since[symbol]
            self.traded_since[symbol] = (price, dividends + gross)
        if symbol in account.closes:
            account.closes[symbol] = max(account.closes[symbol] - gross, ZERO)
        held = account.held(symbol)
        if held == 0 or self.deals.is_late(symbol, moment.day):
            return
        account.seen["dividend_held"] += 1
        account.seen["dividend_pending"] += symbol in self.book.pending
        keep = self.world.portfolio.withholding
        keep = keep.get(instrument.exchange, 0.0) if isinstance(keep, dict) else keep
        net = held * gross * (1 - number(keep)) if held > 0 else held * gross
        self._receive(moment, "dividend", instrument, net)

    def _receive(
        self,
        moment: Moment,
        kind: str,
        instrument: Instrument,
        local: Decimal,
        *,
        free: bool = False,
        component: str = "",
    ) -> None:
        """Book cash that is no trade's; ``free`` of the cost of a conversion."""
        money, own = self.account.money, {"currency": instrument.currency, "component": component}
        money.book(moment, kind, instrument.symbol, local, **own)
        cost = money.top_up(moment, instrument.currency)
        cost += self.account.fx_cost(instrument, local, moment.time)
        if cost and not free:
            money.book(moment, "fx_cost", instrument.symbol, -cost)
        money.square(moment)

    # --- CLOSE -------------------------------------------------------------------------------

    def _on_close(self, moment: Moment) -> None:
        account = self.account
        columns = self.tables.by_exchange[moment.exchange]
        for instrument in columns:
            symbol, bar = instrument.symbol, account.bar(instrument, moment)
            if symbol in account.closes:
                account.previous[symbol] = account.closes[symbol]
            if bar is not None:
                account.closes[symbol] = bar.close
            account.note_halt(instrument, moment)
        is_shut = (moment.exchange, moment.day) in self.world.shut
        for side in self._sides(columns) if not is_shut else ():
            for instrument in side:
                exit_within_bar(self.book, instrument, moment)
                if self.world.execution.fill == "close":
                    exit_at_close(self.book, instrument, moment)
            account.money.square(moment)
        if not is_shut:
            self.book.trade(moment)
        for instrument in columns:
            self._watch(instrument, moment)
            self._remember(instrument, moment)
            self._delist(instrument, moment)

    def _sides(self, columns: list[Instrument]) -> list[list[Instrument]]:
        """Return what is sold, then what is covered, when an exit rule speaks."""
        held = [(i, self.account.held(i.symbol)) for i in columns]
        return [[i for i, h in held if h > 0], [i for i, h in held if h < 0]]

    def _watch(self, instrument: Instrument, moment: Moment) -> None:
        """Raise the peak (lower the trough) with the bar, unless entered at this very close."""
        position = self.account.positions.get(instrument.symbol)
        bar = self.account.bar(instrument, moment)
        if position is None or bar is None:
            return
        if position.entered_at_close and position.entered == moment.ordinal:
            return
        known = [price for price in (bar.open, bar.close) if price is not None]
        if position.shares > 0:
            position.peak = max(position.peak, bar.high or max(known))
        else:
            position.peak = min(position.peak, bar.low or min(known))

    def _remember(self, instrument: Instrument, moment: Moment) -> None:
        """Add the bar to what sigma and V are estimated from."""
        account, symbol = self.account, instrument.symbol
        bar = account.bar(instrument, moment)
        if bar is None:
            if symbol in self.traded_since:  # a dividend is reinvested at the price it left
                price, dividends = self.traded_since[symbol]
                self.traded_since[symbol] = (max(price - dividends, ZERO), ZERO)
            return
        if symbol in self.traded_since:
            price, dividends = self.traded_since[symbol]
            growth = (bar.close + dividends) / price - 1
            account.returns.setdefault(symbol, []).append(growth)
        self.traded_since[symbol] = (bar.close, ZERO)
        missing = (moment.exchange, moment.day) in self.tables.volume_missing
        if bar.volume is not None and not missing:
            account.volumes.setdefault(symbol, []).append(bar.volume)

    def _delist(self, instrument: Instrument, moment: Moment) -> None:
        """Pay out at the last session not after ``delisted``."""
        account, symbol = self.account, instrument.symbol
        if instrument.delisted is None:
            return
        days = [row[0] for row in self.world.sessions[instrument.exchange]]
        known = instrument.delisted <= days[-1]  # later: its last session is not in this world
        if not known or moment.day != max((d for d in days if d <= instrument.delisted), default=0):
            return
        if symbol in self.book.pending and self.book.pending[symbol].is_sized:
            self.book.end(symbol, "cancelled", moment.time)
        held = account.held(symbol)
        if held == 0:
            return
        price = self.tables.delisting_value.get(symbol)
        account.seen["delisted_by_action" if price is not None else "delisted_by_close"] += 1
        if price is None:
            price = account.closes.get(symbol, ZERO)
            price *= number(self.world.portfolio.delisting_recovery)
        fx = self.tables.fx(instrument.currency, moment.time)
        self._receive(moment, "delisting", instrument, held * price, free=True)
        account.fills.append(
            Fill(None, moment.time, symbol, -held, price, price, {}, fx, ZERO, "delisted")
        )
        del account.positions[symbol]

    # --- the base CLOSE ----------------------------------------------------------------------

    def _on_base_close(self, row: int, time: datetime) -> None:
        day = self.world.sessions[self.world.base][row][0]
        moment = Moment(self.world.base, row, day, time, at_close=True)
        account = self.account
        if self.last_base is not None:
            self._interest(moment)
        money = account.money
        money.roll(moment, account.exposure(), self._next_base(row))
        money.square(moment)
        money.revalue(moment)
        nav = account.nav(time)
        if nav <= 0:
            self.bankrupt = day
            self.subscriptions.release(moment)
            money.give_up(moment)
            for symbol in account.positions:
                self.book.end(symbol, "cancelled", time)
            account.positions.clear()
            account.claims.clear()
            nav = ZERO
        settled = {c: money.at_hand(c) for c in money.currencies}
        self.last_base = (day, time, settled, account.borrowing(time))
        for instrument in self.columns:
            self.shares[day, instrument.symbol] = account.held(instrument.symbol)
        self.rows.append(self._row(day, nav, time))

    def _next_base(self, row: int) -> date | None:
        later = [day for i, day, _, _ in self.world.run_sessions() if i > row]
        return later[0] if later else None

    def _interest(self, moment: Moment) -> None:
        """Book interest on cash and borrow on shorts since the previous base CLOSE."""
        portfolio = self.world.portfolio
        before, then, settled, borrowing = self.last_base
        years = Decimal((moment.day - before).days) / 365
        money, spread = self.account.money, number(portfolio.rate_spread)
        for currency, cash in settled.items():
            rate = self.tables.rate(currency, then)
            annual = (rate or ZERO) + spread  # what debt pays
            if cash >= 0:
                annual = ZERO if rate is None else rate - spread
            if cash * annual != 0:
                self.account.seen["debt" if cash < 0 else "earned"] += 1
                self.account.seen["earned_abroad"] += currency != money.home
                money.book(moment, "interest", "", cash * annual * years, currency=currency)
                cost = money.top_up(moment, currency)
                if cost:
                    money.book(moment, "fx_cost", "", -cost)
        borrow = borrowing * years
        if borrow != 0:
            money.book(moment, "borrow", "", -borrow)

    def _row(self, day: date, nav: Decimal, time: datetime) -> Row:
        account = self.account
        values = [account.value(i, time) for i in self.columns]
        fills, entries = account.fills[self.counted[0] :], account.money.ledger[self.counted[1] :]
        self.counted = (len(account.fills), len(account.money.ledger))
        paid = {
            kind: -sum((e.amount for e in entries if e.kind in kinds), ZERO)
            for kind, kinds in {
                "fees": ("fee", "subscription", "handling_fee"),
                "fx_cost": ("fx_cost", "hedge_cost"),
                "financing": ("interest", "borrow", "loan_interest"),
            }.items()
        }
        gains = self.walk.to_close(time, fills, entries)
        trades = [f for f in fills if f.reason not in BY_RIGHT]
        traded = sum((abs(f.shares * f.price) * f.fx for f in trades), ZERO)
        slippage = sum(((f.price - f.reference) * f.shares * f.fx for f in trades), ZERO)
        return Row(
            day,
            nav,
            account.money.total(time),
            sum((abs(v) for v in values), ZERO) / nav if nav else ZERO,
            sum(values, ZERO) / nav if nav else ZERO,
            traded / 2 / nav if nav else ZERO,
            paid["fees"],
            slippage,
            paid["fx_cost"],
            paid["financing"],
            *gains,
            account.receivables(time),
        )

    def _rows_after_ruin(self) -> None:
        told = {row.day for row in self.rows}
        for _, day, _, _ in self.world.run_sessions():
            if day not in told:
                self.rows.append(Row(day, *[ZERO] * 12))
                for instrument in self.columns:
                    self.shares[day, instrument.symbol] = ZERO

"""A world as plain dictionaries of exact decimals, with the rules in force on a day.

Every float is converted by ``Decimal(x)``, exactly: the engine under test sees the binary float,
not the decimal that someone typed, so 0.1 here is 0.1000000000000000055... there as well.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass, field
from datetime import date, datetime
from datetime import time as midnight
from decimal import ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    import pandas as pd

    from backtest.execution import Execution, Exits, Portfolio

ZERO, ONE = Decimal(0), Decimal(1)
NUDGE = Decimal("1e-9")  # of a lot, a tick or a rounding unit
STALE_DAYS = 7
ZONES = {
    "24/7": "UTC",
    "XHKG": "Asia/Hong_Kong",
    "XNYS": "America/New_York",
    "XSHG": "Asia/Shanghai",
}

# A rule is one dated dictionary; "from" and "to" are own-session dates, both inclusive, "to" may be
# None. Which keys go with which "rule":
#   fee         name, rate, fixed, per_share, min, max (or None), side (both|buy|sell),
#               round (none|up|nearest), unit, exempt (list of kinds)
#   tick        above, size: the step of prices over `above`, to the next `above` inclusive
#   limit       limit, unit, free_sessions, perhaps first_day_up and first_day_down
#   order_size  least, step: the lot in place of the instruments'
#   odd_lots    discount
#   t_plus_one  -
#   ipo         fee, factor
#   settlement  days, half_days (whether a half day is a settlement day)
#   short_tick_rule  -
Rule = dict[str, object]


@dataclass(frozen=True)
class Fact:
    """One row of the facts; ``known_at`` has a time zone."""

    symbol: str
    field: str
    period: date
    known_at: datetime
    value: float


@dataclass
class World:
    """Everything a run reads; ``universe`` and ``rebalance`` have one entry per base session."""

    instruments: pd.DataFrame
    bars: pd.DataFrame
    actions: pd.DataFrame
    fx: pd.DataFrame
    rates: pd.DataFrame
    prices: str
    sessions: dict[str, list[tuple[date, datetime, datetime]]]
    base: str
    decide: str
    close_known_after: int
    rebalance: list[bool]
    universe: dict[str, list[bool]]
    weights: pd.DataFrame
    rules: dict[str, list[Rule]]
    execution: Execution
    portfolio: Portfolio
    exits: Exits
    first: date
    last: date
    shut: set[tuple[str, date]] = field(default_factory=set)  # sessions the account cannot deal on
    facts: list[Fact] = field(default_factory=list)

    def run_sessions(self) -> list[tuple[int, date, datetime, datetime]]:
        """Return the base sessions that decide and are marked, with their row in the masks."""
        rows = enumerate(self.sessions[self.base])
        return [(i, *row) for i, row in rows if self.first <= row[0] <= self.last]


@dataclass(frozen=True)
class Instrument:
    """One column; ``lot`` 0 means any fraction of a share."""

    place: int
    symbol: str
    exchange: str
    currency: str
    kind: str
    lot: Decimal
    fractional: bool
    listed: date | None
    delisted: date | None
    offer_price: Decimal | None
    oversubscription: Decimal | None
    one_lot: Decimal | None


@dataclass(frozen=True)
class Bar:
    """One instrument's session; None is unknown."""

    open: Decimal | None
    high: Decimal | None
    low: Decimal | None
    close: Decimal
    volume: Decimal | None


@dataclass(frozen=True)
class DayRules:
    """The rules of one exchange on one of its sessions."""

    fees: list[Rule]
    ticks: list[tuple[Decimal, Decimal]]
    limit: Rule | None
    t_plus_one: bool
    ipo: Rule | None
    short_tick_rule: bool = False
    step: Decimal | None = None
    least: Decimal = ZERO
    odd_discount: Decimal = ZERO


def exact(value: object) -> Decimal | None:
    """Return the decimal that the float is, to its last bit; None for NaN, NaT and None."""
    if value is None or value != value:  # noqa: PLR0124 - NaN and NaT differ from themselves
        return None
    return Decimal(value) if isinstance(value, int) else Decimal(float(value))


def number(value: object) -> Decimal:
    """Return a setting as an exact decimal."""
    answer = exact(value)
    assert answer is not None
    return answer


def to_lots(shares: Decimal, lot: Decimal) -> Decimal:
    """Round toward zero to whole lots; lot 0 keeps the number."""
    if lot == 0:
        return shares
    lots = (abs(shares) / lot + NUDGE).to_integral_value(ROUND_FLOOR)
    return (lots * lot).copy_sign(shares) if lots else ZERO


def _midnight(exchange: str, day: date) -> datetime:
    return datetime.combine(day, midnight.min, ZoneInfo(ZONES[exchange]))


def day_of(value: object) -> date | None:
    """Return a calendar date from a timestamp, a date or a missing value."""
    if value is None or value != value:  # noqa: PLR0124
        return None
    return value.date() if isinstance(value, datetime) else value


class Tables:
    """The frames of a world, looked up by symbol and date."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.instruments = [
            _instrument(i, row, world) for i, row in enumerate(world.instruments.to_dict("records"))
        ]
        self.by_exchange: dict[str, list[Instrument]] = {name: [] for name in world.sessions}
        for instrument in self.instruments:
            self.by_exchange[instrument.exchange].append(instrument)
        self.bars = _bars(world.bars)
        self.actions: dict[tuple[str, date], list[tuple[str, Decimal]]] = {}
        self.delisting_value: dict[str, Decimal] = {}
        for symbol, day, kind, value in _rows(
            world.actions, "symbol", "ex_session", "kind", "value"
        ):
            self.actions.setdefault((symbol, day_of(day)), []).append((kind, number(value)))
            if kind == "delisting":
                self.delisting_value[symbol] = number(value)
        self.quotes: dict[tuple[str, str], list[tuple[date, Decimal]]] = {}
        for base, quote, day, rate in _rows(world.fx, "base", "quote", "date", "rate"):
            self.quotes.setdefault((base, quote), []).append((day_of(day), number(rate)))
        self.rates: dict[str, list[tuple[date, Decimal]]] = {}
        for currency, day, rate in _rows(world.rates, "currency", "date", "rate"):
            self.rates.setdefault(currency, []).append((day_of(day), number(rate)))
        for table in (self.quotes, self.rates):
            for series in table.values():
                series.sort()
        self.volume_missing = self._volume_missing()
        self._fx: dict[tuple[str, date], Decimal] = {}
        self._rules: dict[tuple[str, date], DayRules] = {}

    def _volume_missing(self) -> set[tuple[str, date]]:
        """Sessions where every known volume of the exchange's tradable instruments is zero."""
        traded: dict[tuple[str, date], list[bool]] = {}
        place = {i.symbol: i for i in self.instruments}
        for (symbol, day), bar in self.bars.items():
            instrument = place[symbol]
            if instrument.kind != "index" and bar.volume is not None:
                traded.setdefault((instrument.exchange, day), []).append(bar.volume > 0)
        return {key for key, some in traded.items() if not any(some)}

    def listing(self, instrument: Instrument) -> date | None:
        """Return the session in which an instrument lists, the first not before its date."""
        if instrument.listed is None:
            return None
        days = [row[0] for row in self.world.sessions[instrument.exchange]]
        if instrument.listed < days[0]:
            return None
        return next((day for day in days if day >= instrument.listed), None)

    def rules(self, exchange: str, day: date) -> DayRules:
        """Return what is in force on one session."""
        if (exchange, day) not in self._rules:
            self._rules[exchange, day] = self._rules_on(exchange, day)
        return self._rules[exchange, day]

    def _rules_on(self, exchange: str, day: date) -> DayRules:
        raw = self.world.prices == "raw"
        live: dict[str, list[Rule]] = {}
        for rule in self.world.rules.get(exchange, []):
            if rule["from"] <= day and (rule["to"] is None or day <= rule["to"]):
                live.setdefault(rule["rule"], []).append(rule)
        ticks = sorted((number(r["above"]), number(r["size"])) for r in live.get("tick", []))
        size = live["order_size"][0] if raw and "order_size" in live else None
        return DayRules(
            step=None if size is None else number(size["step"]),
            least=ZERO if size is None else number(size["least"]),
            odd_discount=number(live["odd_lots"][0]["discount"]) if "odd_lots" in live else ZERO,
            fees=live.get("fee", []),
            ticks=ticks if raw else [],
            limit=live["limit"][0] if raw and "limit" in live else None,
            t_plus_one="t_plus_one" in live,
            ipo=live["ipo"][0] if "ipo" in live else None,
            short_tick_rule="short_tick_rule" in live,
        )

    def may_be_short(self, instrument: Instrument, opens: datetime) -> bool:
        """Say whether the list of a session allows it; without a list everything is allowed."""
        told = {fact.symbol for fact in self.world.facts if fact.field == "shortable"}
        if not any(i.symbol in told for i in self.by_exchange[instrument.exchange]):
            return True
        return (self._in_force(instrument, "shortable", opens) or 0) > 0

    def borrow(self, instrument: Instrument, time: datetime) -> Decimal:
        """Return the annual cost of borrowing a share, as known."""
        told = self._in_force(instrument, "borrow_rate", time)
        return number(self.world.portfolio.borrow if told is None else told)

    def _in_force(self, instrument: Instrument, name: str, time: datetime) -> float | None:
        """Return what the latest period says that has begun and is known."""
        rows = [
            (fact.period, fact.known_at, fact.value)
            for fact in self.world.facts
            if (fact.symbol, fact.field) == (instrument.symbol, name)
            and fact.known_at <= time
            and _midnight(instrument.exchange, fact.period) <= time
        ]
        return max(rows)[2] if rows else None

    def settles(self, exchange: str, ordinal: int) -> int:
        """Return the ordinal of the session at whose open the cash of a sale is there."""
        days = self.world.sessions[exchange]
        known = [r for r in self.world.rules.get(exchange, []) if r["rule"] == "settlement"]
        sold = days[ordinal][0]
        live = [r for r in known if r["from"] <= sold and (r["to"] is None or sold <= r["to"])]
        lengths = sorted(closes - opens for _, opens, closes in days)
        whole = lengths[len(lengths) // 2] * 3 / 4
        left = live[0]["days"] if live else 0
        while left and ordinal < len(days):
            ordinal += 1
            if ordinal < len(days):
                _, opens, closes = days[ordinal]
                left -= live[0]["half_days"] or closes - opens >= whole
        return ordinal

    def fx(self, currency: str, time: datetime) -> Decimal:
        """Return units of the portfolio's currency per unit: direct, inverse, or through USD."""
        into = self.world.portfolio.currency
        if currency == into:
            return ONE
        key = (currency, time.date())
        if key not in self._fx:
            rate = self._pair(currency, into, time.date())
            if rate is None:
                first = self._pair(currency, "USD", time.date())
                second = self._pair("USD", into, time.date())
                assert first is not None, f"no rate for {currency} at {time}"
                assert second is not None, f"no rate for USD at {time}"
                rate = first * second
            self._fx[key] = rate
        return self._fx[key]

    def _pair(self, currency: str, into: str, today: date) -> Decimal | None:
        direct = _known(self.quotes.get((currency, into), []), today)
        if direct is not None and (today - direct[0]).days <= STALE_DAYS:
            return direct[1]
        inverse = _known(self.quotes.get((into, currency), []), today)
        if inverse is not None and (today - inverse[0]).days <= STALE_DAYS:
            return ONE / inverse[1]
        return None

    def rate(self, currency: str, time: datetime) -> Decimal | None:
        """Return the last annual rate known; None when the currency has none (yet)."""
        known = _known(self.rates.get(currency, []), time.date())
        return None if known is None else known[1]


def tick_of(ticks: list[tuple[Decimal, Decimal]], price: Decimal) -> Decimal:
    """Return the price step; a price on a bound belongs to the band below; 0 without ticks."""
    size = ZERO
    for above, step in ticks:
        if price > above:
            size = step
    return size


def to_tick(ticks: list[tuple[Decimal, Decimal]], price: Decimal, side: int) -> Decimal:
    """Round up for a buyer (side 1), down for a seller (side -1)."""
    tick = tick_of(ticks, price)
    if tick == 0:
        return price
    steps = price / tick - side * NUDGE
    if side > 0:
        return -((-steps).to_integral_value(ROUND_FLOOR)) * tick
    return steps.to_integral_value(ROUND_FLOOR) * tick


def nearest(value: Decimal, unit: Decimal) -> Decimal:
    """Round to the nearest multiple, half up with a nudge."""
    return (value / unit + Decimal("0.5") + NUDGE).to_integral_value(ROUND_FLOOR) * unit


def fees_of(
    rules: DayRules, kind: str, side: int, shares: Decimal, value: Decimal
) -> dict[str, Decimal]:
    """Return the fee components of one fill, in the instrument's currency."""
    fees: dict[str, Decimal] = {}
    for rule in rules.fees:
        if kind in rule["exempt"] or (rule["side"], side) in {("buy", -1), ("sell", 1)}:
            continue
        fee = number(rule["rate"]) * value + number(rule["per_share"]) * shares
        fee += number(rule["fixed"])
        if rule["min"] is not None:
            fee = max(fee, number(rule["min"]))
        if rule["max"] is not None:
            fee = min(fee, number(rule["max"]))
        unit = number(rule["unit"])
        if rule["round"] == "up":
            fee = -((-(fee / unit - NUDGE)).to_integral_value(ROUND_FLOOR)) * unit
        elif rule["round"] == "nearest":
            fee = nearest(fee, unit)
        fees[rule["name"]] = fee
    return fees


def limit_locked(
    rules: DayRules,
    side: int,
    reference: Decimal,
    previous: Decimal | None,
    age: int | None,
    *,
    offered: Decimal | None,
) -> bool:
    """Say whether the daily limit stops this side; ``age`` is 0 on the listing session."""
    if rules.limit is None:
        return False
    move = rules.limit["limit"]
    if age == 0 and "first_day_up" in rules.limit:
        previous, move = offered, rules.limit["first_day_up" if side > 0 else "first_day_down"]
    if previous is None or (age is not None and age < rules.limit["free_sessions"]):
        return False
    unit = number(rules.limit["unit"])
    bound = nearest(previous * (1 + side * number(move)), unit)
    # A price that is the bound must count as at it, whatever the last bit of the float says.
    return side * (reference - bound) >= -NUDGE * unit


def _known(series: list[tuple[date, Decimal]], today: date) -> tuple[date, Decimal] | None:
    """Return the last value whose UTC date has ended before ``today`` began."""
    place = bisect_left(series, today, key=lambda row: row[0])
    return series[place - 1] if place else None


def _instrument(place: int, row: dict[str, object], world: World) -> Instrument:
    size = exact(row["lot_size"])
    size = ONE if size is None else size
    lot = lot_in(world, size)
    mine = (world.actions["symbol"] == row["symbol"]) & (world.actions["kind"] == "lot_size")
    lots = [lot, *(lot_in(world, number(later)) for later in world.actions["value"][mine])]
    return Instrument(
        place,
        row["symbol"],
        row["exchange"],
        row["currency"],
        row["kind"],
        lot,
        any(own == 0 or own % 1 != 0 for own in lots),
        day_of(row["listed"]),
        day_of(row["delisted"]),
        exact(row["offer_price"]),
        exact(row["oversubscription"]),
        exact(row["one_lot_success"]),
    )


def lot_in(world: World, size: Decimal) -> Decimal:
    """Return a lot size as it counts: on adjusted prices 1 is any fraction of a share."""
    free = world.prices == "adjusted" and size == 1 and not world.execution.whole_shares
    return ZERO if free else size


def _rows(frame: pd.DataFrame, *columns: str) -> list[tuple[object, ...]]:
    return list(zip(*(frame[name].tolist() for name in columns), strict=True))


def _bars(frame: pd.DataFrame) -> dict[tuple[str, date], Bar]:
    bars = {}
    for symbol, day, *values in _rows(
        frame, "symbol", "session", "open", "high", "low", "close", "volume"
    ):
        if not math.isnan(values[3]):
            bars[symbol, day_of(day)] = Bar(*(exact(v) for v in values))
    return bars

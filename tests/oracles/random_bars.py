"""Sessions, prices and corporate actions of small, nasty, made-up markets."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from tests.oracles.slow_tables import Rule, nearest

NAN = float("nan")
Session = tuple[date, datetime, datetime]
DAY = timedelta(days=1)

# Hong Kong's bands before and after a cut of the steps between 10 and 50.
HK_OLD = [(0, 0.001), (0.25, 0.005), (0.5, 0.01), (10, 0.02), (20, 0.05), (100, 0.1), (200, 0.2),
          (500, 0.5), (1000, 1.0)]  # fmt: skip
HK_NEW = [(0, 0.001), (0.25, 0.005), (0.5, 0.01), (20, 0.02), (50, 0.05), (100, 0.1), (200, 0.2),
          (500, 0.5), (1000, 1.0)]  # fmt: skip


@dataclass
class Listing:
    """One instrument as the generator plans it."""

    symbol: str
    exchange: str
    currency: str
    kind: str
    lot: float
    listed: date | None = None
    delisted: date | None = None
    offer_price: float = NAN
    oversubscription: float = NAN
    one_lot_success: float = NAN
    first_bar: int = 0
    last_bar: int = 10_000
    delisting_value: float | None = None
    volatility: float = 0.02
    wild: bool = False  # jumps upward now and then: ruin for the short


@dataclass
class Habits:
    """How untidy a world's bars are: chances per bar."""

    raw: bool
    opens_missing: float
    missing: float
    zero_volume: float
    unknown_volume: float
    range_missing: float
    splits: float
    dividends: float
    volume: float
    volume_missing: float
    actions: list[tuple[str, date, str, float]] = field(default_factory=list)


def sessions(rng: random.Random, exchange: str, start: date, days: int) -> list[Session]:
    """Return about ``days`` calendar days of sessions by simple rules, with made-up holidays."""
    dates = [start + i * DAY for i in range(days)]
    if exchange == "24/7":
        return [(d, _utc(d, 0, 0), _utc(d + DAY, 0, 0)) for d in dates]
    weekdays = [d for d in dates if d.weekday() < 5]
    shut = set(rng.sample(weekdays[3:-3], rng.randint(1, 3)))
    if exchange == "XSHG" and rng.random() < 0.5:  # a golden week
        at = rng.randrange(5, len(weekdays) - 8)
        shut |= set(weekdays[at : at + 5])
    open_days = [d for d in weekdays if d not in shut]
    short_days = set(rng.sample(open_days, 2)) if exchange in {"XHKG", "XNYS"} else set()
    return [_hours(exchange, d, half=d in short_days) for d in open_days]


def _hours(exchange: str, day: date, *, half: bool) -> Session:
    if exchange == "XHKG":
        return day, _utc(day, 1, 30), _utc(day, 4 if half else 8, 0)
    if exchange == "XSHG":
        return day, _utc(day, 1, 30), _utc(day, 7, 0)
    late = 0 if new_york_summer(day) else 1
    return day, _utc(day, 13 + late, 30), _utc(day, (17 if half else 20) + late, 0)


def new_york_summer(day: date) -> bool:
    """Say whether New York keeps summer time: second Sunday of March to first of November."""
    march, november = date(day.year, 3, 8), date(day.year, 11, 1)
    starts = march + ((6 - march.weekday()) % 7) * DAY
    ends = november + ((6 - november.weekday()) % 7) * DAY
    return starts <= day < ends


def local_midnight(exchange: str, day: date) -> datetime:
    """Return 00:00 of a date in the exchange's zone, as UTC."""
    hours = {"XHKG": -8, "XSHG": -8, "24/7": 0}.get(exchange)
    if hours is None:
        hours = 4 if new_york_summer(day) else 5
    return _utc(day, 0, 0) + timedelta(hours=hours)


def _utc(day: date, hour: int, minute: int) -> datetime:
    return datetime.combine(day, time(hour, minute), tzinfo=UTC)


def on_tick(rules: list[Rule], day: date, price: float) -> float:
    """Return the price on the day's tick table, else to four decimals."""
    step = 0.0001
    for rule in rules:
        live = rule["from"] <= day and (rule["to"] is None or day <= rule["to"])
        if rule["rule"] == "tick" and live and price > rule["above"]:
            step = rule["size"]
    return round(max(round(price / step), 3) * step, 6)


def bars_of(
    rng: random.Random, listing: Listing, days: list[Session], rules: list[Rule], habits: Habits
) -> list[tuple[str, date, float, float, float, float, float]]:
    """Return one instrument's bars; its actions are added to ``habits.actions``."""
    rows = []
    mark = math.exp(rng.uniform(math.log(0.8), math.log(250.0)))
    typical = habits.volume * math.exp(rng.gauss(0.0, 1.0))
    for ordinal, (day, _, _) in enumerate(days):
        if not listing.first_bar <= ordinal <= listing.last_bar:
            continue
        if habits.raw and rows and listing.kind != "index":
            mark, ratio = _act(rng, listing.symbol, day, mark, habits)
            typical *= ratio
        if rng.random() < habits.missing and ordinal < listing.last_bar:
            continue
        bar = _walk(rng, listing, mark)
        if habits.raw:
            new = listing.listed is not None and ordinal < listing.first_bar + 5
            bar = _within_limit(rng, rules, day, bar, None if new or not rows else mark)
            bar = [on_tick(rules, day, p) for p in bar]
        opens, high, low, close = bar
        mark = close
        volume = max(1.0, typical * math.exp(rng.gauss(0.0, 0.6)))
        if listing.lot >= 1:  # whole lots of 0.001 would lie on a float's edge beyond the nudge
            volume = float(int(volume))
        if rng.random() < habits.zero_volume:
            volume = 0.0
            if rng.random() < 0.5:
                opens = high = low = close
        volume = NAN if rng.random() < habits.unknown_volume else volume
        opens = NAN if rng.random() < habits.opens_missing else opens
        high = NAN if rng.random() < habits.range_missing else high
        low = NAN if rng.random() < habits.range_missing else low
        rows.append((listing.symbol, day, opens, high, low, close, volume))
    return rows


def _act(
    rng: random.Random, symbol: str, day: date, mark: float, habits: Habits
) -> tuple[float, float]:
    """Return the last close after the day's actions, with the ratio of its split."""
    ratio = 1.0
    if rng.random() < habits.splits:
        ratio = rng.choice([2.0, 1.5, 0.1, 0.5, 3.0])
        if not 0.5 < mark / ratio < 900:
            ratio = 2.0 if mark > 10 else 0.5
        habits.actions.append((symbol, day, "split", ratio))
    mark /= ratio
    gross = round(mark * rng.uniform(0.002, 0.06), 3)
    if rng.random() < habits.dividends and gross > 0:
        habits.actions.append((symbol, day, "dividend", gross))
        mark -= gross
    return mark, ratio


def _walk(rng: random.Random, listing: Listing, mark: float) -> list[float]:
    sigma = listing.volatility
    opens = mark * math.exp(rng.gauss(0.0, 0.6 * sigma))
    if rng.random() < 0.03:
        opens *= rng.choice([0.6, 0.8, 1.25, 1.6])
    if listing.wild and rng.random() < 0.08:
        opens *= rng.uniform(1.8, 3.0)
    opens = min(max(opens, 0.5), 900.0)
    close = opens * math.exp(rng.gauss(0.0, sigma))
    high = max(opens, close) * math.exp(abs(rng.gauss(0.0, 0.5 * sigma)))
    low = min(opens, close) * math.exp(-abs(rng.gauss(0.0, 0.5 * sigma)))
    return [opens, high, low, close]


def _within_limit(
    rng: random.Random, rules: list[Rule], day: date, bar: list[float], mark: float | None
) -> list[float]:
    """Keep a bar within the daily limit, and put it at the limit now and then."""
    limits = [r for r in rules if r["rule"] == "limit" and r["from"] <= day]
    if not limits or mark is None:
        return bar
    unit, limit = Decimal(limits[0]["unit"]), Decimal(limits[0]["limit"])
    low, high = (float(nearest(Decimal(mark) * (1 + side * limit), unit)) for side in (-1, 1))
    opens, top, bottom, close = (min(max(p, low), high) for p in bar)
    draw = rng.random()
    if draw < 0.05:
        opens = top = bottom = close = rng.choice([low, high])
    elif draw < 0.12:
        opens = rng.choice([low, high])
    elif draw < 0.17:
        close = rng.choice([low, high])
    return [opens, max(opens, top, close), min(opens, bottom, close), close]

"""Random worlds for the oracle: small, nasty, and spread over every setting."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta

import pandas as pd

from backtest.execution import Execution, Exits, Portfolio, Slippage
from backtest.units import Money
from tests.oracles.random_bars import (
    DAY,
    NAN,
    Habits,
    Listing,
    Session,
    bars_of,
    local_midnight,
    sessions,
)
from tests.oracles.random_money import with_money
from tests.oracles.random_rules import EARLY, fx_of, rates_of, rules_of
from tests.oracles.random_shorts import with_shorts
from tests.oracles.slow_tables import World

THIN = 0.001  # a lot that is a fraction
EXCHANGES = ("24/7", "XHKG", "XNYS", "XSHG")
MONEY = {"24/7": "USD", "XHKG": "HKD", "XNYS": "USD", "XSHG": "CNY"}
SUFFIX = {"24/7": "-USD", "XHKG": ".HK", "XNYS": "", "XSHG": ".SS"}
LOTS = {"24/7": [THIN, THIN, 1.0], "XHKG": [1.0, 100.0, 500.0], "XNYS": [1.0], "XSHG": [100.0]}
# Two windows hold a change of New York's clocks.
STARTS = (date(2023, 12, 4), date(2024, 2, 19), date(2024, 6, 3), date(2024, 10, 14))


def random_world(seed: int) -> World:
    """Return a small world that a seed alone decides.

    What the rules leave to the last bit of a float is kept out: exit levels, the band and the
    participation are full random doubles, so no price, order or budget sits on them exactly;
    no single weight asks for the whole account; instruments that delist do so within the sessions
    of the world; lots of 0.001 come with small accounts, lots of 1/1024 with large ones, because
    the nudge of 1e-9 of a lot is less than the last bit of a million lots of 0.001, and volumes
    are full random doubles where lots are fractions; interest rates, where there are any, start
    before the sessions; fx is never older than 7 days; a quote that exists both ways has the same
    dates both ways; no first listing day has an action; weights of T+1 markets and of offers are
    never negative.
    """
    rng = random.Random(seed)  # noqa: S311 - for repeatable tests, nothing to guess
    exchanges = sorted(rng.sample(EXCHANGES, rng.choice([1, 2, 2, 3, 3])))
    base = rng.choice(exchanges)
    start, days = rng.choice(STARTS), rng.randint(35, 75)
    calendar = {name: sessions(rng, name, start, days) for name in exchanges}
    raw = rng.random() < 0.65
    execution, decide = _execution(rng)
    portfolio, reckless = _portfolio(rng, exchanges)
    offer, rich = execution.ipo_entry == "offer", portfolio.cash.amount > 10_000
    listings = _listings(rng, exchanges, calendar, raw=raw, offer=offer, rich=rich)
    rules = {name: rules_of(rng, name, calendar[name], raw=raw) for name in exchanges}
    wild = [x for x in listings if x.kind != "index" and x.exchange != "XSHG"]
    for listing in wild[:2] if reckless else []:
        listing.wild = True
    habits = _habits(rng, execution, raw=raw)
    bars = [
        row
        for listing in listings
        for row in bars_of(
            rng, listing, calendar[listing.exchange], rules[listing.exchange], habits
        )
    ]
    _price_the_events(rng, listings, bars, habits, calendar)
    frame = _frame(bars, "symbol session open high low close volume", ["session"])
    frame = _volume_missing(rng, frame, listings, habits)
    base_days = [row[0] for row in calendar[base]]
    first = base_days[rng.choice([0, 1, 2, 8, 14])]
    last = base_days[-rng.choice([1, 1, 2, 5])]
    rebalance = _rebalance(rng, base_days, first)
    minutes = rng.choice([0, 0, 10]) if decide == "after_close" else 0
    universe = {x.symbol: _universe(rng, x, calendar[base], decide, minutes) for x in listings}
    account = {"portfolio": portfolio, "offer": offer, "reckless": reckless}
    weights = _weights(rng, listings, calendar[base], universe, **account)
    world = World(
        instruments=_instruments(listings),
        bars=frame,
        actions=_frame(habits.actions, "symbol ex_session kind value", ["ex_session"]),
        fx=fx_of(rng, {x.currency for x in listings}, portfolio.currency, start, days),
        rates=rates_of(rng, portfolio.currency, start, days),
        prices="raw" if raw else "adjusted",
        sessions=calendar,
        base=base,
        decide=decide,
        close_known_after=minutes,
        rebalance=rebalance,
        universe=universe,
        weights=weights.loc[str(first) : str(last)],
        rules=rules,
        execution=execution,
        portfolio=portfolio,
        exits=_exits(rng, execution),
        first=first,
        last=last,
    )
    return with_shorts(with_money(world, seed), seed)


# --- settings --------------------------------------------------------------------------------


def _execution(rng: random.Random) -> tuple[Execution, str]:
    at_fill = rng.random() < 0.12
    decide = rng.choice(["before_open", "before_open", "after_close"])
    offer = decide == "before_open" and not at_fill and rng.random() < 0.65
    execution = Execution(
        fill=rng.choice(["open", "close"]),
        sizing="fill" if at_fill else "decision",
        unfilled="lapse" if at_fill else rng.choice(["lapse", "carry"]),
        slippage=Slippage(
            bps=rng.choice([0.0, rng.uniform(0.0, 60.0)]),
            ticks=rng.choice([0.0, 0.0, 0.5, 1.0, 2.0]),
            impact=rng.choice([0.0, rng.uniform(0.1, 1.0)]),
        ),
        max_participation=rng.choice([1.0, rng.uniform(0.02, 0.5), rng.uniform(0.02, 0.5)]),
        whole_shares=rng.random() < 0.4,
        fx_cost_bps=rng.choice([0.0, rng.uniform(1.0, 30.0)]),
        ipo_entry="offer" if offer else "market",
    )
    return execution, decide


def _portfolio(rng: random.Random, exchanges: list[str]) -> tuple[Portfolio, bool]:
    """Return the account, with whether it is one that shorts beyond its means."""
    short = rng.random() < 0.4
    reckless = short and rng.random() < 0.35
    tax = rng.choice([0.0, rng.uniform(0.05, 0.3), None])
    by_exchange = {name: rng.uniform(0.0, 0.3) for name in exchanges}
    portfolio = Portfolio(
        cash=Money(amount=rng.choice([2_000.0, 300_000.0, 5_000_000.0, 400_000_000.0])),
        currency=rng.choice([MONEY[name] for name in exchanges] * 2 + ["HKD", "EUR"]),
        band=rng.choice([0.0, 0.0, rng.uniform(0.001, 0.04)]),
        max_gross=3.0 if reckless else rng.choice([1.0, 1.0, 1.5]),
        short=short,
        margin=rng.choice([0.5, 0.0, 0.3]),
        borrow=rng.choice([0.0, rng.uniform(0.005, 0.1)]),
        rate_spread=rng.choice([0.0, rng.uniform(0.001, 0.03)]),
        withholding=by_exchange if tax is None else tax,
        delisting_recovery=rng.choice([1.0, rng.uniform(0.1, 0.9)]),
    )
    return portfolio, reckless


def _exits(rng: random.Random, execution: Execution) -> Exits:
    if execution.sizing == "fill" or rng.random() < 0.25:
        return Exits()
    return Exits(
        stop_loss=rng.choice([None, rng.uniform(0.004, 0.1)]),
        take_profit=rng.choice([None, rng.uniform(0.01, 0.12)]),
        trailing_stop=rng.choice([None, rng.uniform(0.004, 0.1)]),
        max_sessions=rng.choice([None, rng.randint(1, 12)]),
    )


def _habits(rng: random.Random, execution: Execution, *, raw: bool) -> Habits:
    return Habits(
        raw=raw,
        opens_missing=rng.choice([0.0, 0.08]) if execution.fill == "close" else 0.0,
        missing=rng.choice([0.0, 0.05, 0.12]),
        zero_volume=rng.choice([0.0, 0.06]),
        unknown_volume=rng.choice([0.0, 0.1]),
        range_missing=rng.choice([0.0, 0.06]),
        splits=rng.choice([0.01, 0.04]),
        dividends=rng.choice([0.01, 0.05]),
        volume=rng.choice([3e3, 1e5, 1e6]),
        volume_missing=rng.choice([0.0, 0.03]),
    )


# --- instruments and their life --------------------------------------------------------------


def _listings(
    rng: random.Random,
    exchanges: list[str],
    calendar: dict[str, list[Session]],
    *,
    raw: bool,
    offer: bool,
    rich: bool,
) -> list[Listing]:
    count = max(len(exchanges), rng.randint(2, 8))
    homes = exchanges + [rng.choice(exchanges) for _ in range(count - len(exchanges))]
    codes = rng.sample(range(1, 99), count)
    listings = []
    for i, (home, code) in enumerate(zip(homes, codes, strict=True)):
        kind = "crypto" if home == "24/7" else rng.choice(["stock", "stock", "stock", "etf"])
        if i > 0 and i >= len(exchanges) and rng.random() < 0.12:
            kind = "index"
        currency = MONEY[home]
        if home == "XHKG" and rng.random() < 0.15:
            currency = rng.choice(["USD", "CNY"])
        lot = rng.choice(LOTS[home]) if raw else rng.choice([1.0, 1.0, 1.0, 100.0, THIN])
        lot = 1 / 1024 if lot == THIN and rich else lot
        symbol = f"{code:04d}" if home in {"XHKG", "XSHG"} else f"{'QWERTZUIOP'[code % 10]}{code}"
        listing = Listing(symbol + SUFFIX[home], home, currency, kind, lot)
        listing.volatility = rng.choice([0.006, 0.02, 0.05])
        _live(rng, listing, [row[0] for row in calendar[home]], offer=offer)
        listings.append(listing)
    return sorted(listings, key=lambda x: (x.exchange, x.symbol))


def _live(rng: random.Random, listing: Listing, days: list[date], *, offer: bool) -> None:
    """Give an instrument its listing and delisting dates."""
    if rng.random() < (0.7 if offer else 0.25):
        at = rng.randrange(3, len(days) - 10)
        listing.listed = days[at]
        listing.first_bar = at + (rng.random() < 0.1)
        listing.oversubscription = rng.choice([NAN, 0.5, 0.5, 3.0, 3.0, 40.0, 1200.0])
        listing.one_lot_success = rng.choice([NAN, 0.3])
    elif rng.random() < 0.3:
        listing.listed = rng.choice([EARLY, days[0] - 40 * DAY])
    if rng.random() < 0.25:
        at = rng.randrange(max(10, listing.first_bar + 5), len(days) - 2)
        listing.delisted = days[at]
        if rng.random() < 0.4 and days[at] + DAY not in days:
            listing.delisted += DAY  # a date that is no session
        listing.last_bar = at - rng.choice([0, 0, 1, 3])
        if rng.random() < 0.5:
            listing.delisting_value = rng.choice(
                [0.0, rng.uniform(0.1, 1.3), rng.uniform(0.1, 1.3)]
            )


def _price_the_events(
    rng: random.Random,
    listings: list[Listing],
    bars: list[tuple[object, ...]],
    habits: Habits,
    calendar: dict[str, list[Session]],
) -> None:
    """Put offer prices and delisting values into the units of the bars."""
    for listing in listings:
        own = [row for row in bars if row[0] == listing.symbol]
        if listing.listed is not None and own and rng.random() < 0.85:
            start = own[0][5]
            listing.offer_price = round(start * rng.uniform(0.75, 1.1), 2 if start > 1 else 4)
        if listing.delisting_value is not None and own:
            last = max(d for d, _, _ in calendar[listing.exchange] if d <= listing.delisted)
            value = round(own[-1][5] * listing.delisting_value, 4)
            habits.actions.append((listing.symbol, last, "delisting", value))


def _instruments(listings: list[Listing]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "symbol": [x.symbol for x in listings],
            "exchange": [x.exchange for x in listings],
            "currency": [x.currency for x in listings],
            "kind": [x.kind for x in listings],
            "lot_size": [x.lot for x in listings],
            "listed": pd.to_datetime([x.listed for x in listings]),
            "delisted": pd.to_datetime([x.delisted for x in listings]),
            "offer_price": [x.offer_price for x in listings],
            "oversubscription": [x.oversubscription for x in listings],
            "one_lot_success": [x.one_lot_success for x in listings],
            "board": "main",
        }
    )


def _frame(rows: list[tuple[object, ...]], columns: str, dates: list[str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=columns.split())
    for name in dates:
        frame[name] = pd.to_datetime(frame[name])
    order = [c for c in ("symbol", *dates) if c in frame]
    return frame.sort_values(order, kind="stable", ignore_index=True)


def _volume_missing(
    rng: random.Random, bars: pd.DataFrame, listings: list[Listing], habits: Habits
) -> pd.DataFrame:
    """Take the volume from whole sessions of an exchange."""
    home = {x.symbol: x.exchange for x in listings if x.kind != "index"}
    exchange = bars["symbol"].map(home)
    keys = sorted(set(zip(exchange.dropna(), bars["session"][exchange.notna()], strict=True)))
    gone = {key for key in keys if rng.random() < habits.volume_missing}
    lost = [key in gone for key in zip(exchange, bars["session"], strict=True)]
    return bars.assign(volume=bars["volume"].mask(pd.Series(lost, dtype=bool), 0.0))


# --- decisions -------------------------------------------------------------------------------


def _rebalance(rng: random.Random, days: list[date], first: date) -> list[bool]:
    """Return which base sessions may send orders: the run's first, then by a rule or a draw."""
    how = rng.choice(["session", "session", "week", "some", "own"])
    step = rng.randint(2, 7)
    start = days.index(first)
    mask = [how in {"session", "own"}] * len(days)
    for i, day in enumerate(days):
        if how == "week":
            mask[i] = i == 0 or day.isocalendar()[1] != days[i - 1].isocalendar()[1]
        elif how == "some":
            mask[i] = (i - start) % step == 0
        elif how == "own":
            mask[i] = rng.random() < 0.6
    mask[start] = True
    return mask


def _universe(
    rng: random.Random, listing: Listing, days: list[Session], decide: str, minutes: int
) -> list[bool]:
    """Return what may be held: listed and known so, not delisted, not in a random exclusion."""
    mask = []
    away, gap = rng.random() < 0.3, range(0)
    if away:
        at = rng.randrange(len(days))
        gap = range(at, at + rng.randint(1, 15))
    for i, (day, opens, closes) in enumerate(days):
        time = opens - timedelta(minutes=30)
        if decide == "after_close":
            time = closes + timedelta(minutes=minutes)
        mask.append(listing.kind != "index" and i not in gap and _alive(listing, day, time))
    return mask


def _alive(listing: Listing, day: date, time: datetime) -> bool:
    if listing.delisted is not None and day >= listing.delisted:
        return False
    if listing.listed is None:
        return True
    return day >= listing.listed and time >= local_midnight(listing.exchange, listing.listed)


def _weights(
    rng: random.Random,
    listings: list[Listing],
    days: list[Session],
    universe: dict[str, list[bool]],
    *,
    portfolio: Portfolio,
    offer: bool,
    reckless: bool,
) -> pd.DataFrame:
    """Return wanted shares of NAV: numbers, zeros and gaps, within the mask and max_gross."""
    rows = []
    silent, calm = rng.choice([0.0, 0.2, 0.5]), rng.random() < 0.4
    usual = {x.symbol: rng.uniform(-0.6 if portfolio.short else 0.1, 1.0) for x in listings}
    for i, (day, _, _) in enumerate(days):
        row = dict.fromkeys(usual, NAN)
        quiet = rng.random() < silent
        for x in listings:
            fresh = x.listed == day
            if not universe[x.symbol][i]:
                row[x.symbol] = rng.choice([NAN, NAN, NAN, 0.0])
            elif not quiet or fresh:
                row[x.symbol] = _weight(rng, x, usual[x.symbol], portfolio, calm=calm, fresh=fresh)
            offered = fresh and offer
            if row[x.symbol] < 0 and (offered or x.exchange == "XSHG"):
                row[x.symbol] = -row[x.symbol]
            if reckless and x.wild and universe[x.symbol][i] and not offered:
                row[x.symbol] = -1.4
        rows.append(_within_gross(rng, row, portfolio.max_gross))
    index = pd.DatetimeIndex([row[0] for row in days], name="session")
    return pd.DataFrame(rows, index=index, columns=list(usual), dtype=float)


def _weight(
    rng: random.Random,
    listing: Listing,
    usual: float,
    portfolio: Portfolio,
    *,
    calm: bool,
    fresh: bool,
) -> float:
    draw = rng.random()
    if draw < 0.2 and not fresh:
        return NAN
    if draw < 0.35 and not fresh:
        return 0.0
    if calm:
        return usual
    weight = rng.choice([rng.uniform(0.02, 1.0), rng.choice([0.125, 0.25, 0.5])])
    return -weight if portfolio.short and rng.random() < 0.4 else weight


def _within_gross(rng: random.Random, row: dict[str, float], gross: float) -> dict[str, float]:
    """Scale a row down to at most max_gross, no single weight over 0.95 of it."""
    total = sum(abs(w) for w in row.values() if abs(w) > 0)
    full = gross / total * (1 - rng.uniform(1e-6, 1e-4)) if total > 0 else 1.0
    shrink = min(1.0, full * rng.choice([1.0, rng.uniform(0.3, 1.0)]))
    if rng.random() < 0.5:  # up to the limit, so that cash runs short
        shrink = full
    most = 0.95 * gross
    # NaN and 0 stay what they are.
    return {k: max(-most, min(most, w * shrink)) if abs(w) > 0 else w for k, w in row.items()}

"""Dated market rules, exchange rates and interest rates of random worlds."""

from __future__ import annotations

import random
from datetime import date

import pandas as pd

from tests.oracles.random_bars import DAY, HK_NEW, HK_OLD, Session
from tests.oracles.slow_tables import Rule

IN_USD = {"USD": 1.0, "HKD": 0.128, "CNY": 0.139, "EUR": 1.09}
EARLY = date(2000, 1, 1)


def rules_of(rng: random.Random, exchange: str, days: list[Session], *, raw: bool) -> list[Rule]:
    """Return one exchange's dated rules; some change within the sessions."""
    change = rng.choice(days[5:-5])[0]
    rules: list[Rule] = []
    if rng.random() < 0.88:
        for name in rng.sample(["stamp", "levy", "trading", "settlement"], rng.randint(1, 4)):
            rules += _fee(rng, name, change)
    if raw and rng.random() < 0.85:
        rules += _ticks(rng, exchange, change)
    if exchange == "XSHG":
        if raw and rng.random() < 0.85:
            limit, free = rng.choice([0.1, 0.05, 0.2]), rng.choice([0, 1, 5])
            rules.append(_rule("limit", limit=limit, unit=0.01, free_sessions=free))
        if rng.random() < 0.85:
            since = change if rng.random() < 0.2 else EARLY
            rules.append(_rule("t_plus_one", since))
    if rng.random() < 0.8:
        rules.append(_rule("ipo", fee=0.010085, factor=rng.choice([0.02, 0.5, 1.0])))
    return rules


def _rule(kind: str, since: date = EARLY, until: date | None = None, **content: object) -> Rule:
    return {"rule": kind, "from": since, "to": until, **content}


def _fee(rng: random.Random, name: str, change: date) -> list[Rule]:
    """Return one component, before and after a change or alone."""
    content = {
        "name": name,
        "rate": rng.choice([0.0, rng.uniform(0.00002, 0.002), 0.0013]),
        "fixed": rng.choice([0.0, 0.0, 0.5, 5.0]),
        "per_share": rng.choice([0.0, 0.0, 0.0, 0.0035]),
        "min": rng.choice([None, None, 2.0, 18.0]),
        "max": rng.choice([None, None, 100.0]),
        "side": rng.choice(["both", "both", "buy", "sell"]),
        "round": rng.choice(["none", "up", "nearest"]),
        "unit": rng.choice([0.01, 1.0]),
        "exempt": rng.choice([[], [], ["etf"], ["crypto", "etf"]]),
    }
    if rng.random() < 0.4:
        later = content | {"rate": rng.choice([0.001, 0.0, rng.uniform(0.0001, 0.003)])}
        later |= {"min": rng.choice([None, 5.0]), "round": rng.choice(["none", "up", "nearest"])}
        old = _rule("fee", EARLY, change - DAY, **content)
        return [old, _rule("fee", change, **later)]
    return [_rule("fee", **content)]


def _ticks(rng: random.Random, exchange: str, change: date) -> list[Rule]:
    if exchange != "XHKG":
        return [_rule("tick", above=0.0, size=0.01)]
    if rng.random() < 0.5:
        return [_rule("tick", above=float(a), size=s) for a, s in HK_OLD]
    old = [_rule("tick", EARLY, change - DAY, above=float(a), size=s) for a, s in HK_OLD]
    return old + [_rule("tick", change, above=float(a), size=s) for a, s in HK_NEW]


def fx_of(
    rng: random.Random, currencies: set[str], into: str, start: date, days: int
) -> pd.DataFrame:
    """Return quotes for every currency: direct, inverse, both, or through USD."""
    quotes: dict[tuple[str, str], bool] = {}
    for currency in sorted(currencies - {into}):
        crossing = currency != "USD" and into != "USD" and rng.random() < 0.5
        pairs = [(currency, "USD"), ("USD", into)] if crossing else [(currency, into)]
        for pair in pairs:
            if pair not in quotes and pair[::-1] not in quotes:
                quotes[pair] = True
                if rng.random() < 0.6:
                    del quotes[pair]
                    quotes[pair[::-1]] = True
                    if rng.random() < 0.3:
                        quotes[pair] = True
    rows = []
    weekends, gaps = rng.random() < 0.5, rng.choice([0.0, 0.1])
    dates, kept = [], start - 13 * DAY
    for i in range(-13, days + 2):
        day = start + i * DAY
        skip = (weekends and day.weekday() >= 5) or rng.random() < gaps
        if not skip or (day - kept).days >= 5:
            dates.append(day)
            kept = day
    for base, quote in sorted(quotes):
        rate = IN_USD[base] / IN_USD[quote]
        for day in dates:
            rate *= 1 + rng.gauss(0.0, 0.004)
            rows.append((base, quote, pd.Timestamp(day), rate))
    return pd.DataFrame(rows, columns=["base", "quote", "date", "rate"])


def rates_of(rng: random.Random, currency: str, start: date, days: int) -> pd.DataFrame:
    """Return interest rates: none at all, or known from before the first session on."""
    rows = []
    for name in sorted({currency, "USD"}):
        if rng.random() < 0.6:
            at = start - 30 * DAY
            while at < start + days * DAY:
                rows.append((name, pd.Timestamp(at), rng.uniform(-0.01, 0.09)))
                at += rng.randint(3, 25) * DAY
    frame = pd.DataFrame(rows, columns=["currency", "date", "rate"])
    return frame.astype({"rate": float, "currency": object})

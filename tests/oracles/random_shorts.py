"""Lists of what may be sold short, borrow rates and tick rules of random worlds, drawn apart."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, datetime, timedelta

from tests.oracles.random_bars import Session, local_midnight
from tests.oracles.random_rules import EARLY
from tests.oracles.slow_tables import Fact, World

USUAL = 0.85  # of the worlds that may sell short


def with_shorts(world: World, seed: int) -> World:
    """Return the world with facts and rules on short sales; where none are allowed as it is."""
    rng = random.Random(f"shorts {seed}")  # noqa: S311 - for repeatable tests, nothing to guess
    if not world.portfolio.short or rng.random() > USUAL:
        return world
    listing = [name for name in world.sessions if rng.random() < 0.45]
    facts = []
    for row in world.instruments.itertuples():
        dates = _dates(rng, row.exchange, world.sessions[row.exchange])
        if row.exchange in listing and rng.random() < 0.85:
            facts += [Fact(row.symbol, "shortable", *at, rng.choice([0.0, 1.0])) for at in dates]
        dates = _dates(rng, row.exchange, world.sessions[row.exchange])
        if rng.random() < 0.4:
            facts += [Fact(row.symbol, "borrow_rate", *at, rng.uniform(0.0, 0.4)) for at in dates]
    rules = {
        name: [*own, *_tick_rule(rng, world, name)] if rng.random() < 0.9 else own
        for name, own in world.rules.items()
    }
    settings = {"short_tick_rule": rng.random() < 0.8}
    portfolio = world.portfolio.model_copy(update=settings)
    return replace(world, portfolio=portfolio, rules=rules, facts=facts)


def _dates(rng: random.Random, exchange: str, days: list[Session]) -> list[tuple[date, datetime]]:
    """Return up to five periods, known early, late or within a session; some are restated."""
    found = []
    for k in range(rng.randint(1, 5)):
        since, opens, closes = rng.choice(days)
        period = EARLY if k == 0 and rng.random() < 0.7 else since
        period = found[-1][0] if found and rng.random() < 0.2 else period
        known = rng.choice(
            [
                local_midnight(exchange, period) - timedelta(days=rng.randint(1, 9)),
                local_midnight(exchange, since),
                opens,
                opens + (closes - opens) / 2,
                closes + timedelta(days=rng.randint(0, 20)),
            ]
        )
        found.append((period, known))
    return sorted(set(found))


def _tick_rule(rng: random.Random, world: World, exchange: str) -> list[dict[str, object]]:
    days = [day for day, _, _ in world.sessions[exchange]]
    since = rng.choice(days[5:-5]) if rng.random() < 0.3 else EARLY
    return [{"rule": "short_tick_rule", "from": since, "to": None}]

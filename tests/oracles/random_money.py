"""Currency and settlement of random worlds: of every third seed, drawn apart from all else."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date

import pandas as pd

from tests.oracles.random_rules import EARLY
from tests.oracles.slow_tables import World

EVERY = 3


def with_money(world: World, seed: int) -> World:
    """Return the world with cash by currency, settlement or hedges; most seeds as it is."""
    if seed % EVERY != EVERY - 1:
        return world
    rng = random.Random(f"money {seed}")  # noqa: S311 - for repeatable tests, nothing to guess
    settings = {
        "fx": rng.choice(["keep", "keep", "keep", "convert"]),
        "spend_unsettled": rng.random() < 0.4,
        "fx_hedge": rng.choice([0.0, 0.0, 1.0, rng.uniform(0.1, 0.9)]),
        "fx_hedge_cost": rng.choice([0.0, rng.uniform(0.0005, 0.01)]),
    }
    rules = {name: [*own, *_settlement(rng, world, name)] for name, own in world.rules.items()}
    return replace(
        world,
        portfolio=world.portfolio.model_copy(update=settings),
        rules=rules,
        rates=_rates(rng, world),
    )


def _settlement(rng: random.Random, world: World, exchange: str) -> list[dict[str, object]]:
    if exchange == "24/7":
        return []
    days = [day for day, _, _ in world.sessions[exchange]]
    change = rng.choice(days[5:-5]) if rng.random() < 0.4 else None
    half = rng.random() < 0.5
    found = [_entry(EARLY, rng.randint(0, 3), half)]
    if change is not None:
        found[0]["to"] = days[days.index(change) - 1]
        found.append(_entry(change, rng.randint(0, 3), half))
    return found


def _entry(since: date, days: int, half_days: bool) -> dict[str, object]:
    return {"rule": "settlement", "from": since, "to": None, "days": days, "half_days": half_days}


def _rates(rng: random.Random, world: World) -> pd.DataFrame:
    """Return interest rates of the instruments' currencies, too."""
    known = set(world.rates["currency"])
    others = sorted(set(world.instruments["currency"]) - known)
    since = pd.Timestamp(min(days[0][0] for days in world.sessions.values())) - pd.Timedelta("9D")
    rows = [
        (currency, since + pd.Timedelta(days=20 * i), rng.uniform(-0.01, 0.09))
        for currency in others
        if rng.random() < 0.7
        for i in range(4)
    ]
    more = pd.DataFrame(rows, columns=["currency", "date", "rate"]).astype({"rate": float})
    table = pd.concat([world.rates, more]) if rows else world.rates
    return table.sort_values(["currency", "date"], ignore_index=True)

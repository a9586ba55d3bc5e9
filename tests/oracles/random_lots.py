"""Random worlds with lots that change, odd-lot discounts, least orders, bands of a first day."""

from __future__ import annotations

import random
from dataclasses import replace

import pandas as pd

from tests.oracles.random_markets import random_world
from tests.oracles.random_rules import EARLY
from tests.oracles.slow_tables import Rule, World

SIZES = [1.0, 10.0, 50.0, 100.0, 200.0, 500.0, 1000.0]
LATEST = 5  # sessions before the last, in which no rule begins


def random_lots(seed: int) -> World:
    """Return the random world of a seed with every rule about sizes of orders on top.

    Lots that are fractions stay as they are, and so do those of a listing before its first session.
    No rule begins with a run, because sessions before it are under the rules of its first day.
    """
    world = random_world(seed)
    rng = random.Random(f"lots {seed}")  # noqa: S311 - for repeatable tests, nothing to guess
    rules = {name: _rules(rng, world, name) for name in world.sessions}
    rows = world.actions.to_dict("records")
    for own in world.instruments.to_dict("records"):
        rows += _changes(rng, world, own)
    actions = pd.DataFrame(rows, columns=world.actions.columns)
    actions["ex_session"] = pd.to_datetime(actions["ex_session"])
    actions["value"] = actions["value"].astype(float)
    execution = world.execution
    if execution.sizing == "decision" and rng.random() < 0.4:  # rests of orders are carried on
        more = {"unfilled": "carry", "max_participation": rng.uniform(0.02, 0.2)}
        execution = execution.model_copy(update=more)
    world = replace(world, execution=execution)
    order = ["symbol", "ex_session", "kind"]
    return replace(world, rules=rules, actions=actions.sort_values(order, ignore_index=True))


def _changes(rng: random.Random, world: World, own: dict[str, object]) -> list[dict[str, object]]:
    """Return lots of an instrument from some sessions on, at times from that of a split."""
    if own["kind"] == "index" or own["lot_size"] < 1 or rng.random() < 0.4:
        return []
    days = [pd.Timestamp(day) for day, _, _ in world.sessions[own["exchange"]]][2:]
    if own["listed"] is not pd.NaT:
        days = [day for day in days if day > own["listed"]]
    splits = world.actions.loc[
        (world.actions["symbol"] == own["symbol"]) & (world.actions["kind"] == "split"),
        "ex_session",
    ]
    together = [day for day in days if day in set(splits)]
    chosen = set(rng.sample(days, min(len(days), rng.randint(1, 4))))
    chosen |= {rng.choice(together)} if together else set()
    kind = {"symbol": own["symbol"], "kind": "lot_size"}
    return [kind | {"ex_session": day, "value": rng.choice(SIZES)} for day in sorted(chosen)]


def _rules(rng: random.Random, world: World, exchange: str) -> list[Rule]:
    rules = list(world.rules[exchange])
    days = [day for day, _, _ in world.sessions[exchange]]
    starts = next(day for day in days if day >= world.first)
    change = rng.choice([day for day in days[3:-LATEST] if day != starts])
    if rng.random() < 0.6:
        first = {"rule": "odd_lots", "from": EARLY, "discount": rng.uniform(0.01, 0.3)}
        later = {**first, "from": change, "discount": rng.choice([0.0, rng.uniform(0.01, 0.3)])}
        until = days[days.index(change) - 1]
        rules += rng.choice([[first | {"to": None}], [first | {"to": until}, later | {"to": None}]])
    if rng.random() < (0.7 if exchange == "XSHG" else 0.6) and exchange != "24/7":
        since = rng.choice([EARLY, change])
        rules.append({"rule": "order_size", "from": since, "to": None, "least": 200.0, "step": 1.0})
    if rng.random() < 0.95:
        rules = [rule for rule in rules if rule["rule"] != "limit"]
        up, down = rng.choice([0.44, 0.01, 0.05]), rng.choice([0.36, 0.02, 0.05])
        limit = {"rule": "limit", "from": EARLY, "to": None, "limit": 0.1, "unit": 0.01}
        rules.append({**limit, "free_sessions": 0, "first_day_up": up, "first_day_down": down})
    return rules

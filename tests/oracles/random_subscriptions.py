"""Random worlds that subscribe to their new listings."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pandas as pd

from backtest.ipo.settings import IpoSettings
from tests.oracles.random_markets import random_world
from tests.oracles.slow_account import Account
from tests.oracles.slow_ledger import Book
from tests.oracles.slow_subscriptions import Subscriptions
from tests.oracles.slow_tables import Tables, World


def subscribing_world(seed: int) -> World | None:
    """Return a random world with applications; None of one that sizes orders at their fill.

    Listings are moved into the world where it has none; from the decision that applies on what is
    offered is in the universe, and is mostly wanted, then and later.
    """
    world = random_world(seed)
    if world.execution.sizing == "fill":
        return None
    rng = random.Random(f"subscriptions {seed}")  # noqa: S311 - repeatable, nothing to guess
    world = replace(
        world,
        execution=world.execution.model_copy(
            update={"ipo_entry": "subscribe", "ipo": _ipo(rng, world.decide)}
        ),
        portfolio=world.portfolio.model_copy(update={"fx": "convert", "fx_hedge": 0.0}),
        instruments=_instruments(rng, world),
        rules={
            name: [{**rule, "close_sessions": rng.choice([1, 2, 5])} for rule in own]
            for name, own in world.rules.items()
        },
    )
    return _offered(rng, world)


def _first_day(rng: random.Random, decide: str) -> dict[str, object]:
    days = ["fill", "close", "typical", *(["open"] if decide == "before_open" else [])]
    day = rng.choice(days)
    part = rng.choice([None, rng.uniform(1e-4, 0.05)]) if day != "fill" else None
    return {"first_day": day, "first_day_participation": part}


def _ipo(rng: random.Random, decide: str) -> IpoSettings:
    return IpoSettings(
        account=rng.choice(["retail", "retail", "retail", "placing"]),
        allotment=rng.choice(["expectation", "draw"]),
        seed=rng.randint(0, 99),
        handling_fee=rng.choice([0.0, 5.0, 100.0]),
        financed=rng.choice([0.0, rng.uniform(0.1, 0.9)]),
        rate=rng.choice([0.0, rng.uniform(0.01, 0.1)]),
        placed=rng.uniform(0.05, 1.0),
        **_first_day(rng, decide),
    )


def _instruments(rng: random.Random, world: World) -> pd.DataFrame:
    """Draw what is known of the demand for each listing."""
    table = world.instruments.copy()
    size = len(table)
    covered = [
        rng.choice([np.nan, rng.uniform(0.2, 3.0), rng.uniform(1, 90), rng.uniform(1e3, 1e5)])
        for _ in range(size)
    ]
    one_lot = [rng.choice([np.nan, rng.uniform(0.02, 1.0)]) for _ in range(size)]
    return table.assign(oversubscription=covered, one_lot_success=one_lot)


def _offered(rng: random.Random, world: World) -> World:
    """Open the universe between application and listing, and want something then."""
    rows = Subscriptions(Book(Account(Tables(world), world))).rows
    days = [day for day, _, _ in world.sessions[world.base]]
    universe = {symbol: list(mask) for symbol, mask in world.universe.items()}
    weights = world.weights.copy()
    table = world.instruments.set_index("symbol")
    listed = table["listed"]
    for symbol, row in rows.items():
        if row is None or table["kind"][symbol] == "index":
            continue
        until = [i for i, day in enumerate(days) if row <= i and day < listed[symbol].date()]
        for i in until:
            universe[symbol][i] = True
            stamp = pd.Timestamp(days[i])
            if stamp not in weights.index:
                continue
            weights.loc[stamp, symbol] = np.nan
            room = world.portfolio.max_gross - weights.loc[stamp].abs().sum()
            if i == row and rng.random() < 0.7:
                weights.loc[stamp, symbol] = max(room, 0.0) * rng.uniform(0.1, 0.94)
            elif i > row and rng.random() < 0.25:
                later = rng.choice([0.0, max(room, 0.0) * rng.uniform(0.05, 0.9)])
                weights.loc[stamp, symbol] = later
        if rng.random() < 0.3:  # sold in the first session, before the allotment is known
            first = [i for i, day in enumerate(days) if day == listed[symbol].date()]
            for i in first:
                if pd.Timestamp(days[i]) in weights.index:
                    weights.loc[pd.Timestamp(days[i]), symbol] = 0.0
    return replace(world, universe=universe, weights=weights)

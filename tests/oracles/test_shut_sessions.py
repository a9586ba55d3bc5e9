"""An account that cannot deal on some sessions: engine and slow simulator, world by world.

60 worlds are compared each time; ``BACKTEST_WORLDS=3000`` in the environment makes it that many.
"""

from __future__ import annotations

import os
import random

import numpy as np
import pytest

from tests.oracles.compared import differences
from tests.oracles.engine_run import make_ready, simulate_ready
from tests.oracles.random_markets import random_world
from tests.oracles.slow_ledger import simulate_slow

WORLDS = int(os.environ.get("BACKTEST_WORLDS", "60"))
CHUNK = 20


def shut_world(seed: int):
    """A random world with some of its sessions shut to the account."""
    world = random_world(seed)
    rng = random.Random(seed)  # noqa: S311 - of tests
    share = rng.choice([0.1, 0.3, 0.6])
    for exchange, days in world.sessions.items():
        world.shut |= {(exchange, row[0]) for row in days if rng.random() < share}
    return world


@pytest.mark.parametrize("first", range(0, WORLDS, CHUNK))
def test_the_engine_and_the_slow_simulator_keep_the_same_account(first, monkeypatch):
    wrong, waited = {}, 0
    for seed in range(first, min(first + CHUNK, WORLDS)):
        world = shut_world(seed)
        if world.execution.sizing == "fill":  # refused beside a calendar of the account's own
            continue

        def shut(_, own, days=world.shut):
            dates = [day for exchange, day in days if exchange == own.exchange]
            return np.isin(own.dates, np.array(dates, "datetime64[D]"))

        monkeypatch.setattr("backtest.engine.compilation.shut_sessions", shut)
        slow = simulate_slow(world)
        waited += slow.seen["waited"]
        found = differences(world, slow, simulate_ready(make_ready(world)))
        if found:
            wrong[seed] = found[:3]
    assert wrong == {}
    assert waited > CHUNK

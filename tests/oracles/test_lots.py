"""Lots by date, odd lots, least orders, first-day bands: the engine against the slow simulator.

200 worlds are compared each time; as in `test_kernel`, ``BACKTEST_WORLDS`` asks for more.
"""

from __future__ import annotations

import os
from collections import Counter

import pytest

from tests.oracles.compared import differences
from tests.oracles.engine_run import make_ready, simulate_ready
from tests.oracles.random_lots import random_lots
from tests.oracles.slow_ledger import simulate_slow

WORLDS = int(os.environ.get("BACKTEST_WORLDS", "200"))
CHUNK = 25
OFTEN = 3
HAPPENINGS = [
    "new_lot", "new_lot_cut", "odd_lot", "too_small", "rest_too_small", "scaled_too_small",
    "first_day_band",
]  # fmt: skip


@pytest.fixture(scope="module")
def met() -> Counter[str]:
    """In how many of the worlds that were compared each case occurred."""
    return Counter()


@pytest.mark.parametrize("first", range(0, WORLDS, CHUNK))
def test_the_engine_and_the_slow_simulator_agree_on_every_size_of_order(first, met):
    wrong = {}
    for seed in range(first, min(first + CHUNK, WORLDS)):
        world = random_lots(seed)
        slow = simulate_slow(world)
        met.update(name for name, times in slow.seen.items() if times)
        found = differences(world, slow, simulate_ready(make_ready(world)))
        if found:
            wrong[seed] = found[:3]
    assert wrong == {}


def test_every_rule_about_sizes_has_mattered_in_some_of_the_worlds(met):
    assert {name: met[name] for name in HAPPENINGS if met[name] < OFTEN} == {}

"""Applications in random worlds: engine and slow simulator keep the same account.

120 worlds are compared each time; ``BACKTEST_WORLDS=3000`` in the environment makes it that many.
"""

from __future__ import annotations

import os
from collections import Counter

from tests.oracles.compared import differences
from tests.oracles.engine_run import make_ready, simulate_ready
from tests.oracles.random_subscriptions import subscribing_world
from tests.oracles.slow_ledger import simulate_slow

WORLDS = int(os.environ.get("BACKTEST_WORLDS", "120"))
HAPPENINGS = (
    "applied", "applied_scaled", "allotted", "allotted_none", "drawn", "loan", "too_late",
    "sold_unseen", "first_day", "first_day_capped",
)  # fmt: skip


def test_the_engine_and_the_slow_simulator_keep_the_same_account():
    wrong, seen = {}, Counter()
    for world in filter(None, map(subscribing_world, range(WORLDS))):
        slow = simulate_slow(world)
        seen.update({name for name in HAPPENINGS if slow.seen[name]})
        found = differences(world, slow, simulate_ready(make_ready(world)))
        if found:
            wrong[len(wrong)] = found[:3]
    assert wrong == {}
    assert {name: seen[name] for name in HAPPENINGS if seen[name] < 2} == {}

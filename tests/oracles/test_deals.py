"""Corporate actions: the engine against the slow simulator, world by world.

100 worlds are compared each time; as in `test_kernel`, ``BACKTEST_WORLDS`` asks for more.
"""

from __future__ import annotations

import os
from collections import Counter

import pytest

from tests.oracles.compared import differences
from tests.oracles.engine_run import make_ready, simulate_ready
from tests.oracles.random_deals import random_deals
from tests.oracles.slow_ledger import simulate_slow

WORLDS = int(os.environ.get("BACKTEST_WORLDS", "100"))
CHUNK = 25
OFTEN = 3
HAPPENINGS = [
    "claim", "claim_paid", "scrip_shares", "scrip_cash", "in_kind", "rights_taken", "rights_sold",
    "rights_owed", "rights_short_of_cash", "takeover", "moved", "moved_order",
]  # fmt: skip


@pytest.mark.parametrize("first", range(0, WORLDS, CHUNK))
def test_the_engine_and_the_slow_simulator_agree_on_every_corporate_action(first):
    wrong = {}
    for seed in range(first, min(first + CHUNK, WORLDS)):
        world = random_deals(seed)
        found = differences(world, simulate_slow(world), simulate_ready(make_ready(world)))
        if found:
            wrong[seed] = found[:3]
    assert wrong == {}


def test_every_corporate_action_occurs_in_some_of_the_worlds():
    worlds: Counter[str] = Counter()
    for seed in range(100):
        worlds.update(name for name, n in simulate_slow(random_deals(seed)).seen.items() if n)
    assert {name: worlds[name] for name in HAPPENINGS if worlds[name] < OFTEN} == {}


def test_trades_and_interest_explain_the_account_to_the_last_cent():
    # Where a receivable is in another currency, its rate moves in no trade.
    checked = 0
    for seed in range(200):
        world = random_deals(seed)
        home = (world.instruments["currency"] == world.portfolio.currency).all()
        if not home:
            continue
        done = simulate_ready(make_ready(world))
        if done.bankrupt:
            continue
        checked += 1
        rest = done.ledger.loc[done.ledger["kind"].isin(["interest", "borrow"]), "amount"].sum()
        start = world.portfolio.cash.amount
        moved = done.nav["nav"].iloc[-1] - start
        assert done.trades["pnl"].sum() + rest == pytest.approx(moved, abs=1e-8 * start), seed
    assert checked > 20

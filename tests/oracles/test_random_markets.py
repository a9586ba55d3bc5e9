"""Random worlds are repeatable, and 300 of them meet every case often enough."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import pandas as pd
import pytest

from tests.oracles.random_bars import new_york_summer
from tests.oracles.random_markets import random_world
from tests.oracles.slow_ledger import SlowResult, simulate_slow
from tests.oracles.slow_tables import World

SEEDS = 300
OFTEN = 10

STATUSES = [
    "filled", "partial", "lapsed", "cash_scaled", "capped", "blocked_exit", "limit", "no_price",
    "replaced", "cancelled", "not_shortable", "tick_rule",
]  # fmt: skip
REASONS = [
    "signal", "universe", "stop_loss", "take_profit", "trailing_stop", "max_sessions", "delisted",
]  # fmt: skip
LEDGER = [
    "trade", "fee", "fx_cost", "dividend", "fraction", "interest", "borrow", "delisting",
    "subscription", "write_off", "conversion", "revaluation", "hedge", "hedge_cost",
]  # fmt: skip
HAPPENINGS = [
    "impact", "clamped", "dropped", "cover", "short", "through_zero", "offer", "band", "deferred",
    "deferred_sold", "exit_capped", "exit_limit", "split_held", "split_pending", "fraction",
    "dividend_held", "dividend_pending", "debt", "earned", "delisted_by_action",
    "delisted_by_close", "carried_lapsed", "carried_capped", "carried_cash_scaled",
    "carried_limit", "topped_up", "squared", "held_back", "settled", "hedged", "earned_abroad",
]  # fmt: skip


@pytest.fixture(scope="module")
def met() -> Counter[str]:
    """In how many of the worlds each case occurred."""
    worlds: Counter[str] = Counter()
    for seed in range(SEEDS):
        world = random_world(seed)
        worlds.update(_settings(world) | _tables(world) | _outcome(simulate_slow(world)))
    return worlds


def _outcome(result: SlowResult) -> set[str]:
    cases = {f"status {order.status}" for order in result.orders}
    cases |= {f"reason {fill.reason}" for fill in result.fills}
    cases |= {f"ledger {entry.kind}" for entry in result.ledger}
    cases |= {f"seen {name}" for name, count in result.seen.items() if count}
    return cases | ({"bankrupt"} if result.bankrupt else set())


def _settings(world: World) -> set[str]:
    execution, portfolio, exits = world.execution, world.portfolio, world.exits
    cases = {
        f"base {world.base}",
        f"decide {world.decide}",
        f"prices {world.prices}",
        f"currency {portfolio.currency}",
        f"fill {execution.fill}",
        f"sizing {execution.sizing}",
        f"unfilled {execution.unfilled}",
        f"ipo_entry {execution.ipo_entry}",
        f"short {portfolio.short}",
        f"cash {portfolio.fx}",
        f"spend_unsettled {portfolio.spend_unsettled}",
        f"exchanges {len(world.sessions)}",
        f"withholding {type(portfolio.withholding).__name__}",
    }
    cases |= {f"{name} set" for name, value in exits if value is not None}
    cases |= {f"slippage.{name} set" for name, value in execution.slippage if value}
    numbers = {**dict(execution), **dict(portfolio)}
    for name in (
        "fx_cost_bps", "whole_shares", "band", "borrow", "rate_spread", "fx_hedge", "fx_hedge_cost",
    ):  # fmt: skip
        cases.add(f"{name} {'set' if numbers[name] else 'off'}")
    for name in ("max_participation", "margin", "max_gross", "delisting_recovery"):
        cases.add(f"{name} {'one' if numbers[name] == 1 else 'other'}")
    return cases


def _tables(world: World) -> set[str]:
    """Cases that the frames, the sessions and the rules of a world hold."""
    bars, instruments = world.bars, world.instruments
    cases = {f"exchange {name}" for name in world.sessions}
    cases |= {f"action {kind}" for kind in world.actions["kind"]}
    cases |= {f"kind {kind}" for kind in instruments["kind"]}
    cases |= {f"lot {size}" for size in instruments["lot_size"]}
    cases |= {f"{name} missing" for name in ("open", "high", "volume") if bars[name].isna().any()}
    cases |= {"zero volume"} if (bars["volume"] == 0).any() else set()
    cases |= {f"gap in {s}" for s in ("weights",) if world.weights.isna().any(axis=None)}
    cases |= {"zero weight"} if (world.weights == 0).any(axis=None) else set()
    cases |= {"negative weight"} if (world.weights < 0).any(axis=None) else set()
    cases |= {"no rates"} if world.rates.empty else {"rates"}
    cases |= {f"rebalance {'every' if all(world.rebalance) else 'some'}"}
    for rules in world.rules.values():
        cases |= {f"rule {rule['rule']}" for rule in rules}
        fees = [rule for rule in rules if rule["rule"] == "fee"]
        cases |= {f"fee {key} {fee[key]}" for fee in fees for key in ("round", "side", "unit")}
        for key in ("min", "max", "exempt", "per_share", "fixed"):
            cases |= {f"fee {key}" for fee in fees if fee[key]}
        cases |= {f"{rule['rule']} changes" for rule in rules if rule["to"] is not None}
    return cases | _quotes(world) | _clocks(world)


def _quotes(world: World) -> set[str]:
    into, cases = world.portfolio.currency, set()
    pairs = set(zip(world.fx["base"], world.fx["quote"], strict=True))
    for currency in set(world.instruments["currency"]) - {into}:
        direct, inverse = (currency, into) in pairs, (into, currency) in pairs
        way = {(1, 0): "direct", (0, 1): "inverse", (1, 1): "both", (0, 0): "cross"}
        cases.add("fx " + way[int(direct), int(inverse)])
    return cases


def _clocks(world: World) -> set[str]:
    cases = set()
    for name, days in world.sessions.items():
        lengths = {closes - opens for _, opens, closes in days}
        cases |= {f"half day {name}"} if len(lengths) > 1 else set()
        if name == "XNYS" and len({new_york_summer(day) for day, _, _ in days}) > 1:
            cases.add("clock change")
    return cases


EXPECTED = [
    *(f"status {name}" for name in STATUSES),
    *(f"reason {name}" for name in REASONS),
    *(f"ledger {name}" for name in LEDGER),
    *(f"seen {name}" for name in HAPPENINGS),
    *(
        f"{what} {name}"
        for what in ("base", "exchange")
        for name in ("24/7", "XHKG", "XNYS", "XSHG")
    ),
    *(f"action {name}" for name in ("split", "dividend", "delisting")),
    *(f"fee round {name}" for name in ("none", "up", "nearest")),
    *(f"fee side {name}" for name in ("both", "buy", "sell")),
    *(f"fee {name}" for name in ("unit 0.01", "unit 1.0", "min", "max", "exempt", "per_share")),
    *("fee fixed", "fee changes", "tick changes"),
    *(f"rule {name}" for name in ("fee", "tick", "limit", "t_plus_one", "ipo", "settlement")),
    *(f"fx {name}" for name in ("direct", "inverse", "both", "cross")),
    *(f"currency {name}" for name in ("HKD", "USD", "CNY", "EUR")),
    *(f"kind {name}" for name in ("stock", "etf", "index", "crypto")),
    *(f"lot {name}" for name in (0.001, 1 / 1024, 1.0, 100.0, 500.0)),
    *(f"exchanges {name}" for name in (1, 2, 3)),
    *(f"decide {name}" for name in ("before_open", "after_close")),
    *(f"prices {name}" for name in ("raw", "adjusted")),
    *(f"fill {name}" for name in ("open", "close")),
    *(f"sizing {name}" for name in ("decision", "fill")),
    *(f"unfilled {name}" for name in ("lapse", "carry")),
    *(f"ipo_entry {name}" for name in ("market", "offer")),
    *(f"short {name}" for name in (True, False)),
    *("cash convert", "cash keep", "spend_unsettled True", "spend_unsettled False"),
    *(f"{name} set" for name in ("fx_hedge", "fx_hedge_cost")),
    *(f"withholding {name}" for name in ("float", "dict")),
    *(f"{x} set" for x in ("stop_loss", "take_profit", "trailing_stop", "max_sessions")),
    *(f"slippage.{name} set" for name in ("bps", "ticks", "impact")),
    *(
        f"{name} {state}"
        for name in ("fx_cost_bps", "whole_shares", "band", "borrow", "rate_spread")
        for state in ("set", "off")
    ),
    *("max_participation one", "max_participation other", "margin other", "max_gross one"),
    *("max_gross other", "delisting_recovery one", "delisting_recovery other"),
    *("open missing", "high missing", "volume missing", "zero volume", "gap in weights"),
    *("zero weight", "negative weight", "no rates", "rates", "rebalance every", "rebalance some"),
    *("half day XHKG", "half day XNYS", "clock change", "bankrupt"),
]


def test_every_case_occurs_in_at_least_ten_of_300_worlds(met):
    rare = {case: met[case] for case in EXPECTED if met[case] < OFTEN}
    assert rare == {}


def test_the_same_seed_makes_the_same_world():
    one, two = random_world(7), random_world(7)
    for name in ("instruments", "bars", "actions", "fx", "rates", "weights"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(two, name))
    assert (one.execution, one.portfolio, one.exits) == (two.execution, two.portfolio, two.exits)
    assert (one.sessions, one.rules, one.universe) == (two.sessions, two.rules, two.universe)


@pytest.mark.parametrize("seed", range(40))
def test_weights_stay_within_the_mask_and_the_largest_gross(seed):
    world = random_world(seed)
    base = [day for day, _, _ in world.sessions[world.base]]
    for stamp, row in world.weights.iterrows():
        out = [s for s in row.index if not world.universe[s][base.index(stamp.date())]]
        assert not (row[out].fillna(0.0) != 0).any()
        assert row.abs().sum() <= world.portfolio.max_gross
        assert world.portfolio.short or not (row < 0).any()


@pytest.mark.parametrize("seed", range(40))
def test_the_account_balances(seed):
    world = random_world(seed)
    result = simulate_slow(world)
    moved = sum((entry.amount for entry in result.ledger), Decimal(0))
    start = Decimal(world.portfolio.cash.amount)
    # The sum above is made with 28 digits, the oracle's own with 40.
    assert abs(start + moved - result.rows[-1].cash) < Decimal("1e-12")
    traded: dict[str, Decimal] = {}
    for fill in result.fills:
        traded[fill.symbol] = traded.get(fill.symbol, Decimal(0)) + fill.shares
    if result.bankrupt is None and not (world.actions["kind"] == "split").any():
        for symbol, shares in traded.items():
            assert abs(shares - result.shares[world.last, symbol]) < Decimal("1e-12")

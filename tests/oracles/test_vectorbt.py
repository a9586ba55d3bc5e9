"""vectorbt as a second opinion: the same weights, another engine, the same account."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from backtest import load_config
from backtest.calendars import sessions
from backtest.clock import ClockSettings, build_clock
from backtest.data.arrays import bar_arrays
from backtest.data.bundle import Bundle
from backtest.data.grid import build_grid
from backtest.execution import Execution, Portfolio
from backtest.report.explore import to_vectorbt, trade_in_vectorbt
from backtest.runner import prepare, run
from backtest.testing import rough_market
from backtest.testing.common_ground import (
    AGREEMENT,
    Ground,
    _ours,
    _theirs,
    agreement,
    differences,
    second_opinion,
)
from backtest.units import Money

ROOT = Path(__file__).resolve().parents[2]
SEEDS = 150
NAN = np.nan


def random_ground(seed: int) -> Ground:
    """A small market of one exchange, some bars and opens missing, and weights that ask for it.

    Long only, the weights of a row never above 1; NaN, 0 and numbers mixed.
    """
    rng = np.random.default_rng(seed)
    exchange = str(rng.choice(["XHKG", "XNYS", "XSHG"]))
    start = date(2021, 1, 4) + timedelta(days=int(rng.integers(0, 600)))
    days = sessions(exchange, start, start + timedelta(days=int(rng.integers(60, 150)))).dates
    names = [f"S{i}" for i in range(int(rng.integers(1, 9)))]
    frames = [_bars(rng, name, days) for name in names]
    bundle = Bundle.from_frames(
        name="random",
        prices="adjusted",
        instruments=pd.DataFrame(
            {"symbol": names, "exchange": exchange, "currency": "HKD", "kind": "stock"}
        ),
        bars=pd.concat(frames, ignore_index=True),
        checks={"spike": "warn"},
    )
    bars = bar_arrays(bundle)
    clock = build_clock(
        bars.sessions,
        ClockSettings(base=exchange, decide=str(rng.choice(["before_open", "after_close"]))),
        start=days[int(rng.integers(0, 10))].item(),
    )
    shape = (len(clock.index), len(names))
    asked = rng.random(shape) * rng.choice([0.0, 1.0, 1.0], size=shape)
    asked /= np.maximum(1.0, asked.sum(axis=1, keepdims=True) * rng.uniform(1.0, 1.5))
    asked[rng.random(shape) < rng.choice([0.0, 0.3, 0.8])] = NAN
    return Ground(
        grid=build_grid(bundle, bars),
        clock=clock,
        bundle=bundle,
        weights=pd.DataFrame(asked, index=clock.index, columns=pd.Index(names, name="symbol")),
        execution=Execution(
            fill=str(rng.choice(["open", "close"])), sizing="fill", max_participation=1.0
        ),
        portfolio=Portfolio(cash=Money(amount=float(rng.choice([1e3, 1e6, 5e8])))),
    )


def _bars(rng, name, days):
    close = rng.uniform(0.5, 300.0) * np.cumprod(1.0 + rng.normal(0.0, 0.03, len(days)))
    opened = close * (1.0 + rng.normal(0.0, 0.01, len(days)))
    opened[rng.random(len(days)) < 0.03] = NAN
    frame = pd.DataFrame(
        {
            "symbol": name,
            "session": days.astype("datetime64[ns]"),
            "open": opened,
            "high": np.fmax(opened, close) * 1.01,
            "low": np.fmin(opened, close) * 0.99,
            "close": close,
        }
    )
    kept = rng.random(len(days)) > rng.choice([0.0, 0.1])
    kept[: int(rng.choice([0, 0, 15]))] = False
    kept[-1] = True
    return frame[kept]


@pytest.fixture(scope="module")
def opinions():
    """Outcome of every random market."""
    return [agreement(random_ground(seed)) for seed in range(SEEDS)]


def test_nav_and_shares_agree_on_random_markets(opinions):
    worst = [
        (seed, found)
        for seed, found in enumerate(opinions)
        if found is not None and not found.holds
    ]
    assert worst == []


def test_the_random_markets_trade_enough_to_say_something(opinions):
    compared = [found for found in opinions if found is not None]
    assert len(compared) >= 0.95 * SEEDS
    assert sum(found.fills for found in compared) > 20_000
    assert sum(found.fills > 0 for found in compared) >= 0.95 * SEEDS


def test_both_ways_to_decide_and_to_fill_are_met():
    grounds = [random_ground(seed) for seed in range(40)]
    ways = {(one.clock.settings.decide, one.execution.fill) for one in grounds}
    assert len(ways) == 4


@pytest.mark.parametrize("seed", range(5))
def test_another_fee_would_be_seen(seed, monkeypatch):
    ground = random_ground(seed)
    scaled = replace(ground, weights=ground.weights * 0.5)
    ours = _ours(scaled)
    assert max(differences(ours, _theirs(scaled), scaled)) <= AGREEMENT
    monkeypatch.setattr("backtest.testing.common_ground.FEE", 0.001001)
    assert max(differences(ours, _theirs(scaled), scaled)) > AGREEMENT


def test_a_fifth_of_1000_buys_ten_at_20_and_a_rotation_sells_before_it_buys():
    days = pd.bdate_range("2024-01-01", periods=3)
    weights = pd.DataFrame({"A": [0.2, NAN, 0.0], "B": [NAN, NAN, 0.9]}, index=days)
    prices = np.array([[20.0, 10.0], [25.0, 10.0], [30.0, NAN]])
    marks = np.array([[20.0, 10.0], [25.0, 10.0], [30.0, 10.0]])
    done = trade_in_vectorbt(weights, prices, marks, marks, cash=1000.0, fee=0.01)
    # 10 shares of A cost 200 and a fee of 2: 798 in cash. The third session sells them for 300
    # less 3, and B has no price: nothing is bought.
    assert done.shares.tolist() == [[10.0, 0.0], [10.0, 0.0], [0.0, 0.0]]
    assert done.nav.tolist() == [998.0, 1048.0, 1095.0]


def test_a_price_that_is_unknown_before_a_first_bar_counts_for_nothing():
    days = pd.bdate_range("2024-01-01", periods=2)
    weights = pd.DataFrame({"A": [0.5, NAN], "B": [0.5, NAN]}, index=days)
    prices = np.array([[10.0, NAN], [10.0, 50.0]])
    done = trade_in_vectorbt(weights, prices, prices, prices, cash=100.0, fee=0.0)
    assert done.nav.tolist() == [100.0, 100.0]
    assert done.shares.tolist() == [[5.0, 0.0], [5.0, 0.0]]


# --- a finished run as a Portfolio -----------------------------------------------------------


@pytest.fixture(scope="module")
def rough_run(tmp_path_factory):
    """Equal weights of the rough market: a split, dividends, a delisting, two currencies."""
    folder = tmp_path_factory.mktemp("rough")
    (folder / "bundle.yaml").write_text("name: rough\nprices: raw\nsimulated: true\n")
    for name, frame in rough_market().tables.items():
        frame.to_parquet(folder / f"{name}.parquet", index=False)
    path = folder / "run.yaml"
    path.write_text(
        "name: rough\ndata: {bundle: ., start: 2022-02-01}\nclock: {rebalance: month}\n"
        "strategy: {name: equal_weight}\nexecution: {fx_cost_bps: 5, slippage: {bps: 5}}\n"
    )
    return run(load_config(path))


TRADES = ["trade", "fee", "fx_cost", "delisting", "subscription"]


def test_the_portfolio_has_the_runs_nav_but_for_cash_that_no_trade_moved(rough_run):
    portfolio = to_vectorbt(rough_run)
    other = rough_run.ledger[~rough_run.ledger["kind"].isin(TRADES)]
    assert {"dividend", "interest"} <= set(other["kind"])
    cash = other.groupby("session")["amount"].sum()
    cash = cash.reindex(rough_run.nav["session"]).fillna(0.0).cumsum().to_numpy()
    nav = rough_run.nav["nav"].to_numpy()
    # Sums of thousands of floats in another order.
    np.testing.assert_allclose(np.asarray(portfolio.value()) + cash, nav, rtol=1e-12)


def test_holdings_are_worth_the_same_and_a_split_changes_no_unit(rough_run):
    portfolio = to_vectorbt(rough_run)
    held = rough_run.positions.pivot_table(index="session", columns="symbol", values="value")
    held = held.reindex(index=portfolio.wrapper.index, columns=portfolio.wrapper.columns)
    value = np.asarray(portfolio.asset_value(group_by=False))
    np.testing.assert_allclose(value, held.fillna(0.0).to_numpy(), rtol=1e-12, atol=1e-6)
    shares = rough_run.positions.query("symbol == '0002.HK'").set_index("session")["shares"]
    units = portfolio.assets()["0002.HK"]
    before, day = sessions("XHKG", date(2022, 1, 3), date(2023, 6, 30)).dates[149:151]
    assert shares[day] == 2.0 * shares[before]
    assert units[day] == units[before]


def test_every_fill_is_an_order_with_its_fees(rough_run):
    orders = to_vectorbt(rough_run).orders
    fills = rough_run.fills
    assert orders.count() == len(fills)
    paid = (fills["fees"] * fills["fx"] + fills["fx_cost"]).sum()
    assert orders.fees.sum() == pytest.approx(paid, rel=1e-12)


def test_a_run_of_the_sample_market_comes_out_too():
    result = run(load_config(ROOT / "configs" / "ipo_day_one.yaml"))
    portfolio = to_vectorbt(result)
    assert portfolio.wrapper.shape == (len(result.nav), result.fills["symbol"].nunique())
    assert portfolio.trades.count() >= (~result.trades["open"]).sum()


# --- the door --------------------------------------------------------------------------------


def fresh(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    return done.stdout.strip()


def test_importing_the_door_loads_no_vectorbt():
    code = "import sys, backtest.report.explore, backtest.testing.common_ground\n"
    assert fresh(code + "print('vectorbt' in sys.modules)") == "False"


def test_no_setting_of_vectorbt_is_written_and_none_decides_anything():
    code = """
import copy, json, warnings
warnings.simplefilter("ignore")
import numpy as np, pandas as pd, vectorbt as vbt
from backtest.report.explore import trade_in_vectorbt

def traded():
    days = pd.bdate_range("2024-01-01", periods=2)
    weights = pd.DataFrame({"A": [0.5, 0.0], "B": [0.3, 0.8]}, index=days)
    prices = np.array([[10.0, 20.0], [12.0, 19.0]])
    done = trade_in_vectorbt(weights, prices, prices, prices, cash=1000.0, fee=0.001)
    return done.nav.tolist(), done.shares.tolist()

before = repr(vbt.settings.to_dict() if hasattr(vbt.settings, "to_dict") else dict(vbt.settings))
first = traded()
after = repr(vbt.settings.to_dict() if hasattr(vbt.settings, "to_dict") else dict(vbt.settings))
for name, value in {
    "init_cash": 1.0, "fees": 0.5, "fixed_fees": 9.0, "slippage": 0.3, "size_granularity": 1.0,
    "min_size": 1e6, "max_size": 1e-6, "reject_prob": 1.0, "lock_cash": True, "call_seq": "random",
    "cash_sharing": False, "size_type": "amount", "order_direction": "shortonly", "log": True,
    "val_price": -np.inf, "fillna_close": True, "update_value": True, "ffill_val_price": False,
    "allow_partial": False, "raise_reject": True, "freq": "1h", "attach_call_seq": True,
}.items():
    vbt.settings.portfolio[name] = value
vbt.settings.broadcasting["index_from"] = "stack"
vbt.settings.broadcasting["align_index"] = True
print(json.dumps([before == after, first == traded()]))
"""
    assert json.loads(fresh(code)) == [True, True]


# --- what is left out is said ----------------------------------------------------------------


def opinion(name, *overrides):
    stage = prepare(load_config(ROOT / "configs" / f"{name}.yaml", overrides=list(overrides)))
    return second_opinion(stage, stage.strategy.target_weights(stage.panel))


def test_what_trades_in_another_currency_is_left_out_and_named():
    claim, numbers = opinion("buy_and_hold")
    assert claim.holds
    assert any("another currency: E01.US" in note for note in claim.notes)
    assert numbers["vectorbt"]["fills"] == 1


def test_where_nothing_is_left_the_report_says_that_nothing_was_compared():
    claim, numbers = opinion("buy_and_hold", "universe.exchange=[XNYS]")
    assert claim.holds
    assert numbers == {"vectorbt": None}
    assert "nothing was compared: nothing is left" in claim.notes[-1]


def test_what_was_switched_off_is_listed():
    claim, _ = opinion("ipo_day_one")
    (off,) = [note for note in claim.notes if note.startswith("off: ")]
    for name in ("slippage", "exits", "lots, ticks", "delistings", "interest"):
        assert name in off
    assert "band" not in off

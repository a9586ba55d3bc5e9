"""The frames of a simulated account, cell by cell on markets that fit in the head."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from backtest.engine.simulation import benchmark_level
from backtest.errors import RunError
from tests.oracles.by_hand import DAYS, fee, rule, world_of
from tests.oracles.engine_run import make_ready, simulate_ready

IN_USD = {"exchange": "XNYS", "currency": "USD"}
EIGHT = [("USD", "HKD", DAYS[0] - timedelta(days=2) + timedelta(days=i), 8.0) for i in range(30)]
HALF = {"A": {1: 0.5}}


def simulated(bars, weights, **more):
    return simulate_ready(make_ready(world_of(bars, weights, **more)))


def test_a_row_of_the_nav_table():
    # 50 shares at a reference of 10, paid 10.01: slippage 0.5, a fee of 1, one-way turnover
    # 500.5 / 2 of 998.5.
    rules = {"XHKG": [fee(fixed=1.0)]}
    done = simulated({"A": [10, (10, 11, 9, 10)]}, HALF, rules=rules, slippage={"bps": 10.0})
    row = done.nav.iloc[0]
    assert row["session"] == pd.Timestamp(DAYS[1])
    assert row["cash"] == pytest.approx(1000 - 500.5 - 1)
    assert row["nav"] == pytest.approx(998.5)
    assert (row["fees"], row["slippage"]) == (1, pytest.approx(0.5))
    assert row["gross"] == row["net"] == pytest.approx(500 / 998.5)
    assert row["turnover"] == pytest.approx(500.5 / 2 / 998.5)
    assert (row["financing"], row["fx_cost"], row["stale_value"]) == (0, 0, 0)
    assert np.isnan(row["benchmark"])


def test_costs_of_a_row_are_its_own():
    rules = {"XHKG": [fee(fixed=1.0)]}
    done = simulated({"A": [10] * 4}, {"A": {1: 0.5, 3: 0.0}}, rules=rules)
    assert done.nav["fees"].tolist() == [1, 0, 1]


def test_a_short_shows_in_gross_and_net():
    done = simulated({"A": [10, 10], "B": [10, 10]}, {"A": {1: -0.25}, "B": {1: 0.5}}, short=True)
    assert (done.nav["gross"].iloc[0], done.nav["net"].iloc[0]) == (0.75, 0.25)


def test_a_halted_holding_is_stale_value():
    done = simulated({"A": [10, 10, None, 10], "B": [1] * 4}, HALF)
    assert done.nav["stale_value"].tolist() == [0, 500, 0]


def test_interest_earned_is_negative_financing_and_borrow_positive():
    rates = [("HKD", DAYS[0] - timedelta(days=9), 0.365)]
    done = simulated({"A": [10] * 3}, {}, rates=rates, cash=1000.0)
    assert done.nav["financing"].tolist() == [0, pytest.approx(-1)]


def test_positions_are_priced_and_weighed_at_the_base_close():
    about = {"A": IN_USD, "B": {}}
    done = simulated({"A": [10, 12, 15], "B": [1] * 3}, HALF, about=about, fx=EIGHT, cash=8_000.0)
    (row,) = done.positions.to_dict("records")
    assert (row["session"], row["symbol"]) == (pd.Timestamp(DAYS[2]), "A")
    assert (row["shares"], row["price"], row["value"]) == (50, 12, 4800)
    assert row["weight"] == 4800 / done.nav["nav"].iloc[-1]


def test_a_fill_names_what_was_charged_item_by_item():
    rules = {"XHKG": [fee("stamp", rate=0.001), fee("levy", fixed=0.25)]}
    done = simulated({"A": [10, (10, 11, 9, 10)]}, HALF, rules=rules, slippage={"bps": 10.0})
    (row,) = done.fills.to_dict("records")
    assert f"{row['decided_at']:%H:%M} {row['filled_at']:%H:%M}" == "01:00 01:30"
    assert (row["side"], row["shares"], row["reference"]) == ("buy", 50, 10)
    assert row["price"] == pytest.approx(10.01)
    assert row["value"] == pytest.approx(500.5)
    assert row["slippage"] == pytest.approx(0.5)
    assert (row["fee_stamp"], row["fee_levy"]) == (pytest.approx(0.5005), 0.25)
    assert row["fees"] == pytest.approx(0.7505)
    assert (row["fx"], row["fx_cost"], row["reason"]) == (1, 0, "signal")
    assert list(done.fills.columns)[-3:] == ["fee_stamp", "fee_levy", "fees"]


def test_slippage_of_a_sale_is_a_cost_as_well():
    bars = {"A": [10, (10, 11, 9, 10), (10, 11, 9, 10)]}
    done = simulated(bars, {"A": {1: 0.5, 2: 0.0}}, slippage={"bps": 10.0})
    assert (done.fills["slippage"] > 0).all()
    assert done.fills["side"].tolist() == ["buy", "sell"]


def test_an_allotment_has_its_own_fee_column_and_ledger_kind():
    about = {"A": {"listed": 2, "offer_price": 10.0, "oversubscription": 2.0}}
    rules = {"XHKG": [rule("ipo", fee=0.01, factor=1.0)]}
    done = simulated({"A": [None, None, 15], "B": [1] * 3}, {"A": {2: 0.2}}, about=about,
                     rules=rules, ipo_entry="offer")  # fmt: skip
    (row,) = done.fills.to_dict("records")
    assert (row["shares"], row["fee_subscription"], row["reason"]) == (
        10,
        pytest.approx(1),
        "offer",
    )
    assert done.ledger[["kind", "component", "amount"]].to_numpy().tolist() == [
        ["subscription", "", -100.0], ["fee", "subscription", pytest.approx(-1.0)],
    ]  # fmt: skip


def test_an_order_says_what_became_of_it_and_when():
    done = simulated({"A": [10, None, 10, 10]}, {"A": {1: 0.5, 2: 0.25}}, unfilled="carry")
    first, second = done.orders.to_dict("records")
    assert (first["shares"], first["filled"], first["status"]) == (50, 0, "replaced")
    assert first["resolved_at"] == second["decided_at"]
    assert (second["shares"], second["filled"], second["status"]) == (25, 25, "filled")
    assert (second["value"], second["side"], second["reason"]) == (250, "buy", "signal")


def test_an_order_without_a_price_has_the_value_that_was_wanted():
    done = simulated({"A": [None, 10], "B": [1, 1]}, HALF)
    (row,) = done.orders.to_dict("records")
    assert (row["status"], row["value"], row["side"]) == ("no_price", 500, "buy")
    assert np.isnan(row["shares"])


def test_the_ledger_tells_every_change_in_order_of_time():
    rules = {"XHKG": [fee("stamp", fixed=1.0)]}
    rates = [("HKD", DAYS[0] - timedelta(days=9), 0.0365)]
    actions = [("A", 2, "dividend", 1.0)]
    done = simulated({"A": [10, 10, 10]}, {"A": {1: 0.5, 2: 0.0}}, rules=rules, rates=rates,
                     actions=actions)  # fmt: skip
    told = done.ledger[["kind", "symbol", "component", "amount"]].to_numpy().tolist()
    assert told == [
        ["trade", "A", "", -500.0], ["fee", "A", "stamp", -1.0],
        ["dividend", "A", "", 50.0], ["trade", "A", "", 500.0], ["fee", "A", "stamp", -1.0],
        ["interest", "", "", pytest.approx(499 * 0.0365 / 365)],
    ]  # fmt: skip
    assert (
        done.ledger["session"].tolist() == [pd.Timestamp(DAYS[1])] * 2 + [pd.Timestamp(DAYS[2])] * 4
    )
    assert done.ledger["currency"].tolist() == ["HKD"] * 6


def test_the_ledger_has_local_amounts_of_foreign_fills():
    about = {"A": IN_USD, "B": {}}
    done = simulated({"A": [10, 10, 10], "B": [1] * 3}, HALF, about=about, fx=EIGHT, cash=8_000.0,
                     fx_cost_bps=100.0)  # fmt: skip
    rows = done.ledger[["kind", "amount", "local", "currency"]].to_numpy().tolist()
    assert rows == [["trade", -4000.0, -500.0, "USD"], ["fx_cost", -40.0, -5.0, "USD"]]


def test_an_open_at_the_instant_of_a_base_close_belongs_to_the_session_after():
    about = {"A": {"exchange": "24/7", "kind": "crypto"}}
    world = world_of({"A": [10] * 4}, {"A": {2: 0.5}}, about=about, base="24/7")
    done = simulate_ready(make_ready(world))
    assert done.fills["filled_at"].iloc[0] == pd.Timestamp(DAYS[2], tz="UTC")
    assert done.ledger["session"].tolist() == [pd.Timestamp(DAYS[2])]
    assert done.nav["cash"].tolist() == [1000, 500, 500]


def test_after_ruin_every_row_is_zero():
    done = simulated({"A": [10, 10, 40, 1, 1]}, {"A": {1: -1.0}}, short=True)
    assert done.bankrupt
    assert done.nav["nav"].tolist() == [1000, 0, 0, 0]
    assert done.nav["cash"].tolist() == [2000, 0, 0, 0]
    assert done.ledger["kind"].tolist() == ["trade", "write_off"]


def test_frames_without_rows_keep_their_columns_and_types():
    done = simulated({"A": [10, 10]}, {})
    for frame in (done.fills, done.orders, done.ledger, done.positions):
        assert frame.empty
    assert str(done.fills["filled_at"].dtype) == "datetime64[ns, UTC]"
    assert str(done.ledger["kind"].dtype) == "str"


# --- the benchmark -----------------------------------------------------------------------------


def level(bars, symbol, **more):
    ready = make_ready(world_of(bars, {}, **more))
    return benchmark_level(
        ready.bundle, ready.grid, ready.clock, symbol, ready.world.portfolio.currency
    ).tolist()


def test_a_benchmark_is_one_at_the_first_decision_with_dividends_reinvested():
    actions = [("B", 2, "dividend", 1.0)]
    assert level({"B": [10, 11, 10, 12]}, "B", actions=actions) == pytest.approx([1.1, 1.1, 1.32])


def test_a_benchmark_abroad_is_in_the_portfolios_currency_at_its_last_known_close():
    about = {"B": IN_USD, "A": {}}
    rates = [("USD", "HKD", DAYS[0] - timedelta(days=1), 8.0), ("USD", "HKD", DAYS[1], 10.0)]
    bars = {"B": [10, 11, 12], "A": [1, 1, 1]}
    # At Hong Kong's close of row 2 New York's of row 1 is known, and the rate of row 1.
    assert level(bars, "B", about=about, fx=rates) == pytest.approx([1.0, 1.1 * 10 / 8])


def test_a_benchmark_that_begins_later_is_one_at_its_first_close():
    assert level({"B": [None, None, 10, 12], "A": [1] * 4}, "B") == [
        pytest.approx(float("nan"), nan_ok=True), 1.0, 1.2,
    ]  # fmt: skip


def test_an_unknown_benchmark_is_refused():
    with pytest.raises(RunError, match="benchmark 'X' is not in bundle 'world'"):
        level({"B": [10, 10]}, "X")

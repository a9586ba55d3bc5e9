"""What weights may say, and how the engine names what they may not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from backtest.engine.orders import build_orders
from backtest.errors import StrategyError
from backtest.execution import Portfolio
from tests.oracles.by_hand import DAYS, world_of
from tests.oracles.engine_run import make_ready

NAN = float("nan")


@pytest.fixture
def ready():
    """Two stocks over five sessions, decisions on the last four; B may be held from row 3 on."""
    bars = {"A": [10] * 5, "B": [10] * 5}
    return make_ready(world_of(bars, {}, universe={"B": [False] * 3 + [True] * 2}))


def orders_of(ready, weights, clock=None, **account):
    frame = pd.DataFrame(NAN, ready.universe.index, ready.universe.columns)
    for (row, symbol), weight in weights.items():
        frame.loc[str(DAYS[row]), symbol] = weight
    return build_orders(frame, ready.universe, clock or ready.clock, Portfolio(**account))


def refusal(ready, weights, **account):
    with pytest.raises(StrategyError) as told:
        orders_of(ready, weights, **account)
    return str(told.value).splitlines()


def test_numbers_become_orders_by_decision_of_the_run_and_column(ready):
    orders = orders_of(ready, {(1, "A"): 0.5, (3, "A"): 0.0, (3, "B"): 0.25})
    assert orders.ptr.tolist() == [0, 1, 1, 3, 3]
    assert orders.column.tolist() == [0, 0, 1]
    assert orders.weight.tolist() == [0.5, 0.0, 0.25]


def test_rows_before_the_run_and_decisions_that_send_no_orders_are_not_looked_at(ready):
    allowed = ready.clock.can_rebalance.copy()
    allowed[2] = False
    clock = replace(ready.clock, can_rebalance=allowed)
    orders = orders_of(ready, {(0, "A"): 99.0, (2, "A"): -7.0, (3, "A"): 0.5}, clock)
    assert orders.weight.tolist() == [0.5]


def test_a_weight_outside_the_universe_is_told_with_date_and_symbol(ready):
    lines = refusal(ready, {(1, "B"): 0.5})
    assert lines == [
        "Weights cannot be traded:",
        "  2024-01-03 B: weight 0.5 is outside the universe; only 0 and NaN are allowed there",
    ]
    assert orders_of(ready, {(1, "B"): 0.0}).weight.tolist() == [0.0]


def test_a_negative_weight_says_how_to_sell_short(ready):
    (_, line) = refusal(ready, {(2, "A"): -0.5})
    assert line == "  2024-01-04 A: weight -0.5 is below 0; set portfolio.short to sell short"
    assert orders_of(ready, {(2, "A"): -0.5}, short=True).weight.tolist() == [-0.5]


def test_an_infinite_weight_is_told_once(ready):
    """It is below 0, outside the universe and above the gross limit as well."""
    (_, line) = refusal(ready, {(1, "B"): -np.inf, (1, "A"): 0.5})
    assert line == "  2024-01-03 B: weight -inf is infinite"


def test_a_row_beyond_the_largest_gross_names_its_largest_weight(ready):
    (_, line) = refusal(ready, {(3, "A"): 0.5, (3, "B"): 0.75})
    assert line == (
        "  2024-01-05: absolute weights sum to 1.25 (most in B), above portfolio.max_gross 1"
    )
    assert orders_of(ready, {(3, "A"): 0.5, (3, "B"): 0.75}, max_gross=1.25)


def test_a_sum_that_rounding_puts_above_one_is_one(ready):
    assert len(orders_of(ready, {(3, "A"): 0.7, (3, "B"): 0.3 + 1e-10}).weight) == 2
    with pytest.raises(StrategyError, match="sum to 1"):
        orders_of(ready, {(3, "A"): 0.7, (3, "B"): 0.3 + 1e-8})


def test_shorts_count_for_the_gross(ready):
    (_, line) = refusal(ready, {(3, "A"): -0.75, (3, "B"): 0.5}, short=True)
    assert "sum to 1.25 (most in A)" in line


def test_of_many_faults_five_are_shown_and_the_rest_counted():
    bars = {"A": [10] * 10}
    ready = make_ready(world_of(bars, {}))
    lines = refusal(ready, {(row, "A"): -0.5 for row in range(1, 10)})
    assert len(lines) == 7
    assert lines[-1] == "  ... and 4 more that is below 0"


@pytest.mark.parametrize("what", ["rows", "columns"])
def test_a_frame_of_another_shape_is_refused(ready, what):
    universe = ready.universe
    frame = pd.DataFrame(0.0, universe.index, universe.columns)
    frame = frame.iloc[1:] if what == "rows" else frame[["A"]]
    counts = "4 for 5" if what == "rows" else "1 for 2"
    with pytest.raises(
        StrategyError, match=rf"returned other {what} than the panel's \({counts}\)"
    ):
        build_orders(frame, universe, ready.clock, Portfolio())


def test_columns_in_another_order_are_refused_and_not_guessed(ready):
    frame = pd.DataFrame(0.0, ready.universe.index, ["B", "A"])
    with pytest.raises(StrategyError, match="other columns"):
        build_orders(frame, ready.universe, ready.clock, Portfolio())


def test_what_is_no_frame_or_holds_no_numbers_is_refused(ready):
    with pytest.raises(StrategyError, match="must return a DataFrame, got dict"):
        build_orders({}, ready.universe, ready.clock, Portfolio())
    words = pd.DataFrame("x", ready.universe.index, ready.universe.columns)
    with pytest.raises(StrategyError, match="must hold numbers, got a column of"):
        build_orders(words, ready.universe, ready.clock, Portfolio())


def test_whole_numbers_and_truth_values_are_weights(ready):
    frame = pd.DataFrame({"A": [0, 0, 1, 0, 0], "B": [False] * 5}, ready.universe.index)
    orders = build_orders(frame, ready.universe, ready.clock, Portfolio())
    assert orders.weight.sum() == 1.0

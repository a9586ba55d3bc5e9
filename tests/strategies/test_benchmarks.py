"""buy_and_hold and equal_weight, on panels small enough to see."""

import numpy as np
import pytest
from pydantic import ValidationError

from backtest.errors import StrategyError
from strategies.buy_and_hold import BuyAndHold
from strategies.equal_weight import EqualWeight

NAN = np.nan


def test_two_names_are_bought_once_at_half_each(make_panel):
    weights = BuyAndHold(symbols=("B", "A")).target_weights(make_panel({"A": [1, 2], "B": [3, 3]}))
    assert weights.iloc[0].tolist() == [0.5, 0.5]
    assert weights.iloc[1].isna().all()


def test_weights_go_with_the_symbols_in_the_order_written(make_panel):
    strategy = BuyAndHold(symbols=("B", "A"), weights=(0.2, 0.7))
    assert strategy.target_weights(make_panel({"A": [1], "B": [3]})).iloc[0].tolist() == [0.7, 0.2]


def test_a_name_is_bought_when_its_price_is_first_known(make_panel):
    weights = BuyAndHold(symbols=("A", "B")).target_weights(
        make_panel({"A": [1, 1, 1], "B": [NAN, 5, 5]})
    )
    assert weights["A"].dropna().to_dict() == {weights.index[0]: 0.5}
    assert weights["B"].dropna().to_dict() == {weights.index[1]: 0.5}


def test_it_waits_for_the_first_decision_that_may_send_orders(make_panel):
    weights = BuyAndHold().target_weights(make_panel({"A": [1, 1]}, rebalance=[False, True]))
    assert np.isnan(weights["A"].iloc[0])
    assert weights["A"].iloc[1] == 1.0


def test_without_symbols_it_takes_the_universe_of_the_first_decision_only(make_panel):
    panel = make_panel({"A": [1, 1], "B": [1, 1], "C": [NAN, 1]}, universe=[[1, 0, 1], [1, 1, 1]])
    weights = BuyAndHold().target_weights(panel)
    assert weights["A"].iloc[0] == 1.0
    assert weights[["B", "C"]].isna().to_numpy().all()


def test_a_universe_that_is_never_known_is_never_bought(make_panel):
    assert BuyAndHold().target_weights(make_panel({"A": [NAN]})).isna().to_numpy().all()


def test_symbols_that_the_bundle_lacks_are_all_named(make_panel):
    with pytest.raises(StrategyError, match="not in the bundle: X, Y"):
        BuyAndHold(symbols=("Y", "A", "X")).target_weights(make_panel({"A": [1]}))


def test_one_weight_for_each_symbol_and_no_symbol_twice():
    with pytest.raises(ValidationError, match="got 1 for 2"):
        BuyAndHold(symbols=("A", "B"), weights=(1.0,))
    with pytest.raises(ValidationError, match="must not repeat"):
        BuyAndHold(symbols=("A", "A"))


def test_four_members_get_a_quarter_each_and_a_stranger_nothing(make_panel):
    panel = make_panel({name: [10] for name in "ABCDE"}, universe=[[1, 1, 0, 1, 1]])
    weights = EqualWeight().target_weights(panel).iloc[0]
    assert weights[["A", "B", "D", "E"]].tolist() == [0.25] * 4
    assert np.isnan(weights["C"])


def test_a_member_without_a_price_does_not_count(make_panel):
    weights = EqualWeight().target_weights(make_panel({"A": [1, 1], "B": [NAN, 1]}))
    assert weights["A"].tolist() == [1.0, 0.5]
    assert np.isnan(weights["B"].iloc[0])


def test_what_leaves_the_universe_is_sold_with_an_exact_zero(make_panel):
    panel = make_panel({"A": [1, 1], "B": [1, 1]}, universe=[[1, 1], [1, 0]])
    assert EqualWeight().target_weights(panel).iloc[1].tolist() == [1.0, 0.0]


def test_an_empty_universe_is_no_order(make_panel):
    panel = make_panel({"A": [1]}, universe=[[0]])
    assert EqualWeight().target_weights(panel).isna().to_numpy().all()

"""low_pe_rotation on a handful of names with prices of 10."""

import numpy as np
import pytest
from pydantic import ValidationError

from strategies.low_pe_rotation import LowPeRotation

NAN = np.nan


@pytest.fixture
def panel_of(make_panel):
    """One row per list of earnings; price 10, so earnings of 1 are a yield of 10 %."""

    def make(*earnings, ages=None, **parts):
        rows, columns = len(earnings), len(earnings[0])
        close = parts.pop("close", None)
        if close is None:
            close = {name: [10.0] * rows for name in "ABCDEFGH"[:columns]}
        ages = np.zeros((rows, columns)) if ages is None else np.asarray(ages, float)
        return make_panel(close, facts={"eps_ttm": earnings}, ages={"eps_ttm": ages}, **parts)

    return make


def row(weights, at=-1):
    return {name: value for name, value in weights.iloc[at].items() if not np.isnan(value)}


def test_the_two_cheapest_get_half_each(panel_of):
    weights = LowPeRotation(top=2, keep=2).target_weights(panel_of([1, 3, 2, 0.5]))
    assert row(weights) == {"B": 0.5, "C": 0.5}


def test_a_loss_ranks_below_any_profit(panel_of):
    # By P/E the loss of -100 would look cheapest; by E/P it is last.
    weights = LowPeRotation(top=2, keep=2).target_weights(panel_of([-0.1, 0.01, 0.2]))
    assert row(weights) == {"B": 0.5, "C": 0.5}


def test_price_counts_as_much_as_earnings(panel_of):
    panel = panel_of([1, 1], close={"A": [10.0], "B": [8.0]})
    assert row(LowPeRotation(top=1, keep=1).target_weights(panel)) == {"B": 1.0}


def test_equal_yields_go_by_column_order(panel_of):
    assert row(LowPeRotation(top=1, keep=1).target_weights(panel_of([1, 1]))) == {"A": 1.0}


def test_a_held_name_stays_while_its_rank_is_within_keep(panel_of):
    panel = panel_of([3, 2, 1], [2, 3, 1], [1, 3, 2])
    weights = LowPeRotation(top=1, keep=2).target_weights(panel)
    assert row(weights, 0) == {"A": 1.0}
    assert row(weights, 1) == {"A": 1.0}  # second, but kept
    assert row(weights, 2) == {"A": 0.0, "B": 1.0}  # third: sold, the cheapest bought


def test_without_a_band_every_change_of_rank_is_traded(panel_of):
    weights = LowPeRotation(top=1, keep=1).target_weights(panel_of([3, 2], [2, 3]))
    assert row(weights) == {"A": 0.0, "B": 1.0}


def test_unknown_earnings_are_neither_bought_nor_kept(panel_of):
    panel = panel_of([3, NAN], [NAN, NAN])
    weights = LowPeRotation(top=1, keep=2).target_weights(panel)
    assert row(weights, 0) == {"A": 1.0}
    assert row(weights, 1) == {"A": 0.0}


def test_earnings_older_than_max_age_are_unknown(panel_of):
    panel = panel_of([1, 3], ages=[[200, 201]])
    assert row(LowPeRotation(top=1, keep=1, max_age=200).target_weights(panel)) == {"A": 1.0}


def test_fewer_names_than_slots_leave_the_rest_in_cash(panel_of):
    assert row(LowPeRotation(top=4, keep=4).target_weights(panel_of([1, NAN, 2]))) == {
        "A": 0.25,
        "C": 0.25,
    }


def test_names_outside_the_universe_take_no_rank(panel_of):
    panel = panel_of([9, 2, 1], universe=[[0, 1, 1]])
    assert row(LowPeRotation(top=1, keep=1).target_weights(panel)) == {"B": 1.0}


def test_sectors_take_turns_cheapest_first(panel_of):
    panel = panel_of([9, 8, 7, 1, 2], sectors=["X", "X", "X", "Y", "Y"])
    in_turn = LowPeRotation(top=2, keep=2, by_sector=True).target_weights(panel)
    assert row(in_turn) == {"A": 0.5, "E": 0.5}
    assert row(LowPeRotation(top=2, keep=2).target_weights(panel)) == {"A": 0.5, "B": 0.5}


def test_of_two_sector_leaders_the_cheaper_comes_first(panel_of):
    panel = panel_of([1, 2], sectors=["X", "Y"])
    weights = LowPeRotation(top=1, keep=1, by_sector=True).target_weights(panel)
    assert row(weights) == {"B": 1.0}


def test_names_without_a_sector_form_one(panel_of):
    panel = panel_of([9, 8, 1], sectors=[None, "", "Y"])
    weights = LowPeRotation(top=2, keep=2, by_sector=True).target_weights(panel)
    assert row(weights) == {"A": 0.5, "C": 0.5}


def test_only_decisions_that_may_send_orders_rotate(panel_of):
    panel = panel_of([3, 2], [2, 3], [2, 3], rebalance=[True, False, True])
    weights = LowPeRotation(top=1, keep=1).target_weights(panel)
    assert row(weights, 1) == {}
    assert row(weights, 2) == {"A": 0.0, "B": 1.0}


def test_keep_below_top_is_refused_with_both_numbers():
    with pytest.raises(ValidationError, match="keep must be at least top, got 2 and 3"):
        LowPeRotation(top=3, keep=2)


def test_it_follows_the_clock():
    assert LowPeRotation.own_schedule is False

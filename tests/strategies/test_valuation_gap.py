"""valuation_gap on two or three funds whose gaps are plain to see."""

import numpy as np
import pytest

from strategies.valuation_gap import ValuationGap

NAN = np.nan
ROWS = 60
CALM = [0.05 if row % 2 else 0.051 for row in range(50)]  # an earnings yield at a price of 100


def strategy(**params):
    return ValuationGap(**{"earnings": "e", "history": 40, "switch": 0.0, **params})


@pytest.fixture
def panel_of(make_panel):
    """Funds at 100 with the earnings yields given; every figure one day old."""

    def make(yields, **parts):
        values = np.column_stack(list(yields.values())) * 100.0
        close = dict.fromkeys(yields, [100.0] * len(values))
        parts.setdefault("ages", {"e": np.ones(values.shape)})
        return make_panel(close, facts={"e": values}, **parts)

    return make


def held(weights):
    """Symbols held after each row."""
    level = weights.ffill()
    return [tuple(level.columns[row > 0]) for row in level.to_numpy()]


def test_the_fund_that_became_cheap_by_its_own_history_is_held_though_the_other_is_cheaper(
    panel_of,
):
    # B yields 10 % throughout; A went from 5 % to 7 %: dear next to B, cheap next to itself.
    yields = {"A": [*CALM, *[0.07] * 10], "B": [0.10 if r % 3 else 0.101 for r in range(ROWS)]}
    weights = strategy().target_weights(panel_of(yields))
    assert set(held(weights)[52:]) == {("A",)}


def test_a_gap_is_measured_against_the_mean_of_the_others(panel_of):
    # All three become cheaper by as much: no gap has moved, and nobody is better than before.
    jump = [*CALM, *[value + 0.03 for value in CALM[:10]]]
    weights = strategy().target_weights(panel_of({"A": jump, "B": jump, "C": jump}))
    assert weights.iloc[45:].isna().to_numpy().all()


def test_the_first_score_comes_after_half_the_history(panel_of):
    yields = {"A": [0.05 + 0.001 * (row % 5) for row in range(ROWS)], "B": [0.05] * ROWS}
    weights = strategy().target_weights(panel_of(yields))
    assert (weights > 0).any(axis=1).to_numpy().argmax() == 19


def test_a_held_fund_stays_until_it_is_beaten_by_the_switch(panel_of):
    yields = {"A": [*CALM, *[0.07] * 5, *[0.03] * 5], "B": [0.05] * ROWS}
    assert held(strategy().target_weights(panel_of(yields)))[-1] == ("B",)
    stays = held(strategy(switch=99.0).target_weights(panel_of(yields)))
    assert len(set(stays[19:])) == 1  # no lead is ever as large


def test_two_of_three_funds_get_a_half_each(panel_of):
    yields = {
        "A": [*CALM, *[0.07] * 10],
        "B": [*CALM, *[0.06] * 10],
        "C": [*CALM, *[0.02] * 10],
    }
    weights = strategy(top=2).target_weights(panel_of(yields))
    assert held(weights)[-1] == ("A", "B")
    assert set(weights.to_numpy()[weights.to_numpy() > 0]) == {0.5}


def test_stale_earnings_are_unknown_and_one_fund_alone_has_no_gap(panel_of):
    yields = {"A": [*CALM, *[0.07] * 10], "B": [0.05] * ROWS}
    ages = np.column_stack([np.ones(ROWS), np.where(np.arange(ROWS) < 55, 1, 300)])
    weights = strategy().target_weights(panel_of(yields, ages={"e": ages}))
    assert held(weights)[54] == ("A",)
    assert held(weights)[55] == ()


def test_without_earnings_the_price_against_its_own_mean_takes_their_place(make_panel):
    wave = [100.0 + (row % 2) for row in range(50)]
    close = {"A": [*wave, *[70.0] * 10], "B": [*wave, *[100.0] * 10]}
    weights = strategy(earnings=None).target_weights(make_panel(close))
    assert held(weights)[-1] == ("A",)

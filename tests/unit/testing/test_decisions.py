"""Which decisions are asked about again."""

import numpy as np
import pandas as pd
import pytest

from backtest.clock import ClockSettings
from backtest.data.future import cut
from backtest.execution import Portfolio
from backtest.panel.universe import UniverseSettings
from backtest.testing.decisions import EVENTS, chosen_decisions
from backtest.testing.panels import Recipe, scene_of, span_until


def scene(bundle, **clock):
    return scene_of(Recipe(ClockSettings(**clock), UniverseSettings(), Portfolio()), bundle)


def orders(made, rows):
    """Weights that ask for 0001.HK in these rows only."""
    weights = made.panel.close * np.nan
    weights.iloc[rows, weights.columns.get_loc("0001.HK")] = 0.5
    return weights


def test_events_of_the_rough_market_are_found_where_they_were_put(rough):
    made = scene(rough)
    home = made.clock.base_sessions
    columns = made.grid.columns

    def of(name):
        known, column = EVENTS[name](made)
        return dict(zip(column.tolist(), known.tolist(), strict=True)), known

    splits, times = of("split")
    assert list(splits) == [columns["0002.HK"]]
    assert times[0] == home.open[150]
    assert list(of("delisting")[0]) == [columns["0008.HK"]]
    assert list(of("listing")[0]) == [columns["0009.HK"], columns["0010.HK"]]
    halts, _ = EVENTS["price after a halt"](made)
    assert home.close[111] in halts  # 0003.HK, halted in sessions 90 to 110
    known, column = EVENTS["dividend"](made)
    assert known.tolist() == home.open[[100, 230]].tolist()
    assert set(column.tolist()) == {columns["0001.HK"]}


def test_a_restatement_is_known_when_it_came_and_not_when_the_first_figure_did(rough):
    made = scene(rough)
    known, _ = EVENTS["restatement"](made)
    facts = rough.facts[rough.facts["field"] == "eps_ttm"]
    again = facts[facts.duplicated(["symbol", "period"])]
    assert len(known) == len(again) > 10
    assert set(pd.DatetimeIndex(known, tz="UTC")) == set(again["known_at"])


def test_there_are_at_least_five_and_each_says_why(rough):
    made = scene(rough)
    chosen = chosen_decisions(made, orders(made, slice(None)))
    assert list(chosen) == sorted(chosen)
    assert list(chosen.values()).count("spread over the run") == 5
    for event in EVENTS:
        assert any(why.endswith(f"a {event} is known") for why in chosen.values()), event


def test_rows_that_send_orders_are_preferred(rough):
    made = scene(rough)
    rows = list(range(10, 366, 10))
    chosen = chosen_decisions(made, orders(made, rows))
    assert set(chosen) <= set(rows)


def test_the_only_order_is_among_them(rough):
    made = scene(rough)
    chosen = chosen_decisions(made, orders(made, [77]))
    assert chosen[77] == "the first order"
    assert len(chosen) >= 6


def test_only_decisions_that_may_send_orders_count(rough):
    made = scene(rough, rebalance="month")
    chosen = chosen_decisions(made, orders(made, slice(None)))
    assert made.clock.can_rebalance[list(chosen)].all()


def test_the_same_inputs_choose_the_same(rough):
    one, two = scene(rough), scene(rough)
    weights = orders(one, slice(None))
    assert chosen_decisions(one, weights) == chosen_decisions(two, weights)


@pytest.mark.parametrize("decide", ["before_open", "after_close"])
def test_a_cut_panel_ends_with_the_decision_itself(rough, decide):
    made = scene(rough, decide=decide)
    row = 200
    past = cut(rough, made.panel.decisions[row])
    recipe = Recipe(ClockSettings(decide=decide), UniverseSettings(), Portfolio())
    shorter = scene_of(recipe, past, span=span_until(made, row))
    assert shorter.panel.sessions.equals(made.panel.sessions[: row + 1])
    for name in ("close", "returns", "new_bars", "adjusted_close"):
        cut_off = getattr(shorter.panel, name)
        whole = getattr(made.panel, name).iloc[: row + 1][shorter.panel.symbols]
        pd.testing.assert_frame_equal(cut_off, whole, check_exact=True, check_freq=False)

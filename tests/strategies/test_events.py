"""What the strategies with events say they waited for."""

import numpy as np
import pandas as pd
import pytest

from strategies.equal_weight import EqualWeight
from strategies.ipo_day_one import IpoDayOne
from strategies.spillover_dip import SpilloverDip

# A falls by 1 - 0.95 x 0.95 = 9.75 % over rows 31 and 32, one for one with the nights before.
NIGHTS = [*[0.01, -0.01] * 15, -0.05, -0.05, 0.0, 0.0]
FALL = 0.95 * 0.95 - 1.0


def path(moves):
    return 100.0 * np.cumprod(1.0 + np.asarray(moves))


@pytest.fixture
def dips():
    return SpilloverDip(source="US", window=2, drop=0.08, estimation=20, flow=None, hold=3)


@pytest.fixture
def panel(make_panel):
    """A follows the nights; B falls on its own in the same rows."""
    own = [0.0, *NIGHTS[:-1]]
    alone = [0.0, *[0.01, -0.01] * 15, -0.07, -0.07, 0.0]
    close = {"A": path(own), "B": path(alone), "US": path(NIGHTS)}
    return make_panel(close, universe=[[1, 1, 0]] * len(NIGHTS))


def asked(strategy, panel):
    return strategy.events(panel, strategy.target_weights(panel))


def test_a_strategy_waits_for_nothing_unless_it_says_so(panel):
    assert asked(EqualWeight(), panel) is None


def test_a_dip_is_told_once_on_the_first_row_that_is_deep_enough(dips, panel):
    events = asked(dips, panel)
    mine = events[events["symbol"] == "A"]
    assert [panel.sessions.get_loc(day) for day in mine["session"]] == [32]
    assert mine["depth"].item() == pytest.approx(FALL, abs=1e-12)


def test_the_part_of_a_fall_that_the_source_explains_is_all_of_it_for_a_follower(dips, panel):
    share = asked(dips, panel).set_index("symbol")["spillover_share"]
    assert share["A"] == pytest.approx(1.0, abs=1e-9)


def test_a_fall_that_is_not_bought_is_told_all_the_same(dips, panel):
    choosy = dips.model_copy(update={"share": 0.9})  # 9.75 % of B's 13.5 % came from the source
    assert not (choosy.target_weights(panel)["B"] > 0).any()
    share = asked(choosy, panel).set_index("symbol")["spillover_share"]
    assert share["B"] == pytest.approx(FALL / (0.93 * 0.93 - 1.0), abs=1e-9)


def test_every_buy_is_an_event(dips, random_panel):
    weights = dips.target_weights(random_panel)
    events = dips.events(random_panel, weights)
    bought = {
        (weights.index[t], weights.columns[j]) for t, j in np.argwhere(weights.to_numpy() > 0)
    }
    assert bought
    assert bought <= set(zip(events["session"], events["symbol"], strict=True))


@pytest.mark.parametrize("rows", [60, 100, 140])
def test_events_do_not_know_the_future(dips, random_panel, rows):
    whole, cut = asked(dips, random_panel), asked(dips, random_panel.cut(rows))
    known = whole[whole["session"] <= random_panel.sessions[rows - 1]].reset_index(drop=True)
    pd.testing.assert_frame_equal(known, cut)


def test_a_listing_is_an_event_whether_a_filter_lets_it_pass_or_not(make_panel):
    nan = np.nan
    panel = make_panel(
        {"A": [nan, nan, 10.0, 10.0], "B": [10.0] * 4},
        since=[[nan, nan], [0, nan], [1, nan], [2, nan]],
        listings={"oversubscription": [[nan, nan], *[[80.0, nan]] * 3],
                  "one_lot_success": [[nan, nan], *[[0.2, nan]] * 3]},
    )  # fmt: skip
    strategy = IpoDayOne(max_oversubscription=50.0)
    weights = strategy.target_weights(panel)
    events = strategy.events(panel, weights)
    assert not (weights > 0).any().any()
    assert events.to_dict("records") == [
        {"session": panel.sessions[1], "symbol": "A",
         "oversubscription": 80.0, "one_lot_success": 0.2}
    ]  # fmt: skip

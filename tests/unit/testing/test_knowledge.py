"""What the panel makes impossible, whatever a strategy does with it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from backtest.clock import ClockSettings
from backtest.execution import Portfolio
from backtest.panel.universe import UniverseSettings
from backtest.testing.panels import Recipe, scene_of

FRAMES = (
    "close", "open", "high", "low", "volume", "adjusted_close", "returns", "new_bars",
    "sessions_since_listing", "universe",
)  # fmt: skip


def panel(bundle, decide="before_open"):
    return scene_of(
        Recipe(ClockSettings(decide=decide), UniverseSettings(), Portfolio()), bundle
    ).panel


def altered(bundle, table, rows, **values):
    frame = getattr(bundle, table).copy()
    for column, value in values.items():
        frame.loc[rows, column] = value
    return replace(bundle, **{table: frame})


@pytest.mark.parametrize("decide", ["before_open", "after_close"])
@pytest.mark.parametrize("day", ["2022-03-16", "2022-07-06", "2023-01-18"])
def test_the_close_of_new_york_on_the_same_date_is_never_there(rough, decide, day):
    """Hong Kong's 16:00 is 03:00 or 04:00 in New York: that session has not begun."""
    bars = rough.bars
    today = (bars["symbol"] == "QQQ") & (bars["session"] == day)
    assert today.sum() == 1
    other = altered(
        rough, "bars", today, open=900.0, high=990.0, low=800.0, close=950.0, volume=7.0
    )
    one, two = panel(rough, decide), panel(other, decide)
    for name in FRAMES:
        pd.testing.assert_frame_equal(
            getattr(one, name).loc[:day], getattr(two, name).loc[:day], check_exact=True
        )
    assert (one.close["QQQ"].loc[day:].iloc[1:] != two.close["QQQ"].loc[day:].iloc[1:]).any()


def test_last_nights_new_york_close_is_there_before_the_open(rough):
    # 2022-03-15 closed in New York at 20:00 UTC, five hours before Hong Kong's 09:00 of the 16th.
    bars = rough.bars.set_index(["symbol", "session"])["close"]
    assert panel(rough).close.loc["2022-03-16", "QQQ"] == bars["QQQ", "2022-03-15"]


@pytest.mark.parametrize("decide", ["before_open", "after_close"])
def test_a_fact_shows_from_the_decision_after_known_at_whatever_its_period(rough, decide):
    facts = rough.facts[(rough.facts["field"] == "eps_ttm") & (rough.facts["symbol"] == "0001.HK")]
    made = panel(rough, decide)
    shown = made.fact("eps_ttm")["0001.HK"]
    first = facts.sort_values("known_at").iloc[0]
    known = made.decisions >= first["known_at"]
    assert first["period"] < made.sessions[known][0] - pd.Timedelta(days=20)
    assert shown[~known].isna().all()
    assert shown[known].iloc[0] == first["value"]


def test_no_figure_that_comes_later_moves_a_row_before_it_came(rough):
    made = panel(rough)
    day = pd.Timestamp("2022-09-01")
    at = made.decisions[made.sessions.get_loc(day)]
    late = (rough.facts["known_at"] > at).to_numpy()
    early = (rough.facts["period"] < day).to_numpy()
    assert (late & early).any()  # periods that are over, figures that are not out
    other = panel(altered(rough, "facts", late, value=1e9))
    for view in ("fact", "flow", "age"):
        pd.testing.assert_frame_equal(
            getattr(made, view)("eps_ttm").loc[:day],
            getattr(other, view)("eps_ttm").loc[:day],
            check_exact=True,
        )
    pd.testing.assert_series_equal(
        made.market_fact("southbound_net_buy").loc[:day],
        other.market_fact("southbound_net_buy").loc[:day],
        check_exact=True,
    )


def test_a_restatement_does_not_reach_back(rough):
    facts = rough.facts[rough.facts["field"] == "eps_ttm"]
    again = facts[facts.duplicated(["symbol", "period"])].iloc[0]
    first = facts[(facts["symbol"] == again["symbol"]) & (facts["period"] == again["period"])].iloc[
        0
    ]
    made = panel(rough)
    shown = made.fact("eps_ttm")[again["symbol"]]
    between = (made.decisions >= first["known_at"]) & (made.decisions < again["known_at"])
    assert between.sum() > 10
    assert np.unique(shown[between]).tolist() == [first["value"]]
    assert first["value"] != again["value"]

"""ipo_day_one on listings whose day one is a known row."""

import numpy as np
import pytest

from backtest.clock import ClockSettings
from backtest.execution import Execution
from backtest.ipo.events import events
from strategies.ipo_day_one import IpoDayOne

NAN = np.nan


@pytest.fixture
def panel_of(make_panel):
    """Symbols by the row of their listing session, None where it is unknown."""

    def make(listed, rows=8, **parts):
        at = np.arange(rows)
        since = [
            np.where(at >= first, at - first, NAN) if first is not None else np.full(rows, NAN)
            for first in listed.values()
        ]
        close = {
            name: np.where(at > (-1 if first is None else first), 10.0, NAN)
            for name, first in listed.items()
        }
        parts.setdefault("since", np.column_stack(since))
        return make_panel(close, **parts)

    return make


def orders(weights):
    """(row, symbol, weight) of every order."""
    values = weights.to_numpy()
    return {
        (int(t), weights.columns[j], float(values[t, j])) for t, j in np.argwhere(~np.isnan(values))
    }


def test_a_listing_is_bought_on_its_day_and_sold_hold_sessions_later(panel_of):
    weights = IpoDayOne(hold=2, cap=0.1).target_weights(panel_of({"A": 1}))
    assert orders(weights) == {(1, "A", 0.1), (3, "A", 0.0)}


def test_day_one_is_bought_before_any_price_of_it_is_known(panel_of):
    panel = panel_of({"A": 3})
    assert np.isnan(panel.close["A"].iloc[3])
    assert (3, "A", 0.1) in orders(IpoDayOne().target_weights(panel))


def test_a_name_whose_listing_date_is_unknown_is_no_listing(panel_of):
    assert orders(IpoDayOne().target_weights(panel_of({"A": None}))) == set()


def test_a_name_listed_before_the_data_begin_is_no_listing(panel_of):
    assert orders(IpoDayOne(hold=2).target_weights(panel_of({"A": -1}))) == set()


def test_a_listing_that_fell_on_a_day_without_a_base_session_is_missed(panel_of):
    since = np.array([[NAN], [1.0], [2.0]])
    panel = panel_of({"A": 1}, rows=3, since=since)
    assert orders(IpoDayOne().target_weights(panel)) == set()


def test_a_day_off_of_the_listings_own_exchange_is_not_a_second_day_one(panel_of):
    since = np.array([[NAN], [0.0], [0.0], [1.0]])
    panel = panel_of({"A": 1}, rows=4, since=since)
    assert orders(IpoDayOne(hold=1).target_weights(panel)) == {(1, "A", 0.1), (3, "A", 0.0)}


def test_listings_of_one_week_get_a_cap_each_while_slots_last(panel_of):
    panel = panel_of({"C": 2, "B": 1, "A": 2, "D": 2}, rows=4)
    weights = IpoDayOne(cap=0.3, max_gross=0.9, hold=9).target_weights(panel)
    # The earlier listing first, then by symbol: A and C take what B left, D is missed.
    assert orders(weights) == {(1, "B", 0.3), (2, "A", 0.3), (2, "C", 0.3)}


def test_three_tenths_make_three_slots_of_a_tenth(panel_of):
    panel = panel_of({"A": 1, "B": 1, "C": 1, "D": 1}, rows=2)
    assert len(orders(IpoDayOne(cap=0.1, max_gross=0.3).target_weights(panel))) == 3


def test_a_sale_makes_room_for_a_listing_of_the_same_day(panel_of):
    weights = IpoDayOne(cap=1.0, hold=2).target_weights(panel_of({"A": 1, "B": 3, "C": 4}))
    assert orders(weights) == {(1, "A", 1.0), (3, "A", 0.0), (3, "B", 1.0), (5, "B", 0.0)}


def test_the_lock_up_ends_six_calendar_months_after_the_listing(panel_of):
    panel = panel_of({"A": 1}, rows=140, start="2024-01-01")
    weights = IpoDayOne(until="cornerstone").target_weights(panel)
    days = weights["A"].dropna().index.strftime("%Y-%m-%d").tolist()
    assert days == ["2024-01-02", "2024-07-02"]


def test_a_lock_up_that_ends_on_a_weekend_is_over_on_the_next_session(panel_of):
    # Listed on Friday 2024-03-01; 2024-09-01 is a Sunday.
    weights = IpoDayOne(until="cornerstone").target_weights(
        panel_of({"A": 0}, rows=140, start="2024-03-01")
    )
    days = weights["A"].dropna().index.strftime("%Y-%m-%d").tolist()
    assert days == ["2024-03-01", "2024-09-02"]


def test_stabilisation_ends_thirty_days_after_applications_closed(panel_of):
    # Listed on Tuesday 2024-01-09, closed three sessions before: on the 4th. The 30th day after is
    # Saturday 3 February.
    panel = panel_of({"A": 6}, rows=40, start="2024-01-01")
    weights = IpoDayOne(until="stabilisation").target_weights(panel)
    days = weights["A"].dropna().index.strftime("%Y-%m-%d").tolist()
    assert days == ["2024-01-09", "2024-02-05"]


def test_controlling_holders_are_free_after_twelve_months(panel_of):
    panel = panel_of({"A": 1}, rows=300, start="2024-01-01")
    weights = IpoDayOne(until="controlling").target_weights(panel)
    days = weights["A"].dropna().index.strftime("%Y-%m-%d").tolist()
    assert days == ["2024-01-02", "2025-01-02"]


def test_days_since_an_event_are_unknown_before_the_listing_and_negative_ahead_of_it(panel_of):
    days = events(panel_of({"A": 1}, rows=140, start="2024-01-01"))["cornerstone"]["A"]
    assert np.isnan(days.iloc[0])
    assert days["2024-01-02"] == -182  # to 2 July
    assert days["2024-07-03"] == 1


def test_nothing_sold_on_day_one_was_bought_in_the_market():
    faults = IpoDayOne(hold=0).faults(Execution(), ClockSettings())
    assert "hold at least 1" in faults[0]
    assert IpoDayOne(hold=0).faults(Execution(ipo_entry="subscribe"), ClockSettings()) == []


@pytest.mark.parametrize(
    ("bounds", "names"),
    [
        ({"min_oversubscription": 15.0}, {"B", "C"}),
        ({"max_oversubscription": 15.0}, {"A", "B"}),
        ({"min_oversubscription": 10.0, "max_oversubscription": 20.0}, {"B"}),
    ],
)
def test_bounds_on_oversubscription_include_their_ends_and_unknown_fails(panel_of, bounds, names):
    panel = panel_of(
        {"A": 0, "B": 0, "C": 0, "D": 0},
        rows=1,
        listings={"oversubscription": [[2.0, 15.0, 1240.0, NAN]]},
    )
    bought = orders(IpoDayOne(**bounds).target_weights(panel))
    assert {name for _, name, _ in bought} == names


def test_an_unknown_oversubscription_is_bought_where_no_bound_is_set(panel_of):
    assert len(orders(IpoDayOne().target_weights(panel_of({"A": 0}, rows=1)))) == 1


def test_a_listing_outside_the_universe_is_left_and_one_that_leaves_it_is_sold(panel_of):
    panel = panel_of({"A": 1, "B": 1}, rows=4, universe=[[1, 1], [1, 0], [1, 1], [0, 1]])
    assert orders(IpoDayOne().target_weights(panel)) == {(1, "A", 0.1), (3, "A", 0.0)}


def test_nothing_is_held_from_before_the_run_begins(panel_of):
    panel = panel_of({"A": 1, "B": 4}, rebalance=[False] * 3 + [True] * 5)
    weights = IpoDayOne(hold=2).target_weights(panel)
    assert orders(weights) == {(4, "B", 0.1), (6, "B", 0.0)}


def test_a_filter_at_the_offer_is_a_fault_because_it_is_not_known_yet():
    offer = Execution(ipo_entry="offer")
    filtered = IpoDayOne(min_oversubscription=10.0)
    assert "not known when one subscribes" in filtered.faults(offer, ClockSettings())[0]
    assert IpoDayOne().faults(offer, ClockSettings()) == []
    assert filtered.faults(Execution(), ClockSettings()) == []


def test_after_the_close_is_too_late_for_day_one():
    faults = IpoDayOne().faults(Execution(), ClockSettings(decide="after_close"))
    assert faults == ["ipo_day_one needs clock.decide: before_open to trade on the first day"]


def test_it_chooses_its_own_decisions():
    assert IpoDayOne.own_schedule is True

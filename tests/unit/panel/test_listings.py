"""When an instrument is there: listing data, ages, the universe."""

from __future__ import annotations

import pytest

from backtest.errors import ConfigError

AFTER = {"decide": "after_close"}
NEW = {"A": {"listed": "2024-01-04", "offer_price": 10.0, "oversubscription": 40.0}}
BESIDE = {"B": [1] * 5}


def test_listing_data_is_known_from_midnight_of_the_listing_day_on_its_exchange(panel, values):
    made = panel({"A": [None, None, 12, 12, 12], **BESIDE}, about=NEW)
    assert values(made.listing("offer_price")) == [None, None, 10, 10, 10]
    assert values(made.listing("oversubscription")) == [None, None, 40, 40, 40]
    assert values(made.listing("one_lot_success")) == [None] * 5


def test_at_new_yorks_close_the_listing_day_in_hong_kong_has_begun(panel, values, abroad):
    # After New York's close of the 3rd, 21:00 UTC, it is 05:00 of the 4th in Hong Kong.
    made = panel({"A": [None, None, 12, 12, 12], "Q": [1] * 5}, about={**NEW, "Q": abroad},
                 clock={"base": "XNYS", "decide": "after_close"})  # fmt: skip
    assert values(made.listing("offer_price"))[:3] == [None, 10, 10]
    before = panel({"A": [None, None, 12, 12, 12], "Q": [1] * 5}, about={**NEW, "Q": abroad},
                   clock={"base": "XNYS", "decide": "before_open"})  # fmt: skip
    assert values(before.listing("offer_price"))[:3] == [None, None, 10]


def test_the_listing_day_has_no_close_yet_in_the_morning(panel, values):
    made = panel({"A": [None, None, 12, 13, 13], **BESIDE}, about=NEW)
    assert values(made.close) == [None, None, None, 12, 13]
    assert values(made.sessions_since_listing) == [None, None, 0, 1, 2]
    assert values(made.universe) == [False, False, True, True, True]


def test_sessions_since_a_listing_before_the_bundle_are_counted_on_the_calendar(panel, values):
    # 28 and 29 December 2023 and then 2 January: Hong Kong rested on the 1st.
    made = panel({"A": [10] * 3}, about={"A": {"listed": "2023-12-28"}})
    assert values(made.sessions_since_listing) == [2, 3, 4]


def test_sessions_since_an_unknown_listing_are_unknown(panel, values):
    assert values(panel({"A": [10] * 3}).sessions_since_listing) == [None] * 3


def test_a_listing_on_a_holiday_counts_from_the_next_session(panel, values):
    made = panel({"A": [10] * 3}, about={"A": {"listed": "2024-01-01"}})
    assert values(made.sessions_since_listing) == [0, 1, 2]


def test_a_listing_after_the_run_is_never_there(panel, values):
    made = panel({"A": [None] * 4 + [10], **BESIDE}, about={"A": {"listed": "2024-03-01"}})
    assert values(made.sessions_since_listing) == [None] * 5
    assert values(made.universe) == [False] * 5


def test_a_delisting_is_known_from_midnight_of_its_day(panel, values):
    made = panel({"A": [10, 10, 10, None, None], **BESIDE}, about={"A": {"delisted": "2024-01-04"}})
    assert values(made.universe) == [True, True, False, False, False]
    after = panel({"A": [10, 10, 10, None, None], **BESIDE}, clock=AFTER,
                  about={"A": {"delisted": "2024-01-04"}})  # fmt: skip
    assert values(after.universe) == [True, True, False, False, False]


def test_an_index_is_a_signal_and_never_held(panel, values):
    made = panel({"A": [10], "I": [100]}, about={"I": {"kind": "index"}}, clock=AFTER)
    assert values(made.universe, "I") == [False]
    assert values(made.close, "I") == [100]


@pytest.mark.parametrize(
    ("settings", "held"),
    [
        ({"exchange": "XNYS"}, ["Q"]),
        ({"kind": ["etf"]}, ["E"]),
        ({"sector": "Tech"}, ["A"]),
        ({"symbols": ["A", "Q"]}, ["A", "Q"]),
        ({"symbols": ["A", "Q"], "exclude": "Q"}, ["A"]),
        ({}, ["A", "E", "Q"]),
    ],
)
def test_filters_by_what_never_changes(panel, abroad, settings, held):
    about = {"Q": abroad, "E": {"kind": "etf"}, "A": {"sector": "Tech"}}
    made = panel({"A": [1], "E": [1], "Q": [1]}, about=about, universe=settings)
    assert made.universe.columns[made.universe.iloc[0]].tolist() == held


def test_min_history_counts_bars_known_not_sessions(panel, values):
    made = panel({"A": [10, None, 10, 10, 10], **BESIDE}, universe={"min_history": 3})
    assert values(made.universe) == [False, False, False, False, True]


def test_ages_bound_the_universe_on_both_sides_where_they_are_known(panel, values):
    bars = {"A": [None, None, 12, 12, 12], **BESIDE}
    old = panel(bars, about=NEW, universe={"listed_at_least": 2}).universe
    assert (values(old), values(old, "B")) == ([False] * 4 + [True], [True] * 5)
    young = panel(bars, about=NEW, universe={"listed_at_most": 1}).universe
    assert (values(young), values(young, "B")) == ([False, False, True, True, False], [False] * 5)


LIQUID = {"min_turnover": "1000 HKD"}


def test_turnover_is_the_median_of_close_times_volume_over_ten_sessions_at_least(panel, values):
    bars = {"A": [(10, 10, 10, 10, 100.0)] * 11}
    assert values(panel(bars, universe=LIQUID).universe) == [False] * 10 + [True]
    assert not any(values(panel(bars, universe={"min_turnover": "1001 HKD"}).universe))


def test_turnover_is_in_the_portfolios_currency(panel, values, abroad):
    bars = {"Q": [(10, 10, 10, 10, 100.0)] * 11}
    fx = [("USD", "HKD", f"2024-01-{day:02d}", 8.0) for day in range(1, 17)]
    clock = {"base": "XNYS", "decide": "after_close"}
    for least, held in (("8000 HKD", True), ("8001 HKD", False)):
        made = panel(
            bars, about={"Q": abroad}, fx=fx, clock=clock, universe={"min_turnover": least}
        )
        assert values(made.universe, "Q")[-1] is held


def test_a_volume_that_the_whole_exchange_lacks_is_unknown_and_not_zero(panel, values):
    # Ten volumes among twenty sessions: their median is theirs, not half of it.
    known, lacking = (10, 10, 10, 10, 100.0), (10, 10, 10, 10, 0.0)
    made = panel({"A": [known] * 10 + [lacking] * 10}, universe=LIQUID, clock=AFTER)
    assert values(made.universe)[9:] == [True] * 11


@pytest.mark.parametrize("field", ["exchange", "kind", "sector", "symbols", "exclude"])
def test_an_unknown_name_is_a_fault_with_the_nearest_known_one(panel, field):
    about = {"ABC": {"sector": "ABC"}}
    wrong = {"exchange": "XHKX", "kind": "stok"}.get(field, "ABD")
    near = {"exchange": "XHKG", "kind": "stock"}.get(field, "ABC")
    made = panel({"ABC": [1]}, about=about, universe={field: wrong})
    with pytest.raises(ConfigError, match=rf"universe\.{field}.*'{wrong}'.*did you mean '{near}'"):
        made.universe  # noqa: B018 - filters are read when they are used

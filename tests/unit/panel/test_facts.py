"""Facts point in time: periods, restatements, sums of what arrived, ages, splits."""

from __future__ import annotations

import pytest

from backtest.errors import StrategyError

FLAT = {"A": [10] * 5, "B": [10] * 5}
# Decisions at 01:00 UTC on 2, 3, 4, 5 and 8 January 2024.


def eps(*rows):
    return [(symbol, "eps", period, known, value) for symbol, period, known, value in rows]


def test_a_fact_is_visible_from_the_decision_at_its_very_instant(panel, values):
    facts = eps(("A", "2023-12-31", "2024-01-04 01:00", 2.0),
                ("B", "2023-12-31", "2024-01-04 01:00:01", 3.0))  # fmt: skip
    made = panel(FLAT, facts=facts).fact("eps")
    assert values(made) == [None, None, 2, 2, 2]
    assert values(made, "B") == [None, None, None, 3, 3]


def test_the_latest_period_counts_and_a_late_report_of_an_old_one_does_not(panel, values):
    facts = eps(("A", "2023-06-30", "2023-08-15", 1.0), ("A", "2023-12-31", "2024-01-03", 2.0),
                ("A", "2023-09-30", "2024-01-04", 9.0))  # fmt: skip
    assert values(panel(FLAT, facts=facts).fact("eps")) == [1, 2, 2, 2, 2]


def test_a_restatement_of_the_latest_period_replaces_it_from_its_own_time_on(panel, values):
    facts = eps(
        ("A", "2023-12-31", "2023-12-31 10:00", 2.0), ("A", "2023-12-31", "2024-01-04", 1.5)
    )
    assert values(panel(FLAT, facts=facts).fact("eps")) == [2, 2, 1.5, 1.5, 1.5]


def test_a_restatement_of_an_older_period_changes_nothing(panel, values):
    facts = eps(("A", "2023-06-30", "2023-08-15", 1.0), ("A", "2023-12-31", "2024-01-03", 2.0),
                ("A", "2023-06-30", "2024-01-04", 0.5))  # fmt: skip
    assert values(panel(FLAT, facts=facts).fact("eps")) == [1, 2, 2, 2, 2]


def test_two_periods_that_come_at_once_are_the_later_one(panel, values):
    facts = eps(("A", "2023-12-31", "2024-01-03", 2.0), ("A", "2023-09-30", "2024-01-03", 9.0))
    assert values(panel(FLAT, facts=facts).fact("eps")) == [None, 2, 2, 2, 2]


def test_per_share_facts_are_divided_by_the_splits_after_them(panel, values):
    actions = [("A", "2024-01-04", "split", 4.0)]
    facts = eps(("A", "2023-12-31", "2024-01-02", 2.0))
    split = panel(FLAT, facts=facts, actions=actions, per_share=["eps"])
    # Known from the open of the 4th: the decision of the 5th is the first after it.
    assert values(split.fact("eps")) == [2, 2, 2, 0.5, 0.5]
    plain = panel(FLAT, facts=facts, actions=actions)
    assert values(plain.fact("eps")) == [2] * 5


def test_per_share_facts_that_came_after_a_split_are_in_new_shares_already(panel, values):
    actions = [("A", "2024-01-03", "split", 4.0)]
    facts = eps(("A", "2023-12-31", "2024-01-04", 0.5))
    made = panel(FLAT, facts=facts, actions=actions, per_share=["eps"])
    assert values(made.fact("eps")) == [None, None, 0.5, 0.5, 0.5]


def test_per_share_facts_between_two_splits_are_divided_by_the_second_only(panel, values):
    actions = [("A", "2024-01-03", "split", 4.0), ("A", "2024-01-05", "split", 2.0)]
    facts = eps(("A", "2023-12-31", "2024-01-04", 1.0))
    made = panel(FLAT, facts=facts, actions=actions, per_share=["eps"])
    assert values(made.fact("eps")) == [None, None, 1, 1, 0.5]


def buys(*rows):
    return [(symbol, "buy", period, known, value) for symbol, period, known, value in rows]


def test_a_flow_is_the_sum_of_what_came_since_the_row_before(panel, values):
    facts = buys(("A", "2024-01-01", "2024-01-01 10:00", 100.0),
                 ("A", "2024-01-02", "2024-01-02 10:00", 5.0),
                 ("A", "2024-01-03", "2024-01-04 00:30", 7.0),
                 ("A", "2024-01-04", "2024-01-04 00:45", 8.0))  # fmt: skip
    # What the first row knows came at an unknown time before; on the fourth nothing came.
    assert values(panel(FLAT, facts=facts).flow("buy")) == [None, 5, 15, None, None]


def test_a_restated_flow_adds_its_difference(panel, values):
    facts = buys(("A", "2024-01-02", "2024-01-02 10:00", 5.0),
                 ("A", "2024-01-02", "2024-01-04 00:30", 3.0),
                 ("A", "2024-01-02", "2024-01-05 00:30", 4.0))  # fmt: skip
    assert values(panel(FLAT, facts=facts).flow("buy")) == [None, 5, -2, 1, None]


def test_a_flow_over_a_weekend_comes_on_monday(panel, values):
    facts = buys(("A", "2024-01-05", "2024-01-05 10:00", 1.0),
                 ("A", "2024-01-06", "2024-01-06 10:00", 2.0))  # fmt: skip
    assert values(panel(FLAT, facts=facts).flow("buy")) == [None, None, None, None, 3]


def test_an_age_counts_whole_days_from_the_first_publication_of_the_latest_period(panel, values):
    facts = eps(("A", "2023-06-30", "2023-12-30 01:00", 1.0),
                ("A", "2023-12-31", "2024-01-03 02:00", 2.0),
                ("A", "2023-12-31", "2024-01-05 00:00", 2.5))  # fmt: skip
    # 23 hours after it came out it is 0 days old; a restatement does not make it young again.
    assert values(panel(FLAT, facts=facts).age("eps")) == [3, 4, 0, 1, 4]


def test_market_wide_facts_are_series(panel, values):
    facts = [("", "flow", "2024-01-02", "2024-01-02 10:00", 5.0),
             ("", "flow", "2024-01-03", "2024-01-03 10:00", 6.0)]  # fmt: skip
    made = panel(FLAT, facts=facts)
    assert values(made.market_fact("flow")) == [None, 5, 6, 6, 6]
    assert values(made.market_flow("flow")) == [None, 5, 6, None, None]
    assert made.market_fact("flow").name == "flow"


def test_a_panel_says_whether_a_fact_is_by_symbol_or_market_wide(panel):
    made = panel(FLAT, facts=[*eps(("A", "2023-12-31", "2024-01-02", 1.0)),
                              ("", "flow", "2024-01-02", "2024-01-02 10:00", 5.0)])  # fmt: skip
    assert (made.has_fact("eps"), made.has_fact("flow"), made.has_fact("x")) == (
        "symbol", "market", None,
    )  # fmt: skip


def test_an_unknown_fact_is_refused_with_those_there_are(panel):
    made = panel(FLAT, facts=eps(("A", "2023-12-31", "2024-01-02", 1.0)))
    with pytest.raises(StrategyError, match=r"has no fact 'sales'.*eps"):
        made.fact("sales")

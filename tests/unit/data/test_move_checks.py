"""Prices against the actions between them: what is found, what is explained."""

import numpy as np
import pandas as pd
import pytest


def actions(*rows):
    return pd.DataFrame(rows, columns=["symbol", "ex_session", "kind", "value"])


def checks(made):
    return [finding.check for finding in made.findings]


@pytest.mark.parametrize("closes", [[10.0, 30.0, 31.0], [30.0, 10.0, 11.0], [10.0, 30.0]])
def test_a_threefold_price_that_stays_is_a_jump(bundle, bars, found, closes):
    made = bundle(bars("A", closes))
    assert found(made) == [("jump", "bars", ("A",), 1, 0)]
    assert made.findings[0].first == made.findings[0].last == "2024-01-03"


@pytest.mark.parametrize("closes", [[10.0, 29.9, 30.0], [30.0, 10.1, 10.0]])
def test_less_than_threefold_is_no_jump(bundle, bars, closes):
    assert bundle(bars("A", closes)).findings == ()


def test_a_jump_over_sessions_without_a_bar_is_one(bundle, bars, found):
    table = bars("A", [10.0, 10.0, 10.0, 100.0]).iloc[[0, 3]]
    assert found(bundle(table)) == [("jump", "bars", ("A",), 1, 0)]


def test_dropping_jumps_drops_the_bars_before_the_last_with_hindsight(bundle, bars, found):
    table = [bars("A", [1.0, 10.0, 100.0, 99.0]), bars("B", [5.0, 5.0])]
    made = bundle(*table, checks={"jump": "drop"})
    assert found(made) == [("jump", "bars", ("A",), 2, 2)]
    assert made.bars["close"].tolist() == [100.0, 99.0, 5.0, 5.0]
    assert made.findings[0].message.endswith("bars before the jump are dropped with hindsight")


def test_a_spike_and_its_way_back_are_no_jump(bundle, bars):
    assert checks(bundle(bars("A", [4.0, 400.0, 4.0, 4.0]))) == ["spike"]


def test_a_split_that_the_price_follows_is_no_jump(bundle, bars):
    split = actions(("A", "2024-01-03", "split", 10.0))
    assert bundle(bars("A", [100.0, 10.0, 10.0]), actions=split).findings == ()


def test_a_split_in_a_halt_belongs_to_the_next_bar(bundle, bars):
    table = bars("A", [100.0, 100.0, 10.0]).iloc[[0, 2]]
    split = actions(("A", "2024-01-03", "split", 10.0))
    assert bundle(table, actions=split).findings == ()


def test_two_actions_at_once_count_together(bundle, bars):
    """100 becomes two of 50; 10 in cash leave 40."""
    both = actions(("A", "2024-01-03", "split", 2.0), ("A", "2024-01-03", "dividend", 10.0))
    assert bundle(bars("A", [100.0, 40.0]), actions=both).findings == ()


@pytest.mark.parametrize(
    ("ratio", "after"), [(2.0, 100.0), (10.0, 33.0), (0.1, 100.0), (10.0, 100.0), (2.0, 75.0)]
)
def test_a_split_that_the_price_does_not_follow_is_found(bundle, bars, found, ratio, after):
    """100 split in two and still at 75 would be a day of +50 %."""
    split = actions(("A", "2024-01-03", "split", ratio))
    made = bundle(bars("A", [100.0, after, after]), actions=split)
    assert found(made) == [("split_without_move", "actions", ("A",), 1, 0)]
    dropped = bundle(
        bars("A", [100.0, after, after]), actions=split, checks={"split_without_move": "drop"}
    )
    assert dropped.actions.empty


def test_a_split_before_the_first_bar_or_after_the_last_is_not_judged(bundle, bars):
    splits = actions(("A", "2024-01-02", "split", 2.0), ("A", "2024-01-04", "split", 2.0))
    table = [bars("A", [100.0, 100.0]), bars("B", [7.0, 7.0, 7.0])]
    assert bundle(*table, actions=splits).findings == ()


def test_a_dividend_above_30_percent_of_the_last_close_is_found(bundle, bars, found):
    paid = actions(("A", "2024-01-03", "dividend", 31.0), ("A", "2024-01-04", "dividend", 29.0))
    made = bundle(bars("A", [100.0, 100.0, 71.0]), actions=paid)
    assert found(made) == [("large_dividend", "actions", ("A",), 1, 0)]
    assert made.findings[0].first == "2024-01-03"


def test_a_dividend_is_per_share_after_the_split(bundle, bars):
    """40 on a share of 100 after two for one is four fifths of its 50."""
    both = actions(("A", "2024-01-03", "split", 2.0), ("A", "2024-01-03", "dividend", 40.0))
    assert checks(bundle(bars("A", [100.0, 50.0]), actions=both)) == ["large_dividend"]


@pytest.mark.parametrize(("cash", "after"), [(95.0, 5.0), (500.0, 100.0)])
def test_a_large_dividend_is_told_once(bundle, bars, cash, after):
    paid = actions(("A", "2024-01-03", "dividend", cash))
    assert checks(bundle(bars("A", [100.0, after]), actions=paid)) == ["large_dividend"]


def test_dropping_one_kind_of_action_leaves_the_other(bundle, bars, found):
    both = actions(("A", "2024-01-03", "dividend", 50.0), ("B", "2024-01-03", "split", 5.0))
    made = bundle(
        bars("A", [100.0, 100.0]),
        bars("B", [100.0, 100.0]),
        actions=both,
        checks={"large_dividend": "drop"},
    )
    assert found(made) == [
        ("large_dividend", "actions", ("A",), 1, 1),
        ("split_without_move", "actions", ("B",), 1, 0),
    ]
    assert made.actions["symbol"].tolist() == ["B"]


def test_bars_on_days_without_a_session_do_not_take_part(bundle, bars):
    table = bars("A", [10.0, 100.0, 10.0])
    table["session"] = pd.to_datetime(["2024-01-05", "2024-01-06", "2024-01-08"])
    assert checks(bundle(table, checks={"not_a_session": "warn"})) == ["not_a_session"]


def test_an_unknown_close_is_no_jump(bundle, bars):
    table = bars("A", [10.0, np.nan, 11.0])
    assert checks(bundle(table, checks={"close_missing": "warn"})) == ["close_missing"]

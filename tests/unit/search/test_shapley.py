"""Shapley values against games whose values are in the books."""

from __future__ import annotations

import numpy as np
import pytest

from backtest.search.shapley import all_orders, drawn_orders, split


def shares(worth, orders):
    found = split(lambda causes: np.array([worth(causes)]), orders)
    return found.shares[:, 0]


def test_the_glove_game_gives_two_thirds_to_the_scarce_glove():
    """Osborne & Rubinstein (1994): one left glove, two right ones, a pair is worth 1."""
    values = shares(lambda who: float(0 in who and len(who) > 1), all_orders(3))
    assert values == pytest.approx([2 / 3, 1 / 6, 1 / 6], abs=1e-15)


def test_the_airport_game_splits_each_stretch_among_those_who_need_it():
    """Littlechild & Owen (1973): runways of 8, 11, 13 and 18 for four planes."""
    needs = (8.0, 11.0, 13.0, 18.0)
    values = shares(lambda who: max((needs[plane] for plane in who), default=0.0), all_orders(4))
    assert values == pytest.approx([2.0, 3.0, 4.0, 9.0], abs=1e-12)


def test_a_cause_that_changes_nothing_has_no_share():
    values = shares(lambda who: float(1 in who), all_orders(3))
    assert values.tolist() == [0.0, 1.0, 0.0]


def test_each_set_of_causes_is_asked_for_once():
    asked = []

    def outcome(causes):
        asked.append(causes)
        return np.array([float(len(causes))])

    split(outcome, all_orders(4))
    assert len(asked) == len(set(asked)) == 16


def test_shares_of_any_orders_add_up_to_the_difference():
    random = np.random.default_rng(2)
    worth: dict[frozenset[int], float] = {}

    def outcome(causes):
        return np.array([worth.setdefault(causes, float(random.normal()))])

    found = split(outcome, drawn_orders(7, count=5, seed=1))
    whole = worth[frozenset(range(7))] - worth[frozenset()]
    assert found.shares.sum() == pytest.approx(whole, abs=1e-12)


def test_drawn_orders_come_near_the_whole_and_their_error_says_how_near():
    needs = (8.0, 11.0, 13.0, 18.0)
    found = split(
        lambda who: np.array([max((needs[plane] for plane in who), default=0.0)]),
        drawn_orders(4, count=400, seed=3),
    )
    distance = (found.shares[:, 0] - np.array([2.0, 3.0, 4.0, 9.0])) / found.errors[:, 0]
    assert np.abs(distance).max() < 3.0
    assert found.errors.max() < 0.5


def test_the_same_seed_draws_the_same_orders():
    assert drawn_orders(6, count=8, seed=4) == drawn_orders(6, count=8, seed=4)
    assert drawn_orders(6, count=8, seed=4) != drawn_orders(6, count=8, seed=5)


def test_orders_through_what_cannot_be_had_are_left_out():
    """Without cause 1, cause 0 cannot be: only the order 1, 0 is left."""
    worth = {(): 0.0, (1,): 2.0, (0, 1): 5.0}

    def outcome(causes):
        value = worth.get(tuple(sorted(causes)))
        return None if value is None else np.array([value])

    found = split(outcome, all_orders(2))
    assert (found.orders, found.shares[:, 0].tolist()) == (1, [3.0, 2.0])
    assert np.isnan(found.errors).all()


def test_where_no_order_is_left_there_is_no_split():
    ends = {frozenset(): 0.0, frozenset({0, 1}): 1.0}
    found = split(
        lambda causes: np.array([ends[causes]]) if causes in ends else None, all_orders(2)
    )
    assert found is None


def test_an_outcome_that_is_not_defined_leaves_the_others_alone():
    worth = {(): (0.0, 0.0), (0,): (1.0, np.nan), (1,): (1.0, 1.0), (0, 1): (2.0, 3.0)}
    found = split(lambda causes: np.array(worth[tuple(sorted(causes))]), all_orders(2))
    assert found.shares[:, 0].tolist() == [1.0, 1.0]
    assert np.isnan(found.shares[:, 1]).all()

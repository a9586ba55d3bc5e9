"""The paper book, decision by decision, with numbers that fit in the head."""

from __future__ import annotations

import numpy as np
import pytest

from backtest.sleeves.book import Asked, fitted, in_order, paper_book

NAN = np.nan


def book_of(
    *weights,
    returns,
    divides=(0,),
    shares=None,
    inside=None,
    may_order=None,
    universe=None,
    **settings,
):
    """Sleeves given as rows of decisions x instruments; equal shares unless given."""
    wanted = np.array(weights, dtype=np.float64)
    count, rows, columns = wanted.shape
    asked = Asked(
        weights=wanted,
        inside=np.ones(wanted.shape, bool) if inside is None else np.array(inside),
        universe=np.ones((rows, columns), bool) if universe is None else np.array(universe),
        may_order=np.ones((count, rows), bool) if may_order is None else np.array(may_order),
        divides=np.isin(np.arange(rows), divides),
    )
    given = np.full(count, 1.0 / count) if shares is None else np.array(shares)
    moves = np.array(returns, dtype=np.float64).reshape(rows, columns)
    return paper_book(asked, moves, lambda _: given, **{"first": 0, "max_gross": 1.0, **settings})


def test_weights_of_two_sleeves_are_added():
    book = book_of([[0.4, 0.0]], [[0.2, 0.6]], returns=[[0, 0]])
    assert book.net.tolist() == [pytest.approx([0.3, 0.3])]


def test_opposite_wishes_never_reach_the_market():
    # One sells its half of 0.5 NAV, the other buys as much of the same: no change at all.
    book = book_of([[1.0], [0.0]], [[0.0], [1.0]], returns=[[0], [0]])
    assert book.net.ravel().tolist() == [0.5, 0.5]
    assert book.orders[:, 1].ravel().tolist() == [-0.5, 0.5]


def test_a_long_and_a_short_of_the_same_size_are_exactly_nothing():
    book = book_of([[0.3]], [[-0.3]], returns=[[0]])
    assert book.net.tolist() == [[0.0]]


def test_no_order_of_any_is_no_order():
    book = book_of([[0.4], [NAN]], [[0.2], [NAN]], returns=[[0], [0.1]])
    assert np.isnan(book.net[1, 0])


def test_the_nan_of_one_keeps_its_shares_while_another_orders():
    # Halves of NAV 100: A holds 50 in X, B nothing. X doubles: A has 100 of 150, 2/3.
    # B then wants 0.3 of its 50 in X: 15. Together 115 / 150.
    book = book_of([[1.0], [NAN]], [[0.0], [0.3]], returns=[[0], [1.0]])
    assert book.shares[1] == pytest.approx([2 / 3, 1 / 3])
    assert book.net[1, 0] == pytest.approx(115 / 150)
    assert book.orders[:, 1, 0] == pytest.approx([0.0, 0.1])


def test_paper_returns_are_those_of_the_holdings_cash_included():
    book = book_of(
        [[0.5, 0.0], [NAN, NAN]], [[0.0, 1.0], [NAN, NAN]], returns=[[0, 0], [0.1, -0.2]]
    )
    assert np.isnan(book.returns[0]).all()
    assert book.returns[1] == pytest.approx([0.05, -0.2])


def test_a_new_division_moves_everything_that_is_held():
    # As above, X doubled: dividing anew gives A back half of NAV, so half of NAV in X.
    book = book_of([[1.0], [NAN]], [[0.0], [NAN]], returns=[[0], [1.0]], divides=(0, 1))
    assert book.net[:, 0].tolist() == [0.5, 0.5]
    assert book.orders[:, 1, 0] == pytest.approx([0.5 - 2 / 3, 0.0])


def test_what_is_asked_where_a_sleeve_may_not_order_is_ignored():
    book = book_of([[1.0], [0.0]], returns=[[0], [0]], may_order=[[True, False]])
    assert book.net[0, 0] == 1.0
    assert np.isnan(book.net[1, 0])


def test_what_left_the_sleeves_universe_is_sold_at_its_next_rebalance():
    book = book_of(
        [[1.0], [NAN], [NAN]],
        returns=[[0], [0], [0]],
        inside=[[[True], [False], [False]]],
        may_order=[[True, False, True]],
    )
    assert np.isnan(book.net[1, 0])
    assert book.net[2, 0] == 0.0


def test_what_left_the_runs_universe_is_sold_at_once():
    book = book_of(
        [[1.0], [NAN]],
        returns=[[0], [0]],
        universe=[[True], [False]],
        may_order=[[True, False]],
    )
    assert book.net[1, 0] == 0.0


def test_new_numbers_shrink_to_what_is_left_beside_what_is_kept():
    # 0.9 kept; 0.3 wanted, but 0.1 is left of a whole.
    book = book_of([[0.9, NAN], [NAN, 0.3]], returns=[[0, 0], [0, 0]])
    assert book.net[1, 1] == pytest.approx(0.1)


def test_the_sum_over_sleeves_fits_max_gross():
    book = book_of([[1.0]], [[1.0]], returns=[[0]], shares=[1.0, 1.0], max_gross=1.5)
    assert book.net[0, 0] == pytest.approx(1.5)


def test_a_sleeve_that_lost_everything_holds_nothing():
    book = book_of([[1.0], [NAN]], [[0.0], [NAN]], returns=[[0], [-1.0]])
    assert book.returns[1].tolist() == [-1.0, 0.0]
    assert book.shares[1].tolist() == [0.0, 1.0]


def test_nothing_is_carried_before_the_first_decision():
    book = book_of([[1.0], [1.0]], returns=[[0], [0]], divides=(1,), first=1)
    assert np.isnan(book.net[0, 0])
    assert book.net[1, 0] == 1.0


def test_a_sum_term_by_term_is_the_same_with_zeros_between():
    values = np.random.default_rng(1).normal(size=1000)
    spread = np.zeros(3001)
    spread[np.sort(np.random.default_rng(2).choice(3001, 1000, replace=False))] = values
    assert in_order(values) == in_order(spread)


def test_scaling_leaves_what_fits_untouched_to_the_bit():
    wanted = np.full(500, 0.002)
    assert (fitted(np.zeros(500), wanted, 1.0) == wanted).all()

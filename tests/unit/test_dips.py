"""Entries in parts, exits on recovery, and the hedge, on prices that fit in the head."""

import numpy as np
import pytest

from backtest.dips import Fall, Stay, dip_orders, hedge_orders

NAN = np.nan


def orders(prices, dips, **changes):
    """Orders of one name whose fall began two rows before its entry."""
    close = np.array(prices, dtype=float)[:, None]
    is_dip = np.array([row in dips for row in range(len(close))])[:, None]
    inside = np.ones_like(is_dip)
    stay = Stay(window=2, hold=5, max_names=4, stages=1, recover=1.0)._replace(**changes)
    fall = Fall(is_dip, close - 100.0, close, inside)
    column = dip_orders(fall, list(range(len(close))), stay)[:, 0]
    return {int(row): float(column[row]) for row in np.flatnonzero(~np.isnan(column))}


def test_all_is_bought_at_once_and_sold_after_the_hold():
    assert orders([100, 95, 90, 90, 90, 90, 90, 90, 90], {2}) == {2: 0.25, 7: 0.0}


def test_the_second_half_is_bought_when_it_is_cheaper_and_still_a_dip():
    prices = [100, 95, 90, 91, 88, 87, 87, 87, 87]
    assert orders(prices, {2, 3, 4, 5}, stages=2) == {2: 0.125, 4: 0.25, 7: 0.0}
    assert orders(prices, {2, 3}, stages=2) == {2: 0.125, 7: 0.0}


def test_each_part_must_be_below_the_one_before():
    prices = [100, 95, 90, 88, 89, 87, 87, 87, 87]
    assert orders(prices, {2, 3, 4, 5}, stages=4) == {2: 0.0625, 3: 0.125, 5: 0.1875, 7: 0.0}


@pytest.mark.parametrize(("recover", "sold"), [(1.0, 6), (0.5, 4), (0.1, 3)])
def test_it_is_sold_when_that_part_of_the_fall_is_regained(recover, sold):
    # From 90 half the way to 100 is 95, a tenth of it 91.
    prices = [100, 95, 90, 92, 96, 98, 100, 100, 100]
    assert orders(prices, {2}, recover=recover) == {2: 0.25, sold: 0.0}


def test_a_name_that_was_sold_may_be_bought_again_in_parts_from_the_first_on():
    prices = [100, 95, 90, 88, 100, 95, 90, 89, 89]
    assert orders(prices, {2, 3, 6}, stages=2) == {2: 0.125, 3: 0.25, 4: 0.0, 6: 0.125}


def test_the_hedge_is_beta_times_what_is_held():
    held = np.array([[NAN, NAN], [0.1, 0.1], [NAN, NAN], [0.0, NAN], [NAN, 0.0]])
    beta = np.array([[9.0, 9.0], [0.5, 0.3], [9.0, 9.0], [9.0, 9.0], [9.0, 9.0]])
    # 0.1 x 0.5 + 0.1 x 0.3 is 0.08; then 0.03; a ratio of a half is half of it.
    short = hedge_orders(held, beta, 0.5)
    assert short[[0, 2]].tolist() == pytest.approx([NAN, NAN], nan_ok=True)
    assert short[[1, 3, 4]].tolist() == pytest.approx([-0.04, -0.015, 0.0], abs=1e-15)


def test_a_negative_beta_is_not_hedged_by_buying():
    assert hedge_orders(np.array([[0.1]]), np.array([[-0.5]]), 1.0).tolist() == [0.0]

import math

import numpy as np
import pytest

from backtest.measures import trading


def test_exposure_comes_from_positions_and_cash_is_none():
    row, weight = np.array([0, 0, 2]), np.array([0.5, -0.25, 1.0])
    assert trading.gross_exposure(row, weight, sessions=4).tolist() == [0.75, 0.0, 1.0, 0.0]
    assert trading.net_exposure(row, weight, sessions=4).tolist() == [0.25, 0.0, 1.0, 0.0]
    assert trading.names_held(row, weight, sessions=4).tolist() == [2, 0, 1, 0]


def test_without_positions_exposure_is_zero_throughout():
    row, weight = np.zeros(0, dtype=np.int64), np.zeros(0)
    assert trading.gross_exposure(row, weight, sessions=2).tolist() == [0.0, 0.0]
    assert trading.largest_weight(row, weight, sessions=2).tolist() == [0.0, 0.0]


def test_four_equal_weights_are_four_names_and_one_large_one_is_nearly_one():
    four = trading.effective_names(np.zeros(4, dtype=np.int64), np.full(4, 0.1), sessions=1)
    assert four.tolist() == pytest.approx([4.0])
    skewed = trading.effective_names(np.array([0, 0]), np.array([0.9, 0.1]), sessions=1)
    assert skewed.tolist() == pytest.approx([1 / 0.82])


def test_costs_in_basis_points_of_nav_a_year_and_of_traded_value():
    assert trading.bps_of_nav_per_year(2.0, np.array([900.0, 1100.0]), years=2.0) == 10.0
    assert trading.bps_of_traded_value(2.0, 1000.0) == 20.0
    assert math.isnan(trading.bps_of_traded_value(0.0, 0.0))
    assert math.isnan(trading.bps_of_nav_per_year(2.0, np.zeros(3), years=1.0))


def test_trade_measures_by_hand():
    pnl = np.array([3.0, 1.0, -1.0, 0.0])
    assert trading.win_rate(pnl) == 0.5
    assert trading.payoff_ratio(pnl) == 2.0
    assert trading.profit_factor(pnl) == 4.0
    assert trading.expectancy(pnl) == 0.75
    assert trading.share_of_best(pnl, count=1) == 0.75


def test_without_trades_or_without_losses_ratios_are_nan_not_infinite():
    none, wins = np.zeros(0), np.array([1.0, 2.0])
    for measure in (trading.win_rate, trading.payoff_ratio, trading.profit_factor):
        assert math.isnan(measure(none))
    assert math.isnan(trading.payoff_ratio(wins))
    assert math.isnan(trading.profit_factor(wins))
    assert math.isnan(trading.share_of_best(-wins, count=1))

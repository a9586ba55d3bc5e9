import math

import numpy as np
import pytest

from backtest.measures import relative

R = np.array([0.01, -0.01, 0.03])


def noisy(seed: int = 7, count: int = 600, drift: float = 0.0004) -> np.ndarray:
    return np.random.default_rng(seed).normal(drift, 0.012, count)


def test_half_the_market_plus_a_basis_point_a_day_is_beta_half_and_alpha_2_5_percent():
    market = noisy()
    mine = 0.5 * market + 0.0001
    assert relative.beta(mine, market) == pytest.approx(0.5, rel=1e-12)
    assert relative.alpha(mine, market, sessions_per_year=250) == pytest.approx(0.025, rel=1e-9)


def test_alpha_counts_the_risk_free_rate():
    # r - f = 0.5 (b - f) + a: idle cash beside half the market gives up half the rate.
    market, cash = noisy(), 0.0002
    half = 0.5 * market
    assert relative.alpha(half, market, sessions_per_year=250, risk_free=cash) == pytest.approx(
        -0.5 * 0.0002 * 250, rel=1e-9
    )


def test_pairs_with_nan_are_dropped_and_counted():
    mine, market = np.array([0.1, 0.2, 0.4]), np.array([0.05, np.nan, 0.2])
    pair = relative.paired(mine, market)
    assert (pair.returns.tolist(), pair.benchmark.tolist(), pair.dropped) == (
        [0.1, 0.4],
        [0.05, 0.2],
        1,
    )
    assert relative.beta(mine, market) == pytest.approx(2.0)


def test_against_a_benchmark_that_does_not_move_nothing_is_defined():
    mine, flat = noisy(count=20), np.zeros(20)
    assert math.isnan(relative.beta(mine, flat))
    assert math.isnan(relative.alpha(mine, flat, sessions_per_year=252))
    assert math.isnan(relative.correlation(mine, flat))
    assert math.isnan(relative.up_capture(mine, flat))
    assert math.isnan(relative.down_capture(mine, flat))


def test_the_benchmark_itself_has_no_tracking_error_and_no_information_ratio():
    market = noisy()
    assert relative.tracking_error(market, market, sessions_per_year=252) == 0.0
    assert math.isnan(relative.information_ratio(market, market, sessions_per_year=252))


def test_information_ratio_is_annualised():
    active = R - 0.0
    assert relative.information_ratio(active, np.zeros(3), sessions_per_year=100) == pytest.approx(
        5.0
    )


def test_capture_is_of_geometric_means():
    market = np.array([0.21, 0.0, 0.0, -0.2, 0.0])
    assert relative.up_capture(0.5 * market, market) == pytest.approx(0.5)
    # +0 % and +21 % compound to 10 % a period; the market's two +21 % to 21 %.
    mine, market = np.array([0.0, 0.21, 0.5]), np.array([0.21, 0.21, -0.1])
    assert relative.up_capture(mine, market) == pytest.approx(0.1 / 0.21)
    assert relative.down_capture(mine, market) == pytest.approx(-5.0)


def test_beyond_the_history_a_benchmark_is_unknown_not_flat():
    levels = np.array([np.nan, np.nan, 1.0, 1.1])
    assert np.isnan(relative.benchmark_returns(levels)).tolist() == [True, True, True, False]


def test_the_regression_on_the_benchmark_is_scipys():
    stats = pytest.importorskip("scipy.stats")
    r, market = noisy(seed=11) + 0.3 * noisy(seed=12), noisy(seed=12)
    line = stats.linregress(market, r)
    assert relative.beta(r, market) == pytest.approx(line.slope, rel=1e-12)
    assert relative.alpha(r, market, sessions_per_year=252) == pytest.approx(
        line.intercept * 252, rel=1e-12
    )
    assert relative.correlation(r, market) == pytest.approx(line.rvalue, rel=1e-12)

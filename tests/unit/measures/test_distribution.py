import math

import numpy as np
import pytest

from backtest.measures import distribution


def noisy(seed: int = 7, count: int = 600, drift: float = 0.0004) -> np.ndarray:
    return np.random.default_rng(seed).normal(drift, 0.012, count)


def test_var_of_minus_10_to_plus_10_percent_is_the_second_worst():
    assert distribution.value_at_risk(np.arange(-10, 11) / 100) == pytest.approx(-0.09)


def test_expected_shortfall_is_the_mean_at_or_beyond_var():
    assert distribution.expected_shortfall(np.arange(-10, 11) / 100) == pytest.approx(-0.095)


def test_a_tail_of_fewer_than_twenty_returns_is_not_known():
    r = np.arange(-10, 9) / 100
    assert r.size == 19
    for measure in (
        distribution.value_at_risk,
        distribution.expected_shortfall,
        distribution.tail_ratio,
    ):
        assert math.isnan(measure(r))


def test_tail_ratio_without_a_losing_tail_is_nan():
    assert math.isnan(distribution.tail_ratio(np.arange(1, 41) / 100))


def test_kurtosis_is_raw():
    assert distribution.kurtosis(np.array([-0.01, 0.01])) == pytest.approx(1.0)


def test_moments_of_a_flat_account_are_nan():
    assert math.isnan(distribution.skewness(np.zeros(5)))
    assert math.isnan(distribution.kurtosis(np.zeros(5)))


def test_a_flat_session_is_no_hit_but_counts():
    assert distribution.hit_rate(np.array([0.01, 0.0, -0.02, 0.03])) == 0.5


def test_the_longest_run_of_losses():
    r = np.array([-0.1, -0.1, 0.1, -0.1, -0.1, -0.1, 0.0])
    assert distribution.longest_run(r < 0.0) == 3
    assert distribution.longest_run(r > 0.5) == 0
    assert distribution.longest_run(np.zeros(0, dtype=bool)) == 0


def test_moments_are_scipys_population_moments():
    stats = pytest.importorskip("scipy.stats")
    r = noisy(seed=11)
    assert distribution.skewness(r) == pytest.approx(stats.skew(r, bias=True), rel=1e-12)
    assert distribution.kurtosis(r) == pytest.approx(
        stats.kurtosis(r, fisher=False, bias=True), rel=1e-12
    )

"""Differences of two strategies: published closed forms, matrices written out, rejection rates."""

import math

import numpy as np
import pytest
from scipy import stats
from scipy.signal import lfilter

from backtest import inference
from backtest.inference.blocks import circular_rows
from backtest.inference.longrun import prewhitened_variance

TESTS = (
    inference.sharpe_difference_memmel,
    inference.sharpe_difference_ledoit_wolf,
    lambda a, b: inference.sharpe_difference_bootstrap(a, b, seed=1, draws=100),
    lambda a, b: inference.paired_bootstrap_difference(a, b, seed=1, draws=100).sharpe,
)


def pair(size: int = 600, seed: int = 0, edge: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    market = rng.standard_t(5, size=size)
    first = 0.01 * (market + 0.7 * rng.standard_t(5, size=size) + edge + 0.03)
    second = 0.01 * (market + 0.7 * rng.standard_t(5, size=size) + 0.03)
    return first, second


def exact(size: int, first: float, second: float, correlation: float) -> tuple[np.ndarray, ...]:
    """Returns with exactly these ratios (deviations over n - 1) and this correlation."""
    noise = np.random.default_rng(5).normal(size=(size, 2))
    noise -= noise.mean(axis=0)
    q, _ = np.linalg.qr(noise)
    q *= math.sqrt(size - 1)
    other = correlation * q[:, 0] + math.sqrt(1 - correlation**2) * q[:, 1]
    return q[:, 0] + first, other + second


# Memmel


def test_memmels_variance_of_0_2_against_0_1_in_120_months_is_0_0085():
    # By hand: (2 - 1 + (0.04 + 0.01 - 0.04 x 0.25) / 2) / 120 = 1.02 / 120.
    error = inference.sharpe_difference_error(0.2, 0.1, correlation=0.5, observations=120)
    assert error**2 == pytest.approx(0.0085, rel=1e-12)
    assert error == pytest.approx(0.092195, abs=5e-7)


def test_memmels_test_of_such_returns_has_z_1_08_and_p_0_278():
    found = inference.sharpe_difference_memmel(*exact(120, 0.2, 0.1, 0.5))
    assert found.value == pytest.approx(0.1, rel=1e-10)
    assert found.error == pytest.approx(0.0921954446, abs=5e-11)
    assert found.statistic == pytest.approx(1.08465, abs=5e-6)
    assert found.p_value == pytest.approx(0.27808, abs=5e-6)
    reach = 1.6448536 * 0.0921954
    assert (found.low, found.high) == pytest.approx((0.1 - reach, 0.1 + reach), abs=1e-6)


def test_the_error_is_symmetric_and_has_the_same_formula_as_one_ratio_against_nothing():
    a = inference.sharpe_difference_error(0.3, -0.1, correlation=0.2, observations=50)
    b = inference.sharpe_difference_error(-0.1, 0.3, correlation=0.2, observations=50)
    assert a == b
    # Against unrelated returns the variances of Lo (2002) add up.
    both = inference.sharpe_difference_error(0.3, 0.1, correlation=0.0, observations=50)
    lo = (inference.sharpe_error_iid(r, 50) ** 2 for r in (0.3, 0.1))
    assert both**2 == pytest.approx(sum(lo), rel=1e-12)


# Ledoit and Wolf


def gradient(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The four moments of each session less their means, and the paper's gradient."""
    y = np.column_stack((a, b, a**2, b**2))
    m, n, g, h = y.mean(axis=0)
    slopes = np.array(
        [
            g / (g - m**2) ** 1.5,
            -h / (h - n**2) ** 1.5,
            -0.5 * m / (g - m**2) ** 1.5,
            0.5 * n / (h - n**2) ** 1.5,
        ]
    )
    return y - y.mean(axis=0), slopes


def test_the_robust_error_is_the_papers_delta_method():
    a, b = pair()
    moments, slopes = gradient(a, b)
    # The moments' covariance and the scalar's variance are the same number, by linearity.
    scalar = moments @ slopes
    expected = math.sqrt(prewhitened_variance(scalar) / (a.size - 4))
    assert inference.sharpe_difference_ledoit_wolf(a, b).error == pytest.approx(expected, rel=1e-9)


def test_of_independent_normal_returns_the_robust_error_is_memmels():
    rng = np.random.default_rng(9)
    m = rng.normal(size=20_000)
    a, b = (m + rng.normal(size=m.size) + 0.1 for _ in range(2))
    robust, plain = (test(a, b).error for test in TESTS[1::-1])
    # The error of an error from 20,000 sessions is about half a percent.
    assert robust == pytest.approx(plain, rel=0.02)


def test_fat_tails_make_the_robust_error_the_larger():
    a, b = pair(5000, edge=0.3)
    assert TESTS[1](a, b).error > 1.02 * TESTS[0](a, b).error


def test_the_bootstrap_is_the_papers_algorithm_written_out_with_matrices():
    a, b = pair(120, seed=3)
    length, draws, seed = 4, 50, 7
    rows = circular_rows(120, length=length, draws=draws, generator=np.random.default_rng(seed))
    value = a.mean() / a.std(ddof=1) - b.mean() / b.std(ddof=1)
    error = inference.sharpe_difference_ledoit_wolf(a, b).error
    distances = []
    for drawn in rows % 120:
        left, right = a[drawn], b[drawn]
        moments, slopes = gradient(left, right)
        covariance = np.zeros((4, 4))
        for block in range(120 // length):
            zeta = moments[block * length : (block + 1) * length].sum(axis=0) / math.sqrt(length)
            covariance += np.outer(zeta, zeta) / (120 // length)
        own = math.sqrt(slopes @ covariance @ slopes / 120)
        other = left.mean() / left.std(ddof=1) - right.mean() / right.std(ddof=1)
        distances.append(abs(other - value) / own)
    found = inference.sharpe_difference_bootstrap(
        a, b, seed=seed, draws=draws, block_length=length, level=0.9
    )
    expected = (1 + sum(d >= abs(value) / error for d in distances)) / (1 + draws)
    assert found.p_value == pytest.approx(expected, rel=1e-12)
    reach = float(np.quantile(distances, 0.9, method="higher")) * error
    assert (found.low, found.high) == pytest.approx((value - reach, value + reach), rel=1e-9)
    assert found.block_length == length


def test_the_bootstraps_interval_and_p_value_agree():
    for seed in range(40):
        a, b = pair(150, seed=seed, edge=0.1)
        found = inference.sharpe_difference_bootstrap(a, b, seed=seed, draws=199, level=0.90)
        # With 199 draws both look at the 180th of 199 distances.
        assert (found.p_value <= 0.10) == (not found.low <= 0.0 <= found.high)


# How often a true difference of 0 is called one


def rejections(test, rho: float) -> float:
    """Share of 300 pairs without a difference that a test calls different at 10 %."""
    count = 0
    for seed in range(300):
        shocks = np.random.default_rng(seed).normal(size=(3, 500))
        market, first, second = lfilter([1.0], [1.0, -rho], shocks, axis=1)
        count += test(0.05 + market + first, 0.05 + market + second).p_value <= 0.10
    return count / 300


@pytest.mark.parametrize("at", range(4))
def test_ten_percent_of_equal_pairs_are_called_different_at_ten_percent(at):
    # The error of a share of 300 near 0.1 is 0.017: three of them are 0.052.
    assert rejections(TESTS[at], 0.0) == pytest.approx(0.10, abs=0.052)


def test_memory_fools_the_closed_form_and_not_the_robust_ones():
    # Errors are too small by sqrt(1.5 / 0.5): 1.645 of them are 0.95, passed in 34 % of cases.
    assert rejections(TESTS[0], 0.5) == pytest.approx(0.34, abs=0.08)
    assert rejections(TESTS[1], 0.5) == pytest.approx(0.10, abs=0.06)
    assert rejections(TESTS[2], 0.5) == pytest.approx(0.10, abs=0.06)


# Pairs drawn together


def test_drawn_pairs_have_the_errors_of_theory():
    a, b = pair(2000)
    found = inference.paired_bootstrap_difference(a, b, seed=2, draws=2000, block_length=1)
    # The mean of independent sessions; 2,000 draws give a deviation to 1.6 %.
    assert found.mean.error == pytest.approx(np.std(a - b) / math.sqrt(2000), rel=0.05)
    assert found.mean.value == pytest.approx(np.mean(a - b), rel=1e-12)
    robust = inference.sharpe_difference_ledoit_wolf(a, b)
    assert found.sharpe.error == pytest.approx(robust.error, rel=0.06)
    assert found.sharpe.value == robust.value


def test_a_real_difference_is_found_and_its_sign_is_the_firsts():
    a, b = pair(2000, edge=0.15)
    for test in TESTS:
        found, turned = test(a, b), test(b, a)
        assert found.p_value < 0.05
        assert 0.0 < found.low < found.value < found.high
        assert turned.value == -found.value
        assert turned.high < 0.0


def test_the_same_seed_gives_the_same_answer():
    for test in (inference.sharpe_difference_bootstrap, inference.paired_bootstrap_difference):
        assert test(*pair(), seed=4) == test(*pair(), seed=4)
        assert test(*pair(), seed=4) != test(*pair(), seed=5)


def test_blocks_are_chosen_by_what_is_compared():
    a, b = pair()
    found = inference.paired_bootstrap_difference(a, b, seed=1, draws=10)
    assert found.mean.block_length == found.sharpe.block_length == inference.block_length(a - b)


# What is not defined


@pytest.mark.parametrize("at", range(4))
def test_what_cannot_be_compared_is_nan(at):
    a, b = pair(100)
    hole = np.where(np.arange(100) == 3, math.nan, b)
    for first, second in ((a, hole), (hole, a), (a, np.zeros(100)), (a, a), (a[:9], b[:9])):
        found = TESTS[at](first, second)
        assert all(math.isnan(number) for number in found[:6])


@pytest.mark.parametrize("at", range(4))
def test_leverage_does_not_change_a_ratio_so_there_is_nothing_to_test(at):
    a, _ = pair(100)
    assert math.isnan(TESTS[at](2.0 * a, a).value)


def test_leverage_does_change_the_mean():
    a, _ = pair(100)
    found = inference.paired_bootstrap_difference(2.0 * a, a, seed=1)
    assert found.mean.value == pytest.approx(a.mean(), rel=1e-12)
    assert math.isnan(inference.paired_bootstrap_difference(a + 0.01, a, seed=1).mean.value)


def test_the_units_of_returns_do_not_matter():
    a, b = pair()
    for test in TESTS:
        percent, fraction = test(100 * a, 100 * b), test(a, b)
        assert percent[:6] == pytest.approx(fraction[:6], rel=1e-9)


@pytest.mark.parametrize("at", range(4))
def test_arrays_over_other_sessions_are_refused(at):
    a, b = pair(100)
    with pytest.raises(ValueError, match=r"same sessions, got shapes \(100,\) and \(99,\)"):
        TESTS[at](a, b[1:])
    with pytest.raises(ValueError, match="same sessions"):
        TESTS[at](a[:, None], b[:, None])


def test_p_values_are_scipys():
    found = inference.sharpe_difference_ledoit_wolf(*pair(edge=0.1))
    assert found.p_value == pytest.approx(2 * stats.norm.sf(abs(found.statistic)), rel=1e-12)

"""Published and independently computed answers; each test names its source."""

import math

import numpy as np
import pytest

from backtest import inference
from backtest.inference.sharpe import sharpe_influence

SKEWED = {"skewness": -2.448, "kurtosis": 10.164}
NORMAL = {"skewness": 0.0, "kurtosis": 3.0}


def last_digit(digits: int) -> dict[str, float]:
    """Half a unit of the last digit that the source prints."""
    return {"abs": 0.5 * 10.0**-digits, "rel": 0.0}


# Standard errors


@pytest.mark.parametrize(
    ("sharpe", "observations", "printed"),
    [
        (0.5, 12, 0.306), (0.5, 60, 0.137), (0.5, 250, 0.067),
        (1.0, 12, 0.354), (1.0, 60, 0.158), (1.0, 250, 0.077),
        (2.0, 12, 0.500), (2.0, 60, 0.224), (2.0, 250, 0.110),
        (3.0, 12, 0.677), (3.0, 60, 0.303), (3.0, 250, 0.148),
    ],
)  # fmt: skip
def test_the_iid_error_is_that_of_lo_2002_table_1(sharpe, observations, printed):
    assert inference.sharpe_error_iid(sharpe, observations) == pytest.approx(
        printed, **last_digit(3)
    )


@pytest.mark.parametrize(
    ("sharpe", "skewness", "kurtosis", "printed"),
    [(0.7079, -0.2250, 2.9570, 0.1028), (0.8183, -1.4455, 7.0497, 0.1550)],
)
def test_the_mertens_error_is_that_of_bailey_and_lopez_de_prado_2012(
    sharpe, skewness, kurtosis, printed
):
    error = inference.sharpe_error_mertens(sharpe, 134, skewness=skewness, kurtosis=kurtosis)
    assert error == pytest.approx(printed, **last_digit(4))


def test_the_mertens_error_of_one_observation_is_nan():
    assert math.isnan(inference.sharpe_error_mertens(0.5, 1, **NORMAL))


def test_the_robust_error_without_lags_is_the_mertens_error_over_all_observations():
    x = np.random.default_rng(2).standard_t(6, size=400) * 0.01 + 0.001
    mean, sd = x.mean(), x.std()
    error = inference.sharpe_error_mertens(
        mean / sd,
        x.size + 1,
        skewness=float(np.mean((x - mean) ** 3) / sd**3),
        kurtosis=float(np.mean((x - mean) ** 4) / sd**4),
    )
    assert inference.sharpe_error_hac(x, lags=0) == pytest.approx(error, rel=1e-10)


def test_the_robust_error_is_the_delta_method_written_out_with_matrices():
    x = np.random.default_rng(3).normal(0.001, 0.01, 300)
    x[1:] += 0.4 * x[:-1]
    moments = np.column_stack((x, x**2))
    centred = moments - moments.mean(axis=0)
    covariance = centred.T @ centred / x.size
    for lag in range(1, 4):
        at = centred[lag:].T @ centred[:-lag] / x.size
        covariance += (1 - lag / 4) * (at + at.T)
    mean, second = moments.mean(axis=0)
    spread = second - mean**2
    gradient = np.array([second / spread**1.5, -mean / (2 * spread**1.5)])
    expected = math.sqrt(gradient @ covariance @ gradient / x.size)
    assert inference.sharpe_error_hac(x, lags=3) == pytest.approx(expected, rel=1e-10)


def test_the_robust_error_sees_that_trending_returns_know_less():
    # AR(1) with rho 0.4 and mean 0: the variance of the ratio is (1 + rho) / (1 - rho) / T.
    rng = np.random.default_rng(4)
    x = rng.normal(0.0, 1.0, (100, 1000))
    for t in range(1, 1000):
        x[:, t] += 0.4 * x[:, t - 1]
    theory = math.sqrt(1.4 / 0.6 / 1000)
    robust = np.mean([inference.sharpe_error_hac(path, lags=20) for path in x])
    assert inference.sharpe_error_iid(0.0, 1000) < 0.66 * theory
    # Bartlett's weights with 20 lags leave out a few percent.
    assert robust == pytest.approx(theory, rel=0.08)


def test_the_robust_error_of_a_flat_account_is_nan():
    assert math.isnan(inference.sharpe_error_hac(np.zeros(50)))
    assert math.isnan(inference.sharpe_error_hac(np.array([0.1])))


@pytest.mark.parametrize(
    ("rho", "printed"),
    [(0.9, 1.21), (0.5, 2.12), (0.3, 2.61), (0.2, 2.88), (0.0, 3.46), (-0.2, 4.17), (-0.5, 5.69)],
)
def test_the_annual_factor_of_autocorrelated_months_is_that_of_lo_2002(rho, printed):
    factor = inference.sharpe_scaling(rho ** np.arange(1, 12), periods=12)
    assert factor == pytest.approx(printed, **last_digit(2))


@pytest.mark.parametrize(
    ("rho", "percent"), [(0.1, 9.6), (0.2, 20.3), (0.3, 32.5), (0.4, 46.6), (0.5, 63.3)]
)
def test_the_root_of_twelve_overstates_the_ratio_of_trending_months(rho, percent):
    factor = inference.sharpe_scaling(rho ** np.arange(1, 12), periods=12)
    assert 100 * (math.sqrt(12) / factor - 1) == pytest.approx(percent, **last_digit(1))


# Probabilistic Sharpe ratio and minimum track record


def test_psr_of_the_papers_hedge_fund_is_0_913():
    odds = inference.probabilistic_sharpe(0.458, 24, **SKEWED)
    assert odds == pytest.approx(0.9133611, **last_digit(7))


def test_psr_of_the_papers_hedge_fund_with_normal_moments_is_0_982():
    odds = inference.probabilistic_sharpe(0.458, 24, **NORMAL)
    assert odds == pytest.approx(0.9816749, **last_digit(7))


def test_psr_of_an_annual_ratio_of_1_585_in_months():
    odds = inference.probabilistic_sharpe(1.585 / math.sqrt(12), 24, **SKEWED)
    assert odds == pytest.approx(0.91323430688486018, rel=1e-12)


def test_psr_at_its_own_threshold_is_one_half():
    assert inference.probabilistic_sharpe(0.3, 60, **SKEWED, threshold=0.3) == 0.5


def test_psr_takes_raw_kurtosis():
    excess = inference.probabilistic_sharpe(0.458, 24, skewness=-2.448, kurtosis=10.164 - 3.0)
    raw = inference.probabilistic_sharpe(0.458, 24, **SKEWED)
    assert (round(raw, 3), round(excess, 3)) == (0.913, 0.920)


def test_psr_of_an_unknown_ratio_is_nan():
    assert math.isnan(inference.probabilistic_sharpe(math.nan, 24, **NORMAL))
    assert math.isnan(inference.probabilistic_sharpe(0.5, 24, skewness=math.nan, kurtosis=3.0))


@pytest.mark.parametrize(
    ("sharpe", "skewness", "kurtosis", "years"),
    [(0.7079, -0.2250, 2.9570, 0.7152), (0.8183, -1.4455, 7.0497, 1.1593)],
)
def test_min_track_record_is_that_of_bailey_and_lopez_de_prado_2012(
    sharpe, skewness, kurtosis, years
):
    months = inference.min_track_record(sharpe, skewness=skewness, kurtosis=kurtosis)
    # The inputs are printed with four digits, so the answer is good to about three.
    assert months / 12 == pytest.approx(years, abs=2e-4)


@pytest.mark.parametrize(("per_year", "years"), [(250, 2.7311878), (52, 2.8288336)])
def test_min_track_record_of_an_annual_2_against_1(per_year, years):
    root = math.sqrt(per_year)
    record = inference.min_track_record(2 / root, threshold=1 / root, **NORMAL)
    assert record / per_year == pytest.approx(years, **last_digit(7))


def test_min_track_record_of_an_annual_3_against_2_5_in_months():
    root = math.sqrt(12)
    record = inference.min_track_record(
        3 / root, threshold=2.5 / root, skewness=-0.72, kurtosis=5.78
    )
    assert record / 12 == pytest.approx(27.3529202, **last_digit(7))


def test_min_track_record_of_the_papers_hedge_fund_in_months():
    assert inference.min_track_record(0.458, **SKEWED) == pytest.approx(34.5575, **last_digit(4))
    assert inference.min_track_record(0.458, **NORMAL) == pytest.approx(15.2508, **last_digit(4))


def test_no_record_is_long_enough_below_the_threshold():
    assert inference.min_track_record(0.1, threshold=0.1, **NORMAL) == math.inf
    assert inference.min_track_record_under_null(0.1, threshold=0.2, **NORMAL) == math.inf


def test_after_the_minimum_track_record_psr_is_the_confidence():
    record = inference.min_track_record(0.2, **NORMAL, confidence=0.975)
    error = math.sqrt(1 + 0.2**2 / 2) / math.sqrt(record - 1)
    assert 0.2 / error == pytest.approx(1.959964, **last_digit(6))


# The convention of 2025, with the ratio of the hypothesis in the variance


def test_the_convention_of_2025_answers_as_its_authors_code_does():
    sharpe = 0.036 / 0.079
    assert sharpe == pytest.approx(0.456, **last_digit(3))
    zero = inference.probabilistic_sharpe_under_null(sharpe, 24, **SKEWED)
    tenth = inference.probabilistic_sharpe_under_null(sharpe, 24, **SKEWED, threshold=0.1)
    assert zero == pytest.approx(0.987, **last_digit(3))
    assert tenth == pytest.approx(0.939, **last_digit(3))
    record = inference.min_track_record_under_null(sharpe, **SKEWED)
    assert record == pytest.approx(13.029, **last_digit(3))


def test_the_two_conventions_differ_on_the_same_data():
    old = inference.probabilistic_sharpe(0.458, 24, **SKEWED)
    new = inference.probabilistic_sharpe_under_null(0.458, 24, **SKEWED)
    assert (round(old, 3), round(new, 3)) == (0.913, 0.988)


# Influence, and Lo's factor from data


def test_the_influence_of_a_session_is_what_the_ratio_moves_when_it_weighs_more():
    x = np.random.default_rng(6).standard_t(5, size=300) * 0.01 + 0.001
    weight, step = np.full(x.size, 1 / x.size), 1e-6
    moved = np.empty(x.size)
    for at in range(x.size):
        tilted = (1 - step) * weight
        tilted[at] += step
        mean = np.sum(tilted * x)
        moved[at] = mean / math.sqrt(np.sum(tilted * (x - mean) ** 2))
    expected = (moved - x.mean() / x.std()) / step
    # The difference quotient of a smooth function is off by about the step.
    assert sharpe_influence(x) == pytest.approx(expected, abs=1e-3)
    assert np.mean(sharpe_influence(x)) == pytest.approx(0.0, abs=1e-12)


def test_the_influence_on_an_undefined_ratio_is_nan():
    assert np.isnan(sharpe_influence(np.full(5, 0.01))).all()


def test_a_factor_without_variance_left_is_nan():
    # Two periods that cancel: 2 + 2 x 1 x -1 = 0.
    assert math.isnan(inference.sharpe_scaling(np.array([-1.0]), periods=2))
    assert math.isnan(inference.sharpe_scaling(np.array([-1.0, -1.0]), periods=3))

"""Luck of the best of many: published and independently computed answers; each names its source."""

import math

import numpy as np
import pytest
from scipy import integrate, stats

from backtest import inference

NORMAL = {"skewness": 0.0, "kurtosis": 3.0}


def last_digit(digits: int) -> dict[str, float]:
    """Half a unit of the last digit that the source prints."""
    return {"abs": 0.5 * 10.0**-digits, "rel": 0.0}


@pytest.mark.parametrize(
    ("trials", "printed"), [(10, 1.5746), (45, 2.2356), (100, 2.5306), (1000, 3.2551)]
)
def test_the_expected_maximum_is_that_of_bailey_and_others_2014(trials, printed):
    assert inference.expected_maximum(trials) == pytest.approx(printed, **last_digit(4))


@pytest.mark.parametrize("trials", [5, 10, 45, 100, 1000])
def test_the_expected_maximum_is_up_to_4_percent_above_the_integral(trials):
    exact, _ = integrate.quad(
        lambda x: x * trials * stats.norm.pdf(x) * stats.norm.cdf(x) ** (trials - 1), -10, 10
    )
    assert 1.003 < inference.expected_maximum(trials) / exact < 1.04


def test_one_trial_has_no_luck_and_none_is_an_error():
    assert inference.expected_maximum(1) == 0.0
    with pytest.raises(ValueError, match="at least 1, got 0"):
        inference.expected_maximum(0)


PAPER = {"trial_variance": 0.5 / 250, "skewness": -3.0, "kurtosis": 10.0}
BEST = 2.5 / math.sqrt(250)


def test_luck_of_the_best_of_100_is_an_annual_ratio_of_1_79():
    luck = math.sqrt(0.5 / 250) * inference.expected_maximum(100)
    assert luck == pytest.approx(0.1132, **last_digit(4))
    assert luck * math.sqrt(250) == pytest.approx(1.7894, **last_digit(4))


def test_dsr_of_the_papers_example_is_0_9004():
    odds = inference.deflated_sharpe(BEST, 1250, trials=100, **PAPER)
    assert odds == pytest.approx(0.90039683444939034, rel=1e-9)


@pytest.mark.parametrize(
    ("trials", "printed"), [(46, 0.9505), (10, 0.9939), (200, 0.8374), (1000, 0.6399)]
)
def test_dsr_falls_with_the_number_of_trials(trials, printed):
    odds = inference.deflated_sharpe(BEST, 1250, trials=trials, **PAPER)
    assert odds == pytest.approx(printed, **last_digit(4))


@pytest.mark.parametrize(("trials", "printed"), [(88, 0.9505), (100, 0.9428)])
def test_dsr_with_normal_moments(trials, printed):
    odds = inference.deflated_sharpe(BEST, 1250, trials=trials, trial_variance=0.5 / 250, **NORMAL)
    assert odds == pytest.approx(printed, **last_digit(4))


def test_dsr_of_a_single_trial_is_psr():
    alone = inference.deflated_sharpe(BEST, 1250, trials=1, **PAPER)
    assert alone == inference.probabilistic_sharpe(BEST, 1250, skewness=-3.0, kurtosis=10.0)


@pytest.mark.parametrize(("trials", "years"), [(45, 4.9981), (7, 1.9231)])
def test_five_years_allow_no_more_than_45_trials(trials, years):
    assert inference.min_backtest_years(trials) == pytest.approx(years, **last_digit(4))
    assert inference.min_backtest_years(trials) < 2 * math.log(trials)


def test_twice_the_target_needs_a_quarter_of_the_years():
    assert inference.min_backtest_years(45, target=2.0) == pytest.approx(
        inference.min_backtest_years(45) / 4, rel=1e-12
    )


# The maximum by integration, and trials that are not whole


@pytest.mark.parametrize(
    ("trials", "printed"),
    [(5, 1.1630), (10, 1.5388), (45, 2.2077), (100, 2.5076), (1000, 3.2414)],
)
def test_the_exact_maximum_is_that_of_order_statistics(trials, printed):
    # David & Nagaraja (2003), appendix: 1.16296, 1.53875, 2.50759 for 5, 10 and 100.
    assert inference.expected_maximum_exact(trials) == pytest.approx(printed, **last_digit(4))


def test_the_exact_maximum_of_two_and_three_has_a_closed_form():
    # Known since Jones (1948): 1 / sqrt(pi) and 3 / (2 sqrt(pi)).
    two, three = inference.expected_maximum_exact(2), inference.expected_maximum_exact(3)
    assert two == pytest.approx(1 / math.sqrt(math.pi), rel=1e-10)
    assert three == pytest.approx(1.5 / math.sqrt(math.pi), rel=1e-10)


def test_the_exact_maximum_of_one_is_0_and_of_a_million_is_4_86():
    assert inference.expected_maximum_exact(1) == pytest.approx(0.0, abs=1e-10)
    # By simulation of the largest uniform: Z(1 - u), u of Beta(1, N).
    u = np.random.default_rng(1).beta(1, 1e6, 200_000)
    simulated = -stats.norm.ppf(u).mean()
    # Its deviation is 0.26, so the mean of 200,000 is good to 0.002 at three errors.
    assert inference.expected_maximum_exact(1e6) == pytest.approx(simulated, abs=0.002)


def test_trials_that_are_not_whole_lie_between_their_neighbours():
    for maximum in (inference.expected_maximum, inference.expected_maximum_exact):
        assert maximum(7) < maximum(7.3) < maximum(8)
        assert 0.0 <= maximum(1.2) <= maximum(2)
    with pytest.raises(ValueError, match=r"at least 1, got 0\.5"):
        inference.expected_maximum_exact(0.5)


# Haircut


def test_the_haircut_is_bonferronis():
    # scipy's normal distribution as the witness.
    p = 25 * 2 * stats.norm.sf(0.25 * math.sqrt(240))
    expected = stats.norm.isf(p / 2) / math.sqrt(240)
    assert inference.haircut_sharpe(0.25, 240, trials=25) == pytest.approx(expected, rel=1e-12)


def test_one_trial_has_no_haircut_and_a_loss_stays_a_loss():
    assert inference.haircut_sharpe(0.2, 250, trials=1) == pytest.approx(0.2, rel=1e-12)
    assert inference.haircut_sharpe(-0.25, 240, trials=25) == pytest.approx(
        -inference.haircut_sharpe(0.25, 240, trials=25), rel=1e-15
    )


def test_nothing_is_left_where_the_best_is_no_surprise():
    # 1.6 errors have a p-value of 0.11: the best of 10 gets there more often than not.
    assert inference.haircut_sharpe(0.16, 100, trials=10) == 0.0


def test_odds_too_small_for_a_float_leave_the_ratio_as_it_is():
    assert inference.haircut_sharpe(5.0, 10_000, trials=100) == 5.0
    assert math.isnan(inference.haircut_sharpe(math.nan, 100, trials=10))


# Trials that resemble one another


def block_correlations(*sizes: int, rho: float) -> np.ndarray:
    """Correlations of groups: ``rho`` within, 0 between."""
    groups = np.repeat(np.arange(len(sizes)), sizes)
    matrix = np.where(groups[:, None] == groups, rho, 0.0)
    np.fill_diagonal(matrix, 1.0)
    return matrix


def test_copies_count_once_and_strangers_each():
    assert inference.effective_trials(np.ones((7, 7))) == 1.0
    assert inference.effective_trials(np.eye(7)) == 7.0
    assert inference.effective_trials(block_correlations(4, 4, 4, rho=1.0)) == 3.0


def test_the_effective_number_is_that_of_the_eigenvalues():
    returns = np.random.default_rng(3).normal(size=(300, 12))
    returns += np.random.default_rng(4).normal(size=(300, 1))
    matrix = np.corrcoef(returns.T)
    values = np.linalg.eigvalsh(matrix)
    expected = values.sum() ** 2 / (values**2).sum()
    assert inference.effective_trials(matrix) == pytest.approx(expected, rel=1e-12)


def test_unrelated_trials_of_a_short_history_look_a_little_related():
    returns = np.random.default_rng(5).normal(size=(250, 100))
    found = inference.effective_trials(np.corrcoef(returns.T))
    # 4,950 squared correlations with mean 1 / 249 each: the sum is good to a few percent.
    assert found == pytest.approx(100 / (1 + 99 / 249), rel=0.03)


def test_groups_of_trials_are_found_and_numbered_in_order_of_appearance():
    shuffled = [8, 0, 4, 1, 5, 9, 2, 6, 3, 7]
    matrix = block_correlations(4, 4, 2, rho=0.8)[np.ix_(shuffled, shuffled)]
    assert inference.trial_clusters(matrix).tolist() == [0, 1, 2, 1, 2, 0, 1, 2, 1, 2]


def test_the_threshold_is_a_correlation():
    matrix = block_correlations(2, 1, rho=0.6)
    assert inference.trial_clusters(matrix, together=0.61).tolist() == [0, 1, 2]
    assert inference.trial_clusters(matrix, together=0.59).tolist() == [0, 0, 1]
    assert inference.trial_clusters(matrix, together=-1.0).tolist() == [0, 0, 0]
    assert inference.trial_clusters(np.ones((1, 1))).tolist() == [0]


@pytest.mark.parametrize(
    ("matrix", "fault"),
    [
        (np.zeros((3, 2)), r"square.*\(3, 2\)"),
        (np.array([[1.0, 0.2], [0.3, 1.0]]), "not symmetric"),
        (np.array([[1.0, np.nan], [np.nan, 1.0]]), "got NaN"),
        (np.array([[4.0, 1.0], [1.0, 9.0]]), r"-1 to 1, got 9\.0"),
        (np.array([[0.5, 0.1], [0.1, 0.5]]), "diagonal"),
    ],
)
def test_what_is_no_matrix_of_correlations_is_refused(matrix, fault):
    for function in (inference.effective_trials, inference.trial_clusters):
        with pytest.raises(ValueError, match=fault):
            function(matrix)


def test_a_threshold_that_is_no_correlation_is_refused():
    with pytest.raises(ValueError, match="got 50"):
        inference.trial_clusters(np.eye(2), together=50)


def test_the_variance_of_trials_of_one_length_is_the_plain_one():
    sharpes = np.array([0.02, np.nan, -0.01, 0.05])
    found = inference.trial_variance(sharpes, np.array([250, 250, 250, 250]), observations=250)
    assert found == pytest.approx(0.0009, rel=1e-12)  # deviations of 0, -0.03 and 0.03 from 0.02
    assert math.isnan(inference.trial_variance(sharpes[:2], np.full(2, 250), observations=250))


def test_trials_of_other_lengths_never_make_luck_look_smaller():
    sharpes = np.array([0.02, -0.01, 0.05])
    # Ratios of 1,000 sessions doubled are as sure as these of 250; of 100, they are left as are.
    long = inference.trial_variance(sharpes, np.full(3, 1000), observations=250)
    short = inference.trial_variance(sharpes, np.full(3, 100), observations=250)
    assert long == pytest.approx(4 * 0.0009, rel=1e-12)
    assert short == pytest.approx(0.0009, rel=1e-12)


def test_a_short_run_picked_among_long_trials_is_called_skilled_no_more_often_than_it_should():
    """Without skill: 400 times the best of 50 one-year trials, by the spread of long ones."""
    noise = np.random.default_rng(2).normal(size=(400, 50))
    year, family = 252, 2016
    trials = np.random.default_rng(3).normal(scale=family**-0.5, size=2000)
    lengths = np.full(trials.size, family)
    variance = inference.trial_variance(trials, lengths, observations=year)
    best = noise.max(axis=1) * year**-0.5
    skilled = np.mean(
        [
            inference.deflated_sharpe(
                one, year, skewness=0.0, kurtosis=3.0, trials=50, trial_variance=variance
            )
            for one in best
        ]
        >= np.float64(0.95)
    )
    plain = np.mean(
        [
            inference.deflated_sharpe(
                one, year, skewness=0.0, kurtosis=3.0, trials=50, trial_variance=np.var(trials)
            )
            for one in best
        ]
        >= np.float64(0.95)
    )
    assert skilled <= 0.05
    assert plain >= 0.20  # what the plain variance would have said

"""Intervals of the measures of one path: what they hold, and how often they hold the truth."""

import math

import numpy as np
import pytest
from scipy.signal import lfilter

from backtest import inference
from backtest.inference import bootstrap
from backtest.inference.blocks import stationary_rows
from backtest.measures import drawdowns, performance, relative

YEAR = 250
PATH = ("total_return", "cagr", "volatility", "sharpe", "sortino", "max_drawdown", "calmar")
RELATIVE = ("beta", "alpha", "tracking_error", "information_ratio", "excess_cagr")


def made_up(size: int = 500, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_t(5, size=size) * 0.01 + 0.0005


def days(size: int) -> np.ndarray:
    return np.datetime64("2020-01-01") + np.arange(size)


def resampled(size: int, *, length: int, seed: int, draws: int) -> np.ndarray:
    """The rows that a seed draws: all draws of one chunk."""
    generator = np.random.default_rng(seed)
    return stationary_rows(size, length=length, draws=draws, generator=generator) % size


def test_measures_of_each_draw_are_those_of_the_measures_package():
    returns, cash = made_up(), np.random.default_rng(1).uniform(0, 2e-4, 500)
    calendar = days(500)
    years = performance.elapsed_years(calendar)
    drawn = bootstrap.measure_draws(
        returns, years=years, sessions_per_year=YEAR, risk_free=cash, draws=20, seed=3, length=5
    )
    assert tuple(drawn) == PATH
    for at, rows in enumerate(resampled(500, length=5, seed=3, draws=20)):
        path, free = returns[rows], cash[rows]
        nav = performance.wealth_from(path)
        expected = {
            "total_return": performance.total_return(nav),
            "cagr": performance.cagr(nav, calendar),
            "volatility": performance.volatility(path, sessions_per_year=YEAR),
            "sharpe": performance.sharpe(path, sessions_per_year=YEAR, risk_free=free),
            "sortino": performance.sortino(path, sessions_per_year=YEAR, target=free),
            "max_drawdown": drawdowns.max_drawdown(nav),
            "calmar": drawdowns.calmar(nav, calendar),
        }
        for name, value in expected.items():
            assert drawn[name][at] == pytest.approx(value, rel=1e-9), name


def test_measures_against_the_benchmark_are_those_of_the_measures_package():
    market = made_up(seed=2)
    returns = 0.7 * market + made_up(seed=4) / 2
    calendar = days(500)
    years = performance.elapsed_years(calendar)
    drawn = bootstrap.relative_draws(
        returns,
        market,
        years=years,
        sessions_per_year=YEAR,
        risk_free=1e-4,
        draws=20,
        seed=3,
        length=5,
    )
    assert tuple(drawn) == RELATIVE
    for at, rows in enumerate(resampled(500, length=5, seed=3, draws=20)):
        both = returns[rows], market[rows]
        growth, passive = (performance.cagr(performance.wealth_from(r), calendar) for r in both)
        expected = {
            "beta": relative.beta(*both, risk_free=1e-4),
            "alpha": relative.alpha(*both, sessions_per_year=YEAR, risk_free=1e-4),
            "tracking_error": relative.tracking_error(*both, sessions_per_year=YEAR),
            "information_ratio": relative.information_ratio(*both, sessions_per_year=YEAR),
            "excess_cagr": growth - passive,
        }
        for name, value in expected.items():
            assert drawn[name][at] == pytest.approx(value, rel=1e-9, abs=1e-12), name


def test_resampled_paths_end_in_different_places():
    # A permutation of the returns, as in some libraries, ends where the history does, every time.
    drawn = bootstrap.measure_draws(
        made_up(), years=2.0, sessions_per_year=YEAR, draws=200, seed=0, length=1
    )
    # Of independent sessions the log of the growth has deviation sqrt(T) sd.
    spread = np.std(np.log1p(drawn["total_return"]))
    # 200 draws give a deviation to 5 %: three errors are 15 %.
    assert spread == pytest.approx(math.sqrt(500) * np.std(np.log1p(made_up())), rel=0.15)


def test_the_same_seed_gives_the_same_bounds_and_another_seed_others():
    def found(seed):
        return inference.intervals(made_up(), years=2, sessions_per_year=YEAR, seed=seed)

    assert found(1) == found(1)
    assert found(1) != found(2)


def test_bounds_are_quantiles_and_a_wider_level_has_wider_bounds():
    def found(level):
        return inference.intervals(
            made_up(), years=2, sessions_per_year=YEAR, seed=1, level=level, length=4
        )

    drawn = bootstrap.measure_draws(
        made_up(), years=2, sessions_per_year=YEAR, draws=1000, seed=1, length=4
    )
    low, high = found(0.90).bounds["sharpe"]
    # The upper tail is 1 - 0.05 in floats, a last bit from 0.95.
    assert (low, high) == pytest.approx(np.quantile(drawn["sharpe"], [0.05, 0.95]), rel=1e-12)
    wide = found(0.99).bounds["sharpe"]
    assert wide[0] < low < high < wide[1]
    assert found(0.90).block_length == 4


def test_the_block_length_is_that_of_the_excess_returns():
    found = inference.intervals(made_up(), years=2, sessions_per_year=YEAR, seed=1)
    assert found.block_length == inference.block_length(made_up())


def test_without_a_benchmark_there_is_nothing_against_it():
    found = inference.intervals(made_up(), years=2, sessions_per_year=YEAR, seed=1)
    assert tuple(found.bounds) == PATH
    both = inference.intervals(made_up(), made_up(), years=2, sessions_per_year=YEAR, seed=1)
    assert tuple(both.bounds) == PATH + RELATIVE
    assert {name: both.bounds[name] for name in PATH} == found.bounds


def test_sessions_without_a_benchmark_are_left_out_against_it_only():
    market = made_up(seed=2)
    late = np.concatenate((np.full(100, math.nan), market))
    returns = np.concatenate((np.full(100, -0.001), 0.5 * market))
    found = inference.intervals(
        returns, late, years=3, benchmark_years=2, sessions_per_year=YEAR, seed=1
    )
    assert found.bounds["beta"] == pytest.approx((0.5, 0.5), rel=1e-9)
    plain = inference.intervals(
        0.5 * market,
        market,
        years=2,
        sessions_per_year=YEAR,
        seed=1,
        length=found.block_length,
    )
    for name in RELATIVE:
        assert found.bounds[name] == plain.bounds[name]


def test_a_benchmark_known_for_less_than_60_sessions_has_no_intervals():
    market = np.where(np.arange(500) < 441, math.nan, made_up(seed=2))
    found = inference.intervals(made_up(), market, years=2, sessions_per_year=YEAR, seed=1)
    assert all(math.isnan(low) for low in (found.bounds[name][0] for name in RELATIVE))
    assert math.isfinite(found.bounds["sharpe"][0])


def test_fewer_than_60_sessions_have_no_intervals():
    short = inference.intervals(made_up(59), made_up(59), years=1, sessions_per_year=YEAR, seed=1)
    assert tuple(short.bounds) == PATH + RELATIVE
    assert all(math.isnan(bound) for pair in short.bounds.values() for bound in pair)
    assert short.block_length is None
    enough = inference.intervals(made_up(60), years=1, sessions_per_year=YEAR, seed=1)
    assert all(math.isfinite(bound) for pair in enough.bounds.values() for bound in pair)


def test_one_unknown_return_leaves_no_interval():
    returns = np.where(np.arange(500) == 7, math.nan, made_up())
    found = inference.intervals(returns, years=2, sessions_per_year=YEAR, seed=1)
    assert all(math.isnan(bound) for pair in found.bounds.values() for bound in pair)


def test_a_flat_account_has_a_return_but_no_ratio():
    found = inference.intervals(np.zeros(100), years=1, sessions_per_year=YEAR, seed=1).bounds
    assert found["total_return"] == found["volatility"] == found["max_drawdown"] == (0.0, 0.0)
    assert math.isnan(found["sharpe"][0])
    assert math.isnan(found["calmar"][1])


def test_a_bankrupt_account_may_come_back_from_the_dead_in_no_draw():
    returns = made_up(100)
    returns[50], returns[51:] = -1.0, 0.0
    drawn = bootstrap.measure_draws(
        returns, years=1, sessions_per_year=YEAR, draws=300, seed=1, length=1
    )
    ruined = drawn["total_return"] == -1.0
    # 1 - 0.99^100 of the draws hold the fatal session: 63 %, three errors are 8 %.
    assert np.mean(ruined) == pytest.approx(1 - 0.99**100, abs=0.085)
    assert (drawn["max_drawdown"][ruined] == -1.0).all()


def test_undefined_draws_are_left_out_up_to_one_in_twenty():
    values = np.concatenate((np.full(5, math.nan), np.arange(95.0)))
    assert bootstrap.percentile_interval(values, level=0.5) == (23.5, 70.5)
    values[5] = math.nan
    assert np.isnan(bootstrap.percentile_interval(values, level=0.5)).all()
    assert np.isnan(bootstrap.percentile_interval(np.array([]), level=0.5)).all()


def test_a_level_that_is_no_share_is_refused():
    with pytest.raises(ValueError, match="between 0 and 1, got 90"):
        inference.intervals(made_up(), years=2, sessions_per_year=YEAR, seed=1, level=90)


def test_arrays_over_other_sessions_are_refused():
    with pytest.raises(ValueError, match=r"\(500,\) and \(499,\)"):
        inference.intervals(made_up(), made_up(499), years=2, sessions_per_year=YEAR, seed=1)


def coverage(rho: float, *, length: int | None) -> float:
    """How often the 90 % interval of the Sharpe ratio holds the true one, of 300 histories."""
    mean, size, held = 0.05, 600, 0
    true = mean / math.sqrt(1 / (1 - rho**2)) * math.sqrt(YEAR)
    for seed in range(300):
        shocks = np.random.default_rng(seed).normal(size=size + 100)
        returns = 0.01 * (mean + lfilter([1.0], [1.0, -rho], shocks)[100:])
        found = inference.intervals(
            returns, years=2.4, sessions_per_year=YEAR, seed=seed, draws=300, length=length
        )
        low, high = found.bounds["sharpe"]
        held += low <= true <= high
    return held / 300


def test_the_interval_holds_the_true_ratio_nine_times_in_ten():
    # The error of a share of 300 near 0.9 is 0.017: three of them are 0.05.
    assert coverage(0.0, length=None) == pytest.approx(0.90, abs=0.05)


def test_with_trending_returns_blocks_keep_the_interval_honest():
    # Blocks see a little less memory than there is: a few percent below 0.9 are to be expected.
    blocks = coverage(0.4, length=None)
    assert 0.80 <= blocks <= 0.95
    # Drawn one by one, sessions forget, and the interval is 1 / sqrt(1.4 / 0.6) of what it should
    # be: 1.645 x 0.655 errors hold 0.72.
    forgetful = coverage(0.4, length=1)
    assert forgetful == pytest.approx(0.72, abs=0.08)
    assert blocks > forgetful + 0.05

import math
import warnings

import numpy as np
import pytest

from backtest.measures import distribution, drawdowns, performance

R = np.array([0.01, -0.01, 0.03])


def days(*texts: str) -> np.ndarray:
    return np.array(texts, dtype="datetime64[D]")


def weekdays(first: str, count: int) -> np.ndarray:
    return np.busday_offset(np.datetime64(first), np.arange(count), roll="forward")


def noisy(seed: int = 7, count: int = 600, drift: float = 0.0004) -> np.ndarray:
    return np.random.default_rng(seed).normal(drift, 0.012, count)


def test_the_first_return_is_the_first_close_over_the_initial_cash():
    assert performance.returns_from(np.array([100.0, 90.0])).tolist() == pytest.approx([-0.1])


def test_wealth_undoes_returns():
    nav = np.array([1.0, 1.5, 0.75, 3.0])
    assert performance.wealth_from(performance.returns_from(nav)).tolist() == nav.tolist()


def test_total_return_is_minus_one_after_bankruptcy_whatever_comes_later():
    assert performance.total_return(np.array([100.0, -100.0, 100.0])) == -1.0


def test_elapsed_time_counts_the_first_day_and_the_last():
    assert performance.elapsed_years(days("2021-01-01", "2024-12-31")) == 1461 / 365.25


def test_a_single_session_is_a_day_long():
    assert performance.elapsed_years(days("2024-01-02")) == 1 / 365.25


def test_cagr_of_46_41_percent_in_four_calendar_years_is_10_percent():
    nav = np.array([100.0, 100.0, 146.41])
    assert performance.cagr(nav, days("2021-01-01", "2024-12-31")) == pytest.approx(0.1, abs=1e-15)


def test_cagr_does_not_count_rows():
    sparse = performance.cagr(np.array([1.0, 1.0, 1.21]), days("2021-01-01", "2022-12-31"))
    dates = np.arange(np.datetime64("2021-01-01"), np.datetime64("2023-01-01"))
    dense = performance.cagr(np.append(np.ones(730), 1.21), dates)
    assert sparse == dense


def test_cagr_of_a_bankrupt_account_is_minus_one():
    assert performance.cagr(np.array([100.0, 50.0, -1.0]), days("2024-01-02", "2024-06-03")) == -1.0


def test_cagr_beyond_any_float_is_nan():
    assert math.isnan(performance.cagr(np.array([1.0, 20.0]), days("2024-01-02")))


# Risk-free


def test_an_annual_rate_of_21_percent_is_10_percent_twice():
    assert performance.per_session_rate(0.21, sessions_per_year=2) == pytest.approx(0.1, abs=1e-15)


def test_rates_accrue_by_calendar_days_at_the_rate_of_the_close_before():
    friday_to_tuesday = days("2024-03-01", "2024-03-04", "2024-03-05")
    accrued = performance.accrued_rates(np.array([0.0365, 0.073, 9.9]), friday_to_tuesday)
    assert accrued.tolist() == pytest.approx([0.0, 0.0003, 0.0002], abs=1e-18)


def test_a_constant_risk_free_series_is_as_good_as_the_number():
    one = performance.sharpe(R, sessions_per_year=252, risk_free=0.001)
    series = performance.sharpe(R, sessions_per_year=252, risk_free=np.full(3, 0.001))
    assert one == series


def test_a_negative_risk_free_rate_raises_the_sharpe_ratio():
    # Mean 0.01, deviation 0.02: 0.03 / 0.02 with a rate of -0.02, times the root of 100.
    assert performance.sharpe(R, sessions_per_year=100, risk_free=-0.02) == pytest.approx(15.0)


# Risk


def test_volatility_of_minus_1_plus_1_plus_3_percent_is_2_percent_a_session():
    assert performance.volatility(R, sessions_per_year=1) == pytest.approx(0.02, abs=1e-17)


def test_volatility_of_one_session_is_not_known():
    assert math.isnan(performance.volatility(np.array([0.1]), sessions_per_year=252))


def test_sharpe_without_volatility_is_nan():
    assert math.isnan(performance.sharpe(np.zeros(10), sessions_per_year=252))
    assert math.isnan(performance.sharpe(np.full(10, 0.001), sessions_per_year=252))


def test_sharpe_of_steady_compounding_is_nan_though_division_leaves_rounding():
    returns = performance.returns_from(1e6 * 1.0001 ** np.arange(500))
    assert np.ptp(returns) > 0.0
    assert math.isnan(performance.sharpe(returns, sessions_per_year=252))


def test_sharpe_does_not_depend_on_the_order_of_returns():
    r = noisy()
    shuffled = np.random.default_rng(1).permutation(r)
    assert performance.sharpe(shuffled, sessions_per_year=252) == pytest.approx(
        performance.sharpe(r, sessions_per_year=252), rel=1e-12
    )


def test_one_nan_makes_the_answer_nan():
    r = np.append(noisy(count=40), np.nan)
    with_rates = (performance.sharpe, performance.sortino, performance.volatility)
    for measure in with_rates:
        assert math.isnan(measure(r, sessions_per_year=252))
    shapes = (
        distribution.value_at_risk,
        distribution.expected_shortfall,
        distribution.skewness,
        distribution.kurtosis,
        distribution.tail_ratio,
        distribution.hit_rate,
    )
    for measure in shapes:
        assert math.isnan(measure(r))
    assert math.isnan(drawdowns.max_drawdown(performance.wealth_from(r)))


def test_downside_counts_every_session_not_only_the_bad_ones():
    # One shortfall of 2 % in four: the root of 0.0004 / 4 is 1 %.
    r = np.array([0.03, -0.02, 0.0, 0.01])
    assert performance.downside_deviation(r, sessions_per_year=1) == pytest.approx(0.01, abs=1e-17)


def test_downside_is_measured_from_the_target():
    r = np.array([0.03, 0.01])
    assert performance.downside_deviation(r, sessions_per_year=2, target=0.02) == pytest.approx(
        0.01
    )


def test_sortino_without_a_shortfall_is_nan():
    assert math.isnan(performance.sortino(np.array([0.01, 0.02]), sessions_per_year=252))


def test_quantstats_agrees_where_it_counts_as_we_do():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stats = pytest.importorskip("quantstats.stats")
        import pandas as pd

        dates = weekdays("2020-01-01", 600)
        r = pd.Series(noisy(seed=13), index=pd.DatetimeIndex(dates))
        theirs = {
            "volatility": stats.volatility(r, periods=252),
            "sharpe": stats.sharpe(r, rf=0.03, periods=252),
            "sortino": stats.sortino(r, periods=252),
            "total": stats.comp(r),
            "max_drawdown": stats.max_drawdown(r),
            "ulcer": stats.ulcer_index(r),
            "tail_ratio": stats.tail_ratio(r),
        }
    own, nav = r.to_numpy(), performance.wealth_from(r.to_numpy())
    cash = performance.per_session_rate(0.03, sessions_per_year=252)
    close = {"rel": 1e-9}
    assert performance.volatility(own, sessions_per_year=252) == pytest.approx(
        theirs["volatility"], **close
    )
    assert performance.sharpe(own, sessions_per_year=252, risk_free=cash) == pytest.approx(
        theirs["sharpe"], **close
    )
    assert performance.sortino(own, sessions_per_year=252) == pytest.approx(
        theirs["sortino"], **close
    )
    assert performance.total_return(nav) == pytest.approx(theirs["total"], **close)
    assert drawdowns.max_drawdown(nav) == pytest.approx(theirs["max_drawdown"], **close)
    # quantstats divides the ulcer index by T - 1.
    assert drawdowns.ulcer_index(nav) == pytest.approx(
        theirs["ulcer"] * math.sqrt(599 / 600), **close
    )
    assert distribution.tail_ratio(own) == pytest.approx(theirs["tail_ratio"], **close)

import numpy as np
import pytest

from backtest.measures import performance, periods, relative


def days(*texts: str) -> np.ndarray:
    return np.array(texts, dtype="datetime64[D]")


def weekdays(first: str, count: int) -> np.ndarray:
    return np.busday_offset(np.datetime64(first), np.arange(count), roll="forward")


def noisy(seed: int = 7, count: int = 600, drift: float = 0.0004) -> np.ndarray:
    return np.random.default_rng(seed).normal(drift, 0.012, count)


def test_monthly_returns_compound_from_the_month_end_before():
    dates = days("2024-01-30", "2024-01-31", "2024-02-01", "2024-02-29")
    months = periods.period_returns(np.array([100.0, 105, 110, 121, 99]), dates, "month")
    assert months.first.astype(str).tolist() == ["2024-01-01", "2024-02-01"]
    assert months.returns.tolist() == pytest.approx([0.1, -0.1], abs=1e-15)
    assert months.sessions.tolist() == [2, 2]


def test_weeks_begin_on_monday():
    dates = days("2024-03-01", "2024-03-02", "2024-03-03", "2024-03-04")
    weeks = periods.period_returns(np.ones(5), dates, "week")
    assert weeks.first.astype(str).tolist() == ["2024-02-26", "2024-03-04"]
    assert weeks.sessions.tolist() == [3, 1]


def test_periods_compound_to_the_total():
    nav = performance.wealth_from(noisy(seed=5))
    dates = weekdays("2019-03-05", nav.size - 1)
    for unit in ("week", "month", "year"):
        returns = periods.period_returns(nav, dates, unit).returns
        assert np.prod(1.0 + returns) == pytest.approx(nav[-1], rel=1e-12)


def test_a_year_from_2_january_to_the_last_friday_is_whole():
    # 30 December 2022 is a Friday, and 1 January is never a session.
    dates = days("2020-01-02", "2021-06-01", "2022-12-30")
    assert periods.period_returns(np.ones(4), dates, "year").partial.tolist() == [False] * 3


def test_a_month_that_starts_late_or_ends_early_is_partial():
    dates = days("2024-01-03", "2024-02-15", "2024-03-27")
    months = periods.period_returns(np.ones(4), dates, "month")
    assert months.partial.tolist() == [True, False, True]


def test_the_calendar_knows_that_october_begins_on_the_ninth_in_shanghai():
    dates = days("2020-10-09", "2020-10-30")
    calendar = days("2020-09-30", "2020-10-09", "2020-10-30", "2020-11-02")
    by_weekdays = periods.period_returns(np.ones(3), dates, "month")
    by_calendar = periods.period_returns(np.ones(3), dates, "month", calendar=calendar)
    assert (by_weekdays.partial.tolist(), by_calendar.partial.tolist()) == ([True], [False])


def test_where_weekends_trade_a_missing_saturday_makes_a_month_partial():
    around_the_clock = np.arange(np.datetime64("2024-03-01"), np.datetime64("2024-03-30"))
    months = periods.period_returns(np.ones(around_the_clock.size + 1), around_the_clock, "month")
    assert months.partial.tolist() == [True]


def test_a_year_back_from_new_years_eve_is_the_calendar_year():
    dates = days("2019-12-31", "2020-01-02", "2020-12-31")
    nav = np.array([50.0, 100.0, 110.0, 120.0])
    assert periods.trailing_return(nav, dates, months=12) == pytest.approx(0.2)


def test_three_calendar_years_from_the_first_session_have_a_three_year_figure():
    dates, nav = days("2020-01-02", "2022-12-30"), np.array([100.0, 110.0, 133.1])
    assert periods.trailing_return(nav, dates, months=36) == pytest.approx(0.1)


def test_a_quarter_is_not_annualised():
    dates, nav = days("2024-01-31", "2024-03-29", "2024-04-30"), np.array([90.0, 100, 105, 110])
    assert periods.trailing_return(nav, dates, months=3) == pytest.approx(0.1)


def test_a_month_before_31_march_is_the_end_of_february():
    dates = days("2023-02-27", "2023-02-28", "2023-03-01", "2023-03-31")
    nav = np.array([10.0, 50.0, 100.0, 150.0, 200.0])
    assert periods.trailing_return(nav, dates, months=1) == pytest.approx(1.0)


def test_rolling_measures_are_blank_until_the_window_is_full():
    r, market = noisy(count=30), noisy(seed=8, count=30)
    rolled = (
        periods.rolling_return(r, window=10),
        periods.rolling_volatility(r, window=10, sessions_per_year=252),
        periods.rolling_sharpe(r, window=10, sessions_per_year=252),
        periods.rolling_beta(r, market, window=10),
    )
    for series in rolled:
        assert np.isnan(series).tolist() == [True] * 9 + [False] * 21


def test_a_window_longer_than_the_history_is_blank_throughout():
    r = noisy(count=5)
    assert np.isnan(periods.rolling_return(r, window=6)).tolist() == [True] * 5
    assert np.isnan(periods.rolling_beta(r, r, window=6)).tolist() == [True] * 5


def test_rolling_measures_equal_the_measure_of_each_window():
    r, market, cash = noisy(), noisy(seed=8), noisy(seed=9) / 50
    w, last = 60, slice(-60, None)
    assert periods.rolling_sharpe(r, window=w, sessions_per_year=252, risk_free=cash)[
        -1
    ] == pytest.approx(
        performance.sharpe(r[last], sessions_per_year=252, risk_free=cash[last]), rel=1e-12
    )
    assert periods.rolling_volatility(r, window=w, sessions_per_year=252)[-1] == pytest.approx(
        performance.volatility(r[last], sessions_per_year=252), rel=1e-12
    )
    assert periods.rolling_beta(r, market, window=w)[-1] == pytest.approx(
        relative.beta(r[last], market[last]), rel=1e-12
    )
    assert periods.rolling_return(r, window=w)[-1] == pytest.approx(
        performance.total_return(performance.wealth_from(r[last])), rel=1e-12
    )


def test_rolling_volatility_carries_no_rounding_past_a_large_return():
    r = np.concatenate(([1e6], np.zeros(20)))
    assert periods.rolling_volatility(r, window=10, sessions_per_year=252)[-1] == 0.0

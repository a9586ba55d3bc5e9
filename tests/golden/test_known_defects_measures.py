"""Measures that other libraries have got wrong, each pinned to an answer worked out by hand.

What each test guards against was seen in a widely used library: guessing prices from returns,
losing the first day, inventing a recovery, counting rows as years, shifting dates by a time zone.
"""

import json
import math
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pandas as pd
import pytest

from backtest import inference
from backtest.measures import distribution, drawdowns, performance, periods, relative, trading
from backtest.report.metrics import metrics_of


def days(*texts: str) -> np.ndarray:
    return np.array(texts, dtype="datetime64[D]")


def weekdays(first: str, count: int) -> np.ndarray:
    return np.busday_offset(np.datetime64(first), np.arange(count), roll="forward")


def empty(*columns: str) -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(dtype="float64") for name in columns})


@dataclass(frozen=True)
class Records:
    """The parts of a result that its measures read."""

    nav: pd.DataFrame
    config: dict
    manifest: dict
    positions: pd.DataFrame = field(default_factory=lambda: empty("session", "weight"))
    fills: pd.DataFrame = field(default_factory=lambda: empty("value", "fx", "reason"))
    orders: pd.DataFrame = field(default_factory=lambda: empty("status"))
    trades: pd.DataFrame = field(
        default_factory=lambda: empty(
            "symbol", "exit", "exit_session", "pnl", "return", "sessions", "mae", "mfe", "reason"
        ).assign(open=pd.Series(dtype=bool))
    )


def records(
    nav, sessions, *, cash=100.0, benchmark=None, risk_free=0.0, rates=None, gross=1.0
) -> Records:
    size = len(nav)
    zeros = dict.fromkeys(
        ("turnover", "fees", "slippage", "fx_cost", "financing", "stale_value"), np.zeros(size)
    )
    frame = pd.DataFrame({"session": pd.DatetimeIndex(sessions), "nav": nav, "cash": nav, **zeros})
    frame["gross"] = gross * np.asarray(nav)
    frame["benchmark"] = np.full(size, np.nan) if benchmark is None else benchmark
    config = {
        "portfolio": {"cash": {"amount": cash, "currency": "HKD"}},
        "tearsheet": {"risk_free": risk_free, "top": 10},
        "benchmark": None if benchmark is None else "HSTECH",
    }
    manifest = {"sessions_per_year": 246.0, "currency": "HKD", "base": "XHKG"}
    return Records(frame, config, manifest | ({} if rates is None else {"risk_free": rates}))


# Nothing is guessed from values


def test_nav_that_only_falls_has_lost_a_fifth():
    nav = np.array([1.0, 0.95, 0.9, 0.85, 0.8])
    assert performance.total_return(nav) == pytest.approx(-0.2, abs=1e-15)
    assert drawdowns.max_drawdown(nav) == pytest.approx(-0.2, abs=1e-15)


def test_a_penny_stock_that_falls_from_50_to_40_cents_has_a_drawdown_of_a_fifth():
    nav = np.array([0.50, 0.48, 0.45, 0.40])
    assert drawdowns.max_drawdown(nav) == pytest.approx(-0.2, abs=1e-15)
    assert performance.returns_from(nav)[0] == pytest.approx(-0.04, abs=1e-15)


def test_returns_that_never_fall_and_hold_a_150_percent_first_day_stay_returns():
    returns = np.array([0.0, 1.5, 0.2, 0.0])
    nav = performance.wealth_from(returns)
    assert performance.total_return(nav) == pytest.approx(2.0)
    assert drawdowns.max_drawdown(nav) == 0.0
    assert distribution.hit_rate(returns) == 0.5


def test_a_single_session_of_150_percent_through_the_whole_report():
    report = metrics_of(records([250.0, 250.0], days("2026-01-09", "2026-01-12")))
    assert report["return"]["total_return"] == 1.5
    assert report["return"]["best_session"] == {"date": "2026-01-09", "return": 1.5}


# The first day


def test_a_loss_on_day_one_is_in_returns_drawdown_and_episodes():
    nav = np.array([100.0, 90.0, 95.0])
    assert performance.returns_from(nav)[0] == pytest.approx(-0.1)
    assert drawdowns.max_drawdown(nav) == pytest.approx(-0.1)
    [fall] = drawdowns.drawdown_episodes(nav, days("2024-01-02", "2024-01-03"))
    assert (fall.peak, fall.trough) == (date(2024, 1, 1), date(2024, 1, 2))


def test_bought_at_110_with_a_first_close_of_100_then_90_has_lost_18_percent():
    nav = np.array([110.0, 100.0, 90.0])
    assert drawdowns.max_drawdown(nav) == pytest.approx(-20 / 110, abs=1e-15)


def test_an_episode_that_begins_on_the_first_row_is_listed():
    nav = performance.wealth_from(np.array([-0.05, 0.02, 0.05]))
    dates = days("2024-01-02", "2024-01-03", "2024-01-04")
    [fall] = drawdowns.drawdown_episodes(nav, dates)
    assert fall.depth == pytest.approx(-0.05, abs=1e-15)
    assert fall.recovery == date(2024, 1, 4)


def test_the_report_counts_the_first_day_from_the_initial_cash():
    report = metrics_of(records([90.0, 99.0], days("2024-01-02", "2024-01-03")))
    assert report["return"]["total_return"] == pytest.approx(-0.01)
    assert report["drawdowns"]["max_drawdown"] == pytest.approx(-0.1)
    assert report["return"]["worst_session"]["date"] == "2024-01-02"
    assert report["periods"]["months"][0]["return"] == pytest.approx(-0.01)


# Drawdown dates


def test_a_drawdown_that_never_recovered_says_so():
    nav = np.array([100.0, 110.0, 88.0, 99.0])
    dates = days("2024-01-02", "2024-02-01", "2024-03-01")
    [fall] = drawdowns.drawdown_episodes(nav, dates)
    assert fall.recovery is None
    assert (fall.peak, fall.trough) == (date(2024, 1, 2), date(2024, 2, 1))
    deepest = metrics_of(records(nav[1:], dates))["drawdowns"]["deepest"]
    assert (deepest["recovery"], deepest["recovered"]) == (None, False)


def test_durations_are_calendar_days_beside_sessions():
    # Lunar New Year of 2024: Friday the 9th, then Wednesday the 14th.
    dates = days("2024-02-08", "2024-02-09", "2024-02-14", "2024-02-15")
    [fall] = drawdowns.drawdown_episodes(np.array([100.0, 110, 99, 104.5, 110]), dates)
    assert (fall.days, fall.sessions) == (7, 3)


def test_2500_sessions_are_not_2500_days():
    sessions = weekdays("2014-01-01", 2500)
    years = performance.elapsed_years(sessions)
    assert years == pytest.approx(9.58, abs=0.01)


# Time


def test_a_history_of_23_months_has_no_three_year_figure():
    sessions = weekdays("2023-01-02", 499)
    assert sessions[-1] == np.datetime64("2024-11-28")
    nav = performance.wealth_from(np.full(499, 0.001))
    assert math.isnan(periods.trailing_return(nav, sessions, months=36))
    trailing = metrics_of(records(100 * nav[1:], sessions))["return"]["trailing"]
    assert trailing["3y"] is None
    assert trailing["5y"] is None
    assert trailing["1y"] > 0.0


def test_the_three_year_window_is_36_months_not_35():
    month_ends = days(*(f"{2020 + m // 12}-{m % 12 + 1:02d}-28" for m in range(60)))
    nav = np.concatenate(([1.0], 1.01 ** np.arange(1, 61)))
    assert periods.trailing_return(nav, month_ends, months=36) == pytest.approx(1.01**12 - 1)


def test_monthly_rows_do_not_make_a_cagr_of_6610_percent():
    month_ends = days(*(f"{2021 + m // 12}-{m % 12 + 1:02d}-28" for m in range(24)))
    nav = np.concatenate(([1.0], 1.01 ** np.arange(1, 25)))
    # 24 months at 1 %, over 2021-01-28..2022-12-28, which is 700 days.
    assert performance.cagr(nav, month_ends) == pytest.approx(1.01 ** (24 * 365.25 / 700) - 1)


def test_midnight_in_hong_kong_on_new_year_stays_in_the_new_year():
    sessions = days("2020-01-01", "2020-01-02", "2020-01-31")
    months = periods.period_returns(np.array([100.0, 110, 110, 110]), sessions, "month")
    assert months.first.astype(str).tolist() == ["2020-01-01"]
    result = records([110.0, 110.0, 110.0], sessions)
    assert [row["month"] for row in metrics_of(result)["periods"]["months"]] == ["2020-01"]


def test_sessions_with_a_time_zone_are_refused_rather_than_shifted():
    result = records([110.0, 110.0], days("2020-01-01", "2020-01-02"))
    zoned = result.nav.assign(session=result.nav["session"].dt.tz_localize("Asia/Hong_Kong"))
    with pytest.raises(ValueError, match="Asia/Hong_Kong"):
        metrics_of(Records(zoned, result.config, result.manifest))


def test_all_januaries_are_not_one_month():
    sessions = days("2023-01-31", "2024-01-31")
    assert periods.period_returns(np.ones(3), sessions, "month").first.size == 2


# Risk-free rates


def test_a_negative_risk_free_rate_is_not_ignored():
    sessions = weekdays("2024-01-01", 60)
    nav = 100 * np.cumprod(1 + np.random.default_rng(1).normal(0.0005, 0.01, 60))
    plain = metrics_of(records(nav, sessions))["risk"]["sharpe"]
    below = metrics_of(records(nav, sessions, risk_free=-0.05))["risk"]["sharpe"]
    above = metrics_of(records(nav, sessions, risk_free=0.05))["risk"]["sharpe"]
    assert above < plain < below


def test_a_series_of_risk_free_rates_is_subtracted_day_by_day():
    sessions = days("2024-03-01", "2024-03-04", "2024-03-05", "2024-03-06")
    # Cash at 3.65 % simple earns 3 basis points over the weekend and 1 a night.
    nav = 100 * np.cumprod([1.0, 1.0003, 1.0001, 1.0001])
    rates = [0.0365] * 4
    report = metrics_of(records(nav, sessions, risk_free="rates", rates=rates))
    assert report["risk"]["sharpe"] is None
    assert report["conventions"]["risk_free"] == "rates"


def test_a_rolling_sharpe_does_not_de_annualise_the_rate_with_its_window():
    r = np.random.default_rng(2).normal(0.001, 0.01, 100)
    short = periods.rolling_sharpe(r, window=50, sessions_per_year=252, risk_free=0.0001)
    assert short[-1] == pytest.approx(
        performance.sharpe(r[50:], sessions_per_year=252, risk_free=0.0001), rel=1e-12
    )


def test_a_flat_account_has_no_sharpe_not_an_infinite_one():
    report = metrics_of(records(np.full(30, 100.0), weekdays("2024-01-01", 30)))
    assert report["risk"]["volatility"] == 0.0
    assert report["risk"]["sharpe"] is None
    assert report["risk"]["sortino"] is None
    assert report["drawdowns"]["calmar"] is None


# The benchmark


def test_a_benchmark_that_is_shut_on_a_hong_kong_day_does_not_take_the_next_days_move():
    # New York shut on the 2nd session: its level stands still, the 3rd has the move.
    levels = np.array([1.00, 1.00, 1.10])
    assert relative.benchmark_returns(levels).tolist() == pytest.approx([0.0, 0.0, 0.1])
    mine = np.array([0.0, 0.05, 0.0])
    assert relative.correlation(mine, relative.benchmark_returns(levels)) < 0.0


def test_the_benchmarks_first_return_is_not_forced_to_zero():
    report = metrics_of(
        records([100.0, 100.0], days("2024-01-02", "2024-01-03"), benchmark=[0.9, 0.99])
    )
    assert report["benchmark"]["total_return"] == pytest.approx(-0.01)
    assert report["benchmark"]["max_drawdown"] == pytest.approx(-0.1)
    assert report["benchmark"]["dropped_sessions"] == 0


def test_the_years_before_a_benchmarks_listing_are_dropped_and_counted():
    nav, levels = [100.0, 101.0, 102.0, 103.0], [np.nan, np.nan, 1.0, 1.1]
    report = metrics_of(records(nav, weekdays("2024-01-01", 4), benchmark=levels))
    assert report["benchmark"]["dropped_sessions"] == 3
    assert report["benchmark"]["paired_sessions"] == 1
    assert report["benchmark"]["total_return"] == pytest.approx(0.1)


def test_alpha_takes_the_risk_free_rate_off_both_sides():
    market = np.random.default_rng(3).normal(0.0005, 0.01, 250)
    cash = 0.0001
    twice = 2.0 * market - cash  # borrowed at the risk-free rate: beta 2 without any skill
    kwargs = {"sessions_per_year": 252.0, "risk_free": cash}
    assert relative.alpha(twice, market, **kwargs) == pytest.approx(0.0, abs=1e-12)


def test_an_unknown_benchmark_has_no_beta_of_zero():
    mine = np.array([0.01, 0.02, 0.03])
    assert math.isnan(relative.beta(mine, np.full(3, np.nan)))


# Bankruptcy


def test_equity_below_zero_is_absorbed_and_does_not_come_back():
    nav = np.array([100.0, -100.0, 100.0])
    assert performance.returns_from(nav).tolist() == [-1.0, 0.0]
    assert performance.total_return(nav) == -1.0
    assert drawdowns.max_drawdown(nav) == -1.0
    months = periods.period_returns(nav, days("2024-01-31", "2024-02-29"), "month")
    assert months.returns.tolist() == [-1.0, 0.0]


def test_a_bankrupt_run_reports_numbers_to_its_end():
    nav = [50.0, 0.0, 0.0, 0.0]
    report = metrics_of(records(nav, weekdays("2024-01-01", 4)))
    assert report["return"]["total_return"] == -1.0
    assert performance.cagr(np.array([100.0, *nav]), weekdays("2024-01-01", 4)) == -1.0
    assert report["drawdowns"]["deepest"]["recovery"] is None
    json.dumps(report, allow_nan=False)


# Signs, trades and exposure


def test_a_losing_strategy_has_a_negative_recovery_factor():
    assert drawdowns.recovery_factor(np.array([100.0, 80.0, 60.0, 70.0])) == pytest.approx(-0.75)


def test_trade_measures_come_from_trades_not_from_days():
    # One trade that lost on most days and won in the end: one win of one.
    assert trading.win_rate(np.array([10.0])) == 1.0
    assert distribution.hit_rate(np.array([-0.01, -0.01, -0.01, 0.15])) == 0.25


def test_cash_that_earns_interest_every_day_is_not_invested():
    nav = 100 * 1.0001 ** np.arange(1, 31)
    rates = np.full(30, 0.03)
    report = metrics_of(
        records(nav, weekdays("2024-01-01", 30), gross=0.0, risk_free="rates", rates=rates)
    )
    assert report["return"]["hit_rate_session"] is None
    assert report["return"]["longest_gain_sessions"] == 0
    # The bank's spread over hardly any deviation: 60 or so below zero, and no ratio of anything.
    assert report["risk"]["sharpe"] is None
    assert report["trading"]["gross_exposure"] == 0.0
    assert report["trading"]["time_in_market"] == 0.0


def test_historical_var_is_an_order_statistic_and_the_shortfall_lies_beyond_it():
    returns = np.concatenate((np.zeros(95), [-0.01, -0.02, -0.03, -0.04, -0.50]))
    assert distribution.value_at_risk(returns, level=0.05) <= 0.0
    assert distribution.expected_shortfall(returns) < distribution.value_at_risk(returns)
    assert distribution.expected_shortfall(returns) == pytest.approx(-0.12)


# Published inference


def test_psr_and_dsr_of_the_papers_examples():
    psr = inference.probabilistic_sharpe(0.458, 24, skewness=-2.448, kurtosis=10.164)
    dsr = inference.deflated_sharpe(
        2.5 / math.sqrt(250),
        1250,
        skewness=-3.0,
        kurtosis=10.0,
        trials=100,
        trial_variance=0.5 / 250,
    )
    assert (round(psr, 3), round(dsr, 4)) == (0.913, 0.9004)


# Order


def test_no_order_of_calls_changes_a_number_and_no_argument_is_touched():
    sessions = weekdays("2022-01-03", 400)
    returns = np.random.default_rng(5).normal(0.0003, 0.01, 400)
    market = np.random.default_rng(6).normal(0.0003, 0.01, 400)
    nav = performance.wealth_from(returns)
    arrays = (sessions, returns, market, nav)
    for array in arrays:
        array.flags.writeable = False
    calls = {
        "cagr": lambda: performance.cagr(nav, sessions),
        "sharpe": lambda: performance.sharpe(returns, sessions_per_year=252),
        "sharpe_rf": lambda: performance.sharpe(
            returns, sessions_per_year=252, risk_free=0.05 / 252
        ),
        "sortino": lambda: performance.sortino(returns, sessions_per_year=252),
        "calmar": lambda: drawdowns.calmar(nav, sessions),
        "drawdown": lambda: drawdowns.max_drawdown(nav),
        "var": lambda: distribution.value_at_risk(returns),
        "skew": lambda: distribution.skewness(returns),
        "beta": lambda: relative.beta(returns, market),
        "alpha": lambda: relative.alpha(returns, market, sessions_per_year=252),
        "months": lambda: periods.period_returns(nav, sessions, "month").returns[3],
        "rolling": lambda: periods.rolling_beta(returns, market, window=390)[-1],
        "error": lambda: inference.sharpe_error_hac(returns),
    }
    first = {name: call() for name, call in calls.items()}
    names = list(calls)
    for seed in range(5):
        shuffled = np.random.default_rng(seed).permutation(names)
        assert {name: calls[name]() for name in shuffled} == first


def test_a_run_measured_twice_gives_the_same_numbers():
    sessions = weekdays("2022-01-03", 50)
    nav = 100 * np.cumprod(1 + np.random.default_rng(5).normal(0.0003, 0.01, 50))
    result = records(nav, sessions)
    assert metrics_of(result) == metrics_of(result)

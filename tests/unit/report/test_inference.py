"""What the metrics say their numbers are worth."""

import math

import numpy as np
import pytest

from backtest import inference
from backtest.measures import distribution, drawdowns, performance, relative
from backtest.report.account import Account
from backtest.report.inference import inference_section
from backtest.report.metrics import plain

PATH = {"total_return", "cagr", "volatility", "sharpe", "sortino", "max_drawdown", "calmar"}
RELATIVE = {"beta", "alpha", "tracking_error", "information_ratio", "excess_cagr"}


def account(size: int = 500, *, benchmark: bool = True, risk_free: float = 1e-4) -> Account:
    rng = np.random.default_rng(1)
    market = rng.standard_t(5, size=size) * 0.01
    returns = 0.6 * market + rng.standard_t(5, size=size) * 0.005 + 0.0006
    levels = np.cumprod(1.0 + market) if benchmark else np.full(size, math.nan)
    return Account(
        nav=1000.0 * performance.wealth_from(returns),
        sessions=np.datetime64("2022-01-03") + np.arange(size),
        sessions_per_year=246.0,
        risk_free=risk_free,
        benchmark=levels,
        invested=np.ones(size, dtype=bool),
        calendar=None,
    )


@pytest.fixture(scope="module")
def section() -> dict:
    return inference_section(account(), seed=3)


def test_the_ratio_is_that_of_the_risk_section(section):
    one = account()
    assert section["sharpe_annual"] == pytest.approx(
        performance.sharpe(one.returns, sessions_per_year=246.0, risk_free=1e-4), rel=1e-12
    )
    assert section["sharpe_per_session"] == pytest.approx(
        section["sharpe_annual"] / math.sqrt(246), rel=1e-12
    )
    assert section["observations"] == 500


def test_errors_are_annual_and_odds_are_per_session(section):
    excess = account().returns - 1e-4
    sharpe = float(np.mean(excess) / np.std(excess, ddof=1))
    shape = {
        "skewness": distribution.skewness(excess),
        "kurtosis": distribution.kurtosis(excess),
    }
    lo = math.sqrt((1 + sharpe**2 / 2) / 500)
    assert section["sharpe_error_iid"] == pytest.approx(lo * math.sqrt(246), rel=1e-12)
    odds = inference.probabilistic_sharpe(sharpe, 500, **shape)
    assert section["probabilistic_sharpe"] == pytest.approx(odds, rel=1e-12)
    sessions = inference.min_track_record(sharpe, **shape)
    assert section["min_track_record_sessions"] == pytest.approx(sessions, rel=1e-12)
    assert section["min_track_record_years"] == pytest.approx(sessions / 246, rel=1e-12)
    assert section["confidence"] == 0.95


def test_the_adjusted_ratio_counts_the_memory_of_the_first_lags(section):
    excess = account().returns - 1e-4
    centred = excess - excess.mean()
    total = np.sum(centred**2)
    rho = [np.sum(centred[k:] * centred[:-k]) / total for k in range(1, 6)]
    # 4 (500 / 100)^(2/9) = 5.7 lags.
    assert section["hac_lags"] == 5
    weighted = 2 * sum((246 - k) * r for k, r in enumerate(rho, start=1))
    expected = section["sharpe_per_session"] * 246 / math.sqrt(246 + weighted)
    assert section["sharpe_autocorrelation_adjusted"] == pytest.approx(expected, rel=1e-12)


def test_a_single_run_does_not_know_its_trials(section):
    assert section["trials"] is None
    assert section["deflated_sharpe"] is None


def test_intervals_say_how_they_were_made_and_hold_the_measures(section):
    found = section["intervals"]
    assert list(found) == [
        "level", "method", "block_length", "draws", "seed", "reason", "measures",
    ]  # fmt: skip
    assert (found["level"], found["draws"], found["seed"], found["reason"]) == (0.9, 1000, 3, None)
    assert found["block_length"] == inference.block_length(account().returns - 1e-4)
    one = account()
    both = one.returns, one.benchmark_returns
    measured = {
        "total_return": performance.total_return(one.nav),
        "cagr": performance.cagr(one.nav, one.sessions),
        "volatility": performance.volatility(one.returns, sessions_per_year=246.0),
        "sharpe": section["sharpe_annual"],
        "calmar": drawdowns.calmar(one.nav, one.sessions),
        "beta": relative.beta(*both, risk_free=1e-4),
        "alpha": relative.alpha(*both, sessions_per_year=246.0, risk_free=1e-4),
        "information_ratio": relative.information_ratio(*both, sessions_per_year=246.0),
    }
    assert set(found["measures"]) == PATH | RELATIVE
    for name, value in measured.items():
        low, high = found["measures"][name]
        assert low < value < high, name


def test_without_a_benchmark_there_are_intervals_of_the_path_only():
    found = inference_section(account(benchmark=False), seed=3)["intervals"]
    assert set(found["measures"]) == PATH


def test_a_short_history_has_no_intervals_and_says_why():
    section = plain(inference_section(account(59), seed=3))
    found = section["intervals"]
    assert found["reason"] == "fewer than 60 sessions"
    assert found["block_length"] is None
    assert found["measures"]["sharpe"] == [None, None]
    assert section["sharpe_error_hac"] > 0.0


def test_the_same_seed_gives_the_same_section_and_another_only_other_intervals(section):
    assert inference_section(account(), seed=3) == section
    other = inference_section(account(), seed=4)
    assert other["intervals"]["measures"] != section["intervals"]["measures"]
    assert {k: v for k, v in other.items() if k != "intervals"} == {
        k: v for k, v in section.items() if k != "intervals"
    }


def test_a_flat_account_has_no_odds():
    flat = account(100, risk_free=0.0)
    still = Account(
        np.full(101, 1000.0),
        flat.sessions,
        246.0,
        0.0,
        np.full(100, math.nan),
        flat.invested,
        calendar=None,
    )
    section = plain(inference_section(still, seed=0))
    for name in ("sharpe_annual", "sharpe_error_hac", "probabilistic_sharpe"):
        assert section[name] is None
    assert section["min_track_record_years"] is None
    assert section["intervals"]["measures"]["volatility"] == [0.0, 0.0]


def test_every_number_has_its_convention(section):
    assert set(section["conventions"]) == {
        "sharpe",
        "errors",
        "probabilistic_sharpe",
        "min_track_record",
        "deflated_sharpe",
        "intervals",
    }

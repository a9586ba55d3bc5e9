"""empyrical agrees wherever it means the same by a name."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from backtest.measures import distribution, drawdowns, performance, relative

empyrical = pytest.importorskip("empyrical", reason="empyrical-reloaded is not installed")

SESSIONS = pd.bdate_range("2020-01-01", periods=1_000)
CLOSE = {"rel": 1e-10}


@pytest.fixture(scope="module")
def returns() -> pd.Series:
    return pd.Series(np.random.default_rng(1).normal(0.0005, 0.01, 1_000), SESSIONS)


@pytest.fixture(scope="module")
def market(returns) -> pd.Series:
    own = np.random.default_rng(2).normal(0.0002, 0.008, 1_000)
    return pd.Series(0.5 * returns.to_numpy() + own, SESSIONS)


def test_ratios(returns):
    own, per_year = returns.to_numpy(), {"sessions_per_year": 252}
    free = 0.0001
    assert performance.sharpe(own, risk_free=free, **per_year) == pytest.approx(
        empyrical.sharpe_ratio(returns, risk_free=free), **CLOSE
    )
    assert performance.sortino(own, target=free, **per_year) == pytest.approx(
        empyrical.sortino_ratio(returns, required_return=free), **CLOSE
    )
    assert performance.volatility(own, **per_year) == pytest.approx(
        empyrical.annual_volatility(returns), **CLOSE
    )
    assert performance.downside_deviation(own, target=free, **per_year) == pytest.approx(
        empyrical.downside_risk(returns, required_return=free), **CLOSE
    )


def test_path_and_tails(returns):
    own = returns.to_numpy()
    nav = performance.wealth_from(own)
    assert performance.total_return(nav) == pytest.approx(
        empyrical.cum_returns_final(returns), **CLOSE
    )
    assert drawdowns.max_drawdown(nav) == pytest.approx(empyrical.max_drawdown(returns), **CLOSE)
    assert distribution.tail_ratio(own) == pytest.approx(empyrical.tail_ratio(returns), **CLOSE)


def test_against_a_benchmark(returns, market):
    own, theirs = returns.to_numpy(), market.to_numpy()
    assert relative.beta(own, theirs) == pytest.approx(empyrical.beta(returns, market), **CLOSE)
    assert relative.up_capture(own, theirs) == pytest.approx(
        _captured(own, theirs, theirs > 0), **CLOSE
    )
    assert relative.down_capture(own, theirs) == pytest.approx(
        _captured(own, theirs, theirs < 0), **CLOSE
    )


def _captured(own: np.ndarray, theirs: np.ndarray, side: np.ndarray) -> float:
    """Geometric mean return over the benchmark's on the benchmark's days of one sign."""
    mine, market = (np.prod(1.0 + r[side]) ** (1.0 / side.sum()) - 1.0 for r in (own, theirs))
    return float(mine / market)

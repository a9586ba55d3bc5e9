"""A small made-up result with every frame and key that the pages read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from backtest.report.detail import detail_of
from backtest.report.metrics import metrics_of
from backtest.result import Result

FEES = ("stamp_duty", "trading_fee", "settlement")
REASONS = ("signal", "universe", "stop_loss", "delisted")
STATUSES = ("filled", "partial", "lapsed", "cash_scaled", "capped", "blocked_exit", "no_price")


def made_up_config(name: str = "spillover_dip") -> dict[str, Any]:
    return {
        "name": name,
        "description": "Buy Hong Kong names that fell with Wall Street and not by their own news.",
        "data": {"bundle": "sample", "start": "2016-01-04", "end": None, "checks": {}},
        "universe": {"exchange": ["XHKG"], "kind": ["stock"], "min_history": 252},
        "clock": {"base": "XHKG", "decide": "before_open", "rebalance": "session"},
        "strategy": {"name": name, "params": {"drop": 0.05, "window": 5}},
        "market": "auto",
        "execution": {
            "fill": "open",
            "slippage": {"bps": 5.0, "ticks": 0.0, "impact": 0.0},
            "max_participation": 0.1,
            "fx_cost_bps": 2.0,
        },
        "portfolio": {"cash": {"amount": 1_000_000.0, "currency": "HKD"}, "currency": "HKD"},
        "exits": {"stop_loss": 0.1},
        "benchmark": "SIMTECH",
        "tearsheet": {"title": None, "theme": "auto", "risk_free": 0.0, "top": 10},
        "seed": 0,
    }


def made_up_manifest(name: str, sessions: pd.DatetimeIndex) -> dict[str, Any]:
    return {
        "fingerprint": "3f9a1c7e52d04b88",
        "name": name,
        "created_by": "0.1.0",
        "bundle": {
            "name": "sample",
            "hash": "9b1d" * 16,
            "prices": "raw",
            "simulated": True,
            "description": "A simulated market of Hong Kong, mainland and US instruments.",
            "checks": [
                {
                    "check": "spike",
                    "action": "warn",
                    "table": "bars",
                    "symbols": ["SIM042"],
                    "first": "2019-03-05",
                    "last": "2019-03-05",
                    "count": 1,
                    "hindsight": True,
                    "message": "SIM042 moves 100x on 2019-03-05 and back the next session",
                },
                {
                    "check": "not_a_session",
                    "action": "drop",
                    "table": "bars",
                    "symbols": ["SIM001", "SIM002"],
                    "first": "2023-09-01",
                    "last": "2023-09-08",
                    "count": 118,
                    "dropped": 118,
                    "hindsight": False,
                    "message": "118 bars on days that are no XHKG session",
                },
            ],
        },
        "strategy": {"name": name, "file": f"strategies/{name}.py", "sha256": "aa55" * 16},
        "rules": {
            "XHKG": {
                "market": "hk",
                "sha256": "c0de" * 16,
                "warnings": ["settlement fee from 2025-06-30 is not verified"],
            }
        },
        "versions": {"python": "3.11", "numpy": "2.4.6", "pandas": "3.1.0"},
        "period": {
            "first": sessions[0].strftime("%Y-%m-%d"),
            "last": sessions[-1].strftime("%Y-%m-%d"),
            "sessions": len(sessions),
        },
        "base": "XHKG",
        "sessions_per_year": 246,
        "currency": "HKD",
        "optimistic": [
            "Sales of an event pay for its buys: both fill in the same auction.",
            "Cash earns nothing and debt is free: the bundle has no rates for HKD.",
            "Delisted shares are paid in full at their last close.",
        ],
        "warnings": [
            "Simulated market: no price here was ever quoted.",
            "Survivors only: the bundle holds no instrument that was delisted.",
            "The benchmark SIMTECH is a price index: it leaves out dividends.",
        ],
        "environment": {"seconds": 1.234, "host": "not-to-be-shown"},
    }


def made_up_result(
    sessions: int = 260,
    names: int = 12,
    trades: int = 60,
    *,
    name: str = "spillover_dip",
    seed: int = 1,
    drift: float = 0.0004,
) -> Result:
    """Random frames that look like a run's; nothing here is meant to balance."""
    rng = np.random.default_rng(seed)
    dates = pd.bdate_range("2016-01-04", periods=sessions, name="session")
    market = rng.standard_t(5, sessions) * 0.009 + drift / 2
    returns = 0.6 * market + rng.standard_t(5, sessions) * 0.005 + drift
    nav = 1_000_000.0 * np.cumprod(1.0 + returns)
    gross = np.clip(0.6 + 0.3 * np.sin(np.arange(sessions) / 90.0), 0.0, 1.0)
    turnover = rng.exponential(0.02, sessions) * (rng.random(sessions) < 0.4)
    frame = pd.DataFrame(
        {
            "session": dates,
            "nav": nav,
            "cash": nav * (1.0 - gross),
            "gross": gross,
            "net": gross,
            "turnover": turnover,
            "fees": 0.0,
            "slippage": 0.0,
            "fx_cost": turnover * nav * 0.00002,
            "financing": nav * (gross - 0.8) * 1e-6,
            "stale_value": nav * 0.01 * (rng.random(sessions) < 0.1),
            "benchmark": np.cumprod(1.0 + market),
        }
    )
    symbols = np.array([f"SIM{i:03d}" for i in range(names)])
    fills = _fills(rng, frame, symbols, 2 * trades)
    paid = fills.groupby(fills["filled_at"].dt.tz_localize(None).dt.normalize())[
        ["fees", "slippage"]
    ].sum()
    paid = paid.reindex(dates, fill_value=0.0)
    frame = frame.assign(fees=paid["fees"].to_numpy(), slippage=paid["slippage"].to_numpy())
    config = made_up_config(name)
    made = Result(
        config=config,
        manifest=made_up_manifest(name, dates),
        nav=frame,
        positions=_positions(rng, frame, symbols),
        fills=fills,
        orders=_orders(rng, dates, symbols, 2 * trades),
        trades=_trades(rng, dates, symbols, trades),
        ledger=pd.DataFrame(),
    )
    return replace(made, metrics=metrics_of(made) | detail_of(made))


def _positions(rng: np.random.Generator, nav: pd.DataFrame, symbols: np.ndarray) -> pd.DataFrame:
    held = rng.random((len(nav), len(symbols))) < min(1.0, 12.0 / len(symbols))
    row, column = np.nonzero(held)
    weight = nav["gross"].to_numpy()[row] / np.maximum(held.sum(axis=1), 1)[row]
    value = weight * nav["nav"].to_numpy()[row]
    return pd.DataFrame(
        {
            "session": nav["session"].to_numpy()[row],
            "symbol": symbols[column],
            "shares": np.round(value / 50.0),
            "price": 50.0,
            "value": value,
            "weight": weight,
        }
    )


def _fills(
    rng: np.random.Generator, nav: pd.DataFrame, symbols: np.ndarray, count: int
) -> pd.DataFrame:
    row = np.sort(rng.integers(0, len(nav), count))
    side = rng.choice(np.array([1.0, -1.0]), count)
    shares = side * rng.integers(1, 8, count) * 100.0
    price = rng.uniform(5.0, 100.0, count)
    at = pd.DatetimeIndex(nav["session"].to_numpy()[row]).tz_localize("UTC") + pd.Timedelta("90min")
    value = shares * price
    fees = {
        f"fee_{fee}": np.abs(value) * rate
        for fee, rate in zip(FEES, (1e-3, 6e-5, 4e-5), strict=True)
    }
    return pd.DataFrame(
        {
            "decided_at": at - pd.Timedelta("30min"),
            "filled_at": at,
            "symbol": rng.choice(symbols, count),
            "side": np.where(side > 0, "buy", "sell"),
            "shares": shares,
            "reference": price,
            "price": price,
            "value": value,
            "slippage": np.abs(value) * 5e-4,
            "fx": 1.0,
            "fx_cost": 0.0,
            "reason": rng.choice(np.array(REASONS), count),
            **fees,
            "fees": sum(fees.values()),
        }
    )


def _orders(
    rng: np.random.Generator, dates: pd.DatetimeIndex, symbols: np.ndarray, count: int
) -> pd.DataFrame:
    at = dates[np.sort(rng.integers(0, len(dates), count))].tz_localize("UTC")
    shares = rng.integers(1, 50, count) * 100.0
    weights = np.array([0.86, 0.04, 0.03, 0.03, 0.02, 0.01, 0.01])
    return pd.DataFrame(
        {
            "decided_at": at,
            "symbol": rng.choice(symbols, count),
            "side": rng.choice(np.array(["buy", "sell"]), count),
            "shares": shares,
            "filled": shares,
            "status": rng.choice(np.array(STATUSES), count, p=weights),
            "reason": "signal",
            "resolved_at": at,
            "value": shares * 40.0,
        }
    )


def _trades(
    rng: np.random.Generator, dates: pd.DatetimeIndex, symbols: np.ndarray, count: int
) -> pd.DataFrame:
    first = np.sort(rng.integers(0, max(1, len(dates) - 1), count))
    held = rng.integers(1, 30, count)
    last = np.minimum(first + held, len(dates) - 1)
    is_open = (first + held) > (len(dates) - 1)
    gain = rng.standard_t(4, count) * 0.05 + 0.004
    size = rng.uniform(2e4, 2e5, count)
    entry = dates[first].tz_localize("UTC") + pd.Timedelta("90min")
    leave = pd.Series(dates[last].tz_localize("UTC") + pd.Timedelta("90min"))
    return pd.DataFrame(
        {
            "symbol": rng.choice(symbols, count),
            "side": "long",
            "entry": entry,
            "exit": leave.where(~is_open),
            "entry_session": dates[first],
            "exit_session": pd.Series(dates[last]).where(~is_open),
            "shares": np.round(size / 50.0),
            "entry_price": 50.0,
            "exit_price": 50.0 * (1.0 + gain),
            "pnl": gain * size,
            "fees": size * 0.0022,
            "dividends": 0.0,
            "return": gain,
            "sessions": last - first,
            "mae": -np.abs(rng.standard_normal(count)) * 0.03,
            "mfe": np.abs(rng.standard_normal(count)) * 0.04,
            "open": is_open,
            "reason": rng.choice(np.array(REASONS), count),
        }
    )


@pytest.fixture
def result() -> Result:
    return made_up_result()


@pytest.fixture
def make_result() -> Callable[..., Result]:
    return made_up_result


@pytest.fixture
def changed() -> Callable[..., Result]:
    """A copy of a result with some of its fields replaced."""
    return replace

"""Positions of next to nothing, as fractional shares and spent cash leave them."""

import numpy as np
import pandas as pd
import pytest

from backtest.clock import ClockSettings, build_clock
from backtest.data.arrays import bar_arrays
from backtest.data.bundle import Bundle
from backtest.data.grid import build_grid
from backtest.engine import simulate
from backtest.execution import Execution, Exits, Portfolio
from backtest.market.rules import compile_rules, resolve_markets
from backtest.units import Money


def simulated(weights, cash):
    """One adjusted instrument at 100 from 2024-01-02 on, without fees, filled at the close."""
    days = pd.bdate_range("2024-01-02", periods=len(weights))
    bundle = Bundle.from_frames(
        name="dust",
        prices="adjusted",
        instruments=pd.DataFrame(
            {"symbol": ["A"], "exchange": "XHKG", "currency": "HKD", "kind": "stock"}
        ),
        bars=pd.DataFrame({"symbol": "A", "session": days, "close": 100.0}),
    )
    bars = bar_arrays(bundle)
    clock = build_clock(bars.sessions, ClockSettings())
    frame = pd.DataFrame({"A": weights}, index=clock.index)
    dates = clock.base_sessions.dates
    rules = compile_rules(
        {name: rules for name, (rules, _) in resolve_markets("frictionless", ["XHKG"]).items()},
        instruments=bundle.instruments,
        sessions=bars.sessions,
        brokerage={},
        prices=bundle.prices,
        first=dates[0],
        last=dates[-1],
    )
    return simulate(
        bundle,
        build_grid(bundle, bars),
        clock,
        frame,
        frame.notna() | True,
        rules=rules,
        execution=Execution(fill="close", sizing="fill"),
        portfolio=Portfolio(cash=Money(amount=cash)),
        exits=Exits(),
    )


def test_a_buy_of_a_ten_billionth_of_a_share_is_a_trade_that_stays_open():
    done = simulated([np.nan, 1.0, np.nan], cash=1e-8)
    assert done.fills["shares"].tolist() == pytest.approx([1e-10])
    (trade,) = done.trades.to_dict("records")
    assert trade["open"]
    assert trade["pnl"] == pytest.approx(0.0, abs=1e-20)


def test_it_is_closed_by_its_sale():
    done = simulated([np.nan, 1.0, 0.0], cash=1e-8)
    (trade,) = done.trades.to_dict("records")
    assert not trade["open"]
    assert (trade["entry_price"], trade["exit_price"]) == pytest.approx((100.0, 100.0))

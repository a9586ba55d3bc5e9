"""What the page's table of trades holds, and the prices it draws a trade on."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from backtest.report import trade_records as module
from backtest.report.trade_records import trade_records

DAYS = pd.bdate_range("2016-01-04", periods=30)


@pytest.fixture
def drawn(result, changed):
    """One trade of SIM000 over a two-for-one split on day 12; prices of days 0 to 29 but 7."""
    trades = result.trades.iloc[:1].assign(
        symbol="SIM000", entry_session=DAYS[10], exit_session=DAYS[15], open=False
    )
    kept = np.delete(np.arange(30), 7)
    prices = pd.DataFrame(
        {
            "symbol": "SIM000",
            "session": DAYS[kept],
            "close": np.where(kept < 12, 20.0, 10.0),
            "volume": 1e6,
            "split": np.where(kept < 12, 1.0, 2.0),
        }
    )
    instruments = pd.DataFrame(
        {"symbol": ["SIM000"], "name": ["Simulated"], "sector": [""], "currency": ["HKD"]}
    )
    context = {"prices": prices, "instruments": instruments}
    return changed(result, trades=trades, context=context)


def test_sessions_come_back_from_their_steps(drawn):
    data = trade_records(drawn, "HKD")
    at = list(itertools.accumulate(data["prices"]["SIM000"]["at"]))
    kept = np.delete(np.arange(30), 7)
    assert [data["days"][row] for row in at] == [f"{day:%Y-%m-%d}" for day in DAYS[kept]]


def test_the_line_has_no_jump_and_is_in_shares_as_held_at_the_end(drawn):
    data = trade_records(drawn, "HKD")
    level = np.array(data["prices"]["SIM000"]["close"]) * data["scale"][0]
    assert level.tolist() == [10.0] * 29


def test_a_trade_is_found_by_the_name_of_its_instrument(drawn):
    assert trade_records(drawn, "HKD")["names"] == {"SIM000": "Simulated, HKD"}


def test_an_open_trade_is_in_shares_as_held_at_the_last_price(drawn, changed):
    trades = drawn.trades.assign(open=True, exit_session=pd.NaT)
    data = trade_records(changed(drawn, trades=trades), "HKD")
    assert data["rows"]["exit_session"] == ["open"]
    assert data["scale"] == [0.5]


def test_a_run_without_saved_prices_has_its_trades_all_the_same(result):
    data = trade_records(result, "HKD")
    assert data["prices"] == {}
    assert len(data["rows"]["pnl"]) == len(result.trades)


def test_of_too_many_trades_those_that_moved_most_are_kept_in_order(result, monkeypatch):
    monkeypatch.setattr(module, "MOST_TRADES", 5)
    rows = trade_records(result, "HKD")["rows"]
    largest = result.trades["pnl"].abs().nlargest(5).index.sort_values()
    assert rows["pnl"] == result.trades.loc[largest, "pnl"].tolist()


def test_of_too_many_prices_every_other_is_kept(drawn, monkeypatch):
    monkeypatch.setattr(module, "MOST_PRICES", 15)
    assert len(trade_records(drawn, "HKD")["prices"]["SIM000"]["close"]) == 15


def test_text_that_repeats_is_kept_once(result):
    side = trade_records(result, "HKD")["rows"]["side"]
    assert side["words"] == ["long"]
    assert side["at"] == [0] * len(result.trades)

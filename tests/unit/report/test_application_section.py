"""Capital beside price, on an account whose two applications fit in the head."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from backtest.report.application_section import application_section, application_table


def utc(text):
    return pd.Timestamp(text, tz="UTC")


@pytest.fixture
def applied(result):
    """A locks 1,000 for 5 days and makes 30; B locks 3,000 for 10 days and gets nothing."""
    rows = [
        ("2024-01-02", "application", "A", -1000.0), ("2024-01-02", "handling_fee", "A", -4.0),
        ("2024-01-02", "application", "B", -3000.0), ("2024-01-02", "handling_fee", "B", -4.0),
        ("2024-01-07", "refund", "A", 1000.0), ("2024-01-07", "subscription", "A", -100.0),
        ("2024-01-12", "refund", "B", 3000.0), ("2024-01-12", "loan_interest", "B", -2.0),
    ]  # fmt: skip
    ledger = pd.DataFrame(rows, columns=["session", "kind", "symbol", "amount"])
    ledger["session"] = pd.to_datetime(ledger["session"])
    fills = pd.DataFrame(
        {"symbol": ["A"], "filled_at": [utc("2024-01-07 01:30")], "reason": ["offer"],
         "value": [100.0], "fx": [1.0]}
    )  # fmt: skip
    trades = pd.DataFrame(
        {"symbol": ["A", "C"], "entry": [utc("2024-01-07 01:30"), utc("2024-01-03 01:30")],
         "pnl": [30.0, 500.0], "return": [0.3, 0.5]}
    )  # fmt: skip
    nav = pd.DataFrame({"nav": [8000.0, 8000.0], "locked": [4000.0, 3000.0]})
    return replace(result, ledger=ledger, fills=fills, trades=trades, nav=nav)


def test_profit_over_all_that_was_locked_stands_beside_the_price_return(applied):
    found = application_section(applied)
    assert found is not None
    assert (found["applications"], found["allotted"]) == (2, 1)
    assert found["locked"] == 4000.0
    assert found["locked_days"] == (1000 * 5 + 3000 * 10) / 4000
    assert found["largest_locked"] == 0.5
    # 30 of the trade that the allotment opened, less 8 and 2; C was bought in the market.
    assert found["profit"] == 20.0
    assert found["price_return"] == 0.3
    assert found["capital_return"] == 20.0 / 4000
    assert found["capital_return_per_year"] == pytest.approx(20.0 / (35_000 / 365))


def test_an_account_that_applied_for_nothing_has_no_such_section(applied):
    empty = replace(applied, nav=applied.nav.assign(locked=0.0))
    assert application_section(empty) is None
    assert application_table({}, "HKD") is None


def test_the_table_says_both_returns(applied):
    table = application_table({"applications": application_section(applied)}, "HKD")
    assert table is not None
    cells = dict(table.rows)
    assert cells["Price return, mean of allotted listings"] == "30.00 %"
    assert cells["Capital return, profit over all cash locked"] == "0.50 %"

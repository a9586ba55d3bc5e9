"""Profit by currency: worked by hand on three sessions, on the page and in the metrics."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from backtest.report.account import account_of
from backtest.report.currency_section import currency_section, currency_table
from backtest.report.tearsheet import tearsheet_html

DAYS = pd.to_datetime(["2024-01-02", "2024-01-03", "2024-01-04"])


@pytest.fixture
def run(result):
    """10,000 HKD: stock for 1,000 USD at 7.80, up to 1,020 at 7.85; 5 of fees; 2 of interest."""
    nav = pd.DataFrame(
        {
            "session": DAYS,
            "nav": [9_995.0, 10_146.0, 10_204.0],
            "benchmark": float("nan"),
            "turnover": [0.39, 0.0, 0.0],
            "gross": [0.78, 0.78, 0.78],
            "local_pnl": [0.0, 156.0, 0.0],
            "fx_pnl": [0.0, -5.0, 56.0],
            "hedge_pnl": 0.0,
            "fees": [5.0, 0.0, 0.0],
            "slippage": 0.0,
            "fx_cost": 0.0,
            "financing": [0.0, 0.0, -2.0],
        }
    )
    shared = {"session": DAYS, "hedge_pnl": 0.0}
    home = {"currency": "HKD", "positions": 0.0, "cash": [2_195.0, 2_195.0, 2_197.0], "rate": 1.0}
    home |= {"local_pnl": 0.0, "fx_pnl": 0.0, "interest": [0.0, 0.0, 2.0]}
    abroad = {"currency": "USD", "positions": [1_000.0, 1_020.0, 1_020.0], "cash": 0.0}
    abroad |= {"rate": [7.80, 7.795, 7.85], "local_pnl": nav["local_pnl"], "interest": 0.0}
    abroad |= {"fx_pnl": nav["fx_pnl"]}
    table = pd.concat([pd.DataFrame(shared | own) for own in (home, abroad)], ignore_index=True)
    config = result.config | {"portfolio": {"cash": {"amount": 10_000.0}, "currency": "HKD"}}
    return replace(result, nav=nav, config=config, context={"currencies": table})


def test_the_parts_add_up_to_the_change_of_nav(run):
    part = currency_section(run, account_of(run))
    assert part is not None
    assert part["local_pnl"] == 156.0
    assert part["fx_pnl"] == 51.0
    assert (part["interest"], part["costs"], part["borrowing"]) == (2.0, 5.0, 0.0)
    home, abroad = part["currencies"]
    assert (home["name"], abroad["name"]) == ("HKD", "USD")
    shares = [7_800.0 / 9_995.0, 7_950.9 / 10_146.0, 8_007.0 / 10_204.0]
    assert abroad["exposure"] == pytest.approx(sum(shares) / 3, rel=1e-12)
    made = part["local_pnl"] + part["fx_pnl"] + part["hedge_pnl"] + part["interest"]
    assert made - part["costs"] - part["borrowing"] == run.nav["nav"].iloc[-1] - 10_000.0


def test_the_page_shows_the_parts_and_their_sum(run):
    table = currency_table({"currency": currency_section(run, account_of(run))}, "HKD")
    assert table is not None
    assert [row[:4] for row in table.rows] == [
        ("HKD", "+2", "0", "0"),
        ("USD", "+207", "+156", "+51"),
        ("Costs", "-5", "", ""),
        ("Profit", "+204", "", ""),
    ]


def test_a_run_in_one_currency_has_no_such_part(result):
    assert currency_section(replace(result, context={}), account_of(result)) is None
    assert currency_table({}, "HKD") is None


def test_the_tearsheet_shows_it_where_more_than_one_currency_was_held(run, result):
    part = currency_section(run, account_of(run))
    shown = tearsheet_html(replace(result, metrics=result.metrics | {"currency": part}))
    assert "By currency: prices and exchange rates" in shown
    assert "By currency: prices and exchange rates" not in tearsheet_html(result)

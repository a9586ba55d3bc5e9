"""Listings of real bundles and tables, where these are at hand beside the project."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from backtest import load_config, run

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT / ".." / "shared"

pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="no real data beside the project")


def listings(bundle, *overrides):
    config = load_config(
        ROOT / "configs" / "real" / "ipo_day_one.yaml",
        overrides=[f"data.bundle={(SHARED / 'bundles' / bundle).resolve()}", *overrides],
    )
    return run(config)


def first_days():
    """First close over offer by symbol, as the tables have it."""
    real = SHARED / "data" / "real"
    old = pd.read_csv(real / "hk_ipo_2018_2022" / "hk_ipo_2018_2022.csv")
    new = pd.read_csv(real / "hk_ipo_2025_2026" / "hk_ipo_2025_2026.csv")
    old = old.set_index("Code")["% Chg. on2Debut"]
    new = new.set_index("stock_code")["first_day_change_pct"] / 100.0
    both = pd.concat([old, new]).dropna()
    return both[~both.index.duplicated(keep=False)]  # a code may be given again


@pytest.fixture(scope="module")
def subscribed():
    """All listings of 2018-2022 and 2025 applied for, and sold at their first close."""
    return listings(
        "hk-real",
        "execution={fill: close, ipo_entry: subscribe, ipo: {handling_fee: 100}}",
        "strategy.params.hold=0",
        "exits={}",
    )


def test_first_day_returns_of_84_listings_equal_the_tables(subscribed):
    events = subscribed.context["events"].set_index("symbol")["offer_return"].dropna()
    table = first_days().reindex(events.index).dropna()
    assert len(table) == 82
    np.testing.assert_allclose(events[table.index], table, atol=5e-5)


def test_first_day_returns_on_raw_prices_equal_the_table():
    # Here the offer is as published, and the close was rebuilt: not from that table.
    result = listings("hk-raw", "data.start=2020-01-02", "data.end=2021-12-31",
                      "data.checks.padding=warn")  # fmt: skip
    events = result.context["events"].set_index("symbol")["offer_return"].dropna()
    table = first_days().reindex(events.index).dropna()
    assert set(table.index) == {"1024.HK", "1209.HK", "2015.HK", "6618.HK", "9633.HK"}
    np.testing.assert_allclose(events[table.index], table, atol=0.002)


def test_all_listings_run_end_to_end_and_the_page_says_that_they_survived(subscribed):
    assert subscribed.manifest["bundle"]["survivors_only"]
    assert any("Survivors only" in text for text in subscribed.manifest["optimistic"])
    told = subscribed.metrics["applications"]
    assert (told["applications"], told["allotted"]) == (79, 79)
    # An allotment is a sliver of what is locked: the price return is not what the cash made.
    assert told["price_return"] > 0.2
    assert told["capital_return"] < 0.01


def test_the_account_balances_over_seven_years_of_applications(subscribed):
    nav, ledger = subscribed.nav, subscribed.ledger
    held = subscribed.positions.groupby("session")["value"].sum()
    total = nav["cash"] + nav["locked"] + nav["session"].map(held).fillna(0.0)
    np.testing.assert_allclose(total, nav["nav"], rtol=1e-12)
    start = subscribed.metrics["conventions"]["initial_cash"]
    assert start + ledger["amount"].sum() == pytest.approx(nav["cash"].iloc[-1])
    assert nav["locked"].iloc[-1] == 0.0
    outside = ledger.loc[ledger["kind"].isin(["handling_fee", "interest", "loan_interest"])]
    profit = subscribed.trades["pnl"].sum() + outside["amount"].sum()
    assert nav["nav"].iloc[-1] - start == pytest.approx(profit)

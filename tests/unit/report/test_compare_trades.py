"""Trades of two runs matched, small enough to be matched by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from backtest.report.compare_trades import matched, trade_differences


def trades(*rows):
    """Trades as (symbol, entry day, exit day, entry price, exit price, pnl) of January 2024."""
    frame = pd.DataFrame(
        rows, columns=["symbol", "first", "last", "entry_price", "exit_price", "pnl"]
    )
    days = {
        name: pd.to_datetime("2024-01-01") + pd.to_timedelta(frame[column] - 1, unit="D")
        for name, column in (("entry_session", "first"), ("exit_session", "last"))
    }
    return frame.drop(columns=["first", "last"]).assign(
        side="long",
        shares=100.0,
        open=frame["last"].isna(),
        **days,
        entry=days["entry_session"].dt.tz_localize("UTC"),
        exit=days["exit_session"].dt.tz_localize("UTC"),
    )


def made(table):
    return list(zip(table["symbol"], table["made"], strict=True))


def test_a_trade_opened_by_both_in_one_session_is_one_trade():
    one = trades(("A", 2, 5, 10.0, 11.0, 100.0), ("B", 2, 5, 10.0, 11.0, 100.0))
    two = trades(("A", 2, 9, 10.0, 12.0, 200.0), ("C", 2, 5, 10.0, 11.0, 100.0))
    assert made(matched(one, two)) == [("A", "both"), ("B", "first"), ("C", "second")]


def test_a_trade_held_at_the_same_time_is_the_same_though_it_began_a_day_later():
    one = trades(("A", 2, 8, 10.0, 11.0, 100.0))
    two = trades(("A", 3, 9, 10.5, 11.0, 50.0))
    assert made(matched(one, two)) == [("A", "both")]


def test_a_trade_after_the_others_end_is_another_trade():
    one = trades(("A", 2, 4, 10.0, 11.0, 100.0))
    two = trades(("A", 4, 9, 10.5, 11.0, 50.0))
    assert made(matched(one, two)) == [("A", "first"), ("A", "second")]


def test_what_is_sold_and_bought_again_has_one_partner_only():
    one = trades(("A", 2, 20, 10.0, 11.0, 100.0))
    two = trades(("A", 2, 5, 10.0, 9.0, -100.0), ("A", 8, 20, 9.5, 11.0, 150.0))
    table = matched(one, two)
    assert made(table) == [("A", "both"), ("A", "second")]
    assert table["pnl_2"].tolist() == [-100.0, 150.0]


def test_a_trade_still_open_overlaps_with_all_that_comes():
    one = trades(("A", 2, None, 10.0, float("nan"), 40.0))
    two = trades(("A", 12, 15, 10.5, 11.0, 50.0))
    assert made(matched(one, two)) == [("A", "both")]


def test_long_and_short_are_never_one_trade():
    one = trades(("A", 2, 8, 10.0, 11.0, 100.0))
    two = one.assign(side="short")
    assert sorted(made(matched(one, two))) == [("A", "first"), ("A", "second")]


@pytest.fixture
def pair(make_result, changed):
    """Two runs whose profits are 10,000 and 12,000, of which these trades are a part."""

    def make(one, two):
        runs = []
        for name, own, profit in (("a", one, 10_000.0), ("b", two, 12_000.0)):
            run = make_result(3, name=name, trades=1)
            nav = run.nav.assign(nav=[1_000_000.0, 1_000_000.0, 1_000_000.0 + profit])
            runs.append(changed(run, nav=nav, trades=own))
        return trade_differences(*runs)

    return make


def test_profit_is_split_by_who_made_the_trades_and_adds_up(pair):
    found = pair(
        trades(
            ("A", 2, 5, 10.0, 11.0, 1_000.0),
            ("B", 2, 5, 10.0, 11.0, 2_000.0),
            ("C", 2, 5, 10.0, 11.0, 3_000.0),
        ),
        trades(
            ("A", 2, 5, 10.0, 11.0, 1_100.0),
            ("B", 2, 5, 10.0, 11.5, 3_000.0),
            ("D", 2, 5, 10.0, 11.0, 7_000.0),
        ),
    )
    assert [(group.trades, group.first, group.second) for group in found.groups] == [
        (1, 3_000.0, 0.0),  # C, by the first only
        (1, 0.0, 7_000.0),  # D, by the second only
        (1, 2_000.0, 3_000.0),  # B, sold at another price
        (1, 1_000.0, 1_100.0),  # A, at the same prices: other costs
    ]
    assert (found.rest.first, found.rest.second) == (4_000.0, 900.0)  # interest
    assert (found.total.first, found.total.second, found.total.difference) == (1e4, 1.2e4, 2e3)


def test_trades_that_are_the_same_in_both_are_not_listed(pair):
    same = trades(("A", 2, 5, 10.0, 11.0, 1_000.0))
    assert pair(same, same).table.empty


def test_runs_without_a_trade_have_none_that_differs(pair):
    none = trades()
    found = pair(none, none)
    assert found.table.empty
    assert [group.trades for group in found.groups] == [0, 0, 0, 0]


def test_profits_in_two_currencies_are_not_subtracted(make_result, changed):
    one, two = make_result(50, name="a"), make_result(50, name="b")
    two = changed(two, manifest=two.manifest | {"currency": "USD"})
    assert trade_differences(one, one).is_one_currency
    assert not trade_differences(one, two).is_one_currency

from datetime import date
from types import SimpleNamespace

import numpy as np
import pandas as pd

from backtest.market.doubts import Doubt, doubts, in_short
from backtest.market.rules import compile_rules, load_market

FROM, TO = date(2018, 1, 2), date(2026, 6, 30)


def told(market, kind):
    return list(doubts(load_market(market), kind, "", FROM, TO, adjusted=False))


def compiled(held):
    dates = SimpleNamespace(dates=np.array(["2018-01-02", "2026-06-30"], dtype="datetime64[D]"))
    return compile_rules(
        {"XHKG": load_market("hk"), "XNYS": load_market("us")},
        instruments=pd.DataFrame(
            {
                "symbol": ["E001.HK", "S001.HK", "N01.US"],
                "exchange": ["XHKG", "XHKG", "XNYS"],
                "kind": ["etf", "stock", "stock"],
            }
        ),
        sessions={"XHKG": dates, "XNYS": dates},
        brokerage={},
        prices="raw",
        first=np.datetime64(FROM),
        last=np.datetime64(TO),
        held=held,
    )


def test_only_what_may_be_held_is_doubted():
    hong_kong_stocks = compiled(np.array([False, True, False])).doubts
    assert [doubt.what for doubt in hong_kong_stocks["XHKG"]] == ["ticks for stock above 500"]
    assert hong_kong_stocks["XNYS"] == ()
    everything = compiled(None).doubts
    assert {doubt.what for doubt in everything["XHKG"]} == {
        "ticks for etf",
        "ticks for stock above 500",
    }
    assert everything["XNYS"] != ()


def test_the_rules_themselves_are_those_of_all_columns_whatever_is_doubted():
    none, every = compiled(np.zeros(3, dtype=bool)), compiled(None)
    assert none.components == every.components
    for ours, theirs in zip(none.tables, every.tables, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_market_takes_one_line_in_which_each_rule_stands_once():
    assert in_short(told("us", "stock")) == [
        "us: 3 rules are unverified: sec_fee, finra_taf, ticks for stock; "
        "1 rule is assumed before the first known day: sec_fee; see docs/markets.md"
    ]


def test_markets_keep_their_order_and_one_rule_is_singular():
    assert in_short([*told("hk", "stock"), *told("us", "etf"), *told("hk", "stock")])[0] == (
        "hk: 1 rule is unverified: ticks for stock above 500; see docs/markets.md"
    )


def test_nothing_in_doubt_is_nothing_to_say():
    assert in_short([]) == []


def test_rules_of_another_exchange_are_told_by_themselves():
    borrowed = Doubt("hk", "foreign", "XNYS", "XNYS trades under the rules of 'hk'")
    assert in_short([borrowed]) == ["XNYS trades under the rules of 'hk'"]

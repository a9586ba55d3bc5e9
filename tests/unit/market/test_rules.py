from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from backtest.errors import MarketError
from backtest.kernels.costs import split_fees
from backtest.market.model import MarketRules
from backtest.market.rules import board_of, compile_rules, load_market
from backtest.market.settings import Brokerage

STAMP = {"status": "verified", "source": "a"}


def days(*texts):
    return SimpleNamespace(dates=np.array(texts, dtype="datetime64[D]"))


def instruments(*rows):
    return pd.DataFrame(rows, columns=["symbol", "exchange", "kind"])


def compiled(rules, frame, sessions, *, first=None, last=None, prices="raw", brokerage=None):
    every = np.concatenate([item.dates for item in sessions.values()])
    return compile_rules(
        rules,
        instruments=frame,
        sessions=sessions,
        brokerage=brokerage or {},
        prices=prices,
        first=np.datetime64(first) if first else every.min(),
        last=np.datetime64(last) if last else every.max(),
    )


def market(**parts):
    context = {"name": "test", "sha256": ""}
    return MarketRules.model_validate({"description": "a test", **parts}, context=context)


def fee(name, *dated, **parts):
    entries = [{"from": day, **STAMP, **amounts} for day, amounts in dated]
    return {"name": name, "dated": entries, **parts}


def charged(result, column, session, *, side=1.0, value=1000.0, shares=10.0):
    tables = result.tables
    out = np.zeros(len(result.components))
    row = tables.row0[column] + tables.period[0, session]
    split_fees(tables.rows, tables.fees, row, side, shares, value, out)
    return dict(zip(result.components, out.tolist(), strict=True))


def test_periods_change_on_the_first_session_on_or_after_the_day():
    rules = market(fees=[fee("duty", ("2000-01-01", {"fixed": 1}), ("2020-01-04", {"fixed": 2}))])
    sessions = {"X": days("2020-01-02", "2020-01-03", "2020-01-06")}
    result = compiled({"X": rules}, instruments(("A", "X", "stock")), sessions)
    assert result.tables.period.tolist() == [[0, 0, 1]]
    assert [charged(result, 0, s)["duty"] for s in range(3)] == [1.0, 1.0, 2.0]


def test_exchanges_are_rows_in_alphabetical_order_and_count_their_own_periods():
    dear = market(fees=[fee("duty", ("2000-01-01", {"fixed": 1}), ("2020-01-03", {"fixed": 2}))])
    sessions = {"Y": days("2020-01-02", "2020-01-03"), "B": days("2020-01-02")}
    frame = instruments(("C", "B", "stock"), ("A", "Y", "stock"))
    result = compiled({"Y": dear, "B": market()}, frame, sessions)
    assert result.tables.period.tolist() == [[0, 0], [0, 1]]
    assert result.tables.row0.tolist() == [0, 1]


def test_rule_changes_outside_the_run_make_no_period():
    rules = market(
        fees=[fee("duty", *((f"{year}-01-01", {"fixed": year}) for year in range(2000, 2030)))]
    )
    sessions = {"X": days("2010-06-01", "2020-06-01", "2021-06-01", "2025-06-02")}
    result = compiled(
        {"X": rules},
        instruments(("A", "X", "stock")),
        sessions,
        first="2020-03-01",
        last="2021-12-31",
    )
    assert result.tables.period.tolist() == [[0, 0, 1, 1]]
    assert len(result.tables.rows) == 2


def test_an_index_is_never_charged_and_needs_no_rules():
    rules = market(fees=[fee("duty", ("2000-01-01", {"fixed": 1}))])
    frame = instruments(("A", "X", "stock"), ("I", "X", "index"), ("N", "Z", "index"))
    sessions = {"X": days("2020-01-02"), "Z": days("2020-01-02")}
    result = compiled({"X": rules}, frame, sessions, brokerage={"X": Brokerage(fixed=5)})
    assert charged(result, 0, 0) == {"duty": 1.0, "brokerage": 5.0}
    assert charged(result, 1, 0) == {"duty": 0.0, "brokerage": 0.0}
    assert charged(result, 2, 0) == {"duty": 0.0, "brokerage": 0.0}


def test_the_rules_of_an_exchange_with_indices_only_make_no_difference():
    duty, levy = ("2000-01-01", {"fixed": 1}), ("2000-01-01", {"fixed": 2})
    own = market(fees=[fee("duty", duty), fee("levy", levy)])
    other = market(
        exchanges=["XHKG"],
        fees=[fee("levy", levy, ("2020-01-03", {"fixed": 4})), fee("duty", duty)],
    )
    frame = instruments(("I", "B", "index"), ("A", "X", "stock"))
    sessions = {"B": days("2020-01-02", "2020-01-03"), "X": days("2020-01-02", "2020-01-03")}
    charges = {"B": Brokerage(fixed=5)}
    given = compiled({"B": other, "X": own}, frame, sessions, brokerage=charges)
    left_out = compiled({"X": own}, frame, sessions)
    assert given.tables.period.tolist() == [[0, 0], [0, 0]]
    assert given.components == left_out.components == ("duty", "levy")
    assert given.warnings == left_out.warnings == ()
    for ours, theirs in zip(given.tables, left_out.tables, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_traded_instrument_without_rules_is_an_error():
    with pytest.raises(MarketError, match="A: its exchange 'X' has no market rules"):
        compiled({}, instruments(("A", "X", "stock")), {"X": days("2020-01-02")})


def test_components_stand_in_file_order_with_brokerage_last():
    first = market(
        fees=[
            fee("levy", ("2000-01-01", {"fixed": 1})),
            fee("duty", ("2000-01-01", {"fixed": 2})),
            fee("gone", ("2000-01-01", {"fixed": 4}), ("2010-01-01", {"fixed": 0})),
        ]
    )
    second = market(
        fees=[
            fee("tax", ("2000-01-01", {"fixed": 1})),
            fee("duty", ("2000-01-01", {"fixed": 2})),
        ]
    )
    result = compiled(
        {"X": first, "Y": second},
        instruments(("A", "X", "stock"), ("B", "Y", "stock")),
        {"X": days("2020-01-02"), "Y": days("2020-01-02")},
        brokerage={"X": Brokerage(rate=0.001)},
    )
    assert result.components == ("levy", "duty", "tax", "brokerage")


def test_brokerage_has_bounds_and_falls_on_both_sides():
    result = compiled(
        {"X": market()},
        instruments(("A", "X", "stock")),
        {"X": days("2020-01-02")},
        brokerage={"X": Brokerage(rate=0.01, per_share=0.5, fixed=1, min=20, max=100)},
    )
    values = (100.0, 2000.0, 50_000.0)
    paid = [charged(result, 0, 0, side=-1.0, value=value)["brokerage"] for value in values]
    assert paid == [20.0, 26.0, 100.0]


def test_entries_of_one_name_add_up_and_kinds_choose_among_them():
    rules = market(
        fees=[
            fee("levy", ("2000-01-01", {"fixed": 1}), kinds=["stock"]),
            fee("levy", ("2000-01-01", {"fixed": 2}), kinds=["etf"]),
            fee("levy", ("2000-01-01", {"fixed": 4})),
        ]
    )
    frame = instruments(("A", "X", "etf"), ("B", "X", "stock"), ("C", "X", "reit"))
    result = compiled({"X": rules}, frame, {"X": days("2020-01-02")})
    assert [charged(result, column, 0)["levy"] for column in range(3)] == [6.0, 5.0, 4.0]


def test_before_the_first_entry_the_first_is_assumed_with_a_warning():
    rules = market(fees=[fee("duty", ("2010-01-01", {"fixed": 1}))])
    frame, sessions = instruments(("A", "X", "stock")), {"X": days("2005-01-03", "2020-01-02")}
    result = compiled({"X": rules}, frame, sessions)
    assert charged(result, 0, 0) == {"duty": 1.0}
    assert result.warnings == ("test: duty: known from 2010-01-01 only, assumed the same before",)


def test_a_fee_that_did_not_exist_before_is_not_assumed():
    rules = market(fees=[fee("levy", ("2010-01-01", {"fixed": 1}), before="none")])
    frame, sessions = instruments(("A", "X", "stock")), {"X": days("2005-01-03", "2020-01-02")}
    result = compiled({"X": rules}, frame, sessions)
    assert [charged(result, 0, session)["levy"] for session in (0, 1)] == [0.0, 1.0]
    assert result.warnings == ()


def test_unverified_rules_warn_only_when_they_are_in_force():
    unverified = {"status": "unverified", "source": "hearsay", "fixed": 1}
    rules = market(
        fees=[fee("duty", ("2000-01-01", unverified), ("2010-01-01", {"fixed": 1}))],
        t_plus_one=[{"from": "2015-01-01", "holds": True, **STAMP, "status": "unverified"}],
    )
    frame = instruments(("A", "X", "stock"))
    early = compiled({"X": rules}, frame, {"X": days("2009-12-31")})
    late = compiled({"X": rules}, frame, {"X": days("2016-01-04")})
    assert early.warnings[0] == "test: duty, from 2000-01-01: unverified (hearsay)"
    assert late.warnings == ("test: T+1, from 2015-01-01: unverified (a)",)


def test_another_exchanges_rules_are_said_to_be_so():
    rules = market(exchanges=["XHKG"])
    result = compiled({"X": rules}, instruments(("A", "X", "stock")), {"X": days("2020-01-02")})
    assert result.warnings == ("X trades under the rules of 'test', which are not its own",)


def test_adjusted_prices_have_no_ticks_and_no_limits_but_t_plus_one():
    frame, sessions = instruments(("600519", "XSHG", "stock")), {"XSHG": days("2024-01-02")}
    raw = compiled({"XSHG": load_market("cn")}, frame, sessions)
    adjusted = compiled({"XSHG": load_market("cn")}, frame, sessions, prices="adjusted")
    assert (len(raw.tables.ticks), raw.tables.rows["limit"][0]) == (1, 0.1)
    assert (len(adjusted.tables.ticks), adjusted.tables.rows["limit"][0]) == (0, 0.0)
    assert adjusted.tables.rows["t_plus_one"].tolist() == [True]
    assert not any("tick" in text or "limit" in text for text in adjusted.warnings)


@pytest.mark.parametrize(
    ("symbol", "named", "board"),
    [
        ("600519.SS", None, "main"),
        ("688981", np.nan, "star"),
        ("sh.689009", "", "star"),
        ("300750.SZ", None, "chinext"),
        ("830799", None, "bse"),
        ("920002", None, "bse"),
        ("900901", None, "main"),
        ("300750", "st", "st"),
        ("ABC", None, "main"),
    ],
)
def test_a_board_is_named_or_read_from_the_digits_of_the_symbol(symbol, named, board):
    assert board_of(load_market("cn"), symbol, named) == board


def test_a_market_without_boards_takes_any():
    assert board_of(load_market("hk"), "8083.HK", "gem") == "gem"
    assert board_of(load_market("hk"), "8083.HK", None) == ""


def test_unknown_boards_are_refused_together():
    frame = instruments(("600001", "XSHG", "stock"), ("600002", "XSHG", "stock"))
    frame["board"] = ["mian", "growth"]
    with pytest.raises(MarketError) as caught:
        compiled({"XSHG": load_market("cn")}, frame, {"XSHG": days("2024-01-02")})
    assert str(caught.value).splitlines() == [
        "600001: board must be one of main, star, chinext, bse, st, got 'mian'",
        "600002: board must be one of main, star, chinext, bse, st, got 'growth'",
    ]


def test_a_hong_kong_run_of_today_warns_of_little():
    frame, sessions = instruments(("0005.HK", "XHKG", "stock")), {"XHKG": days("2026-01-05")}
    result = compiled({"XHKG": load_market("hk")}, frame, sessions)
    assert result.warnings == ("hk: ticks for stock above 500: unverified",)


def test_an_exchange_without_sessions_in_the_run_still_has_rows():
    frame = instruments(("0005.HK", "XHKG", "stock"))
    sessions = {"XHKG": days("2020-01-02")}
    result = compiled(
        {"XHKG": load_market("hk")}, frame, sessions, first="2022-01-03", last="2022-12-30"
    )
    assert result.tables.period.tolist() == [[0]]
    assert len(result.tables.rows) == 1

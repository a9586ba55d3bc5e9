"""Round trips: average cost, costs shared out, excursions, splits, flips, what is still open."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pytest

from backtest.engine import Simulation
from tests.oracles.by_hand import DAYS, fee, world_of
from tests.oracles.engine_run import make_ready, simulate_ready

IN_USD = {"exchange": "XNYS", "currency": "USD"}
EIGHT = [("USD", "HKD", DAYS[0] - timedelta(days=2) + timedelta(days=i), 8.0) for i in range(30)]


def simulated(bars, weights, **more) -> Simulation:
    return simulate_ready(make_ready(world_of(bars, weights, **more)))


def trades_of(bars, weights, **more) -> list[dict]:
    return simulated(bars, weights, **more).trades.to_dict("records")


def one(bars, weights, **more) -> dict:
    (trade,) = trades_of(bars, weights, **more)
    return trade


def test_ten_shares_bought_at_20_and_sold_at_25_make_50_less_both_fees():
    rules = {"XHKG": [fee(fixed=1.0)]}
    trade = one({"A": [20, 20, 25]}, {"A": {1: 0.2, 2: 0.0}}, rules=rules)
    assert (trade["shares"], trade["entry_price"], trade["exit_price"]) == (10, 20, 25)
    assert (trade["pnl"], trade["fees"], trade["side"]) == (48, 2, "long")
    assert trade["return"] == 48 / 201
    assert (trade["open"], trade["reason"], trade["sessions"]) == (False, "signal", 1)
    assert (trade["entry_session"].date(), trade["exit_session"].date()) == (DAYS[1], DAYS[2])
    assert trade["entry"].hour == 1


def test_adding_and_selling_part_keeps_one_trade_at_average_cost():
    # 10 at 10 and 15 at 20 cost 400; 10 go at 40 and 15 at 20 for 700.
    trade = one({"A": [10, 10, 20, 40, 20]}, {"A": {1: 0.1, 2: 0.25, 3: 0.28, 4: 0.0}})
    assert (trade["shares"], trade["entry_price"], trade["exit_price"]) == (25, 16, 28)
    assert (trade["pnl"], trade["return"]) == (300, 0.75)


def test_a_trade_ends_where_the_position_is_flat_and_another_begins():
    bars = {"A": [10, 10, 11, 10, 12]}
    trades = trades_of(bars, {"A": {1: 0.5, 2: 0.0, 3: 0.5, 4: 0.0}})
    assert [trade["pnl"] for trade in trades] == [50, 94]  # half of 1050 at 11 is 47 shares


def test_a_fill_from_long_to_short_closes_one_trade_and_opens_another():
    # 50 long at 10, then 50 short of them at 20: 150 % of the costs go with the parts.
    rules = {"XHKG": [fee(per_share=0.1)]}
    bars = {"A": [10, 10, 20, 20, 15]}
    trades = trades_of(bars, {"A": {1: 0.5, 2: -0.5, 4: 0.0}}, short=True, rules=rules)
    long, short = trades
    assert (long["side"], long["shares"], long["entry_price"], long["exit_price"]) == (
        "long", 50, 10, 20,
    )  # fmt: skip
    assert long["fees"] == pytest.approx(10)
    assert long["pnl"] == pytest.approx(500 - 10)
    assert (short["side"], short["entry_price"], short["exit_price"]) == ("short", 20, 15)
    assert short["entry"] == long["exit"]
    assert short["fees"] == pytest.approx(0.2 * short["shares"])
    assert short["pnl"] == pytest.approx((5 - 0.2) * short["shares"])


def test_an_open_trade_is_valued_at_its_last_mark_and_has_no_exit():
    trade = one({"A": [10, 10, 13]}, {"A": {1: 0.5}})
    assert (trade["open"], trade["pnl"], trade["reason"]) == (True, 150, "")
    assert all(pd.isna(trade[name]) for name in ("exit_price", "exit", "exit_session"))


def test_dividends_are_part_of_the_gain():
    actions = [("A", 2, "dividend", 0.5)]
    trade = one({"A": [10, 10, 10, 10]}, {"A": {1: 0.5, 3: 0.0}}, actions=actions, withholding=0.2)
    assert (trade["dividends"], trade["pnl"]) == (20, 20)


def test_a_foreign_trade_is_in_the_portfolios_currency_with_its_conversions():
    about = {"A": IN_USD, "B": {}}
    # Bought on row 2 (New York opens after Hong Kong's close): 50 x 10 x 8 = 4000.
    trade = one({"A": [10, 10, 12], "B": [1, 1, 1]}, {"A": {1: 0.5}}, about=about, fx=EIGHT,
                cash=8_000.0, fx_cost_bps=25.0)  # fmt: skip
    assert trade["fees"] == pytest.approx(10)
    assert trade["entry_price"] == 10
    assert trade["pnl"] == pytest.approx(-10)  # New York's second close is still to come


# --- splits ------------------------------------------------------------------------------------


def test_after_a_split_prices_and_shares_are_those_of_the_new_shares():
    actions = [("A", 2, "split", 2.0)]
    trade = one({"A": [10, 10, 5, 6]}, {"A": {1: 0.5, 3: 0.0}}, actions=actions)
    assert (trade["shares"], trade["entry_price"], trade["exit_price"]) == (100, 5, 6)
    assert trade["pnl"] == 100


def test_excursions_are_told_in_the_shares_of_the_end():
    actions = [("A", 3, "split", 2.0)]
    bars = {"A": [10, 10, (10, 12, 8, 10), (5, 5.5, 5, 5), 5]}
    trade = one(bars, {"A": {1: 0.5, 4: 0.0}}, actions=actions)
    assert (trade["mae"], trade["mfe"]) == (pytest.approx(-0.2), pytest.approx(0.2))


def test_a_fraction_paid_out_counts_as_sold():
    # 15 shares at 10 become 1.5 at 100: half a share goes at 110, one at 120.
    actions = [("A", 2, "split", 0.1)]
    bars = {"A": [10, 10, (110, 120, 100, 100), 120]}
    trade = one(bars, {"A": {1: 0.15, 3: 0.0}}, actions=actions)
    assert trade["entry_price"] == pytest.approx(100)
    assert trade["exit_price"] == pytest.approx((0.5 * 110 + 120) / 1.5)
    assert trade["pnl"] == pytest.approx(0.5 * 10 + 20)
    assert trade["shares"] == pytest.approx(1.5)


def test_a_consolidation_without_a_whole_share_left_ends_the_trade():
    trade = one({"A": [10, 10, (110, 120, 100, 100)]}, {"A": {1: 0.05}},
                actions=[("A", 2, "split", 0.1)])  # fmt: skip
    assert (trade["reason"], trade["open"]) == ("fraction", False)
    assert trade["exit_price"] == pytest.approx(110)
    assert trade["pnl"] == pytest.approx(5)
    assert trade["mfe"] == pytest.approx(0.1)  # the open, not the high that came later


# --- excursions --------------------------------------------------------------------------------

WIDE = (10, 15, 5, 10)


def test_a_position_entered_at_the_open_lives_through_its_entry_bar():
    trade = one({"A": [10, WIDE, 10]}, {"A": {1: 0.5}})
    assert (trade["mae"], trade["mfe"]) == (-0.5, 0.5)


def test_a_position_entered_at_the_close_knows_only_that_close_of_its_entry_bar():
    trade = one({"A": [10, WIDE, (10, 11, 9, 10)]}, {"A": {1: 0.5}}, fill="close")
    assert (trade["mae"], trade["mfe"]) == (pytest.approx(-0.1), pytest.approx(0.1))


def test_a_position_left_at_the_open_knows_only_that_open_of_its_exit_bar():
    trade = one({"A": [10, 10, (12, 15, 5, 10)]}, {"A": {1: 0.5, 2: 0.0}})
    assert (trade["mae"], trade["mfe"]) == (0.0, pytest.approx(0.2))


def test_a_position_left_at_the_close_lives_through_its_exit_bar():
    trade = one({"A": [10, 10, WIDE]}, {"A": {1: 0.5, 2: 0.0}}, fill="close")
    assert (trade["mae"], trade["mfe"]) == (-0.5, 0.5)


def test_a_stop_bounds_what_its_bar_did_to_the_position():
    trade = one({"A": [100, 100, (95, 110, 70, 75)]}, {"A": {1: 0.5}}, stop_loss=0.125)
    assert (trade["mae"], trade["mfe"]) == (-0.125, 0.0)


def test_excursions_of_a_short_are_mirrored():
    trade = one({"A": [10, 10, (10, 12, 9, 10)]}, {"A": {1: -0.5}}, short=True)
    assert (trade["mae"], trade["mfe"]) == (pytest.approx(-0.2), pytest.approx(0.1))


def test_a_bar_that_is_not_over_at_the_end_is_not_known():
    about = {"A": IN_USD, "B": {}}
    # Bought in New York's session of row 1; the run ends with Hong Kong's row 2.
    bars = {"A": [10, (10, 12, 9, 10), (10, 20, 1, 10)], "B": [1, 1, 1]}
    trade = one(bars, {"A": {1: 0.5}}, about=about, fx=EIGHT, cash=8_000.0)
    assert (trade["mae"], trade["mfe"]) == (pytest.approx(-0.1), pytest.approx(0.2))


def test_a_bar_without_a_range_is_its_close():
    nan = float("nan")
    trade = one({"A": [10, 10, (10, nan, nan, 11)]}, {"A": {1: 0.5}})
    assert (trade["mae"], trade["mfe"]) == (0.0, pytest.approx(0.1))


# --- ends --------------------------------------------------------------------------------------


def test_a_delisting_closes_at_what_it_paid():
    trade = one({"A": [10, 10, 8, None]}, {"A": {1: 0.5}}, about={"A": {"delisted": 2}},
                actions=[("A", 2, "delisting", 3.5)], universe={"A": [True] * 4})  # fmt: skip
    assert (trade["exit_price"], trade["reason"], trade["pnl"]) == (3.5, "delisted", -325)


def test_ruin_writes_the_position_off_at_nothing():
    trade = one({"A": [10, 10, 40, 40]}, {"A": {1: -1.0}}, short=True)
    assert (trade["reason"], trade["exit_price"], trade["open"]) == ("write_off", 0, False)
    assert trade["pnl"] == 1000  # what it brought; the account's own cash is written off apart


def test_without_fills_there_are_no_trades_but_the_columns_are_typed():
    trades = simulated({"A": [10, 10]}, {}).trades
    assert trades.empty
    assert str(trades["entry"].dtype) == "datetime64[ns, UTC]"
    assert str(trades["pnl"].dtype) == "float64"
    assert str(trades["open"].dtype) == "bool"


def test_a_receivable_belongs_to_the_trade_that_earned_it():
    # 50 shares of 10 sold at 9.6: -20, and 20 that are paid when a second trade is on.
    actions = [("A", 2, "dividend", 0.4, {"pay_date": 5})]
    bars = {"A": [10, 10, 9.6, 9.6, 9.6, 9.6]}
    first, second = trades_of(bars, {"A": {1: 0.5, 3: 0.0, 4: 0.5}}, actions=actions)
    assert (first["pnl"], first["dividends"]) == (pytest.approx(0), pytest.approx(20))
    assert (second["pnl"], second["dividends"]) == (0, 0)


def test_rights_taken_up_join_the_trade_and_rights_sold_are_its_income():
    rights = [("A", 2, "rights", 0.5, {"price": 4.0})]
    bars, weights = {"A": [10, 10, 8, 8]}, {"A": {1: 0.5, 3: 0.0}}
    taken = one(bars, weights, actions=rights, rights="take_up")
    assert (taken["shares"], taken["entry_price"]) == (75, pytest.approx(8))  # 600 / 75
    assert (taken["pnl"], taken["dividends"]) == (0, 0)
    sold = one(bars, weights, actions=rights, rights="sell")
    assert (sold["pnl"], sold["dividends"]) == (0, 100)
    assert one(bars, weights, actions=rights)["pnl"] == -100


def test_a_gift_is_income_of_one_trade_and_the_cost_of_another():
    given = [("A", 2, "in_kind", 0.5, {"symbol_to": "B"})]
    bars = {"A": [10, 10, 8, 8], "B": [4, 4, 4, 5]}
    parent, child = trades_of(bars, {"A": {1: 0.5}}, actions=given)
    assert (parent["pnl"], parent["dividends"]) == (0, 100)
    assert (child["symbol"], child["entry_price"], child["pnl"]) == ("B", 4, 25)


def test_a_new_ticker_carries_the_trade_on():
    change = [("A", 2, "ticker_change", 0.5, {"symbol_to": "B"})]
    trade = one({"A": [10, 10, None], "B": [None, None, 24]}, {"A": {1: 0.5}}, actions=change)
    assert (trade["symbol"], trade["shares"], trade["entry_price"]) == ("B", 25, 20)
    assert (trade["pnl"], trade["open"]) == (100, True)


def test_a_takeover_ends_the_trade():
    takeover = [("A", 2, "takeover", 12.0)]
    trade = one({"A": [10, 10, None]}, {"A": {1: 0.5}}, actions=takeover)
    assert (trade["reason"], trade["exit_price"], trade["pnl"]) == ("takeover", 12, 100)

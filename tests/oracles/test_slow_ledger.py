"""The oracle and the engine against numbers worked by hand: so that one may judge the other."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from tests.oracles.by_hand import (
    DAYS,
    NAN,
    cash,
    fee,
    held,
    nav,
    near,
    rule,
    run,
    statuses,
)

pytestmark = pytest.mark.usefixtures("simulator")

# --- orders, lots and fees -------------------------------------------------------------------


def test_a_fifth_of_1000_buys_ten_shares_at_20_and_pays_the_1_dollar_fee():
    result = run({"A": [20, 20]}, {"A": {1: 0.2}}, rules={"XHKG": [fee(min=1.0)]})
    assert near(cash(result, 1), 799)
    assert held(result, 1) == 10
    assert near(nav(result, 1), 999)


def test_an_order_is_sized_at_the_last_close_and_fills_at_the_open():
    result = run({"A": [20, (25, 30, 20, 30)]}, {"A": {1: 0.5}})
    assert held(result, 1) == 25  # 500 / 20
    assert cash(result, 1) == 1000 - 25 * 25
    assert nav(result, 1) == 375 + 25 * 30


def test_the_wanted_shares_are_cut_to_whole_lots_of_ten():
    result = run({"A": [9, 9]}, {"A": {1: 0.95}}, about={"A": {"lot_size": 10.0}})
    assert held(result, 1) == 100  # 950 / 9 = 105.6


def test_an_exact_number_of_lots_is_not_lost_to_a_float():
    # 0.29 * 1000 / 0.01 is 28999.999... in floats.
    result = run({"A": [0.01, 0.01]}, {"A": {1: 0.29}})
    assert held(result, 1) == 29_000


def test_adjusted_prices_buy_fractions_and_whole_shares_only_if_asked():
    bars, weights = {"A": [300, 300]}, {"A": {1: 0.5}}
    assert near(held(run(bars, weights, prices="adjusted"), 1), 500 / 300)
    assert held(run(bars, weights, prices="adjusted", whole_shares=True), 1) == 1


def test_a_crypto_lot_of_a_thousandth_is_kept():
    result = run({"A": [300, 300]}, {"A": {1: 0.5}}, about={"A": {"lot_size": 0.001}})
    assert near(held(result, 1), 1.666)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"rate": 0.001, "round": "up", "unit": 1.0}, 11.0),  # 10.05 up to the next dollar
        ({"rate": 0.0000123, "round": "nearest", "unit": 0.01}, 0.12),  # 0.123615 to the cent
        ({"rate": 0.001, "min": 18.0}, 18.0),
        ({"rate": 0.001, "max": 7.0}, 7.0),
        ({"per_share": 0.25, "fixed": 2.0}, 252.0),  # 1000 shares
        ({"rate": 0.001, "side": "sell"}, None),
        ({"rate": 0.001, "exempt": ["stock"]}, None),
    ],
)
def test_a_fee_on_1000_shares_at_10_dollars_5_cents(content, expected):
    rules = {"XHKG": [fee(**content)]}
    result = run({"A": [10.05, 10.05]}, {"A": {1: 0.5025}}, cash=20_000.0, rules=rules)
    fees = result.fills[0].fees
    assert fees == {} if expected is None else near(fees["fee"], expected)


def test_a_fee_changes_on_its_day():
    old, new = fee(fixed=1.0) | {"to": DAYS[1]}, fee(fixed=3.0) | {"from": DAYS[2]}
    result = run({"A": [10, 10, 10]}, {"A": {1: 0.5, 2: 0.0}}, rules={"XHKG": [old, new]})
    assert [fill.fees["fee"] for fill in result.fills] == [1, 3]


def test_weight_zero_sells_the_odd_lot_too():
    about = {"A": {"lot_size": 10.0}}
    result = run(
        {"A": [10, 10, 10, 10]},
        {"A": {1: 0.5, 3: 0.0}},
        about=about,
        actions=[("A", 2, "split", 0.5)],
    )
    assert [held(result, row) for row in (1, 2, 3)] == [50, 25, 0]


def test_an_order_below_the_band_is_skipped_but_an_exit_is_not():
    weights = {"A": {1: 0.5, 2: 0.53, 3: 0.0}}
    result = run({"A": [10, 10, 10, 10]}, weights, band=0.04)
    assert [held(result, row) for row in (1, 2, 3)] == [50, 50, 0]
    assert statuses(result) == ["filled", "filled"]


def test_without_a_close_or_an_offer_price_there_is_no_order():
    result = run({"A": [None, 10, 10]}, {"A": {1: 0.5}})
    assert statuses(result) == ["no_price"]


def test_what_leaves_the_universe_is_sold_without_a_weight():
    universe = {"A": [True, True, False, False]}
    result = run({"A": [10, 10, 10, 10]}, {"A": {1: 0.5}}, universe=universe)
    assert [fill.reason for fill in result.fills] == ["signal", "universe"]
    assert held(result, 2) == 0


def test_after_the_close_the_decision_knows_that_close_and_fills_the_next_open():
    result = run({"A": [10, 20, 25]}, {"A": {1: 0.5}}, decide="after_close")
    assert held(result, 1) == 0
    assert held(result, 2) == 25  # 500 / 20
    assert cash(result, 2) == 1000 - 25 * 25


def test_a_last_decision_after_the_close_sends_nothing():
    result = run({"A": [10, 10]}, {"A": {1: 0.5}}, decide="after_close")
    assert result.orders == []


def test_sizing_at_the_fill_uses_the_open_and_lets_rounding_decide():
    result = run({"A": [10, 20]}, {"A": {1: 0.5}}, sizing="fill")
    assert held(result, 1) == 25


# --- what holds an order back ------------------------------------------------------------------


def test_no_bar_lapses_or_is_carried():
    bars, weights = {"A": [10, None, 12]}, {"A": {1: 0.5}}
    assert statuses(run(bars, weights)) == ["lapsed"]
    carried = run(bars, weights, unfilled="carry")
    assert statuses(carried) == ["filled"]
    assert cash(carried, 2) == 1000 - 50 * 12


def test_a_new_weight_replaces_the_carried_order():
    bars, weights = {"A": [10, None, 10]}, {"A": {1: 0.5, 2: 0.25}}
    result = run(bars, weights, unfilled="carry")
    assert statuses(result) == ["replaced", "filled"]
    assert held(result, 2) == 25


def test_zero_volume_stops_a_fill_unless_the_whole_exchange_has_none():
    still = (10, 10, 10, 10, 0.0)
    lapsed = run({"A": [10, still], "B": [10, 10]}, {"A": {1: 0.5}})
    assert statuses(lapsed) == ["lapsed"]
    missing = run({"A": [10, still], "B": [10, still]}, {"A": {1: 0.5}}, max_participation=0.1)
    assert held(missing, 1) == 50


def test_a_tenth_of_the_volume_caps_an_order_in_whole_lots():
    thin = (10, 10, 10, 10, 470.0)
    about = {"A": {"lot_size": 20.0}}
    bars = {"A": [10, thin, thin]}
    capped = run(bars, {"A": {1: 0.6}}, about=about, max_participation=0.1)
    assert held(capped, 2) == 40
    assert statuses(capped) == ["capped"]
    carried = run(bars, {"A": {1: 0.6}}, about=about, max_participation=0.1, unfilled="carry")
    assert held(carried, 2) == 60
    unknown = run({"A": [10, (10, 10, 10, 10, NAN)]}, {"A": {1: 0.6}}, max_participation=0.1)
    assert held(unknown, 1) == 60


def test_an_odd_lot_exit_within_the_volume_budget_goes_whole():
    # 25 shares left by a 1-for-2 of 50; a tenth of 300 is 30: the odd 5 go with the lots of 10.
    result = run(
        {"A": [10, 10, 10, (10, 10, 10, 10, 300.0)]},
        {"A": {1: 0.5, 3: 0.0}},
        about={"A": {"lot_size": 10.0}},
        actions=[("A", 2, "split", 0.5)],
        max_participation=0.1,
        unfilled="carry",
    )
    assert held(result, 3) == 0


def test_two_buys_of_600_share_1000_of_cash():
    weights = {"A": {1: 0.6}, "B": {1: 0.6}}
    result = run({"A": [1, 1], "B": [1, 1]}, weights, max_gross=1.2)
    assert (held(result, 1, "A"), held(result, 1, "B")) == (500, 500)
    assert statuses(result) == ["cash_scaled", "cash_scaled"]
    assert cash(result, 1) == 0


def test_scaling_counts_fees_and_cuts_to_lots():
    # 100 shares of 10 and a fee of 5 need 1005; 1000/1005 of 100 is 99.5, in lots 90.
    about, rules = {"A": {"lot_size": 10.0}}, {"XHKG": [fee(fixed=5.0)]}
    result = run({"A": [10, 10]}, {"A": {1: 1.0}}, about=about, rules=rules)
    assert held(result, 1) == 90
    assert cash(result, 1) == 95


def test_when_scaling_cannot_help_the_smallest_buy_is_dropped():
    # Two fees of 10 exceed 15 however small the fractions are; one fits.
    rules = {"XHKG": [fee(fixed=10.0)]}
    weights = {"A": {1: 0.25}, "B": {1: 0.5}}
    result = run({"A": [1, 1], "B": [1, 1]}, weights, rules=rules, prices="adjusted", cash=15.0)
    assert held(result, 1, "A") == 0
    assert held(result, 1, "B") > 0
    assert statuses(result) == ["cash_scaled", "cash_scaled"]


def test_sales_of_an_event_pay_for_its_buys_even_of_an_earlier_column():
    weights = {"B": {1: 1.0, 2: 0.0}, "A": {2: 1.0}}
    result = run({"A": [10, 10, 10], "B": [10, 10, 10]}, weights)
    assert (held(result, 2, "A"), held(result, 2, "B")) == (100, 0)


def test_no_buy_at_the_upper_limit_and_no_sale_at_the_lower():
    about = {"A": {"exchange": "XSHG", "currency": "HKD"}}
    rules = {"XSHG": [rule("limit", limit=0.1, unit=0.01, free_sessions=0)]}
    # 10.05 x 1.1 = 11.055, half up to 11.06.
    bars = {"A": [10.05, 11.06, 11.06, 9.95]}
    weights = {"A": {1: 0.5, 2: 0.5, 3: 0.0}}
    result = run(bars, weights, about=about, rules=rules)
    assert statuses(result) == ["limit", "filled", "limit"]  # 11.06 x 0.9 = 9.954, so 9.95
    below = run({"A": [10.05, 11.05]}, {"A": {1: 0.5}}, about=about, rules=rules)
    assert statuses(below) == ["filled"]


# --- prices ------------------------------------------------------------------------------------


def test_slippage_goes_to_the_next_tick_and_stays_within_the_bar():
    ticks = {"XHKG": [rule("tick", above=0.0, size=0.02), rule("tick", above=20.0, size=0.05)]}
    wide, narrow = (20.5, 21.0, 20.0, 20.5), (20.5, 20.52, 20.5, 20.5)
    slip = {"slippage": {"bps": 10.0}, "rules": ticks}  # 20.5205 before the tick of 0.05
    assert near(run({"A": [20, wide]}, {"A": {1: 0.5}}, **slip).fills[0].price, 20.55)
    assert near(run({"A": [20, narrow]}, {"A": {1: 0.5}}, **slip).fills[0].price, 20.52)
    sold = run({"A": [20, wide, wide]}, {"A": {1: 0.5, 2: 0.0}}, **slip)
    assert near(sold.fills[1].price, 20.45)  # 20.4795 down


def test_two_ticks_of_slippage_at_a_bound_use_the_band_below():
    ticks = {"XHKG": [rule("tick", above=0.0, size=0.02), rule("tick", above=20.0, size=0.05)]}
    bars = {"A": [20, (20, 21, 19, 20)]}
    result = run(bars, {"A": {1: 0.5}}, rules=ticks, slippage={"ticks": 2.0})
    # 20 + 2 x 0.02 = 20.04, which lies in the band of 0.05.
    assert near(result.fills[0].price, 20.05)


def test_impact_is_sigma_times_the_root_of_shares_over_volume():
    # Ten returns of +10 % and -10 % by turns: sigma = 0.1 sqrt(10/9). 900 shares of a median
    # volume of 1000: sqrt(0.9). Their product is 0.1; half of it is the impact: 5 %.
    closes = [100.0]
    for i in range(10):
        closes.append(closes[-1] * (1.1 if i % 2 == 0 else 0.9))
    bars = [(c, c * 2, c / 2, c, 1000.0) for c in closes]
    last = closes[-1]
    bars.append((last, last * 2, last / 2, last, NAN))
    weight = 900.5 * last / 1e6
    result = run({"A": bars}, {"A": {11: weight}}, slippage={"impact": 0.5}, cash=1e6, prices="raw")
    assert result.fills[0].shares == 900
    assert near(result.fills[0].price / Decimal(last), 1.05)


# --- splits, dividends, interest ---------------------------------------------------------------


def test_a_split_doubles_shares_and_the_carried_rest_of_an_order():
    # 100 wanted, 40 a day: 40, then (40 + 40... of 120 left) after the split.
    bars = {"A": [10, (10, 10, 10, 10, 160.0), (5, 5, 5, 5, 160.0)]}
    more = {"max_participation": 0.25, "unfilled": "carry", "actions": [("A", 2, "split", 2.0)]}
    result = run(bars, {"A": {1: 1.0}}, **more)
    assert held(result, 1) == 40
    assert held(result, 2) == 80 + 40
    assert (result.orders[0].shares, result.orders[0].filled) == (100, 80)
    assert statuses(result) == ["partial"]
    assert cash(result, 2) == 1000 - 400 - 200


def test_a_consolidation_pays_the_fraction_at_the_open():
    result = run(
        {"A": [10, 10, (110, 120, 100, 100)]}, {"A": {1: 0.15}}, actions=[("A", 2, "split", 0.1)]
    )
    assert held(result, 2) == 1  # 15 shares are 1.5
    assert near(cash(result, 2), 850 + 0.5 * 110)


def test_without_a_bar_the_fraction_is_paid_at_the_last_close():
    result = run({"A": [10, 10, None]}, {"A": {1: 0.15}}, actions=[("A", 2, "split", 0.1)])
    assert near(cash(result, 2), 850 + 0.5 * 100)
    assert near(nav(result, 2), 1000)


def test_a_dividend_is_credited_net_and_lowers_the_last_close_by_the_gross():
    actions = [("A", 2, "dividend", 2.0)]
    result = run({"A": [10, 10, None]}, {"A": {1: 0.5}}, actions=actions, withholding=0.25)
    assert cash(result, 2) == 500 + 50 * 2 * 0.75
    assert nav(result, 2) == 575 + 50 * 8


def test_withholding_may_differ_by_exchange():
    actions = [("A", 2, "dividend", 2.0)]
    result = run(
        {"A": [10, 10, 8]}, {"A": {1: 0.5}}, actions=actions, withholding={"XHKG": 0.5, "XNYS": 0.3}
    )
    assert cash(result, 2) == 550


def test_cash_earns_by_calendar_days_after_the_first_session():
    rates = [("HKD", date(2023, 12, 1), 0.1)]
    result = run({"A": [10] * 5}, {}, cash=36_500.0, rates=rates)
    assert near(cash(result, 1), 36_500)  # Wednesday: nothing yet
    assert near(cash(result, 2), 36_510)
    assert near(cash(result, 3), 36_520.002739726027)  # 10 x 36510 / 36500 more
    friday = 36_520.002739726027
    assert near(cash(result, 4), friday * (1 + 0.3 / 365))  # three days to Monday


def test_a_spread_can_make_cash_cost_but_not_without_a_rate():
    rates = [("HKD", date(2023, 12, 1), 0.01)]
    bars = {"A": [10] * 3}
    with_rate = run(bars, {}, cash=36_500.0, rates=rates, rate_spread=0.02)
    assert near(cash(with_rate, 2), 36_499)
    assert cash(run(bars, {}, cash=36_500.0, rate_spread=0.02), 2) == 36_500


# --- exits -------------------------------------------------------------------------------------

BOUGHT_AT_100 = [100, 100]


@pytest.mark.parametrize(
    ("exits", "bar", "price", "reason"),
    [
        ({"stop_loss": 0.125}, (95, 96, 85, 90), 87.5, "stop_loss"),
        ({"stop_loss": 0.125}, (80, 90, 70, 85), 80, "stop_loss"),  # through at the open
        ({"take_profit": 0.25}, (110, 130, 100, 120), 125, "take_profit"),
        ({"take_profit": 0.25}, (140, 150, 130, 145), 140, "take_profit"),
        ({"stop_loss": 0.125, "take_profit": 0.25}, (100, 130, 80, 90), 87.5, "stop_loss"),
        ({"trailing_stop": 0.0625}, (95, 96, 90, 91), 93.75, "trailing_stop"),
        # The peak is still 100: the stop at 93.75 lies above the trail at 87.5 and counts.
        ({"stop_loss": 0.0625, "trailing_stop": 0.125}, (95, 96, 85, 90), 93.75, "stop_loss"),
    ],
)
def test_an_exit_from_a_position_bought_at_100(exits, bar, price, reason):
    result = run({"A": [*BOUGHT_AT_100, bar]}, {"A": {1: 0.5}}, **exits)
    assert result.fills[1].price == price
    assert result.fills[1].reason == reason
    assert result.fills[1].reference == price


def test_a_trailing_stop_follows_the_highs_of_completed_bars_only():
    bars = {"A": [100, (100, 128, 100, 120), (120, 160, 120, 130)]}
    result = run(bars, {"A": {1: 0.5}}, trailing_stop=0.0625)
    # The peak of the entry bar, 128, sets 120: the next open is at it. Not 160.
    assert result.fills[1].price == 120
    assert result.fills[1].filled.hour == 1


def test_a_position_is_watched_in_its_entry_bar_if_it_was_entered_at_the_open():
    deep = (100, 100, 80, 95)
    at_open = run({"A": [100, deep, 95]}, {"A": {1: 0.5}}, stop_loss=0.125)
    assert (held(at_open, 1), at_open.fills[1].price) == (0, 87.5)
    at_close = run({"A": [95, (95, 200, 80, 100), 100]}, {"A": {1: 0.5}}, stop_loss=0.125,
                   trailing_stop=0.25, fill="close")  # fmt: skip
    assert held(at_close, 2) == 5  # neither the low of 80 nor the high of 200 was its own


def test_max_sessions_sells_at_the_second_open_after_the_entrys():
    result = run({"A": [10, 10, 10, 12, 13]}, {"A": {1: 0.5}}, max_sessions=2)
    assert result.fills[1].filled.date() == DAYS[3]
    assert result.fills[1].price == 12
    halted = run({"A": [10, 10, 10, None, 13]}, {"A": {1: 0.5}}, max_sessions=2)
    assert halted.fills[1].price == 13


def test_after_a_stop_only_a_weight_of_zero_lets_buys_in_again():
    bars = {"A": [100, 100, 80, 80, 80, 80]}
    weights = {"A": {1: 0.5, 3: 0.4, 4: 0.0, 5: 0.5}}
    result = run(bars, weights, stop_loss=0.125)
    assert statuses(result) == ["filled", "blocked_exit", "filled"]


def test_an_exit_cancels_the_pending_order():
    result = run({"A": [100, 100, 80]}, {"A": {1: 0.5, 2: 0.25}}, stop_loss=0.125)
    assert statuses(result) == ["filled", "cancelled"]


def test_a_zero_volume_bar_triggers_nothing_but_lifts_the_peak():
    still = (100, 200, 50, 100, 0.0)
    bars = {"A": [100, 100, still, (160, 160, 140, 150)], "B": [1, 1, 1, 1]}
    result = run(bars, {"A": {1: 0.5}}, trailing_stop=0.25)
    assert result.fills[1].price == 150  # 200 x 0.75, in the bar after


def test_t_plus_one_puts_a_stop_off_to_the_next_open():
    about, rules = {"A": {"exchange": "XSHG"}}, {"XSHG": [rule("t_plus_one")]}
    bars = {"A": [100, (100, 100, 80, 95), (99, 99, 99, 99)]}
    result = run(bars, {"A": {1: 0.5}}, about=about, rules=rules, stop_loss=0.125)
    assert held(result, 1) == 5
    assert (result.fills[1].price, result.fills[1].reason) == (99, "stop_loss")


def test_a_split_moves_the_stop_with_the_price():
    bars = {"A": [100, 100, (50, 51, 45, 46), (45, 45, 40, 41)]}
    actions = [("A", 2, "split", 2.0)]
    result = run(bars, {"A": {1: 0.5}}, actions=actions, stop_loss=0.125)
    assert result.fills[1].price == 43.75  # 87.5 / 2, reached on the third day only


# --- listings and delistings -------------------------------------------------------------------


def test_a_delisting_pays_the_actions_value_or_the_recovery():
    bars, weights, about = {"A": [10, 10, 8, None]}, {"A": {1: 0.5}}, {"A": {"delisted": 2}}
    universe = {"A": [True, True, False, False]}
    # Row 2 is outside the universe, so no decision there: hold with after_close weights.
    more = {"about": about, "universe": {"A": [True] * 4}, "rules": {"XHKG": [fee(fixed=1.0)]}}
    paid = run(bars, weights, actions=[("A", 2, "delisting", 3.5)], **more)
    assert cash(paid, 2) == 1000 - 500 - 1 + 50 * 3.5
    assert (paid.fills[1].reason, paid.fills[1].fees) == ("delisted", {})
    half = run(bars, weights, delisting_recovery=0.5, **more)
    assert cash(half, 2) == 499 + 50 * 4
    sold = run(bars, weights, about=about, universe=universe)
    assert sold.fills[1].reason == "universe"


def test_an_offer_is_allotted_by_oversubscription_before_the_open():
    # 0.2 of 10000 at 10 is 200; 40 times oversubscribed at a factor of a half: 1 in 20.
    about = {"A": {"listed": 2, "offer_price": 10.0, "oversubscription": 40.0}}
    rules = {"XHKG": [rule("ipo", fee=0.01, factor=0.5), fee(fixed=3.0)]}
    bars = {"A": [None, None, (15, 16, 14, 16)], "B": [1, 1, 1]}
    more = {"about": about, "rules": rules, "cash": 10_000.0}
    result = run(bars, {"A": {2: 0.2}}, ipo_entry="offer", **more)
    assert near(held(result, 2), 10)
    assert near(cash(result, 2), 10_000 - 100 - 1)
    assert near(nav(result, 2), 9_899 + 160)
    market = run(bars, {"A": {2: 0.2}}, **more)
    assert held(market, 2) == 200  # sized at the offer price, bought at the open
    assert cash(market, 2) == 10_000 - 200 * 15 - 3


def test_an_offer_of_unknown_oversubscription_is_no_order():
    about = {"A": {"listed": 2, "offer_price": 10.0}}
    bars = {"A": [None, None, 15], "B": [1, 1, 1]}
    result = run(bars, {"A": {2: 0.2}}, about=about, ipo_entry="offer")
    assert statuses(result) == ["no_price"]


# --- other currencies and exchanges ------------------------------------------------------------


def test_new_york_fills_the_same_date_after_a_hong_kong_morning():
    about = {"A": {"exchange": "XNYS", "currency": "USD"}, "B": {}}
    fx = [("USD", "HKD", date(2023, 12, 31) + timedelta(days=i), 8.0) for i in range(10)]
    bars = {"A": [10, (12, 12, 12, 12), 12], "B": [1, 1, 1]}
    result = run(bars, {"A": {1: 0.5}}, about=about, fx=fx, cash=8_000.0, fx_cost_bps=25.0)
    assert held(result, 1) == 0  # Hong Kong closes before New York opens
    assert held(result, 2) == 50  # 4000 / (10 x 8), the close of the night before
    assert near(cash(result, 2), 8_000 - 50 * 12 * 8 * 1.0025)
    assert near(result.fills[0].fx_cost, 12)


def test_fx_is_known_from_the_day_after_and_may_be_the_inverse_or_a_cross():
    about = {"A": {"currency": "CNY"}}
    quotes = [("HKD", "USD", 0, 0.125), ("HKD", "USD", 1, 0.25), ("CNY", "USD", 0, 0.25)]
    result = run({"A": [10, 10, 10]}, {"A": {1: 0.5}}, about=about, fx=quotes)
    assert held(result, 1) == 25  # a CNY is 0.25 USD, a USD is 8 HKD: 500 / (10 x 2)
    assert nav(result, 1) == 1000
    assert nav(result, 2) == 500 + 25 * 10 * 1  # a USD is now 4 HKD


# --- shorts ------------------------------------------------------------------------------------


def test_a_short_gives_cash_and_pays_borrow_and_dividends():
    actions = [("A", 3, "dividend", 1.0)]
    more = {"short": True, "borrow": 0.365, "actions": actions, "withholding": 0.5}
    result = run({"A": [10, 10, 10, 9]}, {"A": {1: -0.5}}, **more)
    assert held(result, 1) == -50
    assert cash(result, 1) == 1500
    assert near(cash(result, 2), 1500 - 0.5)  # 500 x 0.365 / 365
    assert near(cash(result, 3), 1500 - 1 - 50)  # the full dividend, no withholding


def test_a_stop_of_a_short_lies_above_and_the_trail_follows_the_lows():
    bars = {"A": [100, (100, 100, 80, 90), (85, 95, 84, 90)]}
    result = run(bars, {"A": {1: -0.5}}, short=True, trailing_stop=0.125, stop_loss=0.25)
    assert (result.fills[1].price, result.fills[1].reason) == (90, "trailing_stop")  # 80 x 1.125
    assert result.fills[1].shares == 5


def test_short_proceeds_are_kept_with_margin_and_buy_nothing():
    # 1000 + 800 of proceeds - 1.5 x 800 leaves 600 for B, which asks for 800.
    weights = {"A": {1: -0.8}, "B": {1: 0.8}}
    result = run({"A": [10, 10], "B": [10, 10]}, weights, short=True, max_gross=2.0)
    assert (held(result, 1, "A"), held(result, 1, "B")) == (-80, 60)


def test_covering_a_short_frees_its_margin_for_other_buys():
    # Row 2: cash 1800 less 1.5 x 800 is 600. Covering 80 at 10 costs 800 and frees 1200.
    weights = {"A": {1: -0.8, 2: 0.0}, "B": {2: 1.0}}
    result = run({"A": [10] * 3, "B": [10] * 3}, weights, short=True)
    assert (held(result, 2, "A"), held(result, 2, "B")) == (0, 100)
    assert cash(result, 2) == 0


def test_ruin_writes_everything_off_and_the_nav_stays_at_zero():
    result = run({"A": [10, 10, 40, 1, 1]}, {"A": {1: -1.0, 3: 0.5}}, short=True)
    assert result.bankrupt == DAYS[2]  # 2000 - 100 x 40
    assert [value for _, value in result.nav] == [1000, 0, 0, 0]
    assert result.ledger[-1].kind == "write_off"
    assert sum(entry.amount for entry in result.ledger) == -1000


def test_every_change_of_cash_is_in_the_ledger():
    rules = {"XHKG": [fee(rate=0.001, min=2.0)]}
    result = run({"A": [10, 11, 12, 13]}, {"A": {1: 0.5, 2: 0.2, 3: 0.0}}, rules=rules)
    assert cash(result, 3) == 1000 + sum(entry.amount for entry in result.ledger)

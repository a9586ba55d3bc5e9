"""Where two careful readers of the rules might differ: what was settled, worked by hand."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from tests.oracles.by_hand import DAYS, NAN, cash, fee, held, nav, near, rule, run, statuses

pytestmark = pytest.mark.usefixtures("simulator")

HALF = {"A": {1: 0.5}}
IN_USD = {"exchange": "XNYS", "currency": "USD"}
EIGHT = [("USD", "HKD", DAYS[0] - timedelta(days=2) + timedelta(days=i), 8.0) for i in range(30)]


# --- bars of which not all is known ------------------------------------------------------------


def test_without_its_low_a_bar_is_known_to_have_traded_at_its_close():
    bars = {"A": [100, 100, (99, 110, NAN, 85)]}
    result = run(bars, HALF, stop_loss=0.125)
    assert (result.fills[1].price, result.fills[1].reason) == (87.5, "stop_loss")


def test_without_its_low_a_bar_still_has_a_high_that_takes_the_profit():
    result = run({"A": [100, 100, (100, 130, NAN, 110)]}, HALF, take_profit=0.25)
    assert result.fills[1].price == 125


def test_a_high_that_is_known_does_not_hide_the_low_that_is():
    result = run({"A": [100, 100, (100, NAN, 80, 95)]}, HALF, stop_loss=0.125)
    assert result.fills[1].price == 87.5


def test_where_only_the_close_is_known_a_stop_is_filled_at_it_and_a_profit_at_its_level():
    fallen = run({"A": [100, 100, (NAN, NAN, NAN, 80)]}, HALF, stop_loss=0.125, fill="close")
    assert fallen.fills[1].price == 80
    risen = run({"A": [100, 100, (NAN, NAN, NAN, 140)]}, HALF, take_profit=0.25, fill="close")
    assert risen.fills[1].price == 125


def test_a_peak_without_a_high_is_the_higher_of_open_and_close():
    bars = {"A": [100, 100, (128, NAN, 100, 120), (125, 125, 110, 112)]}
    result = run(bars, HALF, trailing_stop=0.0625)
    assert result.fills[1].price == 120
    assert result.fills[1].filled.date() == DAYS[3]


# --- holdings without a close ------------------------------------------------------------------


def test_an_allotment_is_worth_its_offer_price_until_the_first_close():
    # Listed on row 2 without a bar before row 3: 20 shares at 10 are 200 all the same.
    about = {"A": {"listed": 2, "offer_price": 10.0, "oversubscription": 1.0}}
    result = run({"A": [None, None, None, 15], "B": [1] * 4}, {"A": {2: 0.2}}, about=about,
                 ipo_entry="offer")  # fmt: skip
    assert near(held(result, 2), 20)
    assert all(near(nav(result, row), worth) for row, worth in ((1, 1000), (2, 1000), (3, 1100)))


def test_sized_at_its_first_open_a_holding_is_worth_what_was_paid_until_its_close():
    # Hong Kong's close comes while New York is shut, New York's open before it closed once.
    about = {"A": {**IN_USD}, "B": {}}
    bars = {"A": [None, 10, 12], "B": [1, 1, 1]}
    result = run(bars, {"A": {1: 0.5}}, about=about, fx=EIGHT, cash=8_000.0, sizing="fill")
    assert held(result, 2) == 50
    assert nav(result, 2) == 8_000


def test_what_was_listed_before_the_first_session_is_nothing_new():
    # An old offer price sizes no order, and no allotment comes of it.
    about = {"A": {"listed": date(2000, 1, 3), "offer_price": 10.0, "oversubscription": 1.0}}
    bars = {"A": [None, 15, 15], "B": [1, 1, 1]}
    result = run(bars, HALF, about=about, ipo_entry="offer")
    assert statuses(result) == ["no_price"]
    assert result.fills == []


# --- allotments --------------------------------------------------------------------------------


def test_an_allotment_leaves_the_margin_of_shorts_alone():
    # 1000 + 800 of proceeds less 1.5 x 800 is 600: of 1000 wanted 600 is paid for.
    about = {"A": {"listed": 2, "offer_price": 10.0, "oversubscription": 1.0}}
    bars = {"A": [None, None, 10], "B": [10, 10, 10]}
    weights = {"A": {2: 1.0}, "B": {1: -0.8}}
    result = run(bars, weights, about=about, ipo_entry="offer", short=True)
    assert near(held(result, 2), 60)
    assert statuses(result) == ["filled", "cash_scaled"]


def test_an_account_in_debt_is_allotted_nothing_and_goes_on():
    # A dividend of 15 on 80 shares sold short takes the cash below zero.
    about = {"A": {"listed": 3, "offer_price": 10.0, "oversubscription": 1.0}}
    bars = {"A": [None, None, None, 10], "B": [10, 10, 10, 1], "C": [10, 10, 10, 10]}
    weights = {"B": {1: -0.8}, "C": {1: 0.6}, "A": {3: 0.1}}
    actions = [("B", 2, "dividend", 15.0)]
    result = run(bars, weights, about=about, actions=actions, ipo_entry="offer", short=True,
                 max_gross=2.0)  # fmt: skip
    assert held(result, 3, "A") == 0


def test_less_than_a_lot_is_not_subscribed_to():
    about = {"A": {"listed": 2, "offer_price": 10.0, "oversubscription": 1.0, "lot_size": 100.0}}
    bars = {"A": [None, None, 10], "B": [1, 1, 1]}
    result = run(bars, {"A": {2: 0.9}}, about=about, ipo_entry="offer")
    assert result.orders == []


# --- orders that lose their object -------------------------------------------------------------


def test_a_carried_order_to_enter_ends_when_its_instrument_leaves_the_universe():
    bars = {"A": [10, None, None, 10]}
    universe = {"A": [True, True, False, False]}
    result = run(bars, HALF, universe=universe, unfilled="carry")
    assert statuses(result) == ["replaced"]
    assert result.fills == []


def test_a_pending_exit_stays_the_same_order_while_nothing_new_is_said():
    bars = {"A": [10, 10, None, None, 10]}
    universe = {"A": [True, True, False, False, False]}
    result = run(bars, HALF, universe=universe, unfilled="carry")
    assert statuses(result) == ["filled", "filled"]
    assert held(result, 4) == 0


def test_a_carried_order_of_one_lot_lapses_when_a_consolidation_leaves_half_a_lot():
    about = {"A": {"lot_size": 10.0}}
    actions = [("A", 2, "split", 0.5)]
    bars = {"A": [10, None, 20, 20]}
    result = run(bars, {"A": {1: 0.1}}, about=about, actions=actions, unfilled="carry")
    assert statuses(result) == ["lapsed"]
    assert result.orders[0].resolved.date() == DAYS[2]


def test_a_consolidation_that_leaves_no_share_pays_it_all_and_ends_the_exit():
    actions = [("A", 3, "split", 0.1)]
    bars = {"A": [10, 10, None, 110]}
    result = run(bars, {"A": {1: 0.05, 2: 0.0}}, actions=actions, unfilled="carry")
    assert held(result, 3) == 0
    assert near(cash(result, 3), 950 + 0.5 * 110)
    assert statuses(result) == ["filled", "lapsed"]


def test_an_odd_lot_on_its_way_out_survives_a_consolidation():
    about = {"A": {"lot_size": 10.0}}
    actions = [("A", 2, "split", 0.5)]
    bars = {"A": [10, 10, None, 20]}
    result = run(bars, {"A": {1: 0.1, 2: 0.0}}, about=about, actions=actions, unfilled="carry")
    assert held(result, 3) == 0
    assert statuses(result) == ["filled", "filled"]


def test_what_t_plus_one_keeps_back_is_sold_at_the_next_open_even_if_volume_capped_the_rest():
    # 5 shares and 4 more; the bar of the second buy has no volume left for the stop.
    about = {"A": {"exchange": "XSHG"}}
    rules = {"XSHG": [rule("t_plus_one")]}
    bars = {"A": [100, 100, (100, 100, 80, 95, 8.0), (120, 120, 120, 120)]}
    weights = {"A": {1: 0.5, 2: 0.9}}
    result = run(bars, weights, about=about, rules=rules, stop_loss=0.125, max_participation=0.5)
    assert held(result, 2) == 9
    assert (held(result, 3), result.fills[-1].price) == (0, 120)


# --- sizing at the fill ------------------------------------------------------------------------


def test_a_weight_waits_over_a_decision_that_says_nothing_for_its_exchange_to_open():
    about = {"A": {"exchange": "XSHG"}}
    result = run({"A": [10, None, 10, 10]}, HALF, about=about, sizing="fill", closed={"XSHG": [1]})
    assert held(result, 2) == 50
    assert result.fills[0].decided.date() == DAYS[1]


def test_of_two_decisions_that_wait_the_later_number_counts():
    about = {"A": {"exchange": "XSHG"}, "B": {"exchange": "XSHG"}}
    weights = {"A": {1: 0.5, 2: 0.2}, "B": {1: 0.3}}
    result = run({"A": [10, None, 10], "B": [10, None, 10]}, weights, about=about, sizing="fill",
                 closed={"XSHG": [1]})  # fmt: skip
    assert (held(result, 2, "A"), held(result, 2, "B")) == (20, 30)


# --- costs and capacity ------------------------------------------------------------------------


def test_converting_a_dividend_costs_a_row_of_its_own():
    actions = [("A", 3, "dividend", 1.0)]
    about = {"A": IN_USD, "B": {}}
    result = run({"A": [10] * 5, "B": [1] * 5}, HALF, about=about, fx=EIGHT, actions=actions,
                 cash=8_000.0, fx_cost_bps=100.0)  # fmt: skip
    paid = [(e.kind, float(e.amount)) for e in result.ledger if e.time.date() == DAYS[3]]
    assert paid == [("dividend", 400.0), ("fx_cost", pytest.approx(-4.0))]


def test_a_volume_of_the_whole_exchange_that_is_missing_is_no_small_volume():
    # Eleven volumes of 1000; then the same with five sessions without any, which leaves six.
    closes = [100.0]
    for i in range(10):
        closes.append(closes[-1] * (1.1 if i % 2 == 0 else 0.9))
    volumes = [1000.0] * 5 + [0.0] * 5 + [1000.0]
    days = [(c, c * 2, c / 2, c, v) for c, v in zip(closes, volumes, strict=True)]
    last = closes[-1]
    days.append((last, last * 2, last / 2, last, NAN))
    weight = 900.5 * last / 1e6
    result = run({"A": days}, {"A": {11: weight}}, slippage={"impact": 0.5}, cash=1e6)
    assert near(result.fills[0].price, last)  # six volumes are too few
    volumes = [1000.0] * 11
    days = [(c, c * 2, c / 2, c, v) for c, v in zip(closes, volumes, strict=True)] + days[-1:]
    known = run({"A": days}, {"A": {11: weight}}, slippage={"impact": 0.5}, cash=1e6)
    assert near(known.fills[0].price / known.fills[0].reference, 1.05)


def test_next_to_nothing_of_what_was_asked_is_not_bought():
    # The whole account at once: what rounding leaves of the cash buys no billionth of a share.
    rules = {"XHKG": [fee(rate=0.001)]}
    bars = {"A": [3, 3, 3, 3]}
    result = run(bars, {"A": {1: 1.0}}, rules=rules, prices="adjusted", unfilled="carry")
    assert len(result.fills) == 1

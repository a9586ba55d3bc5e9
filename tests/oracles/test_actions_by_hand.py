"""Corporate actions in numbers worked by hand, asked of the oracle and of the engine."""

from __future__ import annotations

import pandas as pd
import pytest

from tests.oracles.by_hand import cash, held, nav, near, run, statuses

pytestmark = pytest.mark.usefixtures("simulator")

HALF = {"A": {1: 0.5}}
FX = [("USD", "HKD", "2023-12-29", 8.0), ("USD", "HKD", "2024-01-04", 7.5)]
SHORT = {"short": True, "margin": 0.0}


def receivables(result, row):
    return result.rows[row - 1].receivables


# --- dividends that are paid later -------------------------------------------------------------


def test_a_dividend_is_a_receivable_from_the_ex_date_to_the_day_of_payment():
    # 50 shares x 0.40 x 0.9 = 18 on row 2, in cash on row 4.
    actions = [("A", 2, "dividend", 0.4, {"pay_date": 4})]
    result = run({"A": [10, 10, 9.6, 9.6, 9.6]}, HALF, actions=actions, withholding=0.1)
    assert [float(cash(result, row)) for row in (2, 3, 4)] == [500, 500, pytest.approx(518)]
    assert [float(receivables(result, row)) for row in (1, 2, 3, 4)] == [
        0, pytest.approx(18), pytest.approx(18), 0,
    ]  # fmt: skip
    assert [float(nav(result, row)) for row in (1, 2, 4)] == [
        1000, pytest.approx(998), pytest.approx(998),
    ]  # fmt: skip


def test_a_day_of_payment_that_is_no_session_pays_on_the_next():
    # Row 3 is a Friday: Saturday's payment comes with row 4.
    actions = [("A", 2, "dividend", 0.4, {"pay_date": pd.Timestamp("2024-01-06")})]
    result = run({"A": [10, 10, 9.6, 9.6, 9.6]}, HALF, actions=actions)
    assert [float(cash(result, row)) for row in (3, 4)] == [500, pytest.approx(520)]


def test_what_is_sold_between_is_still_paid_and_what_is_bought_is_not():
    weights = {"A": {1: 0.5, 3: 0.0}, "B": {3: 0.5}}
    actions = [(s, 2, "dividend", 0.4, {"pay_date": 4}) for s in ("A", "B")]
    bars = {"A": [10, 10, 9.6, 9.6, 9.6], "B": [10, 10, 9.6, 9.6, 9.6]}
    result = run(bars, weights, actions=actions)
    assert held(result, 4, "A") == 0
    assert float(cash(result, 4) - cash(result, 3)) == pytest.approx(20)


def test_a_receivable_is_no_buying_power():
    # 100 shares; the dividend of 1.00 leaves 100 to come and 0 in hand: nothing more is bought.
    actions = [("A", 2, "dividend", 1.0, {"pay_date": 4})]
    result = run({"A": [10, 10, 9, 9, 9]}, {"A": {1: 1.0, 2: 1.0, 3: 1.0}}, actions=actions)
    assert held(result, 3) == 100
    assert "cash_scaled" in statuses(result)


def test_a_foreign_dividend_is_converted_at_the_rate_of_the_day_of_payment():
    # 5 shares of USD 10 for 400 HKD; 5 x 0.40 = USD 2 is HKD 16 at 8.0, 15 at 7.5.
    about = {"A": {"exchange": "XHKG", "currency": "USD"}}
    actions = [("A", 2, "dividend", 0.4, {"pay_date": 4})]
    result = run({"A": [10, 10, 9.6, 9.6, 9.6]}, {"A": {1: 0.4}}, about=about, fx=FX,
                 actions=actions, fx_cost_bps=100.0)  # fmt: skip
    assert float(receivables(result, 2)) == pytest.approx(16)
    paid = [e for e in result.ledger if e.kind in ("dividend", "fx_cost") and e.day.day == 8]
    assert [float(e.amount) for e in paid] == [pytest.approx(15), pytest.approx(-0.15)]


def test_who_is_short_owes_the_gross_dividend_until_it_is_paid():
    actions = [("A", 2, "dividend", 0.4, {"pay_date": 4})]
    result = run({"A": [10, 10, 9.6, 9.6, 9.6]}, {"A": {1: -0.5}}, actions=actions,
                 withholding=0.1, **SHORT)  # fmt: skip
    assert float(receivables(result, 2)) == pytest.approx(-20)
    assert float(cash(result, 4)) == pytest.approx(1480)
    assert float(nav(result, 2)) == pytest.approx(1000)  # 1500 - 20 - 50 x 9.6


# --- rights ------------------------------------------------------------------------------------

# One new share for two at 4, last close 10: theoretical ex-price (10 + 0.5 x 4) / 1.5 = 8.
RIGHTS = [("A", 2, "rights", 0.5, {"price": 4.0})]
EX = {"A": [10, 10, (8.2, 8.5, 8, 8.4), 8.4]}


def test_rights_that_lapse_are_lost():
    result = run(EX, HALF, actions=RIGHTS)
    assert held(result, 2) == 50
    assert float(nav(result, 2)) == pytest.approx(500 + 50 * 8.4)


def test_rights_are_sold_at_what_the_open_makes_them_worth():
    # 25 rights x (8.20 - 4.00) = 105.
    result = run(EX, HALF, actions=RIGHTS, rights="sell")
    assert held(result, 2) == 50
    assert float(cash(result, 2)) == pytest.approx(605)
    assert [(e.kind, round(float(e.amount), 6)) for e in result.ledger[-1:]] == [("rights", 105)]


def test_rights_are_taken_up_at_the_price_of_the_issue():
    result = run(EX, HALF, actions=RIGHTS, rights="take_up")
    assert held(result, 2) == 75
    assert float(cash(result, 2)) == pytest.approx(400)
    last = result.fills[-1]
    assert (last.reason, float(last.shares), float(last.price)) == ("rights", 25, 4)


def test_rights_beyond_the_cash_are_sold_and_those_of_an_open_offer_lapse():
    # 100 shares and no cash but 60: 15 of 50 new shares; 35 rights x 4.20 = 147.
    weights = {"A": {1: 0.94}}
    bars = {"A": [10, 10, (8.2, 8.5, 8, 8.4), 8.4]}
    taken = run(bars, weights, actions=RIGHTS, rights="take_up")
    assert held(taken, 2) == 94 + 15
    assert float(cash(taken, 2)) == pytest.approx(32 * 4.2)  # of 47 rights 15 are used
    offer = [("A", 2, "open_offer", 0.5, {"price": 4.0})]
    short_of_cash = run(bars, weights, actions=offer, rights="take_up")
    assert held(short_of_cash, 2) == 109
    assert float(cash(short_of_cash, 2)) == pytest.approx(0)


def test_an_open_offer_cannot_be_sold():
    offer = [("A", 2, "open_offer", 0.5, {"price": 4.0})]
    assert float(cash(run(EX, HALF, actions=offer, rights="sell"), 2)) == 500


def test_rights_without_worth_are_left_alone():
    dear = [("A", 2, "rights", 0.5, {"price": 12.0})]
    result = run(EX, HALF, actions=dear, rights="take_up")
    assert held(result, 2) == 50
    assert float(cash(result, 2)) == 500


def test_who_is_short_owes_what_the_rights_are_worth():
    result = run(EX, {"A": {1: -0.5}}, actions=RIGHTS, **SHORT)
    assert float(cash(result, 2)) == pytest.approx(1500 - 25 * 4.2)


def test_a_rights_issue_is_no_crash_for_a_stop():
    # Bought at 10, stop at 10 %: the level goes with the price, 9 x 8 / 10 = 7.2, not 9.
    calm = run({"A": [10, 10, (8.2, 8.5, 7.3, 8.0), 8]}, HALF, actions=RIGHTS, stop_loss=0.1)
    assert held(calm, 3) == 50
    hit = run({"A": [10, 10, (8.2, 8.5, 7.1, 8.0), 8]}, HALF, actions=RIGHTS, stop_loss=0.1)
    assert [f.reason for f in hit.fills] == ["signal", "stop_loss"]
    assert float(hit.fills[-1].price) == pytest.approx(7.2)


def test_a_share_without_a_bar_is_marked_at_its_theoretical_price():
    result = run({"A": [10, 10, None, 8]}, HALF, actions=RIGHTS, rights="sell")
    assert float(nav(result, 2)) == pytest.approx(1000)  # 500 + 25 x (8 - 4) + 50 x 8


# --- scrip, bonus, consolidation ---------------------------------------------------------------

SCRIP = [("A", 2, "scrip", 0.5, {"price": 9.0})]


def test_a_scrip_dividend_in_cash_is_a_dividend():
    result = run({"A": [10, 10, 9.5]}, HALF, actions=SCRIP)
    assert (held(result, 2), float(cash(result, 2))) == (50, 525)


def test_a_scrip_dividend_in_shares_buys_whole_ones_and_pays_the_rest():
    # 25 / 9 = 2.78: 2 shares for 18, 7 in cash.
    result = run({"A": [10, 10, 9.5]}, HALF, actions=SCRIP, scrip="shares")
    assert (held(result, 2), float(cash(result, 2))) == (52, 507)
    assert result.fills[-1].reason == "scrip"


def test_a_bonus_issue_of_one_for_ten_is_a_split_of_1_1():
    result = run({"A": [11, 11, 10]}, {"A": {1: 0.55}}, actions=[("A", 2, "split", 1.1)])
    assert held(result, 2) == 55
    assert float(nav(result, 2)) == pytest.approx(1000)


def test_a_consolidation_of_ten_into_one_is_a_split_of_a_tenth():
    # 55 shares become 5; half a share is paid at the open.
    result = run({"A": [10, 10, 100]}, {"A": {1: 0.55}}, actions=[("A", 2, "split", 0.1)])
    assert held(result, 2) == 5
    assert float(cash(result, 2)) == pytest.approx(450 + 50)


# --- distributions in kind ---------------------------------------------------------------------

# Tencent's interim dividend of 2022: one class A share of JD.com for every 21 shares held. The
# prices are round ones.
JD = [("0700", 2, "in_kind", 1 / 21, {"symbol_to": "9618"})]
TENCENT = {"0700": [460, 450, 440, 440], "9618": [290, 290, (294, 300, 290, 300), 300]}
ABOUT = {"0700": {"lot_size": 100.0}, "9618": {"lot_size": 50.0}}
BOUGHT = {"0700": {1: 0.97}}


def test_2100_tencent_shares_receive_100_of_jd():
    result = run(TENCENT, BOUGHT, about=ABOUT, actions=JD, cash=1_000_000.0)
    assert held(result, 1, "0700") == 2100  # 970,000 / 460 = 2,108
    assert held(result, 2, "9618") == 100
    assert float(nav(result, 2)) == pytest.approx(1_000_000 + 2100 * (440 - 450) + 100 * 300)
    entries = [(e.kind, e.symbol, round(float(e.amount))) for e in result.ledger[-2:]]
    assert entries == [("in_kind", "0700", 29_400), ("in_kind", "9618", -29_400)]


def test_the_fraction_of_a_share_that_is_given_is_paid():
    # 1000 / 21 = 47.619: 47 shares, 0.619 x 294 = 182 in cash.
    result = run(TENCENT, {"0700": {1: 0.5}}, about=ABOUT, actions=JD, cash=1_000_000.0)
    assert held(result, 2, "9618") == 47
    assert float(cash(result, 2)) == pytest.approx(1_000_000 - 450_000 + 13 / 21 * 294)


def test_tax_on_what_is_given_is_paid_in_cash():
    result = run(TENCENT, BOUGHT, about=ABOUT, actions=JD, cash=1_000_000.0, withholding=0.2)
    assert held(result, 2, "9618") == 100
    assert float(cash(result, 2) - cash(result, 1)) == pytest.approx(-0.2 * 29_400)


def test_a_spin_off_without_a_price_is_worth_nothing_until_it_trades():
    bars = {"A": [10, 10, 9, 9], "B": [None, None, None, 4]}
    given = [("A", 2, "in_kind", 0.5, {"symbol_to": "B"})]
    result = run(bars, HALF, actions=given)
    assert held(result, 2, "B") == 25
    assert float(nav(result, 2)) == pytest.approx(500 + 50 * 9)
    assert float(nav(result, 3)) == pytest.approx(500 + 50 * 9 + 25 * 4)


def test_a_spin_off_with_a_price_is_marked_at_it_until_it_trades():
    bars = {"A": [10, 10, None, 9], "B": [None, None, None, 4]}
    given = [("A", 2, "in_kind", 0.5, {"symbol_to": "B", "price": 3.0})]
    result = run(bars, HALF, actions=given)
    assert float(nav(result, 2)) == pytest.approx(1000)  # 50 x 8.5 + 25 x 3
    assert float(nav(result, 3)) == pytest.approx(500 + 50 * 9 + 25 * 4)


def test_who_is_short_owes_the_shares():
    given = [("A", 2, "in_kind", 0.5, {"symbol_to": "B"})]
    bars = {"A": [10, 10, 8, 8], "B": [4, 4, 4, 4]}
    result = run(bars, {"A": {1: -0.5}}, actions=given, **SHORT)
    assert held(result, 2, "B") == -25
    assert float(nav(result, 2)) == pytest.approx(1000)


# --- halts -------------------------------------------------------------------------------------


def test_a_halt_takes_its_haircut_off_the_mark_until_the_gap_of_the_resumption():
    # 50 shares: 10, two sessions at 0.9 and 0.81 of it, then 6.
    result = run({"A": [10, 10, None, None, 6]}, HALF, halt_haircut=0.1)
    assert [float(nav(result, row)) for row in (1, 2, 3, 4)] == pytest.approx([1000, 950, 905, 800])


def test_a_stop_fills_at_the_gap_of_the_resumption_and_the_haircut_triggers_nothing():
    bars = {"A": [10, 10, None, None, (6, 6.5, 5.5, 6)]}
    result = run(bars, HALF, halt_haircut=0.1, stop_loss=0.1)
    assert [f.reason for f in result.fills] == ["signal", "stop_loss"]
    assert float(result.fills[-1].price) == 6


# --- take-overs and new tickers ----------------------------------------------------------------


def test_a_takeover_pays_the_whole_position_at_its_price_and_ends_the_order():
    about = {"A": {"lot_size": 10.0}}
    weights = {"A": {1: 0.5, 2: 0.9}}
    takeover = [("A", 2, "takeover", 12.0)]
    result = run({"A": [10, 10, None, None]}, weights, about=about, actions=takeover)
    assert (held(result, 2), float(cash(result, 2))) == (0, 1100)
    assert statuses(result) == ["filled", "cancelled"]
    assert (result.fills[-1].reason, float(result.fills[-1].price)) == ("takeover", 12)


def test_a_new_ticker_takes_position_and_order_over():
    weights = {"A": {1: 0.5, 2: 0.7}}
    change = [("A", 2, "ticker_change", 1.0, {"symbol_to": "B"})]
    result = run({"A": [10, 10, None], "B": [None, None, 10]}, weights, actions=change)
    assert (held(result, 2, "A"), held(result, 2, "B")) == (0, 70)
    assert [(o.status, float(o.filled)) for o in result.orders] == [("filled", 50), ("filled", 20)]
    assert float(nav(result, 2)) == pytest.approx(1000)


def test_a_new_ticker_keeps_the_stop_of_the_old():
    change = [("A", 2, "ticker_change", 1.0, {"symbol_to": "B"})]
    bars = {"A": [10, 10, None], "B": [None, None, (9.5, 9.6, 8.8, 9)]}
    result = run(bars, HALF, actions=change, stop_loss=0.1)
    assert [(f.symbol, f.reason) for f in result.fills] == [("A", "signal"), ("B", "stop_loss")]
    assert near(result.fills[-1].price, 9)


def test_a_new_ticker_without_a_bar_keeps_the_mark_of_the_old():
    change = [("A", 2, "ticker_change", 1.0, {"symbol_to": "B"})]
    result = run({"A": [10, 11, None, None], "B": [None, None, None, 12]}, HALF, actions=change)
    assert float(nav(result, 2)) == pytest.approx(500 - 50 + 50 * 11)
    assert float(nav(result, 3)) == pytest.approx(500 - 50 + 50 * 12)


def test_a_merger_paid_in_shares_is_a_ticker_change_with_a_ratio():
    # 50 old shares are 12.5 new ones: 12, and half a share at 10 / 0.25 = 40.
    change = [("A", 2, "ticker_change", 0.25, {"symbol_to": "B"})]
    result = run({"A": [10, 10, None], "B": [40, 40, 40]}, HALF, actions=change)
    assert held(result, 2, "B") == 12
    assert float(cash(result, 2)) == pytest.approx(520)

"""What a decision knows of prices: the rule of knowledge, value by value."""

from __future__ import annotations

from datetime import date

import pytest

AFTER = {"decide": "after_close"}


def test_in_the_morning_the_last_close_is_yesterdays(panel, values):
    assert values(panel({"A": [10, 11, 12]}).close) == [None, 10, 11]


def test_after_the_close_it_is_todays(panel, values):
    assert values(panel({"A": [10, 11, 12]}, clock=AFTER).close) == [10, 11, 12]


def test_a_close_that_is_official_later_is_waited_for(panel, values):
    made = panel({"A": [10, 11, 12]}, clock=AFTER, known_after=10)
    assert values(made.close) == [10, 11, 12]
    assert [f"{t:%H:%M}" for t in made.decisions] == ["08:10"] * 3


def test_the_rest_of_the_bar_is_that_of_the_same_session(panel, values):
    made = panel({"A": [(9, 12, 8, 10, 700), (10, 13, 9, 11, 800), 11]})
    for name, expected in (("open", [None, 9, 10]), ("high", [None, 12, 13]),
                           ("low", [None, 8, 9]), ("volume", [None, 700, 800])):  # fmt: skip
        assert values(getattr(made, name)) == expected


def test_each_exchange_shows_the_last_session_that_is_over(panel, values, abroad):
    bars = {"A": [10, 11, 12], "Q": [50, 51, 52]}
    home = panel(bars, about={"Q": abroad})  # 01:00 UTC: New York's night is over
    assert (values(home.close), values(home.close, "Q")) == ([None, 10, 11], [None, 50, 51])
    away = panel(bars, about={"Q": abroad}, clock={"base": "XNYS", "decide": "before_open"})
    assert (values(away.close), values(away.close, "Q")) == ([10, 11, 12], [None, 50, 51])


ALWAYS = {"exchange": "24/7", "currency": "USD", "kind": "crypto"}


def test_of_an_open_session_only_its_splits_and_dividends_are_known(panel, values):
    # At 01:00 UTC the crypto-asset's session of the day has been open for an hour.
    actions = [("C", "2024-01-04", "split", 2.0), ("C", "2024-01-05", "dividend", 1.0)]
    bars = {"A": [10] * 4, "C": [100, 104, 50, 51]}
    made = panel(bars, about={"C": ALWAYS}, actions=actions)
    assert values(made.close, "C") == [None, 100, 52, 49]
    assert values(made.volume, "C") == [None, 100, 100, 100]
    assert values(made.returns, "C")[2:] == pytest.approx([0.04, 50 / 52 - 1])


def test_a_halted_instrument_keeps_its_last_bar(panel, values):
    made = panel({"A": [10, None, None, 13], "B": [1, 1, 1, 1]}, clock=AFTER)
    assert values(made.close) == [10, 10, 10, 13]
    assert values(made.volume) == [100, 100, 100, 100]


def test_nothing_is_known_before_the_first_bar(panel, values):
    made = panel({"A": [None, None, 12], "B": [1, 1, 1]}, clock=AFTER)
    assert values(made.close) == [None, None, 12]
    assert values(made.returns) == [None, None, None]


def test_a_split_is_known_from_the_open_of_its_ex_session(panel, values):
    bars, actions = {"A": [10, 10, 5, 5]}, [("A", "2024-01-04", "split", 2.0)]
    assert values(panel(bars, actions=actions).close) == [None, 10, 10, 5]
    assert values(panel(bars, actions=actions, clock=AFTER).close) == [10, 10, 5, 5]


def test_a_halted_instruments_last_close_follows_its_actions(panel, values):
    actions = [("A", "2024-01-04", "split", 2.0), ("A", "2024-01-05", "dividend", 1.0)]
    made = panel({"A": [10, 10, None, None], "B": [1] * 4}, actions=actions, clock=AFTER)
    assert values(made.close) == [10, 10, 5, 4]


def test_a_dividend_lowers_the_last_close_of_a_halted_instrument_never_below_zero(panel, values):
    actions = [("A", "2024-01-04", "dividend", 12.0)]
    made = panel({"A": [10, 10, None], "B": [1] * 3}, actions=actions, clock=AFTER)
    assert values(made.close) == [10, 10, 0]


def test_returns_join_dividends_and_splits(panel, values):
    actions = [("A", "2024-01-03", "dividend", 1.0), ("A", "2024-01-04", "split", 2.0)]
    made = panel({"A": [10, 10, 5.5]}, actions=actions, clock=AFTER)
    assert values(made.returns)[1:] == pytest.approx([0.1, 0.1])


def test_returns_over_no_session_of_an_exchange_are_zero_and_over_two_compound(
    panel, values, abroad
):
    # 2024-01-15 is Martin Luther King's day in New York; Hong Kong trades.
    bars = {"A": [10, 10, 10, 10], "Q": [100, None, 110, 121]}
    made = panel(bars, about={"Q": abroad}, start="2024-01-12")
    # Row 2 (the 16th): Friday's close came on Monday's row, the 15th had no session.
    assert values(made.returns, "Q") == [None, None, 0.0, pytest.approx(0.1)]
    assert values(made.new_bars, "Q") == [0, 1, 0, 1]
    # Over Easter Monday 2024-04-01 Hong Kong rests and New York does not.
    bars = {"A": [10, None, None, 10, 10], "Q": [100, None, 110, 121, 133.1]}
    made = panel(bars, about={"Q": abroad}, start="2024-03-28")
    assert [f"{d:%m-%d}" for d in made.sessions] == ["03-28", "04-02", "04-03"]
    assert values(made.new_bars, "Q") == [0, 2, 1]
    assert values(made.close, "Q") == [None, 110, 121]


def test_new_bars_count_sessions_whether_the_instrument_traded_or_not(panel, values):
    made = panel({"A": [10, None, 10, 10], "B": [1] * 4})
    assert values(made.new_bars) == [0, 1, 1, 1]


def test_adjusted_closes_start_at_the_first_close_and_never_change_their_past(panel, values):
    bars = {"A": [10, 11, 12, 12]}
    plain = panel(bars, clock=AFTER).adjusted_close
    actions = [("A", "2024-01-05", "dividend", 6.0)]
    paid = panel(bars, actions=actions, clock=AFTER).adjusted_close
    assert values(paid)[:3] == values(plain)[:3] == [10, 11, 12]
    assert values(paid)[3] == 12 * (12 + 6) / 12


def test_adjusted_closes_undo_splits(panel, values):
    actions = [("A", "2024-01-04", "split", 4.0)]
    made = panel({"A": [8, 8, 2, 3]}, actions=actions, clock=AFTER)
    assert values(made.adjusted_close) == [8, 8, 8, 12]


def test_columns_stand_by_exchange_then_symbol(panel, abroad):
    made = panel({"Z": [1], "Q": [1], "A": [1]}, about={"Q": abroad})
    assert made.symbols.tolist() == ["A", "Z", "Q"]
    assert made.close.columns.tolist() == ["A", "Z", "Q"]


def test_frames_cannot_be_written_to(panel):
    made = panel({"A": [10, 11, 12]})
    with pytest.raises(ValueError, match="read-only"):
        made.close.to_numpy()[0, 0] = 1.0
    assert made.close is made.close


def test_rows_end_with_the_run_and_begin_with_the_bundle(panel):
    made = panel({"A": [10] * 6}, start="2024-01-02", end=date(2024, 1, 5))
    assert [f"{d:%m-%d}" for d in made.sessions] == ["01-02", "01-03", "01-04", "01-05"]
    assert made.rebalance.tolist() == [True] * 4
    assert made.decisions.tz is not None


def test_a_rights_issue_is_no_crash(panel, values):
    # One for two at 4 from 10: 8 ex rights; closing at 8.8 the share has gained 10 %.
    rights = [("A", "2024-01-03", "rights", 0.5, {"price": 4.0})]
    made = panel({"A": [10, 8.8, 8.8]}, actions=rights, clock=AFTER)
    assert values(made.returns) == [None, pytest.approx(0.1), 0]
    assert values(made.adjusted_close) == pytest.approx([10, 11, 11])


def test_an_open_session_shows_the_price_ex_rights(panel, values):
    rights = [("C", "2024-01-04", "rights", 0.5, {"price": 40.0})]
    made = panel({"A": [10] * 3, "C": [90, 100, 84]}, about={"C": ALWAYS}, actions=rights)
    assert values(made.close, "C") == [None, 90, 80]  # (100 + 0.5 x 40) / 1.5


def test_what_is_given_in_kind_counts_as_a_dividend_of_its_worth(panel, values):
    # Half a share of B, which opens at 4, for each A: 2 on 10, so 8.8 is a gain of 8 %.
    given = [("A", "2024-01-03", "in_kind", 0.5, {"symbol_to": "B"})]
    made = panel({"A": [10, 8.8], "B": [5, 4]}, actions=given, clock=AFTER)
    assert values(made.returns) == [None, pytest.approx(0.08)]


def test_a_scrip_dividend_counts_as_its_cash(panel, values):
    scrip = [("A", "2024-01-03", "scrip", 0.5, {"price": 9.0})]
    made = panel({"A": [10, 9.5]}, actions=scrip, clock=AFTER)
    assert values(made.returns) == [None, pytest.approx(0)]


def test_a_takeover_is_the_last_return(panel, values):
    made = panel({"A": [10, None], "B": [1, 1]}, actions=[("A", "2024-01-03", "takeover", 12.0)],
                 clock=AFTER)  # fmt: skip
    assert values(made.close) == [10, 12]
    assert values(made.returns) == [None, pytest.approx(0.2)]


def test_a_new_ticker_begins_at_the_last_price_of_the_old(panel, values):
    change = [("A", "2024-01-03", "ticker_change", 1.0, {"symbol_to": "B"})]
    made = panel({"A": [10, None, None], "B": [None, None, 12], "C": [1, 1, 1]}, actions=change,
                 clock=AFTER)  # fmt: skip
    assert values(made.close, "B") == [None, 10, 12]
    assert values(made.returns, "B") == [None, None, pytest.approx(0.2)]

"""The events of several exchanges in UTC, and the decisions between them."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from backtest.calendars import sessions
from backtest.clock import CLOSE, DECISION, NAV, OPEN, ClockSettings, build_clock
from backtest.errors import RunError

KINDS = {OPEN: "open", CLOSE: "close", NAV: "nav", DECISION: "decision"}


def clock_of(first, last, *exchanges, base="XHKG", decide="before_open", **more):
    names = exchanges or (base,)
    spans = {name: sessions(name, date.fromisoformat(first), date.fromisoformat(last))
             for name in names}  # fmt: skip
    rebalance = more.pop("rebalance", "session")
    settings = ClockSettings(base=base, decide=decide, rebalance=rebalance)
    bounds = {k: date.fromisoformat(v) for k, v in more.items() if k in ("start", "end")}
    return build_clock(spans, settings, **{**more, **bounds})


def told(clock, day=None):
    """Events as ``HH:MM kind exchange``, of one UTC day or all."""
    lines = []
    for kind, x, time in zip(clock.kind, clock.exchange, clock.time, strict=True):
        stamp = pd.Timestamp(time)
        if day is None or stamp.date() == date.fromisoformat(day):
            where = f" {clock.exchanges[x]}" if kind in (OPEN, CLOSE) else ""
            lines.append(f"{stamp:%H:%M} {KINDS[int(kind)]}{where}")
    return lines


def chosen(clock):
    return [str(day) for day in clock.index[clock.can_rebalance].date]


# --- events ------------------------------------------------------------------------------------


def test_a_day_in_hong_kong_is_a_decision_an_open_a_close_and_a_nav_row():
    clock = clock_of("2024-01-02", "2024-01-03")
    assert told(clock, "2024-01-02") == [
        "01:00 decision", "01:30 open XHKG", "08:00 close XHKG", "08:00 nav",
    ]  # fmt: skip


def test_a_decision_in_the_morning_follows_last_nights_close_in_new_york():
    clock = clock_of("2024-01-02", "2024-01-04", "XHKG", "XNYS")
    assert told(clock, "2024-01-03") == [
        "01:00 decision", "01:30 open XHKG", "08:00 close XHKG", "08:00 nav",
        "14:30 open XNYS", "21:00 close XNYS",
    ]  # fmt: skip


def test_new_yorks_hours_move_with_its_clocks():
    clock = clock_of("2024-03-07", "2024-03-12", "XHKG", "XNYS")
    opens = [pd.Timestamp(t) for k, x, t in zip(clock.kind, clock.exchange, clock.time, strict=True)
             if k == OPEN and clock.exchanges[x] == "XNYS"]  # fmt: skip
    # Summer time began on Sunday 2024-03-10.
    assert [f"{t:%m-%d %H:%M}" for t in opens] == ["03-07 14:30", "03-08 14:30", "03-11 13:30"]


def test_half_days_shut_at_their_own_time():
    clock = clock_of("2024-12-24", "2024-12-27", "XHKG", "XNYS")
    assert "04:00 close XHKG" in told(clock, "2024-12-24")
    assert "18:00 close XNYS" in told(clock, "2024-12-24")


def test_over_lunar_new_year_new_york_goes_on_while_hong_kong_and_shanghai_rest():
    clock = clock_of("2024-02-07", "2024-02-20", "XHKG", "XNYS", "XSHG")
    assert [str(d) for d in clock.index.date] == [
        "2024-02-07", "2024-02-08", "2024-02-09", "2024-02-14", "2024-02-15", "2024-02-16",
        "2024-02-19", "2024-02-20",
    ]  # fmt: skip
    assert told(clock, "2024-02-13") == ["14:30 open XNYS", "21:00 close XNYS"]
    assert not any("XSHG" in line for line in told(clock, "2024-02-14"))
    assert told(clock, "2024-02-19")[:3] == ["01:00 decision", "01:30 open XHKG", "01:30 open XSHG"]


def test_typhoon_days_are_no_sessions():
    clock = clock_of("2023-08-31", "2023-09-11")
    days = [str(d) for d in clock.index.date]
    assert "2023-09-01" not in days
    assert "2023-09-08" not in days
    assert len(days) == 6


def test_at_one_instant_come_closes_then_the_nav_row_then_the_decision_then_opens():
    clock = clock_of("2024-01-02", "2024-01-05", "24/7", base="24/7", decide="after_close")
    assert told(clock, "2024-01-03")[:4] == [
        "00:00 close 24/7", "00:00 nav", "00:00 decision", "00:00 open 24/7",
    ]  # fmt: skip


def test_two_exchanges_at_one_instant_go_by_name():
    clock = clock_of("2024-01-02", "2024-01-03", "XSHG", "XHKG")
    assert told(clock, "2024-01-03")[:3] == ["01:00 decision", "01:30 open XHKG", "01:30 open XSHG"]


def test_nothing_happens_after_the_last_base_close():
    clock = clock_of("2024-01-02", "2024-01-04", "XHKG", "XNYS", end="2024-01-03")
    assert told(clock)[-1] == "08:00 nav"
    assert str(pd.Timestamp(clock.time[-1]).date()) == "2024-01-03"
    always = clock_of("2024-01-02", "2024-01-05", "24/7", base="24/7", decide="after_close",
                      end="2024-01-03")  # fmt: skip
    assert told(always)[-1] == "00:00 nav"  # neither the decision nor the open of that instant


def test_nothing_happens_before_the_first_decision():
    clock = clock_of("2024-01-02", "2024-01-05", "XHKG", "XNYS", start="2024-01-04")
    assert told(clock)[0] == "01:00 decision"
    assert str(pd.Timestamp(clock.time[0]).date()) == "2024-01-04"


def test_rows_of_events_are_ordinals_of_their_own_exchange():
    clock = clock_of("2024-01-01", "2024-01-04", "XHKG", "24/7", start="2024-01-03")
    names = np.array(clock.exchanges)[clock.exchange]
    home = clock.row[(names == "XHKG") & np.isin(clock.kind, (OPEN, CLOSE))]
    assert home.tolist() == [1, 1, 2, 2]  # Hong Kong rests on 1 January
    always = clock.row[(names == "24/7") & (clock.kind == OPEN)]
    assert always.tolist() == [3]
    assert clock.row[clock.kind == NAV].tolist() == [1, 2]
    assert (clock.first, clock.last) == (1, 2)


def test_the_span_reaches_back_to_a_session_that_is_open_at_the_first_decision():
    # 23:30 on the 2nd decides for the 3rd, while the session of the 2nd still trades.
    clock = clock_of("2024-01-01", "2024-01-05", "24/7", base="24/7", start="2024-01-03")
    assert [str(day) for day in clock.span] == ["2024-01-02", "2024-01-05"]
    home = clock_of("2024-01-02", "2024-01-05", "XHKG", "XNYS", start="2024-01-03")
    assert [str(day) for day in home.span] == ["2024-01-03", "2024-01-05"]


# --- decisions ---------------------------------------------------------------------------------


def test_before_the_open_means_thirty_minutes_on_every_day():
    clock = clock_of("2024-03-07", "2024-03-12", "XNYS", base="XNYS")
    assert [f"{pd.Timestamp(t):%H:%M}" for t in clock.decisions] == ["14:00", "14:00", "13:00",
                                                                     "13:00"]  # fmt: skip


def test_after_the_close_waits_for_the_official_price():
    clock = clock_of("2024-12-23", "2024-12-24", decide="after_close", close_known_after=10)
    assert [f"{pd.Timestamp(t):%H:%M}" for t in clock.decisions] == ["08:10", "04:10"]
    # The last one lies behind the last NAV row and is not lived.
    assert told(clock, "2024-12-23") == ["01:30 open XHKG", "08:00 close XHKG", "08:00 nav",
                                         "08:10 decision"]  # fmt: skip
    assert told(clock, "2024-12-24")[-1] == "04:00 nav"


def test_after_the_close_the_first_session_opens_before_its_decision():
    clock = clock_of("2024-01-02", "2024-01-03", decide="after_close")
    assert told(clock)[0] == "01:30 open XHKG"


def test_panel_rows_run_from_the_bundles_first_session_to_the_runs_last():
    clock = clock_of("2024-01-02", "2024-01-12", start="2024-01-08", end="2024-01-10")
    assert [str(d) for d in clock.index.date[[0, -1]]] == ["2024-01-02", "2024-01-10"]
    assert len(clock.decisions) == len(clock.index) == len(clock.can_rebalance) == 7
    assert clock.index.name == "session"


# --- rebalance ---------------------------------------------------------------------------------


def test_every_session_from_the_first_may_send_orders():
    clock = clock_of("2024-01-02", "2024-01-05", start="2024-01-04")
    assert chosen(clock) == ["2024-01-04", "2024-01-05"]


def test_a_week_begins_with_its_first_session_even_a_tuesday():
    # Monday 2024-04-01 is Easter Monday.
    clock = clock_of("2024-03-20", "2024-04-12", rebalance="week")
    assert chosen(clock) == ["2024-03-20", "2024-03-25", "2024-04-02", "2024-04-08"]


def test_sunday_belongs_to_the_week_before():
    clock = clock_of("2024-01-05", "2024-01-15", "24/7", base="24/7", rebalance="week")
    assert chosen(clock) == ["2024-01-05", "2024-01-08", "2024-01-15"]


def test_a_month_begins_with_its_first_session():
    clock = clock_of("2024-01-02", "2024-04-30", rebalance="month")
    assert chosen(clock) == ["2024-01-02", "2024-02-01", "2024-03-01", "2024-04-02"]


def test_the_runs_first_session_rebalances_in_the_middle_of_a_period():
    clock = clock_of("2024-01-02", "2024-03-28", rebalance="month", start="2024-01-17")
    assert chosen(clock) == ["2024-01-17", "2024-02-01", "2024-03-01"]


def test_a_quarter_begins_in_january_april_july_and_october():
    clock = clock_of("2024-01-02", "2024-12-31", rebalance="quarter", start="2024-02-05")
    assert chosen(clock) == ["2024-02-05", "2024-04-02", "2024-07-02", "2024-10-02"]


def test_every_third_session_counts_from_the_runs_first():
    clock = clock_of("2024-01-02", "2024-01-15", rebalance=3, start="2024-01-03")
    assert chosen(clock) == ["2024-01-03", "2024-01-08", "2024-01-11"]


def test_a_strategy_with_its_own_schedule_gets_every_decision():
    clock = clock_of("2024-01-02", "2024-01-12", rebalance="month", own_schedule=True)
    assert len(chosen(clock)) == 9


# --- faults ------------------------------------------------------------------------------------


def test_a_base_without_instruments_is_named_with_those_there_are():
    with pytest.raises(RunError, match=r"clock\.base is XNYS, .* on XHKG, XSHG only"):
        clock_of("2024-01-02", "2024-01-05", "XHKG", "XSHG", base="XNYS")


def test_a_period_without_a_session_says_what_the_bundle_has():
    with pytest.raises(RunError, match=r"No session of XHKG from 2024-02-10 to 2024-02-13; .* has "
                       "2024-01-02 to 2024-03-28"):  # fmt: skip
        clock_of("2024-01-02", "2024-03-28", start="2024-02-10", end="2024-02-13")

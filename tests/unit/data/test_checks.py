"""Each check: what it finds, what it leaves, and what error, warn and drop do with it."""

import numpy as np
import pandas as pd
import pytest

from backtest.data.arrays import bar_arrays
from backtest.data.checks import bundle_volume_missing
from backtest.data.settings import CHECK_NAMES, DEFAULT_ACTIONS, HINDSIGHT
from backtest.errors import DataError


def facts(**columns):
    plain = {
        "symbol": ["A"],
        "field": "eps",
        "period": "2024-01-03",
        "known_at": "2024-01-04T10:00:00Z",
        "value": 1.0,
    }
    return pd.DataFrame({**plain, **columns})


def actions(*days, kind="split", value=2.0):
    return pd.DataFrame({"symbol": "A", "ex_session": list(days), "kind": kind, "value": value})


def fails(make, where, message):
    with pytest.raises(DataError) as caught:
        make()
    (fault,) = caught.value.faults
    assert fault.where == where
    assert message in fault.message


def closes(bundle, symbol="A"):
    return bundle.bars.loc[bundle.bars["symbol"] == symbol, "close"].tolist()


def test_every_check_has_a_default_and_sound_bars_have_no_finding(bundle, bars):
    assert set(DEFAULT_ACTIONS) == set(CHECK_NAMES)
    assert set(CHECK_NAMES) >= HINDSIGHT
    made = bundle(bars("A", [1.0, 2.0, 3.0]), bars("B", [5.0, 4.0]), facts=facts())
    assert made.findings == ()


def test_a_bar_that_stands_twice_is_an_error(bundle, bars):
    make = lambda: bundle(bars("A", [1.0, 2.0]), bars("A", [1.0]))  # noqa: E731
    fails(make, "bars.duplicate_keys", "1 row of A, 2024-01-02: the same key stands more than once")


def test_dropping_duplicates_keeps_one_of_exact_copies_and_none_that_disagree(bundle, bars, found):
    twice = [bars("A", [1.0, 2.0]), bars("A", [1.0, 2.5])]
    made = bundle(*twice, checks={"duplicate_keys": "drop"})
    assert closes(made) == [1.0]
    assert found(made) == [("duplicate_keys", "bars", ("A",), 3, 3)]


def test_warning_of_duplicates_keeps_the_same_one_in_any_order(bundle, bars):
    twice = [bars("A", [1.0, 2.0]), bars("A", [1.0, 2.5])]
    for order in (twice, twice[::-1]):
        assert closes(bundle(*order, checks={"duplicate_keys": "warn"})) == [1.0, 2.5]


def test_an_instrument_a_rate_and_a_fact_can_stand_twice_too(bundle, bars, instruments):
    fx = pd.DataFrame({"base": "USD", "quote": "HKD", "date": "2024-01-02", "rate": [7.8, 7.8]})
    with pytest.raises(DataError) as caught:
        bundle(
            bars("A", [1.0]),
            instruments=instruments("A", "A"),
            fx=fx,
            facts=pd.concat([facts(), facts()]),
        )
    assert [fault.where for fault in caught.value.faults] == [
        "instruments.duplicate_keys",
        "facts.duplicate_keys",
        "fx.duplicate_keys",
    ]


def test_rows_of_no_instrument_are_an_error_but_market_wide_facts_are_fine(
    bundle, bars, instruments
):
    table = facts(symbol=["", "C"], known_at="2024-01-04T10:00:00Z")
    tables = {"instruments": instruments("A"), "facts": table}
    fails(lambda: bundle(bars("A", [1.0]), **tables), "facts.unknown_symbol", "1 row of C")
    for action in ("warn", "drop"):
        made = bundle(
            bars("A", [1.0]), bars("B", [1.0]), **tables, checks={"unknown_symbol": action}
        )
        assert made.bars["symbol"].tolist() == ["A"]
        assert made.facts["symbol"].tolist() == [""]
        assert [finding.symbols for finding in made.findings] == [("B",), ("C",)]


@pytest.mark.parametrize("column", ["open", "high", "low", "close"])
def test_a_price_of_zero_is_an_error_and_can_be_dropped(bundle, bars, found, column):
    table = bars("A", [1.0, 2.0])
    table.loc[1, column] = 0.0
    fails(lambda: bundle(table), "bars.nonpositive_price", "1 row of A, 2024-01-03")
    made = bundle(table, checks={"nonpositive_price": "drop"})
    assert closes(made) == [1.0]
    assert found(made) == [("nonpositive_price", "bars", ("A",), 1, 1)]


def test_negative_volume_rate_and_ratio_are_errors_and_a_negative_interest_rate_is_not(
    bundle, bars
):
    fx = pd.DataFrame({"base": ["USD"], "quote": "HKD", "date": "2024-01-02", "rate": -7.8})
    rates = pd.DataFrame({"currency": ["JPY"], "date": "2024-01-02", "rate": -0.001})
    with pytest.raises(DataError) as caught:
        bundle(
            bars("A", [1.0], volume=-1.0),
            fx=fx,
            rates=rates,
            actions=actions("2024-01-02", value=0.0),
        )
    assert [fault.where for fault in caught.value.faults] == [
        "bars.nonpositive_price",
        "actions.nonpositive_price",
        "fx.nonpositive_price",
    ]


def test_a_dividend_or_delisting_of_nothing_is_fine(bundle, bars):
    nothing = [actions("2024-01-02", kind=kind, value=0.0) for kind in ("dividend", "delisting")]
    assert len(bundle(bars("A", [1.0]), actions=pd.concat(nothing)).actions) == 2


def test_a_restatement_before_its_original_is_an_error(bundle, bars, found):
    early, late = facts(), facts(known_at="2024-02-04T10:00:00Z", value=2.0)
    assert bundle(bars("A", [1.0]), facts=pd.concat([early, late])).findings == ()
    turned = pd.concat([late, early])
    fails(lambda: bundle(bars("A", [1.0]), facts=turned), "facts.unsorted_facts", "1 row of A")
    made = bundle(bars("A", [1.0]), facts=turned, checks={"unsorted_facts": "warn"})
    assert made.facts["value"].tolist() == [1.0, 2.0]
    made = bundle(bars("A", [1.0]), facts=turned, checks={"unsorted_facts": "drop"})
    assert made.facts["value"].tolist() == [2.0]
    assert found(made) == [("unsorted_facts", "facts", ("A",), 1, 1)]


def test_facts_by_period_or_by_publication_are_both_sorted(bundle, bars):
    first, second = (
        facts(period="2023-12-31"),
        facts(period="2023-09-30", known_at="2024-02-01T00:00Z"),
    )
    for order in ([first, second], [second, first]):
        made = bundle(bars("A", [1.0]), facts=pd.concat(order))
        assert made.facts["period"].astype(str).tolist() == ["2023-12-31", "2023-09-30"]


def test_a_fact_known_before_its_period_is_an_error_unless_its_field_looks_forward(bundle, bars):
    table = facts(known_at="2024-01-02T10:00:00Z")
    fails(lambda: bundle(bars("A", [1.0]), facts=table), "facts.known_before_period", "1 row of A")
    assert bundle(bars("A", [1.0]), facts=table, forward=["eps"]).findings == ()
    made = bundle(bars("A", [1.0]), facts=table, checks={"known_before_period": "drop"})
    assert made.facts.empty


def test_the_date_of_known_at_is_that_of_the_instruments_zone(bundle, bars, instruments):
    """17:00 UTC on the 2nd is 01:00 on the 3rd in Hong Kong and 12:00 on the 2nd in New York."""
    table = facts(known_at="2024-01-02T17:00:00Z")
    assert bundle(bars("A", [1.0]), facts=table).findings == ()
    abroad = instruments("A", exchange="XNYS")
    make = lambda: bundle(bars("A", [1.0]), facts=table, instruments=abroad)  # noqa: E731
    fails(make, "facts.known_before_period", "1 row of A")


def test_a_market_wide_fact_may_be_known_in_the_zone_of_any_exchange(bundle, bars, instruments):
    table = facts(symbol=[""], known_at="2024-01-02T17:00:00Z")
    both = instruments("A", "B", exchange=["XNYS", "XHKG"])
    assert bundle(bars("A", [1.0]), facts=table, instruments=both).findings == ()


def test_bars_on_a_holiday_are_dropped(bundle, bars, found):
    made = bundle(bars("A", [1.0, 2.0], start="2024-01-01"))
    assert closes(made) == [2.0]
    assert found(made) == [("not_a_session", "bars", ("A",), 1, 1)]


def test_bars_of_a_day_that_the_corrections_shut_are_dropped(bundle, bars):
    made = bundle(bars("A", [1.0, 2.0, 3.0], start="2023-08-31"))
    assert made.bars["session"].astype(str).tolist() == ["2023-08-31", "2023-09-04"]


def test_warning_of_a_holiday_keeps_the_row_but_gives_it_no_session(bundle, bars):
    table = bars("A", [1.0, 2.0], start="2024-01-01")
    made = bundle(table, checks={"not_a_session": "warn"})
    assert closes(made) == [1.0, 2.0]
    assert bar_arrays(made).close.tolist() == [[2.0]]


def test_an_action_on_a_holiday_is_an_error_unless_the_check_is_set(bundle, bars, found):
    tables = {"actions": actions("2024-01-01")}
    fails(lambda: bundle(bars("A", [1.0]), **tables), "actions.not_a_session", "2024-01-01")
    made = bundle(bars("A", [1.0]), **tables, checks={"not_a_session": "drop"})
    assert made.actions.empty
    made = bundle(bars("A", [1.0]), **tables, checks={"not_a_session": "warn"})
    assert found(made) == [("not_a_session", "actions", ("A",), 1, 0)]


def test_each_instrument_is_asked_for_the_sessions_of_its_own_exchange(bundle, bars, instruments):
    table = [bars("A", [1.0], start="2024-07-01"), bars("B", [1.0], start="2024-07-01")]
    made = bundle(*table, instruments=instruments("A", "B", exchange=["XHKG", "XNYS"]))
    assert made.bars["symbol"].tolist() == ["B"]


def test_bars_without_a_close_are_dropped(bundle, bars, found):
    made = bundle(bars("A", [1.0, np.nan, 2.0]))
    assert closes(made) == [1.0, 2.0]
    assert found(made) == [("close_missing", "bars", ("A",), 1, 1)]
    fails(
        lambda: bundle(bars("A", [1.0, np.nan]), checks={"close_missing": "error"}),
        "bars.close_missing",
        "2024-01-03: no close",
    )


def test_bars_before_listed_and_after_delisted_are_dropped(bundle, bars, instruments, found):
    listing = instruments("A", listed="2024-01-03", delisted="2024-01-05")
    made = bundle(bars("A", [1.0, 2.0, 3.0, 4.0, 5.0]), instruments=listing)
    assert closes(made) == [2.0, 3.0, 4.0]
    assert found(made) == [
        ("before_listing", "bars", ("A",), 1, 1),
        ("after_delisting", "bars", ("A",), 1, 1),
    ]


def test_a_hundredfold_print_that_the_next_session_undoes_is_a_spike(bundle, bars, found):
    for print_ in (400.0, 0.04):
        made = bundle(bars("A", [4.0, print_, 4.0]))
        assert found(made) == [("spike", "bars", ("A",), 1, 0)]
        assert made.findings[0].hindsight
    assert closes(bundle(bars("A", [4.0, 400.0, 4.0]), checks={"spike": "drop"})) == [4.0, 4.0]


@pytest.mark.parametrize(
    "closes", [[4.0, 400.0, 400.0], [4.0, 400.0], [400.0, 4.0, 4.0], [4.0, 400.0, 5.0]]
)
def test_a_move_that_stays_is_no_spike(bundle, bars, closes):
    assert {finding.check for finding in bundle(bars("A", closes)).findings} == {"jump"}


def test_a_double_and_back_is_no_spike(bundle, bars):
    """+115 % and back in a day is in the record of Hong Kong: a threefold price is not."""
    assert bundle(bars("A", [4.0, 8.6, 4.0])).findings == ()


def test_the_close_of_another_instrument_is_no_spike(bundle, bars):
    assert bundle(bars("A", [4.0]), bars("B", [400.0]), bars("C", [4.0])).findings == ()


def test_flat_bars_without_volume_before_the_first_trade_are_padding(bundle, bars, found):
    table = bars("A", [9.0, 9.0, 9.5, 10.0], volume=[0.0, 0.0, 0.0, 50.0])
    table.loc[2, "high"] = 9.6
    other = bars("B", [1.0, 1.0, 1.0, 1.0])
    made = bundle(table, other)
    assert found(made) == [("padding", "bars", ("A",), 2, 0)]
    assert closes(bundle(table, other, checks={"padding": "drop"})) == [9.5, 10.0]


def test_an_index_and_a_name_that_never_trades_have_no_padding(bundle, bars, instruments):
    flat = [bars(name, [9.0, 9.0], volume=[0.0, 0.0]) for name in ("A", "B")]
    flat[0].loc[1, "volume"] = 1.0
    listing = instruments("A", "B", "C", kind=["index", "stock", "stock"])
    assert bundle(*flat, bars("C", [1.0, 1.0]), instruments=listing).findings == ()


def test_five_sessions_with_the_same_close_and_no_volume_are_a_stale_run(bundle, bars, found):
    prices = [9.0, 8.0, 8.0, 8.0, 8.0, 8.0, 8.0, 7.0]
    volume = [5.0, 5.0, 0.0, 0.0, 0.0, 0.0, 0.0, 5.0]
    other = bars("B", range(1, 9))
    made = bundle(bars("A", prices, volume=volume), other)
    assert found(made) == [("stale_run", "bars", ("A",), 5, 0)]
    assert (made.findings[0].first, made.findings[0].last) == ("2024-01-04", "2024-01-10")
    dropped = bundle(bars("A", prices, volume=volume), other, checks={"stale_run": "drop"})
    assert closes(dropped) == [9.0, 8.0, 7.0]


def test_four_sessions_or_any_volume_are_no_stale_run(bundle, bars):
    four = bars("A", [8.0] * 6, volume=[5.0, 0.0, 0.0, 0.0, 0.0, 5.0])
    traded = bars("C", [8.0] * 6, volume=[5.0, 0.0, 0.0, 1.0, 0.0, 0.0])
    assert bundle(four, bars("B", range(1, 7)), traded).findings == ()


def test_a_stale_run_does_not_reach_into_the_next_instrument(bundle, bars):
    zero = [5.0, 0.0, 0.0, 0.0]
    both = [bars(name, [8.0] * 4, volume=zero) for name in ("A", "B")]
    assert bundle(*both, bars("C", [1.0] * 4)).findings == ()


def test_a_close_outside_the_range_is_found_but_not_what_rounding_explains(bundle, bars, found):
    table = bars(
        "A", [10.0] * 4, open=np.nan, high=[10.0, 9.9, 11.0, 9.996], low=[10.0, 9.0, 10.1, 9.0]
    )
    made = bundle(table)
    assert found(made) == [("close_outside_range", "bars", ("A",), 2, 0)]
    assert len(bundle(table, checks={"close_outside_range": "drop"}).bars) == 2


def test_an_open_outside_the_range_is_found_but_not_what_rounding_explains(bundle, bars, found):
    opens, high = [10.0, 10.6, 8.9, 10.504], [10.5, 10.5, 10.5, 10.5]
    table = bars("A", [10.0] * 4, open=opens, high=high, low=9.0)
    made = bundle(table)
    assert found(made) == [("open_outside_range", "bars", ("A",), 2, 0)]
    assert made.findings[0].message.endswith("open outside [low, high]; kept")
    assert len(bundle(table, checks={"open_outside_range": "drop"}).bars) == 2


def test_a_low_above_the_high_is_found_but_not_what_rounding_explains(bundle, bars, found):
    low, high = [9.9, 10.2, 10.004, np.nan], [10.1, 9.8, 10.0, 9.0]
    table = bars("A", [10.0] * 4, open=np.nan, low=low, high=high)
    made = bundle(table.iloc[:3])
    assert found(made) == [
        ("low_above_high", "bars", ("A",), 1, 0),
        ("close_outside_range", "bars", ("A",), 1, 0),
    ]
    assert len(bundle(table.iloc[:3], checks={"low_above_high": "drop"}).bars) == 2
    fails(
        lambda: bundle(table.iloc[:2], checks={"low_above_high": "error"}),
        "bars.low_above_high",
        "1 row of A, 2024-01-03: low above high",
    )


def test_closes_without_a_range_are_in_range(bundle, bars):
    assert bundle(bars("A", [1.0, 2.0], high=np.nan, low=np.nan)).findings == ()


def test_a_session_in_which_nobody_has_volume_has_no_known_volume(bundle, bars, found):
    halt, trade = [5.0, 0.0, 0.0], [7.0, 0.0, 9.0]
    made = bundle(bars("A", [1.0, 2.0, 3.0], volume=halt), bars("B", [3.0, 2.0, 1.0], volume=trade))
    assert found(made) == [("volume_missing", "bars", ("XHKG",), 2, 0)]
    assert made.findings[0].first == made.findings[0].last == "2024-01-03"
    missing = bundle_volume_missing(made, bar_arrays(made))
    assert missing["XHKG"].tolist() == [False, True, False]


def test_a_single_bar_with_zero_volume_makes_the_volume_missing(bundle, bars):
    made = bundle(bars("A", [1.0, 2.0], volume=[5.0, 0.0]))
    assert bundle_volume_missing(made, bar_arrays(made))["XHKG"].tolist() == [False, True]


def test_indices_and_unknown_volumes_do_not_say_whether_volume_is_missing(
    bundle, bars, instruments
):
    listing = instruments("I", "N", "S", kind=["index", "stock", "stock"])
    made = bundle(
        bars("I", [1.0, 2.0], volume=[7.0, 0.0]),
        bars("N", [1.0, 2.0], volume=np.nan),
        bars("S", [1.0, 2.0], volume=[0.0, 5.0]),
        instruments=listing,
    )
    assert bundle_volume_missing(made, bar_arrays(made))["XHKG"].tolist() == [True, False]
    only = bundle(
        bars("I", [1.0], volume=0.0), bars("N", [1.0], volume=np.nan), instruments=listing
    )
    assert bundle_volume_missing(only, bar_arrays(only))["XHKG"].tolist() == [False]
    assert only.findings == ()


def test_volume_is_missing_by_exchange(bundle, bars, instruments):
    listing = instruments("A", "B", exchange=["XHKG", "XNYS"])
    made = bundle(
        bars("A", [1.0, 2.0], volume=[5.0, 0.0]), bars("B", [1.0, 2.0]), instruments=listing
    )
    missing = bundle_volume_missing(made, bar_arrays(made))
    assert missing["XHKG"].tolist() == [False, True]
    assert missing["XNYS"].tolist() == [False, False]


def test_dropping_missing_volume_drops_its_bars(bundle, bars):
    made = bundle(bars("A", [1.0, 2.0], volume=[5.0, 0.0]), checks={"volume_missing": "drop"})
    assert closes(made) == [1.0]


def test_ten_sessions_without_a_bar_are_a_gap_and_nine_are_none(bundle, bars, found):
    table = bars("A", range(11, 40))
    gap = table.drop(index=range(5, 15))
    made = bundle(gap)
    assert found(made) == [("gap", "bars", ("A",), 1, 0)]
    assert made.findings[0].first == str(table["session"][15].date())
    assert bundle(table.drop(index=range(5, 14))).findings == ()


def test_dropping_a_gap_drops_the_bars_before_it(bundle, bars, found):
    made = bundle(bars("A", range(11, 40)).drop(index=range(5, 15)), checks={"gap": "drop"})
    assert closes(made)[0] == 26.0
    assert found(made) == [("gap", "bars", ("A",), 1, 5)]


def test_a_bar_that_one_check_drops_is_not_told_by_the_next(bundle, bars, instruments, found):
    table = bars("A", [np.nan, 4.0, 4.0], start="2024-01-01")
    made = bundle(table, bars("B", [1.0] * 3, start="2024-01-02"))
    assert found(made) == [("not_a_session", "bars", ("A",), 1, 1)]


def test_a_finding_says_who_when_and_what_was_done(bundle, bars):
    names = [f"{number:04d}.HK" for number in range(1, 8)]
    made = bundle(*(bars(name, [1.0, np.nan]) for name in names))
    assert made.findings[0].message == (
        "7 rows of 0001.HK, 0002.HK, 0003.HK, 0004.HK, 0005.HK and 2 more, 2024-01-03: "
        "no close; dropped"
    )
    spike = bundle(bars("A", [4.0, 400.0, 4.0]), checks={"spike": "drop"}).findings[0]
    assert spike.message.endswith("undone by the next; dropped with hindsight")


def test_a_finding_survives_json(bundle, bars):
    import json

    from backtest.data.findings import Finding

    finding = bundle(bars("A", [1.0, np.nan]), bars("B", [np.nan, 1.0])).findings[0]
    text = json.dumps(finding.as_dict())
    assert Finding.from_dict(json.loads(text)) == finding
    assert json.loads(text)["places"] == [
        {"symbol": "A", "first": "2024-01-03", "last": "2024-01-03", "count": 1},
        {"symbol": "B", "first": "2024-01-02", "last": "2024-01-02", "count": 1},
    ]


@pytest.mark.parametrize("check", [name for name in CHECK_NAMES if name != "missing_fx"])
def test_every_check_can_be_set_to_every_action(bundle, bars, check):
    """A bundle with a fault of every kind: the action decides between DataError and findings."""
    calm = dict.fromkeys(CHECK_NAMES, "drop")
    for action in ("error", "warn", "drop"):
        checks = {**calm, check: action}
        make = lambda checks=checks: everything_wrong(bundle, bars, checks)  # noqa: E731
        if action == "error":
            with pytest.raises(DataError, match=check):
                make()
        else:
            assert (check, action) in {(f.check, f.action) for f in make().findings}


def everything_wrong(bundle, bars, checks):
    long = bars("LONG", range(100, 140))
    gap = bars("GAP", range(100, 140)).drop(index=range(3, 20))
    odd = bars("ODD", [8.0, np.nan, 800.0, 8.0, -1.0, 8.0], volume=[0.0, 5.0, 5.0, 5.0, 5.0, 5.0])
    stale = bars("STALE", [8.0] * 8, volume=[5.0] + [0.0] * 7)
    outside = bars("OUT", [8.0] * 4, open=[np.nan, 9.0, 8.0, 8.0], high=[7.0, 8.0, 8.0, 8.0])
    outside["low"] = [6.0, 8.0, 8.1, 8.0]
    moved = bars("MOVE", [8.0, 80.0, 81.0, 81.0])
    holiday = bars("HOL", [1.0], start="2024-01-01")
    silent = bars("NYSE", [5.0, 5.0], volume=[4.0, 0.0])
    symbols = ["LONG", "GAP", "ODD", "STALE", "OUT", "HOL", "NYSE", "MOVE", "IPO"]
    listing = pd.DataFrame(
        {
            "symbol": symbols,
            "exchange": ["XHKG"] * 6 + ["XNYS", "XHKG", "XHKG"],
            "currency": "HKD",
            "kind": "stock",
            "listed": [None] * 8 + ["2024-01-03"],
            "delisted": [None] * 8 + ["2024-01-04"],
        }
    )
    late = facts(symbol=["LONG"], known_at="2024-02-05T10:00:00Z")
    facts_ = pd.concat(
        [
            late,
            facts(symbol=["LONG"]),
            facts(symbol=["OUT"], known_at="2023-01-04T10:00Z"),
            facts(symbol=["LONG"], field="southbound_buy", known_at="2024-01-03T02:00:00Z"),
        ]
    )
    frames = [long, long[:1], gap, odd, stale, outside, holiday, silent]
    frames += [moved, bars("IPO", [1.0, 1.0, 1.0, 1.0]), bars("WHO", [1.0])]
    wrong = [
        actions("2024-01-05", kind="dividend", value=50.0),
        actions("2024-01-04", kind="split"),
    ]
    tables = {"facts": facts_, "actions": pd.concat(wrong).assign(symbol=["MOVE", "LONG"])}
    return bundle(*frames, instruments=listing, checks=checks, **tables)


def test_southbound_figures_of_a_day_are_not_known_before_its_close(bundle, bars, found):
    """2024-01-03 closes at 16:00 in Hong Kong, 08:00 UTC; what may be held is told ahead."""
    early = facts(field="southbound_net_buy", known_at="2024-01-03T07:59:59Z")
    made = bundle(bars("A", [1.0, 2.0]), facts=early)
    assert found(made) == [("flow_known_early", "facts", ("A",), 1, 0)]
    late = facts(field="southbound_net_buy", known_at="2024-01-03T08:00:00Z")
    assert bundle(bars("A", [1.0, 2.0]), facts=late).findings == ()
    ahead = facts(field="southbound_eligible", known_at="2024-01-03T01:00:00Z")
    assert bundle(bars("A", [1.0, 2.0]), facts=ahead).findings == ()

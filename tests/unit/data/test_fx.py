import numpy as np
import pandas as pd
import pytest

from backtest.data.fx import check_fx, fx_gaps, fx_rates, rate_known, without_fx_gaps

NAN = np.nan


def table(*rows):
    frame = pd.DataFrame(rows, columns=["base", "quote", "date", "rate"])
    return frame.assign(date=pd.to_datetime(frame["date"])).sort_values(["base", "quote", "date"])


def at(*times):
    return pd.DatetimeIndex(times, tz="UTC")


DOLLAR = table(("USD", "HKD", "2024-01-02", 7.8), ("USD", "HKD", "2024-01-03", 7.9))


def test_a_currency_is_one_of_itself():
    assert fx_rates(DOLLAR, "HKD", "HKD", at("2000-01-01")).tolist() == [1.0]


def test_a_rate_is_known_from_the_end_of_its_utc_date():
    times = at("2024-01-02 23:59:59", "2024-01-03", "2024-01-03 23:59", "2024-01-04")
    np.testing.assert_array_equal(fx_rates(DOLLAR, "USD", "HKD", times), [NAN, 7.8, 7.8, 7.9])


def test_the_end_of_the_date_is_that_of_utc_whatever_zone_the_time_is_in():
    times = at("2024-01-02 23:59", "2024-01-03").tz_convert("Asia/Hong_Kong")
    np.testing.assert_array_equal(fx_rates(DOLLAR, "USD", "HKD", times), [NAN, 7.8])


def test_the_other_way_round_is_the_inverse():
    assert fx_rates(DOLLAR, "HKD", "USD", at("2024-01-03")).tolist() == [1 / 7.8]


def test_the_pair_itself_counts_before_its_inverse():
    both = table(("USD", "HKD", "2024-01-02", 8.0), ("HKD", "USD", "2024-01-02", 0.2))
    assert fx_rates(both, "USD", "HKD", at("2024-01-03")).tolist() == [8.0]
    assert fx_rates(both, "HKD", "USD", at("2024-01-03")).tolist() == [0.2]


def test_one_cross_goes_through_the_dollar_or_what_via_says():
    dollars = table(("USD", "HKD", "2024-01-02", 8.0), ("USD", "CNY", "2024-01-02", 4.0))
    assert fx_rates(dollars, "CNY", "HKD", at("2024-01-03")).tolist() == [2.0]
    euros = table(("EUR", "HKD", "2024-01-02", 8.0), ("EUR", "CNY", "2024-01-02", 4.0))
    assert np.isnan(fx_rates(euros, "CNY", "HKD", at("2024-01-03"))).all()
    assert fx_rates(euros, "CNY", "HKD", at("2024-01-03"), via=("EUR",)).tolist() == [2.0]


def test_there_is_no_second_cross():
    chain = table(("USD", "HKD", "2024-01-02", 8.0), ("EUR", "USD", "2024-01-02", 1.0),
                  ("GBP", "EUR", "2024-01-02", 1.0))  # fmt: skip
    assert np.isnan(fx_rates(chain, "GBP", "HKD", at("2024-01-03"))).all()


def test_a_rate_of_seven_days_ago_counts_and_one_of_eight_days_does_not():
    times = at("2024-01-10 23:59", "2024-01-11 00:00")
    np.testing.assert_array_equal(fx_rates(DOLLAR, "USD", "HKD", times), [7.9, NAN])


def test_each_leg_of_a_cross_has_its_own_age():
    legs = table(("USD", "HKD", "2024-01-09", 8.0), ("USD", "CNY", "2024-01-02", 4.0))
    times = at("2024-01-10", "2024-01-09 23:59")
    assert np.isnan(fx_rates(legs, "CNY", "HKD", times)).all()


def test_where_a_pair_is_stale_its_inverse_stands_in():
    both = table(("USD", "HKD", "2024-01-02", 8.0), ("HKD", "USD", "2024-01-20", 0.2))
    times = at("2024-01-03", "2024-01-21")
    assert fx_rates(both, "USD", "HKD", times).tolist() == [8.0, 5.0]


def test_an_interest_rate_holds_until_the_next_and_is_nought_before_the_first():
    rates = pd.DataFrame(
        {
            "currency": "HKD",
            "date": pd.to_datetime(["2024-01-02", "2024-06-03"]),
            "rate": [0.04, -0.01],
        }
    )
    times = at("2024-01-02 12:00", "2024-01-03", "2024-06-03 23:59", "2024-06-04", "2025-06-04")
    assert rate_known(rates, "HKD", times).tolist() == [0.0, 0.04, 0.04, -0.01, -0.01]
    assert rate_known(rates, "USD", times).tolist() == [0.0] * 5


@pytest.fixture
def abroad(bundle, bars, instruments):
    """A Hong Kong and a New York stock, with dollars until 2024-01-03."""

    def make(**checks):
        listing = instruments("H", "N", exchange=["XHKG", "XNYS"], currency=["HKD", "USD"])
        both = [bars("H", [1.0, 2.0]), bars("N", [1.0, 2.0])]
        return bundle(*both, instruments=listing, fx=DOLLAR, checks=checks)

    return make


TIMES = at("2024-01-03", "2024-01-10", "2024-01-12 01:00", "2024-01-12 08:00")


def test_a_currency_without_a_rate_is_a_fault_that_says_which_and_when(abroad):
    (fault,) = check_fx(abroad(), "HKD", TIMES)
    assert fault.where == "fx.missing_fx"
    assert (
        "1 row of USD/HKD, 2024-01-12: no exchange rate, or none of the last 7 days"
        in fault.message
    )


def test_only_the_currencies_of_the_symbols_asked_for_count(abroad):
    assert check_fx(abroad(), "HKD", TIMES, symbols=["H"]) == []
    assert check_fx(abroad(), "HKD", TIMES[:2]) == []


def test_missing_fx_can_warn_or_drop_the_instruments_of_the_currency(abroad):
    warned = abroad(missing_fx="warn")
    assert check_fx(warned, "HKD", TIMES) == []
    assert fx_gaps(warned, "HKD", TIMES).action == "warn"
    assert without_fx_gaps(warned, "HKD", TIMES) is warned
    dropping = abroad(missing_fx="drop")
    assert check_fx(dropping, "HKD", TIMES) == []
    dropped = without_fx_gaps(dropping, "HKD", TIMES)
    assert dropped.instruments["symbol"].tolist() == ["H"]
    assert dropped.bars["symbol"].unique().tolist() == ["H"]
    assert (dropped.findings[-1].check, dropped.findings[-1].dropped) == ("missing_fx", 1)
    assert dropped.hash != dropping.hash

from datetime import date

import numpy as np
import pytest

from backtest.calendars import (
    calendar_version,
    exchange_problem,
    local_midnights,
    sessions,
    sessions_per_year,
    timezone,
)
from backtest.errors import DataError


def days(span):
    return span.dates.astype(str).tolist()


def utc(value):
    return np.datetime64(value, "ns")


def test_hong_kong_was_shut_for_the_typhoon_and_the_rainstorm_of_september_2023():
    span = sessions("XHKG", date(2023, 8, 31), date(2023, 9, 11))
    assert days(span) == [
        "2023-08-31", "2023-09-04", "2023-09-05", "2023-09-06", "2023-09-07", "2023-09-11",
    ]  # fmt: skip


def test_an_alias_has_the_corrections_of_its_exchange():
    assert days(sessions("HKEX", date(2023, 8, 31), date(2023, 9, 4))) == [
        "2023-08-31",
        "2023-09-04",
    ]


@pytest.mark.parametrize("day", ["2013-08-14", "2016-08-02", "2016-10-21", "2017-08-23"])
def test_typhoon_days_that_the_package_knows_are_no_sessions(day):
    assert len(sessions("XHKG", date.fromisoformat(day), date.fromisoformat(day))) == 0


def test_christmas_eve_in_hong_kong_closes_at_noon():
    span = sessions("XHKG", date(2024, 12, 23), date(2024, 12, 24))
    assert span.close.tolist() == [
        utc("2024-12-23T08:00").tolist(),
        utc("2024-12-24T04:00").tolist(),
    ]


def test_new_york_opens_an_hour_earlier_in_utc_once_summer_time_begins():
    span = sessions("XNYS", date(2024, 3, 8), date(2024, 3, 11))
    assert span.open.tolist() == [
        utc("2024-03-08T14:30").tolist(),
        utc("2024-03-11T13:30").tolist(),
    ]


def test_new_york_closes_at_13_00_after_thanksgiving():
    span = sessions("XNYS", date(2024, 11, 29), date(2024, 11, 29))
    assert span.close[0] == utc("2024-11-29T18:00")


def test_lunar_new_year_2026_is_shut_for_three_days_in_hong_kong_and_longer_in_shanghai():
    assert days(sessions("XHKG", date(2026, 2, 13), date(2026, 2, 24))) == [
        "2026-02-13", "2026-02-16", "2026-02-20", "2026-02-23", "2026-02-24",
    ]  # fmt: skip
    assert days(sessions("XSHG", date(2026, 2, 13), date(2026, 2, 24))) == [
        "2026-02-13",
        "2026-02-24",
    ]


def test_a_session_around_the_clock_closes_at_the_next_midnight():
    span = sessions("24/7", date(2024, 6, 1), date(2024, 6, 2))
    assert span.open[0] == utc("2024-06-01")
    assert span.close[0] == span.open[1] == utc("2024-06-02")


@pytest.mark.parametrize(
    ("exchange", "counts"),
    [("XHKG", [246, 246, 247]), ("XSHG", [242, 243, 242]), ("XNYS", [252, 250, 251])],
)
def test_sessions_of_2024_to_2026_are_as_many_as_published(exchange, counts):
    years = (2024, 2025, 2026)
    assert [len(sessions(exchange, date(y, 1, 1), date(y, 12, 31))) for y in years] == counts


def test_sessions_of_a_range_do_not_depend_on_the_range_asked():
    long = sessions("XHKG", date(1985, 1, 1), date(2024, 1, 31))
    short = sessions("XHKG", date(2024, 1, 1), date(2024, 1, 31))
    assert long.dates[-len(short) :].tolist() == short.dates.tolist()
    assert long.open[-len(short) :].tolist() == short.open.tolist()


def test_shanghai_has_no_sessions_before_its_calendar_begins():
    assert len(sessions("XSHG", date(1980, 1, 1), date(1985, 12, 31))) == 0
    assert sessions("XSHG", date(1980, 1, 1), date(1991, 1, 31)).dates[0] == np.datetime64(
        "1990-12-03"
    )


def test_the_shanghai_calendar_has_a_horizon_and_says_so():
    with pytest.raises(DataError, match=r"XSHG.*2027.*ends on 2026-12-31.*newer"):
        sessions("XSHG", date(2026, 1, 1), date(2027, 1, 31))


def test_an_unknown_exchange_is_named_with_its_neighbours():
    with pytest.raises(DataError, match=r"unknown exchange 'XHKK'.*'XHKG'"):
        sessions("XHKK", date(2024, 1, 1), date(2024, 1, 2))
    assert "such as 'XHKG'" in exchange_problem("Hong Kong Stock Exchange")
    assert exchange_problem("XTKS") == ""


def test_a_range_that_ends_before_it_begins_is_a_mistake_of_the_caller():
    with pytest.raises(ValueError, match="before first"):
        sessions("XHKG", date(2024, 1, 2), date(2024, 1, 1))


@pytest.mark.parametrize(
    ("exchange", "count"), [("XHKG", 246.0), ("XSHG", 243.0), ("XNYS", 251.0), ("24/7", 365.0)]
)
def test_sessions_per_year_are_the_average_of_ten_years(exchange, count):
    assert sessions_per_year(exchange) == count


def test_rows_of_dates_are_their_ordinals_and_minus_one_off_session():
    span = sessions("XHKG", date(2024, 1, 2), date(2024, 1, 8))
    asked = np.array(["2024-01-01", "2024-01-02", "2024-01-06", "2024-01-08", "2024-01-09"])
    assert span.rows_of(asked.astype("datetime64[D]")).tolist() == [-1, 0, -1, 4, -1]


def test_a_date_begins_at_local_midnight():
    dates = np.array(["2024-07-01", "NaT"], dtype="datetime64[D]")
    assert local_midnights("XHKG", dates)[0] == utc("2024-06-30T16:00")
    assert local_midnights("XNYS", dates)[0] == utc("2024-07-01T04:00")
    assert np.isnat(local_midnights("XHKG", dates)[1])


@pytest.mark.parametrize("exchange", ["XHKG", "XSHG", "XNYS", "24/7"])
def test_the_zones_kept_here_are_those_of_the_package(exchange):
    import exchange_calendars

    from backtest.calendars import _quiet

    with _quiet():
        theirs = exchange_calendars.get_calendar(exchange, start="2020-01-01", end="2020-12-31")
    assert timezone(exchange).key == str(theirs.tz)


def test_the_version_of_the_calendars_names_package_and_corrections():
    assert calendar_version().startswith("exchange_calendars 4.")
    assert "+" in calendar_version()

"""Answers in yfinance's shape, good and bad; none comes from the network."""

from datetime import date

import pandas as pd
import pytest

from backtest.sources.protocol import SourceError, Unavailable
from backtest.sources.yahoo import Yahoo

START = date(2020, 1, 1)
NAMES = ["Open", "High", "Low", "Close", "Adj Close", "Volume", "Dividends", "Stock Splits"]


def history(rows, zone="Asia/Hong_Kong", **columns):
    """Frame as ``Ticker.history(auto_adjust=False)`` gives it: day, close, dividend, split."""
    index = pd.DatetimeIndex([row[0] for row in rows], name="Date").tz_localize(zone)
    data = [[row[1]] * 5 + [100, row[2], row[3]] for row in rows]
    return pd.DataFrame(data, index=index, columns=NAMES).assign(**columns)


ROWS = [
    ("2024-03-04", 30.0, 0.0, 0.0),
    ("2024-03-05", 29.0, 1.0, 0.0),  # today's shares: 2 were paid on each of the old ones
    ("2024-03-06", 29.5, 0.0, 2.0),
    ("2024-03-07", 31.0, 0.5, 0.0),
]


def yahoo(answer, **meta):
    class Ticker:
        def __init__(self, ticker):
            pass

        def history(self, **options):
            assert options["auto_adjust"] is False
            if isinstance(answer, Exception):
                raise answer
            return answer

        def get_history_metadata(self):
            return {"currency": "HKD", "instrumentType": "EQUITY", "longName": "A plc", **meta}

    return Yahoo(Ticker)


def test_prices_and_dividends_are_those_of_the_day():
    tables = yahoo(history(ROWS)).fetch("0001.HK", START).tables
    bars, actions = tables["bars"], tables["actions"]
    assert bars["session"].tolist() == [pd.Timestamp(row[0]) for row in ROWS]
    assert bars["close"].tolist() == [60.0, 58.0, 29.5, 31.0]
    assert bars["volume"].tolist() == [50.0, 50.0, 100.0, 100.0]
    rows = [(f"{r.ex_session:%m-%d}", r.kind, r.value) for r in actions.itertuples()]
    assert sorted(rows) == [
        ("03-05", "dividend", 2.0),
        ("03-06", "split", 2.0),
        ("03-07", "dividend", 0.5),
    ]
    assert tables["instruments"].iloc[0].to_dict() == {
        "symbol": "0001.HK",
        "name": "A plc",
        "exchange": "XHKG",
        "currency": "HKD",
        "kind": "stock",
    }


def test_what_float32_left_of_a_price_is_cut_off():
    # 396.6 at three for one, as Yahoo shows it
    rows = [("2025-06-09", 132.1999969482422, 0, 0), ("2025-06-10", 135.60000610351562, 0, 3)]
    bars = yahoo(history(rows)).fetch("1211.HK", START).tables["bars"]
    assert bars["close"].tolist() == [396.6, 135.6]


def test_an_answer_in_utc_is_of_the_exchange_s_own_days():
    answer = history(ROWS)
    answer.index = answer.index.tz_convert("UTC")  # 16:00 of the day before
    bars = yahoo(answer).fetch("0001.HK", START).tables["bars"]
    assert bars["session"].iloc[0] == pd.Timestamp("2024-03-04")


def test_an_exchange_rate_is_a_table_of_its_own():
    answer = history([("2024-03-04", 7.82, 0, 0)], zone="Europe/London")
    for symbol in ("USDHKD=X", "HKD=X"):
        (row,) = yahoo(answer).fetch(symbol, START).tables["fx"].to_dict("records")
        when = pd.Timestamp("2024-03-04")
        assert row == {"base": "USD", "quote": "HKD", "date": when, "rate": 7.82}


def test_a_split_entered_twice_is_taken_once_and_told():
    rows = [
        ("2020-10-14", 8.6, 0.0, 0.0),
        ("2020-10-15", 8.4, 0.0, 1.6),
        ("2020-10-16", 8.0, 0.0, 1.6),
    ]
    answer = yahoo(history(rows)).fetch("1093.HK", START)
    assert len(answer.tables["actions"]) == 1
    assert answer.tables["bars"]["close"].tolist() == [13.76, 8.4, 8.0]
    assert answer.notes == (
        "1093.HK: the split of 2020-10-16 into 1.6 is there twice within a week; the first is kept",
    )


def test_duplicated_rows_are_taken_once():
    answer = pd.concat([history(ROWS), history(ROWS[-1:])])
    assert len(yahoo(answer).fetch("0001.HK", START).tables["bars"]) == 4


BAD = {
    "empty": (history([]), "the answer is empty"),
    "nothing": (None, "the answer is empty"),
    "renamed": (history(ROWS).rename(columns={"Close": "Last"}), r"no column Close; it has Open"),
    "no closes": (history(ROWS, Close=float("nan")), "the answer has no close"),
    "no actions": (
        history(ROWS).drop(columns=["Dividends", "Stock Splits"]),
        "neither Dividends nor Stock Splits",
    ),
    "wrong zone": (
        history(ROWS, zone="America/New_York"),
        "bars begin at midnight of Asia/Hong_Kong, the answer's at 13:00",
    ),
    "rows that disagree": (
        pd.concat([history(ROWS), history([("2024-03-07", 99.0, 0.5, 0.0)])]),
        "two rows of 2024-03-07 that disagree",
    ),
    "a web page": (ValueError("Expecting value: line 1 column 1"), "cannot be read: Expecting"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_answer_is_refused_with_its_reason(name):
    answer, message = BAD[name]
    with pytest.raises(SourceError, match=message) as caught:
        yahoo(answer).fetch("0001.HK", START)
    assert not isinstance(caught.value, Unavailable)


def test_another_currency_than_the_exchange_s_is_refused():
    with pytest.raises(SourceError, match="prices are in GBp, hundredths of GBP"):
        yahoo(history(ROWS, zone="Europe/London"), currency="GBp").fetch("HSBA.L", START)


def test_rate_limits_and_a_dead_network_are_no_fault_of_the_symbol():
    from yfinance.exceptions import YFPricesMissingError, YFRateLimitError

    with pytest.raises(Unavailable, match="Yahoo refuses for now: Too Many Requests"):
        yahoo(YFRateLimitError()).fetch("0001.HK", START)
    with pytest.raises(Unavailable, match="cannot be reached: no route"):
        yahoo(ConnectionError("no route")).fetch("0001.HK", START)
    with pytest.raises(SourceError, match="no price data found") as caught:
        yahoo(YFPricesMissingError("X", "")).fetch("0001.HK", START)
    assert not isinstance(caught.value, Unavailable)


def test_a_split_restates_nothing_of_what_was_traded_before_it(tmp_path):
    """Yahoo divides its whole history at each split; a bundle of raw prices does not move."""
    from backtest.sources.fetching import Terms, fetch_bundle, update_bundle

    before = [("2024-03-04", 60.0, 0.0, 0.0), ("2024-03-05", 58.0, 2.0, 0.0)]
    after = [
        ("2024-03-04", 30.0, 0.0, 0.0),
        ("2024-03-05", 29.0, 1.0, 0.0),
        ("2024-03-06", 29.5, 0.0, 2.0),
    ]
    folder = tmp_path / "b"
    first, later = pd.Timestamp("2024-03-05T12:00Z"), pd.Timestamp("2024-03-06T12:00Z")
    fetch_bundle(yahoo(history(before)), ["0001.HK"], folder, terms=Terms(now=lambda: first))
    halved = history(after, Volume=[200, 200, 100])
    source = yahoo(halved)
    update_bundle(folder, find=lambda _: source, terms=Terms(now=lambda: later))
    bars = pd.read_parquet(folder / "bars.parquet")
    assert bars["close"].tolist() == [60.0, 58.0, 29.5]
    assert bars["volume"].tolist() == [100.0, 100.0, 100.0]
    assert "known_at" not in bars
    actions = pd.read_parquet(folder / "actions.parquet")
    assert actions["value"].tolist() == [2.0, 2.0]
    assert "known_at" not in actions

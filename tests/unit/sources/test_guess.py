"""A guessed mapping is a mapping, and makes the bars that its files hold."""

import pandas as pd
import pytest

from backtest.errors import DataError
from backtest.sources.guess import guess_mapping
from backtest.sources.importing import import_files
from backtest.sources.mapping import load_mapping


@pytest.fixture
def guessed(files, tmp_path):
    def of(**texts):
        folder = files(**texts)
        path = tmp_path / "guess.yaml"
        path.write_text(guess_mapping([folder], name="guess"), encoding="utf-8")
        mapping = load_mapping(path)
        return path.read_text(encoding="utf-8"), import_files(mapping, [folder]).tables

    return of


def rows(tables):
    bars = tables["bars"]
    return [
        (row.symbol, f"{row.session:%Y-%m-%d}", row.close)
        for row in bars.sort_values(["symbol", "session"]).itertuples()
    ]


def test_a_file_for_each_symbol(guessed):
    text = "Date,Adj Close,Close,High,Low,Open,Volume\n2024-03-04,9,10,11,9,10,5\n"
    said, tables = guessed(**{"0700__HK__csv": text, "SPY__csv": text})
    assert rows(tables) == [("0700.HK", "2024-03-04", 10.0), ("SPY", "2024-03-04", 10.0)]
    assert "adjusted close beside the close" in said
    assert "# not taken: Adj Close" in said


def test_a_file_with_the_three_lines_of_heading_of_yfinance(guessed):
    head = "Price,Close,High,Low,Open,Volume\nTicker,SPY,SPY,SPY,SPY,SPY\nDate,,,,,\n"
    said, tables = guessed(SPY__csv=head + "2024-03-04,10,11,9,10.5,5\n")
    assert "skip: [2, 3]" in said
    assert rows(tables) == [("SPY", "2024-03-04", 10.0)]
    assert tables["bars"]["open"].tolist() == [10.5]


def test_a_long_file_of_mainland_codes_with_compact_dates(guessed):
    text = "交易日期,股票代码,收盘价,成交量\n20240304,600519,1700.5,3.2万\n20240304,000001,10,1\n"
    _, tables = guessed(all__csv=text)
    assert rows(tables) == [("000001", "2024-03-04", 10.0), ("600519", "2024-03-04", 1700.5)]
    assert tables["bars"]["volume"].tolist() == [32000.0, 1.0]
    assert set(tables["instruments"]["exchange"]) == {"XSHG"}


def test_a_wide_file(guessed):
    said, tables = guessed(closes__csv="date,AAPL,LOW\n2024-03-04,170,230\n2024-03-05,171,\n")
    assert "wide: close" in said
    assert rows(tables) == [
        ("AAPL", "2024-03-04", 170.0),
        ("AAPL", "2024-03-05", 171.0),
        ("LOW", "2024-03-04", 230.0),
    ]


def test_tickers_that_look_like_prices_in_a_wide_file(guessed):
    names = ["O", "C", "LOW", *(f"S{number}" for number in range(13))]
    text = f"date,{','.join(names)}\n2024-03-04{',7' * len(names)}\n"
    _, tables = guessed(closes__csv=text)
    assert set(tables["bars"]["symbol"]) == set(names)


def test_five_digit_codes_are_hong_kong(guessed):
    _, tables = guessed(hk__csv="date,code,close\n2024-03-04,00700,300\n")
    assert rows(tables) == [("0700.HK", "2024-03-04", 300.0)]


def test_a_day_and_a_month_that_could_be_either_are_told(guessed):
    said, tables = guessed(A__csv="date,close\n04/03/2024,1\n")
    assert rows(tables) == [("A", "2024-03-04", 1.0)]
    assert "or %m/%d/%Y: the dates fit both" in said
    said, tables = guessed(A__csv="date,close\n03/25/2024,1\n")
    assert rows(tables) == [("A", "2024-03-25", 1.0)]
    assert "fit both" not in said


def test_times_with_an_offset_get_the_zone_of_the_symbols_exchange(guessed):
    said, tables = guessed(SPY__csv="Date,Close\n2020-07-27 04:00:00+00:00,250\n")
    assert "time_zone: America/New_York" in said
    assert rows(tables) == [("SPY", "2020-07-27", 250.0)]


def test_dividends_and_splits_are_offered_as_inputs_of_actions(guessed):
    said, _ = guessed(SPY__csv="Date,Close,Dividends,Stock Splits\n2024-03-04,500,1.5,0\n")
    assert "turn_raw: splits_and_dividends" in said
    without_signs = said.replace("#  ", "  ").replace("prices: adjusted", "prices: raw #")
    assert "value: Dividends" in without_signs


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "no column is a date"),
        ("date,name\n2024-03-04,x\n", "no column is a price"),
        ("date,close\n", "has no rows"),
    ],
)
def test_what_cannot_be_guessed_is_told(files, text, message):
    with pytest.raises(DataError, match=message):
        guess_mapping([files(A__csv=text)], name="g")


def test_a_decimal_comma_is_told_by_the_numbers(guessed):
    said, tables = guessed(
        A__csv="Datum;Schluss;Volumen\n04.03.2024;19,98;1.192.007\n05.03.2024;1.020,5;7\n"
    )
    assert 'decimal: ","' in said
    assert rows(tables) == [("A", "2024-03-04", 19.98), ("A", "2024-03-05", 1020.5)]
    assert tables["bars"]["volume"].tolist() == [1192007.0, 7.0]


def test_a_comma_that_may_be_either_is_told(guessed):
    said, tables = guessed(A__csv="date;close\n2024-03-04;1,085\n")
    assert "# 1,085 is read as 1085; if it is not, set decimal: ','." in said
    assert rows(tables) == [("A", "2024-03-04", 1085.0)]
    said, _ = guessed(A__csv='date,close,volume\n2024-03-04,1.085,"1,085"\n')
    assert "is read as" not in said


@pytest.mark.parametrize("encoding", ["gb18030", "utf-16"])
def test_chinese_text_of_another_encoding_is_read_and_named(guessed, encoding):
    text = "股票代码,日期,收盘\n00700,2024年03月04日,300\n".encode(encoding)
    said, tables = guessed(a__csv=text)
    assert f"encoding: {encoding}" in said
    assert "suffixes (XHKG)" in said
    assert rows(tables) == [("0700.HK", "2024-03-04", 300.0)]


def workbook(path, **sheets):
    with pd.ExcelWriter(path) as book:
        for name, frame in sheets.items():
            frame.to_excel(book, sheet_name=name, index=False)


def test_sheets_that_are_alike_are_taken_by_their_names(guessed, files):
    bars = pd.DataFrame({"Date": ["2024-03-04"], "Close": [10.0]})
    workbook(files() / "all.xlsx", **{"0700.HK": bars, "SPY": bars.assign(Close=20.0)})
    said, tables = guessed()
    assert 'sheet: "*"' in said
    assert tables["instruments"]["symbol"].tolist() == ["0700.HK", "SPY"]
    assert rows(tables)[1] == ("SPY", "2024-03-04", 20.0)


def test_the_first_of_sheets_that_differ_is_taken_and_told(guessed, files):
    bars = pd.DataFrame({"Date": ["2024-03-04"], "Close": [10.0]})
    workbook(files() / "A.xlsx", bars=bars, notes=pd.DataFrame({"text": ["x"]}))
    said, tables = guessed()
    assert 'sheet: "bars"   # the first of several' in said
    assert rows(tables) == [("A", "2024-03-04", 10.0)]


def test_a_date_that_does_not_exist_is_shown_rather_than_the_first(files):
    said = guess_mapping([files(A__csv="date,close\n2024-03-04,1\n2024-13-45,2\n")], name="g")
    assert "must be an ISO date, got '2024-13-45'" in said


FIELDS, TICKERS = "Price,Close,Close,Volume,Volume", "Ticker,0700.HK,SPY,0700.HK,SPY"


@pytest.mark.parametrize("heading", [[FIELDS, TICKERS], [TICKERS, FIELDS]])
def test_tickers_below_the_fields_of_a_heading(guessed, heading):
    text = "\n".join([*heading, "Date,,,,", "2024-03-04,300,500,7,8", "2024-03-05,301,,9,", ""])
    said, tables = guessed(a__csv=text)
    assert "symbol: Ticker" in said
    assert rows(tables) == [
        ("0700.HK", "2024-03-04", 300.0),
        ("0700.HK", "2024-03-05", 301.0),
        ("SPY", "2024-03-04", 500.0),
    ]


def test_german_text_of_an_old_windows_is_not_taken_for_chinese(guessed):
    text = (
        "Datum;Eröffnung;Hoch;Tief;Schlusskurs;Volumen (Stück)\n"
        "02.01.2019;401,18;1.403,21;399,57;401,61;824.720\n"
    )
    said, tables = guessed(SAP__DE__csv=text.encode("cp1252"))
    assert "encoding: cp1252" in said
    assert "not taken" not in said
    assert "Volumen (Stück): where that is not one" in said
    bar = tables["bars"].iloc[0]
    assert (bar["open"], bar["high"], bar["volume"]) == (401.18, 1403.21, 824_720.0)


def test_where_shares_and_money_stand_side_by_side_the_volume_is_of_shares(guessed):
    text = "Datum;Erster;Hoch;Tief;Schlusskurs;Stuecke;Volumen\n2024-03-04;1,5;2,5;1,2;2,4;7;16\n"
    _, tables = guessed(SAP__DE__csv=text)
    assert tables["bars"]["volume"].tolist() == [7.0]

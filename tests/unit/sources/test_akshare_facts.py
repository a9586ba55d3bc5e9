"""Facts by symbol in the shapes that akshare's functions return, good and bad."""

from datetime import date

import pandas as pd
import pytest

from backtest.sources.akshare import AkShare
from backtest.sources.protocol import SourceError, Unavailable

START = date(2020, 1, 1)


def ratios(*values):
    """As ``stock_hk_valuation_baidu``: dates are ``datetime.date``."""
    days = [date(2024, 3, 7), date(2024, 3, 8), date(2024, 3, 11)]  # Thursday, Friday, Monday
    return pd.DataFrame({"date": days, "value": values})


def years(**columns):
    """As ``stock_financial_hk_analysis_indicator_em``, the latest first."""
    found = {
        "SECUCODE": "00001.HK",
        "REPORT_DATE": ["2023-12-31 00:00:00", "2022-06-30 00:00:00"],
        "DATE_TYPE_CODE": "001",
        "OPERATE_INCOME": [2_000_000, 1_000_000],
        "HOLDER_PROFIT": [-500_000, 100_000],
        "ROE_AVG": [12.5, None],
        "ROA": 5.0,
        "GROSS_PROFIT_RATIO": 40.0,
        "NET_PROFIT_RATIO": 10.0,
        "DEBT_ASSET_RATIO": 45.0,
        "CURRENCY": "人民币",
    }
    return pd.DataFrame({**found, **columns})


def holdings(**columns):
    """As ``stock_hsgt_individual_em`` of a share of Hong Kong."""
    found = {
        "持股日期": [date(2024, 3, 7), date(2024, 3, 8)],
        "当日收盘价": [10.0, 11.0],
        "当日涨跌幅": [0.0, 10.0],
        "持股数量": [1_000.0, 3_000.0],
        "持股市值": [10_000.0, 33_000.0],
        "持股数量占A股百分比": [0.1, 0.3],
    }
    return pd.DataFrame({**found, **columns})


def members(**columns):
    """As ``index_stock_cons_weight_csindex``: weights in percent."""
    found = {
        "日期": date(2024, 2, 29),
        "指数代码": "930000",
        "成分券代码": ["600519", "000001", "000700"],
        "成分券名称": ["贵州茅台", "平安银行", "腾讯控股"],
        "交易所": ["上海证券交易所", "深圳证券交易所", "香港联合交易所"],
        "权重": [50.0, 30.0, 20.0],
    }
    return pd.DataFrame({**found, **columns})


def about(**columns):
    """As ``stock_hk_security_profile_em``."""
    found = {
        "证券代码": "00001.HK",
        "证券简称": "长和",
        "上市日期": "1972-11-01 00:00:00",
        "发行价": 7.5,
        "每手股数": 500,
    }
    return pd.DataFrame([{**found, **columns}])


class Client:
    """One answer for every question; which questions were asked."""

    def __init__(self, answer):
        self.answer, self.asked = answer, []

    def _said(self, **question):
        self.asked.append(question)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    stock_hk_valuation_baidu = _said
    stock_financial_hk_analysis_indicator_em = _said
    stock_hsgt_individual_em = _said
    index_stock_cons_weight_csindex = _said
    stock_hk_security_profile_em = _said


def facts(symbol, answer, start=START):
    return AkShare(Client(answer)).fetch(symbol, start).tables["facts"]


def values(table, field):
    return table.loc[table["field"] == field, "value"].tolist()


def test_ratios_of_a_day_are_known_on_the_morning_of_the_next_weekday():
    client = Client(ratios(20.0, -5.0, None))
    table = AkShare(client).fetch("valuation:0001.HK", START).tables["facts"]
    assert [question["indicator"] for question in client.asked] == [
        "市盈率(TTM)", "市盈率(静)", "市净率", "市现率",
    ]  # fmt: skip
    assert {question["symbol"] for question in client.asked} == {"00001"}
    assert set(table["field"]) == {"pe_ttm", "pe_static", "pb", "pcf"}
    assert set(table["symbol"]) == {"0001.HK"}
    pb = table[table["field"] == "pb"]
    assert pb["value"].tolist() == [20.0, -5.0]
    # 09:00 in Hong Kong is 01:00 UTC; after Friday the 8th comes Monday the 11th
    assert pb["known_at"].tolist() == [
        pd.Timestamp("2024-03-08T01:00Z"),
        pd.Timestamp("2024-03-11T01:00Z"),
    ]


def test_a_years_figures_are_known_when_the_report_is_due_and_say_their_currency():
    table = facts("annual:0001.HK", years())
    assert values(table, "annual_net_profit_cny") == [-500_000.0, 100_000.0]
    assert values(table, "annual_roe") == [0.125]
    assert values(table, "annual_debt_to_assets") == [0.45, 0.45]
    known = dict(zip(table["period"], table["known_at"], strict=True))
    # four months after the end of December is the end of April: known from 1 May, 00:00 local
    assert known[pd.Timestamp("2023-12-31")] == pd.Timestamp("2024-04-30T16:00Z")
    assert known[pd.Timestamp("2022-06-30")] == pd.Timestamp("2022-10-31T16:00Z")


def test_half_years_do_not_stand_among_years():
    table = facts("annual:0001.HK", years(DATE_TYPE_CODE=["001", "002"]))
    assert values(table, "annual_revenue_cny") == [2_000_000.0]


def test_holdings_are_in_shares_and_never_known_on_their_day():
    table = facts("southbound:0001.HK", holdings())
    assert values(table, "southbound_shares") == [1_000.0, 3_000.0]
    assert values(table, "southbound_value") == [10_000.0, 33_000.0]
    assert (table["known_at"].dt.tz_localize(None) > table["period"] + pd.Timedelta(hours=24)).all()


def test_weights_are_fractions_of_an_index_and_symbols_have_their_exchange():
    table = facts("weights:930000", members())
    assert table["symbol"].tolist() == ["600519.SS", "000001.SZ", "0700.HK"]
    assert table["value"].tolist() == [0.5, 0.3, 0.2]
    assert set(table["field"]) == {"weight_in_930000"}
    assert set(table["known_at"]) == {pd.Timestamp("2024-03-06T16:00Z")}  # 7 March, local


def test_a_profile_has_board_lot_listing_and_offer_price():
    answer = AkShare(Client(about())).fetch("profile:0001.HK", START)
    row = answer.tables["instruments"].iloc[0]
    assert (row["name"], row["lot_size"], row["offer_price"]) == ("长和", 500.0, 7.5)
    assert row["listed"] == pd.Timestamp("1972-11-01")
    assert (row["exchange"], row["currency"]) == ("XHKG", "HKD")


def test_an_introduction_has_no_offer_price():
    answer = AkShare(Client(about(发行价=0.0))).fetch("profile:0001.HK", START)
    assert answer.tables["instruments"]["offer_price"].isna().all()


PAGE = IndexError("list index out of range")  # akshare read a page that is no data
OFFSET = [f"2024-03-0{day}T20:00:00-05:00" for day in (7, 8)]
BAD = {
    "empty ratios": ("valuation", ratios(1, 2, 3).iloc[:0], "the answer is empty"),
    "renamed ratios": (
        "valuation", ratios(1, 2, 3).rename(columns={"value": "v"}), "no column value",
    ),
    "ratios twice": (
        "valuation",
        pd.concat([ratios(1, 2, 3), ratios(1, 2, 4)]),
        "two rows of 2024-03-11 that disagree",
    ),
    "ratios of nobody": ("valuation", ratios(None, None, None), "no value from 2020"),
    "a web page": ("valuation", PAGE, "cannot be read: list index"),
    "no years": ("annual", years().iloc[:0], "the answer is empty"),
    "only half years": ("annual", years(DATE_TYPE_CODE="002"), "no annual figures"),
    "renamed years": ("annual", years().drop(columns="HOLDER_PROFIT"), "no column HOLDER_PROFIT"),
    "money of nowhere": ("annual", years(CURRENCY="nan"), "has money in nan; known are"),
    "words for money": ("annual", years(OPERATE_INCOME="lots"), "must be a number, got 'lots'"),
    "nothing behind result": (
        "annual", TypeError("'NoneType' object is not subscriptable"), "cannot be read: 'NoneType'",
    ),
    "another zone": ("southbound", holdings(持股日期=OFFSET), "has times with an offset"),
    "renamed holdings": (
        "southbound", holdings().rename(columns={"持股数量": "持股"}), "no column 持股数量",
    ),
    "old holdings": ("southbound", holdings(持股日期=date(2019, 1, 2)), "no value from 2020"),
    "half a list": ("weights", members().iloc[:2], "add up to 80.0%: it is a part"),
    "a list of two days": (
        "weights", members(日期=[date(2024, 2, 29)] * 2 + [date(2024, 3, 1)]), "not of one day",
    ),
    "an exchange of nowhere": ("weights", members(交易所="火星交易所"), "not known"),
    "two shares at once": ("profile", pd.concat([about(), about()]), "has 2 rows instead of one"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_answer_is_refused_with_its_reason(name):
    word, answer, message = BAD[name]
    of = "930000" if word == "weights" else "0001.HK"
    with pytest.raises(SourceError, match=message):
        AkShare(Client(answer)).fetch(f"{word}:{of}", START)


def test_the_same_row_twice_counts_once():
    table = facts("southbound:0001.HK", pd.concat([holdings(), holdings()]))
    assert values(table, "southbound_shares") == [1_000.0, 3_000.0]


def test_a_refusal_of_akshares_own_kind_is_worth_another_try():
    errors = pytest.importorskip("akshare.exceptions")
    with pytest.raises(SourceError, match="cannot be read: too many requests") as told:
        AkShare(Client(errors.RateLimitError("too many requests"))).fetch(
            "valuation:0001.HK", START
        )
    assert told.value.retry


def test_a_dead_network_is_no_fault_of_the_symbol():
    with pytest.raises(Unavailable, match="cannot be reached: no route"):
        AkShare(Client(ConnectionError("no route"))).fetch("annual:0001.HK", START)


@pytest.mark.parametrize(
    ("symbol", "message"),
    [
        ("valuation:600519.SS", "must be a share of Hong Kong, as valuation:0700.HK"),
        ("weights:^HSI.HK", "must be an index of CSI"),
        ("members:000300", "begins with members:, which is none of valuation, annual"),
    ],
)
def test_what_cannot_be_asked_for_is_told(symbol, message):
    with pytest.raises(SourceError, match=message):
        AkShare(Client(None)).fetch(symbol, START)

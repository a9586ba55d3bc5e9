"""Answers in akshare's shapes, good and bad; none comes from the network."""

from datetime import date

import pandas as pd
import pytest

from backtest.sources.akshare import AkShare
from backtest.sources.protocol import SourceError, Unavailable

START = date(2020, 1, 1)


def daily(**columns):
    """As ``stock_hk_daily(adjust="")``: dates are ``datetime.date``."""
    days = [date(2024, 3, 4), date(2024, 3, 5), date(2024, 3, 6)]
    prices = {name: [100.0, 98.0, 49.5] for name in ("open", "high", "low", "close")}
    return pd.DataFrame({"date": days, **prices, "volume": 1e3, "amount": 1e5, **columns})


def factors(*rows):
    """As ``adjust="hfq-factor"``: text, the latest first."""
    return pd.DataFrame(rows, columns=["date", "hfq_factor", "cash"])


# 2 paid on 5 March; then two for one and 0.25 on each new share: 49.5 * 2 + 2.5 = 98 + 2 - ...
FACTORS = factors(
    (date(2024, 3, 6), "2", "2.5"), (date(2024, 3, 5), "1", "2"), (date(1900, 1, 1), "1", "0")
)


class Client:
    def __init__(self, bars=None, cash=FACTORS, flows=None, paid=None):
        self.bars, self.cash, self.flows, self.paid = bars, cash, flows, paid

    def stock_hk_daily(self, symbol, adjust):
        assert symbol == "00001"
        return _raised(self.cash if adjust == "hfq-factor" else self.bars)

    def stock_zh_a_daily(self, symbol, adjust):
        assert symbol in ("sh600519", "sz000001")
        return _raised(self.bars)

    def stock_dividend_cninfo(self, symbol):
        return _raised(self.paid)

    def stock_hsgt_hist_em(self, symbol):
        assert symbol == "南向资金"
        return _raised(self.flows)


def _raised(answer):
    if isinstance(answer, Exception):
        raise answer
    return answer


def actions(answer):
    rows = answer.tables["actions"].itertuples()
    return sorted((f"{row.ex_session:%m-%d}", row.kind, row.value) for row in rows)


def test_bars_are_as_traded_and_factors_become_actions():
    answer = AkShare(Client(daily())).fetch("0001.HK", START)
    assert answer.tables["bars"]["close"].tolist() == [100.0, 98.0, 49.5]
    assert actions(answer) == [
        ("03-05", "dividend", 2.0),
        ("03-06", "dividend", 0.25),
        ("03-06", "split", 2.0),
    ]


def test_distributions_of_the_mainland_are_per_ten_old_shares():
    # 10 for 10 from reserves and 5 for 10 as bonus, and 25 yuan on ten old shares
    paid = pd.DataFrame(
        {
            "除权日": [date(2024, 3, 5), None],
            "送股比例": [5.0, None],
            "转增比例": [10.0, None],
            "派息比例": [25.0, 3.0],
        }
    )
    answer = AkShare(Client(daily(), paid=paid)).fetch("600519.SS", START)
    assert actions(answer) == [("03-05", "dividend", 1.0), ("03-05", "split", 2.5)]
    assert answer.tables["instruments"]["exchange"].tolist() == ["XSHG"]


def test_flows_are_in_dollars_and_known_at_the_evening():
    flows = pd.DataFrame(
        {
            "日期": [date(2024, 3, 4), date(2024, 3, 5)],
            "当日成交净买额": [21.3208, None],
            "买入成交额": [22.3811, None],
            "卖出成交额": [1.0603, None],
        }
    )
    facts = AkShare(Client(flows=flows)).fetch("southbound", START).tables["facts"]
    net = facts[facts["field"] == "southbound_net_buy"].iloc[0]
    assert len(facts) == 3
    assert net["value"] == pytest.approx(2_132_080_000.0, rel=1e-15)
    assert net["known_at"] == pd.Timestamp("2024-03-04T10:00Z")


BAD = {
    "empty": (daily().iloc[:0], "the answer is empty"),
    "renamed": (daily().rename(columns={"close": "收盘"}), "no column close; it has date, open"),
    "words": (daily(close=["a", "b", "c"]), "must be a number, got 'a'"),
    "duplicated": (
        pd.concat([daily(), daily(close=[1.0, 2.0, 3.0])]),
        "two rows of 2024-03-04 that disagree",
    ),
    "a web page": (IndexError("list index out of range"), "cannot be read: list index"),
    "old": (daily(date=[date(2019, 3, 4), date(2019, 3, 5), date(2019, 3, 6)]), "no bar from 2020"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_answer_is_refused_with_its_reason(name):
    answer, message = BAD[name]
    with pytest.raises(SourceError, match=message):
        AkShare(Client(answer)).fetch("0001.HK", START)


def test_a_dead_network_is_no_fault_of_the_symbol():
    with pytest.raises(Unavailable, match="cannot be reached: no route"):
        AkShare(Client(ConnectionError("no route"))).fetch("0001.HK", START)


def test_what_is_no_symbol_of_these_markets_is_told():
    with pytest.raises(SourceError, match=r"must end with \.HK, \.SS or \.SZ"):
        AkShare(Client()).fetch("SPY", START)


def test_a_page_that_the_script_cannot_unpack_is_a_bad_answer():
    errors = pytest.importorskip("py_mini_racer.py_mini_racer")
    broken = errors.JSEvalException("ReferenceError: d is not defined")
    with pytest.raises(SourceError, match="cannot be read: ReferenceError"):
        AkShare(Client(broken)).fetch("0001.HK", START)

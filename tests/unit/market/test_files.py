from datetime import date

import pytest

from backtest.errors import MarketError
from backtest.market.files import list_markets, load_market, resolve_markets
from backtest.market.settings import Brokerage, MarketChoice

GOOD = """\
description: a market
exchanges: [XTKS]
fees:
  - name: duty
    dated:
      - {from: 2000-01-01, rate: 0.1%, status: verified, source: a}
"""


def written(folder, text, name="mine.yaml"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def faults_of(folder, text):
    with pytest.raises(MarketError) as caught:
        load_market(written(folder, text))
    return str(caught.value).replace(str(folder) + "/", "")


def test_five_markets_ship():
    assert list(list_markets()) == ["cn", "crypto", "frictionless", "hk", "us"]


def test_a_market_is_named_by_its_file(tmp_path):
    market = load_market("mine.yaml", root=written(tmp_path, GOOD).parent)
    assert market.name == "mine"
    assert len(market.sha256) == 64
    assert market.fees[0].dated[0].since == date(2000, 1, 1)
    assert market.fees[0].dated[0].rate == 0.001


def test_hong_kong_closes_are_known_after_the_closing_auction():
    assert load_market("hk").close_known_after == 10
    assert load_market("us").close_known_after == 0


def test_an_unknown_name_offers_the_nearest():
    with pytest.raises(MarketError, match="no market is called 'hkk'; did you mean 'hk'"):
        load_market("hkk")


def test_a_missing_file_is_said_to_be_missing(tmp_path):
    with pytest.raises(MarketError, match=r"none\.yaml: no such market file"):
        load_market("none.yaml", root=tmp_path)


def test_all_faults_come_at_once_with_their_lines(tmp_path):
    text = """\
description: a market
exchange: [XTKS]
fees:
  - name: Duty
    dated:
      - {from: 2000-01-01, rat: 0.1%, status: verified, source: a}
      - {from: 2001-01-01, rate: much, status: sure}
"""
    assert faults_of(tmp_path, text) == (
        "mine.yaml: 6 faults\n"
        "  mine.yaml:2:1  exchange  unknown; did you mean 'exchanges'?\n"
        "  mine.yaml:4:5  fees[0].name  string should match pattern '^[a-z][a-z0-9_]*$', "
        "got 'Duty'\n"
        "  mine.yaml:6:28  fees[0].dated[0].rat  unknown; did you mean 'rate'?\n"
        "  mine.yaml:7:9  fees[0].dated[1].source  is required\n"
        "  mine.yaml:7:28  fees[0].dated[1].rate  expected a fraction such as 0.0025, '0.25%' "
        "or '25bps'\n"
        "  mine.yaml:7:40  fees[0].dated[1].status  must be 'verified', 'computed' or "
        "'unverified', got 'sure'"
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("rate: 0.1%", "rate: true", "7:  fees"),
        ("rate: 0.1%", "rate: true", "must not be true or false, got true"),
        ("rate: 0.1%", "rate: -1", "must be greater than or equal to 0, got -1"),
        ("rate: 0.1%", "rate: 1, rate: 2", "stands twice; it is in line 6 already"),
        ("rate: 0.1%", "min: 3, max: 2", "max 2 is below min 3"),
        ("rate: 0.1%", "rate: 0.1%, round: up", "'round' and 'unit' go together"),
        ("2000-01-01", "2015-02-30", "must be a valid date"),
        ("name: duty", "name: brokerage", "a fee may not be called 'brokerage'"),
        ("description: a market", "description: [", "is not YAML"),
    ],
)
def test_a_faulty_file_says_what_is_wrong(tmp_path, old, new, message):
    if message.startswith("7:"):
        message = "mine.yaml:6:34  fees[0].dated[0].rate"
    assert message in faults_of(tmp_path, GOOD.replace(old, new))


def test_entries_must_ascend(tmp_path):
    again = "      - {from: 1999-01-01, rate: 0.2%, status: verified, source: a}\n"
    message = "entries must ascend by 'from': 1999-01-01 stands after 2000-01-01"
    assert message in faults_of(tmp_path, GOOD + again)


@pytest.mark.parametrize(
    ("bands", "message"),
    [
        ("[{above: 1, size: 1}]", "the first band must begin above 0, got 1"),
        ("[{above: 0, size: 1}, {above: 0, size: 2}]", "bands must ascend: 0 stands after 0"),
        ("[{above: 0, size: 2}, {above: 1, size: 1}]", "ticks must not fall: 1 stands after 2"),
    ],
)
def test_bands_ascend_from_zero(tmp_path, bands, message):
    head = "ticks:\n  - dated:\n      - {from: 2000-01-01, status: verified, source: a, bands: "
    assert message in faults_of(tmp_path, GOOD + head + bands + "}\n")


def test_boards_must_be_declared(tmp_path):
    limit = (
        "price_limits:\n  - boards: [star]\n    dated:\n"
        "      - {from: 2000-01-01, limit: 10%, unit: 0.01, status: verified, source: a}\n"
    )
    assert "board 'star' is not among boards.names" in faults_of(tmp_path, GOOD + limit)


def test_an_empty_file_is_no_market(tmp_path):
    assert "must be a map of rules" in faults_of(tmp_path, "")


def test_auto_takes_each_exchanges_own_file():
    resolved = resolve_markets("auto", ["XHKG", "XNYS", "24/7", "XSHG"])
    names = {exchange: market.name for exchange, (market, _) in resolved.items()}
    assert names == {"24/7": "crypto", "XHKG": "hk", "XNYS": "us", "XSHG": "cn"}


def test_auto_without_a_file_names_those_known_and_a_way_out():
    with pytest.raises(MarketError) as caught:
        resolve_markets("auto", ["XHKG", "XLON"])
    assert "no market file serves the exchange 'XLON'" in str(caught.value)
    assert "hk (XHKG, HKEX)" in str(caught.value)
    assert "{XLON: frictionless}" in str(caught.value)


def test_one_name_serves_every_exchange():
    resolved = resolve_markets("frictionless", ["XHKG", "XLON"])
    assert {market.name for market, _ in resolved.values()} == {"frictionless"}


def test_a_map_names_some_exchanges_and_leaves_the_others_their_own(tmp_path):
    written(tmp_path, GOOD)
    broker = Brokerage(rate=0.001)
    settings = {"XTKS": "mine.yaml", "XNYS": MarketChoice(brokerage=broker)}
    resolved = resolve_markets(settings, ["XHKG", "XNYS", "XTKS"], root=tmp_path)
    assert [(name, market.name, fee) for name, (market, fee) in resolved.items()] == [
        ("XHKG", "hk", None),
        ("XNYS", "us", broker),
        ("XTKS", "mine", None),
    ]


def test_a_misspelt_exchange_in_a_map_is_an_error():
    with pytest.raises(MarketError, match="no exchange 'XHGK'; did you mean 'XHKG'"):
        resolve_markets({"XHGK": "hk"}, ["XHKG"])


def test_an_exchange_of_a_map_may_be_absent_from_the_data():
    assert list(resolve_markets({"XNYS": "us"}, ["XHKG"])) == ["XHKG"]

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from backtest.market.settings import Brokerage, MarketChoice, MarketSettings


class Config(BaseModel):
    market: MarketSettings = "auto"


def test_a_name_stays_a_name():
    assert Config().market == "auto"
    assert Config(market="us").market == "us"


def test_a_choice_reads_units():
    market = Config.model_validate(
        {"market": {"use": "hk", "brokerage": {"rate": "0.03%", "min": 3}}}
    ).market
    assert market == MarketChoice(use="hk", brokerage=Brokerage(rate=0.0003, min=3.0))


def test_brokerage_alone_goes_on_top_of_each_exchanges_own_rules():
    market = Config.model_validate({"market": {"brokerage": {"fixed": 15}}}).market
    assert market == MarketChoice(use="auto", brokerage=Brokerage(fixed=15.0))


def test_a_map_names_markets_by_exchange():
    written = {"XHKG": {"use": "hk", "brokerage": {"rate": 0.001}}, "24/7": "crypto"}
    market = Config.model_validate({"market": written}).market
    choice = MarketChoice(use="hk", brokerage=Brokerage(rate=0.001))
    assert market == {"XHKG": choice, "24/7": "crypto"}


@pytest.mark.parametrize(
    "written",
    [
        "us",
        {"use": "hk", "brokerage": {"rate": "0.03%", "min": 3, "max": 100}},
        {"XHKG": {"use": "hk"}, "24/7": "crypto"},
    ],
)
def test_settings_survive_a_round_trip(written):
    once = Config.model_validate({"market": written})
    assert Config.model_validate(once.model_dump(mode="json")) == once


@pytest.mark.parametrize(
    ("written", "place", "message"),
    [
        (1, ("market",), "must be a market's name"),
        ("", ("market",), "got an empty text"),
        ({}, ("market",), "must name at least one exchange"),
        ({"use": "hk", "brokerag": {}}, ("market", "brokerag"), "not permitted"),
        ({"use": "hk", "brokerage": {"rate": -1}}, ("market", "brokerage", "rate"), "greater"),
        ({"brokerage": {"min": 2, "max": 1}}, ("market", "brokerage"), "max 1 is below min 2"),
        ({"XHKG": {"use": 3}}, ("market", "XHKG", "use"), "valid string"),
    ],
)
def test_faults_stand_where_they_were_written(written, place, message):
    with pytest.raises(ValidationError) as caught:
        Config.model_validate({"market": written})
    [fault] = caught.value.errors()
    assert fault["loc"] == place
    assert message in fault["msg"]


def test_the_json_schema_offers_a_text_and_maps():
    kinds = TypeAdapter(MarketSettings).json_schema()["anyOf"]
    assert kinds[0] == {"type": "string"}
    assert len(kinds) == 3

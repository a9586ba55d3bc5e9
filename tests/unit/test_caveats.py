"""What a run says about itself before its numbers."""

from __future__ import annotations

import pandas as pd
import pytest

from backtest import Result, run
from backtest.config import RunConfig

DAYS = pd.to_datetime(["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05"])


@pytest.fixture
def result(tmp_path):
    """A run over one Hong Kong and one New York name at a price of 10, four sessions."""

    def made(*, checks=None, volume=None, kinds=("stock", "stock"), fx=True, **sections) -> Result:
        bars = pd.DataFrame(
            {
                "symbol": ["AAA"] * 4 + ["BBB"] * 4,
                "session": [*DAYS, *DAYS],
                "close": 10.0,
                "volume": [1e6] * 8 if volume is None else volume,
            }
        )
        instruments = pd.DataFrame(
            {
                "symbol": ["AAA", "BBB"],
                "exchange": ["XHKG", "XNYS"],
                "currency": ["HKD", "USD"],
                "kind": list(kinds),
            }
        )
        prices = dict.fromkeys(("open", "high", "low"), bars["close"])
        bars.assign(**prices).to_csv(tmp_path / "bars.csv", index=False)
        instruments.to_csv(tmp_path / "instruments.csv", index=False)
        if fx:
            days = pd.date_range("2023-12-28", "2024-01-05")
            rates = pd.DataFrame({"base": "USD", "quote": "HKD", "date": days, "rate": 7.8})
            rates.to_csv(tmp_path / "fx.csv", index=False)
        (tmp_path / "bundle.yaml").write_text(
            "name: two\nprices: raw\ncaveats: [Nobody knows when earnings came out.]\n"
        )
        settings = {
            "name": "a",
            "data": {"bundle": str(tmp_path), "checks": checks or {}},
            "strategy": {"name": "equal_weight"},
            **sections,
        }
        return run(RunConfig.model_validate(settings))

    return made


@pytest.fixture
def told(result):
    """The warnings of such a run that contain some words."""

    def chosen(words: str, **parts) -> list[str]:
        return [text for text in result(**parts).manifest["warnings"] if words in text]

    return chosen


def test_what_the_source_could_not_know_is_told_with_every_run(told):
    assert told("Nobody knows") == ["Nobody knows when earnings came out."]


class TestRules:
    def test_a_market_that_the_universe_never_holds_is_not_spoken_of(self, told):
        assert told("see docs/markets.md", universe={"exchange": "XHKG"}) == [
            "hk: 1 rule is unverified: ticks for stock above 500; see docs/markets.md"
        ]

    def test_every_market_that_it_may_hold_has_one_line(self, told):
        assert [text.split(":")[0] for text in told("see docs/markets.md")] == ["hk", "us"]

    def test_a_kind_that_it_never_holds_is_not_spoken_of(self, told):
        assert told("us:", kinds=("stock", "etf"), universe={"kind": "stock"}) == []

    def test_the_manifest_keeps_every_sentence_with_its_source_by_exchange(self, result):
        rules = result().manifest["rules"]
        assert rules["XHKG"]["market"] == "hk"
        assert rules["XHKG"]["warnings"] == ["hk: ticks for stock above 500: unverified"]
        assert any("(general knowledge" in text for text in rules["XNYS"]["warnings"])


class TestVolume:
    def test_fills_on_unknown_volume_are_counted_and_named(self, told):
        (text,) = told("did not cap", volume=[None] * 4 + [1e6] * 4)
        assert text.startswith("2 fills of AAA on unknown volume")

    def test_a_session_without_any_volume_of_its_exchange_is_unknown_volume(self, told):
        (text,) = told("did not cap", volume=[1e6, 0.0, 1e6, 1e6] + [1e6] * 4)
        assert text.startswith("1 fill of AAA on unknown volume")

    def test_known_volume_is_nothing_to_say(self, told):
        assert told("did not cap") == []


class TestMissingFx:
    @pytest.mark.parametrize("action", ["warn", "drop"])
    def test_what_has_no_rate_is_told_of(self, told, action):
        (text,) = told("no exchange rate", fx=False, checks={"missing_fx": action})
        assert "USD/HKD" in text
        assert ("the instruments are dropped" in text) == (action == "drop")

    def test_drop_leaves_out_the_instruments_of_that_currency(self, result):
        made = result(fx=False, checks={"missing_fx": "drop"})
        assert set(made.orders["symbol"]) == {"AAA"}
        assert made.manifest["bundle"]["instruments"] == 1


def test_a_run_that_fills_nothing_says_so(told):
    assert told("No order", universe={"min_history": 100}) == ["No order was filled."]


def test_an_index_as_benchmark_leaves_dividends_out(told):
    assert told("price index", kinds=("index", "stock"), benchmark="AAA") == [
        "The benchmark AAA is a price index: it leaves dividends out."
    ]

"""A configuration in sentences, and what it assumes too well."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from backtest.config import RunConfig, load_config
from backtest.data.bundle import Bundle
from backtest.explain import DataFacts, data_facts, explain, optimistic_assumptions

SOBER = DataFacts(
    adjusted=False, simulated=False, rates=True, foreign=True, dividends=False, survivors=False
)


def config(**sections: object) -> RunConfig:
    return RunConfig.model_validate(
        {
            "name": "a",
            "data": {"bundle": "sample"},
            "strategy": {"name": "equal_weight"},
            **sections,
        }
    )


CAREFUL: dict[str, object] = {
    "market": {"use": "hk", "brokerage": {"rate": "3bp", "min": 50}},
    "execution": {"slippage": {"bps": 5, "impact": 1}, "fx_cost_bps": 10},
    "portfolio": {"delisting_recovery": 0, "withholding": "10%", "rate_spread": "1%"},
    "tearsheet": {"risk_free": "rates"},
}


def test_a_careful_run_on_sober_data_assumes_only_that_sales_pay_for_buys():
    said = optimistic_assumptions(config(**CAREFUL), SOBER)
    assert len(said) == 1
    assert said[0].startswith("Sales pay for the buys of the same auction")
    patient = {**CAREFUL["portfolio"], "spend_unsettled": False}
    assert optimistic_assumptions(config(**CAREFUL | {"portfolio": patient}), SOBER) == []


@pytest.mark.parametrize(
    ("section", "settings", "words"),
    [
        ("execution", {"fx_cost_bps": 10}, "No slippage"),
        ("execution", {"fx_cost_bps": 10, "slippage": {"bps": 5}}, "No market impact"),
        ("execution", {"slippage": {"impact": 1}}, "converted at no cost"),
        ("execution", {**CAREFUL["execution"], "sizing": "fill"}, "before anyone can know them"),
        ("execution", {**CAREFUL["execution"], "max_participation": 1}, "whole volume of a bar"),
        ("execution", {**CAREFUL["execution"], "ipo_entry": "offer"}, "instead of a ballot"),
        ("market", "auto", "No brokerage"),
        ("market", "frictionless", "No fees at all"),
        ("market", {"XHKG": CAREFUL["market"], "XNYS": "us"}, "Some markets are without brokerage"),
        ("portfolio", {**CAREFUL["portfolio"], "delisting_recovery": 1}, "its whole last close"),
        ("portfolio", {**CAREFUL["portfolio"], "withholding": {"XHKG": 0}}, "bear no tax"),
        ("portfolio", {**CAREFUL["portfolio"], "fx_hedge": 1}, "rate differential and no more"),
        ("portfolio", {**CAREFUL["portfolio"], "rate_spread": 0}, "Cash earns the whole HKD rate"),
        ("portfolio", {**CAREFUL["portfolio"], "short": True, "borrow": "1%"}, "can be borrowed"),
        ("data", {"bundle": "sample", "checks": {"spike": "drop"}}, "that see later ones: spike"),
        ("tearsheet", {"risk_free": 0}, "What idle cash earns counts as skill"),
    ],
)
def test_one_setting_left_optimistic_is_one_more_sentence(section, settings, words):
    said = optimistic_assumptions(config(**CAREFUL | {section: settings}), SOBER)
    assert len(said) == 2
    assert any(words in sentence for sentence in said)


def test_free_shorts_are_told_beside_shorts():
    account = {**CAREFUL["portfolio"], "short": True}
    said = optimistic_assumptions(config(**CAREFUL | {"portfolio": account}), SOBER)
    assert any("Borrowed shares cost nothing" in sentence for sentence in said)
    rated = replace(SOBER, borrow_rates=True)
    said = optimistic_assumptions(config(**CAREFUL | {"portfolio": account}), rated)
    assert not any("Borrowed shares cost nothing" in sentence for sentence in said)


def test_shorts_without_a_list_and_in_hong_kong_have_a_sentence_each():
    facts = replace(
        SOBER,
        exchanges=frozenset({"XHKG", "XNYS"}),
        without_short_list=frozenset({"XNYS"}),
        borrow_rates=True,
    )
    account = {**CAREFUL["portfolio"], "short": True}
    said = optimistic_assumptions(config(**CAREFUL | {"portfolio": account}), facts)
    assert "Every share of XNYS may be sold short: no fact 'shortable' says which." in said
    assert any("tick rule is off" in sentence for sentence in said)
    strict = {**account, "short_tick_rule": True}
    said = optimistic_assumptions(config(**CAREFUL | {"portfolio": strict}), facts)
    assert not any("tick rule" in sentence for sentence in said)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("rates", False, "cash earns nothing, and debt is free"),
        ("adjusted", True, "Prices are adjusted"),
        ("dividends", True, "credited on the ex-date"),
        ("survivors", True, "Survivors only"),
    ],
)
def test_one_fact_of_the_data_is_one_more_sentence(field, value, words):
    facts = DataFacts(
        **{name: getattr(SOBER, name) for name in DataFacts.__slots__} | {field: value}
    )
    said = optimistic_assumptions(config(**CAREFUL), facts)
    assert len(said) == 2
    assert any(words in sentence for sentence in said)


def test_conversion_at_no_cost_is_no_matter_without_anything_foreign():
    settings = CAREFUL | {"execution": {"slippage": {"impact": 1}}}
    home = DataFacts(
        adjusted=False, simulated=False, rates=True, foreign=False, dividends=False, survivors=False
    )
    assert len(optimistic_assumptions(config(**settings), home)) == 1


def test_the_defaults_are_told_in_full():
    assert len(optimistic_assumptions(config())) == 6


def test_the_facts_of_a_bundle_are_those_of_its_universe():
    days = pd.to_datetime(["2024-01-02", "2024-01-03"])
    bundle = Bundle.from_frames(
        name="two",
        instruments=pd.DataFrame(
            {
                "symbol": ["AAA", "BBB"],
                "exchange": ["XHKG", "XNYS"],
                "currency": ["HKD", "USD"],
                "kind": ["stock", "stock"],
                "delisted": [pd.NaT, pd.Timestamp("2024-01-03")],
            }
        ),
        bars=pd.DataFrame(
            {"symbol": ["AAA", "AAA", "BBB", "BBB"], "session": [*days, *days], "close": 10.0}
        ),
        fx=pd.DataFrame(
            {"base": ["USD"] * 2, "quote": ["HKD"] * 2, "date": days, "rate": [7.8, 7.8]}
        ),
    )
    both = data_facts(bundle, config())
    home = data_facts(bundle, config(universe={"exchange": "XHKG"}))
    assert (both.foreign, both.survivors, both.rates) == (True, False, False)
    assert (home.foreign, home.survivors) == (False, True)
    assert (home.exchanges, home.without_short_list) == ({"XHKG"}, {"XHKG"})


def test_every_part_of_a_run_has_its_sentence():
    said = explain(config(description="What for"))
    assert list(said) == [
        "Run", "Data", "Universe", "Strategy", "Decisions", "Orders", "Fills", "Costs", "Account",
        "Exits", "Benchmark",
    ]  # fmt: skip
    assert said["Run"] == "a: What for."
    assert all(text.endswith(".") for text in said.values())


def test_numbers_are_said_in_percent_and_money_with_its_currency():
    said = explain(
        config(
            portfolio={"cash": "5m HKD", "band": "25bps"},
            exits={"stop_loss": 0.05, "max_sessions": "20d"},
            execution={"max_participation": 0.1},
        )
    )
    assert said["Account"].startswith(
        "Starts with 5,000,000 HKD in cash, which no buy takes below zero"
    )
    assert "below 0.25 % of NAV" in said["Orders"]
    assert "a fall of 5 % from the average fill, or 20 sessions after entry" in said["Exits"]
    assert "At most 10 % of a bar's volume" in said["Fills"]


@pytest.mark.parametrize(
    ("rebalance", "words"),
    [
        ("session", "at every one of them"),
        (5, "at the run's first and at one in 5 from there"),
        ("month", "at the run's first and at the first of each month"),
    ],
)
def test_the_rhythm_of_orders_is_said_in_words(rebalance, words):
    assert words in explain(config(clock={"rebalance": rebalance}))["Decisions"]


def test_paths_are_said_as_seen_from_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = "name: a\ndata: {bundle: ../data/hk}\nstrategy: {name: equal_weight}\n"
    Path("configs").mkdir()
    Path("configs/a.yaml").write_text(text)
    assert "The bundle data/hk" in explain(load_config("configs/a.yaml"))["Data"]


def test_the_strategy_is_said_with_its_first_line_and_parameters_as_in_yaml():
    buy = {"name": "buy_and_hold", "params": {"symbols": ["E01.US"]}}
    assert explain(config(strategy=buy))["Strategy"] == (
        "buy_and_hold: Buy once, then leave alone: what any strategy should be compared with. "
        "With symbols = [E01.US], weights = none."
    )


def test_a_strategy_with_a_schedule_of_its_own_says_when_orders_come():
    listings = explain(config(strategy={"name": "ipo_day_one"}))
    assert "the strategy chooses" in listings["Decisions"]


@pytest.mark.parametrize(
    ("market", "words"),
    [
        ("auto", "as each exchange charged on the day, no brokerage"),
        ("us", "by the rules of us, no brokerage"),
        ("frictionless", "by the rules of frictionless."),
        (
            {"use": "hk", "brokerage": {"rate": "3bp", "min": 50, "max": 900}},
            "by the rules of hk, plus brokerage of 0.03 % of value, at least 50, at most 900",
        ),
        ({"XHKG": "hk", "XNYS": "us"}, "XHKG: by the rules of hk, no brokerage, XNYS: by"),
    ],
)
def test_fees_are_said_by_market_with_the_brokers_own(market, words):
    assert words in explain(config(market=market))["Costs"]


def test_new_listings_are_bought_where_orders_fill():
    at_the_close = explain(config(execution={"fill": "close"}))
    assert "at their first close" in at_the_close["Fills"]


def test_kept_currencies_settlement_and_hedges_are_explained():
    account = {"fx": "keep", "spend_unsettled": False, "fx_hedge": "50%", "fx_hedge_cost": "0.1%"}
    text = explain(config(portfolio=account))["Account"]
    assert "Foreign cash stays in its currency until a buy takes it" in text
    assert "50 % of what is held in other currencies is sold forward, at 0.1 % a year." in text
    assert "settled cash only" in text

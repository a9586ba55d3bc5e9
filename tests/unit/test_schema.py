"""The JSON Schema accepts what the loader accepts, and knows every strategy's parameters."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from backtest.config.document import Place, parse
from backtest.schema import DIALECT, config_schema, schema_text

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = sorted((ROOT / "configs").rglob("*.yaml"))


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    schema = config_schema(ROOT)
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def as_json(text: str) -> object:
    """The text as an editor's validator sees it: dates are text."""
    node, _ = parse(text, Place("config", Path()))
    return json.loads(json.dumps(node.plain(), default=str))


def run_with(settings: str) -> object:
    return as_json("name: a\ndata: {bundle: sample}\nstrategy: {name: equal_weight}\n" + settings)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_config_of_the_project_fits(validator, path):
    assert [error.message for error in validator.iter_errors(as_json(path.read_text()))] == []


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_config_of_the_project_names_the_schema_for_editors(path):
    first, _, schema = path.read_text().splitlines()[0].partition("$schema=")
    assert first == "# yaml-language-server: "
    assert (path.parent / schema).resolve() == ROOT / "configs" / "schema.json"


def test_the_committed_schema_is_what_the_code_writes():
    committed = ROOT / "configs" / "schema.json"
    assert committed.read_text(encoding="utf-8") == schema_text(ROOT)


def test_it_says_its_dialect():
    assert config_schema(ROOT)["$schema"] == DIALECT


@pytest.mark.parametrize(
    "settings",
    [
        "portfolio: {cash: 5m HKD, band: 0.25%, withholding: {XHKG: 10%, XNYS: 0.3}}",
        "portfolio: {cash: {amount: 5, currency: USD}}",
        "execution: {slippage: {bps: 10bps}, max_participation: 0.1, fx_cost_bps: 5}",
        "exits: {max_sessions: 20d, stop_loss: null}",
        "exits:",
        "universe: {exchange: XHKG, kind: [stock, etf], min_history: 1y, min_turnover: 10m}",
        "clock: {rebalance: 5}",
        "clock: {rebalance: month}",
        "market: hk",
        "market: {use: us, brokerage: {rate: 3bp, min: 5}}",
        "market: {XHKG: hk, XNYS: {use: us}}",
        "tearsheet: {risk_free: rates}",
        "tearsheet: {risk_free: 3%, title: A title}",
        "benchmark: null",
        "extends: [base/a.yaml, base/b.yaml]",
    ],
)
def test_what_the_loader_accepts_fits(validator, settings):
    assert [error.message for error in validator.iter_errors(run_with(settings))] == []


@pytest.mark.parametrize(
    "settings",
    [
        "univers: {}",
        "execution: {fill: vwap}",
        "execution: {slippage: {bps: ten}}",
        "portfolio: {cash: lots}",
        "exits: {max_sessions: 2 fortnights}",
        "seed: -1",
        "name: ../up",
        "data: {checks: {spik: warn}}",
        "data: {checks: {spike: ignore}}",
    ],
)
def test_what_the_loader_refuses_key_by_key_does_not_fit(validator, settings):
    run = {**run_with(""), **as_json(settings)}
    assert not validator.is_valid(run)


def test_a_strategys_own_parameters_are_checked(validator):
    run = run_with("")
    run["strategy"] = {"name": "spillover_dip", "params": {"window": 5}}
    assert validator.is_valid(run)
    run["strategy"]["params"] = {"windw": 5}
    assert not validator.is_valid(run)
    run["strategy"] = {"name": "no_such_strategy"}
    assert not validator.is_valid(run)


def test_every_parameter_of_every_strategy_is_described_with_its_default(validator):
    definitions = validator.schema["$defs"]
    params = definitions["strategies.spillover_dip"]["properties"]["window"]
    assert params["description"]
    assert params["default"] == 5
    names = validator.schema["$defs"]["StrategySettings"]["properties"]["name"]["oneOf"]
    assert all(choice["description"] for choice in names)


def test_a_run_needs_its_keys_but_a_base_and_what_extends_one_do_not(validator):
    assert not validator.is_valid({"name": "a"})
    assert not validator.is_valid({"name": "a", "data": {}, "strategy": {"name": "equal_weight"}})
    assert validator.is_valid({"name": "a", "extends": "base.yaml"})
    assert validator.is_valid({"portfolio": {"band": "1%"}})


def test_every_section_of_a_run_is_described(validator):
    assert all(part.get("description") for part in validator.schema["properties"].values())

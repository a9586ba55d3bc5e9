"""The changes between two configs, and configs with some of them made."""

from __future__ import annotations

from itertools import combinations

import pytest

from backtest import load_config
from backtest.search.changes import applied, changes_between

BASE = {
    "name": "a",
    "description": "one",
    "data": {"bundle": "sample", "start": "2020-01-01", "end": None},
    "universe": {"min_turnover": {"amount": 5e6, "currency": "HKD"}},
    "strategy": {"name": "dip", "params": {"window": 5, "hold": 10}},
    "market": {"use": "auto", "brokerage": {"rate": 0.0003}},
    "execution": {"fill": "open", "slippage": {"bps": 5.0}},
    "portfolio": {"cash": {"amount": 1e6, "currency": "HKD"}, "currency": "HKD"},
    "benchmark": "X",
    "tearsheet": {"title": None, "risk_free": 0.0},
}


def told(second):
    return [change.key for change in changes_between(BASE, second)]


def test_each_key_that_differs_is_a_change():
    second = BASE | {
        "market": "frictionless",
        "execution": {"fill": "close", "slippage": {"bps": 0}},
    }
    assert told(second) == ["market", "execution.fill", "execution.slippage.bps"]


def test_what_moves_no_number_is_no_change():
    second = BASE | {"name": "b", "description": "two", "benchmark": "Y"}
    assert told(second | {"tearsheet": {"title": "T", "risk_free": 0.0}}) == []


def test_the_risk_free_rate_moves_the_sharpe_ratio():
    assert told(BASE | {"tearsheet": {"title": None, "risk_free": 0.03}}) == ["tearsheet.risk_free"]


def test_another_strategy_is_one_change_with_all_its_parameters():
    second = BASE | {"strategy": {"name": "value", "params": {"top": 3}}}
    [change] = changes_between(BASE, second)
    assert (change.key, change.before, change.after) == ("strategy.name", "dip", "value")
    assert applied(BASE, second, [change])["strategy"] == second["strategy"]


def test_parameters_of_one_strategy_are_changes_of_their_own():
    second = BASE | {"strategy": {"name": "dip", "params": {"window": 3, "hold": 5}}}
    assert told(second) == ["strategy.params.window", "strategy.params.hold"]


def test_another_bundle_is_one_change_with_its_dates():
    second = BASE | {"data": {"bundle": "real", "start": "2015-01-01", "end": "2020-01-01"}}
    [change] = changes_between(BASE, second)
    assert change.key == "data.bundle"
    assert applied(BASE, second, [change])["data"] == second["data"]


def test_other_dates_of_one_bundle_are_changes_of_their_own():
    second = BASE | {"data": {"bundle": "sample", "start": "2021-01-01", "end": "2022-01-01"}}
    assert told(second) == ["data.start", "data.end"]


def test_another_currency_takes_all_amounts_with_it():
    second = BASE | {
        "universe": {"min_turnover": {"amount": 5e6, "currency": "USD"}},
        "portfolio": {"cash": {"amount": 2e6, "currency": "USD"}, "currency": "USD"},
    }
    [change] = changes_between(BASE, second)
    assert change.key == "portfolio.currency"
    assert applied(BASE, second, [change]) == BASE | {
        "universe": second["universe"],
        "portfolio": second["portfolio"],
    }


def test_a_setting_that_only_one_has_is_put_in_or_taken_out():
    second = BASE | {"exits": {"stop_loss": 0.1}}
    [there] = changes_between(BASE, second)
    [back] = changes_between(second, BASE)
    assert applied(BASE, second, [there])["exits"] == {"stop_loss": 0.1}
    assert applied(second, BASE, [back])["exits"] == {}


def test_the_configs_given_are_left_as_they_are():
    second = BASE | {"execution": {"fill": "close", "slippage": {"bps": 5.0}}}
    applied(BASE, second, changes_between(BASE, second))
    assert BASE["execution"] == {"fill": "open", "slippage": {"bps": 5.0}}


@pytest.mark.parametrize("first", ["spillover_dip", "low_pe_rotation", "ipo_day_one"])
def test_all_changes_together_turn_one_shipped_config_into_another(first):
    one = load_config(f"configs/{first}.yaml").located()
    two = load_config("configs/equal_weight.yaml").located()
    changes = changes_between(one, two)
    assert changes_between(applied(one, two, changes), two) == ()


def test_a_change_made_is_one_change_less():
    two = BASE | {
        "market": "frictionless",
        "execution": {"fill": "close", "slippage": {"bps": 0.0}},
        "exits": {"stop_loss": 0.1},
    }
    changes = changes_between(BASE, two)
    for count in range(len(changes) + 1):
        for made in combinations(changes, count):
            left = changes_between(applied(BASE, two, made), two)
            assert [change.key for change in left] == [
                change.key for change in changes if change not in made
            ]

from __future__ import annotations

import pytest

from backtest.config import load_config
from backtest.errors import ConfigError
from backtest.search.constraints import Constraints, holds, keys_in, parse_constraints


def held(text: str, values: dict, base: dict | None = None) -> bool:
    (expression,) = parse_constraints([text])
    return holds(expression, values, lambda key: (base or {})[key])


def test_keys_are_dotted_and_numbers_compare():
    assert held("a.b >= c", {"a.b": 3, "c": 2})
    assert not held("a.b >= c", {"a.b": 1, "c": 2})


def test_what_the_trial_does_not_set_comes_from_the_config():
    assert held("a < b", {"a": 1}, {"b": 2})


def test_arithmetic_and_logic_work():
    assert held("2 * a + 1 < b and not (a == 4 or b % 2 == 0)", {"a": 3, "b": 9})
    assert not held("2 * a + 1 < b and not (a == 4 or b % 2 == 0)", {"a": 4, "b": 11})
    assert held("-a < 0 < a // 2 < a / 1 - 0", {"a": 3})


def test_text_may_be_compared():
    assert held("a == 'open'", {"a": "open"})


@pytest.mark.parametrize("text", ["a > 1", "a < 1", "a * 2 > 0", "b / 0 > 1"])
def test_a_comparison_with_null_or_of_what_is_no_number_never_holds(text):
    assert not held(text, {"a": None, "b": 1})


def test_the_keys_that_a_text_names():
    (expression,) = parse_constraints(["a.b.c > 2 * d or not e.f"])
    assert keys_in(expression) == ["a.b.c", "d", "e.f"]


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('x')",
        "a[0] > 1",
        "[1, 2]",
        "lambda: 1",
        "a if b else c",
        "a =",
        "1j",
    ],
)
def test_whatever_is_no_comparison_is_refused(text):
    with pytest.raises(ConfigError, match="write comparisons such as"):
        parse_constraints([text])


def test_all_faults_come_at_once():
    with pytest.raises(ConfigError) as error:
        parse_constraints(["a > 1", "f(a)", "b ="])
    assert [fault.where for fault in error.value.faults] == ["sweep.where[1]", "sweep.where[2]"]


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "held.yaml"
    path.write_text(
        "name: held\ndata: {bundle: sample}\nexits: {stop_loss: 8%}\n"
        "universe: {min_turnover: 5m HKD}\n"
        "strategy: {name: spillover_dip, params: {source: X01.US}}\n",
        encoding="utf-8",
    )
    return load_config(path)


def test_values_count_as_a_run_reads_them(config):
    loss = Constraints(config, ["exits.stop_loss > 0.07"])
    assert loss.hold({"exits.stop_loss": "10%"})
    assert not loss.hold({"exits.stop_loss": "5%"})
    assert not loss.hold({"exits.stop_loss": None})
    assert loss.hold({})  # the config's own 8 %
    assert Constraints(config, ["exits.stop_loss == None"]).hold({"exits.stop_loss": None})


def test_a_part_of_what_varies_is_the_trials(config):
    turnover = Constraints(config, ["universe.min_turnover.amount >= 10000000"])
    assert turnover.hold({"universe.min_turnover": "20m HKD"})
    assert not turnover.hold({"universe.min_turnover": "6m HKD"})

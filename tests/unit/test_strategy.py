"""A strategy is one file with one class, found by name."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from backtest import Strategy, load_config
from backtest.errors import ConfigError, StrategyError
from backtest.execution import Execution
from backtest.strategy import (
    StrategySettings,
    find_strategies,
    load_strategy,
    strategy_class,
    strategy_hash,
)

ROOT = Path(__file__).resolve().parents[2]
PLAIN = """
from backtest import Strategy


class Mine(Strategy):
    window: int = 5

    def target_weights(self, panel):
        return panel.close * 0.0
"""
CONFIG = "name: a\ndata: {{bundle: sample}}\nstrategy: {{name: {}}}\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A project of the user's, with a folder of strategies in it."""
    (tmp_path / "strategies").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder, name, source=PLAIN):
    file = folder / "strategies" / f"{name}.py"
    file.write_text(source, encoding="utf-8")
    return file


def test_a_file_in_strategies_is_found_by_its_name_beside_those_that_ship(folder):
    file = write(folder, "my_own")
    found = find_strategies(folder)
    assert found["my_own"] == file
    assert "spillover_dip" in found


def test_files_that_begin_with_an_underscore_are_helpers(folder):
    write(folder, "_helper", "x = 1")
    assert "_helper" not in find_strategies(folder)


def test_parameters_are_the_models_fields(folder):
    write(folder, "my_own")
    made = load_strategy(StrategySettings(name="my_own", params={"window": 9}), folder)
    assert isinstance(made, Strategy)
    assert (type(made).__name__, made.window) == ("Mine", 9)
    with pytest.raises(ValidationError, match="windw"):
        load_strategy(StrategySettings(name="my_own", params={"windw": 9}), folder)


def test_the_class_is_the_same_while_the_file_is(folder):
    file = write(folder, "my_own")
    before = strategy_class("my_own", folder)
    assert strategy_class("my_own", folder) is before
    file.write_text(PLAIN.replace("5", "6"), encoding="utf-8")
    assert strategy_class("my_own", folder)().window == 6


def test_two_files_of_one_name_are_refused_with_both_places(folder):
    file = write(folder, "equal_weight")
    with pytest.raises(StrategyError, match="names must be unique") as told:
        find_strategies(folder)
    assert str(file) in str(told.value)
    assert "Rename one" in str(told.value)


def test_the_projects_own_folder_is_not_a_second_one(monkeypatch):
    monkeypatch.chdir(ROOT)
    assert find_strategies()["equal_weight"].parent.name == "strategies"


def test_an_unknown_name_offers_the_nearest_and_says_where_a_strategy_lives(folder):
    with pytest.raises(StrategyError, match="did you mean 'equal_weight'") as told:
        strategy_class("equal_wait", folder)
    assert "strategies/equal_wait.py" in str(told.value)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("x = 1", "none"),
        ("from backtest import Strategy", "none"),
        (PLAIN + "\n\nclass Other(Strategy):\n    pass\n", "Mine, Other"),
    ],
)
def test_a_file_defines_exactly_one_strategy(folder, source, found):
    file = write(folder, "my_own", source)
    with pytest.raises(StrategyError) as told:
        strategy_class("my_own", folder)
    assert str(told.value) == f"{file} must define exactly one Strategy, found: {found}."


def test_an_imported_strategy_is_not_one_of_the_files_own(folder):
    write(folder, "my_own", "from strategies.equal_weight import EqualWeight\n" + PLAIN)
    assert strategy_class("my_own", folder).__name__ == "Mine"


def test_a_syntax_error_is_a_fault_of_the_config_that_names_the_file_and_the_line(folder):
    write(folder, "broken", "x = 1\ndef f(:\n    pass\n")
    config = folder / "a.yaml"
    config.write_text(CONFIG.format("broken"), encoding="utf-8")
    with pytest.raises(ConfigError) as told:
        load_config(config)
    (fault,) = told.value.faults
    assert fault.where == "strategy.name"
    assert "SyntaxError: invalid syntax (broken.py, line 2)" in fault.message
    assert fault.line == 3


def test_a_file_that_failed_leaves_no_half_module_behind(folder):
    write(folder, "lost", "import no_such_module_at_all")
    before = set(sys.modules)
    for _ in range(2):
        with pytest.raises(ModuleNotFoundError):
            strategy_class("lost", folder)
    assert {name for name in set(sys.modules) - before if "lost" in name} == set()


def test_the_hash_is_of_the_source_line_ends_apart(folder):
    file = write(folder, "my_own", "x = 1\n")
    unix = strategy_hash("my_own", folder)
    file.write_bytes(b"x = 1\r\n")
    assert strategy_hash("my_own", folder) == unix
    file.write_bytes(b"x = 2\n")
    assert strategy_hash("my_own", folder) != unix


def test_a_strategy_is_a_value():
    made = load_strategy(StrategySettings(name="equal_weight"), ROOT)
    again = load_strategy(StrategySettings(name="equal_weight"), ROOT)
    assert made == again
    assert hash(made) == hash(again)
    with pytest.raises(ValidationError, match="frozen"):
        made.anything = 1


def test_the_base_class_asks_for_weights_and_finds_no_fault():
    plain = Strategy()
    with pytest.raises(NotImplementedError):
        plain.target_weights(None)
    assert plain.faults(Execution(), None) == []
    assert plain.inputs() == ()
    assert plain.events(None, None) is None


def test_many_parameter_sets_give_what_each_gives_alone(folder):
    class Twice(Strategy):
        factor: int = 2

        def target_weights(self, panel):
            return panel * self.factor

    many = Twice.target_weights_many([Twice(factor=1), Twice(factor=3)], 5)
    assert list(many) == [5, 15]


@pytest.mark.parametrize("name", ["1st", "a-b", "a.b", "../a", ""])
def test_a_name_is_a_python_name(name):
    with pytest.raises(ValidationError):
        StrategySettings(name=name)

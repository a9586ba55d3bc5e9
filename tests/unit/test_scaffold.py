"""A project of one's own: what is written, what is refused, which strategies are found in it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from backtest import load_config
from backtest.cli import app
from backtest.errors import FaultyInput, StrategyError
from backtest.runner import prepare
from backtest.scaffold import new_project, new_strategy
from backtest.strategy import find_strategies, strategy_class

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "backtest" / "scaffold" / "templates"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def invoke(*words):
    return CliRunner().invoke(app, words)


def files_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("name", ["hk.yaml", "sample.yaml"])
def test_the_bases_of_a_new_project_are_those_of_this_one(name):
    ours = (ROOT / "configs" / "base" / name).read_text(encoding="utf-8")
    assert (TEMPLATES / name).read_text(encoding="utf-8") == ours


class TestInit:
    def test_what_runs_and_tracking_leave_behind_is_not_committed(self, tmp_path):
        invoke("init", "mine")
        ignored = (tmp_path / "mine" / ".gitignore").read_text().split()
        assert {"reports/", "mlruns/", "mlflow.db"} <= set(ignored)

    def test_its_config_loads_and_its_strategy_is_found(self, monkeypatch, tmp_path):
        done = invoke("init", "mine")
        assert done.exit_code == 0, done.output
        monkeypatch.chdir(tmp_path / "mine")
        stage = prepare(load_config("configs/momentum.yaml"))
        weights = stage.strategy.target_weights(stage.panel)
        # The ten highest rises, a tenth of NAV each, once the universe holds ten.
        assert weights.iloc[-1].gt(0).sum() == 10
        assert weights.iloc[-1].sum() == pytest.approx(1.0)
        assert find_strategies()["momentum"] == tmp_path / "mine" / "strategies" / "momentum.py"

    def test_the_schema_knows_the_new_strategy(self, tmp_path):
        invoke("init", "mine")
        assert '"momentum"' in (tmp_path / "mine/configs/schema.json").read_text(encoding="utf-8")

    def test_hooks_are_written_when_asked_for(self, tmp_path):
        plain, hooked = (new_project(tmp_path / name, hooks=name == "b").files for name in "ab")
        assert {*hooked} - {*plain} == {Path(".pre-commit-config.yaml")}

    def test_nothing_is_written_where_a_file_is_there_already(self, tmp_path):
        (tmp_path / "README.md").write_text("mine", encoding="utf-8")
        (tmp_path / "pyproject.toml").write_text("mine", encoding="utf-8")
        with pytest.raises(FaultyInput) as caught:
            new_project(tmp_path)
        assert [fault.where for fault in caught.value.faults] == ["README.md", "pyproject.toml"]
        assert files_in(tmp_path) == ["README.md", "pyproject.toml"]
        assert (tmp_path / "README.md").read_text(encoding="utf-8") == "mine"

    def test_what_is_there_besides_is_left_alone(self, tmp_path):
        (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
        made = new_project(tmp_path)
        assert files_in(tmp_path) == sorted([*map(str, made.files), "notes.txt"])

    def test_a_file_in_the_place_of_the_folder_is_told(self, tmp_path):
        (tmp_path / "mine").write_text("", encoding="utf-8")
        done = invoke("init", "mine")
        assert done.exit_code == 2
        assert "is a file, not a folder" in done.stderr

    def test_a_schema_that_fails_leaves_no_file(self, tmp_path):
        def fails(_):
            raise RuntimeError("no schema")

        with pytest.raises(RuntimeError, match="no schema"):
            new_project(tmp_path / "mine", schema=fails)
        assert files_in(tmp_path) == []


class TestNewStrategy:
    def test_it_comes_with_a_config_and_a_test(self, tmp_path):
        made = new_strategy("my_idea", tmp_path)
        assert list(map(str, made.files)) == [
            *("strategies/my_idea.py", "configs/my_idea.yaml", "tests/test_my_idea.py"),
        ]
        assert strategy_class("my_idea", tmp_path).__name__ == "MyIdea"
        compile((tmp_path / "tests/test_my_idea.py").read_text(encoding="utf-8"), "t", "exec")
        assert "name: my-idea" in (tmp_path / "configs/my_idea.yaml").read_text(encoding="utf-8")

    @pytest.mark.parametrize("name", ["a-b", "2nd", "Upper", "class", "../up", ""])
    def test_a_name_that_cannot_be_one_is_refused(self, name, tmp_path):
        with pytest.raises(FaultyInput, match="must be lower-case"):
            new_strategy(name, tmp_path)
        assert files_in(tmp_path) == []

    def test_a_name_that_is_taken_is_refused_wherever_it_is_taken(self, tmp_path):
        with pytest.raises(FaultyInput, match=r"there is a strategy of that name: .*spillover_dip"):
            new_strategy("spillover_dip", tmp_path)

    def test_a_schema_that_is_there_learns_the_name(self, monkeypatch, tmp_path):
        invoke("init", "mine")
        monkeypatch.chdir(tmp_path / "mine")
        done = invoke("new", "strategy", "my_idea")
        assert done.exit_code == 0, done.output
        assert '"my_idea"' in Path("configs/schema.json").read_text(encoding="utf-8")


class TestInstalledPackages:
    @pytest.fixture
    def install(self, tmp_path, monkeypatch):
        """A package with an entry point, as an installer would leave it."""

        def make(name, value, source="strategy"):
            site = tmp_path / "site"
            info = site / "dips-1.0.dist-info"
            info.mkdir(parents=True)
            (info / "METADATA").write_text("Metadata-Version: 2.1\nName: dips\nVersion: 1.0\n")
            (info / "entry_points.txt").write_text(f"[backtest.strategies]\n{name} = {value}\n")
            (site / "dips").mkdir()
            (site / "dips" / "__init__.py").write_text("")
            text = (TEMPLATES / "strategy.py.txt").read_text(encoding="utf-8")
            (site / "dips" / "deep.py").write_text(text.replace("@Name@", "Deep"))
            monkeypatch.setattr(sys, "path", [str(site), *sys.path])
            monkeypatch.delitem(sys.modules, "dips", raising=False)

        return make

    def test_their_strategies_are_found_by_the_name_of_the_entry_point(self, install):
        install("deep_dip", "dips.deep")
        assert strategy_class("deep_dip").__name__ == "Deep"

    def test_one_that_names_no_module_is_told(self, install):
        install("deep_dip", "dips.nothing")
        with pytest.raises(StrategyError, match=r"'deep_dip = dips\.nothing' names no module"):
            find_strategies()

    def test_the_projects_own_file_of_that_name_is_a_clash(self, install, tmp_path):
        install("deep_dip", "dips.deep")
        new = tmp_path / "strategies"
        new.mkdir()
        (new / "deep_dip.py").write_text("")
        with pytest.raises(StrategyError, match=r"'deep_dip' is both .*strategies.*dips"):
            find_strategies()

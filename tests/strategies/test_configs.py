"""The configs that ship: each loads, completes in an editor, and runs on sample or real data."""

import re
from pathlib import Path

import pytest

from backtest import load_config
from strategies.from_file import FromFile

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = ROOT / "configs"
RUNNABLE = sorted([*CONFIGS.glob("*.yaml"), *CONFIGS.glob("real/*.yaml")])
ALL = sorted(CONFIGS.rglob("*.yaml"))
# No real accounts with their dates of publication and no real coin are at hand to try them on.
WITHOUT_REAL_DATA = {"bitcoin_hedge", "capex_caution"}
STRATEGIES = {path.stem for path in (ROOT / "strategies").glob("[a-z]*.py")}


def named(paths):
    return pytest.mark.parametrize("path", paths, ids=lambda path: str(path.relative_to(CONFIGS)))


@pytest.fixture(autouse=True)
def _at_the_root(monkeypatch):
    monkeypatch.chdir(ROOT)


@named(RUNNABLE)
def test_it_loads_without_a_fault(path):
    assert load_config(path).description


@named(ALL)
def test_its_first_line_lets_an_editor_complete_it(path):
    up = "../" * (len(path.relative_to(CONFIGS).parts) - 1)
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert first == f"# yaml-language-server: $schema={up}schema.json"


@named(ALL)
def test_it_has_comments(path):
    assert len(re.findall(r"(?m)(^| )# ", path.read_text(encoding="utf-8"))) >= 2


@pytest.mark.parametrize("folder", ["", "real"])
def test_every_strategy_has_a_config_of_its_name(folder):
    stems = {path.stem for path in (CONFIGS / folder).glob("*.yaml")}
    assert stems >= STRATEGIES - (WITHOUT_REAL_DATA if folder else set())


@named(RUNNABLE)
def test_costs_are_on(path):
    config = load_config(path)
    assert config.execution.slippage.bps > 0
    assert config.execution.max_participation <= 0.1
    assert config.market != "frictionless"


@named(RUNNABLE)
def test_names_are_unique_so_that_reports_do_not_mix(path):
    others = [load_config(other).name for other in RUNNABLE if other != path]
    assert load_config(path).name not in others


@named(RUNNABLE)
def test_sample_configs_read_the_sample_and_real_ones_a_folder_of_the_users(path):
    bundle = load_config(path).data.bundle
    assert (bundle == "sample") == (path.parent == CONFIGS)
    assert path.parent == CONFIGS or Path(bundle).parent == ROOT / "data"


@named([path for path in RUNNABLE if path.stem == "from_file"])
def test_the_file_of_weights_ships_beside_its_config(path):
    weights = FromFile.model_validate(load_config(path).strategy.params).path
    assert weights == path.parent / "weights.csv"
    assert weights.is_file()

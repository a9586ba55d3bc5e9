"""The fingerprint moves when, and only when, something that numbers depend on does."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from backtest import load_config
from backtest.provenance import engine_hash, file_hashes, fingerprint_of, versions
from backtest.runner import inputs_of, prepare
from tests.properties.rough import write_bundle

ROOT = Path(__file__).resolve().parents[2]
CONFIG = """
name: a
data: {bundle: market, start: 2022-03-01}
universe: {kind: [etf, stock]}
strategy: {name: from_file, params: {path: weights.csv}}
market: rules.yaml
portfolio: {cash: 1m HKD}
"""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return write_bundle(tmp_path_factory.mktemp("data") / "rough")


@pytest.fixture
def project(tmp_path, monkeypatch, bundle):
    """A config with its own bundle, weights and market file in one folder."""
    shutil.copytree(bundle, tmp_path / "market")
    (tmp_path / "weights.csv").write_text("session,QQQ\n2022-03-02,0.5\n", encoding="utf-8")
    rules = (ROOT / "backtest" / "market" / "us.yaml").read_text(encoding="utf-8")
    (tmp_path / "rules.yaml").write_text(rules, encoding="utf-8")
    (tmp_path / "a.yaml").write_text(CONFIG, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fingerprint(folder, *overrides):
    config = load_config(folder / "a.yaml", overrides=list(overrides))
    return fingerprint_of(inputs_of(prepare(config)))


def test_it_is_sixteen_hexadecimal_digits_and_the_same_again(project):
    found = fingerprint(project)
    assert len(found) == 16
    assert int(found, 16) >= 0
    assert fingerprint(project) == found


@pytest.mark.parametrize(
    "override",
    [
        "portfolio.cash=2m HKD",
        "data.end=2023-01-31",
        "execution.slippage.bps=1",
        "clock.rebalance=week",
        "exits.stop_loss=10%",
        "benchmark=HSI",
        "market=frictionless",
        "seed=1",
        "data.checks.spike=drop",
    ],
)
def test_a_setting_moves_it(project, override):
    assert fingerprint(project, override) != fingerprint(project)


def test_a_value_in_the_bundle_moves_it(project):
    before = fingerprint(project)
    bars = pd.read_parquet(project / "market" / "bars.parquet")
    bars.loc[5, "close"] += 0.01
    bars.to_parquet(project / "market" / "bars.parquet", index=False)
    assert fingerprint(project) != before


def test_a_weight_in_the_file_moves_it(project):
    before = fingerprint(project)
    (project / "weights.csv").write_text("session,QQQ\n2022-03-02,0.4\n", encoding="utf-8")
    assert fingerprint(project) != before


def test_a_figure_in_the_market_file_moves_it(project):
    before = fingerprint(project)
    rules = project / "rules.yaml"
    rules.write_text(rules.read_text(encoding="utf-8") + "# a note\n", encoding="utf-8")
    assert fingerprint(project) != before


def test_the_strategys_source_moves_it(project):
    (project / "strategies").mkdir()
    own = project / "strategies" / "mine.py"
    source = (ROOT / "strategies" / "equal_weight.py").read_text(encoding="utf-8")
    own.write_text(source, encoding="utf-8")
    override = "strategy={name: mine}"
    before = fingerprint(project, override)
    own.write_text(source + "\n# a note\n", encoding="utf-8")
    assert fingerprint(project, override) != before


def test_how_the_config_is_written_does_not_move_it(project):
    before = fingerprint(project)
    text = "# a comment\n" + "\n".join(reversed(CONFIG.strip().splitlines())) + "\n"
    (project / "a.yaml").write_text(text.replace("1m HKD", "1_000_000"), encoding="utf-8")
    assert fingerprint(project) == before


def test_a_default_that_is_written_out_does_not_move_it(project):
    assert fingerprint(project, "execution.fill=open") == fingerprint(project)


def test_neither_folder_nor_working_directory_moves_it(project, tmp_path_factory, monkeypatch):
    before = fingerprint(project)
    other = tmp_path_factory.mktemp("other") / "place"
    shutil.copytree(project, other)
    monkeypatch.chdir(ROOT)
    assert fingerprint(other) == before


def test_how_the_page_looks_does_not_move_it(project):
    assert fingerprint(project, "tearsheet.theme=dark") == fingerprint(project)


def test_the_order_of_parts_does_not_count():
    assert fingerprint_of({"a": 1, "b": [1, 2]}) == fingerprint_of({"b": [1, 2], "a": 1})
    assert fingerprint_of({"a": 1, "b": [1, 2]}) != fingerprint_of({"a": 1, "b": [2, 1]})


def test_files_are_hashed_by_name(tmp_path):
    (tmp_path / "w.csv").write_bytes(b"abc")
    # The witness is the well-known SHA-256 of "abc".
    assert file_hashes((tmp_path / "w.csv",)) == {
        "w.csv": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    }


def test_versions_name_what_moves_numbers():
    assert list(versions()) == sorted(versions())
    assert {"numpy", "pandas", "numba", "portfolio-backtest", "python"} <= set(versions())


def test_the_engines_hash_is_of_sources_that_count_not_of_those_that_show():
    assert engine_hash() == engine_hash()
    assert len(engine_hash()) == 64

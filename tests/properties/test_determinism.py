"""The same inputs give the same bytes: in another folder, process or order of rows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtest.engine import Simulation, simulate
from backtest.result import TABLES
from backtest.runner import Stage, run, run_to_folder, stage_of
from backtest.testing.rough import rough_market
from tests.properties.rough import config_on, reordered, write_bundle

ROOT = Path(__file__).resolve().parents[2]
FRAMES = ("close", "adjusted_close", "returns", "volume", "new_bars", "sessions_since_listing")


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file of a run by name; of the manifest what the run's time does not change."""
    found = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    manifest = json.loads(found["manifest.json"])
    del manifest["environment"]
    found["manifest.json"] = json.dumps(manifest).encode()
    return found


@pytest.fixture(autouse=True)
def _at_the_root(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return write_bundle(tmp_path_factory.mktemp("plain") / "rough")


def test_two_runs_write_the_same_bytes(bundle, tmp_path):
    _, one = run_to_folder(config_on(bundle), out=tmp_path / "one")
    _, two = run_to_folder(config_on(bundle), out=tmp_path / "two")
    assert one.name == two.name
    assert files_of(one) == files_of(two)


def test_a_run_into_its_own_folder_leaves_the_same_bytes(bundle, tmp_path):
    _, folder = run_to_folder(config_on(bundle), out=tmp_path)
    before = files_of(folder)
    _, again = run_to_folder(config_on(bundle), out=tmp_path)
    assert again == folder
    assert files_of(folder) == before


def test_another_process_with_other_hashes_and_one_thread_writes_the_same_bytes(tmp_path):
    folders = []
    for number, environment in enumerate(
        ({"PYTHONHASHSEED": "1"}, {"PYTHONHASHSEED": "2", "NUMBA_NUM_THREADS": "1", "TZ": "EST5"})
    ):
        out = tmp_path / str(number)
        subprocess.run(
            [
                sys.executable,
                "-m",
                "backtest",
                "run",
                "configs/spillover_dip.yaml",
                "--out",
                str(out),
            ],
            check=True,
            capture_output=True,
            env={**os.environ, **environment, "PYTHONPATH": str(ROOT)},
        )
        folders.append(next((out / "spillover-dip").iterdir()))
    one, two = (files_of(folder) for folder in folders)
    assert one.keys() == two.keys()
    assert [name for name in one if one[name] != two[name]] == []


def test_the_order_of_rows_and_columns_in_the_files_changes_no_frame(bundle, tmp_path):
    plain, mixed = run(config_on(bundle)), run(config_on(write_bundle(tmp_path / "mixed", seed=3)))
    assert plain.manifest["bundle"]["hash"] != mixed.manifest["bundle"]["hash"]
    for name in TABLES:
        pd.testing.assert_frame_equal(getattr(plain, name), getattr(mixed, name), check_exact=True)
    assert plain.metrics == mixed.metrics
    assert len(plain.fills) > 100


@settings(max_examples=8, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**31))
def test_the_order_of_frames_in_memory_changes_neither_hash_nor_panel_nor_account(seed):
    plain, mixed = rough_market(), reordered(seed)
    assert plain.hash == mixed.hash
    stages = [stage_of(config_on("rough"), bundle) for bundle in (plain, mixed)]
    for name in FRAMES:
        one, two = (getattr(stage.panel, name) for stage in stages)
        pd.testing.assert_frame_equal(one, two, check_exact=True)
    one, two = (stage.panel.fact("eps_ttm") for stage in stages)
    pd.testing.assert_frame_equal(one, two, check_exact=True)
    accounts = [account_of(stage) for stage in stages]
    for name in TABLES:
        one, two = (getattr(account, name) for account in accounts)
        pd.testing.assert_frame_equal(one, two, check_exact=True)


def account_of(stage: Stage) -> Simulation:
    return simulate(
        stage.bundle,
        stage.grid,
        stage.clock,
        stage.strategy.target_weights(stage.panel),
        stage.panel.universe,
        rules=stage.rules,
        execution=stage.config.execution,
        portfolio=stage.config.portfolio,
        exits=stage.config.exits,
    )

"""A bundle is written whole, and replaced whole."""

import subprocess
import sys
import textwrap

import pytest

from backtest.data.files import content_hash, find_folder
from backtest.data.schema import BundleInfo
from backtest.data.write import write_bundle

KILLED = """
import os, sys
from pathlib import Path
import pandas as pd
from backtest.data import write
from backtest.data.schema import BundleInfo

steps = 0
def step(frame, event, argument):
    global steps
    if event == "line" and frame.f_code.co_filename == write.__file__:
        steps += 1
        if steps == int(sys.argv[2]):
            os._exit(9)
    return step

frame = pd.read_parquet(Path(sys.argv[1]) / "bars.parquet").assign(close=2.0)
instruments = pd.read_parquet(Path(sys.argv[1]) / "instruments.parquet")
sys.settrace(step)
write.write_bundle(Path(sys.argv[1]), BundleInfo(name="new", prices="raw"),
                   {"instruments": instruments, "bars": frame})
"""


@pytest.fixture
def tables(bars, instruments):
    return {"instruments": instruments("A"), "bars": bars("A", [1.0, 1.0])}


def test_a_kill_at_any_moment_leaves_the_old_bundle_or_the_new(tables, tmp_path):
    info = BundleInfo(name="old", prices="raw")
    write_bundle(tmp_path / "old", info, tables)
    new = {**tables, "bars": tables["bars"].assign(close=2.0)}
    write_bundle(tmp_path / "new", BundleInfo(name="new", prices="raw"), new)
    old_hash, new_hash = (content_hash(tmp_path / name) for name in ("old", "new"))
    seen = []
    for moment in range(5, 80, 9):
        folder = tmp_path / f"killed-{moment}"
        write_bundle(folder, info, tables)
        code = textwrap.dedent(KILLED)
        done = subprocess.run([sys.executable, "-c", code, str(folder), str(moment)], check=False)
        seen.append(content_hash(find_folder(str(folder), None)))
        if done.returncode == 0:
            break
    assert seen[0] == old_hash
    assert seen[-1] == new_hash
    assert set(seen) == {old_hash, new_hash}


def test_an_older_format_of_a_table_goes_and_what_is_the_users_own_stays(tables, tmp_path):
    folder = tmp_path / "bundle"
    info = BundleInfo(name="old", prices="raw", caveats=("Survivors: only.",))
    write_bundle(folder, info, tables)
    tables["bars"].to_csv(folder / "bars.csv", index=False)
    (folder / "bars.parquet").unlink()
    (folder / "notes.txt").write_text("mine")
    write_bundle(folder, info, tables)
    assert sorted(path.name for path in folder.iterdir()) == [
        "bars.parquet",
        "bundle.yaml",
        "instruments.parquet",
        "notes.txt",
    ]
    assert (folder / "bundle.yaml").read_text().splitlines() == [
        "name: old",
        "prices: raw",
        "caveats:",
        "- 'Survivors: only.'",
    ]

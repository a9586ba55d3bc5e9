"""The benchmark scripts run, at sizes where nothing can be said of speed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from backtest import load_config
from backtest.data.sample import sample_folder
from backtest.runner import prepare

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("script", "words", "shows"),
    [
        ("portfolio.py", ["--size", "5", "60", "21", "--rounds", "1"], "vectorbt, numba"),
        ("portfolio_sweep.py", ["--size", "2", "5", "60"], "vectorbt, one call, numba"),
        ("signal_sweep.py", ["--size", "2", "60", "--rounds", "1"], "vectorbt, numba"),
        ("minute_bars.py", ["--size", "2", "500", "--rounds", "1"], "vectorbt, numba"),
        ("whole_sweep.py", ["--trials", "2", "--workers", "1"], "trials per second"),
        ("sweeps.py", ["--memory", "2"], "MiB"),
        ("realism.py", ["--rounds", "1"], "full Hong Kong rules"),
        (
            "peers.py",
            ["--python", sys.executable, "--only", "bt", "--size", "5", "60", "21"],
            "  bt ",
        ),
    ],
)
def test_a_script_runs_and_the_engines_agree(script, words, shows):
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / script, *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    (line,) = [line for line in done.stdout.splitlines() if shows in line]
    if "vectorbt" in line:
        assert float(line.split()[-1]) < 1e-9


def test_nearly_every_buy_of_the_script_in_vectorbt_is_one_of_ours(monkeypatch):
    """What it says of itself: 176 of 181, the others follow halts."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import dip_in_vectorbt

    stage = prepare(load_config(ROOT / "configs" / "spillover_dip.yaml"))
    ours = stage.strategy.target_weights(stage.panel).loc[dip_in_vectorbt.START :]
    _, _, theirs = dip_in_vectorbt.prices_and_weights(sample_folder())
    buys = [
        set(zip(*np.nonzero(weights.reindex(columns=ours.columns) > 0.0), strict=True))
        for weights in (ours, theirs.loc[ours.index])
    ]
    assert (len(buys[0]), len(buys[1]), len(buys[0] & buys[1])) == (181, 179, 176)

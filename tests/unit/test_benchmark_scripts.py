"""The benchmark scripts run, at sizes where nothing can be said of speed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("script", "words", "shows"),
    [
        ("portfolio.py", ["--size", "5", "60", "21", "--rounds", "1"], "vectorbt, numba"),
        ("portfolio_sweep.py", ["--size", "2", "5", "60"], "vectorbt, one call, numba"),
        ("signal_sweep.py", ["--size", "2", "60", "--rounds", "1"], "vectorbt, numba"),
        ("minute_bars.py", ["--size", "2", "500", "--rounds", "1"], "vectorbt, numba"),
        ("whole_sweep.py", ["--trials", "2", "--workers", "1"], "trials per second"),
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

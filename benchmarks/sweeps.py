"""What more workers bring a sweep, what Ray costs it, what its memory does with its length.

The spillover dip on the simulated market, parameters drawn at random. Every way writes the same
table of trials to the byte. Memory is the peak of a whole process with one worker, so that trials,
table and report are all in it; its trials are short.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import timing

from backtest import load_config
from backtest.search.cluster import connected
from backtest.search.sweep import open_sweep, run_trials

BASE = Path(__file__).resolve().parents[1] / "configs" / "spillover_dip.yaml"
CONFIG = """
name: workers
extends: {base}
sweep:
  best: 0
  random:
    n: {trials}
    seed: 1
    space:
      strategy.params.drop: {{uniform: [0.02, 0.12]}}
      strategy.params.hold: {{integers: [5, 30]}}
"""
SHORT = """
name: memory
data: {{bundle: sample, start: 2024-01-02, end: 2024-06-28}}
universe: {{exchange: [XHKG], kind: [stock]}}
strategy: {{name: equal_weight}}
portfolio: {{cash: 5m HKD}}
sweep:
  best: 0
  random: {{n: {trials}, seed: 1, space: {{execution.slippage.bps: {{uniform: [0, 50]}}}}}}
executor: {{workers: 1}}
"""
LOCAL, TWO, RAY = "local, 1 worker", "local, 2 workers", "Ray, 2 workers"
EXECUTORS = {LOCAL: ("local", 1), TWO: ("local", 2), RAY: ("ray", 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument(
        "--memory",
        type=int,
        nargs="*",
        metavar="TRIALS",
        help="peak memory of sweeps of so many trials: 100 and 10,000 unless given",
    )
    chosen = parser.parse_args()
    print(timing.machine("joblib", "ray"))
    with TemporaryDirectory() as folder:
        if chosen.memory is not None:
            show_memory(Path(folder), chosen.memory or (100, 10_000))
        else:
            show_times(Path(folder), chosen.trials, chosen.rounds)


def show_times(folder: Path, trials: int, rounds: int) -> None:
    path = folder / "workers.yaml"
    path.write_text(CONFIG.format(base=BASE, trials=trials), encoding="utf-8")
    tables: dict[str, bytes] = {}

    def way(name: str) -> Callable[[], None]:
        backend, workers = EXECUTORS[name]
        overrides = [f"executor.backend={backend}", f"executor.workers={workers}"]
        opened, base = open_sweep(load_config(path, overrides=overrides))

        def timed() -> None:
            with TemporaryDirectory(dir=folder) as out:
                sweep = replace(opened, folder=Path(out) / opened.config.name / "sweep")
                run_trials(sweep, base)
                tables[name] = sweep.table.read_bytes()

        return timed

    # Connected all along, and workers kept from round to round: starting them is not in the times.
    ray = load_config(path, overrides=["executor.backend=ray", "executor.workers=2"]).executor
    with connected(ray):
        times = timing.in_turns({name: way(name) for name in EXECUTORS}, rounds=rounds, repeats={})
    assert len(set(tables.values())) == 1, "the tables differ"
    times = [replace(own, processor=()) for own in times]  # the driver's alone would be told
    for first in (LOCAL, TWO):
        timing.show(f"{trials} trials, the same table to the byte", times, first, {})


def show_memory(folder: Path, counts: Sequence[int]) -> None:
    print("\npeak resident memory, one worker")
    for trials in counts:
        path = folder / f"memory{trials}.yaml"
        path.write_text(SHORT.format(trials=trials), encoding="utf-8")
        command = [sys.executable, "-m", "backtest", "sweep", str(path), "--quiet"]
        process = subprocess.Popen([*command, "--out", str(folder / str(trials))])
        _, status, usage = os.wait4(process.pid, 0)
        assert status == 0
        print(f"  {trials:6} trials  {usage.ru_maxrss / 2**10:7.0f} MiB", flush=True)  # from KiB


if __name__ == "__main__":
    main()

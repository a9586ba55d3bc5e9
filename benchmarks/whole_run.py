"""A run from the command line against a script around vectorbt and quantstats, whole processes.

`backtest run` of ``configs/spillover_dip.yaml`` (checked data, a panel as known, every rule of the
market, full records, the tearsheet) and `dip_in_vectorbt.py` (the same signal, prices and fees
alone, quantstats' page), in turns: with compiled code kept from before, then with none. Both work
on one thread; processor time is shown beside the clock's, for it minds other work less.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import timing

from backtest.data.sample import sample_folder

HERE = Path(__file__).parent
OURS, THEIRS = "backtest run", "vectorbt and quantstats"


def whole(words: Sequence[str], compiled: str) -> tuple[float, float]:
    """Seconds of the clock and of the processor; compiled code is kept in ``compiled``."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": compiled}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # as where a package is installed
    before = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *words],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    taken = time.perf_counter() - before
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{words} failed; run it by itself")
    return taken, usage.ru_utime + usage.ru_stime


def compare(title: str, commands: Mapping[str, Sequence[str]], rounds: int, kept: str) -> None:
    """Times in turns, after one of each that is not counted where compiled code is kept."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for turn in range(0 if kept else 1, rounds + 1):
        for name, words in commands.items():
            with tempfile.TemporaryDirectory() as empty:
                seconds = whole(words, kept or empty)
            if turn:
                taken[name].append(seconds)
    timing.show(title, [timing.times_of(name, both) for name, both in taken.items()], OURS, {})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--empty", type=int, default=2, help="rounds without compiled code")
    chosen = parser.parse_args()
    print(timing.machine("vectorbt", "quantstats"))
    bundle = sample_folder()
    with tempfile.TemporaryDirectory() as folder:
        config = str(HERE.parent / "configs" / "spillover_dip.yaml")
        page = str(Path(folder) / "report.html")
        commands = {
            OURS: ["-m", "backtest", "run", config, "--out", folder, "--quiet"],
            THEIRS: [str(HERE / "dip_in_vectorbt.py"), str(bundle), page],
        }
        compare("compiled code kept", commands, chosen.rounds, str(Path(folder) / "compiled"))
        if chosen.empty:
            compare("nothing compiled", commands, chosen.empty, "")


if __name__ == "__main__":
    main()

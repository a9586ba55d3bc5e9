"""One portfolio, monthly weights: our kernel against engines that live in an environment of theirs.

``--python`` names the interpreter of that environment, with bt, backtrader, cvxportfolio and
zipline-reloaded in it (those that are not there are left out). Each runs in a process of its own;
ours is timed before and after it. Fills and costs differ from engine to engine: the difference of
the final NAV says how much, and is no error of either.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import timing
from workloads import CASH, FEE, plain_account, portfolio_workload

from backtest.engine import nav_only

PEERS = ("bt", "zipline", "backtrader", "cvxportfolio")


def compare(
    title: str,
    ours: timing.Way,
    names: Sequence[str],
    inputs: Mapping[str, object],
    *,
    python: str,
    repeats: int,
) -> None:
    """A line for each peer: times, ratio, memory, difference of the last number."""
    print(f"\n{title}, engines in their own environment")
    last = float(np.ravel(ours()[-1])[0])
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "inputs.npz"
        np.savez(file, **inputs)
        for name in names:
            before = own_times(ours)
            done = subprocess.run(
                [python, Path(__file__).with_name("peer.py"), name, file, str(repeats)],
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                why = done.stderr.strip().splitlines()[-1:] or ["no reason given"]
                print(f"  {name:34} did not run: {why[0][:200]}", flush=True)
                continue
            told = json.loads(done.stdout.splitlines()[-1])
            after = own_times(ours)
            own, used = (
                statistics.median([*first, *second])
                for first, second in (
                    (before.seconds, after.seconds),
                    (before.processor, after.processor),
                )
            )
            gap = abs(told["last"] / last - 1.0)
            print(
                f"  {told['version']:28} {told['seconds']:9.2f} s  {told['seconds'] / own:9,.0f} x"
                f"  (ours {own * 1e3:.2f} ms)  processor {told['processor']:7.2f} s"
                f" {told['processor'] / used:9,.0f} x  {told['memory']:8,.0f} MiB  {gap:.0e}",
                flush=True,
            )


def own_times(ours: timing.Way) -> timing.Times:
    """Each a median of ten."""
    return timing.in_turns({"": ours}, rounds=1, repeats={"": 10})[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", required=True, help="interpreter of the peers' environment")
    parser.add_argument("--only", nargs="*", default=PEERS, choices=PEERS)
    parser.add_argument("--size", type=int, nargs=3, default=[500, 2_520, 21])
    chosen = parser.parse_args()
    print(timing.machine())
    workload = portfolio_workload("peers", *chosen.size)
    account = plain_account(workload)
    inputs = {"close": workload.close, "rows": workload.rows, "weights": workload.weights}
    instruments, sessions, _ = chosen.size
    compare(
        f"{instruments} x {sessions:,}, monthly",
        lambda: nav_only(account.world, account.orders, account.terms),
        chosen.only,
        inputs | {"fee": FEE, "cash": CASH},
        python=chosen.python,
        repeats=1,
    )


if __name__ == "__main__":
    main()

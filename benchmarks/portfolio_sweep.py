"""Many sets of monthly weights on the same prices: our kernel against vectorbt's.

The trades are those of `portfolio.py`, with weights of its own for each config. Ours runs one
account after the other on two threads (the kernel holds no lock) on one compiled world; vectorbt's
is one call of ``Portfolio.from_orders`` on a frame of configs x instruments, grouped by config.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import in_vectorbt
import numpy as np
import pandas as pd
import timing
from workloads import Account, Workload, plain_account, portfolio_workload, random_weights

from backtest.engine import nav_only

CONFIGS, INSTRUMENTS, SESSIONS, EVERY = 100, 500, 2_520, 21


def accounts_of(workloads: Sequence[Workload]) -> list[Account]:
    """One world for all of them, orders for each."""
    first = plain_account(workloads[0])
    return [
        replace(first, orders=first.orders._replace(weight=one.weights.ravel()))
        for one in workloads
    ]


def in_threads(accounts: Sequence[Account]) -> np.ndarray:
    """NAV of each account, shape (sessions, accounts)."""
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        navs = pool.map(lambda one: nav_only(one.world, one.orders, one.terms), accounts)
        return np.column_stack(list(navs))


def compare(
    configs: int, instruments: int, sessions: int, *, rounds: int, show: bool = True
) -> None:
    """Equality and memory first, then times in turns."""
    base = portfolio_workload("sweep", instruments, sessions, EVERY)
    count = len(base.rows)
    workloads = [
        replace(base, weights=random_weights(count, instruments, seed=100 + config))
        for config in range(configs)
    ]
    accounts = accounts_of(workloads)
    columns = pd.MultiIndex.from_product(
        [range(configs), range(instruments)], names=["config", "instrument"]
    )

    def theirs() -> np.ndarray:
        # Made here: the wide frames are part of what the one call needs.
        close = pd.DataFrame(np.tile(base.close, (1, configs)), columns=columns)
        wanted = np.full(close.shape, np.nan)
        wanted[base.rows] = np.hstack([one.weights for one in workloads])
        frame = pd.DataFrame(wanted, columns=columns)
        return in_vectorbt.sweep_nav(close, frame, count * configs * instruments)

    ways = {"backtest, NAV only, in threads": lambda: in_threads(accounts)}
    ways |= in_vectorbt.by_engine("vectorbt, one call", theirs)
    if not show:
        for way in ways.values():
            way()
        return
    title = f"{configs} configs x {instruments} x {sessions:,}, monthly"
    timing.compare(title, ways, rounds=rounds, repeats={next(iter(ways)): 5}, warm=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1, help="each takes vectorbt minutes")
    parser.add_argument("--size", type=int, nargs=3, default=[CONFIGS, INSTRUMENTS, SESSIONS])
    chosen = parser.parse_args()
    print(timing.machine("vectorbt"))
    compare(2, 5, 50, rounds=0, show=False)  # compiles
    compare(*chosen.size, rounds=chosen.rounds)


if __name__ == "__main__":
    main()

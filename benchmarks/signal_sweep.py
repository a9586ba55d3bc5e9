"""Ten thousand pairs of moving averages on one instrument: our signals against other engines'.

In at the close where the fast average crosses above the slow one, out where it crosses below, all
in or all out, a fee each way: total return, maximum drawdown and Sharpe ratio of each pair. The
averages are part of the work. Ours is `backtest.signals.signal_sweep`; vectorbt's is
``Portfolio.from_signals``; raptorbt, with its own averages and flags made by numpy, is run in
another environment: ``--python`` names its interpreter.
"""

from __future__ import annotations

import argparse

import in_vectorbt
import numpy as np
import pandas as pd
import peers
import timing
from workloads import CASH, FEE, closes

from backtest.signals import Crossings, Prices, moving_averages, signal_sweep

PAIRS, SESSIONS = 100, 2_520  # windows each way
TERMS = {"fill": "same_close", "buy_fee": FEE, "sell_fee": FEE}
OURS = "backtest, measures only"


def windows_of(each: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Windows, with the numbers of the fast and of the slow one of each pair."""
    windows = np.concatenate((np.arange(2, 2 + each), 5 + each + 2 * np.arange(each)))
    fast, slow = np.meshgrid(np.arange(each), each + np.arange(each), indexing="ij")
    return windows, fast.ravel(), slow.ravel()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=int, nargs=2, default=[PAIRS, SESSIONS])
    parser.add_argument("--python", help="interpreter of the environment that has raptorbt")
    chosen = parser.parse_args()
    each, sessions = chosen.size
    print(timing.machine("vectorbt"))
    close = closes(sessions, 1)[:, 0].copy()
    windows, fast, slow = windows_of(each)
    series = pd.Series(close, index=pd.date_range("2010-01-01", periods=sessions))

    def ours() -> np.ndarray:
        crossings = Crossings(moving_averages(close, windows), fast, slow)
        found = signal_sweep(Prices(close), crossings, **TERMS)
        return found[["total_return", "max_drawdown", "sharpe"]].to_numpy()

    ways = {OURS: ours} | in_vectorbt.by_engine(
        "vectorbt",
        lambda: in_vectorbt.crossing_measures(series, windows.tolist(), fast, slow),
    )
    title = f"{each**2:,} pairs x {sessions:,}"
    timing.compare(title, ways, rounds=chosen.rounds, repeats={OURS: 5})
    if chosen.python:
        inputs = {"close": close, "windows": windows, "fast": fast, "slow": slow}
        inputs |= {"fee": FEE, "cash": CASH}
        peers.compare(
            title, ours, ["raptorbt"], inputs, python=chosen.python, repeats=chosen.rounds
        )


if __name__ == "__main__":
    main()

"""A year of minute bars of fifty instruments: our signals against vectorbt's.

Two moving averages of each instrument; in at the close where the fast one crosses above the slow
one, out where it crosses below, a fee each way, an account each, its NAV at every bar. Ours is
`backtest.signals.simulate_signals` and begins with the transpose: prices come with bars along rows.
"""

from __future__ import annotations

import argparse

import in_vectorbt
import numpy as np
import pandas as pd
import timing
from workloads import CASH, FEE, closes

from backtest.signals import Crossings, Prices, moving_averages, simulate_signals

INSTRUMENTS, DAYS, MINUTES = 50, 250, 330
FAST, SLOW = 30, 120


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", type=int, nargs=2, default=[INSTRUMENTS, DAYS * MINUTES])
    chosen = parser.parse_args()
    instruments, bars = chosen.size
    print(timing.machine("vectorbt"))
    close = closes(bars, instruments, bars_per_day=MINUTES)
    frame = pd.DataFrame(close, index=pd.date_range("2024-01-01", periods=bars, freq="min"))
    numbers = np.arange(instruments)

    def ours() -> np.ndarray:
        rows = np.ascontiguousarray(close.T)
        lines = moving_averages(rows, [FAST, SLOW])
        crossings = Crossings(lines, 2 * numbers, 2 * numbers + 1)
        terms = {"fill": "same_close", "buy_fee": FEE, "sell_fee": FEE, "cash": CASH}
        return simulate_signals(Prices(rows), crossings, **terms).T

    ways = {"backtest": ours}
    ways |= in_vectorbt.by_engine("vectorbt", lambda: in_vectorbt.minute_nav(frame, FAST, SLOW))
    timing.compare(f"{instruments} x {bars:,} minutes", ways, rounds=chosen.rounds)


if __name__ == "__main__":
    main()

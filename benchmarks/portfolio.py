"""One portfolio, monthly and daily target weights: our kernel against vectorbt's.

The same trades in both: 500 instruments over 2,520 sessions, all held, orders sized and filled at
the close, fractional shares, shared cash, one proportional fee. Ours is `backtest.engine.nav_only`
on a compiled world; vectorbt's is ``Portfolio.from_orders`` and ``value()``, with target percents,
shared cash and the order of calls that lets sales pay for buys.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd
import timing
from workloads import CASH, FEE, plain_account, portfolio_workload

from backtest.engine import nav_only

OURS = "backtest, NAV only"
CASES = {
    "500 x 2,520, monthly": (500, 2_520, 21),
    "500 x 2,520, daily": (500, 2_520, 1),
    "3,000 x 5,040, monthly": (3_000, 5_040, 21),
}


def vectorbt_nav(close: pd.DataFrame, wanted: pd.DataFrame, *, call_seq: str) -> np.ndarray:
    """NAV at each close, shape (sessions,)."""
    import vectorbt as vbt

    portfolio = vbt.Portfolio.from_orders(
        close,
        size=wanted,
        size_type="targetpercent",
        direction="longonly",
        fees=FEE,
        init_cash=CASH,
        cash_sharing=True,
        group_by=True,
        call_seq=call_seq,
        freq="1D",
    )
    return portfolio.value().to_numpy()


def compare(title: str, size: tuple[int, int, int], rounds: int) -> None:
    """Equality first, then times in turns."""
    workload = portfolio_workload(title, *size)
    account = plain_account(workload)
    close, wanted = pd.DataFrame(workload.close), pd.DataFrame(workload.wanted)

    def theirs(call_seq: str = "auto") -> np.ndarray:
        return vectorbt_nav(close, wanted, call_seq=call_seq)

    def ours() -> np.ndarray:
        return nav_only(account.world, account.orders, account.terms)

    gap = float(np.max(np.abs(theirs() / ours() - 1.0)))
    ways = {OURS: ours, "vectorbt": theirs}
    if size[0] > 1_000:
        ways["vectorbt, call_seq default"] = lambda: theirs("default")
    times = timing.in_turns(ways, rounds=rounds, repeats={OURS: 20})
    timing.show(title, times, OURS, {"vectorbt": f"largest difference {gap:.1e}"})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--large", action="store_true", help="3,000 x 5,040 too: minutes, 10 GB")
    chosen = parser.parse_args()
    print(timing.machine("vectorbt"))
    for title, size in CASES.items():
        if size[0] <= 1_000 or chosen.large:
            compare(title, size, chosen.rounds)
    print(f"\npeak memory {timing.peak_memory():,.0f} MiB, vectorbt's included")


if __name__ == "__main__":
    main()

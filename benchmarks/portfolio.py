"""One portfolio, monthly and daily target weights: our kernel against vectorbt's.

The same trades in both: every instrument held, orders sized and filled at the close, fractional
shares, shared cash, one proportional fee. Ours is `backtest.engine.nav_only` on a compiled world;
vectorbt's is ``Portfolio.from_orders`` and ``value()``, with target percents, shared cash and the
order of calls that lets sales pay for buys.
"""

from __future__ import annotations

import argparse

import in_vectorbt
import pandas as pd
import timing
from workloads import plain_account, portfolio_workload

from backtest.engine import nav_only

OURS = "backtest, NAV only"
CASES = {
    "500 x 2,520, monthly": (500, 2_520, 21),
    "500 x 2,520, daily": (500, 2_520, 1),
    "3,000 x 5,040, monthly": (3_000, 5_040, 21),
}


def compare(title: str, size: tuple[int, int, int], rounds: int) -> None:
    """Equality and memory first, then times in turns."""
    workload = portfolio_workload(title, *size)
    account = plain_account(workload)
    close, wanted = pd.DataFrame(workload.close), pd.DataFrame(workload.wanted)
    is_large = size[0] > 1_000
    ways = {OURS: lambda: nav_only(account.world, account.orders, account.terms)}
    ways |= in_vectorbt.by_engine("vectorbt", lambda: in_vectorbt.portfolio_nav(close, wanted))
    if is_large:
        ways |= in_vectorbt.by_engine(
            "vectorbt, call_seq default",
            lambda: in_vectorbt.portfolio_nav(close, wanted, call_seq="default"),
        )
    timing.compare(title, ways, rounds=rounds, repeats={OURS: 20}, warm=not is_large)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--large", action="store_true", help="only 3,000 x 5,040: minutes, 10 GB")
    parser.add_argument("--size", type=int, nargs=3, metavar=("INSTRUMENTS", "SESSIONS", "EVERY"))
    chosen = parser.parse_args()
    print(timing.machine("vectorbt"))
    cases = {title: size for title, size in CASES.items() if (size[0] > 1_000) == chosen.large}
    if chosen.size:
        cases = {"instruments x sessions, every": tuple(chosen.size)}
    for title, size in cases.items():
        compare(title, size, chosen.rounds)


if __name__ == "__main__":
    main()

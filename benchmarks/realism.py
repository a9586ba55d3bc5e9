"""What realism costs: full Hong Kong rules against none, in our own kernel.

The same 200 names of 500 over 2,520 sessions, weights drawn anew every month, orders of the open:
frictionless, then with dated fees, lots, ticks, slippage with impact, volume caps, cash scaling
and exit rules.
"""

from __future__ import annotations

import argparse

import numpy as np
import timing
from workloads import account, bars_around, closes, random_weights

from backtest.engine import nav_only
from backtest.execution import Execution, Exits, Slippage

INSTRUMENTS, SESSIONS, EVERY, HELD = 500, 2_520, 21, 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    chosen = parser.parse_args()
    print(timing.machine())
    bars = bars_around(closes(SESSIONS, INSTRUMENTS))
    rows = np.arange(0, SESSIONS, EVERY)
    wanted = np.full((SESSIONS, INSTRUMENTS), np.nan)
    wanted[rows] = random_weights(len(rows), INSTRUMENTS, seed=2, held=HELD)
    plain = account(
        bars,
        wanted,
        market="frictionless",
        execution=Execution(max_participation=1.0),
        exits=Exits(),
        lot=1.0,
        adjusted=True,
    )
    full = account(
        bars,
        wanted,
        market="hk",
        execution=Execution(
            slippage=Slippage(bps=5, ticks=1, impact=0.5), max_participation=0.1, unfilled="carry"
        ),
        exits=Exits(stop_loss=0.2, take_profit=0.5, trailing_stop=0.25, max_sessions=120),
        lot=100.0,
    )
    ways = {
        "frictionless": lambda: nav_only(plain.world, plain.orders, plain.terms),
        "full Hong Kong rules": lambda: nav_only(full.world, full.orders, full.terms),
    }
    times = timing.in_turns(ways, rounds=chosen.rounds, repeats=dict.fromkeys(ways, 10))
    timing.show("realism, 500 x 2,520, monthly, 200 held", times, "frictionless", {})


if __name__ == "__main__":
    main()

"""Random worlds as the engine accounts for them, kept so that several claims share one run."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from backtest.engine import Simulation, record
from backtest.kernels.world import Log
from tests.oracles.engine_run import Ready, arrays_of, make_ready, simulate_ready
from tests.oracles.random_markets import random_world

EXACT = 1e-9  # relative: what sums of some hundred floats may differ by
# Seeds beyond those that the slow simulator walks through.
SEEDS = st.integers(100_000, 100_000 + 250)
TIRELESS = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)


@dataclass(frozen=True, eq=False)
class Account:
    """A world and what the engine made of it; ``scale`` is the initial cash."""

    ready: Ready
    done: Simulation
    log: Log

    @property
    def scale(self) -> float:
        return self.ready.world.portfolio.cash.amount

    def by_session(self, amounts: pd.Series, sessions: pd.Series) -> np.ndarray:
        """Sums of ``amounts`` per base session of the run, 0 where there is none."""
        sums = amounts.groupby(sessions.to_numpy()).sum()
        return sums.reindex(self.done.nav["session"]).fillna(0.0).to_numpy()


@cache
def account_of(seed: int) -> Account:
    return settled(make_ready(random_world(seed)))


def settled(ready: Ready) -> Account:
    """The engine's frames with the log that they were made from."""
    arrays, orders, terms, components = arrays_of(ready)
    log, _ = record(arrays, orders, terms, components)
    return Account(ready, simulate_ready(ready), log)

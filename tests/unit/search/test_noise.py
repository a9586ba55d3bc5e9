"""Searches among strategies that know nothing: what the statistics then say, on average."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from backtest import load_config
from backtest.calendars import sessions
from backtest.search.statistics import statistics_of
from backtest.search.sweep import open_sweep, run_trials

SEARCHES = int(os.environ.get("BACKTEST_SEARCHES", "40"))
TRIALS = 16
NOISE = '''
"""Names drawn by lot once a month."""

import numpy as np
import pandas as pd
from pydantic import Field

from backtest import Strategy


class Noise(Strategy):
    ticket: int = Field(0, description="of the lottery")

    def target_weights(self, panel):
        rng = np.random.default_rng([7, self.ticket])
        out = np.full(panel.close.shape, np.nan)
        for t in np.flatnonzero(panel.rebalance.to_numpy()):
            out[t] = 0.0
            out[t, rng.choice(out.shape[1], 5, replace=False)] = 0.2
        return pd.DataFrame(out, index=panel.close.index, columns=panel.close.columns)
'''
CONFIG = """
name: noise
data: {bundle: %s}
clock: {base: XNYS, rebalance: month}
market: frictionless
strategy: {name: noise}
portfolio: {cash: 1m USD, currency: USD}
executor: {workers: 1}
sweep: {grid: {strategy.params.ticket: %s}, best: 0}
"""


def write_walks(folder, seed):
    """Twenty prices without drift over two years, each on its own."""
    import datetime

    days = sessions("XNYS", datetime.date(2022, 1, 3), datetime.date(2023, 12, 29)).dates
    moves = np.random.default_rng([3, seed]).normal(0.0, 0.02, (len(days), 20))
    close = 100.0 * np.cumprod(1.0 + moves, axis=0)
    symbols = [f"S{number:02d}" for number in range(20)]
    folder.mkdir()
    (folder / "bundle.yaml").write_text("name: walks\nprices: adjusted\nsimulated: true\n")
    pd.DataFrame(
        {"symbol": symbols, "exchange": "XNYS", "currency": "USD", "kind": "stock"}
    ).to_parquet(folder / "instruments.parquet")
    frame = pd.DataFrame(close, index=days.astype("datetime64[ns]"), columns=symbols)
    bars = frame.rename_axis("session").reset_index().melt("session", var_name="symbol")
    bars = bars.rename(columns={"value": "close"})
    bars.assign(open=bars["close"], volume=1e6).to_parquet(folder / "bars.parquet")
    return folder


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """PBO and deflated Sharpe ratio of the best, of each search."""
    home = tmp_path_factory.mktemp("noise")
    (home / "strategies").mkdir()
    (home / "strategies" / "noise.py").write_text(NOISE)
    before = Path.cwd()
    os.chdir(home)
    found = []
    try:
        for seed in range(SEARCHES):
            bundle = write_walks(home / f"walks-{seed}", seed)
            tickets = list(range(TRIALS * seed, TRIALS * (seed + 1)))
            (home / "noise.yaml").write_text(CONFIG % (bundle, tickets))
            sweep, base = open_sweep(load_config(home / "noise.yaml"), out=home / "reports")
            run_trials(sweep, base)
            statistics, _ = statistics_of(sweep)
            found.append((statistics.overfitting, statistics.deflated_sharpe))
    finally:
        os.chdir(before)
    return np.array(found, dtype=np.float64)


def test_what_is_chosen_from_noise_is_below_the_median_half_of_the_time(searched):
    assert len(searched) >= 40
    assert 0.42 <= searched[:, 0].mean() <= 0.60


def test_the_deflated_ratio_calls_noise_skill_about_as_rarely_as_it_says(searched):
    """At 95 % one search in twenty may be called skill; more than 6 of 40 has odds of 1 %."""
    called = np.mean(searched[:, 1] >= 0.95)
    assert called <= 6 / 40
    # And it is no test that never speaks: half of the searches are above or below a coin's odds.
    assert 0.2 <= np.mean(searched[:, 1] >= 0.5) <= 0.8

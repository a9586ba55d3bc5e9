"""Every trial of a search through all sessions, and every choice of test groups among them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from backtest.config import RunConfig
from backtest.search.combinatorial import CombinatorialPaths, combinatorial_paths
from backtest.search.sweep import open_sweep, run_trials
from backtest.search.workshop import Workshop


def cross_validated(
    config: RunConfig, shop: Workshop, *, folder: Path, reports: Path
) -> CombinatorialPaths | None:
    """Out-of-sample paths by ``walk_forward.combinatorial``; None where no trial ever traded.

    The sweep over all sessions lies below ``folder``. Trials that failed or never traded are left
    out: interest on idle cash hardly varies, and its Sharpe ratio could be beyond all others. So
    is, of a choice, a trial that held nothing in the sessions that choose.
    """
    settings = config.walk_forward
    if config.sweep is None or settings is None or settings.combinatorial is None:
        return None
    kept = config.sweep.model_copy(update={"keep_nav": True})
    opened, own = open_sweep(config.model_copy(update={"sweep": kept}), out=folder)
    sweep = replace(opened, folder=folder / f"all-sessions-{opened.fingerprint}")
    run_trials(sweep, own, reports=reports)
    table = pq.read_table(sweep.table, columns=["status", "fills", "nav"])
    traded = [row["nav"] for row in table.to_pylist() if row["status"] == "done" and row["fills"]]
    if not traded:
        return None
    idle = shop.idle()
    navs = np.array([*traded, idle.nav[1:]], dtype=np.float64).T  # (T, N + 1)
    navs = np.vstack([np.full((1, navs.shape[1]), idle.nav[0]), navs])
    excess = navs[1:] / navs[:-1] - 1.0 - np.reshape(idle.risk_free, (-1, 1))
    return combinatorial_paths(
        excess[:, :-1],
        settings.combinatorial,
        purge=settings.purge,
        embargo=settings.embargo,
        idle=excess[:, -1],
    )


def paths_told(paths: CombinatorialPaths | None, per_year: float) -> dict[str, object] | None:
    """Annual Sharpe ratios: of each path out of sample, and of each choice in sample."""
    if paths is None:
        return None
    to_year = float(np.sqrt(per_year))
    return {
        "sharpes": [_known(value * to_year) for value in paths.sharpes],
        "in_sample": [_known(value * to_year) for value in paths.in_sample],
        "distinct_choices": len(np.unique(paths.chosen[paths.chosen >= 0])),
        "cash_choices": int((paths.chosen < 0).sum()),
    }


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None

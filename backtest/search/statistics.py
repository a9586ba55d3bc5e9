"""What a finished sweep is worth: luck among its trials, overfitting, and its surface."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from backtest import inference
from backtest.search.job import Row
from backtest.search.scores import block_starts
from backtest.search.selection import neighbourhood_medians, scores_by
from backtest.search.sweep import Sweep

FloatArray = NDArray[np.float64]

_MOST = 4_000  # trials that overfitting is judged by; of more, an even choice
_MOST_CORRELATED = 1_000  # trials whose correlations are clustered


@dataclass(frozen=True)
class SweepStatistics:
    """Numbers of a sweep's trials together; None where they cannot be had.

    ``trials`` were simulated, of which ``idle`` never traded; Sharpe ratios are annual.
    ``independent`` is the number of clusters of trials whose returns correlate by half or more.
    ``reality_check`` and ``superior_ability`` are p-values that no trial beats cash, White's by the
    mean return and Hansen's by the studentised one.
    """

    trials: int
    idle: int
    failed: int
    best: int | None
    best_sharpe: float | None
    expected_best_by_luck: float | None
    deflated_sharpe: float | None
    independent: int | None
    deflated_sharpe_independent: float | None
    min_backtest_years: float | None
    years: float
    overfitting: float | None
    probability_of_loss: float | None
    slope: float | None
    judged_by: int
    neighbours_median: float | None
    reality_check: float | None
    superior_ability: float | None


def statistics_of(sweep: Sweep) -> tuple[SweepStatistics, list[Row]]:
    """Statistics and rows of a complete sweep, blocks and NAV left out of the rows."""
    table = pq.read_table(sweep.table)
    light = [
        name
        for name in table.column_names
        if name not in ("block_sum", "block_sum_of_squares", "nav")
    ]
    rows: list[Row] = table.select(light).to_pylist()
    done = [place for place, row in enumerate(rows) if row["status"] == "done"]
    active = [place for place in done if rows[place]["fills"] != 0]
    scores = scores_by(rows, sweep.settings.rank_by)
    best = None if np.isnan(scores).all() else int(np.nanargmax(scores))
    per_year = sweep.sessions_per_year
    sharpes = np.array([rows[place]["sharpe_per_session"] for place in active], dtype=float)
    sharpes = sharpes[~np.isnan(sharpes)]
    luck = deflated = None
    if best is not None and len(sharpes) > 1:
        spread = float(np.std(sharpes, ddof=1))
        luck = spread * inference.expected_maximum(len(sharpes)) * math.sqrt(per_year)
        deflated = _deflated(rows[best], len(sharpes), spread**2)
    clusters = _clusters(table, active)
    reality, superior = _superior(sweep, table, active)
    independent = None if clusters is None else int(clusters.max()) + 1
    overfit = _overfitting(table, active, sweep.settings.blocks)
    sessions = max((int(str(rows[place]["sessions"])) for place in active), default=0)
    medians = neighbourhood_medians(rows, sweep.settings.rank_by, sweep.keys)
    return SweepStatistics(
        trials=len(done),
        idle=len(done) - len(active),
        failed=sum(row["status"] == "failed" for row in rows),
        best=None if best is None else int(str(rows[best]["trial"])),
        best_sharpe=None if best is None else _number(rows[best]["sharpe"]),
        expected_best_by_luck=luck,
        deflated_sharpe=deflated,
        independent=independent,
        deflated_sharpe_independent=(
            None
            if best is None or independent is None or independent < 2 or len(sharpes) < 2
            else _deflated(rows[best], independent, float(np.var(sharpes, ddof=1)))
        ),
        min_backtest_years=(
            inference.min_backtest_years(len(sharpes)) if len(sharpes) > 1 else None
        ),
        years=sessions / per_year,
        overfitting=None if overfit is None else overfit.probability,
        probability_of_loss=None if overfit is None else overfit.probability_of_loss,
        slope=None if overfit is None else _number(overfit.slope),
        judged_by=min(len(active), _MOST),
        neighbours_median=None if best is None else _number(float(medians[best])),
        reality_check=reality,
        superior_ability=superior,
    ), rows


def _deflated(row: Row, trials: int, variance: float) -> float | None:
    odds = inference.deflated_sharpe(
        float(str(row["sharpe_per_session"])),
        int(str(row["sessions"])),
        skewness=float(str(row["skewness"])),
        kurtosis=float(str(row["kurtosis"])),
        trials=trials,
        trial_variance=variance,
    )
    return _number(odds)


def _overfitting(
    table: pq.Table, active: Sequence[int], blocks: int
) -> inference.Overfitting | None:
    """Probability of overfitting by the block sums of trials over the same sessions."""
    if len(active) < 2:
        return None
    chosen = _evenly(active, _MOST)
    sessions = {table["sessions"][place].as_py() for place in chosen}
    if len(sessions) != 1 or min(sessions) < 2 * blocks:
        return None  # trials of different periods have no blocks in common
    (count,) = sessions
    sums, squares = (
        np.array([table[name][place].as_py() for place in chosen], dtype=np.float64).T
        for name in ("block_sum", "block_sum_of_squares")
    )
    counts = np.diff([*block_starts(count, blocks), count])
    return inference.probability_of_overfitting(inference.BlockSums(counts, sums, squares))


def _superior(
    sweep: Sweep, table: pq.Table, active: Sequence[int]
) -> tuple[float | None, float | None]:
    """P-values of White's and Hansen's tests against cash; only where daily NAV was kept."""
    chosen = _evenly(active, _MOST_CORRELATED)
    navs = navs_of(table, chosen)
    if navs is None or len(chosen) < 2:
        return None, None
    cash = pq.read_table(sweep.folder / "base.parquet", columns=["risk_free"])["risk_free"]
    excess = navs[1:] / navs[:-1] - 1.0 - cash.to_numpy()[1:, None]
    draws = {"seed": sweep.config.seed, "trials": excess.shape[1]}
    reality = inference.reality_check(excess, **draws)
    superior = inference.spa(excess, **draws)
    return _number(reality.p_value), _number(superior.consistent)


def navs_of(table: pq.Table, places: Sequence[int]) -> FloatArray | None:
    """NAV after each close of the trials at ``places``, (T, N); None where none of one length."""
    if "nav" not in table.column_names or not places:
        return None
    navs = [np.asarray(table["nav"][place].as_py(), dtype=np.float64) for place in places]
    return np.column_stack(navs) if len({len(nav) for nav in navs}) == 1 else None


def _clusters(table: pq.Table, active: Sequence[int]) -> NDArray[np.int64] | None:
    """Clusters of correlated trials; only where daily NAV was kept."""
    navs = navs_of(table, _evenly(active, _MOST_CORRELATED))
    if navs is None or len(active) < 2:
        return None
    returns = navs[1:] / navs[:-1] - 1.0
    moving = returns.std(axis=0) > 0
    if moving.sum() < 2:
        return None
    correlations = np.corrcoef(returns[:, moving], rowvar=False)
    return np.asarray(inference.trial_clusters(np.asarray(correlations)), dtype=np.int64)


def _evenly(places: Sequence[int], most: int) -> list[int]:
    if len(places) <= most:
        return list(places)
    return [places[int(k)] for k in np.linspace(0, len(places) - 1, most).round()]


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None

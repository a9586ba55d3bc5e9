"""What a finished sweep is worth: luck among its trials, overfitting, and its surface."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from backtest import inference
from backtest.search.columns import Columns, columns_of
from backtest.search.job import Row
from backtest.search.scores import block_starts
from backtest.search.selection import distinct, neighbourhood_median
from backtest.search.sweep import Sweep
from backtest.search.table import rows_at
from backtest.trial_ledger import family

FloatArray = NDArray[np.float64]

_MOST = 4_000  # trials that overfitting is judged by; of more, an even choice
_MOST_DRAWN = 10_000  # trials that the page draws; of more, an even choice
_BEST = 200  # trials that are on the page in any case: the best, and the first that failed
_MOST_CORRELATED = 1_000  # trials whose correlations are clustered


@dataclass(frozen=True)
class SweepStatistics:
    """Numbers of a sweep's trials together; None where they cannot be had.

    ``trials`` were simulated, of which ``idle`` never traded; ``repeated`` more are runs that are
    among them already, by their fingerprint, and ``pruned`` were given up early: luck counts them
    as trials, and their ratios are in its spread: ``tried`` are those that traded or were given up
    with a ratio. ``known`` is what the trial ledger has of the strategy on this data, this sweep
    included, and ``deflated_sharpe_known`` counts all of that. Sharpe ratios are annual.
    ``independent`` is the number of clusters of trials whose returns correlate by half or more.
    ``reality_check`` and ``superior_ability`` are p-values that no trial beats cash, White's by the
    mean return and Hansen's by the studentised one.
    """

    trials: int
    idle: int
    repeated: int
    pruned: int
    failed: int
    tried: int
    best: int | None
    best_sharpe: float | None
    expected_best_by_luck: float | None
    deflated_sharpe: float | None
    known: int
    deflated_sharpe_known: float | None
    min_track_years: float | None
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
    """Statistics of a complete sweep, and rows to draw: all, or of very many an even choice.

    Numbers of trials, the best, luck and spread are of all trials. Among the rows are the best
    trials in any case; blocks and NAV are left out of them.
    """
    measure = sweep.settings.rank_by
    columns = columns_of(sweep.table, measure)
    active = np.flatnonzero(columns.traded)
    best = None if np.isnan(columns.scores).all() else int(np.nanargmax(columns.scores))
    per_year = sweep.sessions_per_year
    rows, places = _rows(sweep, columns)
    # Those given up early were tried: luck counts them, as the ledger does.
    tries = (columns.traded | columns.pruned) & ~np.isnan(columns.sharpes)
    sharpes, lengths = columns.sharpes[tries], columns.lengths[tries]
    chosen = None if best is None else rows[int(np.searchsorted(places, best))]
    tried = len(sharpes)
    variance = _variance(sharpes, lengths, chosen)
    known, known_lengths = _known(sweep)
    navs = navs_of(sweep, _evenly(active, _MOST_CORRELATED))
    clusters = _clusters(navs)
    reality, superior = _superior(sweep, navs)
    independent = None if clusters is None else int(clusters.max()) + 1
    overfit = _overfitting(sweep, _evenly(active, _MOST))
    return SweepStatistics(
        trials=int((columns.done & ~columns.repeated).sum()),
        idle=int((columns.done & ~columns.repeated).sum()) - len(active),
        repeated=int(columns.repeated.sum()),
        pruned=int(columns.pruned.sum()),
        failed=int(columns.failed.sum()),
        tried=tried,
        best=None if chosen is None else int(str(chosen["trial"])),
        best_sharpe=None if chosen is None else _number(chosen["sharpe"]),
        expected_best_by_luck=(
            None
            if math.isnan(variance)
            else math.sqrt(variance * per_year) * inference.expected_maximum(tried)
        ),
        deflated_sharpe=_deflated(chosen, tried, variance),
        known=len(known),
        deflated_sharpe_known=_deflated(
            chosen, len(known), _variance(known, known_lengths, chosen)
        ),
        min_track_years=None if chosen is None else _track(chosen, per_year),
        independent=independent,
        deflated_sharpe_independent=_deflated(chosen, independent or 0, variance),
        min_backtest_years=inference.min_backtest_years(tried) if tried > 1 else None,
        years=columns.sessions / per_year,
        overfitting=None if overfit is None else overfit.probability,
        probability_of_loss=None if overfit is None else overfit.probability_of_loss,
        slope=None if overfit is None else _number(overfit.slope),
        judged_by=min(len(active), _MOST),
        neighbours_median=(
            None if chosen is None else _number(_about(chosen, rows, measure, sweep.keys))
        ),
        reality_check=reality,
        superior_ability=superior,
    ), rows


def _about(chosen: Row, rows: list[Row], measure: str, keys: Sequence[str]) -> float:
    """Median score of the best and its neighbours, each run once."""
    runs = distinct(rows)
    return neighbourhood_median(runs, measure, keys, runs.index(chosen))


def _rows(sweep: Sweep, columns: Columns) -> tuple[list[Row], NDArray[np.int64]]:
    """Rows to draw, the best among them, and their places in the table."""
    places = _evenly(np.arange(len(columns.done)), _MOST_DRAWN)
    if len(places) < len(columns.done):
        failed = np.flatnonzero(columns.failed)
        places = np.unique(np.concatenate([places, columns.ranked[:_BEST], failed[:_BEST]]))
    bulky = ("block_sum", "block_sum_of_squares", "nav")
    light = [name for name in pq.read_schema(sweep.table).names if name not in bulky]
    rows = rows_at(sweep.table, places, light).to_pylist()
    drawn = columns.drawn[places].tolist()
    return [row | {"drawn": times} for row, times in zip(rows, drawn, strict=True)], places


def _known(sweep: Sweep) -> tuple[FloatArray, FloatArray]:
    """Ratios per session, and sessions, of all trials ever made of the strategy on this data."""
    said = json.loads((sweep.folder / "sweep.json").read_text("utf-8"))
    trials = family(sweep.folder.parents[1], strategy=said["strategy"], data=said["data"])
    kinds = np.dtype([("sharpe", np.float64), ("sessions", np.float64)])
    known = np.fromiter(
        ((trial.sharpe, trial.sessions) for trial in trials if trial.sharpe is not None),
        dtype=kinds,
    )
    return known["sharpe"], known["sessions"]


def _variance(sharpes: FloatArray, sessions: FloatArray, chosen: Row | None) -> float:
    """Variance of the trials' ratios for the sessions of the best; NaN where there is none."""
    if chosen is None:
        return math.nan
    return inference.trial_variance(sharpes, sessions, observations=int(str(chosen["sessions"])))


def _track(row: Row, per_year: float) -> float | None:
    sessions = inference.min_track_record(
        float(str(row["sharpe_per_session"])),
        skewness=float(str(row["skewness"])),
        kurtosis=float(str(row["kurtosis"])),
    )
    return _number(sessions / per_year)


def _deflated(row: Row | None, trials: int, variance: float) -> float | None:
    """Deflated Sharpe ratio of the best; None with fewer than two trials, or no spread of them."""
    if row is None or trials < 2 or math.isnan(variance):
        return None
    odds = inference.deflated_sharpe(
        float(str(row["sharpe_per_session"])),
        int(str(row["sessions"])),
        skewness=float(str(row["skewness"])),
        kurtosis=float(str(row["kurtosis"])),
        trials=trials,
        trial_variance=variance,
    )
    return _number(odds)


def _overfitting(sweep: Sweep, places: NDArray[np.int64]) -> inference.Overfitting | None:
    """Probability of overfitting by the block sums of trials over the same sessions."""
    if len(places) < 2:
        return None
    blocks = sweep.settings.blocks
    names = ("block_sum", "block_sum_of_squares")
    table = rows_at(sweep.table, places, ["sessions", *names])
    sessions = set(table["sessions"].to_pylist())
    if len(sessions) != 1 or min(sessions) < 2 * blocks:
        return None  # trials of different periods have no blocks in common
    (count,) = sessions
    sums, squares = (_stacked(table[name]).T for name in names)
    counts = np.diff([*block_starts(count, blocks), count])
    return inference.probability_of_overfitting(inference.BlockSums(counts, sums, squares))


def _superior(sweep: Sweep, navs: FloatArray | None) -> tuple[float | None, float | None]:
    """P-values of White's and Hansen's tests against cash; only where daily NAV was kept."""
    if navs is None or navs.shape[1] < 2:
        return None, None
    cash = pq.read_table(sweep.folder / "base.parquet", columns=["risk_free"])["risk_free"]
    if len(cash) != len(navs):
        return None, None  # the trials are of another period than the config itself
    excess = navs[1:] / navs[:-1] - 1.0 - cash.to_numpy()[1:, None]
    draws = {"seed": sweep.config.seed, "trials": excess.shape[1]}
    reality = inference.reality_check(excess, **draws)
    superior = inference.spa(excess, **draws)
    return _number(reality.p_value), _number(superior.consistent)


def navs_of(sweep: Sweep, places: NDArray[np.int64]) -> FloatArray | None:
    """NAV after each close of the trials at ``places``, (T, N); None where none of one length."""
    if not sweep.settings.keep_nav or not len(places):
        return None
    navs = rows_at(sweep.table, places, ["nav"])["nav"]
    return _stacked(navs).T if len(set(pc.list_value_length(navs).to_pylist())) == 1 else None


def _stacked(lists: pa.ChunkedArray) -> FloatArray:
    """Lists of one length as the rows of an array."""
    return np.asarray(lists.combine_chunks().flatten()).reshape(len(lists), -1)


def _clusters(navs: FloatArray | None) -> NDArray[np.int64] | None:
    """Clusters of correlated trials; only where daily NAV was kept."""
    if navs is None or navs.shape[1] < 2:
        return None
    returns = navs[1:] / navs[:-1] - 1.0
    moving = returns.std(axis=0) > 0
    if moving.sum() < 2:
        return None
    correlations = np.corrcoef(returns[:, moving], rowvar=False)
    return np.asarray(inference.trial_clusters(np.asarray(correlations)), dtype=np.int64)


def _evenly(places: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    if len(places) <= most:
        return places
    return places[np.linspace(0, len(places) - 1, most).round().astype(np.int64)]


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None

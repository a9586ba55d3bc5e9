"""What is known of every trial of a complete table, in some forty bytes each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from backtest.search.selection import scores_of_columns
from backtest.search.table import batches_of

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_KEPT = ("status", "fingerprint", "fills", "sessions", "sharpe_per_session")


@dataclass(frozen=True)
class Columns:
    """All trials, each array of shape (rows of the table,)."""

    done: BoolArray
    failed: BoolArray
    repeated: BoolArray  # done, but the run of an earlier trial
    pruned: BoolArray  # given up early, the first of those that are the same part of a run
    traded: BoolArray  # done, not repeated, and had fills
    sharpes: FloatArray  # per session; of one given up early, of the sessions that it had
    lengths: FloatArray  # sessions of each, NaN for one that was not simulated
    drawn: NDArray[np.int64]  # how many trials are the same run as this one
    scores: FloatArray  # by the measure that ranks; NaN for one that never traded, or is repeated
    sessions: int  # of the longest trial that traded

    @property
    def ranked(self) -> NDArray[np.int64]:
        """Places, best first; ties by number, trials without a score last."""
        return np.argsort(-np.where(np.isnan(self.scores), -np.inf, self.scores), kind="stable")


def columns_of(path: Path, measure: str) -> Columns:
    """Columns of the table at ``path``, scores by ``measure``; a group of rows is in memory."""
    count = pq.read_metadata(path).num_rows
    done, failed, pruned, traded = (np.zeros(count, dtype=np.bool_) for _ in range(4))
    runs = np.zeros(count, dtype=np.uint64)
    sharpes, scores, lengths = np.empty(count), np.empty(count), np.empty(count)
    sessions = 0
    names = list(dict.fromkeys([*_KEPT, measure]))
    for place, batch in _placed(path, names):
        own = slice(place, place + batch.num_rows)
        fills = _floats(batch["fills"])
        done[own] = _equal(batch["status"], "done")
        failed[own] = _equal(batch["status"], "failed")
        pruned[own] = _equal(batch["status"], "pruned")
        runs[own] = [int(text or "0", 16) for text in batch["fingerprint"].to_pylist()]
        traded[own] = done[own] & (fills != 0)
        sharpes[own] = _floats(batch["sharpe_per_session"])
        scores[own] = scores_of_columns(fills, _floats(batch[measure]), measure)
        lengths[own] = _floats(batch["sessions"])
        sessions = max(sessions, int(lengths[own][traded[own]].max(initial=0)))
    _, first, place_of, times = np.unique(
        runs, return_index=True, return_inverse=True, return_counts=True
    )
    again = np.ones(count, dtype=np.bool_)
    again[first] = False
    repeated = done & again
    traded &= ~repeated
    scores[repeated] = np.nan
    return Columns(
        done=done,
        failed=failed,
        repeated=repeated,
        pruned=pruned & ~(again & (runs != 0)),
        traded=traded,
        sharpes=sharpes,
        lengths=lengths,
        drawn=times[place_of],
        scores=scores,
        sessions=sessions,
    )


def places_of(path: Path, trials: Iterable[int]) -> NDArray[np.int64]:
    """Places in the table (ascending) of the trials with these numbers, as far as it has them."""
    wanted = np.array(sorted(set(trials)), dtype=np.int64)
    found = [
        place + np.flatnonzero(np.isin(batch["trial"].to_numpy(), wanted))
        for place, batch in _placed(path, ["trial"])
    ]
    return np.concatenate([np.zeros(0, dtype=np.int64), *found])


def _placed(path: Path, names: list[str]) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Groups of rows, each with the place of its first."""
    place = 0
    for batch in batches_of(path, names):
        yield place, batch
        place += batch.num_rows


def _floats(values: pa.Array) -> FloatArray:
    """Numbers, NaN where there is none."""
    return np.asarray(values.to_numpy(zero_copy_only=False), dtype=np.float64)


def _equal(values: pa.Array, text: str) -> BoolArray:
    return np.asarray(pc.equal(values, text).to_numpy(zero_copy_only=False), dtype=np.bool_)

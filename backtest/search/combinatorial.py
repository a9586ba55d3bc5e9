"""Combinatorial purged cross-validation: many out-of-sample paths from one search."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backtest.research import CombinatorialSettings
from backtest.search.windows import combinatorial_splits, group_bounds

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class CombinatorialPaths:
    """Out-of-sample returns of what each split's training would have chosen.

    ``paths`` has shape (P, T): every path covers every session once. ``sharpes`` (P,) are per
    session. ``chosen`` holds the column chosen by each split, ``in_sample`` its Sharpe ratio there.
    """

    paths: FloatArray
    sharpes: FloatArray
    chosen: NDArray[np.int64]
    in_sample: FloatArray


def combinatorial_paths(
    excess: FloatArray, settings: CombinatorialSettings, *, purge: int, embargo: int
) -> CombinatorialPaths:
    """Choose the best column by the training groups of every split, and follow it in the others.

    Parameters
    ----------
    excess
        Excess returns per session of every trial, shape (T, N). A column with a NaN is never
        chosen.
    purge, embargo
        Sessions, see `combinatorial_splits`.

    Notes
    -----
    With N groups and k of them tested there are C(N, k) splits and C(N - 1, k - 1) paths: the k-th
    time that a group is tested belongs to the k-th path.

    References
    ----------
    Lopez de Prado (2018), Advances in Financial Machine Learning, chapter 12.
    """
    sessions, trials = excess.shape
    bounds = group_bounds(sessions, settings.groups)
    count = math.comb(settings.groups - 1, settings.test_groups - 1)
    paths = np.full((count, sessions), np.nan)
    tested_before = [0] * settings.groups
    chosen, scores = [], []
    usable = ~np.isnan(excess).any(axis=0)
    for split in combinatorial_splits(sessions, settings, purge=purge, embargo=embargo):
        score = _sharpes(excess[split.train])
        score[~usable] = -np.inf
        best = int(np.argmax(np.where(np.isnan(score), -np.inf, score))) if trials else 0
        chosen.append(best)
        scores.append(score[best])
        for group in split.tested:
            first, stop = bounds[group]
            paths[tested_before[group], first:stop] = excess[first:stop, best]
            tested_before[group] += 1
    return CombinatorialPaths(
        paths, _sharpes(paths.T), np.array(chosen, dtype=np.int64), np.array(scores)
    )


def _sharpes(excess: FloatArray) -> FloatArray:
    """Sharpe ratio per session of each column; NaN where it does not vary."""
    spread = excess.std(axis=0, ddof=1)
    mean = excess.mean(axis=0)
    sharpes: FloatArray = np.full_like(mean, np.nan)
    np.divide(mean, spread, out=sharpes, where=spread > 0)
    return sharpes

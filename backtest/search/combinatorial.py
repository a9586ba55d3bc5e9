"""Combinatorial purged cross-validation: many out-of-sample paths from one search."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backtest.research import CombinatorialSettings
from backtest.search.windows import combinatorial_splits, group_bounds

FloatArray = NDArray[np.float64]

_SAME = 1e-9  # of returns that differ by rounding alone


@dataclass(frozen=True)
class CombinatorialPaths:
    """Out-of-sample returns of what each split's training would have chosen.

    ``paths`` has shape (P, T): every path covers every session once. ``sharpes`` (P,) are per
    session, NaN for a path that held nothing. ``chosen`` holds the column chosen by each split, -1
    for cash, ``in_sample`` its Sharpe ratio there, NaN for cash.
    """

    paths: FloatArray
    sharpes: FloatArray
    chosen: NDArray[np.int64]
    in_sample: FloatArray


def combinatorial_paths(
    excess: FloatArray,
    settings: CombinatorialSettings,
    *,
    purge: int,
    embargo: int,
    idle: FloatArray | None = None,
) -> CombinatorialPaths:
    """Choose the best column by the training groups of every split, and follow it in the others.

    Parameters
    ----------
    excess
        Excess returns per session of every trial, shape (T, N). A column with a NaN is never
        chosen.
    purge, embargo
        Sessions, see `combinatorial_splits`.
    idle
        Excess returns of an account that never trades, shape (T,). A column that has them in all
        training sessions held nothing there: the ratio of its interest is no score. Where that is
        so of every column, cash is chosen.

    Notes
    -----
    With N groups and k of them tested there are C(N, k) splits and C(N - 1, k - 1) paths: the k-th
    time that a group is tested belongs to the k-th path.

    References
    ----------
    Lopez de Prado (2018), Advances in Financial Machine Learning, chapter 12.
    """
    sessions = len(excess)
    cash = np.zeros(sessions) if idle is None else idle
    bounds = group_bounds(sessions, settings.groups)
    count = math.comb(settings.groups - 1, settings.test_groups - 1)
    paths = np.full((count, sessions), np.nan)
    tested_before = [0] * settings.groups
    chosen, scores = [], []
    usable = ~np.isnan(excess).any(axis=0)
    for split in combinatorial_splits(sessions, settings, purge=purge, embargo=embargo):
        score = _sharpes(excess[split.train])
        score[~usable] = np.nan
        if idle is not None:
            score[_held_nothing(excess[split.train], idle[split.train])] = np.nan
        scored = not np.isnan(score).all()
        best = int(np.nanargmax(score)) if scored else -1
        followed = excess[:, best] if scored else cash
        chosen.append(best)
        scores.append(score[best] if scored else np.nan)
        for group in split.tested:
            first, stop = bounds[group]
            paths[tested_before[group], first:stop] = followed[first:stop]
            tested_before[group] += 1
    sharpes = _sharpes(paths.T)
    if idle is not None:
        sharpes[_held_nothing(paths.T, idle)] = np.nan
    return CombinatorialPaths(paths, sharpes, np.array(chosen, dtype=np.int64), np.array(scores))


def _held_nothing(excess: FloatArray, idle: FloatArray) -> NDArray[np.bool_]:
    """Whether each column, of shape (T, N), is what cash made and no more."""
    return np.asarray((np.abs(excess - idle[:, None]) <= _SAME).all(axis=0))


def _sharpes(excess: FloatArray) -> FloatArray:
    """Sharpe ratio per session of each column; NaN where it does not vary."""
    spread = excess.std(axis=0, ddof=1)
    mean = excess.mean(axis=0)
    sharpes: FloatArray = np.full_like(mean, np.nan)
    np.divide(mean, spread, out=sharpes, where=spread > 0)
    return sharpes

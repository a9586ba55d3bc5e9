"""How much several runs are one bet: their returns, their holdings, their drawdowns."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from backtest.measures.performance import NOISE, DateArray, FloatArray
from backtest.report import formats
from backtest.report.catalogue import look_up

if TYPE_CHECKING:
    from backtest.report.compare_common import Common
    from backtest.report.series import Series
    from backtest.result import Result

_BLOCK = 200_000  # weights of one run that are worked on at a time
_MIN_SESSIONS = 3

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Overlap:
    """Pairs of runs on their common sessions: R runs, C sessions; NaN where not defined.

    Attributes
    ----------
    correlation
        Of returns, shape (R, R).
    holdings
        Average over the sessions of what two runs hold alike: the sum over instruments of the
        smaller weight where both are on one side, over the larger gross exposure of the two. 1 is
        the same book, 0 no name in common; sessions where neither holds anything do not count.
    with_first
        The same with the first run, session by session, shape (R, C).
    drawdowns
        Depth that two drawdowns share, summed over the sessions, over the depth that either has.
        1 is the same falls at the same time, 0 never both under water.
    """

    correlation: FloatArray
    holdings: FloatArray
    with_first: FloatArray
    drawdowns: FloatArray


class Fall(NamedTuple):
    """Deepest drawdown of one run, and what every run returned from its peak to its trough."""

    peak: str
    trough: str
    returns: tuple[float, ...]


def overlap_of(results: Sequence[Result], common: Common) -> Overlap:
    """Overlap of each pair of runs."""
    holdings, with_first = _holdings(results, common.sessions)
    return Overlap(_correlation(_moving(common)), holdings, with_first, _shared(-common.drawdown))


def deepest_falls(results: Sequence[Result], dailies: Sequence[Series]) -> list[Fall | None]:
    """Each run's deepest fall, as its metrics date it; None where NAV never fell.

    Returns are from the last NAV at or before the peak's day to that of the trough's, NaN for a
    run that had not begun or had ended.
    """
    found: list[Fall | None] = []
    for result in results:
        deepest = look_up(result.metrics, ("drawdowns", "deepest"))
        if not isinstance(deepest, dict):
            found.append(None)
            continue
        peak, trough = formats.day(deepest.get("peak")), formats.day(deepest.get("trough"))
        returns = tuple(_between(daily, peak, trough) for daily in dailies)
        found.append(Fall(peak, trough, returns))
    return found


def _moving(common: Common) -> FloatArray:
    """Returns of the runs, NaN of those that held nothing: interest alone is no bet."""
    return np.where(common.invested[:, np.newaxis], common.returns, np.nan)


def _correlation(returns: FloatArray) -> FloatArray:
    runs, sessions = returns.shape
    if sessions < _MIN_SESSIONS:
        return np.full((runs, runs), math.nan)
    moves = returns.std(axis=1) > NOISE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a run that never moves has no correlation
        matrix = np.atleast_2d(np.corrcoef(returns))
    return np.where(moves[:, None] & moves[None, :], matrix, math.nan)


def _shared(depth: FloatArray) -> FloatArray:
    """Sum of the smaller of each pair over the sum of the larger, ``depth`` (R, C) >= 0."""
    shares = np.full((len(depth), len(depth)), math.nan)
    for at, own in enumerate(depth):
        both = np.minimum(own, depth).sum(axis=1)
        either = np.maximum(own, depth).sum(axis=1)
        np.divide(both, either, out=shares[at], where=either > NOISE)
    return shares


def _holdings(results: Sequence[Result], sessions: DateArray) -> tuple[FloatArray, FloatArray]:
    """Average overlap of each pair, (R, R), and each run's with the first by session, (R, C)."""
    runs, count = len(results), sessions.size
    total, known = np.zeros((runs, runs)), np.zeros((runs, runs))
    first = np.full((runs, count), math.nan)
    keys, weights, symbols = _books(results, sessions)
    present = np.zeros(count * symbols, dtype=np.bool_)
    for key in keys:
        present[key] = True
    union = np.flatnonzero(present)
    row = union // symbols
    edges = np.flatnonzero(np.diff(row, prepend=-1))  # where a session's names begin
    for start, stop in _blocks(edges, union.size):
        part = union[start:stop]
        dense = np.zeros((runs, part.size))
        for at, (key, weight) in enumerate(zip(keys, weights, strict=True)):
            low, high = np.searchsorted(key, [part[0], part[-1] + 1])
            dense[at, np.searchsorted(part, key[low:high])] = weight[low:high]
        bounds = edges[(edges >= start) & (edges < stop)] - start
        days = row[start:stop][bounds]
        gross = np.add.reduceat(np.abs(dense), bounds, axis=1)
        for at in range(runs):
            alike = np.add.reduceat(_alike(dense[at], dense[at:]), bounds, axis=1)
            whole = np.maximum(gross[at], gross[at:])
            held = whole > NOISE
            share = np.divide(alike, whole, out=np.full_like(alike, math.nan), where=held)
            total[at, at:] += np.where(held, share, 0.0).sum(axis=1)
            known[at, at:] += held.sum(axis=1)
            if at == 0:
                first[:, days] = share
    mean = np.divide(total, known, out=np.full_like(total, math.nan), where=known > 0)
    return np.where(np.tri(runs, k=-1, dtype=bool), mean.T, mean), first


def _alike(own: FloatArray, others: FloatArray) -> FloatArray:
    """Smaller weight by size where both are on one side, else 0."""
    alike = np.clip(np.minimum(own, others), 0.0, None)
    if (own < 0.0).any():
        alike += np.clip(np.minimum(-own, -others), 0.0, None)
    return alike


def _books(
    results: Sequence[Result], sessions: DateArray
) -> tuple[list[IntArray], list[FloatArray], int]:
    """Each run's weights on the common sessions under sorted keys: session x symbols + symbol."""
    coded = [pd.factorize(result.positions["symbol"]) for result in results]
    names = sorted({str(name) for _, symbols in coded for name in symbols})
    index = pd.Index(names)
    keys, weights = [], []
    for result, (codes, symbols) in zip(results, coded, strict=True):
        held = result.positions
        places, days = pd.factorize(held["session"])
        row = _rows_of(days.to_numpy().astype("datetime64[D]"), sessions)[places]
        inside = row >= 0
        column = index.get_indexer(pd.Index([str(name) for name in symbols]))[codes]
        key = (row * len(names) + column)[inside].astype(np.int64)
        weight = held["weight"].to_numpy(dtype=np.float64)[inside]
        if (np.diff(key) < 0).any():
            order = np.argsort(key, kind="stable")
            key, weight = key[order], weight[order]
        keys.append(key)
        weights.append(np.where(np.isfinite(weight), weight, 0.0))
    return keys, weights, max(len(names), 1)


def _rows_of(days: DateArray, sessions: DateArray) -> IntArray:
    """Places of ``days`` among the sorted ``sessions``, -1 where they are not."""
    rows = np.searchsorted(sessions, days)
    known = rows < sessions.size
    known[known] = sessions[rows[known]] == days[known]
    return np.where(known, rows, -1)


def _blocks(edges: IntArray, size: int) -> list[tuple[int, int]]:
    """Whole sessions in blocks of about ``_BLOCK`` keys."""
    cuts = [0]
    for edge in edges.tolist():
        if edge - cuts[-1] >= _BLOCK:
            cuts.append(edge)
    return list(zip(cuts, [*cuts[1:], size], strict=True)) if size else []


def _between(daily: Series, peak: str, trough: str) -> float:
    """Return from the close of ``peak`` to the close of ``trough``, dates of another run."""
    account = daily.account
    days = np.array([peak, trough], dtype="datetime64[D]")
    begun = account.sessions[0] - np.timedelta64(1, "D")  # the day of the initial cash
    if days[0] < begun or days[1] > account.sessions[-1]:
        return math.nan
    before, after = account.nav[np.searchsorted(account.sessions, days, side="right")]
    return float(after / before - 1.0) if before > 0.0 else math.nan


def average_overlap(values: FloatArray, window: int) -> FloatArray:
    """Mean of the last ``window`` values that are known, shape (T,); NaN until there is one."""
    frame = pd.Series(values)
    return frame.rolling(window, min_periods=1).mean().to_numpy(dtype=np.float64)

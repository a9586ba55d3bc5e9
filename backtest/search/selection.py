"""Which trial of a search one would have taken."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from backtest.inference import deflated_sharpe, trial_variance
from backtest.search.job import Row
from backtest.search.scores import LESS_IS_BETTER

FloatArray = NDArray[np.float64]

_GRID_FILLED = 4  # times the trials: a grid may have so many combinations that were left out
_NEIGHBOURS = 8  # of a trial drawn at random; a trial of a grid has those one step away


def scores_by(rows: Sequence[Row], measure: str) -> FloatArray:
    """Score of each row by ``measure``, higher is better; NaN for a trial without one.

    A trial that never traded has none: interest on idle cash hardly varies, so that its Sharpe
    ratio can be beyond all others.
    """
    fills, values = (np.array([_float(row.get(n)) for row in rows]) for n in ("fills", measure))
    return scores_of_columns(fills, values, measure)


def scores_of_columns(fills: FloatArray, values: FloatArray, measure: str) -> FloatArray:
    """As `scores_by`, of columns; NaN is no value."""
    scores = np.where(fills == 0, math.nan, values)
    return -scores if measure in LESS_IS_BETTER else scores


def distinct(rows: Sequence[Row]) -> list[Row]:
    """The rows, each run once: a draw that comes twice is no neighbour of itself."""
    runs: dict[object, Row] = {}
    for at, row in enumerate(rows):
        runs.setdefault(row.get("fingerprint") or at, row)
    return list(runs.values())


def best(rows: Sequence[Row], measure: str) -> int | None:
    """Place of the best row, the first of equals; None where none has a score."""
    scores = scores_by(rows, measure)
    return None if np.isnan(scores).all() else int(np.nanargmax(scores))


def plateau(rows: Sequence[Row], measure: str, keys: Sequence[str]) -> int | None:
    """Place of the row whose neighbourhood has the best median: a plateau beats a spike.

    On a grid the neighbours are the trials at most one step away in every key, the trial included;
    elsewhere it and its eight nearest by rank in each key. A neighbour without a score counts as
    the worst.
    """
    scores = scores_by(rows, measure)
    if np.isnan(scores).all():
        return None
    medians = neighbourhood_medians(rows, measure, keys)
    # Among equal medians the higher score.
    ranked = np.lexsort((-_worst_last(scores), -_worst_last(medians)))
    return int(ranked[0])


def neighbourhood_medians(rows: Sequence[Row], measure: str, keys: Sequence[str]) -> FloatArray:
    """Median score of each row and its neighbours, shape (rows,); NaN for a row without a score."""
    scores = scores_by(rows, measure)
    medians = np.full(len(rows), np.nan)
    if not len(rows):
        return medians
    places = _places(rows, keys)
    for place in np.flatnonzero(~np.isnan(scores)):
        medians[place] = _median_about(int(place), places, _worst_last(scores))
    return medians


def neighbourhood_median(
    rows: Sequence[Row], measure: str, keys: Sequence[str], place: int
) -> float:
    """As `neighbourhood_medians`, of the row at ``place`` alone."""
    return _median_about(place, _places(rows, keys), _worst_last(scores_by(rows, measure)))


def _median_about(place: int, places: NDArray[np.int64], scores: FloatArray) -> float:
    """Median of the scores of a row and its neighbours; ``places`` of shape (rows, keys)."""
    apart = np.abs(places - places[place])
    reach = places.max(axis=0)
    if np.prod(reach + 1.0) <= _GRID_FILLED * len(places):
        near = np.flatnonzero(apart.max(axis=1) <= 1)
    else:
        distance = np.square(apart / np.maximum(reach, 1)).sum(axis=1)
        near = np.argsort(distance, kind="stable")[: _NEIGHBOURS + 1]
    return float(np.median(scores[near]))


def _worst_last(scores: FloatArray) -> FloatArray:
    return np.where(np.isnan(scores), -np.inf, scores)


def deflated(rows: Sequence[Row], measure: str, *, at_least: float) -> int | None:
    """Place of the best row if luck among the trials does not explain it, else None.

    The deflated Sharpe ratio counts every trial that was simulated; their spread is that of their
    Sharpe ratios per session.
    """
    place = best(rows, measure)
    if place is None:
        return None
    odds = deflated_of(rows, place)
    return place if odds >= at_least else None


def deflated_of(rows: Sequence[Row], place: int) -> float:
    """Deflated Sharpe ratio of a row among the rows, a probability; NaN where not defined."""
    names = ("sharpe_per_session", "sessions")
    runs = distinct(rows)
    sharpes, sessions = (np.array([_float(one[n]) for one in runs]) for n in names)
    row = rows[place]
    variance = trial_variance(sharpes, sessions, observations=int(str(row["sessions"])))
    if math.isnan(variance):
        return math.nan
    return deflated_sharpe(
        _float(row["sharpe_per_session"]),
        int(str(row["sessions"])),
        trials=int((~np.isnan(sharpes)).sum()),
        trial_variance=variance,
        skewness=_float(row["skewness"]),
        kurtosis=_float(row["kurtosis"]),
    )


def _places(rows: Sequence[Row], keys: Sequence[str]) -> NDArray[np.int64]:
    """Rank of each row's value among the distinct values of each key, shape (rows, keys)."""
    columns = []
    for key in keys:
        found = [row[key] for row in rows]
        if all(isinstance(value, int | float) for value in found):
            numbers = np.array(found, dtype=np.float64)
            columns.append(np.unique(numbers, return_inverse=True)[1])
        else:
            columns.append(np.unique([str(value) for value in found], return_inverse=True)[1])
    return np.column_stack(columns).astype(np.int64)


def _float(value: object) -> float:
    return float(value) if isinstance(value, int | float) else math.nan

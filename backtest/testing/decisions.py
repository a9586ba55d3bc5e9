"""Which decisions a strategy is asked about again with another future.

A strategy that peeks one session ahead moves only the row next to where the future begins. So the
decisions are taken from those that send orders; and beside events, for what becomes known with a
jump (a restatement, a split, a listing, the end of a halt) is where knowing early shows.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd

from backtest.calendars import local_midnights
from backtest.testing.panels import Scene

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Times = npt.NDArray[np.datetime64]

SPREAD = 5
"""Decisions spread over the run, besides those beside events."""


def chosen_decisions(scene: Scene, weights: pd.DataFrame) -> dict[int, str]:
    """Rows of the panel, in order, with why each was chosen; the same inputs give the same rows.

    At least `SPREAD` where the run has as many decisions.
    """
    sends, rows = _candidates(scene, weights)
    reasons: dict[int, str] = {int(row): "the first order" for row in sends[:1]}
    for row in _spread(sends) if len(sends) > SPREAD else [*sends, *_spread(rows)]:
        reasons.setdefault(int(row), "spread over the run")
    used = (np.nan_to_num(weights.to_numpy(dtype=np.float64)) != 0.0).any(axis=0)
    for name, find in EVENTS.items():
        known, column = find(scene)
        at = _typical(known, column, used, scene, rows)
        if at is None:
            continue
        first = int(np.searchsorted(scene.clock.decisions, at, side="left"))
        split = int(np.searchsorted(rows, first, side="left"))
        if split > 0:
            reasons.setdefault(int(rows[split - 1]), f"before a {name} is known")
        if split < len(rows):
            reasons.setdefault(int(rows[split]), f"after a {name} is known")
    return dict(sorted(reasons.items()))


def _candidates(scene: Scene, weights: pd.DataFrame) -> tuple[IntArray, IntArray]:
    """Rows of the run that send orders; and these, or where they are few all that may send any.

    The panel's first row is left out: nothing was known before it that could be kept.
    """
    clock = scene.clock
    inside = np.arange(len(clock.decisions)) >= max(clock.first, 1)
    may = clock.can_rebalance & inside
    sends = np.flatnonzero(may & weights.notna().to_numpy().any(axis=1))
    for wanted in (sends, np.flatnonzero(may)):
        if len(wanted) > SPREAD:
            return sends, wanted
    return sends, np.flatnonzero(inside)


def _spread(rows: IntArray) -> IntArray:
    """`SPREAD` of ``rows`` at equal distances, without the ends; all where there are no more."""
    if len(rows) <= SPREAD:
        return rows
    at = np.arange(1, SPREAD + 1) * len(rows) // (SPREAD + 1)
    return rows[at]


def _typical(
    known: Times, column: IntArray, used: BoolArray, scene: Scene, rows: IntArray
) -> np.datetime64 | None:
    """The middle one of the events within the run, of instruments that are held if there are any.

    ``column`` is -1 for an event of the whole market.
    """
    times = scene.clock.decisions
    inside = (known > times[rows[0]]) & (known <= times[rows[-1]])
    held = inside & (column >= 0) & used[np.maximum(column, 0)]
    for chosen in (held, inside):
        if chosen.any():
            ordered = np.sort(known[chosen])
            return np.datetime64(ordered[(len(ordered) - 1) // 2])
    return None


def _restatements(scene: Scene) -> tuple[Times, IntArray]:
    facts = scene.bundle.facts
    again = facts.duplicated(["symbol", "field", "period"], keep=False)
    told = facts[again].sort_values("known_at", kind="stable")
    told = told[told.duplicated(["symbol", "field", "period"], keep="first")]
    column = told["symbol"].map(scene.grid.columns).fillna(-1).to_numpy()
    known = told["known_at"].dt.tz_localize(None).to_numpy().astype("datetime64[ns]")
    return known, column.astype(np.int64)


def _actions(scene: Scene, values: FloatArray, nothing: float) -> tuple[Times, IntArray]:
    acts, bars = scene.grid.actions, scene.grid.bars
    known, columns = [], []
    for number, exchange in enumerate(bars.exchanges):
        opens = bars.sessions[exchange].open
        mine = (bars.column_exchange[acts.column] == number) & (values != nothing)
        mine &= acts.row < len(opens)
        known.append(opens[acts.row[mine]])
        columns.append(acts.column[mine].astype(np.int64))
    return np.concatenate(known), np.concatenate(columns)


def _splits(scene: Scene) -> tuple[Times, IntArray]:
    return _actions(scene, scene.grid.actions.split, 1.0)


def _dividends(scene: Scene) -> tuple[Times, IntArray]:
    return _actions(scene, scene.grid.actions.dividend, 0.0)


def _dates(scene: Scene, name: str) -> tuple[Times, IntArray]:
    """Local midnights of a date column of the instruments, tradable ones only."""
    table = scene.bundle.instruments
    known = np.full(len(table), np.datetime64("NaT"), dtype="datetime64[ns]")
    exchanges = table["exchange"].to_numpy()
    for exchange in scene.grid.bars.exchanges:
        mine = exchanges == exchange
        known[mine] = local_midnights(exchange, table[name].to_numpy()[mine])
    given = ~np.isnat(known) & (table["kind"] != "index").to_numpy(dtype=bool)
    return known[given], np.flatnonzero(given)


def _resumptions(scene: Scene) -> tuple[Times, IntArray]:
    """CLOSE of the first bar after the longest gap of each instrument; gaps of one bar count."""
    bars = scene.grid.bars
    traded = ~np.isnan(bars.close)
    ordinal = np.arange(len(traded))[:, None]
    before = np.maximum.accumulate(np.where(traded, ordinal, -1), axis=0)
    missed = np.zeros(traded.shape, dtype=np.int64)
    missed[1:] = np.where(traded[1:] & (before[:-1] >= 0), ordinal[1:] - before[:-1] - 1, 0)
    columns = np.flatnonzero(missed.max(axis=0) > 0)
    rows = missed[:, columns].argmax(axis=0)
    exchanges = bars.column_exchange[columns]
    known = np.array(
        [
            bars.sessions[bars.exchanges[number]].close[row]
            for number, row in zip(exchanges, rows, strict=True)
        ],
        dtype="datetime64[ns]",
    )
    return known, columns.astype(np.int64)


EVENTS: dict[str, Callable[[Scene], tuple[Times, IntArray]]] = {
    "restatement": _restatements,
    "split": _splits,
    "dividend": _dividends,
    "listing": lambda scene: _dates(scene, "listed"),
    "delisting": lambda scene: _dates(scene, "delisted"),
    "price after a halt": _resumptions,
}
"""Instants at which something of an instrument becomes known, with its column."""

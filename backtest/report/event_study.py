"""Prices around the events that a strategy waits for, whether it bought or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from backtest.measures.studies import cluster_interval, mean_of_known

if TYPE_CHECKING:
    from backtest.clock import Clock
    from backtest.data.grid import Grid
    from backtest.panel import Panel
    from backtest.strategy import Strategy

FloatArray = npt.NDArray[np.float64]
FloatArray32 = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]

BEFORE, AFTER = 20, 60
"""Own sessions of the average path before and after the entry session."""

HORIZONS = (1, 5, 10, 20, 60, 120)
"""Own sessions after the entry session at whose close a return is kept."""

_SEED = 20_240_805


@dataclass(frozen=True, eq=False)
class _Entries:
    """Where events would have been bought: column, row in its own calendar, price; shape (E,)."""

    column: IntArray
    row: IntArray
    price: FloatArray
    end: IntArray
    """First row of each that the run does not see."""


def event_frames(
    grid: Grid,
    clock: Clock,
    panel: Panel,
    *,
    strategy: Strategy,
    weights: pd.DataFrame,
    offers: FloatArray,
    benchmark: str | None,
    fill: str,
    regimes: Sequence[str] = (),
) -> dict[str, pd.DataFrame]:
    """``events`` and ``event_path`` of the run's sessions; nothing where the strategy has none.

    An event is measured from the price that an order decided then would have met: the next open or
    close of its exchange, by ``fill``, before slippage. Total return, in local currency.

    Parameters
    ----------
    offers
        Offer price by column, NaN where there is none.
    regimes
        Mechanism that divided each column's offer; empty where that is not known. Listings only.

    Returns
    -------
    dict
        ``events``: session, symbol, ``taken`` (the strategy wanted it), the strategy's attributes,
        ``entry`` (that price, NaN where there was no bar: no return either), ``offer_return`` (a
        listing's first close over its offer), ``return_0`` (entry to that session's close) and
        ``return_<k>``, ``market_<k>`` (the benchmark's over the same time); of listings
        ``regime``, the mechanism of the offer.
        ``event_path``: ``group`` (``all`` or ``taken``), ``offset`` in own sessions from the entry
        session's close, ``count``, ``mean``, its 90 % interval ``low`` and ``high`` (drawn by
        calendar month), quartiles of the events ``q25`` and ``q75``, ``market``.
    """
    told = strategy.events(panel, weights)
    if told is None:
        return {}
    events = _in_run(told, clock)
    rows = panel.sessions.get_indexer(pd.DatetimeIndex(events["session"]))
    columns = panel.symbols.get_indexer(pd.Index(events["symbol"]))
    entries = _entries(grid, clock, rows, columns, fill=fill)
    wanted = weights.to_numpy(dtype=np.float64)[_asked(panel, rows, columns), columns]
    taken = ~np.isnan(wanted) & (wanted != 0.0)
    market = _market(grid, entries, benchmark, fill=fill)
    result = events.assign(taken=taken, entry=entries.price)
    result = result.assign(offer_return=_offer_returns(grid, entries, offers))
    if regimes and strategy.event_name == "listing":
        result = result.assign(regime=pd.array([regimes[int(j)] for j in columns], dtype="str"))
    result = result.assign(**_outcomes(grid, entries, market))
    offsets = np.arange(-BEFORE, AFTER + 1)
    path, beside = (
        np.column_stack([_returns(grid, which, int(k)) for k in offsets])
        for which in (entries, market)
    )
    beside[np.isnan(path)] = np.nan  # the same events at every offset
    months = events["session"].to_numpy().astype("datetime64[M]").astype(np.int64)
    groups = {"all": np.ones(len(events), dtype=np.bool_), "taken": taken}
    paths = [
        _path(name, offsets, path[chosen], beside[chosen], months[chosen])
        for name, chosen in groups.items()
        if chosen.any()
    ]
    order = ["session", "symbol", "taken"]
    result = result[order + [name for name in result.columns if name not in order]]
    return {"events": result, "event_path": pd.concat(paths) if paths else pd.DataFrame()}


def _asked(panel: Panel, rows: IntArray, columns: IntArray) -> IntArray:
    """Decision that could buy at each event: its own, or the one that applied for a listing."""
    if not panel.subscribes:
        return rows
    applied = panel.applications.to_numpy()[:, columns]
    return np.where(applied.any(axis=0), applied.argmax(axis=0), rows)


def _in_run(told: pd.DataFrame, clock: Clock) -> pd.DataFrame:
    """Events of the run's sessions, in order of time and symbol."""
    first, last = clock.index[clock.first], clock.index[clock.last]
    inside = (told["session"] >= first) & (told["session"] <= last)
    events = told[inside].sort_values(["session", "symbol"], kind="stable", ignore_index=True)
    numbers = [name for name in events.columns if name not in ("session", "symbol")]
    kinds = dict.fromkeys(numbers, "float64") | {"symbol": "str"}
    return events.astype(kinds)


def _entries(grid: Grid, clock: Clock, rows: IntArray, columns: IntArray, *, fill: str) -> _Entries:
    """The first own session after each decision that opens (or closes) after it, and its price."""
    bars = grid.bars
    decided = clock.decisions[rows]
    row = np.zeros(len(rows), dtype=np.int64)
    end = np.zeros(len(rows), dtype=np.int64)
    for number, exchange in enumerate(bars.exchanges):
        mine = bars.column_exchange[columns] == number
        own = bars.sessions[exchange]
        times = own.open if fill == "open" else own.close
        row[mine] = np.searchsorted(times, decided[mine], side="left")
        end[mine] = np.searchsorted(own.close, clock.time[-1], side="right")
    prices = bars.open if fill == "open" else bars.close
    seen = row < end
    price = np.full(len(rows), np.nan)
    price[seen] = prices[row[seen], columns[seen]]
    return _Entries(columns, row, price, end)


def _market(grid: Grid, entries: _Entries, benchmark: str | None, *, fill: str) -> _Entries:
    """The benchmark bought with each event; unknown where it trades on another exchange."""
    bars = grid.bars
    price = np.full(len(entries.row), np.nan)
    if benchmark is None:
        return _Entries(entries.column, entries.row, price, entries.end)
    column = grid.columns[benchmark]
    prices = bars.open if fill == "open" else bars.close
    same = bars.column_exchange[entries.column] == bars.column_exchange[column]
    same &= (entries.row < entries.end) & ~np.isnan(entries.price)
    price[same] = prices[entries.row[same], column]
    return _Entries(np.full_like(entries.column, column), entries.row, price, entries.end)


def _outcomes(grid: Grid, entries: _Entries, market: _Entries) -> dict[str, FloatArray32]:
    """Returns of event and benchmark by name; seven digits are enough, and keep the file small."""
    return {
        f"{name}_{horizon}": _returns(grid, which, horizon).astype(np.float32)
        for horizon in (0, *HORIZONS)
        for name, which in (("return", entries), ("market", market))
    }


def _returns(grid: Grid, entries: _Entries, offset: int) -> FloatArray:
    """Total return from each entry to the close ``offset`` own sessions after the entry's."""
    out = np.full(len(entries.row), np.nan)
    at = entries.row + offset
    gone = grid.delisted[entries.column]
    known = ~np.isnan(entries.price) & (at >= 0) & (at < entries.end) & ((gone < 0) | (at <= gone))
    if not known.any():
        return out
    column, row = entries.column[known], entries.row[known]
    close = grid.bars.close[row, column]
    growth = grid.total_return[at[known], column] / grid.total_return[row, column]
    out[known] = growth * close / entries.price[known] - 1.0
    return out


def _offer_returns(grid: Grid, entries: _Entries, offers: FloatArray) -> FloatArray:
    """First close over offer price, of events on the listing's own session."""
    offer = offers[entries.column]
    first = (grid.listed[entries.column] == entries.row) & (entries.row < entries.end)
    first &= offer > 0.0
    out = np.full(len(entries.row), np.nan)
    close = grid.bars.close[entries.row[first], entries.column[first]]
    out[first] = close / offer[first] - 1.0
    return out


def _path(
    group: str, offsets: IntArray, path: FloatArray, market: FloatArray, months: IntArray
) -> pd.DataFrame:
    known = (~np.isnan(path)).sum(axis=0)
    interval = cluster_interval(path, months, seed=_SEED)
    quartiles = np.full((2, len(offsets)), np.nan)
    some = known > 0
    quartiles[:, some] = np.nanpercentile(path[:, some], [25.0, 75.0], axis=0)
    return pd.DataFrame(
        {
            "group": pd.array([group] * len(offsets), dtype="str"),
            "offset": offsets,
            "count": known,
            "mean": mean_of_known(path),
            "low": interval.low,
            "high": interval.high,
            "q25": quartiles[0],
            "q75": quartiles[1],
            "market": mean_of_known(market),
        }
    )

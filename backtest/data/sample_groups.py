"""Instruments of the sample market that share an exchange, a kind, a walk."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from backtest.data.sample_bars import Grid, Quotes, bars_of
from backtest.data.sample_draws import DateArray, FloatArray, IntArray, ObjectArray
from backtest.data.sample_reports import Reports
from backtest.data.sample_walk import Motion, Path, walk


@dataclass(frozen=True, eq=False)
class Group:
    """N instruments that trade on all of ``dates``, as simulated."""

    symbols: tuple[str, ...]
    names: tuple[str, ...]
    sectors: tuple[str, ...]
    exchange: str
    currency: str
    kind: str
    board: str
    lot: float
    grid: Grid
    turnover: float  # ordinary, per session, in the currency at the first price
    dates: DateArray
    start: FloatArray  # (N,)
    sigma: FloatArray  # (N,) own volatility per session
    path: Path
    reports: Reports

    @property
    def first(self) -> IntArray:
        """Row of each one's first session: 0."""
        return np.zeros(len(self.symbols), dtype=np.int64)


def walked(
    gap: FloatArray,
    intra: FloatArray,
    *,
    start: FloatArray,
    anchor: FloatArray,
    reported: Reports,
    surprise: FloatArray,
    value_spread: float = 0.0,
    value_rows: DateArray | None = None,
) -> Path:
    """Prices without splits, dividends or halts, from gaps and sessions of shape (T, N)."""
    rows, columns = gap.shape
    none = np.zeros((rows, columns), dtype=np.bool_)
    first_of_month = np.zeros(rows, dtype=np.bool_)
    if value_rows is not None:
        months = value_rows.astype("datetime64[M]").astype(np.int64)
        first_of_month = np.diff(months, prepend=0) > 0
    return walk(
        Motion(
            gap=gap,
            intra=intra,
            start=start,
            first=np.zeros(columns, dtype=np.int64),
            last=np.full(columns, rows - 1, dtype=np.int64),
            halted=none,
            lot=np.ones(columns),
            split_above=np.full(columns, np.inf),
            split_below=np.zeros(columns),
            split_ratio=np.ones(columns),
            split_rows=np.zeros(rows, dtype=np.bool_),
            payout=np.zeros((rows, columns)),
            reported=reported.mask(rows, columns),
            surprise=surprise,
            anchor=anchor,
            value_spread=value_spread,
            value_rows=first_of_month,
            against_normal=True,
        )
    )


def group_instruments(group: Group) -> pd.DataFrame:
    """One row per instrument of the group."""
    return pd.DataFrame(
        {
            "symbol": group.symbols, "name": [f"Simulated {name}" for name in group.names],
            "exchange": group.exchange, "currency": group.currency, "kind": group.kind,
            "sector": group.sectors, "lot_size": group.lot, "board": group.board,
        }
    )  # fmt: skip


def group_bars(seed: int, group: Group) -> pd.DataFrame:
    """Daily bars of the group."""
    shape = group.path.close.shape
    quotes = Quotes(
        symbols=group.symbols,
        dates=group.dates,
        open=group.path.open,
        close=group.path.close,
        sigma=group.sigma,
        shares=group.turnover / group.start,
        lot=np.full(shape[1], max(group.lot, 1.0)),
        halted=np.zeros(shape, dtype=np.bool_),
        grid=group.grid,
    )
    return bars_of(seed, quotes)


def fact_rows(
    symbol: ObjectArray, field: str, period: DateArray, known: DateArray, value: FloatArray
) -> pd.DataFrame:
    """Rows of the table of facts; ``known`` is in UTC."""
    known_at = pd.DatetimeIndex(known.astype("datetime64[ns]")).tz_localize("UTC")
    return pd.DataFrame(
        {
            "symbol": symbol, "field": field, "period": period.astype("datetime64[ns]"),
            "known_at": known_at, "value": value,
        }
    )  # fmt: skip

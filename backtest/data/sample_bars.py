"""Unrounded prices to daily bars on the tick grid of their exchange and date."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import pandas as pd

from backtest.data.sample_draws import BoolArray, DateArray, FloatArray, normals, uniforms

# Hong Kong's spread tables: from a date on, bounds and ticks in thousandths. A price above a bound
# and up to the next has the next tick; the first tick holds up to the first bound, included.
_TickTable: TypeAlias = tuple[str, tuple[float, ...], tuple[float, ...]]
_STOCK_TICKS: tuple[_TickTable, ...] = (
    (
        "2000-01-01",
        (0.25, 0.5, 10, 20, 100, 200, 500, 1000, 2000, 5000),
        (1, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000),
    ),
    (
        "2025-08-04",
        (0.25, 0.5, 20, 50, 100, 200, 500, 1000, 2000, 5000),
        (1, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000),
    ),
)
_ETF_TICKS: tuple[_TickTable, ...] = (
    (
        "2000-01-01",
        (0.25, 0.5, 10, 20, 100, 200, 500, 1000, 2000, 5000),
        (1, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000),
    ),
    (
        "2020-06-01",
        (1, 5, 10, 20, 100, 200, 500, 1000, 2000),
        (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000),
    ),
)
_TABLES = {"hk stocks": _STOCK_TICKS, "hk etfs": _ETF_TICKS}
_HK_FIRST_TICK = 0.01  # nothing trades below one cent on XHKG

Grid: TypeAlias = Literal["hk stocks", "hk etfs", "cents", "thousandths"]


@dataclass(frozen=True, eq=False)
class Quotes:
    """Unrounded prices of N instruments of one exchange over its T sessions."""

    symbols: tuple[str, ...]
    dates: DateArray
    open: FloatArray  # (T, N); NaN outside an instrument's life
    close: FloatArray
    sigma: FloatArray  # (N,) volatility per session, for the range of the day
    shares: FloatArray  # (N,) or (T, N) ordinary volume per session; NaN for an index
    lot: FloatArray  # (N,) volumes are multiples of it
    halted: BoolArray  # (T, N)
    grid: Grid


def bars_of(seed: int, quotes: Quotes) -> pd.DataFrame:
    """Rows symbol, session, open, high, low, close, volume; sorted by symbol and session."""
    shape = quotes.close.shape
    stream = quotes.symbols[0]
    reach = 0.45 * quotes.sigma
    up = np.abs(normals(seed, f"{stream} high", *shape)) * reach
    down = np.minimum(np.abs(normals(seed, f"{stream} low", *shape)) * reach, 0.5)
    high = np.maximum(quotes.open, quotes.close) * (1.0 + up)
    low = np.minimum(quotes.open, quotes.close) * (1.0 - down)
    live = ~np.isnan(quotes.close) & ~quotes.halted
    column, row = np.nonzero(live.T)
    opened, closed = quotes.open[row, column], quotes.close[row, column]
    prices = {"open": opened, "high": high[row, column], "low": low[row, column], "close": closed}
    busy = 0.4 + 1.6 * uniforms(seed, f"{stream} volume", *shape) * uniforms(
        seed, f"{stream} crowd", *shape
    )
    move = np.abs(closed / opened - 1.0) / np.broadcast_to(quotes.sigma, shape)[row, column]
    volume = np.broadcast_to(quotes.shares, shape)[row, column] * busy[row, column] * (1.0 + move)
    lot = np.broadcast_to(quotes.lot, shape)[row, column]
    whole = np.maximum(np.rint(volume / lot), 1.0) * lot
    table = {
        name: on_grid(values, quotes.grid, quotes.dates[row]) for name, values in prices.items()
    }
    symbols = np.asarray(quotes.symbols, dtype=object)[column]
    session = quotes.dates[row].astype("datetime64[ns]")
    return pd.DataFrame({"symbol": symbols, "session": session, **table, "volume": whole})


def on_grid(price: FloatArray, grid: Grid, dates: DateArray) -> FloatArray:
    """Prices on the tick grid of their dates, the nearest; monotone: high stays above low."""
    if grid in ("cents", "thousandths"):
        # Whole ticks over whole ticks per unit: the double that is nearest to the decimal.
        per_unit = 100.0 if grid == "cents" else 1000.0
        return np.asarray(np.maximum(np.rint(price * per_unit), 1.0) / per_unit)
    ticks = np.empty(len(price))
    for first, bounds, sizes in _TABLES[grid]:
        band = np.searchsorted(np.asarray(bounds, dtype=np.float64), price, side="left")
        valid = dates >= np.datetime64(first)
        ticks = np.where(valid, np.asarray(sizes, dtype=np.float64)[band], ticks)
    rounded = np.rint(price * 1000.0 / ticks) * ticks / 1000.0
    return np.asarray(np.maximum(rounded, _HK_FIRST_TICK))

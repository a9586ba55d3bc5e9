"""Bars as time-major arrays, one column per instrument, kept on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from backtest.calendars import Sessions
from backtest.data.bundle import Bundle
from backtest.data.checks import sessions_of
from backtest.data.rows import session_rows, symbol_columns
from backtest.data.store import cache_folder, entry_key, read_entry, write_entry

FloatArray = npt.NDArray[np.float64]

_PRICES = ("open", "high", "low", "close", "volume")
_TIMES = ("dates", "open", "close")


@dataclass(frozen=True, eq=False)
class BarArrays:
    """Bars by session and instrument: shape (S_max, N), C order, NaN where unknown.

    Row s of column j is session s of the column's *own* exchange, counted from the bundle's first
    bar of any instrument; exchanges with fewer sessions leave rows of NaN at the end. Columns are
    the bundle's instruments in their order, so those of one exchange stand together;
    ``column_exchange`` is their index into ``exchanges``. The arrays may be mapped from disk:
    writing to one changes this process's copy only.
    """

    symbols: tuple[str, ...]
    exchanges: tuple[str, ...]
    column_exchange: npt.NDArray[np.int16]
    sessions: Mapping[str, Sessions]
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray


def bar_arrays(bundle: Bundle, *, cache: Path | None = None) -> BarArrays:
    """Arrays of ``bundle``'s bars; for a bundle from a folder they are made once and then mapped.

    ``cache`` is where they are kept; the user's cache folder by default.
    """
    if bundle.path is None:
        return _build(bundle)
    key = entry_key(bundle.hash, bundle.checks, bundle.as_of)
    entry = (cache or cache_folder()) / f"arrays-{key}"
    if read_entry(entry) is None:
        built = _build(bundle)
        if not write_entry(entry, partial(_write, built)):
            return built
    try:
        return _map(entry, bundle)
    except OSError:  # another process replaced the entry between the two looks
        return _build(bundle)


def _build(bundle: Bundle) -> BarArrays:
    instruments, bars = bundle.instruments, bundle.bars
    spans = sessions_of(instruments, bundle.first, bundle.last)
    row = session_rows(bars["symbol"], bars["session"], instruments, spans)
    column = symbol_columns(bars["symbol"], instruments)
    inside = row >= 0  # bars on no session, kept by a check set to warn, have no row
    shape = (max(len(span) for span in spans.values()), len(instruments))
    arrays = {}
    for name in _PRICES:
        arrays[name] = np.full(shape, np.nan)
        arrays[name][row[inside], column[inside]] = bars[name].to_numpy()[inside]
    return _bar_arrays(bundle, spans, arrays)


def _bar_arrays(
    bundle: Bundle, spans: Mapping[str, Sessions], arrays: Mapping[str, FloatArray]
) -> BarArrays:
    exchange = bundle.instruments["exchange"].tolist()
    names = _exchanges(bundle)
    return BarArrays(
        symbols=tuple(bundle.instruments["symbol"].tolist()),
        exchanges=names,
        column_exchange=np.array([names.index(name) for name in exchange], dtype=np.int16),
        sessions=spans,
        open=arrays["open"],
        high=arrays["high"],
        low=arrays["low"],
        close=arrays["close"],
        volume=arrays["volume"],
    )


def _exchanges(bundle: Bundle) -> tuple[str, ...]:
    return tuple(sorted(set(bundle.instruments["exchange"].tolist())))


def _write(arrays: BarArrays, draft: Path) -> dict[str, Any]:
    for name in _PRICES:
        np.save(draft / f"{name}.npy", getattr(arrays, name), allow_pickle=False)
    # Exchanges by number: '24/7' is no name for a file.
    for number, exchange in enumerate(arrays.exchanges):
        for name in _TIMES:
            times = getattr(arrays.sessions[exchange], name)
            np.save(draft / f"sessions_{number}_{name}.npy", times, allow_pickle=False)
    return {}


def _map(entry: Path, bundle: Bundle) -> BarArrays:
    spans = {
        exchange: Sessions(
            exchange,
            *(
                np.load(entry / f"sessions_{number}_{name}.npy", allow_pickle=False)
                for name in _TIMES
            ),
        )
        for number, exchange in enumerate(_exchanges(bundle))
    }
    # Copy on write: numba sees ordinary writable arrays, the file never changes.
    mapped = {
        name: np.asarray(np.load(entry / f"{name}.npy", mmap_mode="c", allow_pickle=False))
        for name in _PRICES
    }
    return _bar_arrays(bundle, spans, mapped)

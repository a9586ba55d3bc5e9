"""Bars out of frames by symbol, such as a vectorbt ``Data`` holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import pandas as pd

from backtest.calendars import exchange_problem, timezone
from backtest.errors import Fault

_COLUMNS = ("open", "high", "low", "close", "volume")


class VectorbtData(Protocol):
    """What is used of ``vectorbt.Data``."""

    @property
    def data(self) -> Mapping[Any, pd.DataFrame | pd.Series[Any]]:
        """Frames, or series of closes, by symbol."""


Labelled = VectorbtData | Mapping[Any, "pd.DataFrame | pd.Series[Any]"]


def frames_of(data: Labelled) -> dict[str, pd.DataFrame | pd.Series[Any]]:
    """Frames by symbol."""
    found = data if isinstance(data, Mapping) else data.data
    return {str(symbol): frame for symbol, frame in found.items()}


def bars_of(
    frames: Mapping[str, pd.DataFrame | pd.Series[Any]], exchanges: Mapping[str, str]
) -> tuple[pd.DataFrame, list[Fault]]:
    """Bars of daily frames, and their faults.

    Parameters
    ----------
    frames
        By symbol: columns open, high, low, close, volume in any case, others are left out; a
        series is of closes. The index is of dates, or of the instants at which they begin at the
        exchange. Rows without any price, which vectorbt puts in for other symbols, are left out.
    exchanges
        By symbol, a name of exchange_calendars.
    """
    parts: list[pd.DataFrame] = []
    faults: list[Fault] = []
    for symbol, given in frames.items():
        frame = given.to_frame("close") if isinstance(given, pd.Series) else given
        names = {column: str(column).lower() for column in frame.columns}
        found = frame.rename(columns=names)
        found = found[[name for name in _COLUMNS if name in found]]
        problem = "" if "close" in found else f"has no column close; it has {_list(frame.columns)}"
        if not problem and found.columns.has_duplicates:
            problem = f"has a column twice; it has {_list(frame.columns)}"
        sessions: pd.DatetimeIndex | None = None
        if not problem:
            sessions, problem = _sessions(found.index, exchanges.get(symbol, ""))
        if problem or sessions is None:
            faults.append(Fault(f"data.{symbol}", problem))
            continue
        found = found.assign(symbol=symbol, session=sessions).reset_index(drop=True)
        prices = [name for name in _COLUMNS[:4] if name in found]
        parts.append(found[found[prices].notna().any(axis=1)])
    if not parts:
        return pd.DataFrame(columns=["symbol", "session", "close"]), faults
    return pd.concat(parts, ignore_index=True), faults


def _sessions(index: pd.Index[Any], exchange: str) -> tuple[pd.DatetimeIndex | None, str]:
    """Dates that an index is of, or what is wrong with it."""
    if not isinstance(index, pd.DatetimeIndex):
        return None, f"must have an index of dates, got {index.dtype}"
    if index.tz is not None and not _is_midnight(index) and not exchange_problem(exchange):
        index = index.tz_convert(timezone(exchange))
    if not _is_midnight(index):
        odd = index[index != index.normalize()][0]
        return None, f"must be daily, got a bar of {odd}; only dates are bars here"
    return index.tz_localize(None), ""


def _is_midnight(index: pd.DatetimeIndex) -> bool:
    return bool((index == index.normalize()).all())


def _list(columns: pd.Index[Any]) -> str:
    return ", ".join(str(column) for column in columns)

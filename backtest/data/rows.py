"""Rows of tables: their order, their instruments, their sessions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from backtest.calendars import Sessions
from backtest.data.schema import TABLES

IntArray = npt.NDArray[np.int64]


def symbol_columns(symbols: pd.Series[Any], instruments: pd.DataFrame) -> IntArray:
    """Row in ``instruments`` of each symbol, -1 where there is none."""
    known = pa.array(instruments["symbol"], type=pa.large_string())
    rows = pc.index_in(pa.array(symbols, type=pa.large_string()), value_set=known)
    return np.asarray(pc.fill_null(rows, -1).to_numpy(zero_copy_only=False), dtype=np.int64)


def of_instruments(
    tables: Mapping[str, pd.DataFrame], instruments: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """Tables with these instruments, and only their rows; market-wide facts stay."""
    kept = dict(tables)
    kept["instruments"] = instruments.reset_index(drop=True)
    for name in ("bars", "actions", "facts"):
        frame = tables[name]
        known = symbol_columns(frame["symbol"], instruments) >= 0
        known |= (frame["symbol"] == "").to_numpy(dtype=bool)
        kept[name] = frame if known.all() else frame[known].reset_index(drop=True)
    return kept


def sort_rows(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Rows in the table's order, then by every other column: the order of input leaves no trace."""
    table = TABLES[name]
    if len(frame) < 2:
        return frame.reset_index(drop=True)
    rest = (column for column in table.columns if column not in table.order and column in frame)
    by = [*table.order, *rest]
    keys = [_sortable(frame[column]) for column in table.order]
    if _is_ascending(keys):
        return frame.reset_index(drop=True)
    keys += [_sortable(frame[column]) for column in by[len(keys) :]]
    return frame.iloc[np.lexsort(keys[::-1])].reset_index(drop=True)


def _sortable(values: pd.Series[Any]) -> npt.NDArray[Any]:
    """Numbers whose order is that of the values."""
    if not isinstance(values.dtype, pd.StringDtype):
        plain = values.dt.tz_localize(None) if hasattr(values.dtype, "tz") else values
        return np.asarray(plain.to_numpy())
    coded = pa.chunked_array([pa.array(values, type=pa.large_string())]).combine_chunks()
    coded = coded.dictionary_encode()
    ranks = np.empty(len(coded.dictionary), dtype=np.int64)
    ranks[pc.sort_indices(coded.dictionary).to_numpy()] = np.arange(len(ranks))
    ordered: npt.NDArray[Any] = ranks[coded.indices.to_numpy()]
    return ordered


def _is_ascending(keys: list[npt.NDArray[Any]]) -> bool:
    """Whether each row stands strictly after the row before it."""
    undecided = np.ones(len(keys[0]) - 1, dtype=bool)
    for key in keys:
        if (undecided & (key[1:] < key[:-1])).any():
            return False
        undecided &= key[1:] == key[:-1]
    return not undecided.any()


def session_rows(
    symbols: pd.Series[Any],
    days: pd.Series[Any],
    instruments: pd.DataFrame,
    spans: Mapping[str, Sessions],
) -> IntArray:
    """Ordinal of each row's session in its own exchange, -1 where there is none."""
    columns = symbol_columns(symbols, instruments)
    exchanges = instruments["exchange"].to_numpy()
    when = days.to_numpy()
    rows = np.full(len(columns), -1, dtype=np.int64)
    for exchange, span in spans.items():
        mine = (exchanges == exchange)[columns]
        rows[mine] = span.rows_of(when[mine])
    return rows


def names_and_days(
    table: str, rows: pd.DataFrame
) -> tuple[npt.NDArray[Any], npt.NDArray[np.datetime64]]:
    """Name of each row of a table for a finding, and its date (NaT where it has none)."""
    if table == "fx":
        names = (rows["base"] + "/" + rows["quote"]).to_numpy()
    else:
        names = rows["currency" if table == "rates" else "symbol"].to_numpy()
    dated = {"bars": "session", "actions": "ex_session", "fx": "date", "rates": "date"}
    if table == "facts":
        return names, rows["known_at"].dt.tz_localize(None).to_numpy()
    if table == "instruments":
        return names, rows["listed"].to_numpy()
    return names, rows[dated[table]].to_numpy()

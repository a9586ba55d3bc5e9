"""Point-in-time facts as frames of decisions x instruments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

FloatArray = npt.NDArray[np.float64]

MARKET = ""
"""The symbol of a market-wide fact."""


@dataclass(frozen=True, eq=False)
class FactRows:
    """Records of one field placed on decisions: ``row`` is the first decision that knows each.

    Sorted by (column, known_at, period). Records that no decision knows are left out.
    """

    row: npt.NDArray[np.int64]
    column: npt.NDArray[np.int64]
    period: npt.NDArray[np.datetime64]
    known_at: npt.NDArray[np.datetime64]
    value: FloatArray


def fact_rows(
    facts: pd.DataFrame, columns: dict[str, int], decisions: pd.DatetimeIndex
) -> FactRows:
    """The records of ``facts`` (one field) for the symbols in ``columns``, by decision."""
    known = facts["known_at"].dt.tz_convert(None).to_numpy().astype("datetime64[ns]")
    times = decisions.tz_convert(None).to_numpy().astype("datetime64[ns]")
    row = np.searchsorted(times, known, side="left")
    column = facts["symbol"].map(columns).to_numpy(dtype=np.float64, na_value=np.nan)
    keep = (row < len(times)) & ~np.isnan(column)
    period = facts["period"].to_numpy().astype("datetime64[ns]")
    order = np.lexsort((period[keep], known[keep], column[keep]))
    return FactRows(
        row=row[keep][order],
        column=column[keep][order].astype(np.int64),
        period=period[keep][order],
        known_at=known[keep][order],
        value=facts["value"].to_numpy(dtype=np.float64)[keep][order],
    )


def latest(rows: FactRows, shape: tuple[int, int]) -> FloatArray:
    """The latest period known, at its latest restatement; NaN before the first."""
    return _carried(rows, rows.value, _updates(rows), shape)


def first_published(rows: FactRows, shape: tuple[int, int]) -> FloatArray:
    """When the latest period known was first published, in days since 1970 (UTC); NaN before."""
    frame = pd.DataFrame({"column": rows.column, "period": rows.period, "known_at": rows.known_at})
    first = frame.groupby(["column", "period"])["known_at"].transform("min").to_numpy()
    days = first.astype("datetime64[ns]").astype(np.int64) / (24 * 3600 * 1e9)
    return _carried(rows, days, _updates(rows), shape)


def arrivals(rows: FactRows, shape: tuple[int, int]) -> FloatArray:
    """Sum of what became known since the previous row; a restatement adds its difference.

    NaN where nothing came, and on the first row, which has no row before it.
    """
    frame = pd.DataFrame({"column": rows.column, "period": rows.period, "value": rows.value})
    before = frame.groupby(["column", "period"])["value"].shift(1).fillna(0.0)
    change = rows.value - before.to_numpy()
    total = np.zeros(shape)
    count = np.zeros(shape)
    np.add.at(total, (rows.row, rows.column), change)
    np.add.at(count, (rows.row, rows.column), 1.0)
    out = np.where(count > 0, total, np.nan)
    out[0] = np.nan
    return out


def _updates(rows: FactRows) -> npt.NDArray[np.bool_]:
    """Records that change what is the latest: a newer period, or a restatement of the newest."""
    stamps = pd.Series(rows.period.astype(np.int64))
    newest = stamps.groupby(rows.column).cummax()
    return np.asarray(stamps >= newest, dtype=np.bool_)


def _carried(
    rows: FactRows, values: FloatArray, chosen: npt.NDArray[np.bool_], shape: tuple[int, int]
) -> FloatArray:
    placed = pd.DataFrame(
        {"row": rows.row[chosen], "column": rows.column[chosen], "value": values[chosen]}
    ).drop_duplicates(["row", "column"], keep="last")
    out = np.full(shape, np.nan)
    out[placed["row"].to_numpy(), placed["column"].to_numpy()] = placed["value"].to_numpy()
    return pd.DataFrame(out).ffill().to_numpy()

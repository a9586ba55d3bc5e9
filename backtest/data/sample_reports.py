"""When companies of the sample market publish their quarterly earnings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from backtest.data.sample_draws import BoolArray, DateArray, FloatArray, IntArray, uniforms

# Calendar days from the end of a quarter to its publication: fewest, most.
HONG_KONG_LAGS = {3: (25, 58), 6: (40, 62), 9: (25, 58), 12: (55, 90)}
US_LAGS = {3: (22, 42), 6: (22, 42), 9: (22, 42), 12: (25, 55)}


@dataclass(frozen=True, eq=False)
class Reports:
    """K publications: the quarter's end, and the session after whose close it comes out."""

    column: IntArray
    period: DateArray
    row: IntArray

    def mask(self, rows: int, columns: int) -> BoolArray:
        """Sessions x columns: True where a report comes out after the close."""
        out = np.zeros((rows, columns), dtype=np.bool_)
        out[self.row, self.column] = True
        return out

    def where(self, kept: BoolArray) -> Reports:
        """Only the reports that fall where the mask (sessions x columns) is True."""
        inside = kept[self.row, self.column]
        return Reports(self.column[inside], self.period[inside], self.row[inside])


def plan_reports(
    seed: int, market: str, dates: DateArray, columns: int, lags: dict[int, tuple[int, int]]
) -> Reports:
    """One report per column and quarter whose publication falls on the sessions ``dates``."""
    quarters = np.arange(dates[0].astype("datetime64[M]") - 6, dates[-1].astype("datetime64[M]"))
    ends = [month for month in quarters if int(month.astype(np.int64)) % 12 + 1 in lags]
    parts: list[tuple[IntArray, DateArray, IntArray]] = []
    for month in ends:
        low, high = lags[int(month.astype(np.int64)) % 12 + 1]
        end = (month + 1).astype("datetime64[D]") - 1
        lag = low + (uniforms(seed, f"{market} lag {month}", columns) * (high - low)).astype(int)
        # The last session not after that day: a rule says how late, not how early.
        row = np.searchsorted(dates, end + lag.astype("timedelta64[D]"), side="right") - 1
        inside = (row >= 0) & (row < len(dates) - 1)
        column = np.nonzero(inside)[0]
        parts.append((column, np.full(len(column), end), row[inside]))
    column, period, row = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Reports(column.astype(np.int64), period, row.astype(np.int64))


def last_quarter_before(day: np.datetime64, days: int) -> np.datetime64:
    """End of the last quarter that had ended at least ``days`` before ``day``."""
    month = (day - days + 1).astype("datetime64[M]").astype(np.int64)
    end: np.datetime64 = np.datetime64(int(month - month % 3), "M").astype("datetime64[D]") - 1
    return end


def add_jumps(gap: FloatArray, reports: Reports, surprise: FloatArray, size: float) -> FloatArray:
    """Gaps with, on the session after each report, ``size`` per standard deviation of surprise."""
    out = gap.copy()
    out[reports.row + 1, reports.column] += size * surprise[reports.row, reports.column]
    return out

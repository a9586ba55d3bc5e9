"""What a halt leaves of a mark."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from backtest.data.arrays import BarArrays
from backtest.execution import Portfolio

FloatArray = npt.NDArray[np.float64]


def left_by_halts(bars: BarArrays, portfolio: Portfolio) -> FloatArray:
    """Part of each mark that is left after each CLOSE, shape (S, N); (0, 0) where it is all.

    (1 - haircut) to the power of the own sessions since the last bar; 0 from the session that
    lies the given months or more after it. A bar restores the whole mark.
    """
    haircut, months = portfolio.halt_haircut, portfolio.halt_writeoff_months
    if haircut == 0.0 and months is None:
        return np.zeros((0, 0))
    sessions, columns = bars.close.shape
    rows = np.arange(sessions)[:, None]
    last = np.maximum.accumulate(np.where(np.isnan(bars.close), -1, rows), axis=0)
    left = np.where(last >= 0, (1.0 - haircut) ** (rows - last), 1.0)
    if months is None:
        return left
    for j in range(columns):
        dates = bars.sessions[bars.exchanges[bars.column_exchange[j]]].dates
        own = last[: len(dates), j]
        since = pd.DatetimeIndex(dates.astype("datetime64[ns]"))[np.maximum(own, 0)]
        ends = (since + pd.DateOffset(months=months)).to_numpy().astype("datetime64[D]")
        left[: len(dates), j][(own >= 0) & (dates.astype("datetime64[D]") >= ends)] = 0.0
    return left

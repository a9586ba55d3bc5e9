"""Bars of sessions that had ended."""

from __future__ import annotations

import numpy as np
import pandas as pd

from backtest.data.known import last_known_session
from backtest.data.rows import symbol_columns


def completed_bars(bars: pd.DataFrame, instruments: pd.DataFrame, at: pd.Timestamp) -> pd.DataFrame:
    """Bars of sessions whose CLOSE is not after ``at`` (UTC), each by its own exchange."""
    exchanges = sorted(set(instruments["exchange"]))
    limits = {exchange: last_known_session(exchange, at, "close") for exchange in exchanges}
    # The last entry is for symbols without an instrument: the day before counts for them.
    by_row = np.array(
        [limits[exchange] for exchange in instruments["exchange"]]
        + [np.datetime64(at.date(), "D") - np.timedelta64(1, "D")],
        dtype="datetime64[D]",
    )
    ended = bars["session"].to_numpy() <= by_row[symbol_columns(bars["symbol"], instruments)]
    return bars if ended.all() else bars[ended].reset_index(drop=True)

"""Facts that hold from a day on: what was in force at given instants."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from backtest.calendars import local_midnights

FloatArray = npt.NDArray[np.float64]
Times = npt.NDArray[np.datetime64]


def in_force(facts: pd.DataFrame, instruments: pd.DataFrame, times: Times) -> FloatArray:
    """Value of each instrument's latest period in force, shape (times, instruments).

    A fact holds from the local midnight of its period, or from when it was known if that is later,
    until that of a later period; a restatement replaces its period's value from when it was known.
    NaN before the first.

    Parameters
    ----------
    facts
        Rows of one field: symbol, period, known_at, value. Other symbols are left out.
    instruments
        symbol and exchange, in column order.
    times
        UTC instants (datetime64[ns]), ascending.
    """
    out = np.full((len(times), len(instruments)), np.nan)
    column = pd.Index(instruments["symbol"]).get_indexer(pd.Index(facts["symbol"]))
    facts, column = facts[column >= 0], column[column >= 0]
    if facts.empty:
        return out
    known = facts["known_at"].dt.tz_convert(None).to_numpy().astype("datetime64[ns]")
    days = facts["period"].to_numpy().astype("datetime64[D]")
    period = days.astype("datetime64[ns]")
    home = instruments["exchange"].to_numpy()[column]
    for exchange in sorted(set(home)):
        period[home == exchange] = local_midnights(exchange, days[home == exchange])
    since = np.maximum(known, period)
    order = np.lexsort((known, period, since, column))
    told = pd.Series(period[order].astype(np.int64))
    newest = told.groupby(column[order]).cummax()
    order = order[(told == newest).to_numpy()]  # what an earlier period still says comes too late
    row = np.searchsorted(times, since[order])
    order, row = order[row < len(times)], row[row < len(times)]
    out[row, column[order]] = facts["value"].to_numpy(dtype=np.float64)[order]  # the last one stays
    return pd.DataFrame(out).ffill().to_numpy()


def exchanges_told(facts: pd.DataFrame, field: str, instruments: pd.DataFrame) -> list[str]:
    """Exchanges of whose instruments any has a fact ``field``, sorted."""
    symbols = facts.loc[facts["field"] == field, "symbol"]
    return sorted(set(instruments.loc[instruments["symbol"].isin(symbols), "exchange"]))

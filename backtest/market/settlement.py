"""The session by which the cash of a sale is in the account."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from backtest.calendars import Sessions
from backtest.market.model import MarketRules

Rows = npt.NDArray[np.int32]

_SHORT = 0.75  # of the usual length: a session shorter than this is a half day


def settlement_rows(market: MarketRules, own: Sessions) -> Rows:
    """For each session of an exchange, the ordinal of the one at whose open a sale's cash is there.

    That is the session itself where cash is there at once, and ``len(own)`` where it comes after
    the last session. Before its first entry the rule is assumed to have been the same.
    """
    count = len(own)
    rows = np.arange(count, dtype=np.int32)
    if count == 0 or not market.settlement:
        return rows
    since = np.array([entry.since for entry in market.settlement[1:]], dtype="datetime64[D]")
    entry_of = np.searchsorted(since, own.dates, side="right")
    settles = {flag: _settlement_days(own, half_days=flag) for flag in (False, True)}
    for number, entry in enumerate(market.settlement):
        sold = np.flatnonzero(entry_of == number)
        if entry.days > 0:
            days = settles[entry.half_days]
            at = np.searchsorted(days, sold, side="right") + entry.days - 1
            rows[sold] = np.append(days, count)[np.minimum(at, len(days))]
    return rows


def _settlement_days(own: Sessions, *, half_days: bool) -> npt.NDArray[np.int64]:
    """Ordinals of the sessions that are settlement days."""
    length = (own.close - own.open).astype(np.int64)
    whole = length >= _SHORT * np.median(length)
    return np.flatnonzero(whole | half_days)

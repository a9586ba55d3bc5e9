"""Dates after a Hong Kong listing at which holders may begin, or cease, to sell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from backtest.ipo.timetable import terms_of
from backtest.market.files import load_market

if TYPE_CHECKING:
    from backtest.panel import Panel

Event = Literal["stabilisation", "cornerstone", "controlling"]

STABILISATION_DAYS = 30
"""Calendar days from the close of applications in which the price may be stabilised."""

MONTHS: dict[Event, int] = {"cornerstone": 6, "controlling": 12}
"""Calendar months from the listing: cornerstones' lock-up; the controlling holders' second."""


def first_seen(panel: Panel) -> pd.DataFrame:
    """True at the decision of each listing session; one that fell between decisions is missed."""
    since = panel.sessions_since_listing
    return (since == 0.0) & since.shift(1).isna()


def events(panel: Panel) -> dict[Event, pd.DataFrame]:
    """Calendar days since each event, below 0 ahead of it; NaN until the listing is seen.

    ``stabilisation``: 30 days from the close of applications, by Hong Kong's timetable.
    ``cornerstone``: 6 months from the listing, when cornerstones may sell; controlling holders may
    not before then either. ``controlling``: 12 months, when these may give up control. Each is over
    on the first session not before it, where the days are 0 or more.
    """
    first = first_seen(panel)
    listed = pd.to_datetime(first.idxmax().where(first.any()))
    known = first.cummax().to_numpy()
    ends: dict[Event, pd.Series] = {"stabilisation": _stabilised(panel, listed)}
    for event, months in MONTHS.items():
        ends[event] = listed + pd.DateOffset(months=months)
    sessions = panel.sessions.to_numpy()[:, None]
    found: dict[Event, pd.DataFrame] = {}
    for event, end in ends.items():
        days = (sessions - end.to_numpy()[None, :]) / np.timedelta64(1, "D")
        found[event] = pd.DataFrame(
            np.where(known, days, np.nan), index=first.index, columns=first.columns
        )
    return found


def _stabilised(panel: Panel, listed: pd.Series) -> pd.Series:
    """When stabilisation ends: 30 days after applications closed."""
    market, sessions = load_market("hk"), panel.sessions
    closes = []
    for day in listed:
        terms = None if pd.isna(day) else terms_of(market, day.date())
        row = -1 if terms is None else sessions.searchsorted(day) - terms.close_sessions
        closes.append(sessions[row] if row >= 0 else pd.NaT)
    return pd.to_datetime(pd.Series(closes, index=listed.index)) + pd.Timedelta(
        days=STABILISATION_DAYS
    )

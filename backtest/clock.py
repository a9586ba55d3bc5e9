"""The ordered events of all exchanges in a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from backtest.calendars import Sessions
from backtest.errors import RunError

CLOSE, NAV, DECISION, OPEN = 0, 1, 2, 3
"""Kinds of event, in their order at one instant."""

_BEFORE_OPEN = np.timedelta64(30, "m")
_MINUTE = np.timedelta64(1, "m")

Times = npt.NDArray[np.datetime64]
Every = Literal["session", "week", "month", "quarter"] | int
"""How often something is done: at every decision, the first of a period, or every Nth."""


class ClockSettings(BaseModel):
    """When decisions are made and which of them may send orders."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base: str = Field("XHKG", description="exchange whose sessions give the decisions")
    decide: Literal["before_open", "after_close"] = Field(
        "before_open", description="30 minutes before the base open, or at its close"
    )
    rebalance: Every = Field(
        "session",
        description="decisions that may send orders: the run's first, then the first of each local "
        "calendar period, or every Nth",
    )


@dataclass(frozen=True, eq=False)
class Clock:
    """Decisions of the base exchange over the bundle, events of all exchanges over the run.

    ``first`` and ``last`` are the run's base sessions as rows of ``base_sessions``; ``kind``,
    ``exchange`` (index into ``exchanges``), ``row`` and ``time`` hold one entry per event, in
    order.
    The row of an OPEN or CLOSE is the session's ordinal in its own exchange, that of a NAV or
    DECISION the ordinal of the base session.
    """

    settings: ClockSettings
    exchanges: tuple[str, ...]
    sessions: Mapping[str, Sessions]
    decisions: Times
    can_rebalance: npt.NDArray[np.bool_]
    first: int
    last: int
    kind: npt.NDArray[np.int8]
    exchange: npt.NDArray[np.int16]
    row: npt.NDArray[np.int32]
    time: Times

    @property
    def base(self) -> str:
        """Name of the base exchange."""
        return self.settings.base

    @property
    def base_sessions(self) -> Sessions:
        """All sessions of the base exchange, from the bundle's first to the run's last."""
        return self.sessions[self.base]

    @property
    def span(self) -> tuple[np.datetime64, np.datetime64]:
        """First and last date of the sessions whose opens and closes the run lives through."""
        dates = [
            self.sessions[name].dates[self.row[(self.exchange == x) & market]]
            for market in (np.isin(self.kind, (OPEN, CLOSE)),)
            for x, name in enumerate(self.exchanges)
        ]
        days = np.concatenate(dates)
        return days.min(), days.max()

    @property
    def index(self) -> pd.DatetimeIndex:
        """Labels of the panel's rows: base sessions up to the run's last."""
        dates = self.base_sessions.dates[: self.last + 1]
        return pd.DatetimeIndex(dates.astype("datetime64[ns]"), name="session")


def build_clock(
    sessions: Mapping[str, Sessions],
    settings: ClockSettings,
    *,
    start: date | None = None,
    end: date | None = None,
    close_known_after: int = 0,
    own_schedule: bool = False,
) -> Clock:
    """The clock of a run over ``sessions`` (by exchange) between ``start`` and ``end``, inclusive.

    Parameters
    ----------
    close_known_after
        Minutes from the base close until its official price is known; they move ``after_close``
        decisions.
    own_schedule
        Every decision may send orders.

    Raises
    ------
    RunError
        When the base exchange has no session in the period.
    """
    if settings.base not in sessions:
        raise RunError(
            f"clock.base is {settings.base}, but the bundle has instruments on "
            f"{', '.join(sorted(sessions))} only. Set clock.base to one of them."
        )
    base = sessions[settings.base]
    first, last = _bounds(base, start, end)
    decisions = _decision_times(base, settings, close_known_after)
    exchanges = tuple(sorted(sessions))
    kind, exchange, row, time = _events(
        sessions, exchanges, settings, decisions, first=first, last=last
    )
    every: Every = "session" if own_schedule else settings.rebalance
    return Clock(
        settings=settings,
        exchanges=exchanges,
        sessions=sessions,
        decisions=decisions[: last + 1],
        can_rebalance=rebalances(base.dates[: last + 1], first, every),
        first=first,
        last=last,
        kind=kind,
        exchange=exchange,
        row=row,
        time=time,
    )


def _bounds(base: Sessions, start: date | None, end: date | None) -> tuple[int, int]:
    low = np.datetime64(start, "D") if start else base.dates[0]
    high = np.datetime64(end, "D") if end else base.dates[-1]
    first = int(np.searchsorted(base.dates, low, side="left"))
    last = int(np.searchsorted(base.dates, high, side="right")) - 1
    if last < first:
        raise RunError(
            f"No session of {base.exchange} from {low} to {high}; the bundle has "
            f"{base.dates[0]} to {base.dates[-1]}. Mend data.start and data.end."
        )
    return first, last


def _decision_times(base: Sessions, settings: ClockSettings, close_known_after: int) -> Times:
    if settings.decide == "before_open":
        return base.open - _BEFORE_OPEN
    return base.close + close_known_after * _MINUTE


def rebalances(
    dates: npt.NDArray[np.datetime64], first: int, every: Every
) -> npt.NDArray[np.bool_]:
    """True where a decision may send orders; False before the run's first."""
    rows = np.arange(len(dates))
    if every == "session":
        chosen = rows >= first
    elif isinstance(every, int):
        chosen = (rows >= first) & ((rows - first) % every == 0)
    else:
        index = pd.DatetimeIndex(dates)
        frequency = {"week": "W-SUN", "month": "M", "quarter": "Q"}[every]
        periods = index.to_period(frequency).asi8
        chosen = np.append(True, periods[1:] != periods[:-1]) & (rows > first)
        chosen[first] = True
    return np.asarray(chosen, dtype=np.bool_)


def _events(
    sessions: Mapping[str, Sessions],
    exchanges: tuple[str, ...],
    settings: ClockSettings,
    decisions: Times,
    *,
    first: int,
    last: int,
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int16], npt.NDArray[np.int32], Times]:
    base = sessions[settings.base]
    until = base.close[last]
    since = min(decisions[first], base.open[first])
    kinds, owners, rows, times = [], [], [], []

    def add(kind: int, owner: int, row: npt.NDArray[np.int64], time: Times) -> None:
        keep = (time >= since) & (time <= until)
        kinds.append(np.full(int(keep.sum()), kind, np.int8))
        owners.append(np.full(int(keep.sum()), owner, np.int16))
        rows.append(row[keep].astype(np.int32))
        times.append(time[keep])

    run = np.arange(first, last + 1)
    at = exchanges.index(settings.base)
    for owner, name in enumerate(exchanges):
        own = sessions[name]
        ordinals = np.arange(len(own.dates))
        add(OPEN, owner, ordinals, own.open)
        add(CLOSE, owner, ordinals, own.close)
    add(NAV, at, run, base.close[run])
    add(DECISION, at, run, decisions[run])
    kind, owners_of, row = (np.concatenate(part) for part in (kinds, owners, rows))
    time = np.concatenate(times)
    # The sequence ends with the NAV row of the last base close: what else happens
    # then is not lived.
    late = (time == until) & (kind >= DECISION)
    order = np.lexsort((row, owners_of, kind, time))
    order = order[~late[order]]
    return kind[order], owners_of[order], row[order], time[order]

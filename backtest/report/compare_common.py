"""Several runs lined up on the sessions that all of them have."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import TYPE_CHECKING

import numpy as np

from backtest.measures import drawdowns, performance, periods
from backtest.measures.performance import BoolArray, DateArray, FloatArray

if TYPE_CHECKING:
    from backtest.report.account import Account
    from backtest.report.series import Series


@dataclass(frozen=True, eq=False)
class Common:
    """Runs on their common sessions; R runs, C sessions.

    Attributes
    ----------
    sessions
        Sessions that every run has, shape (C,).
    levels
        NAV before the first of them and at each, shape (R, C + 1), in each run's currency. Before
        the first is the run's session before it, or its initial cash.
    cash
        Return of cash from one common session to the next, shape (R, C).
    sessions_per_year
        Common sessions in a year: what the runs state where they lose none and state the same,
        else as counted.
    invested
        Whether a run held or traded anything from the first common session to the last, (R,).
    is_whole
        Whether no run has a session that is not common.
    has_a_year
        Whether the common time is twelve calendar months or more.
    """

    sessions: DateArray
    levels: FloatArray
    cash: FloatArray
    sessions_per_year: float
    invested: BoolArray
    is_whole: bool
    has_a_year: bool

    @cached_property
    def returns(self) -> FloatArray:
        """Simple returns from one common session to the next, shape (R, C)."""
        return _stacked([performance.returns_from(level) for level in self.levels], self.levels)

    @property
    def excess(self) -> FloatArray:
        """Returns less those of cash, shape (R, C)."""
        return self.returns - self.cash

    @cached_property
    def drawdown(self) -> FloatArray:
        """Falls from the peak since before the first common session, fractions <= 0, (R, C)."""
        return _stacked([drawdowns.drawdown(level) for level in self.levels], self.levels)


def common_of(dailies: Sequence[Series]) -> Common:
    """Runs on the sessions that they have in common; none where they have none."""
    sessions: DateArray = reduce(np.intersect1d, (daily.account.sessions for daily in dailies))
    rows = [np.searchsorted(daily.account.sessions, sessions) for daily in dailies]
    levels = np.empty((len(dailies), sessions.size + 1 if sessions.size else 0))
    cash = np.empty((len(dailies), sessions.size))
    if sessions.size:
        for at, (daily, row) in enumerate(zip(dailies, rows, strict=True)):
            nav = daily.account.nav  # the initial cash first: row t is the NAV before session t
            levels[at] = nav[np.concatenate(([row[0]], row + 1))]
            own = np.broadcast_to(np.asarray(daily.account.risk_free), daily.account.sessions.shape)
            starts = np.concatenate((row[:1], row[:-1] + 1))
            cash[at] = np.add.reduceat(own[: row[-1] + 1], starts)
    return Common(
        sessions,
        levels,
        cash,
        _sessions_per_year(dailies, sessions),
        invested=np.array([_is_invested(daily.account, sessions) for daily in dailies]),
        is_whole=all(daily.account.sessions.size == sessions.size for daily in dailies),
        has_a_year=_has_a_year(dailies, sessions),
    )


def _is_invested(account: Account, sessions: DateArray) -> bool:
    if not sessions.size:
        return False
    span = (account.sessions >= sessions[0]) & (account.sessions <= sessions[-1])
    return bool(account.invested[span].any())


def _has_a_year(dailies: Sequence[Series], sessions: DateArray) -> bool:
    """Whether common sessions cover a year; sessions of any run beside them are no days off."""
    if not sessions.size:
        return False
    known = np.unique(np.concatenate([daily.account.sessions for daily in dailies]))
    return periods.covers(sessions, months=12, calendar=known)


def _sessions_per_year(dailies: Sequence[Series], sessions: DateArray) -> float:
    stated = {daily.account.sessions_per_year for daily in dailies}
    spans = [_within(daily.account.sessions, sessions) for daily in dailies]
    if len(stated) == 1 and all(span == sessions.size for span in spans):
        return stated.pop()
    return sessions.size / performance.elapsed_years(sessions) if sessions.size else math.nan


def _within(own: DateArray, sessions: DateArray) -> int:
    """How many of a run's own sessions lie between the first and last common one."""
    if not sessions.size:
        return 0
    return int(((own >= sessions[0]) & (own <= sessions[-1])).sum())


def _stacked(rows: Sequence[FloatArray], levels: FloatArray) -> FloatArray:
    return np.vstack(rows) if levels.shape[1] else np.empty((len(levels), 0))

"""A result's frames as the arrays that measures are made of."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import pandas as pd

from backtest.measures import performance, periods, relative
from backtest.measures.performance import BoolArray, DateArray, FloatArray

Section = dict[str, object]


class Records(Protocol):
    """The parts of a result that measures are made of."""

    @property
    def config(self) -> Mapping[str, object]:
        """Resolved configuration."""

    @property
    def manifest(self) -> Mapping[str, object]:
        """Provenance; ``sessions_per_year``, and ``risk_free`` where it follows the rates."""

    @property
    def nav(self) -> pd.DataFrame:
        """One row per session."""

    @property
    def positions(self) -> pd.DataFrame:
        """One row per session and symbol held."""

    @property
    def fills(self) -> pd.DataFrame:
        """One row per fill."""

    @property
    def orders(self) -> pd.DataFrame:
        """One row per order."""

    @property
    def trades(self) -> pd.DataFrame:
        """One row per trade, flat to flat."""


@dataclass(frozen=True, eq=False)
class Account:
    """The run's series as arrays: ``nav`` is (T + 1,) with the initial cash first, others (T,).

    ``risk_free`` is the return of cash per session. ``benchmark`` holds levels, 1.0 before the
    first session, NaN where unknown. ``invested`` marks the sessions in which anything was held
    overnight or traded. ``calendar`` as for :func:`backtest.measures.periods.period_returns`.
    """

    nav: FloatArray
    sessions: DateArray
    sessions_per_year: float
    risk_free: float | FloatArray
    benchmark: FloatArray
    invested: BoolArray
    calendar: DateArray | None

    @cached_property
    def returns(self) -> FloatArray:
        """Simple returns per session."""
        return performance.returns_from(self.nav)

    @cached_property
    def excess(self) -> FloatArray:
        """Returns less those of cash, per session."""
        return self.returns - self.risk_free

    @property
    def is_idle(self) -> bool:
        """Whether nothing was ever held or traded."""
        return not bool(self.invested.any())

    @cached_property
    def has_a_year(self) -> bool:
        """Whether the run covers twelve calendar months."""
        return periods.covers(self.sessions, months=12, calendar=self.calendar)

    @cached_property
    def benchmark_returns(self) -> FloatArray:
        """The benchmark's, over the same sessions, NaN where unknown."""
        return relative.benchmark_returns(self.benchmark)

    @cached_property
    def years(self) -> float:
        """Elapsed calendar years."""
        return performance.elapsed_years(self.sessions)

    def by(self, unit: periods.Unit) -> periods.PeriodReturns:
        """Compound returns of the calendar weeks, months or years."""
        return periods.period_returns(self.nav, self.sessions, unit, calendar=self.calendar)

    def excess_by(self, unit: periods.Unit) -> FloatArray:
        """Returns less those of cash, of the weeks, months or years with an invested session."""
        mine = self.by(unit)
        cash = np.broadcast_to(np.asarray(self.risk_free), self.sessions.shape)
        theirs = periods.period_returns(performance.wealth_from(cash), self.sessions, unit)
        starts = np.cumsum(mine.sessions) - mine.sessions
        return (mine.returns - theirs.returns)[np.logical_or.reduceat(self.invested, starts)]

    def rolling_sharpe(self, *, window: int) -> FloatArray:
        """Sharpe ratio of the last ``window`` sessions; NaN in those that held nothing."""
        ratios = periods.rolling_sharpe(
            self.returns,
            window=window,
            sessions_per_year=self.sessions_per_year,
            risk_free=self.risk_free,
        )
        return np.where(periods.rolling_any(self.invested, window=window), ratios, math.nan)

    def benchmark_by(self, unit: periods.Unit) -> periods.PeriodReturns:
        """Periods of the benchmark, NaN where an end is unknown."""
        lead = 1.0 if math.isfinite(self.benchmark[0]) else math.nan
        levels = np.concatenate(([lead], self.benchmark))
        return periods.period_returns(levels, self.sessions, unit, calendar=self.calendar)


def account_of(result: Records, *, calendar: DateArray | None = None) -> Account:
    """Arrays of a result, the initial cash in front of its NAV."""
    nav = result.nav
    dates = nav["session"] if "session" in nav.columns else nav.index.to_series()
    if getattr(dates.dt, "tz", None) is not None:
        raise ValueError(
            f"sessions are naive dates, got time zone {dates.dt.tz}: midnight in Hong Kong is the "
            "day before in UTC, which moves sessions between months"
        )
    sessions = dates.to_numpy().astype("datetime64[D]")
    sessions_per_year = number(result.manifest["sessions_per_year"])
    known = "benchmark" in nav.columns
    return Account(
        nav=np.concatenate(([_initial_cash(result.config)], column(nav, "nav"))),
        sessions=sessions,
        sessions_per_year=sessions_per_year,
        risk_free=_risk_free(result, sessions, sessions_per_year),
        benchmark=column(nav, "benchmark") if known else np.full(sessions.size, math.nan),
        invested=_invested(nav),
        calendar=calendar,
    )


def column(frame: pd.DataFrame, name: str) -> FloatArray:
    """Column ``name`` as floats."""
    return frame[name].to_numpy(dtype=np.float64)


def section(tree: Mapping[str, object], key: str) -> Mapping[str, object]:
    """Branch at ``key``; an empty one where there is none."""
    branch = tree.get(key)
    return branch if isinstance(branch, Mapping) else {}


def number(value: object) -> float:
    """``value`` as a float; a ValueError for what is not a number."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise ValueError(f"expected a number, got {value!r}")
    return float(value)


def _invested(nav: pd.DataFrame) -> BoolArray:
    """Sessions with a position at the close before or at their own, or with a trade."""
    held = column(nav, "gross") > 0.0
    before = np.concatenate(([False], held[:-1]))
    return held | before | (column(nav, "turnover") > 0.0)


def _initial_cash(config: Mapping[str, object]) -> float:
    """NAV at the start of the first session."""
    return number(section(section(config, "portfolio"), "cash").get("amount"))


def _risk_free(
    result: Records, sessions: DateArray, sessions_per_year: float
) -> float | FloatArray:
    """Return of cash per session: one number, or one per session where it follows the rates."""
    setting = section(result.config, "tearsheet").get("risk_free", 0.0)
    if setting != "rates":
        return performance.per_session_rate(number(setting), sessions_per_year=sessions_per_year)
    annual = np.asarray(result.manifest["risk_free"], dtype=np.float64)
    if annual.shape != sessions.shape:
        raise ValueError(f"{annual.size} risk-free rates for {sessions.size} sessions")
    return performance.accrued_rates(annual, sessions)

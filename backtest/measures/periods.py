"""Returns by calendar period, over trailing windows, and through rolling windows.

``nav`` has shape (T + 1,), the initial cash first; ``returns`` and ``sessions`` have shape (T,).
Sessions are naive dates: a session belongs to the month that its own date names.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from backtest.measures.performance import (
    NOISE,
    BoolArray,
    DateArray,
    FloatArray,
    absorbed,
    returns_from,
)

Unit = Literal["week", "month", "year"]
_DAY = np.timedelta64(1, "D")
_YEAR_IN_MONTHS = 12
_CODE = {"month": "datetime64[M]", "year": "datetime64[Y]"}


@dataclass(frozen=True, eq=False)
class PeriodReturns:
    """Compound returns of calendar periods, in time order; all arrays have the same length.

    Attributes
    ----------
    first
        First calendar day of the period (a Monday for weeks), ``datetime64[D]``.
    returns
        Compound return, a fraction.
    sessions
        Sessions of the history within the period.
    partial
        Whether the history lacks sessions of the period: only the first and last can be.
    """

    first: DateArray
    returns: FloatArray
    sessions: NDArray[np.int64]
    partial: BoolArray


def period_returns(
    nav: FloatArray, sessions: DateArray, unit: Unit, *, calendar: DateArray | None = None
) -> PeriodReturns:
    """Compound return of every calendar week, month or year with a session.

    Parameters
    ----------
    nav, sessions
        The account, shapes (T + 1,) and (T,). A NaN makes its own and the next period NaN.
    unit
        Weeks run from Monday to Sunday.
    calendar
        Sessions of the base exchange, reaching beyond the history on both sides; says whether the
        first and last periods are whole. Without it every weekday but 1 January is taken for a
        session (every day, where the history has weekends).

    Examples
    --------
    >>> days = np.array(["2024-01-31", "2024-02-01", "2024-02-29"], dtype="datetime64[D]")
    >>> months = period_returns(np.array([100.0, 110.0, 121.0, 99.0]), days, "month")
    >>> months.returns.round(12).tolist(), months.partial.tolist()
    ([0.1, -0.1], [True, False])
    """
    firsts = _period_starts(sessions, unit)
    last_rows = np.concatenate((np.flatnonzero(firsts[1:] != firsts[:-1]), [sessions.size - 1]))
    ends = np.concatenate(([0], last_rows + 1))
    labels = firsts[last_rows]
    begin, stop = _coverage(sessions, calendar)
    partial = np.zeros(labels.size, dtype=np.bool_)
    partial[0] |= bool(labels[0] < begin)
    partial[-1] |= bool(_next_start(labels[-1], unit) > stop)
    return PeriodReturns(labels, returns_from(absorbed(nav)[ends]), np.diff(ends), partial)


def trailing_return(
    nav: FloatArray, sessions: DateArray, *, months: int, calendar: DateArray | None = None
) -> float:
    r"""Return over the last ``months`` calendar months, a year's rate where they exceed a year.

    NaN where the history is shorter than the window: 23 months have no three-year figure. The
    window ends with the last session's day, or with its month where only days off are left of it,
    and starts that many calendar months earlier. ``calendar`` as in :func:`period_returns`.

    Notes
    -----
    .. math:: (NAV_T / NAV_{start})^{\max(1, months/12)^{-1}} - 1

    Examples
    --------
    >>> days = np.array(["2020-01-01", "2020-12-31", "2021-12-31"], dtype="datetime64[D]")
    >>> nav = np.array([100.0, 100.0, 110.0, 121.0])
    >>> round(trailing_return(nav, days, months=24), 12)
    0.1
    >>> trailing_return(nav, days, months=36)
    nan
    """
    start = _window_start(sessions, months, calendar)
    if start is None:
        return math.nan
    base = int(np.searchsorted(sessions, start))
    growth = 1.0 + float(returns_from(absorbed(nav)[[base, -1]])[0])
    return math.pow(growth, 1.0 / max(1.0, months / _YEAR_IN_MONTHS)) - 1.0


def covers(sessions: DateArray, *, months: int, calendar: DateArray | None = None) -> bool:
    """Whether the history is as long as ``months`` calendar months; as :func:`trailing_return`.

    Examples
    --------
    >>> covers(np.array(["2023-01-03", "2023-12-29"], dtype="datetime64[D]"), months=12)
    False
    >>> covers(np.array(["2023-01-02", "2023-12-29"], dtype="datetime64[D]"), months=12)
    True
    """
    return _window_start(sessions, months, calendar) is not None


def rolling_any(flags: BoolArray, *, window: int) -> BoolArray:
    """Whether any of the last ``window`` flags is true, shape (T,); those there are at the start.

    Examples
    --------
    >>> rolling_any(np.array([True, False, False]), window=2).tolist()
    [True, True, False]
    """
    count = np.cumsum(flags)
    before = np.concatenate((np.zeros(min(window, count.size), dtype=count.dtype), count[:-window]))
    return np.asarray(count > before)


def rolling_return(returns: FloatArray, *, window: int) -> FloatArray:
    """Compound return of the last ``window`` sessions, shape (T,), NaN until the window is full.

    Examples
    --------
    >>> rolling_return(np.array([1.0, 0.5, -0.5]), window=2).tolist()
    [nan, 2.0, -0.25]
    """
    return _rolled(np.prod(_windows(1.0 + returns, window), axis=1) - 1.0, returns.size)


def rolling_volatility(returns: FloatArray, *, window: int, sessions_per_year: float) -> FloatArray:
    """Annualised standard deviation (n - 1) of the last ``window`` sessions, NaN until full.

    Each window is summed afresh, so no rounding is carried along.

    Examples
    --------
    >>> returns = np.array([0.01, -0.01, 0.03])
    >>> rolling_volatility(returns, window=3, sessions_per_year=100).round(12).tolist()
    [nan, nan, 0.2]
    """
    windows = _windows(returns, window)
    return _rolled(_deviations(windows) * math.sqrt(sessions_per_year), returns.size)


def rolling_sharpe(
    returns: FloatArray,
    *,
    window: int,
    sessions_per_year: float,
    risk_free: float | FloatArray = 0.0,
) -> FloatArray:
    """Annualised Sharpe ratio of the last ``window`` sessions; NaN until full and without risk.

    ``risk_free`` is the return of cash per session, whatever the window.

    Examples
    --------
    >>> returns = np.array([0.01, -0.01, 0.03])
    >>> rolling_sharpe(returns, window=3, sessions_per_year=100).round(12).tolist()
    [nan, nan, 5.0]
    """
    windows = _windows(returns - risk_free, window)
    spread = _deviations(windows)
    ratios = np.full(spread.shape, math.nan)
    np.divide(windows.mean(axis=1), spread, out=ratios, where=spread > 0.0)
    return _rolled(ratios * math.sqrt(sessions_per_year), returns.size)


def rolling_beta(returns: FloatArray, benchmark: FloatArray, *, window: int) -> FloatArray:
    """Slope on the benchmark over the last ``window`` sessions, shape (T,).

    NaN until the window is full, where it holds a NaN, and where the benchmark did not move.

    Examples
    --------
    >>> market = np.array([0.01, 0.02, 0.03, 0.05])
    >>> rolling_beta(2.0 * market, market, window=3).round(12).tolist()
    [nan, nan, 2.0, 2.0]
    """
    mine, market = _windows(returns, window), _windows(benchmark, window)
    centred = market - market.mean(axis=1, keepdims=True)
    covariance = np.sum(mine * centred, axis=1)
    variance = np.sum(np.square(centred), axis=1)
    slopes = np.full(variance.shape, math.nan)
    np.divide(covariance, variance, out=slopes, where=variance > window * NOISE**2)
    return _rolled(slopes, returns.size)


def _windows(values: FloatArray, window: int) -> FloatArray:
    """Windows as rows, shape (T - window + 1, window); no rows where the history is shorter."""
    if window > values.size:
        return np.empty((0, window))
    return sliding_window_view(values, window)


def _rolled(values: FloatArray, size: int) -> FloatArray:
    """Values at the end of their windows, NaN before."""
    return np.concatenate((np.full(size - values.size, math.nan), values))


def _deviations(windows: FloatArray) -> FloatArray:
    """Sample standard deviation of each row, 0 where only rounding is left."""
    if windows.shape[1] < 2:
        return np.full(windows.shape[0], math.nan)
    spread = windows.std(axis=1, ddof=1)
    return np.where(spread <= NOISE, 0.0, spread)


def _period_starts(days: DateArray, unit: Unit) -> DateArray:
    """First calendar day of each day's period."""
    if unit == "week":
        # 1970-01-01 was a Thursday: three days after its Monday.
        into = (days.astype(np.int64) + 3) % 7
        return (days.astype(np.int64) - into).astype("datetime64[D]")
    return days.astype(_CODE[unit]).astype("datetime64[D]")


def _next_start(first: np.datetime64, unit: Unit) -> np.datetime64:
    """First calendar day of the period after the one that begins on ``first``."""
    if unit == "week":
        return first + 7 * _DAY
    ordinal = first.astype(_CODE[unit]).astype(np.int64) + 1
    following: np.datetime64 = ordinal.astype(_CODE[unit]).astype("datetime64[D]")
    return following


def _window_start(
    sessions: DateArray, months: int, calendar: DateArray | None
) -> np.datetime64 | None:
    """First day of the last ``months`` calendar months; None where the history is shorter."""
    begin, stop = _coverage(sessions, calendar)
    month_end = stop.astype("datetime64[M]").astype("datetime64[D]")
    start = _months_back(max(month_end, sessions[-1] + _DAY), months)
    return start if start >= begin else None


def _coverage(
    sessions: DateArray, calendar: DateArray | None
) -> tuple[np.datetime64, np.datetime64]:
    """Calendar days that the history covers, days off beside it included: first, last + 1."""
    begin, stop = sessions[0], sessions[-1] + _DAY
    earlier = _NO_DAYS if calendar is None else calendar[calendar < begin]
    later = _NO_DAYS if calendar is None else calendar[calendar >= stop]
    weekends = not bool(np.is_busday(sessions).all())
    if earlier.size:
        begin = earlier[-1] + _DAY
    else:
        while _is_day_off(begin - _DAY, weekends=weekends):
            begin -= _DAY
    if later.size:
        stop = later[0]
    else:
        while _is_day_off(stop, weekends=weekends):
            stop += _DAY
    return begin, stop


_NO_DAYS: DateArray = np.empty(0, dtype="datetime64[D]")


def _is_day_off(day: np.datetime64, *, weekends: bool) -> bool:
    """Whether no session is expected: weekends and 1 January, nothing where weekends trade."""
    new_year = bool(day == day.astype("datetime64[Y]").astype("datetime64[D]"))
    return not weekends and (new_year or not bool(np.is_busday(day)))


def _months_back(day: np.datetime64, months: int) -> np.datetime64:
    """Day of the same number, ``months`` earlier; the month's last day where it has no such day."""
    month = day.astype("datetime64[M]")
    earlier = month - np.timedelta64(months, "M")
    last = (earlier + np.timedelta64(1, "M")).astype("datetime64[D]") - _DAY
    return min(earlier.astype("datetime64[D]") + (day - month.astype("datetime64[D]")), last)

"""Performance measures of one account: its NAV, or its simple returns per session.

Conventions of every module of measures
---------------------------------------
``nav`` has shape (T + 1,): the initial cash, which is the NAV at the start of the first session,
then the NAV at each session's close. ``returns`` has shape (T,): simple, so ``returns[0]`` is the
first close over the initial cash, and a loss on day one is in it. ``sessions`` has shape (T,):
naive dates, rising. Sessions per year are the calendar's and are passed in, never guessed. Nothing
is told apart by its values: the caller says whether an array is NAV or returns.

One NaN makes the answer NaN unless the docstring says otherwise. What is not defined (a ratio over
zero volatility, a window longer than the history) is NaN, never infinite.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
DateArray = NDArray[np.datetime64]

DAYS_PER_YEAR = 365.25
# Returns are fractions of 1, exact to about 2e-16: a standard deviation below this is rounding.
NOISE = 1e-12


def absorbed(nav: FloatArray) -> FloatArray:
    """NAV that stays at 0 from the first value at or below 0: a bankrupt account has no way back.

    Examples
    --------
    >>> absorbed(np.array([100.0, -100.0, 100.0])).tolist()
    [100.0, 0.0, 0.0]
    """
    return np.where(np.logical_or.accumulate(nav <= 0.0), 0.0, nav)


def returns_from(nav: FloatArray) -> FloatArray:
    """Session returns, simple, shape (T,), of ``nav``, shape (T + 1,).

    Bankruptcy is one return of -1; after it returns are 0, as nothing is left to move.

    Examples
    --------
    >>> returns_from(np.array([100.0, 90.0, 99.0])).round(12).tolist()
    [-0.1, 0.1]
    >>> returns_from(np.array([100.0, -100.0, 100.0])).tolist()
    [-1.0, 0.0]
    """
    kept = absorbed(nav)
    before, after = kept[:-1], kept[1:]
    return np.divide(after, before, out=np.ones_like(after), where=before != 0.0) - 1.0


def wealth_from(returns: FloatArray) -> FloatArray:
    """NAV of 1 at the start, compounded at ``returns``; shape (T + 1,).

    Examples
    --------
    >>> wealth_from(np.array([0.5, -0.5])).tolist()
    [1.0, 1.5, 0.75]
    """
    return np.concatenate(([1.0], np.cumprod(1.0 + returns)))


def elapsed_years(sessions: DateArray) -> float:
    """Years of 365.25 days from the start of the first session to the end of the last.

    The days are last - first + 1: the first session's own day counts, as its return does.

    Examples
    --------
    >>> elapsed_years(np.array(["2021-01-01", "2024-12-31"], dtype="datetime64[D]"))
    4.0
    """
    days = int((sessions[-1] - sessions[0]).astype(int)) + 1
    return days / DAYS_PER_YEAR


def total_return(nav: FloatArray) -> float:
    """Growth of NAV over the whole period, a fraction; -1 for a bankrupt account.

    Examples
    --------
    >>> total_return(np.array([100.0, 80.0, 125.0]))
    0.25
    """
    return float(absorbed(nav)[-1] / nav[0] - 1.0)


def cagr(nav: FloatArray, sessions: DateArray) -> float:
    r"""Compound annual growth rate, a fraction, on elapsed calendar time.

    Rows are not counted: holidays, missing rows and the length of a trading year do not matter.
    Below a year it extrapolates; NaN where that exceeds a float.

    Notes
    -----
    .. math:: (NAV_T / NAV_0)^{1 / years} - 1, \quad years = (last - first + 1) / 365.25

    References
    ----------
    Bacon (2008), Practical Portfolio Performance Measurement and Attribution, 2nd ed., ch. 2.

    Examples
    --------
    >>> four_years = np.array(["2021-01-01", "2024-12-31"], dtype="datetime64[D]")
    >>> round(cagr(np.array([100.0, 120.0, 146.41]), four_years), 12)
    0.1
    """
    growth = 1.0 + total_return(nav)
    with np.errstate(over="ignore"):
        rate = float(np.power(growth, 1.0 / elapsed_years(sessions)) - 1.0)
    return rate if math.isfinite(rate) else math.nan


def per_session_rate(annual: float, *, sessions_per_year: float) -> float:
    """Return per session that compounds to the effective ``annual`` rate; negative rates too.

    Examples
    --------
    >>> round(per_session_rate(0.21, sessions_per_year=2), 12)
    0.1
    """
    return float((1.0 + annual) ** (1.0 / sessions_per_year) - 1.0)


def accrued_rates(annual: FloatArray, sessions: DateArray) -> FloatArray:
    """Return of cash per session, shape (T,), from annual simple rates known at each close.

    Act/365, as the account's own interest: a session earns the rate known at the close before it,
    over the days between the two dates; the first earns nothing.

    Examples
    --------
    >>> friday_and_monday = np.array(["2024-03-01", "2024-03-04"], dtype="datetime64[D]")
    >>> accrued_rates(np.array([0.0365, 0.05]), friday_and_monday).round(12).tolist()
    [0.0, 0.0003]
    """
    days = np.diff(sessions).astype("timedelta64[D]").astype(np.float64)
    return np.concatenate(([0.0], annual[:-1] * days / 365.0))


def deviation(values: FloatArray) -> float:
    """Sample standard deviation (n - 1); 0 where only rounding is left, NaN below two values."""
    if values.size < 2:
        return math.nan
    spread = float(np.std(values, ddof=1))
    return 0.0 if spread <= NOISE else spread


def ratio(numerator: float, denominator: float) -> float:
    """Quotient; NaN over zero."""
    return numerator / denominator if denominator != 0.0 else math.nan


def volatility(returns: FloatArray, *, sessions_per_year: float) -> float:
    r"""Annualised standard deviation of returns, a fraction; NaN below two sessions.

    Notes
    -----
    .. math:: \sigma \sqrt{n}, \quad \sigma^2 = \sum (r_t - \bar r)^2 / (T - 1)

    References
    ----------
    Bacon (2008), ch. 4.

    Examples
    --------
    >>> round(volatility(np.array([0.01, -0.01, 0.03]), sessions_per_year=100), 12)
    0.2
    """
    return deviation(returns) * math.sqrt(sessions_per_year)


def sharpe(
    returns: FloatArray, *, sessions_per_year: float, risk_free: float | FloatArray = 0.0
) -> float:
    r"""Annualised Sharpe ratio; NaN without volatility and below two sessions.

    Parameters
    ----------
    returns
        Simple returns per session, shape (T,).
    sessions_per_year
        Sessions of the base calendar in a year.
    risk_free
        Return of cash per session, a number or shape (T,); any sign
        (see :func:`per_session_rate` and :func:`accrued_rates`).

    Notes
    -----
    .. math:: \sqrt{n} \, \bar e / \sigma_e, \quad e_t = r_t - f_t

    The deviation of the excess returns is over T - 1.

    References
    ----------
    Sharpe (1994), The Sharpe ratio, Journal of Portfolio Management 21(1), 49-58.

    Examples
    --------
    >>> round(sharpe(np.array([0.01, -0.01, 0.03]), sessions_per_year=100), 12)
    5.0
    >>> round(sharpe(np.array([0.01, -0.01, 0.03]), sessions_per_year=100, risk_free=0.03), 12)
    -10.0
    """
    excess = returns - risk_free
    spread = deviation(excess)
    return ratio(float(np.mean(excess)), spread) * math.sqrt(sessions_per_year)


def downside_deviation(
    returns: FloatArray, *, sessions_per_year: float, target: float | FloatArray = 0.0
) -> float:
    r"""Annualised root mean square of the shortfalls below ``target``, over all sessions.

    ``target`` is a return per session, a number or shape (T,).

    Notes
    -----
    .. math:: \sqrt{n} \sqrt{\sum_t \min(r_t - t_t, 0)^2 / T}

    Sessions at or above the target count as zeros: T is every session, not only the bad ones.

    References
    ----------
    Sortino & van der Meer (1991), Downside risk, Journal of Portfolio Management 17(4), 27-31.

    Examples
    --------
    >>> round(downside_deviation(np.array([0.03, -0.02, 0.0, 0.01]), sessions_per_year=100), 12)
    0.1
    """
    shortfall = np.minimum(returns - target, 0.0)
    downside = float(np.sqrt(np.mean(np.square(shortfall))))
    return (0.0 if downside <= NOISE else downside) * math.sqrt(sessions_per_year)


def sortino(
    returns: FloatArray, *, sessions_per_year: float, target: float | FloatArray = 0.0
) -> float:
    r"""Annualised mean over ``target``, per downside deviation; NaN where nothing fell short.

    Notes
    -----
    .. math:: n \, \overline{(r - t)} / DD

    References
    ----------
    Sortino & Price (1994), Performance measurement in a downside risk framework, Journal of
    Investing 3(3), 59-64.

    Examples
    --------
    >>> round(sortino(np.array([0.03, -0.02, 0.0, 0.01]), sessions_per_year=100), 12)
    5.0
    """
    downside = downside_deviation(returns, sessions_per_year=sessions_per_year, target=target)
    return ratio(float(np.mean(returns - target)) * sessions_per_year, downside)

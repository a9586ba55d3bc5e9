"""Sections of the metrics that need only the account's series: its NAV and its benchmark."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

import numpy as np

from backtest.measures import distribution, drawdowns, performance, periods, relative
from backtest.measures.performance import BoolArray, DateArray, FloatArray
from backtest.report.account import Account, Section

_WINDOWS = {"1m": 1, "3m": 3, "6m": 6, "1y": 12, "3y": 36, "5y": 60, "10y": 120}
_TAIL = 0.05


def return_section(account: Account) -> Section:
    """Growth of the account: trailing windows, hits, best and worst periods, streaks."""
    month, year = account.by("month"), account.by("year")
    ahead = account.excess[account.invested]
    return {
        "total_return": performance.total_return(account.nav),
        "cagr": performance.cagr(account.nav, account.sessions),
        "profit_amount": account.nav[-1] - account.nav[0],
        "mean_per_year": np.mean(account.returns) * account.sessions_per_year,
        "trailing": {
            name: periods.trailing_return(
                account.nav, account.sessions, months=months, calendar=account.calendar
            )
            for name, months in _WINDOWS.items()
        },
        "hit_rate_session": distribution.hit_rate(ahead),
        "hit_rate_week": distribution.hit_rate(account.excess_by("week")),
        "hit_rate_month": distribution.hit_rate(account.excess_by("month")),
        "best_session": _extreme(account.sessions, account.returns, np.argmax),
        "worst_session": _extreme(account.sessions, account.returns, np.argmin),
        "best_month": _extreme(month.first, month.returns, np.argmax, month.partial),
        "worst_month": _extreme(month.first, month.returns, np.argmin, month.partial),
        "best_year": _extreme(year.first, year.returns, np.argmax, year.partial),
        "worst_year": _extreme(year.first, year.returns, np.argmin, year.partial),
        "longest_gain_sessions": distribution.longest_run(ahead > 0.0),
        "longest_loss_sessions": distribution.longest_run(ahead < 0.0),
    }


def risk_section(account: Account) -> Section:
    """Volatility, ratios, tails and moments."""
    returns, per_year, risk_free = account.returns, account.sessions_per_year, account.risk_free
    return {
        "volatility": performance.volatility(returns, sessions_per_year=per_year),
        "downside_deviation": performance.downside_deviation(
            returns, sessions_per_year=per_year, target=risk_free
        ),
        "sharpe": performance.sharpe(returns, sessions_per_year=per_year, risk_free=risk_free),
        "sortino": performance.sortino(returns, sessions_per_year=per_year, target=risk_free),
        "var_95": distribution.value_at_risk(returns, level=_TAIL),
        "es_95": distribution.expected_shortfall(returns, level=_TAIL),
        "skew": distribution.skewness(returns),
        "kurtosis": distribution.kurtosis(returns),
        "excess_kurtosis": distribution.kurtosis(returns) - 3.0,
        "tail_ratio": distribution.tail_ratio(returns, level=_TAIL),
        "rolling_year": _rolling(account),
    }


def drawdown_section(account: Account, *, top: int) -> Section:
    """Falls from the running peak: their measures and the ``top`` deepest, deepest first."""
    falls = drawdowns.drawdown(account.nav)
    episodes = drawdowns.drawdown_episodes(account.nav, account.sessions)
    deepest = sorted(episodes, key=lambda episode: episode.depth)[:top]
    rows = [asdict(one) | {"recovered": one.recovery is not None} for one in deepest]
    return {
        "max_drawdown": drawdowns.max_drawdown(account.nav),
        "deepest": rows[0] if rows else None,
        "calmar": drawdowns.calmar(account.nav, account.sessions),
        "recovery_factor": drawdowns.recovery_factor(account.nav),
        "ulcer_index": drawdowns.ulcer_index(account.nav),
        "average_depth": np.mean([e.depth for e in episodes]) if episodes else None,
        "time_under_water": drawdowns.time_under_water(account.nav),
        "longest_days": max((episode.days for episode in episodes), default=0),
        "latest_drawdown": falls[-1],
        "episode_count": len(episodes),
        "episodes": rows,
    }


def benchmark_section(account: Account, *, name: object) -> Section:
    """Account against benchmark over the sessions where both are known; counts those dropped."""
    mine, market, dropped = relative.paired(account.returns, account.benchmark_returns)
    counted: Section = {"name": name, "paired_sessions": mine.size, "dropped_sessions": dropped}
    if mine.size == 0:
        return counted
    both = account.returns, account.benchmark_returns
    n, risk_free = account.sessions_per_year, account.risk_free
    known = ~np.isnan(account.benchmark_returns)
    cash = np.broadcast_to(np.asarray(risk_free), known.shape)[known]
    days = account.sessions[known]
    own, wealth = performance.wealth_from(mine), performance.wealth_from(market)
    months = periods.period_returns(own, days, "month").returns
    market_months = periods.period_returns(wealth, days, "month").returns
    growth, own_growth = performance.cagr(wealth, days), performance.cagr(own, days)
    total, own_total = performance.total_return(wealth), performance.total_return(own)
    return counted | {
        "first_session": days[0],
        "total_return": total,
        "cagr": growth,
        "volatility": performance.volatility(market, sessions_per_year=n),
        "sharpe": performance.sharpe(market, sessions_per_year=n, risk_free=cash),
        "max_drawdown": drawdowns.max_drawdown(wealth),
        "excess_total_return": own_total - total,
        "excess_cagr": own_growth - growth,
        "beta": relative.beta(*both, risk_free=risk_free),
        "alpha": relative.alpha(*both, sessions_per_year=n, risk_free=risk_free),
        "correlation": relative.correlation(*both),
        "tracking_error": relative.tracking_error(*both, sessions_per_year=n),
        "information_ratio": relative.information_ratio(*both, sessions_per_year=n),
        "up_capture_session": relative.up_capture(*both),
        "down_capture_session": relative.down_capture(*both),
        "up_capture_month": relative.up_capture(months, market_months),
        "down_capture_month": relative.down_capture(months, market_months),
        "share_of_months_ahead": distribution.hit_rate(months - market_months),
    }


def period_table(account: Account, unit: periods.Unit) -> list[Section]:
    """One row per month or year: ``2024-01`` or ``2024``, compound returns, whether it is whole."""
    mine, market = account.by(unit), account.benchmark_by(unit)
    labels = np.datetime_as_string(mine.first, unit="M" if unit == "month" else "Y")
    rows = zip(labels, mine.returns, market.returns, mine.sessions, mine.partial, strict=True)
    return [
        {
            unit: str(label),
            "return": own,
            "benchmark": theirs,
            "sessions": count,
            "partial": partial,
        }
        for label, own, theirs, count, partial in rows
    ]


def _rolling(account: Account) -> Section:
    """Window of a year through the history: its extremes and its latest values."""
    window = round(account.sessions_per_year)
    per_year = account.sessions_per_year
    year = periods.rolling_return(account.returns, window=window)
    full = year[window - 1 :]
    cash = np.broadcast_to(np.asarray(account.risk_free), year.shape)
    ahead = year - periods.rolling_return(cash, window=window)
    held = periods.rolling_any(account.invested, window=window)
    spread = periods.rolling_volatility(account.returns, window=window, sessions_per_year=per_year)
    beta = periods.rolling_beta(account.returns, account.benchmark_returns, window=window)
    return {
        "window_sessions": window,
        "best_return": full.max() if full.size else None,
        "worst_return": full.min() if full.size else None,
        "share_positive": distribution.hit_rate(ahead[held & ~np.isnan(ahead)]),
        "latest_return": year[-1],
        "latest_volatility": spread[-1],
        "latest_sharpe": account.rolling_sharpe(window=window)[-1],
        "latest_beta": beta[-1],
    }


def _extreme(
    first: DateArray,
    returns: FloatArray,
    pick: Callable[[FloatArray], np.intp],
    partial: BoolArray | None = None,
) -> Section:
    """Best or worst period: its first day, its return, and whether it is whole."""
    at = int(pick(returns))
    found: Section = {"date": first[at], "return": returns[at]}
    return found if partial is None else found | {"partial": partial[at]}

"""Content of ``metrics.json``: every measure of a finished run, with its conventions.

Frames are lined up here; every formula is in :mod:`backtest.measures` and its neighbours. What is
not defined (no trades, no benchmark, a window longer than the history) is None.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date

import numpy as np
import pandas as pd

from backtest.measures.performance import DateArray
from backtest.report.account import Account, Records, Section, account_of, number, section
from backtest.report.activity import cost_section, dealing_section, holding_section, trade_section
from backtest.report.inference import inference_section
from backtest.report.performance import (
    benchmark_section,
    drawdown_section,
    period_table,
    return_section,
    risk_section,
)
from backtest.report.undefined import defined, idle_words, short_words

_TOP_EPISODES = 10


def metrics_of(result: Records, *, calendar: DateArray | None = None) -> Section:
    """All measures of ``result``, nested by subject, ready for JSON.

    Parameters
    ----------
    result
        The finished run. Settings read: ``portfolio.cash.amount`` (initial cash),
        ``tearsheet.risk_free`` (an effective annual rate, or ``rates``) and ``top``, ``benchmark``,
        ``seed`` (of the draws of ``inference``; 0 without it); from the manifest
        ``sessions_per_year``, ``currency``, ``base``, and with ``rates`` ``risk_free``: one annual
        simple rate per session, as known at its close.
    calendar
        Sessions of the base exchange beyond both ends of the run, ``datetime64[D]``: decides which
        months and years are partial. Without it weekdays do.

    Returns
    -------
    dict
        ``conventions``, ``headline``, ``return``, ``risk``, ``drawdowns``, ``benchmark``,
        ``inference``, ``trading``, ``costs``, ``trades``, ``periods``; values are float, int, str,
        bool or None, fractions where not named otherwise, losses negative, amounts in the
        portfolio's currency.
    """
    account = account_of(result, calendar=calendar)
    top = section(result.config, "tearsheet").get("top", _TOP_EPISODES)
    content: dict[str, Section] = {
        "return": return_section(account),
        "risk": risk_section(account),
        "drawdowns": drawdown_section(account, top=round(number(top))),
        "benchmark": benchmark_section(account, name=result.config.get("benchmark")),
        "inference": inference_section(account, seed=_seed(result)),
        "trading": holding_section(result.positions, account) | dealing_section(result, account),
        "costs": cost_section(result.nav, result.fills, account),
        "trades": trade_section(result.trades),
        "periods": {
            "months": period_table(account, "month"),
            "years": period_table(account, "year"),
        },
    }
    content = defined(content, account)
    stated = {"conventions": _conventions(result, account), "headline": _headline(content, account)}
    return {key: plain(value) for key, value in (stated | content).items()}


def plain(value: object) -> object:
    """``value`` in JSON's own types: NaN and infinities None, dates ISO text, arrays lists.

    Examples
    --------
    >>> plain({"x": np.float64("nan"), "when": date(2024, 1, 2), "n": [np.int64(1), True]})
    {'x': None, 'when': '2024-01-02', 'n': [1, True]}
    """
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.datetime64):
        return None if np.isnat(value) else str(value.astype("datetime64[D]"))
    if isinstance(value, date):  # pandas' Timestamp and NaT are dates too
        return None if pd.isna(value) else value.isoformat()[:10]
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return None if value is None else str(value)


def _seed(result: Records) -> int:
    """Seed of the run's draws."""
    return round(number(result.config.get("seed", 0)))


def _conventions(result: Records, account: Account) -> Section:
    setting = section(result.config, "tearsheet").get("risk_free", 0.0)
    cash = float(np.mean(account.risk_free)) * account.sessions_per_year
    return {
        "first_session": account.sessions[0],
        "last_session": account.sessions[-1],
        "sessions": account.sessions.size,
        "years": account.years,
        "sessions_per_year": account.sessions_per_year,
        "base": result.manifest.get("base"),
        "currency": result.manifest.get("currency"),
        "initial_cash": account.nav[0],
        "benchmark": result.config.get("benchmark"),
        "risk_free": setting if isinstance(setting, str) else number(setting),
        "risk_free_mean_per_year": cash,
        "compounding": "compounded",
        "costs": "after all costs that the run models",
        "start": "the initial cash is the NAV at the start of the first session",
        "elapsed": "last session - first session + 1 day, in years of 365.25 days",
        "idle": idle_words(account),
        "short": short_words(account),
        "ahead": "of the periods in which anything was held or traded: returns above those of cash "
        "at the risk-free rate",
        "annualised": "mean x sessions per year, deviation x its square root; CAGR on elapsed time",
        "tail": "historical, 5 % of sessions, losses negative",
        "moments": "of the population; kurtosis of the normal is 3",
    }


def _headline(content: Mapping[str, Section], account: Account) -> Section:
    gains, risk, falls = content["return"], content["risk"], content["drawdowns"]
    return {
        "total_return": gains["total_return"],
        "cagr": gains["cagr"],
        "volatility": risk["volatility"],
        "sharpe": risk["sharpe"],
        "sortino": risk["sortino"],
        "max_drawdown": falls["max_drawdown"],
        "calmar": falls["calmar"],
        "exposure": content["trading"]["gross_exposure"],
        "turnover_per_year": content["trading"]["turnover_per_year"],
        "costs_bps": section(content["costs"], "total")["bps_of_nav_per_year"],
        "closed_trades": content["trades"]["closed_trades"],
        "win_rate": content["trades"]["win_rate"],
        "alpha": content["benchmark"].get("alpha"),
        "beta": content["benchmark"].get("beta"),
        "information_ratio": content["benchmark"].get("information_ratio"),
        "final_nav": account.nav[-1],
    }

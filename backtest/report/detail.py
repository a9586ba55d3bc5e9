"""Sections of ``metrics.json`` that need more than the account: records, market, events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from backtest.report.account import Account, Section, account_of, number, section
from backtest.report.application_section import application_section
from backtest.report.attribution import attribution_section
from backtest.report.crisis import crisis_section
from backtest.report.currency_section import currency_section
from backtest.report.dealing import dealing_sections
from backtest.report.event_section import event_section
from backtest.report.metrics import plain
from backtest.report.sleeve_section import sleeve_section

if TYPE_CHECKING:
    from backtest.result import Result

_TOP = 10
_EXTREMES = 5


def detail_of(result: Result) -> Section:
    """All sections that the tearsheet shows beside those of the account, ready for JSON.

    Returns
    -------
    dict
        ``attribution``, ``crises``, ``extremes``, ``dealing``, ``events``, which is None for a
        strategy that waits for nothing; ``sleeves`` where several share the portfolio;
        ``currency`` where more than one was held; ``applications`` where new listings were
        applied for.
    """
    account = account_of(result)
    top = round(number(section(result.config, "tearsheet").get("top", _TOP)))
    content = {
        "attribution": attribution_section(result, account, top=top),
        "crises": crisis_section(result, account),
        "extremes": _extremes(account),
        "dealing": dealing_sections(result, account),
        "events": event_section(result),
    }
    applications = application_section(result)
    if applications is not None:
        content["applications"] = applications
    sleeves = sleeve_section(result, account)
    if sleeves is not None:
        content["sleeves"] = sleeves
    currencies = currency_section(result, account)
    if currencies is not None:
        content["currency"] = currencies
    return {key: plain(value) for key, value in content.items()}


def _extremes(account: Account) -> Section:
    """The best and the worst sessions, the most extreme first; none that did the opposite."""
    returns = account.returns
    order = np.argsort(returns, kind="stable")
    worst = [row for row in order[:_EXTREMES] if returns[row] < 0.0]
    best = [row for row in order[::-1][:_EXTREMES] if returns[row] > 0.0]
    return {
        name: [
            {
                "date": account.sessions[row],
                "return": returns[row],
                "benchmark": account.benchmark_returns[row],
            }
            for row in rows
        ]
        for name, rows in (("best", best), ("worst", worst))
    }

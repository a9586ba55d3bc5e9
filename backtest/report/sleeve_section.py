"""What each sleeve of a portfolio contributed, for ``metrics.json`` and the tearsheet."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from backtest.report import formats
from backtest.report.page import Table
from backtest.report.series import rows_of, section
from backtest.sleeves.contribution import CASH

if TYPE_CHECKING:
    import pandas as pd

    from backtest.measures.performance import FloatArray
    from backtest.report.account import Account, Section
    from backtest.result import Result


def sleeve_section(result: Result, account: Account) -> Section | None:
    """Profit and risk by sleeve; None for a run of one strategy.

    ``sleeves`` has a row each and ``cash`` what belongs to none: ``gain`` before costs, ``costs``,
    ``pnl`` their difference, ``contribution`` pnl over initial cash; the pnl of all with ``cash``
    is the change of NAV. ``risk_share`` is the part of the account's variance that came from it,
    ``netted`` the part of what the sleeves asked for that never reached the market.
    """
    frame = result.context.get("sleeves")
    if frame is None:
        return None
    names = [str(name) for name in dict.fromkeys(frame["sleeve"])]
    wide = {
        name: np.column_stack([_of(frame, sleeve, name) for sleeve in names])
        for name in ("share", "paper_return", "asked", "gain", "costs")
    }
    net = wide["gain"] - wide["costs"]
    risk = _risk_shares(net / np.maximum(account.nav[:-1], 1e-300)[:, None], account.returns)
    rows = [
        {
            "name": name,
            "share": np.mean(wide["share"][:, at]),
            "last_share": wide["share"][-1, at],
            "paper_volatility": np.nanstd(wide["paper_return"][1:, at], ddof=1)
            * math.sqrt(account.sessions_per_year)
            if len(net) > 2
            else None,
            "gain": math.fsum(wide["gain"][:, at]),
            "costs": math.fsum(wide["costs"][:, at]),
            "pnl": math.fsum(net[:, at]),
            "contribution": math.fsum(net[:, at]) / account.nav[0],
            "risk_share": risk[at],
        }
        for at, name in enumerate(names)
    ]
    asked, market = math.fsum(wide["asked"][:, :-1].ravel()), math.fsum(wide["asked"][:, -1])
    return {
        "sleeves": [row for row in rows if row["name"] != CASH],
        "cash": next(row["pnl"] for row in rows if row["name"] == CASH),
        "netted": 1.0 - market / asked if asked else None,
    }


def sleeve_table(metrics: Mapping[str, object], currency: str) -> Table | None:
    """Profit by sleeve, cash and sum below; None for a run of one strategy."""
    part = section(metrics, "sleeves")
    if not part:
        return None
    start = formats.as_float(section(metrics, "conventions").get("initial_cash"))
    cash, sleeves = formats.as_float(part.get("cash")), rows_of(part.get("sleeves"))
    whole = cash + math.fsum(formats.as_float(row.get("pnl")) for row in sleeves)
    rows: list[tuple[str, ...]] = [
        (
            str(row.get("name")),
            formats.number(row.get("pnl"), 0, signed=True),
            formats.percent(row.get("contribution"), signed=True),
            formats.percent(row.get("share"), 1),
            formats.percent(row.get("risk_share"), 1),
            formats.percent(row.get("paper_volatility"), 1),
            formats.percent(row.get("last_share"), 1),
            formats.number(row.get("gain"), 0),
            formats.number(row.get("costs"), 0),
        )
        for row in sleeves
    ]
    for name, amount in (("Cash", cash), ("Profit", whole)):
        share = formats.percent(amount / start, signed=True)
        rows.append((name, formats.number(amount, 0, signed=True), share, *[""] * 6))
    shares = ("of initial cash", "Mean share", "of variance")
    columns = (*shares, "Volatility a year", "Last share", "Before costs", "Costs")
    return Table(("Sleeve", f"Profit, {currency}", *columns), rows)


def sleeve_words(metrics: Mapping[str, object]) -> str:
    """How the division is meant, and what netting spared."""
    netted = section(metrics, "sleeves").get("netted")
    text = (
        "Profit in an instrument is divided by the sleeves' shares of it, costs by the changes "
        "they asked for. Volatility is of the sleeve's own weights, before costs."
    )
    if netted is not None:
        text += f" Netting spared {formats.percent(netted, 1)} of the turnover they asked for."
    return text


def _of(frame: pd.DataFrame, sleeve: str, name: str) -> FloatArray:
    return frame.loc[frame["sleeve"] == sleeve, name].to_numpy(dtype=np.float64)


def _risk_shares(parts: FloatArray, returns: FloatArray) -> list[float | None]:
    """Covariance of each part with the account's return over the latter's variance."""
    centred = returns - returns.mean()
    whole = float(centred @ centred)
    if not whole > 0.0:
        return [None] * parts.shape[1]
    return [float(centred @ (part - part.mean())) / whole for part in parts.T]

"""What applications for new listings made of the cash they locked, beside what prices did."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from backtest.report import formats
from backtest.report.page import Table
from backtest.report.series import section

if TYPE_CHECKING:
    from backtest.report.account import Section
    from backtest.result import Result

_YEAR = 365.0


def application_section(result: Result) -> Section | None:
    """Counts, money and two returns; None for a run that applied for nothing.

    ``price_return`` is the mean of the trades that an allotment opened, each by its own cost: what
    a share bought at the offer made. ``capital_return`` is all they made, less handling fees and
    loan interest, over the sum of what the applications locked; ``capital_return_per_year`` over
    that sum weighted by the years it was locked, simple.
    """
    ledger = result.ledger
    if "locked" not in result.nav or not result.nav["locked"].any():
        return None
    made = ledger[ledger["kind"] == "application"]
    back = ledger[ledger["kind"] == "refund"].drop_duplicates("symbol", keep="last")
    closed = made.merge(back, on="symbol", suffixes=("", "_back"))
    locked = -closed["amount"].to_numpy(dtype=np.float64)
    days = (closed["session_back"] - closed["session"]).dt.days.to_numpy(dtype=np.float64)
    offers = result.fills[result.fills["reason"] == "offer"]
    opened = result.trades.merge(
        offers[["symbol", "filled_at"]],
        left_on=["symbol", "entry"],
        right_on=["symbol", "filled_at"],
    )
    spent = {
        kind: -_sum(ledger.loc[ledger["kind"] == kind, "amount"])
        for kind in ("handling_fee", "loan_interest")
    }
    pnl = _sum(opened["pnl"])
    profit = pnl - spent["handling_fee"] - spent["loan_interest"]
    total, years = math.fsum(locked), math.fsum(locked * days) / _YEAR
    return {
        "applications": len(made),
        "allotted": len(offers),
        "locked": total,
        "locked_days": math.fsum(locked * days) / total if total > 0.0 else None,
        "largest_locked": float((result.nav["locked"] / result.nav["nav"]).max()),
        "allotted_value": _sum(offers["value"] * offers["fx"]),
        "trades_pnl": pnl,
        "handling_fees": spent["handling_fee"],
        "loan_interest": spent["loan_interest"],
        "profit": profit,
        "price_return": float(opened["return"].mean()) if len(opened) else None,
        "capital_return": profit / total if total > 0.0 else None,
        "capital_return_per_year": profit / years if years > 0.0 else None,
    }


def application_table(metrics: Mapping[str, object], currency: str) -> Table | None:
    """Capital beside price, one number a row; None where nothing was applied for."""
    told = section(metrics, "applications")
    if not told:
        return None

    def money(name: str) -> str:
        return formats.number(told.get(name), 0)

    rows = [
        ("Applications, of them with an allotment", _pair(told, "applications", "allotted")),
        (f"Locked in all, {currency}", money("locked")),
        ("Locked for, mean days by amount", formats.number(told.get("locked_days"), 1)),
        ("Locked at most, of NAV", formats.percent(told.get("largest_locked"), 1)),
        (f"Allotted, {currency}", money("allotted_value")),
        (f"Trades of what was allotted, net of their costs, {currency}", money("trades_pnl")),
        (
            f"Handling fees, loan interest, {currency}",
            _pair(told, "handling_fees", "loan_interest"),
        ),
        (f"Profit, {currency}", money("profit")),
        ("Price return, mean of allotted listings", formats.percent(told.get("price_return"))),
        (
            "Capital return, profit over all cash locked",
            formats.percent(told.get("capital_return")),
        ),
        ("Capital return a year", formats.percent(told.get("capital_return_per_year"))),
    ]
    return Table(("Applications", ""), rows)


def _pair(told: Mapping[str, object], one: str, two: str) -> str:
    return f"{formats.number(told.get(one), 0)}, {formats.number(told.get(two), 0)}"


def _sum(values: pd.Series) -> float:
    return math.fsum(values.to_numpy(dtype=np.float64))

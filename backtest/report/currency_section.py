"""What prices earned and exchange rates did, by currency: for metrics and the tearsheet."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from backtest.report import formats
from backtest.report.page import Table
from backtest.report.series import rows_of, section

if TYPE_CHECKING:
    import pandas as pd

    from backtest.report.account import Account, Section
    from backtest.result import Result

_EARNED = ("local_pnl", "fx_pnl", "hedge_pnl", "interest")
_COSTS = ("fees", "slippage", "fx_cost")


def currency_section(result: Result, account: Account) -> Section | None:
    """Profit by currency and by what made it; None for a run in one currency.

    What all ``currencies`` earned in prices, exchange rates, forwards and interest, less ``costs``
    and ``borrowing``, is the change of NAV.
    """
    frame = result.context.get("currencies")
    if frame is None:
        return None
    nav = result.nav
    rows = [_row(str(name), own, account) for name, own in frame.groupby("currency", sort=False)]
    earned = math.fsum(frame["interest"])
    return {
        "local_pnl": math.fsum(nav["local_pnl"]),
        "fx_pnl": math.fsum(nav["fx_pnl"]),
        "hedge_pnl": math.fsum(nav["hedge_pnl"]),
        "interest": earned,
        "costs": math.fsum(math.fsum(nav[name]) for name in _COSTS),
        "borrowing": math.fsum(nav["financing"]) + earned,
        "currencies": rows,
    }


def currency_table(metrics: Mapping[str, object], currency: str) -> Table | None:
    """Profit by currency, costs and sum below; None for a run in one currency."""
    part = section(metrics, "currency")
    if not part:
        return None
    rows: list[tuple[str, ...]] = [
        (
            str(row.get("name")),
            formats.number(_sum_of(row), 0, signed=True),
            *(formats.number(row.get(name), 0, signed=True) for name in _EARNED),
            formats.percent(row.get("exposure"), 1),
        )
        for row in rows_of(part.get("currencies"))
    ]
    whole = _sum_of(part)
    for label, name in (("Costs", "costs"), ("Borrowing", "borrowing")):
        paid = formats.as_float(part.get(name))
        whole -= paid
        if abs(paid) >= 0.5:
            rows.append((label, formats.number(-paid, 0, signed=True), *[""] * 5))
    rows.append(("Profit", formats.number(whole, 0, signed=True), *[""] * 5))
    earned = ("Prices", "Exchange rate", "Forwards", "Interest")
    return Table(("Currency", f"Sum, {currency}", *earned, "Mean share of NAV"), rows)


def _row(name: str, own: pd.DataFrame, account: Account) -> Section:
    held = own["positions"].to_numpy() + own["cash"].to_numpy()
    worth = np.where(held == 0.0, 0.0, held * own["rate"].to_numpy())
    nav = account.nav[1:]
    shares = np.divide(worth, nav, out=np.zeros(len(nav)), where=nav > 0.0)
    return {
        "name": name,
        **{what: math.fsum(own[what]) for what in _EARNED},
        "exposure": float(np.mean(shares)),
    }


def _sum_of(row: Mapping[str, object]) -> float:
    return math.fsum(formats.as_float(row.get(name)) for name in _EARNED)

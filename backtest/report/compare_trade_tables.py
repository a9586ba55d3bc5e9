"""The trades of two runs as tables of a page: by who made them, and one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from backtest.report import formats
from backtest.report.page import Table

if TYPE_CHECKING:
    import pandas as pd

    from backtest.report.comparison import Comparison


def trade_table(comparison: Comparison) -> Table:
    """Trades of two runs by who made them, with their profits; the last row sums up."""
    trades = comparison.trades
    if trades is None:
        return Table((), [])
    columns = ("Trades", "Count", "Profit A", "Profit B")
    rows = []
    for group in (*trades.groups, trades.rest, trades.total):
        amounts = [group.first, group.second]
        if trades.is_one_currency:
            amounts.append(group.difference)
        count = "" if group is trades.rest else formats.show(group.trades, "count")
        rows.append((group.label, count, *(formats.number(amount, 0) for amount in amounts)))
    return Table((*columns, *["B less A"] * trades.is_one_currency), rows)


def trade_records(comparison: Comparison) -> dict[str, object]:
    """Trades of two runs that are not the same in both, for the table that sorts and searches."""
    trades = comparison.trades
    if trades is None:
        return {"columns": [], "rows": {}}
    table, (first, second) = trades.table, comparison.names
    made = {"first": f"{first} only", "second": f"{second} only", "both": "both"}
    columns: list[tuple[str, str, str]] = [
        ("symbol", "Symbol", "text"),
        ("made", "Made by", "text"),
    ]
    rows: dict[str, list[object]] = {
        "symbol": [str(symbol) for symbol in table["symbol"].tolist()],
        "made": [made[who] for who in table["made"].tolist()],
    }
    for key, label, kind in (
        ("entry_session", "Entry", "date"),
        ("entry_price", "Entry price", "price"),
        ("exit_session", "Exit", "date"),
        ("exit_price", "Exit price", "price"),
        ("pnl", "Profit", "amount"),
    ):
        for number, letter in ((1, "A"), (2, "B")):
            name = f"{key}_{number}"
            columns.append((name, f"{label} {letter}", kind))
            rows[name] = _column(table[name], kind)
    if trades.is_one_currency:
        columns.append(("difference", "Profit, B less A", "amount"))
        known = [table[f"pnl_{n}"].where(table[f"pnl_{n}"].notna(), 0.0) for n in (1, 2)]
        rows["difference"] = _column(known[1] - known[0], "amount")
    return {
        "columns": [
            {"key": key, "label": label, "kind": kind, "text": kind in ("text", "date")}
            for key, label, kind in columns
        ],
        "rows": rows,
        "sort": {"key": "entry_session_1", "direction": -1},
        "word": "trade",
    }


def _column(values: pd.Series, kind: str) -> list[object]:
    if kind == "date":
        days = formats.days(values.to_numpy())
        return ["" if day == formats.UNKNOWN else day for day in days]
    return [*values.to_numpy(dtype=np.float64).tolist()]

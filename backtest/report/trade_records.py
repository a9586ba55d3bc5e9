"""All trades of a run as data for the page's table, with prices to draw each of them on."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from backtest.report.formats import days

if TYPE_CHECKING:
    from backtest.measures.performance import FloatArray
    from backtest.result import Result

MOST_TRADES = 10_000
"""Trades in the page; of more, those with the largest profit or loss."""

MOST_PRICES = 60_000
"""Prices in the page; of more, every second, third, ... of each instrument."""

_DIGITS = 5  # significant digits of a price, enough for a line


def trade_records(result: Result, currency: str) -> dict[str, object]:
    """Columns, rows and prices of the trades, for the table that the reader searches and sorts.

    Returns
    -------
    dict
        ``columns``; ``rows`` by column, text that repeats as ``words`` and their places ``at``;
        ``names`` of the instruments, by symbol; ``scale`` by row: what a price of the line is worth
        in shares as held at the trade's end; ``prices`` by symbol: sessions as steps from one
        position in ``days`` to the next, and closes of one line without jumps.
    """
    trades = _largest(result.trades)
    columns = (
        ("symbol", "Symbol", "text"), ("side", "Side", "text"), ("entry_session", "Entry", "date"),
        ("exit_session", "Exit", "date"), ("sessions", "Sessions", "amount"),
        ("shares", "Shares", "number"), ("entry_price", "Entry price", "price"),
        ("exit_price", "Exit price", "price"), ("return", "Return", "percent"),
        ("pnl", f"Profit, {currency}", "amount"), ("fees", "Fees", "amount"),
        ("mae", "Worst", "percent"), ("mfe", "Best", "percent"), ("reason", "Ended by", "text"),
    )  # fmt: skip
    rows = {key: _column(trades[key], kind) for key, _, kind in columns}
    rows["reason"] = [str(reason).replace("_", " ") for reason in rows["reason"]]
    rows["exit_session"] = [
        "open" if is_open else exit_session
        for is_open, exit_session in zip(trades["open"].tolist(), rows["exit_session"], strict=True)
    ]
    return {
        "columns": [
            {"key": key, "label": label, "kind": kind, "text": kind in ("text", "date")}
            for key, label, kind in columns
        ],
        "rows": {key: _coded(values) for key, values in rows.items()},
        "sort": {"key": "entry_session", "direction": -1},
        "word": "trade",
        "names": _names(result, trades),
        **_prices(result, trades),
    }


def _coded(values: list[object]) -> object:
    """Text that repeats as its words, each once, and where they stand; anything else as it is."""
    if not values or not isinstance(values[0], str):
        return values
    words = {word: at for at, word in enumerate(dict.fromkeys(values))}
    if 2 * len(words) > len(values):
        return values
    return {"words": list(words), "at": [words[value] for value in values]}


def _largest(trades: pd.DataFrame) -> pd.DataFrame:
    """Up to `MOST_TRADES` of the trades, those with the largest profit or loss, in their order."""
    if len(trades) <= MOST_TRADES:
        return trades
    size = trades["pnl"].abs().to_numpy()
    kept = np.sort(np.argsort(-size, kind="stable")[:MOST_TRADES])
    return trades.iloc[kept].reset_index(drop=True)


def _names(result: Result, trades: pd.DataFrame) -> dict[str, str]:
    """Name, sector and currency of each traded instrument, as far as the bundle gives them."""
    known = result.context.get("instruments")
    if known is None:
        return {}
    mine = known[known["symbol"].isin(trades["symbol"])]
    fields = ["symbol", "name", "sector", "currency"]
    return {
        str(symbol): ", ".join(str(word) for word in words if word and not pd.isna(word))
        for symbol, *words in mine[fields].itertuples(index=False)
    }


def _prices(result: Result, trades: pd.DataFrame) -> dict[str, object]:
    prices = result.context.get("prices")
    if prices is None or trades.empty:
        return {"scale": [1.0] * len(trades), "prices": {}, "days": []}
    mine = prices[prices["symbol"].isin(trades["symbol"])]
    step = -(-len(mine) // MOST_PRICES)
    thinned = mine.groupby("symbol", sort=False).cumcount() % step == 0
    line = mine[thinned.to_numpy()]
    every = np.unique(line["session"].to_numpy())
    at = np.searchsorted(every, line["session"].to_numpy())
    level = (line["close"] * line["split"]).to_numpy(dtype=np.float64)
    # Rows of one symbol stand together, in order of time.
    symbols = line["symbol"].to_numpy()
    edges = np.flatnonzero(np.concatenate(([True], symbols[1:] != symbols[:-1], [True])))
    drawn: dict[str, object] = {
        str(symbols[begin]): {"at": _steps(at[begin:end]), "close": _rounded(level[begin:end])}
        for begin, end in itertools.pairwise(edges.tolist())
    }
    return {"scale": _scales(mine, trades), "prices": drawn, "days": days(every)}


def _steps(at: np.ndarray) -> list[int]:
    """First position, then steps: one digit each where sessions follow one another."""
    return [int(step) for step in np.diff(at, prepend=0)]


def _rounded(values: FloatArray) -> list[float]:
    return [float(f"{value:.{_DIGITS}g}") for value in values.tolist()]


def _scales(prices: pd.DataFrame, trades: pd.DataFrame) -> list[float]:
    """By trade, 1 over the splits until its end: the line's prices per share as held then."""
    last = prices.groupby("symbol")["session"].max()
    end = trades["exit_session"].where(~trades["open"], trades["symbol"].map(last))
    known = prices.set_index(["symbol", "session"])["split"]
    at = pd.MultiIndex.from_arrays([trades["symbol"], end])
    split = known.reindex(at).to_numpy(dtype=np.float64)
    scale = np.divide(1.0, split, out=np.ones(len(split)), where=split > 0.0)
    return [float(number) for number in scale]


def _column(values: pd.Series, kind: str) -> list[object]:
    if kind == "date":
        return [*days(values.to_numpy())]
    if kind == "text":
        return [str(value) for value in values.tolist()]
    return [*values.to_numpy(dtype=np.float64).tolist()]

"""CSV files under the headings of yfinance: one line of fields, one of tickers."""

from __future__ import annotations

import csv
import io

import pandas as pd

_FIELDS, _TICKERS = "Price", "Ticker"


def is_headed_by_tickers(text: str) -> bool:
    """Whether two lines are the fields and tickers of columns, in either order; several tickers."""
    heads = {row[0]: row[1:] for row in csv.reader(text.splitlines()[:2]) if row}
    return sorted(heads) == [_FIELDS, _TICKERS] and len({*heads[_TICKERS]}) > 1


def long_of_tickers(text: str) -> pd.DataFrame:
    """Rows by date and ticker, with a column for each field; what is blank throughout is no row."""
    rows = list(csv.reader(io.StringIO(text)))
    heads = {row[0]: row[1:] for row in rows[:2]}
    body = [row for row in rows[2:] if row and row[0] != "Date"]
    if any(len(row) != len(rows[0]) for row in body):
        raise ValueError("a line has fewer fields than the heading: half a file?")
    columns = [
        [row[0] for row in body],
        *([row[at] for row in body] for at in range(1, len(rows[0]))),
    ]
    parts: dict[str, dict[str, list[str]]] = {}
    for field, ticker, values in zip(heads[_FIELDS], heads[_TICKERS], columns[1:], strict=True):
        parts.setdefault(ticker, {})[field] = values
    frames = [
        pd.DataFrame({"Date": columns[0], _TICKERS: ticker, **of}, dtype=str)
        for ticker, of in parts.items()
    ]
    long = pd.concat(frames, ignore_index=True).fillna("")
    fields = [name for name in long.columns if name not in ("Date", _TICKERS)]
    return long[(long[fields] != "").any(axis=1)].reset_index(drop=True)

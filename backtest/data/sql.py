"""SQL over the tables of a bundle, with DuckDB."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass

from backtest.data.bundle import Bundle
from backtest.errors import BacktestError, Fault, FaultyInput
from backtest.listing import Listing

_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Answer:
    """Columns and rows of a query."""

    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]


def ask(bundle: Bundle, text: str) -> Answer:
    """Answer to a query over ``instruments``, ``bars``, ``actions``, ``facts``, ``fx``, ``rates``.

    The tables are those after the checks. A query sees nothing else: no file, no network.

    Raises
    ------
    FaultyInput
        DuckDB does not understand the query.
    """
    try:
        import duckdb
    except ImportError:
        message = "duckdb is missing: pip install 'portfolio-backtest[sql]'"
        raise BacktestError(message) from None
    with duckdb.connect(":memory:") as connection:
        for name, frame in bundle.tables.items():
            connection.register(name, frame)
        connection.execute("SET TimeZone = 'UTC'; SET enable_external_access = false")
        try:
            found = connection.execute(text)
            columns = tuple(str(column[0]) for column in found.description or ())
            return Answer(columns, tuple(found.fetchall()))
        except duckdb.Error as error:
            raise FaultyInput("QUERY", [Fault("", str(error).partition("\n")[0])]) from None


def answer_text(answer: Answer) -> Listing:
    """An answer for people, its first rows only where there are many."""
    numbers = {
        name
        for place, name in enumerate(answer.columns)
        if any(isinstance(row[place], int | float) for row in answer.rows[:_SHOWN])
    }
    more = len(answer.rows) - _SHOWN
    title = f"the first {_SHOWN} of {len(answer.rows):,} rows" if more > 0 else ""
    listing = Listing(answer.columns, title=title, right=frozenset(numbers))
    listing.rows += [tuple(_cell(value) for value in row) for row in answer.rows[:_SHOWN]]
    return listing


def csv_text(answer: Answer) -> str:
    """Every row of an answer, as CSV."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(answer.columns)
    writer.writerows([_cell(value) for value in row] for row in answer.rows)
    return out.getvalue()


def _cell(value: object) -> str:
    """A value as text; midnights are dates, numbers are written in full."""
    if value is None or value != value:  # noqa: PLR0124 - NaN
        return ""
    return str(value).removesuffix(" 00:00:00").removesuffix("+00:00")

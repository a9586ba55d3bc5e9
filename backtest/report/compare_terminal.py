"""A comparison as rich tables for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.box import SIMPLE
from rich.console import Group
from rich.table import Table
from rich.text import Text

from backtest.report.compare_luck_table import luck_table
from backtest.report.compare_trade_tables import trade_table
from backtest.report.compare_why import why_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.console import RenderableType

    from backtest.report.comparison import Comparison, MeasureRow

_SIDE_BY_SIDE = 5  # up to so many runs stand in columns, more in rows
_BEST = "bold cyan"


def comparison_table(comparison: Comparison) -> RenderableType:
    """Lay out what differs in the inputs, what makes runs unlike, the numbers, luck and reasons.

    All text is plain: names hold no rich markup.
    """
    parts: list[RenderableType] = []
    rows = [(row.key, *row.texts) for row in comparison.differences]
    if rows:
        parts.append(_table("What differs in the inputs", "", comparison.names, rows, "left"))
    elif len(comparison.results) > 1:
        parts.append(Text("The inputs are the same: config, data, code, rules and versions."))
    notes = [Text.assemble(("Not alike: ", "bold yellow"), reason) for reason in comparison.unlike]
    notes += [Text.assemble(("The same: ", "bold yellow"), words) for words in comparison.same]
    rest = (*_luck(comparison), *_why(comparison), *_trades(comparison))
    return Group(*parts, *notes, _outcome(comparison), *rest)


def _outcome(comparison: Comparison) -> RenderableType:
    """Headline numbers: of two runs with their difference, of many in rows."""
    rows, names = comparison.headlines, comparison.names
    if comparison.pairs:
        return _pairs(comparison)
    if len(names) <= _SIDE_BY_SIDE:
        side_by_side: list[tuple[str | Text, ...]] = [(row.label, *_marked(row)) for row in rows]
        return _table("Measures", "", names, side_by_side, "right")
    columns = [_marked(row) for row in rows]
    runs: list[tuple[str | Text, ...]] = [
        (name, *(column[at] for column in columns)) for at, name in enumerate(names)
    ]
    return _table("Measures", "Run", [row.label for row in rows], runs, "right")


def _pairs(comparison: Comparison) -> RenderableType:
    rows = [
        (
            row.label,
            Text(row.first),
            Text(row.second),
            Text(row.difference, style="bold" if row.is_clear else ""),
            Text(f"{row.low} to {row.high}" if row.low else "", style="dim"),
        )
        for row in comparison.pairs
    ]
    columns = (*comparison.names, "Difference", "90 % range")
    table = _table("Measures", "", columns, rows, "right")
    note = "Bold: more than noise, the range of resampled histories does not hold zero."
    return Group(table, Text(note, style="dim"))


def _marked(row: MeasureRow) -> list[Text]:
    """Values, the best marked where it is better by more than noise."""
    return [
        Text(f"{'● ' if at == row.best else ''}{value}", style=_BEST if at == row.best else "")
        for at, value in enumerate(row.texts)
    ]


def _table(
    title: str, head: str, names: Sequence[str], rows: Iterable[Iterable[str | Text]], justify: str
) -> Table:
    table = Table(title=Text(title), title_justify="left", title_style="bold", box=SIMPLE)
    table.add_column(head)
    for name in names:
        is_number = justify == "right"
        table.add_column(
            Text(name), justify="right" if is_number else "left", no_wrap=is_number, overflow="fold"
        )
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in row))
    return table


def _luck(comparison: Comparison) -> Iterator[RenderableType]:
    """What the tests say, and the tests of two runs one by one."""
    if comparison.luck is None:
        return
    found = luck_table(comparison.luck, comparison.names)
    yield Text("Is the difference luck?", style="bold")
    for sentence in found.said:
        yield Text(sentence)
    if comparison.pairs and found.rows:
        rows = [(row.head, *row.cells) for row in found.rows]
        yield _table("", found.columns[0], found.columns[1:], rows, "right")


def _trades(comparison: Comparison) -> Iterator[RenderableType]:
    """Trades of two runs by who made them."""
    if comparison.trades is not None:
        table = trade_table(comparison)
        first, second = comparison.names
        title = f"Trades that differ: A is {first}, B is {second}"
        yield _table(title, "", table.columns[1:], table.rows, "right")


def _why(comparison: Comparison) -> Iterator[RenderableType]:
    """What each change of the config adds to the difference."""
    if comparison.why is None:
        return
    found = why_table(comparison.why)
    yield _table("Why", found.columns[0], found.columns[1:], found.rows, "right")
    for note in (*found.notes, *comparison.why.notes):
        yield Text(note, style="dim")

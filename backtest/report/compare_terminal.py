"""A comparison as rich tables for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.box import SIMPLE
from rich.console import Group
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import RenderableType

    from backtest.report.compare import Comparison

_SIDE_BY_SIDE = 5  # up to so many runs stand in columns, more in rows


def comparison_table(comparison: Comparison) -> RenderableType:
    """Lay out what differs in the inputs, what makes runs unlike, then the headline numbers.

    All text is plain: names hold no rich markup.
    """
    parts: list[RenderableType] = []
    rows = [(row.key, *row.values) for row in comparison.differences]
    if rows:
        parts.append(_table("What differs in the inputs", "", comparison.names, rows, "left"))
    elif len(comparison.results) > 1:
        parts.append(Text("The inputs are the same: config, data, code, rules and versions."))
    notes = [Text.assemble(("Not alike: ", "bold yellow"), reason) for reason in comparison.unlike]
    return Group(*parts, *notes, _headlines(comparison))


def _headlines(comparison: Comparison) -> Table:
    rows, names = comparison.headlines, comparison.names
    if len(names) <= _SIDE_BY_SIDE:
        side_by_side = [(row.label, *row.values) for row in rows]
        return _table("Measures", "", names, side_by_side, "right")
    runs = [(name, *(row.values[at] for row in rows)) for at, name in enumerate(names)]
    return _table("Measures", "Run", [row.label for row in rows], runs, "right")


def _table(
    title: str, head: str, names: Sequence[str], rows: Iterable[Sequence[str]], justify: str
) -> Table:
    table = Table(title=Text(title), title_justify="left", title_style="bold", box=SIMPLE)
    table.add_column(head)
    for name in names:
        is_number = justify == "right"
        table.add_column(
            Text(name), justify="right" if is_number else "left", no_wrap=is_number, overflow="fold"
        )
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table

"""Rows under headings that lose nothing on a narrow terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

_GAP = 2
_WORDS = 24  # columns that a column of words may be squeezed into


@dataclass
class Listing:
    """A table; where the terminal is too narrow for it, each row as a few lines of words.

    Cells are plain text, without markup. Columns named in ``right`` are numbers; the one named by
    ``words`` may be broken over several lines.
    """

    columns: Sequence[str]
    title: str = ""
    right: frozenset[str] = frozenset()
    words: str = ""
    rows: list[tuple[str, ...]] = field(default_factory=list)

    def add_row(self, *cells: str) -> None:
        """Add a row of one cell for each column."""
        self.rows.append(cells)

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> Iterator[RenderableType]:
        """Yield the table, or its rows one by one."""
        if self._least() <= options.max_width:
            yield self._table()
        else:
            yield from self._blocks()

    def _least(self) -> int:
        """Columns of the terminal without which the table would lose something."""
        total = -_GAP
        for number, name in enumerate(self.columns):
            width = max(cell_len(text) for text in (name, *(row[number] for row in self.rows)))
            total += _GAP + (min(width, _WORDS) if name == self.words else width)
        return total

    def _table(self) -> Table:
        table = Table(title=self.title or None, title_justify="left", box=None, pad_edge=False)
        for name in self.columns:
            justify = "right" if name in self.right else "left"
            table.add_column(name, justify=justify, no_wrap=name != self.words)  # type: ignore[arg-type]  # one of rich's literals
        for row in self.rows:
            table.add_row(*(Text(cell) for cell in row))
        return table

    def _blocks(self) -> Iterator[RenderableType]:
        """Each row: its first cell, its words, then the others with their headings."""
        if self.title:
            yield Text(self.title, style="table.title")
        for row in self.rows:
            first, *others = zip(self.columns, row, strict=True)
            if first[1]:
                yield Text(first[1], style="bold")
            lines = [cell for name, cell in others if name == self.words]
            told = (f"{name} {cell}" for name, cell in others if cell and name != self.words)
            for line in (*lines, "; ".join(told)):
                if line:
                    yield Padding(Text(line), (0, 0, 0, _GAP), expand=False)

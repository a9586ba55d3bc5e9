"""Tables of a terminal that never cut a number: what is too wide for one becomes two."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.box import SIMPLE
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

_GAP = 2  # signs between columns
_HEAD = 30  # signs of the first column, unless there is room for more
_NUMBER = 28  # longer cells are text, which may be folded
_TEXT = 12  # signs that a column of text has at least


@dataclass(frozen=True)
class Fitted:
    """Rows under their columns, in as many tables as the terminal's width asks for.

    The first column is repeated in each. Numbers (``is_text`` false) stand to the right and are
    never folded; text is folded to an even share of the width.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | Text, ...], ...]
    is_text: bool = False

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Tables, one below the other, an empty line before each."""
        for at, (columns, widths) in enumerate(self._parts(options.max_width)):
            yield Text()
            yield self._table(columns, widths, title="" if at else self.title)

    def _parts(self, room: int) -> Iterator[tuple[list[int], list[int]]]:
        """Columns of each table, the first column apart, with the widths of all."""
        head, widths = self._widths(room)
        taken: list[int] = []
        for column, width in enumerate(widths, start=1):
            own = [widths[at - 1] for at in taken]
            if taken and head + sum(own) + width + _GAP * (len(taken) + 1) > room:
                yield taken, [head, *own]
                taken = []
            taken = [*taken, column]
        yield taken, [head, *(widths[at - 1] for at in taken)]

    def _widths(self, room: int) -> tuple[int, list[int]]:
        """Width of the first column, folded where all do not fit beside it, and of the others."""
        first, *longest = [self._longest(column) for column in range(len(self.columns))]
        head = min(first, max(_HEAD, room // 3))
        fair = (room - head) // max(len(longest), 1) - _GAP
        most = max(_TEXT, fair) if self.is_text else _NUMBER
        widths = [
            max(min(width, most), self._longest_word(column))
            for column, width in enumerate(longest, start=1)
        ]
        return (first if first + sum(widths) + _GAP * len(widths) <= room else head), widths

    def _longest(self, column: int) -> int:
        """Width of a column's widest cell; of the first, its heading too."""
        cells = [cell_len(str(row[column])) for row in self.rows]
        return max([*cells, cell_len(self.columns[0]) if column == 0 else 0, 1])

    def _longest_word(self, column: int) -> int:
        """Width that a heading needs when it is folded between words."""
        return max((cell_len(word) for word in self.columns[column].split()), default=0)

    def _table(self, columns: list[int], widths: list[int], *, title: str) -> Table:
        table = Table(
            title=Text(title) if title else None,
            title_justify="left",
            title_style="bold",
            box=SIMPLE,
            show_edge=False,
            pad_edge=False,
            padding=(0, _GAP - 1, 0, 0),
        )
        table.add_column(Text(self.columns[0]), width=widths[0], overflow="fold")
        for column, width in zip(columns, widths[1:], strict=True):
            heading = Text(self.columns[column])
            table.add_column(
                heading,
                width=width,
                justify="left" if self.is_text else "right",
                overflow="fold",
            )
        for row in self.rows:
            cells = [row[column] for column in (0, *columns)]
            table.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in cells))
        return table


def letters(count: int) -> Sequence[str]:
    """Short names of ``count`` things: A to Z, then AA, AB.

    >>> letters(28)[-3:]
    ['Z', 'AA', 'AB']
    """
    return [_letter(at) for at in range(count)]


def _letter(at: int) -> str:
    before, last = divmod(at, 26)
    return (_letter(before - 1) if before else "") + chr(ord("A") + last)

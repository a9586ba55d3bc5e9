"""A comparison as rich tables for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.text import Text

from backtest.report.compare_luck_table import luck_table
from backtest.report.compare_trade_tables import trade_table
from backtest.report.compare_why import why_table
from backtest.report.terminal_table import Fitted, letters

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.console import RenderableType

    from backtest.report.comparison import Comparison, MeasureRow

_SIDE_BY_SIDE = 5  # up to so many runs stand in columns, more in rows
_BEST = "bold cyan"


def comparison_table(comparison: Comparison) -> RenderableType:
    """Lay out what differs in the inputs, what makes runs unlike, the numbers, luck and reasons.

    Runs are letters in the tables, as names may be longer than a terminal is wide. All text is
    plain: names hold no rich markup.
    """
    marks = letters(len(comparison.names))
    parts: list[RenderableType] = [_legend(comparison.names, marks)]
    rows = [(row.key, *row.texts) for row in comparison.differences]
    if rows:
        parts.append(_table("What differs in the inputs", ("", *marks), rows, is_text=True))
    else:
        parts.append(Text("The inputs are the same: config, data, code, rules and versions."))
    notes = [
        Text.assemble((f"{word}: ", "bold yellow"), said)
        for word, sentences in (("Not alike", comparison.unlike), ("The same", comparison.same))
        for said in sentences
    ]
    if notes:
        notes.insert(0, Text())
    rest = (*_luck(comparison), *_why(comparison), *_trades(comparison))
    return Group(*parts, *notes, *_outcome(comparison, marks), *rest)


def _legend(names: Sequence[str], marks: Sequence[str]) -> RenderableType:
    """Letters of the runs."""
    return Group(
        *(
            Text.assemble((f"{mark}  ", "bold"), name)
            for mark, name in zip(marks, names, strict=True)
        )
    )


def _outcome(comparison: Comparison, marks: Sequence[str]) -> Iterator[RenderableType]:
    """Headline numbers: of two runs with their difference, of many in rows."""
    rows = comparison.headlines
    if comparison.pairs:
        yield _pairs(comparison, marks)
    elif len(marks) <= _SIDE_BY_SIDE:
        side_by_side: list[tuple[str | Text, ...]] = [(row.label, *_marked(row)) for row in rows]
        yield _table("Measures", ("", *marks), side_by_side)
    else:
        columns = [_marked(row) for row in rows]
        runs: list[tuple[str | Text, ...]] = [
            (mark, *(column[at] for column in columns)) for at, mark in enumerate(marks)
        ]
        yield _table("Measures", ("Run", *(row.label for row in rows)), runs)
    if comparison.notes:
        yield Text("\n".join(("", *comparison.notes)))


def _pairs(comparison: Comparison, marks: Sequence[str]) -> RenderableType:
    has_ranges = any(row.low for row in comparison.pairs)
    rows: list[tuple[str | Text, ...]] = [
        (
            row.label,
            row.first,
            row.second,
            Text(row.difference, style="bold" if row.is_clear else ""),
            *[Text(f"{row.low} to {row.high}" if row.low else "", style="dim")] * has_ranges,
        )
        for row in comparison.pairs
    ]
    table = _table("Measures", ("", *marks, "B less A", *["90 % range"] * has_ranges), rows)
    if not has_ranges:
        return table
    note = "Bold: more than noise, the range of resampled histories does not hold zero."
    return Group(table, Text(f"\n{note}", style="dim"))


def _marked(row: MeasureRow) -> list[Text]:
    """Values, the best marked where it is better by more than noise."""
    return [
        Text(f"{'● ' if at == row.best else ''}{value}", style=_BEST if at == row.best else "")
        for at, value in enumerate(row.texts)
    ]


def _table(
    title: str,
    columns: Iterable[str],
    rows: Iterable[Iterable[str | Text]],
    *,
    is_text: bool = False,
) -> RenderableType:
    made = tuple(tuple(row) for row in rows)
    return Fitted(title, tuple(columns), made, is_text=is_text)


def _luck(comparison: Comparison) -> Iterator[RenderableType]:
    """What the tests say, and the tests of two runs one by one."""
    if comparison.luck is None:
        return
    found = luck_table(comparison.luck, comparison.names)
    yield Text("\nIs the difference luck?", style="bold")
    for sentence in found.said:
        yield Text(sentence)
    if comparison.pairs and found.rows:
        yield _table("", found.columns, ((row.head, *row.cells) for row in found.rows))


def _trades(comparison: Comparison) -> Iterator[RenderableType]:
    """Trades of two runs by who made them."""
    if comparison.trades is not None:
        table = trade_table(comparison)
        whole = "" if comparison.common.is_whole else ", of each run's whole period"
        yield _table(f"Trades that differ{whole}", ("", *table.columns[1:]), table.rows)


def _why(comparison: Comparison) -> Iterator[RenderableType]:
    """What each change of the config adds to the difference."""
    if comparison.why is None:
        return
    found = why_table(comparison.why)
    yield _table("Why", found.columns, found.rows)
    for note in (*found.notes, *comparison.why.notes):
        yield Text(note, style="dim")

"""What every answer of a vendor must be before it is used."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

from backtest.sources.protocol import SourceError

_LONGEST = 160


def needed_columns(answer: pd.DataFrame, names: Iterable[str]) -> None:
    """Refuse an answer without one of these columns: vendors rename them without notice."""
    missing = [name for name in names if name not in answer]
    if missing:
        shown = ", ".join(str(name) for name in answer.columns)
        raise SourceError(f"the answer has no column {', '.join(missing)}; it has {shown}")


def without_copies(rows: pd.DataFrame, key: Sequence[str]) -> pd.DataFrame:
    """Rows, each once; two that disagree are refused."""
    once = rows.drop_duplicates()
    twice = once[once.duplicated(list(key))]
    if len(twice):
        day = twice[key[0]].iloc[0]
        raise SourceError(f"the answer has two rows of {day:%Y-%m-%d} that disagree")
    return once.reset_index(drop=True)


def first_line(error: BaseException) -> str:
    """What an error says, on one line."""
    said = str(error).strip().partition("\n")[0].partition(" See http")[0]
    said = said or type(error).__name__
    return said if len(said) <= _LONGEST else said[: _LONGEST - 3] + "..."

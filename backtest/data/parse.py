"""Raw columns to typed ones, with what could not be read."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

Kind = Literal["text", "number", "date", "instant"]

_MISSING = frozenset({"", "nan", "NaN", "NA", "N/A", "NaT", "null", "None"})
_SHOWN = 3
_ISO_DATE = len("2024-06-28")


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its kind, whether the table must have it, whether each row must have a value."""

    kind: Kind
    required: bool = False
    filled: bool = False
    default: float | str | None = None


Parsed = tuple["pd.Series[Any]", npt.NDArray[np.bool_], str]
"""Values, which of them could not be read, what is wrong with those (empty when nothing)."""


def parse_column(values: pa.ChunkedArray, kind: Kind) -> Parsed:
    """Values of one kind: text as str, numbers as float64, times as datetime64[ns].

    Missing text is ``""``, a missing number NaN, a missing time NaT. Instants are in UTC; one
    written without a zone is taken as UTC.
    """
    return _PARSERS[kind](_plain(values))


def nearest(name: str, known: Iterable[str]) -> str:
    """``; did you mean 'x'?`` for the nearest known name, or nothing."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""


def blank(column: Column, rows: int) -> pd.Series[Any]:
    """Column that the table does not have."""
    if column.kind == "text":
        return pd.Series([str(column.default or "")] * rows, dtype="str")
    if column.kind == "number":
        fill = np.nan if column.default is None else float(column.default)
        return pd.Series(np.full(rows, fill))
    empty = pd.Series(np.full(rows, np.datetime64("NaT"), dtype="datetime64[ns]"))
    return empty.dt.tz_localize("UTC") if column.kind == "instant" else empty


def _plain(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Dictionary-encoded values decoded, text in one type."""
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if pa.types.is_string(values.type) or pa.types.is_string_view(values.type):
        values = values.cast(pa.large_string())
    return values


def _nothing(length: int, problem: str, column: Column) -> Parsed:
    """Nothing could be read."""
    return blank(column, length), np.ones(length, dtype=bool), problem


def _text(values: pa.ChunkedArray) -> Parsed:
    if pa.types.is_null(values.type):
        return blank(Column("text"), len(values)), np.zeros(len(values), dtype=bool), ""
    if not pa.types.is_large_string(values.type):
        return _nothing(len(values), f"must be text, found {values.type}", Column("text"))
    read = pc.fill_null(values, "").to_pandas().astype("str")
    return read, np.zeros(len(values), dtype=bool), ""


def _number(values: pa.ChunkedArray) -> Parsed:
    if pa.types.is_large_string(values.type):
        return _from_words(values, _to_float, "number", "must be a number")
    kinds = pa.types
    if not (
        kinds.is_integer(values.type)
        or kinds.is_floating(values.type)
        or kinds.is_decimal(values.type)
        or kinds.is_null(values.type)
    ):
        return _nothing(len(values), f"must be a number, found {values.type}", Column("number"))
    read = values.cast(pa.float64()).to_pandas()
    return _finite(read)


def _finite(read: pd.Series[Any]) -> Parsed:
    infinite = np.isinf(read.to_numpy())
    return read, infinite, "must be finite, found infinity" if infinite.any() else ""


def _date(values: pa.ChunkedArray) -> Parsed:
    if pa.types.is_large_string(values.type):
        return _from_words(values, _to_day, "date", "must be a date such as 2024-06-28")
    stamped = pa.types.is_timestamp(values.type)
    if not (pa.types.is_date(values.type) or stamped or pa.types.is_null(values.type)) or (
        stamped and values.type.tz is not None
    ):
        return _nothing(
            len(values), f"must be dates without a zone, found {values.type}", Column("date")
        )
    read, bad, problem = _nanoseconds(values)
    timed = (read != read.dt.normalize()).to_numpy() & read.notna().to_numpy()
    if timed.any() and not problem:
        shown = f"{read[timed].iloc[0]}"
        problem = f"must be dates without a time of day, found {shown}"
    return read, bad | timed, problem


def _instant(values: pa.ChunkedArray) -> Parsed:
    if pa.types.is_large_string(values.type):
        return _from_words(
            values, _to_instant, "instant", "must be a UTC time such as 2024-06-28T10:00:00Z"
        )
    if not (pa.types.is_timestamp(values.type) or pa.types.is_null(values.type)):
        return _nothing(len(values), f"must be a UTC time, found {values.type}", Column("instant"))
    if pa.types.is_timestamp(values.type) and values.type.tz is not None:
        # The instant is what is stored; the zone is only how it is shown.
        values = values.cast(pa.timestamp(values.type.unit, "UTC"))
        values = values.cast(pa.timestamp(values.type.unit))
    read, bad, problem = _nanoseconds(values)
    return read.dt.tz_localize("UTC"), bad, problem


def _nanoseconds(values: pa.ChunkedArray) -> Parsed:
    try:
        read = values.cast(pa.timestamp("ns")).to_pandas()
    except pa.ArrowInvalid:
        blank, bad, problem = _nothing(len(values), "lies outside 1678 to 2261", Column("date"))
        return blank, bad, problem
    return read.astype("datetime64[ns]"), np.zeros(len(values), dtype=bool), ""


def _from_words(
    values: pa.ChunkedArray,
    parse: Callable[[str], object],
    kind: Kind,
    expected: str,
) -> Parsed:
    """Parse text: each different word once, the unreadable ones named."""
    coded = values.combine_chunks().dictionary_encode()
    words: list[str] = [str(word).strip() for word in coded.dictionary.to_pylist()]
    parsed: list[object] = []
    unreadable = np.zeros(len(words) + 1, dtype=bool)
    for place, word in enumerate(words):
        try:
            parsed.append(None if word in _MISSING else parse(word))
        except ValueError:
            unreadable[place] = True
            parsed.append(None)
    # Null words point one past the end, at a value that is missing.
    at = pc.fill_null(coded.indices, len(words)).to_numpy(zero_copy_only=False)
    by_word = _typed([*parsed, None], kind)
    read = by_word.iloc[at].reset_index(drop=True)
    bad = unreadable[at]
    wrong = [words[place] for place in np.flatnonzero(unreadable)]
    shown = ", ".join(repr(word) for word in wrong[:_SHOWN])
    problem = f"{expected}, got {shown}{' ...' * (len(wrong) > _SHOWN)}" if wrong else ""
    if kind == "number" and not problem:
        return _finite(read)
    return read, bad, problem


def _typed(values: list[object], kind: Kind) -> pd.Series[Any]:
    if kind == "number":
        return pd.Series(values, dtype="float64")
    return pd.Series(
        pd.to_datetime(pd.Series(values, dtype="object"), utc=kind == "instant")
    ).astype("datetime64[ns, UTC]" if kind == "instant" else "datetime64[ns]")


def _to_float(word: str) -> float:
    return float(word)


def _to_day(word: str) -> datetime:
    stamp = datetime.fromisoformat(word)
    if len(word) < _ISO_DATE or stamp.tzinfo is not None or stamp.time() != datetime.min.time():
        raise ValueError(word)
    return stamp


def _to_instant(word: str) -> pd.Timestamp:
    stamp = pd.Timestamp(datetime.fromisoformat(word))
    if len(word) < _ISO_DATE:
        raise ValueError(word)
    return stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp.tz_convert("UTC")


_PARSERS: Mapping[Kind, Callable[[pa.ChunkedArray], Parsed]] = {
    "text": _text,
    "number": _number,
    "date": _date,
    "instant": _instant,
}

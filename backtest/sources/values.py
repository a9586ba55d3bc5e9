"""Numbers, dates and instants out of what vendors write."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from backtest.sources.mapping import Value

Series = "pd.Series[Any]"

_UNITS = {
    "": 1.0, "%": 0.01, "K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12,
    "千": 1e3, "万": 1e4, "萬": 1e4, "亿": 1e8, "億": 1e8,
}  # fmt: skip
_NUMBER = re.compile(r"^([+-]?(?:\d+|[1-9]\d{0,2}(?:,\d{3})+)(?:\.\d*)?(?:[eE][+-]?\d+)?)\s*(\D?)$")
_DECIMAL_COMMA = re.compile(r"^[+-]?\d+,\d+$")
_SWAPPED = str.maketrans(",.", ".,")
_NOTHING = frozenset(
    {"", "-", "--", "—", "<NA>", "nan", "NaN", "NA", "N/A", "n/a", "null", "None", "NaT", "#N/A"}
)
_SHOWN = 3


class Unreadable(ValueError):
    """Values that are not what a column must hold."""


def numbers(values: pd.Series[Any], decimal: str = ".") -> pd.Series[Any]:
    """Numbers as float64: ``1,234.5``, ``940.97M``, ``1.2亿`` and ``-0.31%`` are read as meant.

    With ``decimal=","`` text is ``1.234,5``. A comma that parts no thousands is refused: nobody
    but the user knows whether ``19,98`` is 19.98.
    """
    if pd.api.types.is_bool_dtype(values) or pd.api.types.is_datetime64_any_dtype(values):
        raise Unreadable(f"must be numbers, found {values.dtype}")
    if pd.api.types.is_numeric_dtype(values):
        return values.astype("float64")
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(values.cat.categories.dtype)
    if decimal == ",":
        values = values.map(
            lambda word: word.translate(_SWAPPED) if isinstance(word, str) else word
        )
    plain = pd.to_numeric(values, errors="coerce").astype("float64")
    odd = plain.isna().to_numpy()
    if not odd.any():
        return plain
    words = {word: _number(str(word).strip()) for word in values[odd].dropna().unique()}
    refused = [str(word) for word, number in words.items() if number is None]
    comma = decimal == "." and any(_DECIMAL_COMMA.match(word) for word in refused)
    shown = [word.translate(_SWAPPED) if decimal == "," else word for word in refused]
    _refuse(shown, "a number", "; where the comma is the decimal mark set decimal: ','" * comma)
    plain[odd] = values[odd].map(words).astype("float64")
    return plain


def _number(word: str) -> float | None:
    if word in _NOTHING:
        return float("nan")
    found = _NUMBER.match(word)
    if found is None or found[2].upper() not in _UNITS:
        return None
    # A decimal string times a power of ten is rounded once where the power is written out.
    return float(found[1].replace(",", "")) * _UNITS[found[2].upper()]


def days(values: pd.Series[Any], form: str, zone: str) -> pd.Series[Any]:
    """Dates at midnight, datetime64[ns] without a zone.

    Parameters
    ----------
    form
        ``strptime`` format; empty is ISO, a time of midnight included. ``%q`` is a quarter's
        number and stands for its last day.
    zone
        Times with an offset are dates of this zone.
    """
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(values.cat.categories.dtype)
    if pd.api.types.is_datetime64_any_dtype(values):
        return _dates_of(values, zone)
    words = values.astype("str").fillna("").str.strip()
    known = _plain_days(words, form)
    known |= {word: _day(word, form, zone) for word in words.unique() if word not in known}
    what = f"a date of the form {form}" if form else "an ISO date"
    _refuse([word for word, day in known.items() if day is None], what)
    read = [known[word] for word in words]
    return pd.Series(pd.to_datetime(read), index=values.index).astype("datetime64[ns]")


def _plain_days(words: pd.Series[Any], form: str) -> dict[str, Any]:
    """Days of the words that are plain dates, all read at once; others take longer to look at."""
    if "%q" in form:
        return {}
    unique = pd.Index(words.unique())
    try:
        read = pd.to_datetime(unique, format=form or "ISO8601", errors="coerce")
    except ValueError:  # some have an offset, some have none
        return {}
    if not isinstance(read, pd.DatetimeIndex) or read.tz is not None:
        return {}
    plain = read.notna() & (read == read.normalize())
    return dict(zip(unique[plain], read[plain], strict=True))


def _dates_of(values: pd.Series[Any], zone: str) -> pd.Series[Any]:
    if values.dt.tz is not None:
        if not zone:
            raise Unreadable(f"has times of {values.dt.tz}; set time_zone: the exchange's own")
        values = values.dt.tz_convert(zone).dt.tz_localize(None)
    elif (values.dropna() != values.dropna().dt.normalize()).any() and not zone:
        raise Unreadable("has times of day; set time_zone")
    midnights: pd.Series[Any] = values.dt.normalize().astype("datetime64[ns]")
    return midnights


def _day(word: str, form: str, zone: str) -> pd.Timestamp | None:
    if word in _NOTHING:
        return pd.NaT  # type: ignore[return-value]  # pandas types NaT apart
    try:
        if "%q" in form:
            return _quarter_end(word, form)
        stamp = pd.to_datetime(word, format=form or "ISO8601")
    except (ValueError, OverflowError):
        short = None if form else _short(word)
        if short is None:
            return None
        stamp = short
    if pd.isna(stamp):
        return None
    if stamp.tzinfo is not None:
        if not zone:
            raise Unreadable(
                f"has times with an offset ({word}); set time_zone: the exchange's own"
            )
        stamp = stamp.tz_convert(zone).tz_localize(None)
    elif stamp != stamp.normalize() and not zone:
        raise Unreadable(f"has times of day ({word}); set time_zone")
    return stamp.normalize()


def _short(word: str) -> pd.Timestamp | None:
    """``2024-11-8``, ISO but for the zeros."""
    found = re.match(r"^(\d{4})[-/](\d{1,2})[-/](\d{1,2})$", word)
    try:
        if found is None:
            return None
        return pd.Timestamp(year=int(found[1]), month=int(found[2]), day=int(found[3]))
    except ValueError:
        return None


def _quarter_end(word: str, form: str) -> pd.Timestamp | None:
    pattern = re.escape(form).replace("%Y", r"(?P<year>\d{4})").replace("%q", r"(?P<quarter>[1-4])")
    found = re.fullmatch(pattern, word)
    if found is None:
        return None
    first = pd.Timestamp(year=int(found["year"]), month=3 * int(found["quarter"]), day=1)
    return first + pd.offsets.MonthEnd(0)


def next_day(months_days: pd.Series[Any], after: pd.Series[Any]) -> pd.Series[Any]:
    """First date of each ``MM-DD`` after the date beside it; NaT where there is none."""
    form = "%Y-%m-%d"
    year = after.dt.year.astype("Int64").astype("str")
    same = pd.to_datetime(year + "-" + months_days, format=form, errors="coerce")
    later = (after.dt.year + 1).astype("Int64").astype("str")
    following = pd.to_datetime(later + "-" + months_days, format=form, errors="coerce")
    found: pd.Series[Any] = same.where(same > after, following).astype("datetime64[ns]")
    return found


def is_one_of(values: pd.Series[Any], wanted: Sequence[Value]) -> pd.Series[bool]:
    """Rows whose value, as a number or as text, is one of ``wanted``."""
    texts = {str(value) for value in wanted}
    found = values.astype("str").isin(texts)
    given = [float(value) for value in wanted if _is_number(value)]
    if given:
        found |= pd.to_numeric(values.astype("str"), errors="coerce").isin(given)
    return found


def _is_number(value: Value) -> bool:
    try:
        return bool(np.isfinite(float(value)))
    except ValueError:
        return False


def _refuse(words: Sequence[object], what: str, hint: str = "") -> None:
    if words:
        shown = ", ".join(repr(str(word)) for word in words[:_SHOWN])
        more = f" and {len(words) - _SHOWN} more" if len(words) > _SHOWN else ""
        raise Unreadable(f"must be {what}, got {shown}{more}{hint}")

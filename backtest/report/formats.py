"""Numbers, dates and money as people read them.

A number that is not known is an en dash. Fractions come in, percent goes out.
"""

from __future__ import annotations

import math
from datetime import date
from typing import Literal

import numpy as np
import pandas as pd

UNKNOWN = "–"

Unit = Literal["percent", "number", "count", "amount"]


def as_float(value: object) -> float:
    """``value`` as a float; NaN for what is not a number."""
    if isinstance(value, int | float | np.integer | np.floating):
        return float(value)
    return math.nan


def _fixed(value: float, digits: int, *, signed: bool) -> str:
    """``-1,234.50``; never a negative zero."""
    text = f"{value:{'+' if signed else ''},.{digits}f}"
    is_zero = not any(character in "123456789" for character in text)
    return text.lstrip("+-") if is_zero else text


def percent(value: object, digits: int = 2, *, signed: bool = False) -> str:
    """Fraction in percent.

    >>> percent(-0.1234), percent(0.05, 1, signed=True), percent(float("nan"))
    ('-12.34 %', '+5.0 %', '–')
    """
    x = as_float(value)
    return f"{_fixed(100.0 * x, digits, signed=signed)} %" if math.isfinite(x) else UNKNOWN


def number(value: object, digits: int = 2, *, signed: bool = False) -> str:
    """Plain number.

    >>> number(1234.5), number(-0.001)
    ('1,234.50', '0.00')
    """
    x = as_float(value)
    return _fixed(x, digits, signed=signed) if math.isfinite(x) else UNKNOWN


def significant(value: object, digits: int = 3) -> str:
    """Plain number of a few significant digits, without an exponent.

    >>> significant(1234.5), significant(0.01234), significant(-2.0)
    ('1,230', '0.0123', '-2.00')
    """
    x = as_float(value)
    if not math.isfinite(x) or x == 0.0:
        return "0" if x == 0.0 else UNKNOWN
    whole = math.floor(math.log10(abs(x)))
    rounded = round(x, digits - 1 - whole)
    return _fixed(rounded, max(0, digits - 1 - whole), signed=False)


def bps(value: object, digits: int = 1) -> str:
    """Basis points, given in basis points.

    >>> bps(12.34)
    '12.3 bps'
    """
    x = as_float(value)
    return f"{_fixed(x, digits, signed=False)} bps" if math.isfinite(x) else UNKNOWN


def day(value: object) -> str:
    """ISO date.

    >>> day(pd.Timestamp("2024-08-05")), day(pd.NaT)
    ('2024-08-05', '–')
    """
    if isinstance(value, str):
        return value[:10] or UNKNOWN
    if isinstance(value, pd.Timestamp | date | np.datetime64) and not pd.isna(value):
        return pd.Timestamp(value).strftime("%Y-%m-%d")
    return UNKNOWN


def counted(count: int, word: str) -> str:
    """Count things in words.

    >>> counted(1, "session"), counted(2600, "session")
    ('1 session', '2,600 sessions')
    """
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def days(values: pd.Series | pd.Index | np.ndarray) -> list[str]:
    """ISO dates of a whole column, an en dash where there is none."""
    dates = np.asarray(values, dtype="datetime64[D]")
    return [UNKNOWN if text == "NaT" else text for text in dates.astype(str).tolist()]


def label_of(name: str) -> str:
    """Words of a name: ``stamp_duty`` reads ``Stamp duty``.

    >>> label_of("stamp_duty")
    'Stamp duty'
    """
    words = name.replace("_", " ")
    return words[:1].upper() + words[1:]


def show(value: object, unit: Unit) -> str:
    """``value`` in the form of its unit; a count keeps one decimal where it is no whole number.

    >>> show(0.5, "percent"), show(3000, "count"), show(2.5, "count")
    ('50.00 %', '3,000', '2.5')
    """
    x = as_float(value)
    if unit == "percent":
        return percent(x)
    if unit == "count":
        return number(x, 0 if x.is_integer() else 1)
    return number(x, 0 if unit == "amount" else 2)

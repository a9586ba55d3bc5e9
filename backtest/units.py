"""Quantities as people write them: ``10bps``, ``0.25%``, ``20d``, ``5m HKD``."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

_NUMBER = r"([+-]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
_FRACTION = re.compile(rf"^{_NUMBER}\s*(%|bps|bp)?$")
_SESSIONS = re.compile(rf"^{_NUMBER}\s*(d|w|m|y|sessions?)?$")
_MONEY = re.compile(
    rf"^(?:([A-Z]{{3}})\s*)?{_NUMBER}\s*([kmb]|bn|thousand|million|billion)?\s*([A-Z]{{3}})?$"
)
_SCALE = {
    None: 1.0,
    "k": 1e3,
    "thousand": 1e3,
    "m": 1e6,
    "million": 1e6,
    "b": 1e9,
    "bn": 1e9,
    "billion": 1e9,
}
# A trading year has about 252 sessions, a month 21, a week 5: good for warm-ups and horizons.
_SESSIONS_IN = {None: 1, "d": 1, "session": 1, "sessions": 1, "w": 5, "m": 21, "y": 252}


def _fraction(value: object) -> object:
    """``0.25%`` and ``25bps`` as 0.0025; numbers pass."""
    if not isinstance(value, str):
        return value
    match = _FRACTION.match(value.strip())
    if match is None:
        raise ValueError("expected a fraction such as 0.0025, '0.25%' or '25bps'")
    unit = {None: 1.0, "%": 100.0, "bp": 1e4, "bps": 1e4}[match.group(2)]
    return float(match.group(1).replace("_", "")) / unit


def _bps(value: object) -> object:
    """``10bps`` and ``0.1%`` as 10.0; bare numbers are basis points already."""
    if not isinstance(value, str):
        return value
    match = _FRACTION.match(value.strip())
    if match is None:
        raise ValueError("expected basis points such as 10, '10bps' or '0.1%'")
    unit = {None: 1.0, "%": 100.0, "bp": 1.0, "bps": 1.0}[match.group(2)]
    return float(match.group(1).replace("_", "")) * unit


def _sessions(value: object) -> object:
    """``20d`` as 20, ``2w`` as 10, ``3m`` as 63, ``1y`` as 252; numbers pass."""
    if not isinstance(value, str):
        return value
    match = _SESSIONS.match(value.strip())
    if match is None:
        raise ValueError("expected sessions such as 20, '20d', '2w', '3m' or '1y'")
    count = float(match.group(1).replace("_", "")) * _SESSIONS_IN[match.group(2)]
    return int(count) if count == int(count) else count


class Money(BaseModel):
    """An amount, with its currency where one was written; without one, the portfolio's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    amount: float = Field(description="the amount, in currency units")
    currency: str | None = Field(None, description="ISO code; none means the portfolio's currency")

    @model_validator(mode="before")
    @classmethod
    def _read(cls, value: object) -> object:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            return value
        if isinstance(value, int | float):
            return {"amount": float(value)}
        match = _MONEY.match(value.strip())
        if match is None or (match.group(1) and match.group(4)):
            raise ValueError("expected money such as 1_000_000, '5m HKD' or 'HKD 5m'")
        amount = float(match.group(2).replace("_", "")) * _SCALE[match.group(3)]
        return {"amount": amount, "currency": match.group(1) or match.group(4)}

    def __str__(self) -> str:
        """``5000000 HKD``."""
        return f"{self.amount:.15g}" + (f" {self.currency}" if self.currency else "")


Fraction = Annotated[float, BeforeValidator(_fraction)]
Bps = Annotated[float, BeforeValidator(_bps)]
Sessions = Annotated[int, BeforeValidator(_sessions)]

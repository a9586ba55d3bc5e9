"""What every source of data is: a name, a pace, a call per symbol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal, Protocol

import pandas as pd

from backtest.errors import RunError


class SourceError(RunError):
    """An answer of a source that cannot be used; ``retry`` says whether asking again may help."""

    def __init__(self, message: str, *, retry: bool = False) -> None:
        self.retry = retry
        super().__init__(message)


class Unavailable(SourceError):
    """The source cannot be reached, or refuses for now: no other symbol will fare better."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retry=True)


@dataclass(frozen=True, slots=True)
class Pace:
    """How a source is asked.

    ``pause`` seconds pass between symbols; a failed call is repeated ``retries`` times, after
    ``backoff`` seconds and twice as long each time.
    """

    pause: float = 0.5
    retries: int = 3
    backoff: float = 3.0


@dataclass(frozen=True)
class Answer:
    """Tables of one symbol, in the columns of a bundle; ``notes`` say what was left out."""

    tables: Mapping[str, pd.DataFrame]
    notes: tuple[str, ...] = ()


class Source(Protocol):
    """A client of a data vendor."""

    name: str
    prices: Literal["raw", "adjusted"]
    pace: Pace
    caveats: tuple[str, ...]
    """What this vendor does not tell."""

    def fetch(self, symbol: str, start: date) -> Answer:
        """Everything about one symbol from ``start`` on.

        A symbol with bars has its row of ``instruments`` too. Raises :class:`SourceError` where the
        answer is no good, :class:`Unavailable` where there is none.
        """

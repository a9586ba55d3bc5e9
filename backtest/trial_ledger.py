"""Every run and trial that was ever made below a folder of reports."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from pathlib import Path

FILE = "trials.sqlite"
_PATIENCE = 60.0  # seconds that a writer waits for another


@dataclass(frozen=True, slots=True)
class TrialRecord:
    """One run or trial: what it was made of, and how its returns were.

    ``sharpe`` is per session, of the ``sessions`` excess returns that ``mean``, ``deviation``,
    ``skewness`` and ``kurtosis`` (raw) describe; NaN where not defined is kept as null.
    """

    fingerprint: str
    name: str
    strategy: str
    source: str  # run, or sweep-<fingerprint>
    data: str  # hash of the bundle
    engine: str  # hash of the code
    first: str
    last: str
    sessions: int
    sharpe: float | None
    mean: float | None
    deviation: float | None
    skewness: float | None
    kurtosis: float | None


_COLUMNS = [field.name for field in fields(TrialRecord)]
_CREATE = f"CREATE TABLE IF NOT EXISTS trial ({', '.join(_COLUMNS)}, PRIMARY KEY (fingerprint))"
_FAMILY = "CREATE INDEX IF NOT EXISTS family ON trial (strategy, data)"
_MARKS = ", ".join("?" * len(_COLUMNS))
_INSERT = f"INSERT OR IGNORE INTO trial VALUES ({_MARKS})"  # noqa: S608 - question marks only


def record_trials(reports: Path, records: Iterable[TrialRecord]) -> None:
    """Add ``records``; one that is known by its fingerprint already was tried before, and stays.

    Nothing is ever changed or taken out. Safe with several writers at once on one machine; on a
    network drive as far as its locks are to be trusted.
    """
    with _opened(reports) as ledger, ledger:
        ledger.executemany(_INSERT, (_plain(record) for record in records))


def family(reports: Path, *, strategy: str, data: str) -> Iterator[TrialRecord]:
    """All trials of a strategy on the same data, whatever their settings, by fingerprint.

    They are what a Sharpe ratio was picked from: the number of trials and the spread of their
    Sharpe ratios that the deflated Sharpe ratio asks for.
    """
    if not (reports / FILE).is_file():
        return
    with _opened(reports) as ledger:
        rows = ledger.execute(
            "SELECT * FROM trial WHERE strategy = ? AND data = ? ORDER BY fingerprint",
            (strategy, data),
        )
        for row in rows:
            yield TrialRecord(*row)


@contextmanager
def _opened(reports: Path) -> Iterator[sqlite3.Connection]:
    reports.mkdir(parents=True, exist_ok=True)
    ledger = sqlite3.connect(reports / FILE, timeout=_PATIENCE)
    try:
        ledger.execute(_CREATE)
        ledger.execute(_FAMILY)
        yield ledger
    finally:
        ledger.close()


def _plain(record: TrialRecord) -> tuple[object, ...]:
    """Values for SQLite; NaN would be stored as null anyway, and is said so here."""
    return tuple(None if value != value else value for value in astuple(record))  # noqa: PLR0124

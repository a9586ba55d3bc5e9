"""One symbol after another from a source: paced, repeated, kept until all are there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from urllib.parse import quote

import pandas as pd

from backtest.sources.completed import completed_bars
from backtest.sources.protocol import Answer, Source, SourceError, Unavailable

_NOTES = "notes.json"
_REQUEST = "request.json"

Tell = Callable[[str], None]
Sleep = Callable[[float], None]


@dataclass(frozen=True)
class Gathered:
    """Tables of all symbols together, the reason of each that failed, what was left out."""

    tables: Mapping[str, pd.DataFrame]
    failed: Mapping[str, str]
    notes: tuple[str, ...]


def gather(
    source: Source,
    symbols: Sequence[str],
    start: date,
    *,
    staging: Path,
    now: pd.Timestamp,
    sleep: Sleep,
    tell: Tell,
) -> Gathered:
    """What a source says of ``symbols`` from ``start`` on, unfinished sessions left out.

    Parameters
    ----------
    staging
        Folder in which finished symbols are kept, so that the same request goes on behind them
        after any stop. It is the caller's to delete.
    now
        UTC; a bar counts when its session's CLOSE is not after it.
    sleep, tell
        How to wait some seconds, where remarks go.

    Raises
    ------
    Unavailable
        The source cannot be reached or refuses; what is finished stays in ``staging``.
    """
    _open(staging, {"source": source.name, "start": start.isoformat(), "day": f"{now:%Y-%m-%d}"})
    answers: dict[str, Answer] = {}
    failed: dict[str, str] = {}
    asked = False
    for symbol in symbols:
        folder = staging / quote(symbol, safe="")
        kept = _read(folder)
        if kept is None:
            if asked:
                sleep(source.pace.pause)
            asked = True
            try:
                kept = _finished(_asked(source, symbol, start, sleep, tell), now)
            except Unavailable as error:
                raise Unavailable(f"{symbol}: {error}{_kept(staging, symbols)}") from None
            except SourceError as error:
                failed[symbol] = str(error)
                tell(f"{symbol}: {error}")
                continue
            _keep(kept, folder)
        answers[symbol] = kept
    return Gathered(_together(answers), failed, tuple(n for a in answers.values() for n in a.notes))


def _kept(staging: Path, symbols: Sequence[str]) -> str:
    """What is there of a request that ends here; a folder with nothing goes."""
    there = sum((staging / quote(symbol, safe="")).is_dir() for symbol in symbols)
    if there:
        return f"\n{there} of {len(symbols)} symbols are kept: the same command goes on there"
    shutil.rmtree(staging)
    return "\nNothing was fetched; the bundle is as it was"


def _asked(source: Source, symbol: str, start: date, sleep: Sleep, tell: Tell) -> Answer:
    """An answer, asked for again where that may help."""
    wait = source.pace.backoff
    for tries_left in range(source.pace.retries, -1, -1):
        try:
            return source.fetch(symbol, start)
        except SourceError as error:
            if not (error.retry and tries_left):
                raise
            tell(f"{symbol}: {error}; again in {wait:g} s")
        sleep(wait)
        wait *= 2.0
    raise AssertionError("the last try returns or raises")


def _finished(answer: Answer, now: pd.Timestamp) -> Answer:
    """An answer without the session and the day that are still going on."""
    tables = dict(answer.tables)
    if "bars" in tables:
        tables["bars"] = completed_bars(tables["bars"], tables["instruments"], now)
        if tables["bars"].empty:
            raise SourceError("the answer has no session that has ended")
    for name in ("fx", "rates"):
        if name in tables:
            tables[name] = tables[name][_has_ended(tables[name]["date"], now)]
    if "facts" in tables:
        tables["facts"] = _published(tables["facts"], now)
    return Answer(tables, answer.notes)


def _has_ended(day: pd.Series[pd.Timestamp], now: pd.Timestamp) -> pd.Series[bool]:
    """Whether a date is over, by UTC."""
    return day + pd.Timedelta(days=1) <= now.tz_localize(None)


def _published(facts: pd.DataFrame, now: pd.Timestamp) -> pd.DataFrame:
    """Facts, none known later than ``now``, when the source had them.

    What a source assumes to be known later is known now. The figure of a day that is not over, to
    be known when it is, is unfinished and left out.
    """
    finished = (facts["known_at"] <= now) | _has_ended(facts["period"], now)
    found = facts[finished]
    return found.assign(known_at=found["known_at"].where(found["known_at"] <= now, now))


def _together(answers: Mapping[str, Answer]) -> dict[str, pd.DataFrame]:
    parts: dict[str, list[pd.DataFrame]] = {}
    for answer in answers.values():
        for name, frame in answer.tables.items():
            if len(frame):
                parts.setdefault(name, []).append(frame)
    tables = {name: pd.concat(frames, ignore_index=True) for name, frames in parts.items()}
    if "instruments" in tables and tables["instruments"]["symbol"].duplicated().any():
        tables["instruments"] = _once(tables["instruments"])
    return tables


def _once(instruments: pd.DataFrame) -> pd.DataFrame:
    """One row per symbol, of several the first that says something in each column."""
    filled = instruments.mask(instruments == "")
    return filled.groupby("symbol", sort=False, as_index=False).first()


def _open(staging: Path, request: Mapping[str, str]) -> None:
    """Begin a request; what another one left is thrown away."""
    note = staging / _REQUEST
    text = json.dumps(request)
    if note.is_file() and note.read_text(encoding="utf-8") == text:
        return
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    note.write_text(text, encoding="utf-8")


def _keep(answer: Answer, folder: Path) -> None:
    draft = folder.with_name(f".draft-{folder.name}")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    for name, frame in answer.tables.items():
        frame.to_parquet(draft / f"{name}.parquet", index=False)
    (draft / _NOTES).write_text(json.dumps(answer.notes), encoding="utf-8")
    draft.rename(folder)


def _read(folder: Path) -> Answer | None:
    if not (folder / _NOTES).is_file():
        return None
    tables = {path.stem: pd.read_parquet(path) for path in sorted(folder.glob("*.parquet"))}
    notes = json.loads((folder / _NOTES).read_text(encoding="utf-8"))
    return Answer(tables, tuple(notes))

"""A bundle from a source, and its updates."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd

from backtest.data.remote_write import folder_of
from backtest.data.schema import BundleInfo, SourceInfo
from backtest.data.write import INFO, write_bundle
from backtest.errors import DataError, Fault, NoBundleError, RunError
from backtest.sources.gather import Gathered, Sleep, Tell, gather
from backtest.sources.importing import Delivery
from backtest.sources.merge import read_tables
from backtest.sources.protocol import Source
from backtest.sources.revise import Moment, half_answers, revised
from backtest.sources.save import in_order, save
from backtest.sources.vendors import find_source

START = date(2000, 1, 1)
_SHOWN = 3


@dataclass(frozen=True)
class Terms:
    """When and how a source is asked: for tests, other than now and by waiting."""

    now: Callable[[], pd.Timestamp] = lambda: pd.Timestamp.now("UTC").floor("s")
    sleep: Sleep = time.sleep
    tell: Tell = lambda _: None


def fetch_bundle(
    source: Source,
    symbols: Sequence[str],
    to: Path | str,
    *,
    start: date = START,
    terms: Terms | None = None,
) -> Gathered:
    """Write what a source has of ``symbols``, or add it to the bundle that is there.

    ``to`` is a folder, or the URL of one on a filesystem that fsspec knows.

    What was there first stays; ``update_bundle`` brings what changes later. What failed is in the
    answer, by symbol.

    Raises
    ------
    RunError
        Nothing could be fetched; the bundle is as it was.
    """
    wanted = list(dict.fromkeys(symbols))
    with folder_of(to) as folder:
        found = _fetch(source, wanted, folder, start, terms or Terms())
    shutil.rmtree(_staging(folder))
    return found


def _fetch(source: Source, wanted: Sequence[str], to: Path, start: date, terms: Terms) -> Gathered:
    now, staging = terms.now(), _staging(to)
    found = gather(
        source, wanted, start, staging=staging, now=now, sleep=terms.sleep, tell=terms.tell
    )
    _refuse_nothing(found, wanted)
    got = tuple(symbol for symbol in wanted if symbol not in found.failed)
    info = BundleInfo(
        name=to.name,
        description=f"fetched from {source.name}",
        prices=source.prices,
        caveats=source.caveats,
        sources=(SourceInfo(name=source.name, symbols=got, start=start, retrieved=now),),
    )
    tables, notes = _of_instruments(found, _symbols_there(to))
    notes = (*found.notes, *notes)
    save(Delivery(info, tables, notes), to)
    return Gathered(tables, found.failed, notes)


def update_bundle(
    bundle: Path | str,
    *,
    find: Callable[[str], Source] = find_source,
    terms: Terms | None = None,
) -> Gathered:
    """Bring a bundle up to date with the sources that it was fetched from.

    Nothing that is there is changed or lost: what a source now says otherwise is added as a later
    version, known from this moment on, so that a run with ``as_of`` before it sees what it saw.

    Raises
    ------
    RunError
        Nothing could be fetched; the bundle is as it was.
    """
    with folder_of(bundle) as folder:
        if not (folder / INFO).is_file():
            raise NoBundleError(str(bundle), [Fault("", f"is no bundle: it has no {INFO}")])
        found, asked = _update(folder, find, terms or Terms())
    for number in range(asked):
        shutil.rmtree(_staging(folder, number))
    return found


def _update(folder: Path, find: Callable[[str], Source], terms: Terms) -> tuple[Gathered, int]:
    """What was found, and of how many sources answers are kept."""
    info, tables = read_tables(folder)
    if not info.sources:
        message = "nothing says where it is from; `backtest data fetch` makes bundles that say it"
        raise DataError(str(folder), [Fault("sources", message, INFO)])
    now = terms.now()
    failed: dict[str, str] = {}
    notes: list[str] = []
    updated: list[SourceInfo] = []
    for number, entry in enumerate(info.sources):
        found = gather(
            find(entry.name),
            entry.symbols,
            entry.start,
            staging=_staging(folder, number),
            now=now,
            sleep=terms.sleep,
            tell=terms.tell,
        )
        _tell_half(found, tables["bars"], failed, terms.tell)
        failed.update(found.failed)
        fetched, left_out = _of_instruments(found, set(tables["instruments"]["symbol"]))
        notes += [*found.notes, *left_out]
        sound = {name: _without(frame, failed) for name, frame in fetched.items()}
        moment = Moment(pd.Timestamp(entry.retrieved).tz_convert("UTC"), now)
        tables = revised(tables, sound, moment)
        updated.append(entry.model_copy(update={"retrieved": now.to_pydatetime()}))
    everything = [symbol for entry in info.sources for symbol in entry.symbols]
    _refuse_nothing(Gathered(tables, failed, ()), everything)
    fresh = info.model_copy(update={"sources": tuple(updated)})
    write_bundle(folder, fresh, {name: in_order(name, frame) for name, frame in tables.items()})
    return Gathered(tables, failed, tuple(notes)), len(updated)


def _symbols_there(folder: Path) -> set[str]:
    if not (folder / INFO).is_file():
        return set()
    return set(read_tables(folder)[1]["instruments"]["symbol"])


def _of_instruments(
    found: Gathered, there: set[str]
) -> tuple[dict[str, pd.DataFrame], tuple[str, ...]]:
    """Tables without facts of symbols that nothing else is known of, and a note of those.

    A list of an index's members names many that the bundle need not have.
    """
    tables = dict(found.tables)
    if "facts" not in tables:
        return tables, ()
    known = there | {""}
    known |= set(tables["instruments"]["symbol"]) if "instruments" in tables else set()
    facts = tables["facts"]
    ours = facts["symbol"].isin(known)
    tables["facts"] = facts[ours].reset_index(drop=True)
    strange = sorted(set(facts.loc[~ours, "symbol"]))
    if not strange:
        return tables, ()
    shown = ", ".join(strange[:_SHOWN]) + (" ..." if len(strange) > _SHOWN else "")
    return tables, (f"facts of {len(strange)} symbols without bars here: {shown}",)


def _tell_half(found: Gathered, bars: pd.DataFrame, failed: dict[str, str], tell: Tell) -> None:
    if "bars" not in found.tables:
        return
    for symbol, why in half_answers(bars, found.tables["bars"]).items():
        failed[symbol] = why
        tell(f"{symbol}: {why}")


def _without(frame: pd.DataFrame, failed: dict[str, str]) -> pd.DataFrame:
    if "symbol" not in frame or not failed:
        return frame
    return frame[~frame["symbol"].isin(list(failed))].reset_index(drop=True)


def _refuse_nothing(found: Gathered, wanted: Sequence[str]) -> None:
    if len(found.failed) < len(set(wanted)):
        return
    reasons = [f"  {symbol}: {why}" for symbol, why in found.failed.items()]
    shown = "\n".join(reasons[:10] + ([f"  and {len(reasons) - 10} more"] * (len(reasons) > 10)))
    raise RunError(f"nothing could be fetched; the bundle is as it was\n{shown}")


def _staging(folder: Path, number: int | None = None) -> Path:
    """Where finished symbols wait, beside the bundle; ``number`` of a source in an update."""
    last = "fetch" if number is None else f"update-{number}"
    return folder.absolute().with_name(f".{folder.absolute().name}-{last}")

"""A bundle: checked tables with a content hash."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from backtest.data.checks import run_checks
from backtest.data.files import content_hash, find_folder, read_folder
from backtest.data.findings import Finding
from backtest.data.frames import Frame, arrow_tables
from backtest.data.known import instant_of, keep_known
from backtest.data.rows import sort_rows
from backtest.data.schema import (
    KNOWN_AT,
    TABLES,
    BundleInfo,
    Tables,
    empty_table,
    read_table,
    value_faults,
)
from backtest.data.settings import Action, CheckName, DataSettings
from backtest.data.store import (
    cache_folder,
    entry_key,
    read_entry,
    read_frame,
    write_entry,
    write_frame,
)
from backtest.data.vectorbt_data import Labelled, bars_of, frames_of
from backtest.data.versions import current_rows
from backtest.errors import DataError, Fault


@dataclass(frozen=True, eq=False)
class Bundle:
    """The tables of a market after their checks, sorted; see ``schema.TABLES`` for the columns.

    ``instruments`` is sorted by (exchange, symbol): the order of every column elsewhere. ``hash``
    is the sha256 of the files; ``findings`` say what the checks found and dropped. ``path`` is None
    for a bundle made in memory.
    """

    name: str
    description: str
    prices: Literal["raw", "adjusted"]
    simulated: bool
    per_share: tuple[str, ...]
    forward: tuple[str, ...]
    caveats: tuple[str, ...]
    instruments: pd.DataFrame
    bars: pd.DataFrame
    actions: pd.DataFrame
    facts: pd.DataFrame
    fx: pd.DataFrame
    rates: pd.DataFrame
    hash: str
    findings: tuple[Finding, ...]
    checks: Mapping[CheckName, Action]
    as_of: pd.Timestamp | None
    path: Path | None

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The tables by name."""
        return {name: getattr(self, name) for name in TABLES}

    @property
    def first(self) -> date:
        """Date of the first bar of any instrument."""
        return pd.Timestamp(self.bars["session"].min()).date()

    @property
    def last(self) -> date:
        """Date of the last bar of any instrument."""
        return pd.Timestamp(self.bars["session"].max()).date()

    @classmethod
    def from_frames(
        cls,
        *,
        name: str,
        instruments: Frame,
        bars: Frame,
        actions: Frame | None = None,
        facts: Frame | None = None,
        fx: Frame | None = None,
        rates: Frame | None = None,
        description: str = "",
        prices: Literal["raw", "adjusted"] = "raw",
        simulated: bool = False,
        per_share: Sequence[str] = (),
        forward: Sequence[str] = (),
        caveats: Sequence[str] = (),
        checks: Mapping[CheckName, Action] | None = None,
    ) -> Bundle:
        """Bundle in memory: the same columns, the same checks, a hash of its typed values.

        Frames are those of pandas, polars or Arrow. The hash does not depend on the order of rows.
        Raises DataError with every fault.
        """
        info = BundleInfo(
            name=name,
            description=description,
            prices=prices,
            simulated=simulated,
            per_share=tuple(per_share),
            forward=tuple(forward),
            caveats=tuple(caveats),
        )
        given = {
            "instruments": instruments,
            "bars": bars,
            "actions": actions,
            "facts": facts,
            "fx": fx,
            "rates": rates,
        }
        raw, faults = arrow_tables(given)
        typed = _typed(raw, {}, None)
        digest = _values_hash(info, typed.tables)
        made = _checked(info, typed, faults, checks or {}, None, title=name)
        return _bundle(made, content=digest, checks=checks or {}, as_of=None, path=None)

    @classmethod
    def from_vectorbt(
        cls,
        data: Labelled,
        *,
        name: str,
        prices: Literal["raw", "adjusted"],
        exchange: str = "",
        currency: str = "",
        kind: str = "stock",
        instruments: pd.DataFrame | None = None,
        **more: Any,  # as from_frames takes them
    ) -> Bundle:
        """Bundle in memory of what a vectorbt ``Data`` holds, or a dict of frames by symbol.

        Parameters
        ----------
        data
            Daily frames with open, high, low, close and volume by symbol, or series of closes; see
            ``vectorbt_data.bars_of``.
        prices
            What the prices are: vectorbt does not say. ``YFData`` downloads adjusted ones.
        exchange, currency, kind
            Of all symbols; in their place ``instruments`` says it symbol by symbol.
        more
            Further arguments of ``from_frames``: actions, facts, fx, caveats ...

        Raises
        ------
        DataError
            With every fault of the frames, or of the bundle.
        """
        frames = frames_of(data)
        if instruments is None:
            home = {"exchange": exchange, "currency": currency, "kind": kind}
            if not (exchange and currency):
                message = "say exchange= and currency=, or instruments= with both by symbol"
                raise DataError(name, [Fault("instruments", message)])
            instruments = pd.DataFrame({"symbol": list(frames), **home})
        homes = dict(zip(instruments["symbol"], instruments["exchange"], strict=True))
        bars, faults = bars_of(frames, homes)
        if faults:
            raise DataError(name, faults)
        return cls.from_frames(name=name, prices=prices, instruments=instruments, bars=bars, **more)


def load_bundle(
    settings: DataSettings, *, root: Path | None = None, cache: Path | None = None
) -> Bundle:
    """Bundle that ``settings`` name, checked.

    Parameters
    ----------
    settings
        ``bundle`` is ``sample`` or a folder, relative to ``root``; ``as_of`` and ``checks`` are
        applied here, ``start`` and ``end`` are the clock's.
    root
        Folder that a relative path starts from; the working directory by default.
    cache
        Where checked tables are kept, so that the next load takes a fraction; the user's cache
        folder by default.

    Raises
    ------
    DataError
        With every fault of files, columns, values and checks set to ``error``.
    """
    folder = find_folder(settings.bundle, root)
    as_of = None if settings.as_of is None else instant_of(settings.as_of)
    checks = settings.checks
    content = content_hash(folder)
    entry = (cache or cache_folder()) / f"tables-{entry_key(content, checks, as_of)}"
    made = _read_made(entry)
    if made is None:
        raw = read_folder(folder)
        typed = _typed(raw.tables, raw.names, as_of)
        made = _checked(raw.info, typed, raw.faults, checks, as_of, title=str(folder))
        write_entry(entry, partial(_write_made, made))
    known = made.known or content
    return _bundle(made, content=known, checks=checks, as_of=as_of, path=folder)


@dataclass(frozen=True, eq=False)
class _Made:
    """What loading makes of the files."""

    info: BundleInfo
    tables: Tables
    findings: tuple[Finding, ...]
    known: str
    """With ``as_of``, hash of what was known then: later versions do not change it."""


def _bundle(
    made: _Made,
    *,
    content: str,
    checks: Mapping[CheckName, Action],
    as_of: pd.Timestamp | None,
    path: Path | None,
) -> Bundle:
    return Bundle(
        **made.info.model_dump(exclude={"sources"}),
        instruments=made.tables["instruments"],
        bars=made.tables["bars"],
        actions=made.tables["actions"],
        facts=made.tables["facts"],
        fx=made.tables["fx"],
        rates=made.tables["rates"],
        hash=content,
        findings=made.findings,
        checks=dict(checks),
        as_of=as_of,
        path=path,
    )


@dataclass(frozen=True, eq=False)
class _Typed:
    """Tables with every row in the order of the files, which rows are sound, the faults so far."""

    tables: dict[str, pd.DataFrame]
    sound: dict[str, npt.NDArray[np.bool_]]
    faults: list[Fault]


def _typed(
    raw: Mapping[str, pa.Table], names: Mapping[str, str], as_of: pd.Timestamp | None
) -> _Typed:
    """Typed tables, those that are not given empty, in their versions of ``as_of``."""
    typed = _Typed({}, {}, [])
    for name, table in TABLES.items():
        if name in raw:
            frame, sound, found = read_table(name, raw[name], names.get(name, ""))
            typed.faults.extend(found)
            if KNOWN_AT in frame and table.versioned:
                held = current_rows(name, frame, as_of)
                frame = frame[held].drop(columns=KNOWN_AT).reset_index(drop=True)
                sound = sound[held]
        else:
            frame, sound = empty_table(name), np.zeros(0, dtype=bool)
            if table.required and name not in names:
                typed.faults.append(Fault(name, "required table is missing"))
        typed.tables[name], typed.sound[name] = frame, sound
    return typed


def _checked(
    info: BundleInfo | None,
    typed: _Typed,
    faults: list[Fault],
    checks: Mapping[CheckName, Action],
    as_of: pd.Timestamp | None,
    *,
    title: str,
) -> _Made:
    """Tables after values, ``as_of`` and checks; DataError with every fault that was met."""
    wrong, found = value_faults(typed.tables, info)
    faults = [*faults, *typed.faults, *found]
    tables = _sound_rows(typed, wrong)
    known = ""
    if as_of is not None:
        tables = keep_known(tables, as_of)
        known = "" if info is None else _values_hash(info, tables)
    checked = run_checks(tables, checks, forward=info.forward if info else ())
    faults += checked.faults
    if not faults:
        faults += [
            Fault(name, f"no row is left{' at as_of' * (as_of is not None)}")
            for name in ("instruments", "bars")
            if checked.tables[name].empty
        ]
    if faults or info is None:
        raise DataError(title, faults)
    return _Made(info, checked.tables, checked.findings, known)


def _sound_rows(
    typed: _Typed, wrong: Mapping[str, npt.NDArray[np.bool_]]
) -> dict[str, pd.DataFrame]:
    """Rows without faults, and without those of faulty instruments: one fault is told once."""
    tables = dict(typed.tables)
    for name, sound in typed.sound.items():
        kept = sound & ~wrong[name] if name in wrong else sound
        if not kept.all():
            tables[name] = tables[name][kept].reset_index(drop=True)
    symbols = set(typed.tables["instruments"]["symbol"])
    doubted = symbols - set(tables["instruments"]["symbol"])
    for name in ("bars", "actions", "facts"):
        if not symbols:
            tables[name] = empty_table(name)
        elif doubted:
            ours = ~tables[name]["symbol"].isin(doubted)
            tables[name] = tables[name][ours].reset_index(drop=True)
    return tables


def _values_hash(info: BundleInfo, tables: Tables) -> str:
    """sha256 of the typed values in the tables' own order."""
    # When a source was last asked is no value; without caveats there are none to hash.
    left_out = {"sources"} if info.caveats else {"caveats", "sources"}
    digest = hashlib.sha256(info.model_dump_json(exclude=left_out).encode())
    for name, frame in tables.items():
        digest.update(f"{name}\0{len(frame)}\0".encode())
        for column, values in sort_rows(name, frame).items():
            digest.update(f"{column}\0".encode())
            if isinstance(values.dtype, pd.StringDtype):
                digest.update("\0".join(values.tolist()).encode())
            elif isinstance(values.dtype, pd.DatetimeTZDtype):
                digest.update(values.dt.tz_localize(None).to_numpy().tobytes())
            else:
                digest.update(values.to_numpy().tobytes())
    return digest.hexdigest()


def _read_made(entry: Path) -> _Made | None:
    note = read_entry(entry)
    if note is None:
        return None
    try:
        tables = {name: read_frame(entry / f"{name}.arrow") for name in TABLES}
    except OSError:  # another process replaced the entry between the two looks
        return None
    return _Made(
        BundleInfo.model_validate(note["info"]),
        tables,
        tuple(Finding.from_dict(finding) for finding in note["findings"]),
        note["known"],
    )


def _write_made(made: _Made, draft: Path) -> dict[str, Any]:
    for name, frame in made.tables.items():
        write_frame(draft / f"{name}.arrow", frame)
    return {
        "known": made.known,
        "info": made.info.model_dump(mode="json"),
        "findings": [finding.as_dict() for finding in made.findings],
    }

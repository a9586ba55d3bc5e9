"""A vendor's files, as a mapping describes them, to the tables of a bundle."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from backtest.data.schema import TABLES, BundleInfo
from backtest.errors import DataError, Fault
from backtest.sources.actions import (
    actions_of_factors,
    raw_prices,
    repeated_notes,
    without_repeated,
)
from backtest.sources.completed import completed_bars
from backtest.sources.files import files_below
from backtest.sources.instruments import instruments_of
from backtest.sources.mapping import Input, Mapping
from backtest.sources.tables import rows_of, symbol_of_file

_SHOWN = 5


@dataclass(frozen=True)
class Delivery:
    """Tables that a source gave, not yet checked.

    ``notes`` say what was left out. Of the tables in ``matched`` a bundle takes only the rows of
    symbols that it knows already.
    """

    info: BundleInfo
    tables: dict[str, pd.DataFrame]
    notes: tuple[str, ...] = ()
    matched: frozenset[str] = frozenset()


def import_files(
    mapping: Mapping, files: Sequence[Path] = (), *, folder: Path | None = None
) -> Delivery:
    """Tables that a mapping makes of a vendor's files.

    Parameters
    ----------
    files
        Files or folders; without any, the mapping's own patterns below ``folder``.
    folder
        Where the mapping's patterns start from; the working directory by default.

    Raises
    ------
    DataError
        With every fault of every file.
    """
    taken, notes = _assigned(mapping, files, folder or Path.cwd())
    faults: list[Fault] = []
    parts: dict[str, list[pd.DataFrame]] = {}
    factors: list[tuple[Path, Input]] = []
    for how, path in taken:
        if how.factors is not None:
            factors.append((path, how))
            continue
        try:
            rows = rows_of(path, how)
        except DataError as error:
            faults += [_of_file(fault, path) for fault in error.faults]
        else:
            parts.setdefault(how.table, []).append(rows)
    tables = {name: pd.concat(frames, ignore_index=True) for name, frames in parts.items()}
    _without_key(tables, faults)
    if faults:
        raise DataError(mapping.name, faults)
    if factors:
        tables["actions"] = _with_factors(tables, factors, mapping.name)
    tables = _only_with_bars(tables, mapping)
    if "bars" in tables or "instruments" in tables:
        tables["instruments"] = instruments_of(tables, mapping.instruments, mapping.name)
    notes += _finish(tables, mapping)
    info = BundleInfo(
        name=mapping.name,
        description=mapping.description,
        prices=mapping.prices,
        per_share=mapping.per_share,
        forward=mapping.forward,
        caveats=(*mapping.caveats, *_caveats(mapping, tables)),
    )
    matched = frozenset(how.table for how in mapping.inputs if how.match == "bars")
    return Delivery(info, tables, tuple(notes), matched)


def _assigned(
    mapping: Mapping, files: Sequence[Path], folder: Path
) -> tuple[list[tuple[Input, Path]], list[str]]:
    """Each input with its files, in the order of their paths; what fits none is noted."""
    found = sorted({path for given in files for path in files_below(given)})
    taken: list[tuple[Input, Path]] = []
    faults = [Fault("", "no such file", str(path)) for path in files if not path.exists()]
    for number, how in enumerate(mapping.inputs):
        if files:
            mine = [path for path in found if _fits(path, how.patterns)]
        else:
            mine = sorted({path for one in how.patterns if one for path in folder.glob(one)})
        if not mine:
            what = " or ".join(repr(pattern) for pattern in how.patterns if pattern)
            said = f"no file fits {what}" if what else "name the files, here or behind the command"
            faults.append(Fault(f"inputs[{number}].files", said))
        taken += [(how, path) for path in mine]
    if faults:
        raise DataError(mapping.name, faults)
    idle = [path.name for path in found if path not in {path for _, path in taken}]
    more = f" and {len(idle) - _SHOWN} more" if len(idle) > _SHOWN else ""
    shown = f"{', '.join(idle[:_SHOWN])}{more}"
    notes = [f"{len(idle)} files fit no input: {shown}"] if idle else []
    return taken, notes


def _fits(path: Path, patterns: Sequence[str]) -> bool:
    return any(not one or path.absolute().match(one) for one in patterns)


def _of_file(fault: Fault, path: Path) -> Fault:
    return fault if fault.file else Fault(fault.where, fault.message, path.name)


def _without_key(tables: dict[str, pd.DataFrame], faults: list[Fault]) -> None:
    """Faults for tables that lack a column which each of their rows must have."""
    for name, frame in tables.items():
        needed = [key for key, column in TABLES[name].columns.items() if column.required]
        if name == "instruments":
            needed = ["symbol"]
        lacking = [key for key in needed if key not in frame]
        if lacking and not (name == "facts" and lacking == ["symbol"]):
            missing = ", ".join(lacking)
            message = f"no input says what {missing} is; set columns or constants of the input"
            faults.append(Fault(name, message))
        elif lacking:
            tables[name] = frame.assign(symbol="")


def _with_factors(
    tables: dict[str, pd.DataFrame], files: Sequence[tuple[Path, Input]], title: str
) -> pd.DataFrame:
    """Actions, those of factor files among them."""
    if "bars" not in tables:
        raise DataError(title, [Fault("inputs", "factors need bars: what changes, at which close")])
    bars = tables["bars"]
    parts = [tables["actions"]] if "actions" in tables else []
    for path, how in files:
        if how.factors is None:  # of course not: these are the files with factors
            continue
        symbol = symbol_of_file(path, how.symbol)
        sessions = np.sort(bars["session"][bars["symbol"] == symbol].to_numpy())
        parts.append(actions_of_factors(path, how, how.factors, symbol, sessions))
    return pd.concat(parts, ignore_index=True)


def _only_with_bars(tables: dict[str, pd.DataFrame], mapping: Mapping) -> dict[str, pd.DataFrame]:
    """Tables, those that are to match the bars without other symbols."""
    matched = {how.table for how in mapping.inputs if how.match == "bars"}
    if "bars" not in tables:
        return tables  # they are matched with the bundle that they are merged into
    symbols = set(tables["bars"]["symbol"])
    kept = dict(tables)
    for name in matched & set(tables):
        frame = tables[name]
        kept[name] = frame[frame["symbol"].isin(symbols)].reset_index(drop=True)
    return kept


def _finish(tables: dict[str, pd.DataFrame], mapping: Mapping) -> list[str]:
    """Turn prices raw, leave out unfinished bars; notes of what was left out."""
    notes: list[str] = []
    if "bars" in tables:
        bars = tables["bars"].drop_duplicates(ignore_index=True)
        copies = len(tables["bars"]) - len(bars)
        tables["bars"] = bars
        notes += [f"{copies} rows of bars that stand in the files more than once"] if copies else []
    actions = tables.get("actions")
    if actions is not None:
        tables["actions"], twice = without_repeated(actions)
        notes += repeated_notes(twice)
    if mapping.turn_raw != "no" and "bars" in tables:
        if actions is None:
            message = f"{mapping.turn_raw} cannot be undone without an input of actions"
            raise DataError(mapping.name, [Fault("turn_raw", message)])
        tables["bars"], tables["actions"] = raw_prices(
            tables["bars"], tables["actions"], mapping.turn_raw
        )
    if mapping.retrieved is not None and "bars" in tables:
        bars, at = tables["bars"], pd.Timestamp(mapping.retrieved).tz_convert("UTC")
        tables["bars"] = completed_bars(bars, tables["instruments"], at)
        lost = len(bars) - len(tables["bars"])
        if lost:
            notes.append(f"{lost} bars of sessions that had not ended at {at:%Y-%m-%d %H:%M} UTC")
    return notes


def _caveats(mapping: Mapping, tables: dict[str, pd.DataFrame]) -> Iterator[str]:
    """What these files cannot tell, whatever their mapping says."""
    if mapping.turn_raw != "no":
        yield (
            "Raw prices are rebuilt from adjusted ones: a split or dividend that the source got "
            "wrong is in every price before it."
        )
    if "bars" in tables and mapping.retrieved is None:
        yield "When the files were made is not known: their last session may be unfinished."
    for how in mapping.inputs:
        if how.known is not None and not how.known.date:
            fields = sorted({*how.fields, str(how.constants.get("field", ""))} - {""})
            late = f"{how.known.days} days after its period, " if how.known.days else ""
            yield (
                f"When {', '.join(fields) or 'a fact'} became public is assumed: {late}"
                f"{how.known.time} {how.known.zone}."
            )
    instruments = tables.get("instruments")
    if mapping.prices == "adjusted" and instruments is not None and "offer_price" in instruments:
        yield (
            "Offer prices are as paid, bars are adjusted: a return from one to the other is off by "
            "the splits and dividends since."
        )
    if mapping.prices == "raw" and instruments is not None and "bars" in tables:
        blank = "lot_size" not in instruments or instruments["lot_size"].isna()
        here = (instruments["exchange"] == "XHKG") & (instruments["kind"] != "index") & blank
        if here.any():
            yield f"Board lots of {int(here.sum())} Hong Kong instruments are not known: 1 share."

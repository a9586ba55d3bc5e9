"""A delivery and the bundle that it goes into as one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from backtest.data.files import read_folder
from backtest.data.schema import TABLES, BundleInfo, empty_table, read_table
from backtest.errors import DataError, Fault


def read_tables(folder: Path) -> tuple[BundleInfo, dict[str, pd.DataFrame]]:
    """``bundle.yaml`` and every table as it stands in a bundle's folder, before any check.

    Raises
    ------
    DataError
        With the faults of files and columns; what checks find stays.
    """
    raw = read_folder(folder)
    faults = list(raw.faults)
    tables = {}
    for name in TABLES:
        if name in raw.tables:
            tables[name], _, found = read_table(name, raw.tables[name], raw.names[name])
            faults += found
        else:
            tables[name] = empty_table(name)
    if faults or raw.info is None:
        raise DataError(str(folder), faults)
    return raw.info, tables


def merged(
    old: Mapping[str, pd.DataFrame], new: Mapping[str, pd.DataFrame]
) -> dict[str, pd.DataFrame]:
    """Both together: what was there first stays, what is new fills the holes.

    A row whose key is there already is left out, but for instruments, whose blanks are filled.
    """
    both = dict(old)
    for name, frame in new.items():
        if name == "instruments":
            both[name] = _filled(old[name], frame)
        else:
            key = list(TABLES[name].key)
            stays = old[name][key].assign(here=True).drop_duplicates()
            there = frame[key].merge(stays, on=key, how="left")["here"].notna()
            fresh = frame[~there.to_numpy()]
            both[name] = (
                pd.concat([old[name], fresh], ignore_index=True) if len(fresh) else old[name]
            )
    return both


def merged_info(old: BundleInfo, new: BundleInfo, *, priced: bool) -> BundleInfo:
    """What ``bundle.yaml`` says of both; the first one's name and description stay.

    Parameters
    ----------
    priced
        The new tables have bars or actions, whose prices must be of the same kind.
    """
    if priced and old.prices != new.prices:
        message = f"the bundle's are {old.prices}, those to be added {new.prices}"
        raise DataError(
            old.name, [Fault("prices", f"{message}; put them into a bundle of their own")]
        )
    known = {(entry.name, symbol) for entry in old.sources for symbol in entry.symbols}
    more = [
        entry.model_copy(
            update={"symbols": tuple(s for s in entry.symbols if (entry.name, s) not in known)}
        )
        for entry in new.sources
    ]
    both = {"sources": (*old.sources, *(entry for entry in more if entry.symbols))}
    return old.model_copy(
        update=both
        | {
            name: tuple(dict.fromkeys([*getattr(old, name), *getattr(new, name)]))
            for name in ("per_share", "forward", "caveats")
        }
    )


def _filled(old: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """Instruments, the blanks of the old ones filled from the new."""
    new = new.drop_duplicates("symbol").set_index("symbol")
    found = old.copy()
    for name in new.columns:
        other = found["symbol"].map(new[name])
        if name not in found:
            found[name] = other
        else:
            blank = found[name].isna() | (found[name].astype("str") == "")
            if name == "lot_size":  # where a file says nothing, 1 was put
                blank |= found[name] == 1
            found[name] = found[name].where(~(blank & other.notna()), other)
    more = new[~new.index.isin(old["symbol"])].reset_index()
    return pd.concat([found, more], ignore_index=True) if len(more) else found

"""A delivery to a bundle on disk, new or there already."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from backtest.data.parse import Column
from backtest.data.remote_write import folder_of
from backtest.data.schema import KNOWN_AT, TABLES
from backtest.data.write import INFO, write_bundle
from backtest.errors import DataError, Fault
from backtest.sources.importing import Delivery
from backtest.sources.merge import merged, merged_info, read_tables

_NONE = pd.DataFrame({"symbol": []})


def save(delivery: Delivery, bundle: Path | str) -> None:
    """Write a delivery as a bundle, or add it to the one that is there (``merge.merged``).

    Parameters
    ----------
    bundle
        A folder, or the URL of one on a filesystem that fsspec knows (``s3://bucket/market``).

    Raises
    ------
    DataError
        A new bundle would have no bars, or the old one is of other prices, or the store cannot be
        written; nothing is.
    """
    with folder_of(bundle) as folder:
        _save(delivery, folder)


def _save(delivery: Delivery, folder: Path) -> None:
    info, tables = delivery.info, delivery.tables
    if (folder / INFO).is_file():
        old_info, old = read_tables(folder)
        info = merged_info(old_info, info, priced=bool({"bars", "actions"} & set(tables)))
        known = set(old["instruments"]["symbol"]) | set(tables.get("bars", _NONE)["symbol"])
        ours = {name: tables[name]["symbol"].isin(known) for name in delivery.matched & set(tables)}
        tables = merged(
            old, {**tables, **{name: tables[name][rows] for name, rows in ours.items()}}
        )
    elif folder.is_dir() and any(folder.iterdir()):
        message = f"is there, and no bundle (it has no {INFO}); name another folder"
        raise DataError(str(folder), [Fault("", message)])
    elif not len(tables.get("bars", ())):
        message = "a bundle needs bars; add these tables to a bundle that has some"
        raise DataError(delivery.info.name, [Fault("bars", message)])
    write_bundle(folder, info, {name: in_order(name, frame) for name, frame in tables.items()})


def in_order(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """A table's columns in the order of the schema, those that it has; missing text is empty."""
    columns = {key: column for key, column in TABLES[name].columns.items() if key in frame}
    if TABLES[name].versioned and KNOWN_AT in frame:
        columns[KNOWN_AT] = Column("instant")
    blank = {
        key: frame[key].fillna("").astype("str")
        for key, column in columns.items()
        if column.kind == "text"
    }
    return frame.assign(**blank)[list(columns)]

"""Tables to a bundle's folder: whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from backtest.data.rows import sort_rows
from backtest.data.schema import KNOWN_AT, TABLES, BundleInfo

INFO = "bundle.yaml"
NEXT = ".next"
"""Folder within a bundle's that holds its whole next version: where it stands, that one counts."""


def write_bundle(folder: Path, info: BundleInfo, tables: Mapping[str, pd.DataFrame]) -> None:
    """Write a bundle, or put a new version in the place of the old one.

    The same values give the same bytes. Killed at any moment it leaves the old version or the new
    one: readers finish a replacement that was begun (``finish_replacement``).
    """
    parent = folder if folder.is_dir() else folder.parent
    parent.mkdir(parents=True, exist_ok=True)
    finish_replacement(folder)
    draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=parent))
    try:
        draft.chmod(0o755)  # mkdtemp makes a folder for its owner alone
        for name, frame in tables.items():
            if len(frame) or TABLES[name].required:
                _write_table(draft / f"{name}.parquet", _in_order(name, frame))
        _write_synced(draft / INFO, info_text(info).encode())
        if folder.is_dir():
            draft.rename(folder / NEXT)
            finish_replacement(folder)
        else:
            draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def finish_replacement(folder: Path) -> None:
    """Put a complete next version into place; it is kept until all of it is there."""
    ready = folder / NEXT
    if not ready.is_dir():
        return
    if (ready / INFO).is_file():
        fresh = {path.name for path in ready.iterdir()}
        for name in sorted(fresh):
            draft = folder / f".draft-{name}"
            shutil.copyfile(ready / name, draft)
            draft.replace(folder / name)
        for path in folder.iterdir():
            is_table = path.suffix in (".csv", ".parquet") and path.stem in TABLES
            if is_table and path.name not in fresh:
                path.unlink()
        (ready / INFO).unlink()  # from here on nothing is left to do but to tidy up
    shutil.rmtree(ready)


def info_text(info: BundleInfo) -> str:
    """``bundle.yaml``, without what is left at its default."""
    import io

    from ruamel.yaml import YAML

    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.allow_unicode = True
    yaml.width = 100
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # the fields' order
    out = io.StringIO()
    said: dict[str, Any] = info.model_dump(mode="json", exclude_defaults=True)
    yaml.dump({"name": info.name, **said}, out)
    return out.getvalue()


def _in_order(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Rows in the table's order, versions of a row in theirs."""
    if TABLES[name].versioned and KNOWN_AT in frame:
        frame = frame.sort_values(KNOWN_AT, kind="stable", na_position="first")
    return sort_rows(name, frame)


def _write_table(path: Path, frame: pd.DataFrame) -> None:
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    pyarrow.parquet.write_table(table, path, compression="zstd")
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _write_synced(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())

"""Computed files kept on disk: written whole or not at all, rebuilt when damaged."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import platformdirs
import pyarrow as pa

from backtest.calendars import calendar_version
from backtest.data.settings import Action, CheckName

_INDEX = "index.json"
_ENTRIES_KEPT = 24
# What is stored depends on this code: a change of it makes every entry stale.
_CODE = (
    "parse.py", "schema.py", "files.py", "rows.py", "settings.py", "findings.py", "checks.py",
    "bar_checks.py", "move_checks.py", "known.py", "versions.py", "frames.py", "bundle.py",
    "arrays.py", "store.py", "../calendars.py",
)  # fmt: skip

_log = logging.getLogger(__name__)


def cache_folder() -> Path:
    """Where computed files are kept: the user's cache folder for this program."""
    return Path(platformdirs.user_cache_dir("portfolio-backtest", appauthor=False)) / "bundles"


def entry_key(content: str, checks: Mapping[CheckName, Action], as_of: pd.Timestamp | None) -> str:
    """Name of what is computed from a bundle's content, its checks and ``as_of``."""
    parts = [content, sorted(checks.items()), "" if as_of is None else as_of.isoformat()]
    parts += [calendar_version(), _code_version()]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def read_entry(entry: Path) -> dict[str, Any] | None:
    """Note of an entry; None where the entry is missing, incomplete or damaged."""
    try:
        index = json.loads((entry / _INDEX).read_text(encoding="utf-8"))
        sound = all(
            _checksum(entry / name) == checksum for name, checksum in index["files"].items()
        )
        if not sound:
            _log.warning("%s is damaged and will be rebuilt", entry)
            return None
        os.utime(entry / _INDEX)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        _log.warning("%s cannot be read and will be rebuilt", entry)
        return None
    note: dict[str, Any] = index["note"]
    return note


def write_entry(entry: Path, write: Callable[[Path], Mapping[str, Any]]) -> bool:
    """Let ``write`` fill a folder and return its note, then give the folder its name.

    False, with a warning in the log, where the disk does not let us: a cache is never needed.
    """
    draft: Path | None = None
    try:
        entry.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f"{entry.name}.", suffix=".draft", dir=entry.parent))
        note = dict(write(draft))
        files = {path.name: _checksum(path) for path in sorted(draft.iterdir())}
        text = json.dumps({"note": note, "files": files})
        (draft / _INDEX).write_text(text, encoding="utf-8")
        _take_place(draft, entry)
        _forget_oldest(entry.parent)
    except OSError as error:
        _log.warning("nothing is kept under %s: %s", entry.parent, error)
        return False
    finally:
        if draft is not None:
            shutil.rmtree(draft, ignore_errors=True)
    return True


def _take_place(draft: Path, entry: Path) -> None:
    """Rename; an entry that stands there is damaged, or another process was quicker."""
    if entry.exists():
        old = draft.with_suffix(".old")
        entry.rename(old)
        shutil.rmtree(old, ignore_errors=True)
    try:
        draft.rename(entry)
    except OSError:
        if not (entry / _INDEX).exists():
            raise


def _forget_oldest(folder: Path) -> None:
    """Keep the entries used last."""
    used = sorted(folder.glob(f"*/{_INDEX}"), key=_age)
    for index in used[_ENTRIES_KEPT:]:
        shutil.rmtree(index.parent, ignore_errors=True)


def _age(path: Path) -> float:
    try:
        return -path.stat().st_mtime
    except OSError:
        return 0.0


def _checksum(path: Path) -> list[int]:
    """Size and sum of the eight-byte words: a whole file in memory order, at memory speed."""
    size = path.stat().st_size
    if size == 0:
        return [0, 0]
    data = np.memmap(path, dtype=np.uint8, mode="r")
    words = size // 8 * 8
    total = int(np.add.reduce(data[:words].view(np.uint64)))
    return [size, (total + int.from_bytes(data[words:].tobytes(), "little")) % 2**64]


@lru_cache(maxsize=1)
def _code_version() -> str:
    here = Path(__file__).parent
    digest = hashlib.sha256()
    for name in _CODE:
        digest.update((here / name).read_bytes())
    return digest.hexdigest()


def write_frame(path: Path, frame: pd.DataFrame) -> None:
    """Write a frame as an uncompressed Arrow file, to be mapped into memory."""
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)


def read_frame(path: Path) -> pd.DataFrame:
    """Frame that ``write_frame`` wrote, mapped into memory and read-only."""
    table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
    frame: pd.DataFrame = table.to_pandas(split_blocks=True)
    return frame

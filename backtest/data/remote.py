"""Bundles on other filesystems, copied to where they can be read."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from backtest.data.store import cache_folder
from backtest.data.write import INFO
from backtest.errors import DataError, Fault, NoBundleError

_TOKENS = "copied.json"
_STAMPS = ("size", "etag", "mtime", "created", "lastmodified", "last_modified", "md5hash", "crc32c")
_TRIES = 3


def local_copy(url: str, *, cache: Path | None = None) -> Path:
    """Folder with the files of the bundle at ``url``, any filesystem that fsspec knows.

    A copy is made anew when size, time or checksum of any file has changed at its home.

    Raises
    ------
    DataError
        There is no bundle, or its home cannot be reached.
    """
    try:
        import fsspec
    except ImportError:
        message = "needs fsspec: pip install 'portfolio-backtest[remote]'"
        raise NoBundleError(url, [Fault("", message, url)]) from None
    digest = hashlib.sha256(url.encode()).hexdigest()[:32]
    folder = (cache or cache_folder()) / "remote" / digest / PurePosixPath(url).name
    try:
        files, root = fsspec.url_to_fs(url)
        for _ in range(_TRIES):
            tokens = _tokens(files, root)
            if _is_current(folder, tokens):
                return folder
            _copy(files, root, tokens, folder)
            if _tokens(files, root) == tokens:  # else it was replaced while it was copied
                return folder
    except FileNotFoundError:
        raise NoBundleError(url, [Fault("", "no such folder", url)]) from None
    except (OSError, ImportError, ValueError) as error:
        why = str(error).partition("\n")[0]
        raise DataError(url, [Fault("", f"cannot be read: {why}", url)]) from None
    raise DataError(url, [Fault("", "changes while it is read; try again", url)])


def _tokens(files: Any, root: str) -> dict[str, str]:  # an fsspec filesystem
    """What tells a version of each file from others, by the file's name."""
    found = {}
    for item in files.ls(root, detail=True):
        name = PurePosixPath(item["name"]).name
        if item["type"] == "file" and (name == INFO or name.endswith((".csv", ".parquet"))):
            stamps = {key: str(item[key]) for key in sorted(item) if key.lower() in _STAMPS}
            found[name] = json.dumps(stamps)
    if INFO not in found:
        raise NoBundleError(root, [Fault("", f"is no bundle: it has no {INFO}", root)])
    return found


def _is_current(folder: Path, tokens: Mapping[str, str]) -> bool:
    note = folder / _TOKENS
    return note.is_file() and json.loads(note.read_text(encoding="utf-8")) == tokens


def _copy(files: Any, root: str, tokens: Mapping[str, str], folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=folder.parent))
    try:
        for name in tokens:
            files.get_file(f"{root.rstrip('/')}/{name}", str(draft / name))
        (draft / _TOKENS).write_text(json.dumps(tokens), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)

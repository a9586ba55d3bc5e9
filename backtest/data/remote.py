"""Bundles on other filesystems, copied to where they can be read."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from backtest.data.store import cache_folder
from backtest.data.write import INFO
from backtest.errors import DataError, Fault, NoBundleError

VERSION = "version.json"
"""File at a bundle's URL that names the version which counts; without it the files lie there."""

VERSIONS = "versions"
"""Folder at a bundle's URL with a folder for each version."""

_NAME = re.compile(r"([0-9a-f]{32}-[0-9a-f]{8})?")
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
    files, root = filesystem(url)
    folder = (home_folder(url) if cache is None else _of_url(cache, url)) / PurePosixPath(url).name
    try:
        for tries_left in range(_TRIES - 1, -1, -1):
            files.invalidate_cache()
            version = named(files, root).get("version", "")
            at = f"{root.rstrip('/')}/{VERSIONS}/{version}" if version else root
            try:
                tokens = {**_tokens(files, at), **({VERSION: version} if version else {})}
                if _is_current(folder, tokens):
                    return folder
                _copy(files, at, tokens, folder)
            except FileNotFoundError:  # two later versions came while this one was copied
                if not (version and tries_left):
                    raise
                continue
            if version or _tokens(files, at) == tokens:  # else it was replaced while it was copied
                return folder
    except FileNotFoundError:
        raise NoBundleError(url, [Fault("", "no such folder", url)]) from None
    except (OSError, ImportError, ValueError) as error:
        why = str(error).partition("\n")[0]
        raise DataError(url, [Fault("", f"cannot be read: {why}", url)]) from None
    raise DataError(url, [Fault("", "changes while it is read; try again", url)])


def filesystem(url: str) -> tuple[Any, str]:
    """The fsspec filesystem of ``url``, and the path there.

    Raises
    ------
    DataError
        fsspec or the package of the store is missing, or the URL is none.
    """
    try:
        import fsspec
    except ImportError:
        message = "needs fsspec: pip install 'portfolio-backtest[remote]'"
        raise NoBundleError(url, [Fault("", message, url)]) from None
    try:
        files, root = fsspec.url_to_fs(url)
    except (OSError, ImportError, ValueError) as error:
        why = str(error).partition("\n")[0]
        raise DataError(url, [Fault("", f"cannot be read: {why}", url)]) from None
    return files, root


def home_folder(url: str) -> Path:
    """Where copies of the bundle at ``url`` are kept on this machine."""
    return _of_url(cache_folder(), url)


def _of_url(cache: Path, url: str) -> Path:
    return cache / "remote" / hashlib.sha256(url.encode()).hexdigest()[:32]


def named(files: Any, root: str) -> dict[str, str]:
    """What the file that names the version says: ``version`` and ``before``; nothing without it."""
    try:
        text = files.cat_file(f"{root.rstrip('/')}/{VERSION}")
    except FileNotFoundError:
        return {}
    found: dict[str, str] = json.loads(text)
    if not all(_NAME.fullmatch(found.get(key, "")) for key in ("version", "before")):
        raise ValueError(f"{VERSION} names no version of a bundle")
    return found


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
        for name in tokens.keys() - {VERSION}:
            files.get_file(f"{root.rstrip('/')}/{name}", str(draft / name))
        (draft / _TOKENS).write_text(json.dumps(tokens), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)

"""Bundles put on other filesystems: a version of its own beside the old one, named last."""

from __future__ import annotations

import json
import logging
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from backtest.data.files import content_hash
from backtest.data.remote import VERSION, VERSIONS, filesystem, home_folder, local_copy, named
from backtest.data.schema import TABLES
from backtest.data.settings import is_remote
from backtest.data.write import INFO, finish_replacement
from backtest.errors import DataError, Fault, NoBundleError

_FLAT = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oci", "memory"})
"""Stores without folders, where making one does nothing, or makes a bucket."""

_log = logging.getLogger(__name__)


@contextmanager
def folder_of(bundle: Path | str) -> Iterator[Path]:
    """Local folder to write a bundle to; of a URL a copy, which is put there when the block ends.

    A bundle at a URL changes in one step: a new version is written beside the old one, and then
    the file that names the version. A block that fails leaves what was there.

    Raises
    ------
    DataError
        The store cannot be reached or written, or somebody else changed the bundle meanwhile.
    """
    if not is_remote(str(bundle)):
        folder = Path(bundle)
        finish_replacement(folder)
        yield folder
        return
    url = str(bundle)
    folder = home_folder(url) / "work" / PurePosixPath(url).name
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    files, root = filesystem(url)
    with _told(url):
        before = named(files, root)
    try:
        there = local_copy(url)
    except NoBundleError:
        _refuse_occupied(files, root, url)
    else:
        shutil.copytree(there, folder, ignore=lambda _, names: _strange(names))
    yield folder
    if not (folder / INFO).is_file():
        return
    with _told(url):
        if named(files, root) != before:
            message = "was changed by somebody else meanwhile; run the same command again"
            raise DataError(url, [Fault("", message, url)])
        _put(folder, files, root, before)
    shutil.rmtree(folder, ignore_errors=True)


def _strange(names: list[str]) -> set[str]:
    """Files of a copy that are no part of the bundle."""
    return {name for name in names if name != INFO and Path(name).stem not in TABLES}


def _refuse_occupied(files: Any, root: str, url: str) -> None:  # an fsspec filesystem
    """Refuse a folder with other things in it, as at home."""
    with _told(url):
        found = files.ls(root) if files.exists(root) else []
        names = {PurePosixPath(str(path)).name for path in _paths(found)} - {VERSIONS}
    others = {name for name in names if not name.startswith(".")}
    if others - {PurePosixPath(root).name}:
        message = f"is there, and no bundle (it has no {INFO}); name another folder"
        raise DataError(url, [Fault("", message)])


def _paths(found: list[Any]) -> list[str]:
    return [str(item["name"]) if isinstance(item, dict) else str(item) for item in found]


def _put(folder: Path, files: Any, root: str, before: dict[str, str]) -> None:
    """Write a version, name it, and remove the one before the last."""
    content = content_hash(folder)[:32]
    if before.get("version", "").partition("-")[0] == content:
        return
    version = f"{content}-{secrets.token_hex(4)}"
    base = root.rstrip("/")
    there = f"{base}/{VERSIONS}/{version}"
    _make_folder(files, there)
    for path in sorted(folder.iterdir()):
        files.put_file(str(path), f"{there}/{path.name}")
    files.invalidate_cache()
    for path in sorted(folder.iterdir()):
        size = files.info(f"{there}/{path.name}")["size"]
        if size != path.stat().st_size:
            raise OSError(f"{path.name} has {size} bytes there instead of {path.stat().st_size}")
    last = before.get("version", "")
    _name(files, base, json.dumps({"version": version, "before": last}))
    _tidy(files, base, before.get("before", ""))


def _name(files: Any, base: str, text: str) -> None:
    """Write the file that names the version, in one step where the filesystem has one."""
    protocols = {files.protocol} if isinstance(files.protocol, str) else set(files.protocol)
    if protocols & _FLAT:
        files.pipe_file(f"{base}/{VERSION}", text.encode())
    else:
        draft = f"{base}/.draft-{secrets.token_hex(4)}"
        files.pipe_file(draft, text.encode())
        files.mv(draft, f"{base}/{VERSION}")


def _tidy(files: Any, base: str, oldest: str) -> None:
    """Remove the version before the last, and a bundle that lay here without versions.

    The last one stays for those who are reading it.
    """
    files.invalidate_cache()
    loose = [f"{base}/{INFO}"]
    loose += [f"{base}/{name}{ending}" for name in TABLES for ending in (".csv", ".parquet")]
    try:
        if oldest:
            files.rm(f"{base}/{VERSIONS}/{oldest}", recursive=True)
        for path in loose:
            if files.exists(path):
                files.rm_file(path)
    except OSError as error:  # the new version stands; what is left over is in nobody's way
        _log.warning("old files stay below %s: %s", base, error)


def _make_folder(files: Any, path: str) -> None:
    protocols = {files.protocol} if isinstance(files.protocol, str) else set(files.protocol)
    if not protocols & _FLAT:
        files.makedirs(path, exist_ok=True)


@contextmanager
def _told(url: str) -> Iterator[None]:
    """Errors of a store as ours."""
    try:
        yield
    except (OSError, ValueError) as error:
        why = str(error).partition("\n")[0] or type(error).__name__
        message = f"cannot be written: {why}; what was there is as it was"
        raise DataError(url, [Fault("", message, url)]) from None

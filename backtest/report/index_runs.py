"""Every saved run below a folder.

What was read of a run is kept in ``.index-cache.json`` and taken from there for as long as the
run's files keep their size and time of change. The cache changes no summary and may be deleted.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from backtest.report import index_summary
from backtest.report.checked import check_record
from backtest.report.index_summary import FILES, NOT_RUN, Summary, Unreadable, summary_of
from backtest.report.page import write_text

CACHE = ".index-cache.json"

_DEPTH = 3  # a run is name/fingerprint; one more for folders that somebody sorted runs into

Marks = list[list[int]]


@dataclass(frozen=True)
class Skipped:
    """A folder that holds no complete run, and why it is left out."""

    path: str
    reason: str


@dataclass(frozen=True)
class Found:
    """What is below a reports folder: runs and skipped folders, each in order of their paths."""

    runs: tuple[Summary, ...]
    skipped: tuple[Skipped, ...]


def find_runs(reports: Path) -> Found:
    """Summaries of the runs below ``reports``, and the folders that were skipped.

    Links to folders are followed; what begins with a dot is not looked at.
    """
    cached = _cached(reports)
    entries: dict[str, dict[str, Any]] = {}
    runs: list[Summary] = []
    skipped: list[Skipped] = []
    for folder, holds_run in _folders(reports):
        path = folder.relative_to(reports).as_posix()
        if not holds_run:
            skipped.append(Skipped(path, "no run in it"))
            continue
        try:
            marks = _marks(folder)
            summary = _kept(cached.get(path), marks) or summary_of(folder, path)
        except Unreadable as problem:
            skipped.append(Skipped(path, str(problem)))
            continue
        entries[path] = {"marks": marks, "summary": vars(summary)}
        runs.append(replace(summary, look_ahead=_look_ahead(reports, summary.check)))
    if entries != cached:
        text = json.dumps({"made_by": _made_by(), "runs": entries}, separators=(",", ":"))
        write_text(reports / CACHE, text)
    return Found(tuple(runs), tuple(skipped))


def run_marks(reports: Path) -> dict[str, Marks]:
    """Size and time of change of every complete run's files, by the run's path."""
    found: dict[str, Marks] = {}
    for folder, holds_run in _folders(reports):
        if holds_run:
            try:
                found[folder.relative_to(reports).as_posix()] = _marks(folder)
            except Unreadable:
                continue
    return found


def _folders(top: Path, depth: int = _DEPTH) -> Iterator[tuple[Path, bool]]:
    """Folders with files of a run (True), and the highest ones without any below (False)."""
    for child in _children(top):
        if _is_ours(child):
            continue
        if any((child / name).is_file() for name in FILES):
            yield child, True
            continue
        below = list(_folders(child, depth - 1)) if depth > 1 else []
        if any(holds_run for _, holds_run in below):
            yield from below
        elif not any(_is_ours(folder) for folder in _children(child)):
            yield child, False


def _children(top: Path) -> list[Path]:
    """Folders in a folder by name, hidden ones apart; none where it cannot be read."""
    try:
        return sorted(
            child for child in top.iterdir() if child.is_dir() and not child.name.startswith(".")
        )
    except OSError:
        return []


def _is_ours(folder: Path) -> bool:
    """Whether a folder without a run is none that was skipped: a sweep's, or that of the checks."""
    return folder.name == "checks" or folder.name.startswith("sweep-")


def _look_ahead(reports: Path, check: str) -> str:
    """What the check of the same decisions found; it may be run long after the run."""
    record = check_record(reports, check or None)
    return NOT_RUN if record is None else "passed" if record["passed"] else "failed"


def _marks(folder: Path) -> Marks:
    marks = []
    for name in FILES:
        try:
            stat = (folder / name).stat()
        except OSError:
            raise Unreadable(f"incomplete: no {name}") from None
        marks.append([stat.st_mtime_ns, stat.st_size])
    return marks


def _kept(entry: dict[str, Any] | None, marks: Marks) -> Summary | None:
    """Summary of a cache entry, None where the files have changed since."""
    try:
        return Summary(**entry["summary"]) if entry and entry["marks"] == marks else None
    except (KeyError, TypeError):  # somebody wrote in the cache
        return None


def _cached(reports: Path) -> dict[str, dict[str, Any]]:
    """What was read before, by path; nothing where there is no cache of this code's making."""
    try:
        content = json.loads((reports / CACHE).read_text("utf-8"))
        if content["made_by"] == _made_by():
            return dict(content["runs"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return {}


@cache
def _made_by() -> str:
    """Hash of the code that summarises: what another version made is read again."""
    return hashlib.sha256(Path(index_summary.__file__).read_bytes()).hexdigest()

"""How far sweeps are that run now: a small file beside each, for whoever watches."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from backtest.search.pace import Step

FILE = "progress.json"

_EVERY = 1.0  # seconds between two notes


@contextmanager
def noted(
    folder: Path, progress: Callable[[Step], None] | None
) -> Iterator[Callable[[Step], None]]:
    """Note each step in ``folder`` while the sweep runs, and hand it on; no file stays behind."""
    path = folder / FILE
    told = 0.0

    def note(step: Step) -> None:
        nonlocal told
        now = time.monotonic()
        if now - told >= _EVERY:
            told = now
            draft = folder / f".{FILE}.{os.getpid()}"
            draft.write_text(json.dumps(_content(step)), "utf-8")
            draft.replace(path)
        if progress is not None:
            progress(step)

    try:
        yield note
    finally:
        path.unlink(missing_ok=True)


def _content(step: Step) -> dict[str, object]:
    return {
        "done": step.done,
        "total": step.total,
        "failed": step.failed,
        "per_second": round(step.per_second, 3),
        "updated": round(time.time(), 1),
    }


def sweeps_in(reports: Path) -> list[dict[str, object]]:
    """Every sweep below ``reports``, those that run now first, then by name.

    ``state`` is running, complete (its table is there) or stopped; ``page`` is there when its
    report is. Of one that runs, ``done``, ``total``, ``failed``, ``per_second`` and ``updated`` (in
    seconds since 1970) as it noted them last.
    """
    found = []
    for about in sorted(reports.glob("*/sweep-*/sweep.json")):
        folder = about.parent
        noted = _read(folder / FILE)
        state = "running" if noted else "stopped"
        if (folder / "trials.parquet").is_file():
            state = "complete"
        page = folder / "sweep.html"
        found.append(
            {
                "name": folder.parent.name,
                "fingerprint": folder.name.removeprefix("sweep-"),
                "state": state,
                "page": page.relative_to(reports).as_posix() if page.is_file() else None,
                **noted,
            }
        )
    return sorted(found, key=lambda one: one["state"] != "running")


def _read(path: Path) -> dict[str, object]:
    """What was noted; nothing where there is no note, or half of one."""
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}

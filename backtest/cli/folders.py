"""Folders of finished runs, found by name."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from backtest.errors import Fault, FaultyInput

REPORTS = Path("reports")

_SHORTEST = 4  # characters of a fingerprint that may stand alone


@dataclass(frozen=True, slots=True)
class RunFolder:
    """One finished run on disk."""

    path: Path
    finished: float
    """Time of its manifest, in seconds since 1970."""

    @property
    def name(self) -> str:
        """The run's name: the folder above."""
        return self.path.absolute().parent.name

    @property
    def fingerprint(self) -> str:
        """The run's fingerprint: the folder itself."""
        return self.path.absolute().name


def run_folders(reports: Path) -> list[RunFolder]:
    """Every finished run below ``reports``, newest first."""
    found = [
        RunFolder(manifest.parent, manifest.stat().st_mtime)
        for manifest in reports.glob("*/*/manifest.json")
    ]
    return sorted(found, key=lambda run: (-run.finished, str(run.path)))


def find_runs(texts: Sequence[str], reports: Path) -> list[Path]:
    """The folders of several runs, or the faults of all that are not found."""
    found: list[Path] = []
    faults: list[Fault] = []
    for text in texts:
        try:
            found.append(find_run(text, reports))
        except FaultyInput as error:
            faults.extend(error.faults)
    if faults:
        raise FaultyInput("RUN", faults)
    return found


def find_run(text: str, reports: Path) -> Path:
    """The folder of a run that is given as folder, name, name/fingerprint or fingerprint.

    A name alone means its newest run; a fingerprint may be shortened as long as it stays unique.

    Raises
    ------
    FaultyInput
        When there is no such run, or more than one.
    """
    folder = Path(text)
    if (folder / "manifest.json").is_file():
        return folder
    known = run_folders(reports)
    inside = [run for run in run_folders(folder.parent) if run.path.parent == folder]
    named = inside or [run for run in known if run.name == text]
    if named:
        return named[0].path
    name, slash, start = text.rpartition("/")
    matches = [
        run
        for run in known
        if run.fingerprint.startswith(start)
        and (run.name == name if slash else len(start) >= _SHORTEST)
    ]
    if len(matches) == 1:
        return matches[0].path
    if matches:
        several = ", ".join(f"{run.name}/{run.fingerprint}" for run in matches)
        raise FaultyInput("RUN", [Fault(text, f"fits more than one run: {several}")])
    names = sorted({run.name for run in known})
    near = difflib.get_close_matches(name or text, names, n=1)
    hint = f"; did you mean '{near[0]}'?" if near else ""
    raise FaultyInput("RUN", [Fault(text, f"no such run below {reports}{hint}")])

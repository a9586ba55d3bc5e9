"""Folders of finished runs, found by name."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from backtest.errors import Fault, FaultyInput

REPORTS = Path("reports")

_SHORTEST = 4  # characters of a fingerprint that may stand alone
_NEAREST = 3  # names that may have been meant
_FEW = 5  # of the newest runs that are named


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
    if folder.suffix in {".yaml", ".yml"} and folder.is_file():
        raise FaultyInput("RUN", [Fault(text, f"is a config; `backtest run {text}` makes a run")])
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
    raise FaultyInput(
        "RUN", [Fault(text, f"no such run below {reports}{_hint(name or text, known)}")]
    )


def newest_names(known: Sequence[RunFolder], *, apart_from: str = "") -> str:
    """Names of the runs that finished last, as a list in words; empty where there are none."""
    names = [name for name in dict.fromkeys(run.name for run in known) if name != apart_from]
    more = f" and {len(names) - _FEW} more" if len(names) > _FEW else ""
    return ", ".join(names[:_FEW]) + more


def _hint(name: str, known: Sequence[RunFolder]) -> str:
    """The nearest names, or where none is near the newest; what to do where there is no run."""
    if not known:
        return ", which has none; `backtest run CONFIG` makes one"
    near = difflib.get_close_matches(name, sorted({run.name for run in known}), n=_NEAREST)
    if near:
        return f"; did you mean {' or '.join(repr(one) for one in near)}?"
    return f"; the newest are {newest_names(known)}; `backtest list runs` has all"

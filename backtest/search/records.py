"""Full runs of chosen trials of a sweep."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from backtest.config.change import changed
from backtest.errors import Fault, FaultyInput
from backtest.runner import run_to_folder
from backtest.search.sweep import Sweep, trial_rows


def record_runs(
    sweep: Sweep, numbers: Sequence[int], *, progress: Callable[[str], None] | None = None
) -> dict[int, Path]:
    """Run the trials ``numbers`` in full, beside the sweep; their folders by number.

    A run that is there already is left as it is. Trials without an end are left out.

    Raises
    ------
    FaultyInput
        For numbers that the sweep does not have.
    """
    rows = {int(str(row["trial"])): row for row in trial_rows(sweep, numbers)}
    missing = [number for number in numbers if number not in rows]
    if missing:
        raise FaultyInput(
            "trials", [Fault(str(number), "is no trial of this sweep") for number in missing]
        )
    reports = sweep.folder.parents[1]
    folders: dict[int, Path] = {}
    for number in numbers:
        row = rows[number]
        folder = sweep.folder.parent / str(row["fingerprint"])
        if row["status"] != "done":
            continue
        if not (folder / "manifest.json").is_file():
            if progress is not None:
                progress(f"full run of trial {number}")
            values = {key: row[key] for key in sweep.keys}
            config = changed(sweep.config, values, label=f"trial {number}")
            folder = run_to_folder(config, out=reports)[1]
        folders[number] = folder
    return folders

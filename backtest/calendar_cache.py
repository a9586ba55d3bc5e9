"""Where calendars are kept between runs: one is read in a fraction of the time it takes to make."""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from platformdirs import user_cache_path

Times = npt.NDArray[np.datetime64]

_log = logging.getLogger(__name__)


def kept(parts: tuple[object, ...], make: Callable[[], Mapping[str, Times]]) -> dict[str, Times]:
    """The arrays that ``make`` returns, from disk where they were made of the same ``parts``.

    A file is written whole or not at all; one that is damaged is made again.
    """
    name = hashlib.sha256(repr(parts).encode()).hexdigest()[:32]
    file = user_cache_path("portfolio-backtest", appauthor=False) / "calendars" / f"{name}.npz"
    try:
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as stored:
            return {each: stored[each] for each in stored.files}  # their checksums are looked at
    except FileNotFoundError:
        pass
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        _log.warning("%s cannot be read and will be made again", file)
    arrays = dict(make())
    _write(file, arrays)
    return arrays


def _write(file: Path, arrays: Mapping[str, Times]) -> None:
    """A cache is never needed: where the disk does not let us, the log says so."""
    draft: Path | None = None
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, path = tempfile.mkstemp(prefix=f"{file.stem}.", suffix=".draft", dir=file.parent)
        draft = Path(path)
        with os.fdopen(handle, "wb") as out:
            np.savez(out, allow_pickle=False, **arrays)
        draft.replace(file)
    except OSError as error:
        _log.warning("nothing is kept under %s: %s", file.parent, error)
    finally:
        if draft is not None:
            draft.unlink(missing_ok=True)

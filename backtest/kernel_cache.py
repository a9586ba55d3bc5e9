"""Where compiled kernels are kept between runs."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from platformdirs import user_cache_path


def cache_folder() -> Path | None:
    """The folder of the kernels as their sources stand now; None where the user has set another.

    A compiled function is kept by its own file alone: changed helpers in other files would go
    unnoticed, and old arithmetic would go on giving numbers. One folder per state of all sources
    rules that out.
    """
    if os.environ.get("NUMBA_CACHE_DIR"):
        return None
    digest = hashlib.sha256()
    for file in sorted((Path(__file__).parent / "kernels").glob("*.py")):
        digest.update(file.name.encode())
        digest.update(file.read_bytes())
    return user_cache_path("portfolio-backtest") / f"kernels-{digest.hexdigest()[:16]}"


def is_compiled() -> bool:
    """Whether the simulation was compiled by an earlier run."""
    folder = cache_folder() or Path(os.environ["NUMBA_CACHE_DIR"])
    return any(folder.rglob("simulate.simulate-*.nbi"))

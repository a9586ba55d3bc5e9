"""Where compiled kernels are kept between runs."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from platformdirs import user_cache_path

COMPILING = "The kernels are compiled first, once on this machine: up to a minute."


def cache_folder() -> Path:
    """The folder of the kernels as their sources stand now, in ``NUMBA_CACHE_DIR`` where it is set.

    A compiled function is kept by its own file alone: changed helpers in other files would go
    unnoticed, and old arithmetic would go on giving numbers. One folder per state of all sources
    rules that out.
    """
    digest = hashlib.sha256()
    for file in sorted((Path(__file__).parent / "kernels").glob("*.py")):
        digest.update(file.name.encode())
        digest.update(file.read_bytes())
    own = os.environ.get("NUMBA_CACHE_DIR")
    home = Path(own) if own else user_cache_path("portfolio-backtest")
    return home / f"kernels-{digest.hexdigest()[:16]}"


def is_compiled() -> bool:
    """Whether the simulation was compiled by an earlier run of these very files.

    Numba keeps a folder for each folder of sources: another checkout's are of no use here.
    """
    kernels = Path(__file__).resolve().parent / "kernels"
    digest = hashlib.sha1(str(kernels).encode(), usedforsecurity=False).hexdigest()
    return any((cache_folder() / f"kernels_{digest}").glob("simulate.simulate-*.nbi"))

"""Compiled arithmetic on arrays: no frames, dates or text."""

from __future__ import annotations

import numba

from backtest.kernel_cache import cache_folder

_folder = cache_folder()
if _folder is not None:
    # Numba reads this when a function is declared: it is set before any module below is imported.
    numba.config.CACHE_DIR = str(_folder)  # type: ignore[attr-defined]  # set by numba at import

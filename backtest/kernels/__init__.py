"""Compiled arithmetic on arrays: no frames, dates or text."""

from __future__ import annotations

import numba

from backtest.kernel_cache import cache_folder

# Numba reads this when a function is declared: it is set before any module below is imported.
numba.config.CACHE_DIR = str(cache_folder())  # type: ignore[attr-defined]  # set at import

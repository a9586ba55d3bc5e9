"""Versions of rows: what a table said at an instant, and what it says now."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from backtest.data.schema import KNOWN_AT, TABLES

BoolArray = npt.NDArray[np.bool_]

VALUE = {"bars": "close", "actions": "value", "fx": "rate", "rates": "rate"}
"""Column without which a later version of a row takes it back."""


def current_rows(name: str, frame: pd.DataFrame, at: pd.Timestamp | None) -> BoolArray:
    """Rows of table ``name`` that hold at ``at``; without it, at the end of all versions.

    Of rows with one key the latest ``known_at`` counts that is not after ``at``; one without a
    ``known_at`` is the first version. A last version without its value takes the row back. Rows of
    the same version with the same key all stay, for the checks to find.
    """
    held = np.ones(len(frame), dtype=bool)
    if KNOWN_AT not in frame or name not in VERSIONED:
        return held
    since = frame[KNOWN_AT]
    if at is not None:
        held &= (since.isna() | (since <= at)).to_numpy()
    key = list(TABLES[name].key)
    several = frame.loc[held].duplicated(key, keep=False)
    if several.any():
        rows = frame.loc[several.index[several]]
        order = rows[KNOWN_AT].dt.tz_localize(None).to_numpy().astype("int64")  # NaT is the least
        latest = pd.Series(order, index=rows.index).groupby([rows[part] for part in key])
        held[rows.index[order < latest.transform("max").to_numpy()]] = False
    if name in VALUE:
        held &= ~(since.notna() & frame[VALUE[name]].isna()).to_numpy()
    return held


VERSIONED: Sequence[str] = tuple(name for name, table in TABLES.items() if table.versioned)
"""Tables whose rows may have a ``known_at`` besides; facts have one of their own."""

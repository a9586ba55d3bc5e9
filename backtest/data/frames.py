"""Frames of any library as Arrow tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import pandas as pd
import pyarrow as pa

from backtest.errors import Fault


class ArrowStream(Protocol):
    """A frame of any library that speaks Arrow: polars, pyarrow, DuckDB."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Its rows, as Arrow's C stream."""


Frame = pd.DataFrame | ArrowStream


def arrow_tables(given: Mapping[str, Frame | None]) -> tuple[dict[str, pa.Table], list[Fault]]:
    """Frames as Arrow tables, without their index; a column of mixed types is a fault."""
    tables: dict[str, pa.Table] = {}
    faults: list[Fault] = []
    for name, frame in given.items():
        if frame is None:
            continue
        try:
            if isinstance(frame, pd.DataFrame):
                tables[name] = pa.Table.from_pandas(frame, preserve_index=False)
            else:
                tables[name] = pa.table(frame)
        except (pa.ArrowInvalid, pa.ArrowTypeError, ValueError) as error:
            faults.append(Fault(name, f"cannot be read: {str(error).partition(chr(10))[0]}"))
    return tables, faults

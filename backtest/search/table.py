"""The table of trials on disk: parts that are whole or absent, merged at the end."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from backtest.research import Draw, SweepSettings, Value
from backtest.search.scores import MEASURES, MOMENTS

Row = Mapping[str, object]

_PART = re.compile(r"^\d{9}-\d{9}\.parquet$")
_GROUP = 2_048  # rows of the table that are in memory at once
_SCORES = (*MEASURES, *(name for name in MOMENTS if name != "sessions"))


def schema_of(sweep: SweepSettings) -> pa.Schema:
    """Columns of the table: the trial, its values by dotted key, what became of it, its scores."""
    return pa.schema(
        [
            ("trial", pa.int64()),
            *((key, _type_of(values)) for key, values in values_by_key(sweep).items()),
            ("status", pa.string()),
            ("error", pa.string()),
            ("fingerprint", pa.string()),
            ("sessions", pa.int64()),
            ("fills", pa.int64()),
            *((name, pa.float64()) for name in _SCORES),
            ("block_sum", pa.list_(pa.float64())),
            ("block_sum_of_squares", pa.list_(pa.float64())),
            *([("nav", pa.list_(pa.float64()))] if sweep.keep_nav else []),
        ]
    )


def write_part(folder: Path, rows: Sequence[Row], schema: pa.Schema) -> Path:
    """Write finished trials (ascending) as one file; an interrupt leaves it whole or absent."""
    columns = {
        field.name: [_stored(row.get(field.name), field.type) for row in rows] for field in schema
    }
    table = pa.table(columns, schema=schema)
    path = folder / f"{rows[0]['trial']:09d}-{rows[-1]['trial']:09d}.parquet"
    _write_whole(table, path)
    return path


def parts_in(folder: Path) -> list[Path]:
    """The parts that are there, in the order of their trials; drafts are none."""
    return sorted(path for path in folder.glob("*.parquet") if _PART.match(path.name))


def finished(folder: Path, count: int) -> NDArray[np.bool_]:
    """Which of ``count`` trials the parts hold, shape (count,)."""
    done = np.zeros(count, dtype=np.bool_)
    for path in parts_in(folder):
        trials = pq.read_table(path, columns=["trial"])["trial"].to_numpy()
        done[trials[trials < count]] = True
    return done


def merge_parts(folder: Path, path: Path, schema: pa.Schema) -> None:
    """Write the parts as one table in the order of the trials; a group of rows is in memory.

    Parts hold ranges of trials that do not overlap. Groups have the same rows however many parts
    there were, and so the table has the same bytes.
    """
    handle, draft = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    os.close(handle)
    try:
        with pq.ParquetWriter(draft, schema, compression="zstd") as writer:
            for group in _groups(parts_in(folder), schema):
                writer.write_table(group)
        Path(draft).chmod(0o644)
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise


def rows_at(path: Path, places: NDArray[np.int64], columns: Sequence[str]) -> pa.Table:
    """``columns`` of the rows at ``places`` (ascending) of a table, read group by group."""
    names = list(columns)
    found = []
    start = 0
    with pq.ParquetFile(path) as file:
        known = file.schema_arrow
        for group in range(file.num_row_groups):
            stop = start + file.metadata.row_group(group).num_rows
            inside = places[np.searchsorted(places, start) : np.searchsorted(places, stop)]
            if len(inside):
                rows = file.read_row_group(group, columns=names).take(pa.array(inside - start))
                found.append(rows.select(names))
            start = stop
    return pa.concat_tables([pa.schema([known.field(n) for n in names]).empty_table(), *found])


def batches_of(path: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """The rows of a table, so many at a time, ``columns`` alone."""
    with pq.ParquetFile(path) as file:
        yield from file.iter_batches(batch_size=_GROUP, columns=list(columns))


def _groups(paths: Sequence[Path], schema: pa.Schema) -> Iterator[pa.Table]:
    """The rows of all parts, so many at a time."""
    held: list[pa.RecordBatch] = []
    count = 0
    for path in paths:
        for batch in pq.ParquetFile(path).iter_batches(batch_size=_GROUP):
            rest = batch
            while count + rest.num_rows >= _GROUP:
                held.append(rest.slice(0, _GROUP - count))
                yield pa.Table.from_batches(held, schema=schema).combine_chunks()
                rest = rest.slice(_GROUP - count)
                held, count = [], 0
            if rest.num_rows:
                held.append(rest)
                count += rest.num_rows
    if held:
        yield pa.Table.from_batches(held, schema=schema).combine_chunks()


def _write_whole(table: pa.Table, path: Path) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        pq.write_table(table, draft, compression="zstd")
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def values_by_key(sweep: SweepSettings) -> dict[str, list[Value]]:
    """Values, or examples of them, that a key may take."""
    if sweep.grid is not None:
        return dict(sweep.grid)
    space = sweep.random.space if sweep.random is not None else None
    if space is None and sweep.optuna is not None:
        space = sweep.optuna.space
    return {key: _examples(draw) for key, draw in (space or {}).items()}


def _examples(draw: Draw) -> list[Value]:
    if draw.choice is not None:
        return draw.choice
    return [0] if draw.integers is not None else [0.5]


def _type_of(values: Sequence[Value]) -> pa.DataType:
    """The narrowest type that holds all values; what differs in kind is kept as JSON text."""
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {bool}:
        return pa.bool_()
    if kinds <= {int}:
        return pa.int64()
    if kinds <= {int, float}:
        return pa.float64()
    return pa.string()


def _stored(value: object, kind: pa.DataType) -> object:
    if pa.types.is_string(kind) and value is not None and not isinstance(value, str):
        return json.dumps(value)
    return value

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from backtest.research import SweepSettings
from backtest.search.columns import places_of
from backtest.search.table import finished, merge_parts, parts_in, rows_at, schema_of, write_part


@pytest.fixture
def schema() -> pa.Schema:
    return schema_of(SweepSettings.model_validate({"grid": {"a": [1, 2, None], "b": [1, "x"]}}))


def rows(*numbers: int) -> list[dict]:
    return [{"trial": n, "a": n, "b": "x" if n % 2 else 1, "status": "done"} for n in numbers]


def test_parts_are_merged_in_the_order_of_their_trials(tmp_path, schema):
    write_part(tmp_path, rows(4, 5), schema)
    write_part(tmp_path, rows(0, 1, 3), schema)
    merge_parts(tmp_path, tmp_path / "trials.parquet", schema)
    table = pq.read_table(tmp_path / "trials.parquet")
    assert table["trial"].to_pylist() == [0, 1, 3, 4, 5]


def test_what_parts_hold_is_finished(tmp_path, schema):
    write_part(tmp_path, rows(1, 3), schema)
    assert finished(tmp_path, 5).tolist() == [False, True, False, True, False]


def test_drafts_of_a_killed_writer_are_no_parts(tmp_path, schema):
    path = write_part(tmp_path, rows(1), schema)
    path.rename(path.with_name(f".{path.name}.123"))
    assert parts_in(tmp_path) == []


def test_columns_take_the_narrowest_type_and_mixed_values_are_json(tmp_path, schema):
    assert schema.field("a").type == pa.int64()
    assert schema.field("b").type == pa.string()
    write_part(tmp_path, rows(0, 1), schema)
    assert pq.read_table(parts_in(tmp_path)[0])["b"].to_pylist() == ["1", "x"]


def test_the_same_parts_give_the_same_bytes(tmp_path, schema):
    write_part(tmp_path, rows(*range(50)), schema)
    for name in ("one", "two"):
        merge_parts(tmp_path, tmp_path / name, schema)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_the_table_has_the_same_bytes_however_many_parts_there_were(tmp_path, schema):
    """More trials than a group of rows holds, and more parts than are read at once."""
    for name, size in (("small", 33), ("large", 4_100)):
        (tmp_path / name).mkdir()
        for first in range(0, 4_500, size):
            write_part(tmp_path / name, rows(*range(first, min(first + size, 4_500))), schema)
        merge_parts(tmp_path / name, tmp_path / f"{name}.parquet", schema)
    table = (tmp_path / "small.parquet").read_bytes()
    assert table == (tmp_path / "large.parquet").read_bytes()
    assert pq.read_table(tmp_path / "small.parquet")["trial"].to_pylist() == list(range(4_500))


def test_rows_are_taken_from_wherever_they_stand(tmp_path, schema):
    write_part(tmp_path, rows(*range(5_000)), schema)
    merge_parts(tmp_path, tmp_path / "trials.parquet", schema)
    places = np.array([0, 2_047, 2_048, 4_999])
    table = rows_at(tmp_path / "trials.parquet", places, ["status", "trial"])
    assert table.column_names == ["status", "trial"]
    assert table["trial"].to_pylist() == places.tolist()
    assert len(rows_at(tmp_path / "trials.parquet", places[:0], ["trial"])) == 0


def test_missing_scores_are_null_not_zero(tmp_path, schema):
    write_part(tmp_path, rows(0), schema)
    values = pq.read_table(parts_in(tmp_path)[0])["sharpe"].to_numpy(zero_copy_only=False)
    assert np.isnan(values.astype(float)).all()


def test_places_are_found_by_number_whatever_trials_were_left_out(tmp_path, schema):
    write_part(tmp_path, rows(*range(0, 6_000, 2)), schema)
    merge_parts(tmp_path, tmp_path / "trials.parquet", schema)
    places = places_of(tmp_path / "trials.parquet", [5_998, 0, 4_096, 7])
    assert places.tolist() == [0, 2_048, 2_999]

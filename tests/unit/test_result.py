"""A run on disk: whole or not at all, and the same when it is read again."""

from __future__ import annotations

import json
from dataclasses import replace

import pandas as pd
import pytest

from backtest import Result, run
from backtest.errors import RunError
from backtest.result import TABLES
from tests.properties.rough import config_on, write_bundle


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    return run(config_on(write_bundle(tmp_path_factory.mktemp("data") / "rough")))


def test_a_run_survives_the_disk(result, tmp_path):
    folder = result.save(tmp_path / "name" / result.fingerprint)
    again = Result.load(folder)
    for name in TABLES:
        pd.testing.assert_frame_equal(getattr(again, name), getattr(result, name), check_exact=True)
    assert again.config == result.config
    assert again.metrics == json.loads(json.dumps(result.metrics))
    assert again.manifest == json.loads(json.dumps(result.manifest))
    assert again.context.keys() == result.context.keys()
    assert (again.name, again.fingerprint, again.folder) == ("rough", result.fingerprint, folder)


def test_the_folder_holds_the_files_and_the_pages_and_nothing_else(result, tmp_path):
    folder = result.save(tmp_path / "run", {"tearsheet.html": "<p>–</p>"})
    names = {path.name for path in folder.iterdir()}
    tables = {f"{name}.parquet" for name in (*TABLES, *result.context)}
    assert names == {"config.yaml", "manifest.json", "metrics.json", "tearsheet.html", *tables}
    assert (folder / "tearsheet.html").read_bytes() == "<p>–</p>".encode()
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_folder_that_is_there_is_replaced_as_a_whole(result, tmp_path):
    folder = result.save(tmp_path / "run", {"old.html": "old"})
    result.save(folder, {"new.html": "new"})
    assert not (folder / "old.html").exists()
    assert (folder / "new.html").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_run_that_cannot_be_written_leaves_what_was_there(result, tmp_path):
    folder = result.save(tmp_path / "run", {"page.html": "old"})
    broken = replace(result, metrics={"bad": float("nan")})
    with pytest.raises(ValueError, match="JSON"):
        broken.save(folder)
    assert (folder / "page.html").read_text() == "old"
    assert Result.load(folder).fingerprint == result.fingerprint
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_first_run_that_is_stopped_leaves_no_folder(result, tmp_path, monkeypatch):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(pd.DataFrame, "to_parquet", stopped)
    with pytest.raises(KeyboardInterrupt):
        result.save(tmp_path / "reports" / "name" / "0123")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "kept").touch()
    with pytest.raises(KeyboardInterrupt):
        result.save(tmp_path / "reports" / "name" / "0123")
    assert [path.name for path in tmp_path.rglob("*")] == ["reports", "kept"]


def test_a_run_that_cannot_be_put_in_place_puts_the_old_one_back(result, tmp_path, monkeypatch):
    folder = result.save(tmp_path / "run", {"page.html": "old"})
    rename = type(folder).rename

    def fails_for_the_draft(path, target):
        if target == folder and path.name != "run":
            raise PermissionError("in use")
        return rename(path, target)

    monkeypatch.setattr(type(folder), "rename", fails_for_the_draft)
    with pytest.raises(PermissionError):
        result.save(folder, {"page.html": "new"})
    monkeypatch.undo()
    assert (folder / "page.html").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize(
    "name", [*(f"{table}.parquet" for table in TABLES), "manifest.json", "metrics.json"]
)
def test_half_a_folder_is_refused_by_name(result, tmp_path, name):
    folder = result.save(tmp_path / "run")
    (folder / name).unlink()
    with pytest.raises(RunError, match=r"is no complete run: .* Run its config again") as told:
        Result.load(folder)
    assert name in str(told.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [("nav.parquet", b"no parquet"), ("metrics.json", b"{"), ("config.yaml", b"a: [1")],
)
def test_a_damaged_file_is_refused(result, tmp_path, name, content):
    folder = result.save(tmp_path / "run")
    (folder / name).write_bytes(content)
    with pytest.raises(RunError, match="is no complete run"):
        Result.load(folder)


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(RunError, match="is no complete run"):
        Result.load(tmp_path / "nowhere")


def test_a_result_says_what_it_is(result):
    last = result.nav["nav"].iloc[-1]
    assert repr(result) == (
        f"Result(rough/{result.fingerprint[:12]}, {len(result.nav)} sessions, NAV {last:,.2f} HKD)"
    )


def test_dates_and_instants_keep_their_types(result, tmp_path):
    again = Result.load(result.save(tmp_path / "run"))
    assert str(again.nav["session"].dtype) == "datetime64[ns]"
    assert str(again.fills["filled_at"].dtype) == "datetime64[ns, UTC]"
    assert str(again.fills["symbol"].dtype) == str(result.fills["symbol"].dtype)

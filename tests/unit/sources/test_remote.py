"""Bundles written to other filesystems: the old version or the new one, never a part."""

import json
from datetime import date

import fsspec
import pandas as pd
import pytest

from backtest.data.bundle import load_bundle
from backtest.data.settings import DataSettings
from backtest.errors import DataError, NoBundleError
from backtest.sources.fetching import Terms, fetch_bundle, update_bundle
from backtest.sources.protocol import Answer, Pace, Unavailable

START, NOW = date(2024, 1, 1), pd.Timestamp("2024-03-08T12:00Z")


class Counting:
    """A source of one more bar at each call, or of none while the network is down."""

    name, prices, pace, caveats = "counting", "raw", Pace(0.0, 0, 0.0), ()

    def __init__(self):
        self.calls, self.is_down = 0, False

    def fetch(self, symbol, start):
        if self.is_down:
            raise Unavailable("no route")
        self.calls += 1
        sessions = pd.bdate_range("2024-02-26", periods=self.calls + 1)
        bars = pd.DataFrame({"symbol": symbol, "session": sessions, "close": 5.0, "volume": 1.0})
        bars = bars.assign(open=5.0, high=5.0, low=5.0)
        row = {"symbol": symbol, "name": "", "exchange": "XHKG", "currency": "HKD", "kind": "stock"}
        return Answer({"instruments": pd.DataFrame([row]), "bars": bars})


@pytest.fixture(params=["memory", "file"])
def url(request, tmp_path, monkeypatch):
    monkeypatch.setattr("backtest.data.remote.cache_folder", lambda: tmp_path / "cache")
    store = fsspec.filesystem("memory")
    if store.exists("/shelf"):
        store.rm("/shelf", recursive=True)
    return {"memory": "memory://shelf/mine", "file": f"file://{tmp_path}/shelf/mine"}[request.param]


def terms():
    return Terms(now=lambda: NOW, sleep=lambda _: None)


def fetch(source, url):
    return fetch_bundle(source, ["A.HK"], url, start=START, terms=terms())


def update(source, url):
    return update_bundle(url, find=lambda _: source, terms=terms())


def bars_at(url, tmp_path):
    return len(load_bundle(DataSettings(bundle=url), cache=tmp_path / "tables").bars)


def versions(url):
    files, root = fsspec.url_to_fs(url)
    files.invalidate_cache()
    return {str(path).rpartition("/")[2] for path in files.ls(f"{root}/versions", detail=False)}


def test_fetched_and_updated_it_is_the_bundle_that_it_would_be_at_home(url, tmp_path):
    here, there = tmp_path / "mine", url
    for place in (here, there):
        source = Counting()
        fetch(source, place)
        update(source, place)
    near = load_bundle(DataSettings(bundle=str(here)), cache=tmp_path / "tables")
    far = load_bundle(DataSettings(bundle=there), cache=tmp_path / "tables")
    assert far.hash == near.hash
    assert (far.name, len(far.bars)) == ("mine", 3)


def test_the_last_version_stays_for_its_readers_and_older_ones_go(url, tmp_path):
    source = Counting()
    fetch(source, url)
    first = versions(url)
    update(source, url)
    assert len(versions(url)) == 2
    update(source, url)
    assert len(versions(url)) == 2
    assert not versions(url) & first
    assert bars_at(url, tmp_path) == 4


@pytest.mark.parametrize("step", ["put_file", "pipe_file"])
def test_a_write_that_breaks_leaves_what_was_there_and_what_was_fetched(
    url, tmp_path, monkeypatch, step
):
    source = Counting()
    fetch(source, url)
    files = type(fsspec.url_to_fs(url)[0])

    def broken(*_, **__):
        raise OSError("quota exceeded")

    with monkeypatch.context() as patch:
        patch.setattr(files, step, broken)
        with pytest.raises(DataError, match="cannot be written: quota exceeded"):
            update(source, url)
    assert bars_at(url, tmp_path) == 2
    calls = source.calls
    update(source, url)
    assert source.calls == calls  # the answers of the update that broke were kept
    assert bars_at(url, tmp_path) == 3


def test_with_the_network_off_nothing_is_written(url, tmp_path):
    source = Counting()
    fetch(source, url)
    before = versions(url)
    source.is_down = True
    with pytest.raises(Unavailable, match="no route"):
        update(source, url)
    assert versions(url) == before
    assert bars_at(url, tmp_path) == 2


def test_of_two_writers_the_second_is_told(url, tmp_path):
    class Slow(Counting):
        def fetch(self, symbol, start):
            files, root = fsspec.url_to_fs(url)
            theirs = {"version": f"{'0' * 32}-{'0' * 8}", "before": ""}
            files.pipe_file(f"{root}/version.json", json.dumps(theirs).encode())
            return super().fetch(symbol, start)

    fetch(Counting(), url)
    with pytest.raises(DataError, match="changed by somebody else"):
        update(Slow(), url)


def test_a_bundle_that_was_copied_there_gets_versions_when_it_is_written(url, tmp_path):
    source = Counting()
    fetch(source, tmp_path / "mine")
    files, root = fsspec.url_to_fs(url)
    files.makedirs(root, exist_ok=True)
    for path in (tmp_path / "mine").iterdir():
        files.put_file(str(path), f"{root}/{path.name}")
    assert bars_at(url, tmp_path) == 2
    update(source, url)
    assert bars_at(url, tmp_path) == 3
    names = {str(path).rpartition("/")[2] for path in files.ls(root, detail=False)}
    assert names == {"version.json", "versions"}


def test_what_is_no_bundle_is_neither_overwritten_nor_updated(url):
    with pytest.raises(NoBundleError, match="is no bundle"):
        update(Counting(), url)
    files, root = fsspec.url_to_fs(url)
    files.makedirs(root, exist_ok=True)
    files.pipe_file(f"{root}/thesis.txt", b"years of work")
    with pytest.raises(DataError, match="is there, and no bundle"):
        fetch(Counting(), url)
    assert files.cat_file(f"{root}/thesis.txt") == b"years of work"


def test_a_version_file_that_points_elsewhere_is_refused(url, tmp_path):
    fetch(Counting(), url)
    files, root = fsspec.url_to_fs(url)
    files.pipe_file(f"{root}/version.json", b'{"version": "../../x", "before": ""}')
    with pytest.raises(DataError, match="names no version of a bundle"):
        bars_at(url, tmp_path)

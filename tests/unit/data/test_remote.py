"""A bundle on another filesystem is the bundle that it is at home."""

import fsspec
import pytest

from backtest.data.bundle import load_bundle
from backtest.data.remote import local_copy
from backtest.data.settings import DataSettings
from backtest.errors import DataError, NoBundleError

URL = "memory://markets/tiny"


@pytest.fixture
def home(write, bars, instruments, tmp_path, monkeypatch):
    """The tiny bundle as a folder, and in memory; what is cached goes into the test's folder."""
    monkeypatch.setattr("backtest.data.remote.cache_folder", lambda: tmp_path / "cache")
    folder = write(instruments=instruments("A"), bars=bars("A", [1.0, 2.0]))
    files = fsspec.filesystem("memory")
    if files.exists("/markets"):
        files.rm("/markets", recursive=True)
    files.put(str(folder), "/markets/tiny", recursive=True)
    return folder


def load(bundle, tmp_path):
    return load_bundle(DataSettings(bundle=str(bundle)), cache=tmp_path / "tables")


def test_it_has_the_hash_and_the_bars_that_it_has_at_home(home, tmp_path):
    near, far = load(home, tmp_path), load(URL, tmp_path)
    assert far.hash == near.hash
    assert far.bars["close"].tolist() == [1.0, 2.0]


def test_what_has_not_changed_is_not_copied_again(home):
    bars = local_copy(URL) / "bars.parquet"
    before = bars.stat().st_mtime_ns
    assert (local_copy(URL) / "bars.parquet").stat().st_mtime_ns == before


def test_what_has_changed_is_seen(home, bars, tmp_path):
    before = load(URL, tmp_path).hash
    bars("A", [1.0, 2.0, 3.0]).to_parquet(home / "bars.parquet", index=False)
    fsspec.filesystem("memory").put(str(home / "bars.parquet"), "/markets/tiny/bars.parquet")
    after = load(URL, tmp_path)
    assert after.hash == load(home, tmp_path).hash != before
    assert after.bars["close"].tolist() == [1.0, 2.0, 3.0]


def test_a_run_names_it_by_its_url(home, tmp_path):
    from backtest import load_config, run

    path = tmp_path / "far.yaml"
    path.write_text(f"name: far\ndata: {{bundle: '{URL}'}}\nstrategy: {{name: equal_weight}}\n")
    config = load_config(path)
    assert config.data.bundle == URL
    assert run(config).manifest["bundle"]["name"] == "tiny"


def test_what_is_not_there_is_told(home):
    with pytest.raises(NoBundleError, match="no such folder"):
        local_copy("memory://markets/none")
    fsspec.filesystem("memory").rm("/markets/tiny/bundle.yaml")
    with pytest.raises(NoBundleError, match=r"is no bundle: it has no bundle\.yaml"):
        local_copy(URL)
    with pytest.raises(DataError, match="cannot be read"):
        local_copy("nothing://markets/tiny")

import pytest

from backtest.data.bundle import load_bundle
from backtest.data.settings import DataSettings
from backtest.sources.importing import import_files
from backtest.sources.mapping import load_mapping
from backtest.sources.save import save


@pytest.fixture
def files(tmp_path):
    """Write files by name; their folder."""

    def write(**texts):
        folder = tmp_path / "files"
        folder.mkdir(exist_ok=True)
        for name, text in texts.items():
            path = folder / name.replace("__", ".")
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return folder

    return write


@pytest.fixture
def mapped(tmp_path):
    """Delivery that a mapping makes of a folder."""

    def of(folder, text):
        path = tmp_path / "mapping.yaml"
        path.write_text(text, encoding="utf-8")
        return import_files(load_mapping(path), [folder])

    return of


@pytest.fixture
def saved(tmp_path):
    """The bundle that a delivery is written as, loaded."""

    def to(delivery, name="bundle", **checks):
        folder = tmp_path / name
        save(delivery, folder)
        settings = DataSettings(bundle=str(folder), checks=checks)
        return load_bundle(settings, cache=tmp_path / "cache")

    return to

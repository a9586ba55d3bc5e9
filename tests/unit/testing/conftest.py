import pytest

from backtest.data.schema import TABLES
from backtest.testing import rough_market


@pytest.fixture(scope="session")
def rough():
    return rough_market()


@pytest.fixture
def rough_folder(rough, tmp_path):
    """The rough market on disk."""
    folder = tmp_path / "rough"
    folder.mkdir()
    info = "name: rough\nprices: raw\nsimulated: true\nper_share: [eps_ttm]\n"
    (folder / "bundle.yaml").write_text(info)
    for name in TABLES:
        getattr(rough, name).to_parquet(folder / f"{name}.parquet", index=False)
    return folder

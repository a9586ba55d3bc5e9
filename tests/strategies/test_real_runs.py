"""Every real config runs to its end on the bundle it is made for, where that is at hand."""

from pathlib import Path

import pytest

from backtest import load_config, run

ROOT = Path(__file__).resolve().parents[2]
REAL = sorted((ROOT / "configs" / "real").glob("*.yaml"))
BUNDLES = ROOT / ".." / "shared" / "bundles"

pytestmark = pytest.mark.skipif(not BUNDLES.is_dir(), reason="no real bundles beside the project")


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
def test_it_runs_and_its_account_adds_up(path):
    wanted = Path(load_config(path).data.bundle).name  # hk, hk-raw or us-pe
    folder = {"hk": "hk-real", "us-pe": "us-pe-real"}.get(wanted, wanted)
    result = run(load_config(path, overrides=[f"data.bundle={BUNDLES / folder}"]))
    assert len(result.fills) > 0
    values = result.positions.groupby("session")["value"].sum()
    nav = result.nav.set_index("session")
    held = values.reindex(nav.index).fillna(0.0)
    cash = nav["cash"] + nav.get("receivables", 0.0)
    assert (nav["nav"] - cash - held).abs().max() < 1e-6 * nav["nav"].max()

"""A config to a result: what meets where, what is refused, what a run says of itself."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from backtest.config import RunConfig, load_config
from backtest.data.bundle import Bundle
from backtest.errors import ConfigError, DataError
from backtest.runner import prepare, run, run_to_folder, stage_of

ROOT = Path(__file__).resolve().parents[2]
DAYS = pd.bdate_range("2024-01-02", "2024-01-12")


@pytest.fixture(autouse=True)
def _at_the_root(monkeypatch):
    monkeypatch.chdir(ROOT)


def bars_of(symbol, closes, **columns):
    close = pd.Series(closes, dtype="float64")
    plain = {"open": close, "high": close, "low": close, "close": close, "volume": 1e9}
    return pd.DataFrame({"symbol": symbol, "session": DAYS[: len(close)], **plain, **columns})


def write(folder, *bars, prices="raw", simulated=False, **tables):
    """A bundle of Hong Kong stocks in HKD on disk."""
    frame = pd.concat(bars, ignore_index=True)
    plain = pd.DataFrame({"symbol": frame["symbol"].unique(), "exchange": "XHKG",
                          "currency": "HKD", "kind": "stock"})  # fmt: skip
    folder.mkdir(exist_ok=True)
    (folder / "bundle.yaml").write_text(
        f"name: tiny\nprices: {prices}\nsimulated: {str(simulated).lower()}\n", encoding="utf-8"
    )
    for name, table in {"instruments": plain, "bars": frame, **tables}.items():
        table.to_parquet(folder / f"{name}.parquet", index=False)
    return folder


def config_on(bundle, **sections):
    plain = {"name": "tiny", "data": {"bundle": str(bundle)}, "strategy": {"name": "equal_weight"},
             "market": "frictionless"}  # fmt: skip
    return RunConfig.model_validate({**plain, **sections})


@pytest.fixture
def bundle(tmp_path):
    return write(tmp_path / "tiny", bars_of("A", [10, 10, 11, 11]), bars_of("B", [20, 20, 20, 30]))


def test_half_in_each_of_two_stocks_earns_half_of_what_each_does(bundle):
    # Bought on the second morning at 10 and 20, on the closes before: 50 and 25 shares.
    later = {"bundle": str(bundle), "start": "2024-01-03"}
    result = run(config_on(bundle, data=later, clock={"rebalance": 99}, portfolio={"cash": 1000}))
    assert result.fills["shares"].tolist() == [50, 25]
    assert result.nav["nav"].tolist() == [1000, 50 * 11 + 25 * 20, 50 * 11 + 25 * 30]
    assert result.metrics["headline"]["total_return"] == pytest.approx(0.3)


def test_the_period_is_that_of_the_config(bundle):
    result = run(config_on(bundle, data={"bundle": str(bundle), "start": "2024-01-03",
                                         "end": "2024-01-04"}))  # fmt: skip
    assert [f"{day:%m-%d}" for day in result.nav["session"]] == ["01-03", "01-04"]
    assert result.manifest["period"] == {
        "first": "2024-01-03", "last": "2024-01-04", "sessions": 2,
    }  # fmt: skip


def test_a_manifest_says_where_the_numbers_come_from(bundle):
    manifest = run(config_on(bundle)).manifest
    assert manifest["bundle"]["name"] == "tiny"
    assert len(manifest["bundle"]["hash"]) == 64
    assert manifest["rules"]["XHKG"]["market"] == "frictionless"
    assert manifest["strategy"]["name"] == "equal_weight"
    assert (manifest["base"], manifest["currency"]) == ("XHKG", "HKD")
    assert manifest["sessions_per_year"] == 246
    assert manifest["bankrupt"] is False
    assert {"numpy", "numba", "pandas", "python"} <= set(manifest["versions"])


def test_only_the_environment_part_knows_the_time(bundle):
    one, two = (run(config_on(bundle)).manifest for _ in range(2))
    assert set(one.pop("environment")) == {"finished", "seconds"}
    two.pop("environment")
    assert json.dumps(one) == json.dumps(two)


def test_a_simulated_market_is_said_to_be_one(tmp_path):
    folder = write(tmp_path / "tiny", bars_of("A", [10, 11]), simulated=True)
    manifest = run(config_on(folder)).manifest
    assert manifest["bundle"]["simulated"]
    assert any("simulated" in text.lower() for text in manifest["warnings"])


def test_instruments_without_opens_are_signals_only_where_orders_fill_at_the_open(tmp_path):
    blind = bars_of("A", [10, 11, 12], open=np.nan)
    folder = write(tmp_path / "tiny", blind, bars_of("B", [1, 1, 1]))
    with pytest.raises(DataError, match="A in the universe without any open") as told:
        prepare(config_on(folder))
    assert "set execution.fill: close, or leave them out of the universe" in str(told.value)
    assert prepare(config_on(folder, execution={"fill": "close"}))
    assert prepare(config_on(folder, universe={"exclude": ["A"]}))


def test_of_many_instruments_without_opens_five_are_named(tmp_path):
    blind = [bars_of(f"S{i}", [10, 11], open=np.nan) for i in range(7)]
    folder = write(tmp_path / "tiny", *blind)
    with pytest.raises(DataError, match="S0, S1, S2, S3, S4 and 2 more in the universe"):
        prepare(config_on(folder))


def test_progress_is_told_stage_by_stage(bundle, tmp_path):
    said = []
    run_to_folder(config_on(bundle), out=tmp_path / "out", progress=said.append)
    assert said == ["bundle tiny", "strategy equal_weight", "simulating 4 sessions", "tearsheet"]


def test_a_run_is_written_below_its_name_and_fingerprint(bundle, tmp_path):
    result, folder = run_to_folder(config_on(bundle), out=tmp_path / "out")
    assert folder == tmp_path / "out" / "tiny" / result.fingerprint
    assert result.folder == folder
    assert (folder / "tearsheet.html").is_file()
    assert (folder / "metrics.json").is_file()


def test_a_run_without_a_folder_writes_nothing(bundle, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = set(tmp_path.rglob("*"))
    run(config_on(bundle))
    assert set(tmp_path.rglob("*")) == before


def test_a_bundle_in_memory_can_be_staged(tmp_path):
    made = Bundle.from_frames(
        name="memory",
        instruments=pd.DataFrame(
            {"symbol": ["A"], "exchange": "XHKG", "currency": "HKD", "kind": "stock"}
        ),
        bars=bars_of("A", [10, 11, 12]),
    )
    stage = stage_of(config_on("anywhere"), made)
    assert stage.bundle is made
    assert stage.panel.symbols.tolist() == ["A"]
    assert stage.held.tolist() == [True]


def test_the_official_close_of_the_base_market_moves_decisions_after_it(bundle):
    after = {"clock": {"decide": "after_close"}}
    real = prepare(config_on(bundle, market="auto", **after)).panel.decisions
    free = prepare(config_on(bundle, **after)).panel.decisions
    # Hong Kong's closing auction ends at 16:10.
    assert (real - free).unique().tolist() == [pd.Timedelta(minutes=10)]


def test_a_benchmark_that_the_bundle_lacks_is_a_fault_with_the_nearest_name():
    config = RunConfig.model_validate(
        {
            "name": "a",
            "data": {"bundle": "sample"},
            "strategy": {"name": "buy_and_hold"},
            "benchmark": "X01.HK",
        }
    )
    with pytest.raises(DataError, match=r"'X01\.HK' is not in the bundle; did you mean 'X001\.HK'"):
        prepare(config)


def test_a_config_may_be_given_by_its_path(bundle, tmp_path):
    file = tmp_path / "half.yaml"
    file.write_text(
        f"name: half\ndata: {{bundle: {bundle}}}\nmarket: frictionless\n"
        "strategy: {name: equal_weight}\n"
    )
    assert run(str(file)).fingerprint == run(load_config(file)).fingerprint
    result, folder = run_to_folder(file, out=tmp_path / "out")
    assert (result.name, folder.parent.name) == ("half", "half")


@pytest.mark.parametrize("wrong", [None, 3, {"name": "half"}])
def test_what_is_no_config_is_told_with_what_to_give(wrong):
    with pytest.raises(ConfigError, match=f"give the path .* got a {type(wrong).__name__}"):
        run(wrong)

"""A run in MLflow, read back by MLflow's own client."""

from __future__ import annotations

import builtins
import math
from pathlib import Path

import pytest

from backtest.config import load_config
from backtest.errors import RunError
from backtest.runner import run_to_folder

mlflow = pytest.importorskip("mlflow")

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow.set_tracking_uri((tmp_path / "store").as_uri())
    yield tmp_path
    mlflow.set_tracking_uri(None)


def tracked(*overrides):
    path = ROOT / "configs" / "buy_and_hold.yaml"
    return load_config(path, overrides=["data.start=2026-01-02", "tracking=mlflow", *overrides])


@pytest.mark.filterwarnings("ignore")  # MLflow's own, of its file store
def test_settings_numbers_and_pages_are_logged_once(store):
    first, _ = run_to_folder(tracked(), out=store / "reports")
    run_to_folder(tracked(), out=store / "reports")
    client = mlflow.MlflowClient()
    home = client.get_experiment_by_name(first.name)
    (only,) = client.search_runs([home.experiment_id])
    assert only.data.params["strategy.name"] == "buy_and_hold"
    assert only.data.metrics["headline.total_return"] == first.metrics["headline"]["total_return"]
    assert all(map(math.isfinite, only.data.metrics.values()))
    assert only.data.tags["backtest.fingerprint"] == first.fingerprint
    names = {item.path for item in client.list_artifacts(only.info.run_id)}
    assert names == {"tearsheet.html", "config.yaml", "manifest.json", "metrics.json"}


def test_it_moves_no_byte_of_the_run(store):
    plain = load_config(ROOT / "configs" / "buy_and_hold.yaml")
    assert tracked("data.start=2018-01-02").resolved() == plain.resolved()


@pytest.mark.filterwarnings("ignore")
def test_where_mlflow_refuses_the_run_is_saved_and_the_reason_told(store, monkeypatch):
    monkeypatch.delenv("MLFLOW_ALLOW_FILE_STORE")
    with pytest.raises(RunError, match="is saved, but MLflow did not take it"):
        run_to_folder(tracked(), out=store / "reports")
    assert list((store / "reports").glob("*/*/tearsheet.html"))


def test_without_mlflow_nothing_is_run(store, monkeypatch):
    own = builtins.__import__

    def refuse(name, *rest, **more):
        if name == "mlflow":
            raise ImportError(name)
        return own(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(RunError, match=r"pip install 'portfolio-backtest\[mlflow\]'"):
        run_to_folder(tracked(), out=store / "reports")
    assert not (store / "reports").exists()

from __future__ import annotations

import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from backtest import load_config
from backtest.config import fit
from backtest.errors import ConfigError, RunError, WorkersLost
from backtest.research import ExecutorSettings
from backtest.runner import inputs_of
from backtest.search.cluster import check_same, connected
from backtest.search.executors import worked
from backtest.search.sweep import open_sweep, run_trials
from backtest.search.workshop import Workshop

ray = pytest.importorskip("ray", reason="Ray is not installed")

# A strategy of the user's own, which no installed package has; its pause lets a sweep last.
STRATEGY = '''
"""Hold the cheapest, after a pause."""
import time
from backtest import Panel, Strategy

class Patient(Strategy):
    top: int = 5

    def target_weights(self, panel: Panel):
        time.sleep(0.1)
        return (panel.close.where(panel.universe).rank(axis=1) <= self.top) / self.top
'''

CONFIG = """
name: nodes
data: {bundle: sample, start: 2024-01-02, end: 2024-06-28}
universe: {exchange: [XHKG], kind: [stock]}
strategy: {name: patient}
portfolio: {cash: 5m HKD}
"""

GRID = """
sweep:
  best: 0
  grid:
    strategy.params.top: [2, 3, 4, 5, 6, 7, 8, 9, 10, 11]
    execution.slippage.bps: [0, 5, 10, 20]
"""

RANDOM = """
sweep:
  best: 0
  random:
    n: 40
    seed: 3
    space:
      strategy.params.top: {integers: [2, 20]}
      execution.slippage.bps: {uniform: [0, 30]}
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A working directory with a strategy of its own."""
    (tmp_path / "strategies").mkdir()
    (tmp_path / "strategies" / "patient.py").write_text(STRATEGY, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def configured(project: Path, text: str, *overrides: str):
    path = project / "nodes.yaml"
    path.write_text(CONFIG + text, encoding="utf-8")
    return load_config(path, overrides=overrides)


def sweep_over_ray(*settings: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "backtest", "sweep", "nodes.yaml", "--quiet", "--out", "ray"]
    for setting in ("executor.backend=ray", *settings):
        command += ["--set", setting]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@contextmanager
def two_nodes() -> Iterator[tuple[str, Callable[[], None]]]:
    """The address of a cluster of two nodes, and what kills the second."""
    from ray.cluster_utils import Cluster

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Ray's own
        made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
        second = made.add_node(num_cpus=1)
        try:
            yield made.address, lambda: made.remove_node(second, allow_graceful=False)
        finally:
            made.shutdown()


@pytest.mark.parametrize("text", [GRID, RANDOM], ids=["grid", "random"])
def test_a_node_killed_in_the_middle_changes_no_byte(project, text):
    """The strategy is sent: Ray's workers have another working directory."""
    sweep, base = open_sweep(configured(project, text, "executor.workers=1"), out=project / "local")
    parts = project / "ray" / "nodes" / sweep.folder.name / "parts"
    with two_nodes() as (address, kill):
        process = sweep_over_ray(f"executor.address={address}", "executor.batch=2")
        patience = time.monotonic() + 240
        while len(list(parts.glob("0*.parquet"))) < 4 and time.monotonic() < patience:
            time.sleep(0.02)
        kill()
        before = len(list(parts.glob("0*.parquet")))
        run_trials(sweep, base)
        _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert err == ""
    assert 4 <= before < 18, "the node was not killed in the middle"
    trials = pq.read_table(parts.parent / "trials.parquet")
    assert trials["trial"].to_pylist() == list(range(40))
    assert set(trials["status"].to_pylist()) == {"done"}
    assert (parts.parent / "trials.parquet").read_bytes() == sweep.table.read_bytes()


def test_a_worker_that_dies_at_every_try_is_told_behind_what_was_done():
    def deadly(batch: int) -> int:
        import os
        import signal

        if batch == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return batch

    executor = ExecutorSettings(backend="ray", workers=2, retries=1)
    done: list[int] = []
    with connected(executor), pytest.raises(WorkersLost, match="Finished trials are kept"):
        done.extend(worked(deadly, [1, 2, 3], executor))
    assert set(done) <= {1, 2}


def test_a_worker_needs_no_file_of_the_data(project, monkeypatch):
    config = configured(project, GRID)
    values = {"strategy.params.top": 3, "data.end": "2024-05-31"}
    expected = Workshop(config).trial(values)
    supplies = Workshop(config).supplies([])
    supplies = ray.cloudpickle.loads(ray.cloudpickle.dumps(supplies))
    monkeypatch.delattr(fit, "load_bundle")
    trial = Workshop(config, supplies).trial(values)
    assert trial.fingerprint == expected.fingerprint
    assert trial.nav.tobytes() == expected.nav.tobytes()


def test_nothing_at_the_address_is_said_at_once_in_words(project):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
        configured(project, GRID)
        process = sweep_over_ray(f"executor.address={address}")
        _, err = process.communicate(timeout=300)
    assert process.returncode == 1
    assert err.startswith(f"executor.address {address}: no Ray cluster could be reached there")
    assert "Traceback" not in err


@pytest.mark.parametrize("address", ["here", "ray://head", "http://head:8265"])
def test_what_is_no_address_is_told_with_the_config(project, address):
    with pytest.raises(ConfigError, match=r"executor.address.*must be auto, host:port or ray://"):
        configured(project, GRID, f"executor.address={address}")


def test_without_ray_the_message_says_what_to_install(project, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    executor = configured(project, GRID, "executor.backend=ray").executor
    with pytest.raises(RunError, match=r'pip install "portfolio-backtest\[ray\]"'):
        connected(executor).__enter__()


def test_a_node_of_another_version_is_refused_and_says_which(project):
    stage = Workshop(configured(project, GRID)).trial({}).stage
    parts = inputs_of(stage)
    check_same(parts, inputs_of(replace(stage)))
    other = parts | {"versions": parts["versions"] | {"numpy": "1.0"}}
    with pytest.raises(RunError, match=r"versions: numpy is 1.0, not \d"):
        check_same(parts, other)

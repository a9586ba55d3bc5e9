from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import numpy as np
import pyarrow.parquet as pq
import pytest

from backtest import load_config, run
from backtest.config.change import changed
from backtest.errors import ConfigError, RunError, WorkersLost
from backtest.search.executors import worked
from backtest.search.pace import Pace
from backtest.search.records import record_runs
from backtest.search.sweep import best_trials, failures, open_sweep, run_trials, trial_rows
from backtest.trial_ledger import family

CONFIG = """
name: dips
data: {bundle: sample, start: 2024-01-02, end: 2024-12-31}
universe: {exchange: [XHKG], kind: [stock], min_history: 120d}
strategy: {name: spillover_dip, params: {source: X01.US, hold: 5}}
portfolio: {cash: 5m HKD}
sweep:
  grid:
    strategy.params.window: [3, 5]
    strategy.params.drop: [0.03, 0.05]
    exits.stop_loss: [null, 5%]
    execution.slippage.bps: [0, 20]
"""


@pytest.fixture
def config_file(tmp_path):
    def write(text: str = CONFIG):
        path = tmp_path / "dips.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def finished_sweep(config_file, tmp_path):
    def make(*overrides: str, text: str = CONFIG, out: str = "reports", workers: int = 1):
        config = load_config(
            config_file(text), overrides=[*overrides, f"executor.workers={workers}"]
        )
        sweep, base = open_sweep(config, out=tmp_path / out)
        step = run_trials(sweep, base)
        return sweep, step

    return make


def test_a_trial_has_the_numbers_and_the_fingerprint_of_a_run_of_its_settings(finished_sweep):
    sweep, step = finished_sweep()
    assert (step.done, step.total, step.failed) == (16, 16, 0)
    rows = trial_rows(sweep, range(16))
    for row in (rows[0], rows[6], rows[15]):
        values = {key: row[key] for key in sweep.keys}
        result = run(changed(sweep.config, values))
        assert row["fingerprint"] == result.fingerprint
        for name in ("total_return", "cagr", "sharpe", "max_drawdown", "volatility"):
            assert row[name] == result.metrics["headline"][name], name
        for name, headline in (
            ("turnover", "turnover_per_year"),
            ("costs_bps", "costs_bps"),
            ("exposure", "exposure"),
        ):
            assert row[name] == pytest.approx(result.metrics["headline"][headline], rel=1e-9), name
        assert row["turnover"] > 0.1
        assert row["costs_bps"] > 1.0


def test_trials_differ_where_their_settings_do(finished_sweep):
    sweep, _ = finished_sweep()
    rows = trial_rows(sweep, range(16))
    assert len({row["fingerprint"] for row in rows}) == 16
    assert rows[1]["total_return"] < rows[0]["total_return"]  # 20 bps of slippage more


def test_a_stopped_sweep_goes_on_and_ends_with_the_same_bytes(
    finished_sweep, config_file, tmp_path
):
    whole, _ = finished_sweep(out="whole")
    config = load_config(config_file(), overrides=["executor.workers=1"])
    sweep, base = open_sweep(config, out=tmp_path / "parts")
    seen = []
    for _ in range(4):
        step = run_trials(sweep, base, limit=5)
        seen.append(step.done)
    assert seen == [5, 10, 15, 16]
    assert sweep.table.read_bytes() == whole.table.read_bytes()


@pytest.mark.parametrize("deaths", [2, 3])
def test_unfinished_trials_are_dealt_out_again_while_retries_last(
    finished_sweep, config_file, tmp_path, monkeypatch, deaths
):
    whole, _ = finished_sweep(out="whole")
    overrides = ["executor.workers=1", "executor.batch=4", "executor.retries=2"]
    sweep, base = open_sweep(load_config(config_file(), overrides=overrides), out=tmp_path / "dies")
    left = [deaths]

    def dying(work, batches, executor):
        """One batch is done, the next is lost with its worker."""
        for rows in worked(work, batches, executor):
            yield rows
            if left[0]:
                left[0] -= 1
                raise WorkersLost("killed")

    monkeypatch.setattr("backtest.search.sweep.worked", dying)
    if deaths > 2:
        with pytest.raises(WorkersLost, match=r"A worker died.*killed\nFinished trials are kept"):
            run_trials(sweep, base)
        assert len(list(sweep.parts.glob("0*.parquet"))) == deaths
        run_trials(sweep, base)
    else:
        run_trials(sweep, base)
    assert sweep.table.read_bytes() == whole.table.read_bytes()


def test_two_workers_give_the_same_bytes_as_one(finished_sweep):
    one, _ = finished_sweep(out="one")
    two, _ = finished_sweep(out="two", workers=2)
    assert one.table.read_bytes() == two.table.read_bytes()


def test_a_failing_trial_is_kept_with_its_reason_and_stops_nothing(finished_sweep):
    text = CONFIG.replace("[3, 5]", "[3, 0]").replace(
        "source: X01.US,", "source: X01.US, share: 0.3,"
    )
    sweep, step = finished_sweep(text=text)
    rows = trial_rows(sweep, range(16))
    assert step.failed == 8
    assert [row["status"] for row in rows] == ["done"] * 8 + ["failed"] * 8
    assert "strategy.params.window" in rows[8]["error"]
    assert rows[8]["sharpe"] is None


def test_constraints_leave_trials_out(finished_sweep):
    sweep, step = finished_sweep(
        "sweep.where=['strategy.params.drop * 100 >= strategy.params.window']"
    )
    assert step.total == 12
    rows = trial_rows(sweep, range(16))
    assert all(row["strategy.params.drop"] * 100 >= row["strategy.params.window"] for row in rows)


def test_trials_stand_in_the_ledger_once_however_often_they_are_made(finished_sweep, tmp_path):
    sweep, _ = finished_sweep()
    for part in sweep.parts.iterdir():
        part.unlink()
    sweep, _ = finished_sweep()
    data = json.loads((sweep.folder / "sweep.json").read_text("utf-8"))["data"]
    known = list(family(tmp_path / "reports", strategy="spillover_dip", data=data))
    assert len(known) == 16


def test_the_best_are_run_in_full(finished_sweep):
    sweep, _ = finished_sweep()
    best = best_trials(sweep, 2)
    rows = trial_rows(sweep, range(16))
    ranked = sorted(rows, key=lambda row: (-row["sharpe"], row["trial"]))
    assert best == [row["trial"] for row in ranked[:2]]
    folders = record_runs(sweep, best)
    for number in best:
        metrics = json.loads((folders[number] / "metrics.json").read_text("utf-8"))
        assert metrics["headline"]["sharpe"] == rows[number]["sharpe"]


def test_nav_is_kept_when_asked_for(finished_sweep):
    sweep, _ = finished_sweep("sweep.keep_nav=true")
    table = pq.read_table(sweep.table)
    nav = table["nav"][3].as_py()
    assert len(nav) == table["sessions"][3].as_py()
    assert nav[-1] / 5e6 - 1 == pytest.approx(table["total_return"][3].as_py(), rel=1e-12)


def test_random_draws_are_the_same_in_a_longer_search(finished_sweep):
    grid = CONFIG[: CONFIG.index("sweep:")]
    text = grid + (
        "sweep:\n  random:\n    n: 6\n    seed: 3\n    space:\n"
        "      strategy.params.drop: {uniform: [0.02, 0.08]}\n"
        "      strategy.params.window: {integers: [2, 6]}\n"
    )
    short, _ = finished_sweep(text=text, out="short")
    long, _ = finished_sweep(text=text.replace("n: 6", "n: 9"), out="long")
    keys = [*short.keys, "sharpe", "fingerprint"]
    assert [[row[key] for key in keys] for row in trial_rows(short, range(6))] == [
        [row[key] for key in keys] for row in trial_rows(long, range(6))
    ]


@pytest.mark.parametrize("batch", [1, 7, 60])
def test_settings_that_recur_in_a_batch_keep_their_own_numbers(finished_sweep, batch):
    """More windows than a workshop remembers, so that some are forgotten before they recur."""
    text = CONFIG[: CONFIG.index("sweep:")] + (
        "sweep:\n  random:\n    n: 60\n    space:\n"
        "      strategy.params.window: {integers: [2, 9]}\n"
    )
    sweep, _ = finished_sweep(f"executor.batch={batch}", text=text)
    rows = trial_rows(sweep, range(60))
    expected = {
        window: run(changed(sweep.config, {"strategy.params.window": window})).metrics["headline"]
        for window in range(2, 10)
    }
    for row in rows:
        assert row["total_return"] == expected[row["strategy.params.window"]]["total_return"]


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("sweep.grid={strategy.params.windo: [1]}", "did you mean 'strategy.params.window'|window"),
        ("sweep.grid={name: [a, b]}", "cannot vary"),
        ("sweep.rank_by=sharp", "no measure 'sharp'"),
        ("sweep.where=['strategy.params.nothing > 1']", "is no setting of this config"),
    ],
)
def test_faults_of_a_sweep_are_told_before_anything_runs(config_file, tmp_path, override, words):
    config = load_config(config_file(), overrides=[override])
    with pytest.raises(ConfigError, match=words):
        open_sweep(config, out=tmp_path / "reports")
    assert not (tmp_path / "reports").exists()


def test_a_config_without_a_sweep_says_what_is_missing(config_file):
    config = load_config(config_file(CONFIG[: CONFIG.index("sweep:")]))
    with pytest.raises(ConfigError, match="grid, random or optuna"):
        open_sweep(config)


def test_killed_at_any_moment_it_ends_with_the_same_bytes(finished_sweep, config_file, tmp_path):
    """Three kills here; SWEEP_KILLS=10 for more."""
    text = CONFIG.replace("[3, 5]", "[2, 3, 4, 5, 6, 7, 8, 9]")
    whole, _ = finished_sweep(text=text, out="whole")
    command = [sys.executable, "-m", "backtest", "sweep", str(config_file(text)), "--quiet"]
    command += ["--out", str(tmp_path / "killed"), "--workers", "2", "--set", "executor.batch=1"]
    moments = np.random.default_rng(5)
    for _ in range(int(os.environ.get("SWEEP_KILLS", "3"))):
        process = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)
        time.sleep(2.5 + 2.0 * moments.random())
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    subprocess.run([*command, "--set", "sweep.best=0"], check=True, stdout=subprocess.DEVNULL)
    (folder,) = (tmp_path / "killed" / "dips").glob("sweep-*")  # all of them at the same sweep
    assert (folder / "trials.parquet").read_bytes() == whole.table.read_bytes()
    with closing(sqlite3.connect(tmp_path / "killed" / "trials.sqlite")) as ledger:
        (known,) = ledger.execute("SELECT count(*) FROM trial").fetchone()
    assert known == len(set(pq.read_table(whole.table)["fingerprint"].to_pylist()))


def test_batches_never_reach_over_a_finished_trial():
    done = np.zeros(12, dtype=bool)
    done[[3, 8]] = True
    pace = Pace(batch=4)
    batches = [batch.tolist() for batch in pace.batches(np.flatnonzero(~done), done)]
    assert batches == [[0, 1, 2], [4, 5, 6, 7], [9, 10, 11]]


def test_batches_grow_to_about_a_second_but_at_most_double():
    pace = Pace(batch=None)
    pace.begin(total=100, before=0)
    done = np.zeros(100, dtype=bool)
    batches = pace.batches(np.arange(100), done)
    sizes = []
    for _ in range(4):
        batch = next(batches)
        sizes.append(len(batch))
        pace.note(len(batch), 0, seconds=len(batch) / 10)
    assert sizes == [2, 4, 8, 10]


def test_settings_that_only_stand_together_may_vary_together(finished_sweep):
    text = CONFIG.replace(
        "{name: spillover_dip, params: {source: X01.US, hold: 5}}",
        "{name: low_pe_rotation, params: {top: 5, keep: 5}}",
    )
    grid = "sweep: {grid: {strategy.params.top: [8, 3], strategy.params.keep: [4, 9]}}\n"
    _, step = finished_sweep(text=text[: text.index("sweep:")] + grid)
    # 8 names of which those up to rank 4 are kept cannot be: that trial fails, with the reason.
    assert (step.done, step.failed) == (4, 1)


def test_a_sweep_of_which_constraints_leave_nothing_is_refused(finished_sweep):
    with pytest.raises(ConfigError, match="rules out all of the sweep's 16 trials"):
        finished_sweep("sweep.where=['strategy.params.window > 5']")


def test_a_constraint_in_the_words_of_yaml_is_told_pythons(finished_sweep):
    with pytest.raises(ConfigError, match=r"'null' is no setting .*; a constraint says None"):
        finished_sweep("sweep.where=['exits.stop_loss == null']")


def test_the_ledger_has_the_period_of_a_trial_that_varies_it(finished_sweep, tmp_path):
    sweep, _ = finished_sweep(
        "sweep.grid={data.start: ['2024-06-03'], strategy.params.window: [3, 5]}",
        "sweep.keep_nav=true",
    )
    data = json.loads((sweep.folder / "sweep.json").read_text("utf-8"))["data"]
    found = family(tmp_path / "reports", strategy="spillover_dip", data=data)
    assert {(trial.first, trial.last) for trial in found} == {("2024-06-03", "2024-12-31")}


def test_failures_are_told_and_nothing_but_failures_is_one(finished_sweep):
    sweep, _ = finished_sweep("sweep.grid={strategy.params.window: [3, -1, -2]}")
    count, why = failures(sweep)
    assert count == 2
    assert "trial 1" in why
    assert "at least" in why
    sweep, _ = finished_sweep("sweep.grid={strategy.params.window: [-1, -2]}")
    with pytest.raises(RunError, match="no trial came to an end: 2 failed"):
        failures(sweep)

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from backtest import load_config, run
from backtest.config.change import changed
from backtest.errors import ConfigError
from backtest.report.trials import trial_record
from backtest.search.statistics import statistics_of
from backtest.search.sweep import open_sweep, run_trials, trial_rows
from backtest.search.sweep_report import view_of
from backtest.search.workshop import Workshop
from backtest.trial_ledger import family

pytest.importorskip("optuna", reason="Optuna is not installed")
pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")

CONFIG = """
name: study
data: {bundle: sample, start: 2023-01-02, end: 2024-12-31}
universe: {exchange: [XHKG], kind: [stock], min_history: 120d}
strategy: {name: spillover_dip, params: {source: X01.US}}
portfolio: {cash: 5m HKD}
executor: {workers: 1}
sweep:
  optuna:
    n_trials: 12
    seed: 4
    space:
      strategy.params.drop: {uniform: [0.02, 0.08], step: 0.01}
      strategy.params.window: {integers: [2, 6]}
      execution.slippage.bps: {choice: [0, 50]}
"""


@pytest.fixture
def studied(tmp_path):
    path = tmp_path / "study.yaml"
    path.write_text(CONFIG, encoding="utf-8")

    def make(*overrides: str, out: str = "reports", limits: tuple[int | None, ...] = (None,)):
        config = load_config(path, overrides=overrides)
        sweep, base = open_sweep(config, out=tmp_path / out)
        for limit in limits:
            step = run_trials(sweep, base, limit=limit)
        return sweep, step

    return make


def test_trials_lie_in_their_space_and_have_scores(studied):
    sweep, step = studied()
    assert (step.done, step.total) == (12, 12)
    for row in trial_rows(sweep, range(12)):
        assert row["status"] == "done"
        assert row["strategy.params.drop"] in (0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08)
        assert 2 <= row["strategy.params.window"] <= 6
        assert row["sharpe"] is not None


def test_with_one_worker_a_study_is_the_same_again(studied):
    one, _ = studied(out="one")
    two, _ = studied(out="two")
    assert one.table.read_bytes() == two.table.read_bytes()


def test_it_goes_on_where_it_was_and_repeats_nothing(studied):
    sweep, step = studied(limits=(5, 4, None))
    assert step.done == 12
    assert [row["trial"] for row in trial_rows(sweep, range(12))] == list(range(12))


def test_hopeless_trials_are_given_up_before_their_end(studied):
    sweep, _ = studied("sweep.optuna.prune_periods=2", "sweep.optuna.n_trials=20")
    statuses = [row["status"] for row in trial_rows(sweep, range(20))]
    assert {"done", "pruned"} == set(statuses)


def test_what_was_given_up_early_is_in_the_ledger_as_the_part_that_it_had(studied):
    sweep, _ = studied("sweep.optuna.prune_periods=2", "sweep.optuna.n_trials=20")
    rows = trial_rows(sweep, range(20))
    given_up = next(row for row in rows if row["status"] == "pruned")
    assert given_up["sharpe"] is None  # no measure to be compared with those of whole runs
    data = open_sweep(sweep.config, out=sweep.folder.parents[1])[1].stage.bundle.hash
    kept = {
        record.fingerprint: record
        for record in family(sweep.folder.parents[1], strategy="spillover_dip", data=data)
    }
    assert kept.keys() == {row["fingerprint"] for row in rows}
    record = kept[given_up["fingerprint"]]
    values = {key: given_up[key] for key in sweep.keys} | {"data.end": record.last}
    result = run(changed(sweep.config, values))
    assert result.fingerprint == record.fingerprint
    assert record == replace(trial_record(result), source=sweep.folder.name, engine=record.engine)


def test_luck_counts_each_run_once_and_those_given_up(studied):
    sweep, _ = studied("sweep.optuna.prune_periods=2", "sweep.optuna.n_trials=20")
    rows = trial_rows(sweep, range(20))
    runs = {row["fingerprint"]: row for row in rows}
    assert len(runs) < 20  # the space is small: some are drawn twice
    statistics, drawn = statistics_of(sweep)
    assert statistics.tried == statistics.known == len(runs)
    assert statistics.pruned == sum(row["status"] == "pruned" for row in runs.values())
    table = view_of(sweep, statistics, drawn).best
    times = Counter(row["fingerprint"] for row in rows if row["status"] == "done")
    assert table.columns[-1] == "Drawn"
    assert [int(row[-1]) for row in table.rows] == [
        times[rows[int(row[0])]["fingerprint"]] for row in table.rows
    ]
    assert len(table.rows) == len(times)


def test_several_objectives_may_pull_apart(studied):
    _, step = studied("sweep.optuna.objectives={sharpe: max, max_drawdown: max}")
    assert step.done == 12


def test_constraints_rule_trials_out(studied):
    sweep, _ = studied("sweep.where=['strategy.params.drop * 100 >= strategy.params.window']")
    for row in trial_rows(sweep, range(12)):
        holds = row["strategy.params.drop"] * 100 >= row["strategy.params.window"]
        assert row["status"] == ("done" if holds else "ruled_out")


def test_lists_may_be_drawn_and_no_warning_is_shown(studied, recwarn):
    space = "{universe.sector: {choice: [[], [technology]]}, universe.exclude: {choice: [[]]}}"
    _, step = studied("sweep.optuna.n_trials=3", f"sweep.optuna.space={space}")
    assert (step.done, step.failed) == (3, 0)
    assert not [str(one.message) for one in recwarn if "categorical" in str(one.message)]


def test_a_storage_that_is_none_is_a_fault(studied):
    with pytest.raises(ConfigError, match=r"sweep\.optuna\.storage +cannot be opened"):
        studied("sweep.optuna.storage=nosuch://host/studies")


@pytest.mark.parametrize(
    ("space", "words"),
    [
        ("{strategy.params.drop: {normal: [0.05, 0.01]}}", "draws evenly"),
        ("{strategy.params.drop: {log_uniform: [0.01, 0.1], step: 0.01}}", "step does not go"),
    ],
)
def test_what_optuna_would_draw_otherwise_is_refused(studied, space, words):
    with pytest.raises(ConfigError, match=words):
        studied(f"sweep.optuna.space={space}")


def test_the_parts_of_a_study_that_prunes_are_loaded_once(studied, monkeypatch):
    loaded = []
    staged = Workshop._staged

    def counted(shop, config):
        loaded.append(config.data.end)
        return staged(shop, config)

    monkeypatch.setattr(Workshop, "_staged", counted)
    studied("sweep.optuna.n_trials=4", "sweep.optuna.prune_periods=4")
    # The base run of `open_sweep`, then each of four parts and the whole once.
    assert len(loaded) == 6
    assert len(set(loaded)) == 5

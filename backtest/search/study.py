"""A study of Optuna: later trials learn from earlier ones."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pyarrow.parquet as pq

from backtest.errors import ConfigError, Fault, RunError
from backtest.research import Draw, OptunaSearch
from backtest.search.cluster import sent
from backtest.search.constraints import Constraints
from backtest.search.executors import worked, workers_of
from backtest.search.job import PART_END, Job, Row, row_of, workshop_of
from backtest.search.pace import Pace, Step
from backtest.search.scores import MOMENTS
from backtest.search.space import Values
from backtest.search.table import merge_parts, parts_in, schema_of, write_part

if TYPE_CHECKING:
    import optuna

    from backtest.search.sweep import Sweep
    from backtest.search.workshop import Trial


@dataclass(frozen=True)
class _Asked:
    """A trial of the study: its number there, and what it sets."""

    number: int
    values: Values


def run_study(
    sweep: Sweep,
    base: Trial,
    *,
    keep: Callable[[list[Row]], None],
    limit: int | None = None,
    progress: Callable[[Step], None] | None = None,
) -> Step:
    """Ask for trials and tell what came of them until there are ``n_trials``.

    With one worker a study is reproducible; with several it depends on which comes back first.
    Finished trials are on disk before the study is told, and told again after a kill.

    Parameters
    ----------
    keep
        Called with rows before they are written, for the trial ledger.
    """
    search = sweep.settings.optuna
    assert search is not None  # noqa: S101 - the caller has looked
    schema = schema_of(sweep.settings)
    study = _open_study(sweep, search)
    _tell_again(study, sweep, search)
    job = sent(Job(sweep.fingerprint, sweep.config, sweep.settings), sweep.config.executor)
    workers = workers_of(sweep.config.executor)
    pace = Pace(1)
    done = _count(sweep.parts)
    pace.begin(total=search.n_trials, before=done)
    left = search.n_trials - done if limit is None else min(limit, search.n_trials - done)
    while left > 0:
        trials = [study.ask() for _ in range(min(workers, left))]
        rows = _worked(sweep, base, job, trials)
        keep(rows)  # first: what a kill takes from the study was tried all the same
        write_part(sweep.parts, rows, schema)
        for row in rows:
            _tell(study, row, search)
        left -= len(rows)
        step = pace.note(len(rows), sum(row["status"] == "failed" for row in rows), 0.0)
        if progress is not None:
            progress(step)
    step = pace.step
    if step.done >= step.total:
        merge_parts(sweep.parts, sweep.table, schema)
    return step


def _open_study(sweep: Sweep, search: OptunaSearch) -> optuna.Study:
    try:
        import optuna
        from sqlalchemy.exc import SQLAlchemyError
    except ModuleNotFoundError as problem:
        raise RunError(
            "sweep.optuna needs Optuna: pip install 'portfolio-backtest[optuna]'"
        ) from problem

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    samplers: dict[str, Callable[..., Any]] = {
        "tpe": optuna.samplers.TPESampler,
        "random": optuna.samplers.RandomSampler,
        "cmaes": optuna.samplers.CmaEsSampler,
        "nsga2": optuna.samplers.NSGAIISampler,
        "qmc": optuna.samplers.QMCSampler,
    }
    directions: dict[str, Literal["maximize", "minimize"]] = {"max": "maximize", "min": "minimize"}
    storage = search.storage or f"sqlite:///{(sweep.folder / 'study.sqlite').absolute()}"
    # The sampler's stream goes on where it was: it is seeded by what is there already.
    known = _count(sweep.parts)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = samplers[search.sampler](seed=search.seed + known)
    try:
        return optuna.create_study(
            study_name=sweep.fingerprint,
            storage=storage,
            sampler=sampler,
            pruner=optuna.pruners.MedianPruner(n_warmup_steps=0),
            directions=[directions[goal] for goal in search.objectives.values()],
            load_if_exists=True,
        )
    except (SQLAlchemyError, ImportError, ValueError, OSError) as problem:
        said = str(problem).partition("\n")[0]
        message = f"cannot be opened: {said}; write a URL such as sqlite:///studies.sqlite"
        raise ConfigError(sweep.config.name, [Fault("sweep.optuna.storage", message)]) from problem


def _suggested(trial: optuna.Trial, key: str, space: Draw) -> Any:
    if space.choice is not None:
        # As text: a database keeps no lists, and Optuna takes True and 1 for the same.
        choices = [json.dumps(value) for value in space.choice]
        return json.loads(trial.suggest_categorical(key, choices))
    if space.integers is not None:
        low, high = space.integers
        return trial.suggest_int(key, low, high, step=max(1, round(space.step or 1)))
    if space.log_uniform is not None:
        return trial.suggest_float(key, *space.log_uniform, log=True)
    if space.uniform is not None:
        return trial.suggest_float(key, *space.uniform, step=space.step)
    raise AssertionError(key)  # the model lets nothing else pass


def _worked(
    sweep: Sweep,
    base: Trial,
    job: Job,
    trials: Sequence[optuna.Trial],
) -> list[Row]:
    """Rows of the trials: ruled out by a constraint, given up early, or simulated in full."""
    search = sweep.settings.optuna
    assert search is not None  # noqa: S101 - run_study has looked
    rows: dict[int, Row] = {}
    alive = []
    by_number = {trial.number: trial for trial in trials}
    asked = [
        _Asked(
            trial.number,
            {key: _suggested(trial, key, space) for key, space in search.space.items()},
        )
        for trial in trials
    ]
    constraints = Constraints(sweep.config, sweep.settings.where)
    for one in asked:
        if constraints.hold(one.values):
            alive.append(one)
        else:
            rows[one.number] = _empty(one, "ruled_out")
    for stage, end in enumerate(_early_ends(base, search.prune_periods)):
        early = {
            int(str(row["trial"])): row
            for row in worked(partial(_row, job, end), alive, sweep.config.executor)
        }
        for one in list(alive):
            if _is_hopeless(by_number[one.number], early[one.number], stage, search):
                rows[one.number] = _given_up(one, early[one.number], end)
                alive.remove(one)
    for row in worked(partial(_row, job, None), alive, sweep.config.executor):
        rows[int(str(row["trial"]))] = row
    return [rows[number] for number in sorted(rows)]


def _row(job: Job, end: date | None, asked: _Asked) -> Row:
    """One trial, up to ``end`` where that is given."""
    values: Values = dict(asked.values)
    if end is not None:
        values["data.end"] = end.isoformat()
    (outcome,) = workshop_of(job).trials([values], [f"trial {asked.number}"])
    return row_of(asked.number, asked.values, outcome, job.sweep)


def _early_ends(base: Trial, periods: int) -> list[date]:
    """Last sessions of ``periods`` growing parts of the run."""
    sessions = base.sessions
    cuts = [len(sessions) * (k + 1) // (periods + 1) - 1 for k in range(periods)]
    return [sessions[max(cut, 0)].astype("datetime64[D]").item() for cut in cuts]


def _is_hopeless(trial: optuna.Trial, row: Row, stage: int, search: OptunaSearch) -> bool:
    """Whether the trial's part of the period is worse than the median of earlier trials'."""
    value = row.get(next(iter(search.objectives)))
    if not isinstance(value, float):
        return False
    trial.report(value, stage)
    return trial.should_prune()


def _tell(study: optuna.Study, row: Row, search: OptunaSearch) -> None:
    import optuna

    scores = [row.get(name) for name in search.objectives]
    values = [score for score in scores if isinstance(score, float)]
    number = int(str(row["trial"]))
    if len(values) == len(scores):
        study.tell(number, values, skip_if_finished=True)
        return
    state = optuna.trial.TrialState
    pruned = row["status"] in ("pruned", "ruled_out")
    study.tell(number, state=state.PRUNED if pruned else state.FAIL, skip_if_finished=True)


def _tell_again(study: optuna.Study, sweep: Sweep, search: OptunaSearch) -> None:
    """After a kill: tell what is on disk; what was begun and is not there has failed."""
    import optuna

    states = optuna.trial.TrialState
    begun = {t.number for t in study.get_trials(deepcopy=False) if t.state == states.RUNNING}
    for path in parts_in(sweep.parts):
        columns = ["trial", "status", *search.objectives]
        for row in pq.read_table(path, columns=columns).to_pylist():
            if row["trial"] in begun:
                _tell(study, row, search)
                begun.discard(row["trial"])
    for number in sorted(begun):
        study.tell(number, state=states.FAIL)


def _empty(one: _Asked, status: str) -> Row:
    return {"trial": one.number, **one.values, "status": status, "error": ""}


def _given_up(one: _Asked, early: Row, end: date) -> Row:
    """The row of a trial that came no further than ``end``.

    Its part is a run too: fingerprint and moments are of that, and it is tried. Its measures are
    not to be compared with those of whole runs, and so there are none.
    """
    kept = {name: early.get(name) for name in ("fingerprint", *MOMENTS)}
    return _empty(one, "pruned") | kept | {PART_END: end.isoformat()}


def _count(parts: Path) -> int:
    """Trials that are on disk."""
    return sum(pq.read_metadata(path).num_rows for path in parts_in(parts))

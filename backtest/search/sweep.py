"""A sweep: its trials worked through, kept as they are done, merged at the end."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from backtest.assumptions import data_facts
from backtest.config import RunConfig
from backtest.config.change import changed
from backtest.config.model import ASIDE
from backtest.errors import ConfigError, Fault, RunError, WorkersLost
from backtest.folders import REPORTS
from backtest.provenance import fingerprint_of
from backtest.research import SweepSettings, Value
from backtest.runner import inputs_of
from backtest.search.cluster import connected, sent
from backtest.search.columns import columns_of, places_of
from backtest.search.constraints import Constraints, keys_in, parse_constraints
from backtest.search.executors import worked
from backtest.search.job import PART_END, Job, Row, Rows, work
from backtest.search.pace import Pace, Step
from backtest.search.running import noted
from backtest.search.scores import MEASURES
from backtest.search.space import NOTHING, Plan, Values, draw, plan_of, setting_at
from backtest.search.study import run_study
from backtest.search.table import finished, merge_parts, rows_at, schema_of, write_part
from backtest.search.workshop import Trial, Workshop
from backtest.trial_ledger import TrialRecord, record_trials

_BULKY = frozenset({"block_sum", "block_sum_of_squares", "nav"})
_FIXED = frozenset({"name", "description", "tearsheet", "extends", "seed", *ASIDE})


@dataclass(frozen=True)
class Sweep:
    """A sweep on disk: ``trials.parquet`` when it is complete, parts of it before."""

    config: RunConfig
    settings: SweepSettings
    folder: Path
    fingerprint: str
    engine: str  # hash of the code
    sessions_per_year: float

    @property
    def keys(self) -> tuple[str, ...]:
        """Dotted keys that vary."""
        return tuple(first_values(self.settings))

    @property
    def parts(self) -> Path:
        """Where finished trials are kept until the table is complete."""
        return self.folder / "parts"

    @property
    def table(self) -> Path:
        """The table of all trials."""
        return self.folder / "trials.parquet"


def open_sweep(config: RunConfig, *, out: Path | None = None) -> tuple[Sweep, Trial]:
    """The sweep that ``config`` describes, and its base run, simulated to see that it can be.

    Raises
    ------
    ConfigError
        Where there is nothing to sweep, or a key or constraint of it cannot be.
    BacktestError
        Where the base config itself cannot be run.
    """
    settings = config.sweep
    if settings is None:
        message = "is required: grid, random or optuna, with the keys that vary"
        raise ConfigError(config.name, [Fault("sweep", message)])
    check_sweep(config, settings)
    base = Workshop(config).trial({}, label="base")
    parts = inputs_of(base.stage)
    # What is shown of the trials afterwards is no part of them.
    trials = settings.model_dump(mode="json", exclude={"rank_by", "best"})
    fingerprint = fingerprint_of(parts | {"sweep": trials})
    folder = (out or REPORTS) / config.name / f"sweep-{fingerprint}"
    return Sweep(
        config, settings, folder, fingerprint, str(parts["engine"]), base.sessions_per_year
    ), base


def check_sweep(config: RunConfig, settings: SweepSettings) -> None:
    """Raise the faults of a sweep's keys, constraints and measures, all at once."""
    faults: list[Fault] = []
    ranked = settings.optuna.objectives if settings.optuna is not None else {}
    for name in (settings.rank_by, *ranked):
        if name not in MEASURES:
            message = f"no measure '{name}' is kept of a trial; there are {', '.join(MEASURES)}"
            faults.append(Fault("sweep.rank_by", message))
    keys = first_values(settings)
    for key, value in keys.items():
        if key.split(".")[0] in _FIXED:
            faults.append(Fault(f"sweep: {key}", "cannot vary: it moves no number of a run"))
        else:
            faults += _faults_of(config, key, value)
    known = config.resolved()
    for expression in parse_constraints(settings.where):
        faults += [
            Fault("sweep.where", f"'{key}' is no setting of this config{_hint(key)}")
            for key in keys_in(expression)
            if key not in keys and setting_at(known, key) is NOTHING
        ]
    if faults:
        raise ConfigError(config.name, faults)


def run_trials(
    sweep: Sweep,
    base: Trial,
    *,
    reports: Path | None = None,
    limit: int | None = None,
    progress: Callable[[Step], None] | None = None,
) -> Step:
    """Work through the trials that are not finished yet; writes the table when all are.

    Parameters
    ----------
    reports
        Folder whose trial ledger gets the trials; the one above the sweep's unless given.
    limit
        Trials of this call, at most; the others wait for the next.
    progress
        Called after each batch.

    Notes
    -----
    Whatever stops it, finished trials are on disk, and the next call goes on behind them.
    """
    plan = None if sweep.settings.optuna is not None else plan_of(sweep.settings)
    wanted = None if plan is None else _wanted(sweep, plan)
    sweep.parts.mkdir(parents=True, exist_ok=True)
    _describe(sweep, base)
    ledger = reports or sweep.folder.parents[1]

    def keep(rows: Rows) -> None:
        record_trials(ledger, records_of(sweep, base, rows))

    with connected(sweep.config.executor), noted(sweep.folder, progress) as note:
        if wanted is None:
            return run_study(sweep, base, keep=keep, limit=limit, progress=note)
        return _run_plan(sweep, wanted, keep, limit, note)


def _run_plan(
    sweep: Sweep,
    wanted: NDArray[np.bool_],
    keep: Callable[[Rows], None],
    limit: int | None,
    progress: Callable[[Step], None] | None,
) -> Step:
    """Trials of a grid or of random draws."""
    executor = sweep.config.executor
    schema = schema_of(sweep.settings)
    job = sent(Job(sweep.fingerprint, sweep.config, sweep.settings), executor)
    pace = Pace(executor.batch)
    left = len(wanted) if limit is None else limit
    lost = 0
    while True:
        done = finished(sweep.parts, len(wanted))
        pace.begin(total=int(wanted.sum()), before=int((done & wanted).sum()))
        pending = np.flatnonzero(wanted & ~done)[: max(left, 0)]
        batches = pace.batches(pending, done)
        try:
            for rows, seconds in worked(partial(_timed, job), batches, executor):
                keep(rows)  # first: a kill in between must not leave a trial out of the ledger
                write_part(sweep.parts, rows, schema)
                left -= len(rows)
                failed = sum(row["status"] == "failed" for row in rows)
                step = pace.note(len(rows), failed, seconds)
                if progress is not None:
                    progress(step)
            break
        except WorkersLost:
            lost += 1
            # Ray has dealt out its batches again by itself.
            if executor.backend == "ray" or lost > executor.retries:
                raise
    step = pace.step
    if step.done == step.total:
        merge_parts(sweep.parts, sweep.table, schema)
    return step


def _describe(sweep: Sweep, base: Trial) -> None:
    """Write ``sweep.json`` and ``base.parquet``: what the trials are of; whole or not at all."""
    dates = base.sessions
    sessions = {
        "session": dates.astype("datetime64[ms]"),
        "nav": base.nav[1:],
        "risk_free": np.broadcast_to(base.risk_free, dates.shape),
    }
    draft = sweep.folder / f".base.parquet.{os.getpid()}"
    pq.write_table(pa.table(sessions), draft)
    draft.replace(sweep.folder / "base.parquet")
    content = {
        "name": sweep.config.name,
        "fingerprint": sweep.fingerprint,
        "strategy": sweep.config.strategy.name,
        "data": base.stage.bundle.hash,
        "bundle": base.stage.bundle.name,
        "simulated": base.stage.bundle.simulated,
        "survivors_only": data_facts(base.stage.bundle, sweep.config).survivors,
        "prices": base.stage.bundle.prices,
        "engine": sweep.engine,
        "period": {"first": str(dates[0]), "last": str(dates[-1]), "sessions": len(dates)},
        "sessions_per_year": base.sessions_per_year,
        "keys": list(sweep.keys),
        "sweep": sweep.settings.model_dump(mode="json"),
        "config": sweep.config.resolved(base.stage.strategy),
    }
    draft = sweep.folder / f".sweep.json.{os.getpid()}"
    draft.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf-8")
    draft.replace(sweep.folder / "sweep.json")


def best_trials(sweep: Sweep, count: int) -> list[int]:
    """Numbers of the best trials by ``rank_by``, best first; no idle ones, no run twice."""
    columns = columns_of(sweep.table, sweep.settings.rank_by)
    best = columns.ranked[:count]
    best = best[~np.isnan(columns.scores[best])]
    trials = rows_at(sweep.table, np.sort(best), ["trial"])["trial"].to_numpy()
    return [int(trials[place]) for place in np.argsort(np.argsort(best))]


def failures(sweep: Sweep) -> tuple[int, str]:
    """How many trials failed, and why the first of them did.

    Raises
    ------
    RunError
        Where no trial came to an end.
    """
    columns = columns_of(sweep.table, sweep.settings.rank_by)
    places = np.flatnonzero(columns.failed)
    if not len(places):
        return 0, ""
    (first,) = rows_at(sweep.table, places[:1], ["trial", "error"]).to_pylist()
    said = first["error"].splitlines()[-1].strip()
    said = said.removeprefix(f"trial {first['trial']}").strip()  # a fault says where it is from
    why = f"trial {first['trial']}: {said}"
    if not columns.done.any():
        raise RunError(f"no trial came to an end: {len(places):,} failed; {why}")
    return len(places), why


def trial_rows(sweep: Sweep, numbers: Sequence[int]) -> Rows:
    """Rows of the complete table, in the order of ``numbers``; unknown numbers are left out.

    Values of keys whose kinds differ from trial to trial stand as they were written in the YAML.
    """
    names = [name for name in pq.read_schema(sweep.table).names if name not in _BULKY]
    table = rows_at(sweep.table, places_of(sweep.table, numbers), names)
    found = {row["trial"]: _as_written(row, sweep) for row in table.to_pylist()}
    return [found[number] for number in numbers if number in found]


def records_of(sweep: Sweep, base: Trial, rows: Rows) -> list[TrialRecord]:
    """What the ledger keeps of rows that were simulated, in full or until they were given up."""
    dates = base.sessions
    return [
        TrialRecord(
            fingerprint=str(row["fingerprint"]),
            name=sweep.config.name,
            strategy=str(row.get("strategy.name", sweep.config.strategy.name)),
            source=sweep.folder.name,
            data=base.stage.bundle.hash,
            engine=sweep.engine,
            first=str(row.get("data.start") or dates[0]),
            last=str(row.get(PART_END) or row.get("data.end") or dates[-1]),
            sessions=int(str(row["sessions"])),
            sharpe=_number(row["sharpe_per_session"]),
            mean=_number(row["mean"]),
            deviation=_number(row["deviation"]),
            skewness=_number(row["skewness"]),
            kurtosis=_number(row["kurtosis"]),
        )
        for row in rows
        if row["status"] in ("done", "pruned") and row.get("fingerprint")
    ]


def first_values(settings: SweepSettings) -> Values:
    """Every key that varies, with one value that it takes."""
    if settings.grid is not None:
        return {key: values[0] for key, values in settings.grid.items()}
    search = settings.random or settings.optuna
    assert search is not None  # noqa: S101 - the model demands one of the three
    rng = np.random.default_rng(0)
    return {key: draw(space, rng) for key, space in search.space.items()}


def _timed(job: Job, numbers: NDArray[np.int64]) -> tuple[Rows, float]:
    started = time.perf_counter()
    return work(job, numbers.tolist()), time.perf_counter() - started


def _wanted(sweep: Sweep, plan: Plan) -> NDArray[np.bool_]:
    """Trials that no constraint rules out, shape (count,); a fault where none is left."""
    constraints = Constraints(sweep.config, sweep.settings.where)
    wanted = np.ones(plan.count, dtype=np.bool_)
    if sweep.settings.where:
        for number in range(plan.count):
            wanted[number] = constraints.hold(plan.values(number))
    if not wanted.any():
        message = f"rules out all of the sweep's {plan.count:,} trials"
        raise ConfigError(sweep.config.name, [Fault("sweep.where", message)])
    return wanted


def _faults_of(config: RunConfig, key: str, value: Value) -> list[Fault]:
    """Faults that setting ``key`` brings; none where only its value is out of place."""
    try:
        changed(config, {key: value}, label="sweep")
    except ConfigError as error:
        return [
            Fault(f"sweep: {fault.where}", fault.message)
            for fault in error.faults
            if "unknown" in fault.message
        ]
    return []


def _as_written(row: Row, sweep: Sweep) -> Row:
    """The row with the values of its trial as the plan has them; JSON text was for the table."""
    if sweep.settings.optuna is not None:
        return row
    return row | plan_of(sweep.settings).values(int(str(row["trial"])))


def _hint(key: str) -> str:
    """How a constraint says what the YAML says otherwise."""
    words = {"null": "None", "true": "True", "false": "False"}
    return f"; a constraint says {words[key]}" if key in words else ""


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None

"""What a worker does: trials by number, each to a row, none of whose failures stops the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from backtest.config import RunConfig
from backtest.errors import BacktestError
from backtest.research import SweepSettings
from backtest.search.scores import block_sums, scores_of
from backtest.search.space import Values, plan_of
from backtest.search.workshop import STAGES, Outcome, Supplies, Trial, Workshop

Row = dict[str, object]
Rows = list[Row]

PART_END = "part_end"
"""In rows of trials given up early, but not in the table: the last day that they had."""

_workshops: dict[str, Workshop] = {}
"""What this process has loaded, by sweep: batches of one sweep share it."""


@dataclass(frozen=True)
class Job:
    """A sweep as its workers get it."""

    key: str
    base: RunConfig
    sweep: SweepSettings
    supplies: Callable[[], Supplies] | None = None  # of workers that do not share our disk


def work(job: Job, numbers: Sequence[int]) -> Rows:
    """Rows of the trials ``numbers`` of a grid or of random draws."""
    plan = plan_of(job.sweep)
    wanted = [plan.values(number) for number in numbers]
    outcomes = workshop_of(job).trials(wanted, [f"trial {number}" for number in numbers])
    return [
        row_of(number, values, outcome, job.sweep)
        for number, values, outcome in zip(numbers, wanted, outcomes, strict=True)
    ]


def workshop_of(job: Job) -> Workshop:
    """The workshop of a sweep in this process; another sweep's is let go."""
    if job.key not in _workshops:
        _workshops.clear()
        supplies = None if job.supplies is None else job.supplies()
        # Every trial of a study that gives up early asks for each of its parts again.
        parts = job.sweep.optuna.prune_periods if job.sweep.optuna is not None else 0
        _workshops[job.key] = Workshop(job.base, supplies, stages=max(STAGES, parts + 1))
    return _workshops[job.key]


def row_of(number: int, values: Values, outcome: Outcome, sweep: SweepSettings) -> Row:
    """One trial as a row of the table; a failure is a row that says why."""
    row: Row = {"trial": number, **values}
    if isinstance(outcome, Trial):
        return row | {"status": "done", "error": ""} | scored(outcome, sweep)
    said = str(outcome)
    if not isinstance(outcome, BacktestError):
        said = f"{type(outcome).__name__}: {outcome}"
    return row | {"status": "failed", "error": said}


def scored(trial: Trial, sweep: SweepSettings) -> Row:
    """Scores of a simulated trial, and what else the sweep keeps of it."""
    risk_free = trial.risk_free
    scores: Row = {
        name: None if np.isnan(value) else value
        for name, value in scores_of(
            trial.nav,
            trial.sessions,
            risk_free=risk_free,
            sessions_per_year=trial.sessions_per_year,
            outline=trial.outline,
        ).items()
    }
    excess = trial.nav[1:] / trial.nav[:-1] - 1.0 - risk_free
    sums, squares = block_sums(excess, sweep.blocks)
    scores |= {
        "fingerprint": trial.fingerprint,
        "sessions": len(excess),
        "fills": trial.fills,
        "block_sum": sums,
        "block_sum_of_squares": squares,
    }
    return scores | {"nav": trial.nav[1:].tolist()} if sweep.keep_nav else scores

"""Choose in one window, trade in the next: the run that a search would have made."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from backtest.config import RunConfig
from backtest.config.change import changed
from backtest.errors import ConfigError, Fault
from backtest.folders import REPORTS
from backtest.measures import performance
from backtest.provenance import fingerprint_of
from backtest.report.account import account_of
from backtest.research import SweepSettings, WalkForwardSettings
from backtest.result import Result
from backtest.runner import inputs_of, run_to_folder
from backtest.search import selection
from backtest.search.cluster import connected
from backtest.search.combinatorial import CombinatorialPaths
from backtest.search.cross_validation import cross_validated, paths_told
from backtest.search.job import Row
from backtest.search.pace import Step
from backtest.search.space import Values
from backtest.search.sweep import (
    Sweep,
    check_sweep,
    first_values,
    open_sweep,
    run_trials,
    trial_rows,
)
from backtest.search.windows import Window, check_combinatorial, windows_of
from backtest.search.workshop import Trial, Workshop
from backtest.sleeves.keys import is_parameter

FloatArray = NDArray[np.float64]
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Chosen:
    """What a window's search chose; ``params`` None is cash."""

    window: Window
    first: str  # first and last session of the test
    last: str
    params: Values | None
    trials: int
    in_sample: float | None  # score of what was chosen, by ``rank_by``
    deflated: float | None
    total_return: float = float("nan")  # of the test window in the walk's run
    sharpe: float | None = None  # annual, of the test window; None where nothing was held


@dataclass(frozen=True)
class WalkForward:
    """A walk: what each window chose, and the run of all test windows in a row."""

    name: str
    settings: WalkForwardSettings
    rank_by: str
    sessions_per_year: float
    folder: Path
    fingerprint: str
    chosen: tuple[Chosen, ...]
    result: Result
    run_folder: Path
    crossed: CombinatorialPaths | None = None  # over all sessions of the config
    sessions: tuple[str, ...] = ()  # of ``crossed``


def walk_forward(
    config: RunConfig,
    *,
    out: Path | None = None,
    progress: Progress | None = None,
    steps: Callable[[Window, Step], None] | None = None,
) -> WalkForward:
    """Search in every training window, and run what was chosen through the test windows.

    The run is an ordinary one, of one account that goes on from window to window: at the first
    rebalance of a test window it moves to what the newly chosen parameters would hold by then.
    Every search is a sweep of its own below the walk's folder, so a walk that was stopped goes on.
    With ``walk_forward.combinatorial`` every trial also runs through all sessions, and every choice
    of test groups among them is a search: a distribution of out-of-sample paths, not one.

    Raises
    ------
    ConfigError
        Without ``sweep`` and ``walk_forward``, or where keys vary that a single run cannot change
        on its way; or where there are too few sessions for its windows or groups.
    """
    say = progress or _silent
    settings, sweep = _settings(config)
    check_sweep(config, sweep)
    say("data, and the base configuration")
    shop = Workshop(config)
    base = shop.trial({}, label="base")
    windows = windows_of(len(base.sessions), settings)
    check_combinatorial(len(base.sessions), settings)
    parts = inputs_of(base.stage) | {
        "sweep": sweep.model_dump(mode="json"),
        "walk_forward": settings.model_dump(mode="json"),
    }
    fingerprint = fingerprint_of(parts)
    reports = out or REPORTS
    folder = reports / config.name / f"walk-forward-{fingerprint}"
    chosen = []
    with connected(config.executor):
        for window in windows:
            say(f"window {window.number + 1} of {len(windows)}")
            rows = _searched(config, base, window, folder, reports=reports, steps=steps)
            chosen.append(_choose(rows, window, base, settings, sweep))
    say("the chosen, one after the other")
    weights = _stitched(shop, base, chosen)
    path = _write_weights(weights, folder / "weights.parquet")
    run_config = _run_config(config, chosen, path)
    result, run_folder = run_to_folder(run_config, out=reports)
    measured = tuple(_measured(one, base, result) for one in chosen)
    walk = WalkForward(
        config.name,
        settings,
        sweep.rank_by,
        base.sessions_per_year,
        folder,
        fingerprint,
        measured,
        result,
        run_folder,
    )
    if settings.combinatorial is not None:
        say("every trial through all sessions")
        crossed = cross_validated(config, shop, folder=folder, reports=reports)
        walk = replace(walk, crossed=crossed, sessions=tuple(map(str, base.sessions)))
    _describe(walk, config, base, settings, sweep)
    return walk


def _settings(config: RunConfig) -> tuple[WalkForwardSettings, SweepSettings]:
    faults = []
    if config.walk_forward is None:
        faults.append(Fault("walk_forward", "is required: train and test windows, in sessions"))
    if config.sweep is None:
        faults.append(Fault("sweep", "is required: it is the search of every training window"))
    else:
        fixed = [key for key in first_values(config.sweep) if not is_parameter(key)]
        faults += [
            Fault(f"sweep: {key}", "cannot change on the way of one run; only strategy.params can")
            for key in fixed
        ]
    if faults or config.walk_forward is None or config.sweep is None:
        raise ConfigError(config.name, faults)
    return config.walk_forward, config.sweep


def _searched(
    config: RunConfig,
    base: Trial,
    window: Window,
    folder: Path,
    *,
    reports: Path,
    steps: Callable[[Window, Step], None] | None,
) -> list[Row]:
    """Rows of the search of one training window: whole trials, then those given up early."""
    first, last = (str(base.sessions[place]) for place in window.train)
    dated = changed(config, {"data.start": first, "data.end": last}, label="training window")
    opened, own = open_sweep(dated, out=folder)
    # Windows lie beside one another in the walk's folder, in order.
    sweep = replace(opened, folder=folder / f"window-{window.number + 1:02d}-{opened.fingerprint}")
    show = None if steps is None else (lambda step: steps(window, step))
    run_trials(sweep, own, reports=reports, progress=show)
    count = _trials_of(sweep)
    rows = trial_rows(sweep, range(count))
    return [row for status in ("done", "pruned") for row in rows if row["status"] == status]


def _trials_of(sweep: Sweep) -> int:
    import pyarrow.parquet as pq

    trials = pq.read_table(sweep.table, columns=["trial"])["trial"].to_numpy()
    return int(trials.max()) + 1 if len(trials) else 0


def _choose(
    rows: list[Row],
    window: Window,
    base: Trial,
    settings: WalkForwardSettings,
    sweep: SweepSettings,
) -> Chosen:
    keys = list(first_values(sweep))
    rows = selection.distinct(rows)
    whole = [row for row in rows if row["status"] == "done"]  # the first of the rows
    if settings.select == "plateau":
        place = selection.plateau(whole, sweep.rank_by, keys)
    elif settings.select == "deflated":
        place = selection.deflated(rows, sweep.rank_by, at_least=settings.min_deflated)
    else:
        place = selection.best(whole, sweep.rank_by)
    score = None if place is None else rows[place][sweep.rank_by]
    odds = float("nan") if place is None else selection.deflated_of(rows, place)
    return Chosen(
        window=window,
        first=str(base.sessions[window.test[0]]),
        last=str(base.sessions[window.test[1]]),
        params=None if place is None else {key: rows[place][key] for key in keys},  # type: ignore[misc]  # as written
        trials=len(rows),
        in_sample=float(score) if isinstance(score, int | float) else None,
        deflated=None if np.isnan(odds) else odds,
    )


def _measured(one: Chosen, base: Trial, result: Result) -> Chosen:
    """The window with what the walk's run made in it."""
    account = account_of(result)
    ends = np.array([one.first, one.last], dtype="datetime64[D]")
    low, high = np.searchsorted(account.sessions, ends)
    own = account.nav[low : high + 2]
    returns = performance.returns_from(own)
    risk_free = base.risk_free
    if isinstance(risk_free, np.ndarray):
        risk_free = risk_free[one.window.test[0] : one.window.test[1] + 1]
    # Interest on idle cash hardly varies: a ratio over its deviation says nothing.
    is_idle = not result.nav["gross"].to_numpy()[low : high + 1].any()
    per_year = base.sessions_per_year
    return replace(
        one,
        total_return=float(own[-1] / own[0] - 1.0),
        sharpe=None
        if is_idle
        else performance.sharpe(returns, risk_free=risk_free, sessions_per_year=per_year),
    )


def _stitched(shop: Workshop, base: Trial, chosen: list[Chosen]) -> pd.DataFrame:
    """Weights of each test window by what was chosen for it, over the rows of the panel.

    A strategy remembers what it holds; a new parameter set knows nothing of what the one before
    holds. So the first rebalance of a window says everything: what the new set would hold by then
    at the weight it last gave it, all else 0.
    """
    panel = base.stage.panel
    first = base.stage.clock.first
    out = np.full(panel.close.shape, np.nan)
    rebalance = panel.rebalance.to_numpy()
    for one in chosen:
        low, high = first + one.window.test[0], first + one.window.test[1] + 1
        begin = low + int(np.argmax(rebalance[low:high])) if rebalance[low:high].any() else high
        if one.params is None:
            out[begin, :] = 0.0
            continue
        weights = shop.weights(one.params)
        out[low:high] = weights[low:high]
        if begin < high:
            out[begin] = _standing(weights[: begin + 1])
    return pd.DataFrame(out, index=panel.close.index, columns=panel.close.columns)


def _standing(weights: FloatArray) -> FloatArray:
    """Last weight that was said of each column, shape (N,); 0 where none was."""
    known = ~np.isnan(weights)
    last = len(weights) - 1 - np.argmax(known[::-1], axis=0)
    said = np.take_along_axis(weights, last[None, :], axis=0)[0]
    return np.where(known.any(axis=0), said, 0.0)


def _write_weights(weights: pd.DataFrame, path: Path) -> Path:
    """Long table of what was said, written whole."""
    values = weights.to_numpy()
    row, column = np.nonzero(~np.isnan(values))
    table = pd.DataFrame(
        {
            "session": weights.index[row],
            "symbol": weights.columns[column],
            "weight": values[row, column],
        }
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    table.to_parquet(draft, index=False)
    draft.replace(path)
    return path


def _run_config(config: RunConfig, chosen: list[Chosen], weights: Path) -> RunConfig:
    """The run of the walk: the same but for its weights, over the test windows."""
    return changed(
        config.model_copy(update={"sweep": None, "walk_forward": None}),
        {
            "name": f"{config.name}-walk-forward"[:100],
            "description": f"Walk-forward of {config.name}: chosen in sample, run out of sample",
            "data.start": chosen[0].first,
            "data.end": chosen[-1].last,
            "strategy": {"name": "from_file", "params": {"path": str(weights.absolute())}},
            **({"sleeves": None, "allocation": {}} if config.sleeves is not None else {}),
        },
        label="walk-forward",
    )


def _describe(
    walk: WalkForward,
    config: RunConfig,
    base: Trial,
    settings: WalkForwardSettings,
    sweep: SweepSettings,
) -> None:
    """Write ``walk-forward.json``: the windows, what was chosen, where the run is."""
    content = {
        "name": config.name,
        "fingerprint": walk.fingerprint,
        "bundle": base.stage.bundle.name,
        "simulated": base.stage.bundle.simulated,
        "settings": settings.model_dump(mode="json"),
        "sweep": sweep.model_dump(mode="json"),
        "run": {"name": walk.result.name, "fingerprint": walk.result.fingerprint},
        "headline": walk.result.metrics["headline"],
        "windows": [
            {
                "number": one.window.number + 1,
                "train": [str(base.sessions[place]) for place in one.window.train],
                "test": [one.first, one.last],
                "params": one.params,
                "trials": one.trials,
                "in_sample": one.in_sample,
                "deflated_sharpe": one.deflated,
                "out_of_sample": {"total_return": one.total_return, "sharpe": one.sharpe},
            }
            for one in walk.chosen
        ],
        "combinatorial": paths_told(walk.crossed, base.sessions_per_year),
    }
    draft = walk.folder / f".walk-forward.json.{os.getpid()}"
    draft.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf-8")
    draft.replace(walk.folder / "walk-forward.json")


def _silent(_: str) -> None:
    """Progress that nobody asked for."""

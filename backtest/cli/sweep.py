"""Command that makes many runs of one configuration."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol

import typer

from backtest.cli.runs import Json, Out, Overrides, Quiet, Traceback, load_all
from backtest.cli.screen import Screen

if TYPE_CHECKING:
    from rich.table import Table

    from backtest.config import RunConfig
    from backtest.search.pace import Step
    from backtest.search.sweep import Sweep


class _Show(Protocol):
    def __call__(self, step: Step) -> None: ...


def sweep(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="A YAML file with a sweep.")],
    *,
    overrides: Overrides = None,
    out: Out = None,
    limit: Annotated[
        int | None,
        typer.Option("--limit", metavar="N", min=1, help="Trials of this call, at most."),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers", metavar="N", min=1, help="Processes; overrides executor.workers."
        ),
    ] = None,
    record: Annotated[
        str | None,
        typer.Option(
            "--record", metavar="TRIALS", help="Full runs of these trials too: 3,17 or 3-9."
        ),
    ] = None,
    quiet: Quiet = False,
    as_json: Json = False,
    traceback: Traceback = False,
) -> None:
    """Run many trials of a configuration; stopped at any moment, it goes on where it was."""
    screen = Screen(quiet=quiet, as_json=as_json)
    with screen.outcome(traceback=traceback):
        loaded = with_workers(load_all([config], overrides or ())[0], workers)
        screen.tell_of_compiling()
        from backtest.search.executors import is_parallel
        from backtest.search.sweep import open_sweep, run_trials

        asked = _numbers(record) if record else []
        with screen.stages() as stages:
            stages("data, and the base configuration")
            opened, base = open_sweep(loaded, out=out)
        if opened.settings.optuna is not None and is_parallel(loaded.executor):
            screen.say(
                "Several trials at once: what Optuna learns depends on which comes back "
                "first, so another study differs; executor.workers: 1 makes it reproducible."
            )
        with _progress(screen) as show:
            step = run_trials(opened, base, limit=limit, progress=show)
        screen.document = {
            "name": loaded.name,
            "fingerprint": opened.fingerprint,
            "folder": str(opened.folder),
            "done": step.done,
            "total": step.total,
            "failed": step.failed,
            "trials_per_second": round(step.per_second, 3),
        }
        written = opened.parts
        if step.done == step.total:
            written = _finish(opened, screen, asked)
        else:
            screen.say(f"{step.done:,} of {step.total:,} trials are done; call again to go on.")
        screen.path(written)
    screen.finish()


def _finish(opened: Sweep, screen: Screen, asked: list[int]) -> Path:
    """The table is complete: rank it, and run the best in full."""
    from backtest.search.records import record_runs
    from backtest.search.sweep import best_trials, failures
    from backtest.search.sweep_report import write_report

    best = best_trials(opened, opened.settings.best)
    with screen.stages() as stages:
        folders = record_runs(opened, list(dict.fromkeys([*best, *asked])), progress=stages)
    for number in asked:
        if number not in folders:
            screen.say(f"Trial {number} has no run: it failed, or was given up or ruled out.")
    if best:
        screen.show(_table(opened, best))
    elif opened.settings.best:
        screen.say("No trial traded: none is the best.")
    page = write_report(opened)
    failed, why = failures(opened)
    if failed:
        screen.say(f"{failed:,} failed; {why}", "yellow")
    screen.document["best"] = [
        {"trial": number, "folder": str(folders[number])} for number in best if number in folders
    ]
    screen.document["table"] = str(opened.table)
    return page


def _table(opened: Sweep, best: list[int]) -> Table:
    from rich import box
    from rich.table import Table

    from backtest.report import formats
    from backtest.search.sweep import trial_rows
    from backtest.sleeves.keys import short_key

    forms = {"sharpe": formats.number, "total_return": formats.percent}
    forms |= {"max_drawdown": formats.percent}
    table = Table(box=box.SIMPLE_HEAD, title=f"Best by {opened.settings.rank_by}, in sample")
    for name in ("trial", *(name.replace("_", " ") for name in forms)):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("settings", overflow="fold")
    for row in trial_rows(opened, best):
        settings = ", ".join(f"{short_key(key)} {_text(row[key])}" for key in opened.keys)
        measured = (form(row[name]) for name, form in forms.items())
        table.add_row(str(row["trial"]), *measured, settings)
    return table


def _text(value: object) -> str:
    if value is None:
        return "none"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def with_workers(config: RunConfig, workers: int | None) -> RunConfig:
    """The config with that many workers, where a number is given."""
    if workers is None:
        return config
    executor = config.executor.model_copy(update={"workers": workers})
    return config.model_copy(update={"executor": executor})


def _numbers(text: str) -> list[int]:
    """``3,17`` and ``3-9`` as trial numbers."""
    from backtest.errors import Fault, FaultyInput

    numbers: list[int] = []
    for part in text.split(","):
        low, dash, high = part.strip().partition("-")
        if not low.isdigit() or (dash and not high.isdigit()) or (dash and int(high) < int(low)):
            fault = Fault(part.strip(), "must be a trial's number, such as 17, or a range, 3-9")
            raise FaultyInput("--record", [fault])
        numbers += range(int(low), int(high or low) + 1)
    return numbers


@contextmanager
def _progress(screen: Screen) -> Iterator[_Show]:
    """A bar on a terminal, else a line every ten seconds."""
    import time

    told = time.perf_counter()

    def lines(step: Step) -> None:
        nonlocal told
        if time.perf_counter() - told > 10 or step.done == step.total:
            told = time.perf_counter()
            screen.say(_line(step), "dim")

    bar = screen.bar()
    if bar is None:
        yield lines
        return
    with bar:
        task = bar.add_task("trials", total=None)

        def show(step: Step) -> None:
            bar.update(task, completed=step.done, total=step.total, description=_line(step))

        yield show


def _line(step: Step) -> str:
    left = step.seconds_left
    text = f"{step.done:,} of {step.total:,} trials, {step.per_second:.3g} a second"
    if step.failed:
        text += f", {step.failed:,} failed"
    return text if math.isnan(left) or left == 0 else f"{text}, {_duration(left)} left"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"

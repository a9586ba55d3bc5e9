"""Command that chooses in one window and trades in the next."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backtest.cli.runs import Json, Out, Overrides, Quiet, Traceback, load_all
from backtest.cli.screen import Screen
from backtest.cli.sweep import with_workers

if TYPE_CHECKING:
    from rich.table import Table

    from backtest.search.walk_forward import WalkForward


def walk_forward(
    config: Annotated[
        Path,
        typer.Argument(metavar="CONFIG", help="A YAML file with sweep and walk_forward."),
    ],
    *,
    overrides: Overrides = None,
    out: Out = None,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers", metavar="N", min=1, help="Processes; overrides executor.workers."
        ),
    ] = None,
    quiet: Quiet = False,
    as_json: Json = False,
    traceback: Traceback = False,
) -> None:
    """Search in each window, run what was chosen in the next; the run has a tearsheet."""
    screen = Screen(quiet=quiet, as_json=as_json)
    with screen.outcome(traceback=traceback):
        loaded = with_workers(load_all([config], overrides or ())[0], workers)
        from backtest.search import walk_forward as walking

        with screen.stages() as stages:
            walk = walking.walk_forward(loaded, out=out, progress=stages)
        screen.show(_table(walk))
        screen.document = {
            "name": loaded.name,
            "fingerprint": walk.fingerprint,
            "folder": str(walk.folder),
            "run": str(walk.run_folder),
            "headline": walk.result.metrics["headline"],
            "windows": [
                {"test": [one.first, one.last], "params": one.params, "in_sample": one.in_sample}
                for one in walk.chosen
            ],
        }
        screen.path(walk.run_folder / "tearsheet.html")
    screen.finish()


def _table(walk: WalkForward) -> Table:
    from rich import box
    from rich.table import Table

    from backtest.report import formats

    keys = list(next((one.params for one in walk.chosen if one.params), {}))
    table = Table(box=box.SIMPLE_HEAD, title="Chosen in sample, traded out of sample")
    heads = ("test from", "to", *(key.removeprefix("strategy.params.") for key in keys))
    for name in (*heads, "in sample", "deflated"):
        table.add_column(name, justify="right")
    for one in walk.chosen:
        params = ["cash" if one.params is None else f"{one.params[key]}" for key in keys]
        score = formats.number(one.in_sample)
        table.add_row(one.first, one.last, *params, score, formats.percent(one.deflated))
    return table

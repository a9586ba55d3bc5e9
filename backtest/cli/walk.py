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
        screen.tell_of_compiling()
        from backtest.search import walk_forward as walking
        from backtest.search.walk_report import write_walk_page

        with screen.stages() as stages:
            walk = walking.walk_forward(loaded, out=out, progress=stages)
        page = write_walk_page(walk)
        screen.show(_table(walk))
        screen.document = {
            "name": loaded.name,
            "fingerprint": walk.fingerprint,
            "folder": str(walk.folder),
            "run": str(walk.run_folder),
            "page": str(page),
            "headline": walk.result.metrics["headline"],
            "windows": [
                {"test": [one.first, one.last], "params": one.params, "in_sample": one.in_sample}
                for one in walk.chosen
            ],
        }
        screen.say(str(walk.run_folder / "tearsheet.html"))
        screen.path(page)
    screen.finish()


def _table(walk: WalkForward) -> Table:
    from rich import box
    from rich.table import Table

    from backtest.report import formats
    from backtest.sleeves.keys import short_key

    table = Table(box=box.SIMPLE_HEAD, title="Chosen in sample, traded out of sample")
    for name in ("test from", "to", "in sample", "return", "Sharpe"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("settings", overflow="fold")
    for one in walk.chosen:
        chosen = ", ".join(f"{short_key(key)} {value}" for key, value in (one.params or {}).items())
        table.add_row(
            one.first,
            one.last,
            formats.number(one.in_sample),
            formats.percent(one.total_return),
            formats.number(one.sharpe),
            chosen or "cash",
        )
    return table

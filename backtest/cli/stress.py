"""Command that tries to break a configuration."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backtest.cli.runs import Json, Out, Overrides, Quiet, Traceback, load_all
from backtest.cli.screen import Screen

if TYPE_CHECKING:
    from rich.table import Table

    from backtest.search.stress import Case


def stress(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="A YAML file.")],
    *,
    overrides: Overrides = None,
    out: Out = None,
    draws: Annotated[
        int, typer.Option("--draws", metavar="N", min=0, help="Random changes of the parameters.")
    ] = 40,
    names: Annotated[
        int, typer.Option("--names", metavar="N", min=0, help="Instruments left out one by one.")
    ] = 10,
    seeds: Annotated[
        int,
        typer.Option("--seeds", metavar="N", min=0, help="Sample markets without any effect."),
    ] = 5,
    quiet: Quiet = False,
    as_json: Json = False,
    traceback: Traceback = False,
) -> None:
    """See what breaks it: later, dearer, with less of everything, with more money."""
    screen = Screen(quiet=quiet, as_json=as_json)
    with screen.outcome(traceback=traceback):
        loaded = load_all([config], overrides or ())[0]
        from backtest.search.stress import stress as stressed
        from backtest.search.stress import write_stress

        with screen.stages() as stages:
            result, cases = stressed(loaded, draws=draws, names=names, seeds=seeds, progress=stages)
        screen.show(_table(cases))
        path = write_stress(result, cases, out=out)
        screen.document = {
            "name": loaded.name,
            "fingerprint": result.fingerprint,
            "file": str(path),
            "cases": [
                {"group": case.group, "label": case.label, "note": case.note, **case.scores}
                for case in cases
            ],
        }
        screen.path(path)
    screen.finish()


def _table(cases: list[Case]) -> Table:
    from rich import box
    from rich.table import Table

    from backtest.report import formats

    table = Table(box=box.SIMPLE_HEAD, title="What breaks it?", title_justify="left")
    table.add_column("")
    table.add_column("case", max_width=40, overflow="ellipsis", no_wrap=True)
    for name in ("return", "Sharpe", "drawdown"):
        table.add_column(name, justify="right")
    table.add_column("", style="dim", max_width=16, overflow="ellipsis", no_wrap=True)
    group = ""
    for case in cases:
        table.add_row(
            case.group if case.group != group else "",
            case.label,
            formats.percent(case.scores.get("total_return")),
            formats.number(case.scores.get("sharpe")),
            formats.percent(case.scores.get("max_drawdown")),
            case.note if not case.label.startswith("draw") else "",
        )
        group = case.group
    return table

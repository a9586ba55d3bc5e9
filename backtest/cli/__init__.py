"""The command line: ``backtest run | compare | check | tearsheet | index | sweep | data ...``."""

from __future__ import annotations

import gc
from typing import Annotated

import typer

from backtest.cli import (
    compare,
    data,
    describe,
    index,
    pages,
    runs,
    scaffold,
    serve,
    stress,
    sweep,
    walk,
)

__all__ = ["app", "main"]

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Backtests of portfolios: one strategy file, one YAML, an honest tearsheet.\n\n"
    "Exit codes: 0 done, 1 a run failed, 2 faulty input, 130 interrupted.",
)
app.command("run")(runs.run)
app.command("compare")(compare.compare)
app.command("check")(runs.check)
app.command("sweep")(sweep.sweep)
app.command("walk-forward")(walk.walk_forward)
app.command("stress")(stress.stress)
app.command("tearsheet")(pages.tearsheet)
app.command("index")(index.index)
app.command("serve")(serve.serve)
app.command("explain")(describe.explain)
app.command("schema")(describe.schema)
app.command("list")(describe.list_things)
app.command("init")(scaffold.init)
app.add_typer(scaffold.new_app, name="new")
app.add_typer(data.app, name="data")


def main() -> None:
    """Run the command line."""
    # A short process that makes many objects and few circles: looking for those at every 700 new
    # objects, as Python does, takes a twentieth of a run.
    gc.set_threshold(50_000, 20, 20)
    app()


def _version(value: bool) -> None:  # noqa: FBT001 - a typer callback's signature
    if value:
        from importlib.metadata import version

        typer.echo(version("portfolio-backtest"))
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    pass

"""Commands that begin a project, and a strategy in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backtest.cli.runs import Json, Quiet, Traceback
from backtest.cli.screen import Screen

if TYPE_CHECKING:
    from backtest.scaffold import Made

new_app = typer.Typer(no_args_is_help=True, help="Begin something new in this project.")


def init(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Made where it is missing.")],
    *,
    hooks: Annotated[
        bool, typer.Option("--hooks", help="With a configuration for pre-commit.")
    ] = False,
    quiet: Quiet = False,
    as_json: Json = False,
    traceback: Traceback = False,
) -> None:
    """Begin a project to research in: a strategy, its config and test, editor settings."""
    screen = Screen(quiet=quiet, as_json=as_json)
    with screen.outcome(traceback=traceback):
        from backtest.scaffold import new_project
        from backtest.schema import schema_text

        made = new_project(folder, hooks=hooks, schema=schema_text)
        _tell(made, screen)
        screen.say(f"Next: cd {folder} && backtest run configs/momentum.yaml")
    screen.finish()


@new_app.command("strategy")
def strategy(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the strategy's file.")],
    *,
    quiet: Quiet = False,
    as_json: Json = False,
    traceback: Traceback = False,
) -> None:
    """Write strategies/NAME.py, a config that runs it on the sample market, and a test."""
    screen = Screen(quiet=quiet, as_json=as_json)
    with screen.outcome(traceback=traceback):
        from backtest.scaffold import new_strategy

        _tell(new_strategy(name, Path()), screen)
        schema = Path("configs/schema.json")
        if schema.is_file():
            from backtest.report.page import write_text
            from backtest.schema import schema_text

            write_text(schema, schema_text())
            screen.say(f"{schema} knows {name} now.")
        screen.say(f"Next: backtest run configs/{name}.yaml")
    screen.finish()


def _tell(made: Made, screen: Screen) -> None:
    for file in made.files:
        screen.path(made.folder / file)
    screen.document = {"folder": str(made.folder), "files": [str(file) for file in made.files]}

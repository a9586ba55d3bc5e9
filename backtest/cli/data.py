"""Commands that look at a bundle."""

from __future__ import annotations

import math
from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from backtest.cli import fetch_data
from backtest.cli.import_data import import_
from backtest.cli.runs import Json, Quiet, Traceback
from backtest.cli.screen import Screen
from backtest.errors import Fault, FaultyInput

if TYPE_CHECKING:
    from backtest.data.bundle import Bundle

app = typer.Typer(
    no_args_is_help=True, help="Bundles: make one, what is in it, what is wrong with it."
)
app.command("import")(import_)
app.command("fetch")(fetch_data.fetch)
app.command("update")(fetch_data.update)

BundleArgument = Annotated[
    str, typer.Argument(metavar="BUNDLE", help="A folder with bundle.yaml, or 'sample'.")
]


@app.command("check")
def check(
    bundle: BundleArgument,
    *,
    quiet: Quiet = False,
    as_json: Json = False,
    traceback: Traceback = False,
) -> None:
    """Run every check on a bundle and list what each found.

    Rows dated after today are a fault here; no number of a run depends on today's date.
    """
    screen = Screen(quiet=quiet, as_json=as_json)
    with screen.outcome(traceback=traceback):
        from backtest.data.known import dated_after, latest_today
        from backtest.data.show import check_text
        from backtest.errors import DataError

        loaded = _load(bundle, screen)
        screen.show(check_text(loaded))
        screen.document = {
            "bundle": loaded.name,
            "hash": loaded.hash,
            "findings": [asdict(finding) for finding in loaded.findings],
        }
        ahead = dated_after(loaded.tables, latest_today())
        if ahead:
            raise DataError(f"bundle '{loaded.name}'", ahead)
    screen.finish()


@app.command("sql")
def sql(
    bundle: BundleArgument,
    query: Annotated[str, typer.Argument(metavar="QUERY", help="SQL, as DuckDB speaks it.")],
    *,
    as_of: Annotated[
        str,
        typer.Option("--as-of", metavar="DATE", help="What was known at the end of that day, UTC."),
    ] = "",
    as_csv: Annotated[bool, typer.Option("--csv", help="Every row, as CSV on stdout.")] = False,
    as_json: Json = False,
    traceback: Traceback = False,
) -> None:
    """Ask the tables of a bundle: instruments, bars, actions, facts, fx, rates."""
    screen = Screen(quiet=as_csv, as_json=as_json)
    with screen.outcome(traceback=traceback):
        from backtest.data.sql import answer_text, ask, csv_text

        answer = ask(_load(bundle, screen, as_of), query)
        if as_csv:
            typer.echo(csv_text(answer), nl=False)
        screen.show(answer_text(answer))
        screen.document = {
            "columns": list(answer.columns),
            "rows": [[_plain(value) for value in row] for row in answer.rows],
        }
    screen.finish()


def _plain(value: object) -> object:
    """A value as JSON has it."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, str | int | bool | None) else str(value)


@app.command("show")
def show(bundle: BundleArgument, *, quiet: Quiet = False, traceback: Traceback = False) -> None:
    """Show what a bundle holds: tables, dates, coverage."""
    screen = Screen(quiet=quiet)
    with screen.outcome(traceback=traceback):
        from backtest.data.show import show_text

        screen.show(show_text(_load(bundle, screen)))


def _load(bundle: str, screen: Screen, as_of: str = "") -> Bundle:
    from backtest.data.bundle import load_bundle
    from backtest.data.settings import DataSettings

    try:
        day = date.fromisoformat(as_of) if as_of else None
    except ValueError:
        message = f"must be a date such as 2025-06-30, got {as_of!r}"
        raise FaultyInput("--as-of", [Fault("", message)]) from None
    with screen.stages() as stages:
        stages("loading")
        return load_bundle(DataSettings(bundle=bundle, as_of=day))

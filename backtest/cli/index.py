"""Command that rewrites the page of all runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from backtest.cli.runs import Json, Quiet, Traceback
from backtest.cli.screen import Screen
from backtest.errors import Fault, FaultyInput
from backtest.folders import REPORTS


def index(
    *,
    reports: Annotated[
        Path, typer.Option("--reports", metavar="DIR", help="The folder whose runs are listed.")
    ] = REPORTS,
    quiet: Quiet = False,
    as_json: Json = False,
    traceback: Traceback = False,
) -> None:
    """Rewrite the page of all runs; every run does it too."""
    screen = Screen(quiet=quiet, as_json=as_json)
    with screen.outcome(traceback=traceback):
        if not reports.is_dir():
            raise FaultyInput("--reports", [Fault("", f"there is no folder {reports}")])
        from backtest.report.index import write_index

        page = write_index(reports)
        screen.document = {"page": str(page)}
        screen.path(page)
    screen.finish()

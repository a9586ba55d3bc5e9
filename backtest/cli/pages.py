"""Commands that draw pages of finished runs again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from backtest.cli.outputs import file_to_write
from backtest.cli.screen import Screen
from backtest.folders import REPORTS, find_run


def tearsheet(
    run: Annotated[
        str,
        typer.Argument(metavar="RUN", help="Folder, name (its newest run), or name/fingerprint."),
    ],
    *,
    pdf: Annotated[
        Path | None,
        typer.Option(
            "--pdf", metavar="FILE", parser=file_to_write, help="Print it to this PDF too."
        ),
    ] = None,
    png: Annotated[
        Path | None,
        typer.Option(
            "--png", metavar="FILE", parser=file_to_write, help="Draw it as this picture too."
        ),
    ] = None,
    quantstats: Annotated[
        bool, typer.Option("--quantstats", help="Write the quantstats report too.")
    ] = False,
    reports: Annotated[
        Path, typer.Option("--reports", metavar="DIR", help="Where runs are looked up by name.")
    ] = REPORTS,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show nothing but paths.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
    traceback: Annotated[
        bool, typer.Option("--traceback", help="Show Python's traceback of an error.")
    ] = False,
) -> None:
    """Draw a run's tearsheet again from its saved files; nothing is run."""
    screen = Screen(quiet=quiet, as_json=as_json)
    with screen.outcome(traceback=traceback):
        folder = find_run(run, reports)
        written: dict[str, Path] = {}
        with screen.stages() as stages:
            if pdf or png:
                from backtest.report.browser import find_browser

                find_browser()  # what cannot be printed is said before anything is drawn
            stages("loading")
            from backtest.report.checked import with_record
            from backtest.report.tearsheet import write_tearsheet
            from backtest.result import Result

            result = Result.load(folder)
            stages("tearsheet")
            seen = with_record(result, folder.absolute().parent.parent)
            written["tearsheet"] = write_tearsheet(seen, folder / "tearsheet.html")
            if quantstats:
                from backtest.report.page import write_text
                from backtest.report.quantstats_page import quantstats_html

                stages("quantstats page")
                page = quantstats_html(result)
                written["quantstats"] = write_text(folder / "quantstats.html", page)
            if pdf:
                from backtest.report.browser import write_pdf

                stages("PDF")
                written["pdf"] = write_pdf(written["tearsheet"], pdf)
            if png:
                from backtest.report.browser import write_png

                stages("picture")
                written["png"] = write_png(written["tearsheet"], png)
        screen.document = {
            "folder": str(folder),
            **{name: str(path) for name, path in written.items()},
        }
        for path in written.values():
            screen.path(path)
    screen.finish()

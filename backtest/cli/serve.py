"""Command that shows the reports on loopback."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from backtest.cli.runs import Traceback
from backtest.cli.screen import Screen
from backtest.errors import Fault, FaultyInput
from backtest.folders import REPORTS


def serve(
    *,
    reports: Annotated[
        Path, typer.Option("--reports", metavar="DIR", help="The folder that is shown.")
    ] = REPORTS,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="On loopback; 0 takes a free one.")
    ] = 8765,
    traceback: Traceback = False,
) -> None:
    """Show reports/ in a browser of this machine, with the progress of running sweeps.

    Nothing can be changed, started or stopped through it. Ctrl-C ends it.
    """
    screen = Screen()
    with screen.outcome(traceback=traceback):
        if not reports.is_dir():
            raise FaultyInput("--reports", [Fault("", f"there is no folder {reports}")])
        from backtest.search.running import sweeps_in
        from backtest.serve import HOST, SWEEPS_PAGE, server_of

        try:
            server = server_of(reports, sweeps_in, port=port)
        except OSError as error:
            told = f"{port} cannot be had: {error.strerror}; --port 0 takes a free one"
            raise FaultyInput("--port", [Fault("", told)]) from None
        address = f"http://{HOST}:{server.server_port}"
        typer.echo(f"{address}/")
        screen.say(f"Sweeps: {address}{SWEEPS_PAGE}. Ctrl-C ends it.", "dim")
        with server:
            try:
                server.serve_forever(poll_interval=0.1)
            except KeyboardInterrupt:
                screen.say("Ended.", "dim")

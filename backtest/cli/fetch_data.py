"""Commands that ask a vendor: a new bundle, a bundle brought up to date."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backtest.cli.import_data import report
from backtest.cli.outputs import bundle_to_write
from backtest.cli.runs import Json, Quiet, Traceback
from backtest.cli.screen import FAILED, Screen
from backtest.errors import Fault, FaultyInput

if TYPE_CHECKING:
    from backtest.sources.fetching import Terms
    from backtest.sources.gather import Gathered


def fetch(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="yahoo, akshare, or one of yours.")
    ],
    symbols: Annotated[
        list[str] | None, typer.Argument(metavar="SYMBOL...", help="0700.HK SPY ^HSI USDHKD=X ...")
    ] = None,
    *,
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="BUNDLE",
            parser=bundle_to_write,
            help="New, or to add to, or its URL.",
        ),
    ],
    listed_in: Annotated[
        Path | None,
        typer.Option("--symbols", metavar="FILE", help="A file of symbols, one a line."),
    ] = None,
    start: Annotated[
        datetime, typer.Option("--start", formats=["%Y-%m-%d"], help="First date.")
    ] = datetime(2000, 1, 1),
    quiet: Quiet = False,
    as_json: Json = False,
    traceback: Traceback = False,
) -> None:
    """Fetch prices, splits, dividends and rates from a vendor into a bundle.

    A symbol that fails is told, and the others are written: exit code 1. A fetch that is stopped
    goes on behind what it has when it is started again.
    """
    screen = Screen(quiet=quiet, as_json=as_json)
    with screen.outcome(traceback=traceback):
        from backtest.sources.fetching import fetch_bundle
        from backtest.sources.vendors import find_source

        wanted = [*(symbols or []), *_listed(listed_in)]
        if not wanted:
            raise FaultyInput("SYMBOL", [Fault("", "name a symbol, or --symbols FILE")])
        found = fetch_bundle(
            find_source(source),
            wanted,
            to,
            start=start.date(),
            terms=_terms(screen),
        )
        _finish(found, to, screen)
    screen.finish()
    if found.failed:
        raise typer.Exit(FAILED)


def update(
    bundle: Annotated[str, typer.Argument(metavar="BUNDLE", help="A bundle that was fetched.")],
    *,
    quiet: Quiet = False,
    as_json: Json = False,
    traceback: Traceback = False,
) -> None:
    """Bring a bundle up to date with the vendors that it was fetched from.

    What is there stays: what a vendor now says otherwise is added as a later version, so that
    data.as_of replays what was known before.
    """
    screen = Screen(quiet=quiet, as_json=as_json)
    with screen.outcome(traceback=traceback):
        from backtest.data.files import find_folder
        from backtest.data.settings import is_remote
        from backtest.sources.fetching import update_bundle

        name = bundle if is_remote(bundle) else str(find_folder(bundle, None))
        found = update_bundle(name, terms=_terms(screen))
        _finish(found, name, screen)
    screen.finish()
    if found.failed:
        raise typer.Exit(FAILED)


def _listed(path: Path | None) -> list[str]:
    """Symbols of a file; what follows a # is a remark."""
    if path is None:
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    return [word for line in lines for word in line.partition("#")[0].split()]


def _terms(screen: Screen) -> Terms:
    from backtest.sources.fetching import Terms

    return Terms(tell=screen.say)


def _finish(found: Gathered, bundle: str, screen: Screen) -> None:
    for note in found.notes:
        screen.say(f"left out: {note}", style="yellow")
    screen.path(bundle)
    report(bundle, screen, notes=found.notes)
    screen.document["failed"] = dict(found.failed)
    if found.failed:
        screen.say(f"{len(found.failed)} of the symbols failed:", style="bold red")
        for symbol, why in found.failed.items():
            screen.say(f"  {symbol}: {why}")

"""Command that sets finished runs side by side."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backtest.cli.outputs import file_to_write
from backtest.cli.runs import Json, Quiet, Traceback, run_summary
from backtest.cli.screen import Screen
from backtest.errors import Fault, FaultyInput
from backtest.folders import REPORTS, find_run, find_runs, newest_names, run_folders

if TYPE_CHECKING:
    from backtest.result import Result

_PAIR = 2
_NAMED = 4  # runs up to which the page's name holds every fingerprint
_ORDERS = 16  # as backtest.search.why draws them; importing it here would load pandas


def compare(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN RUN...",
            help="Two or more: folders, names (their newest run), or name/fingerprint.",
        ),
    ],
    *,
    why: Annotated[
        bool,
        typer.Option(
            "--why",
            help="Of two runs: run the configs between them, and say what each change adds.",
        ),
    ] = False,
    orders: Annotated[
        int,
        typer.Option(
            "--orders", min=2, help="With --why and more than four changes: orders that are drawn."
        ),
    ] = _ORDERS,
    seed: Annotated[
        int, typer.Option("--seed", min=0, help="With --why: seed of the orders that are drawn.")
    ] = 0,
    configs: Annotated[
        list[Path] | None,
        typer.Option(
            "--configs",
            metavar="DIR",
            help="With --why: folder of the YAML that a run came from, where its relative paths "
            "start; found by trying unless given. Repeatable.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", parser=file_to_write, help="The page to write."),
    ] = None,
    reports: Annotated[
        Path, typer.Option("--reports", metavar="DIR", help="Where runs are looked up by name.")
    ] = REPORTS,
    quiet: Quiet = False,
    as_json: Json = False,
    traceback: Traceback = False,
) -> None:
    """Set finished runs side by side: what differs in their inputs, then in their numbers."""
    screen = Screen(quiet=quiet, as_json=as_json)
    with screen.outcome(traceback=traceback):
        if why and len(runs) != _PAIR:
            raise FaultyInput("--why", [Fault("", f"explains two runs, got {len(runs)}")])
        if len(runs) < _PAIR:
            raise FaultyInput("RUN", [Fault(runs[0], _lonely(runs[0], reports))])
        folders = find_runs(runs, reports)
        with screen.stages() as stages:
            stages("loading")
            from backtest.report.compare import compare_results, write_page
            from backtest.result import Result

            results = [Result.load(folder) for folder in folders]
            stages("comparing")
            comparison = compare_results(results)
            if why:
                from backtest.search.why import why as explained

                one, two = comparison.names
                reasons = explained(
                    *results,
                    names=(one, two),
                    folders=configs or (),
                    orders=orders,
                    seed=seed,
                    progress=stages,
                )
                comparison = replace(comparison, why=reasons)
            stages("page")
            page = write_page(comparison, out or reports / f"compare-{_joined(results)}.html")
            if page.parent == reports:
                from backtest.report.index import write_index

                write_index(reports)
        screen.show(comparison)
        screen.document = {
            "page": str(page),
            "runs": [
                run_summary(result, folder) for result, folder in zip(results, folders, strict=True)
            ],
            **comparison.as_dict(),
        }
        screen.path(page)
    screen.finish()


def _lonely(text: str, reports: Path) -> str:
    """What is missing beside one run, with the runs that could stand there."""
    own = find_run(text, reports).absolute()
    known = [run for run in run_folders(reports) if run.path.absolute() != own]
    others = newest_names(known)
    there = f"; others below {reports}: {others}" if others else f"; no other is below {reports}"
    return f"is one run; give at least two to set side by side{there}"


def _joined(results: Sequence[Result]) -> str:
    """Fingerprints as part of a file's name; of many runs the first and a hash of all."""
    prints = [str(result.manifest.get("fingerprint", "run"))[:8] for result in results]
    if len(prints) <= _NAMED:
        return "-".join(prints)
    mark = hashlib.sha256("-".join(prints).encode()).hexdigest()[:8]
    return f"{prints[0]}-and-{len(prints) - 1}-more-{mark}"

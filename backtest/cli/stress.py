"""Command that tries to break a configuration."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backtest.cli.runs import Json, Out, Overrides, Quiet, Traceback, load_all
from backtest.cli.scenario import show_scenarios, work_scenarios
from backtest.cli.screen import Screen
from backtest.errors import Fault, FaultyInput

if TYPE_CHECKING:
    from rich.table import Table

    from backtest.search.stress import Case

_SHOWN = 12  # single changes in the terminal; the page has all


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
    markets: Annotated[
        int,
        typer.Option("--markets", metavar="N", min=0, help="Markets drawn from its own sessions."),
    ] = 10,
    scenarios: Annotated[
        list[str] | None,
        typer.Option(
            "--scenario",
            metavar="NAME",
            help="Instead: what is held, in a scenario of that name, or in 'all'; 'list' names "
            "them.",
        ),
    ] = None,
    on: Annotated[
        datetime | None,
        typer.Option(
            "--on",
            metavar="DATE",
            formats=["%Y-%m-%d"],
            help="With --scenario: what was held after that session. [default: the last]",
        ),
    ] = None,
    factor: Annotated[
        list[str] | None,
        typer.Option(
            "--factor",
            metavar="NAME=SYMBOL",
            help="With --scenario: what stands for a factor, such as us_tech=QQQ or "
            "usd_cnh=USD/CNY. Repeatable.",
        ),
    ] = None,
    quiet: Quiet = False,
    as_json: Json = False,
    traceback: Traceback = False,
) -> None:
    """See what breaks it: later, dearer, with less of everything, on markets drawn again."""
    screen = Screen(quiet=quiet, as_json=as_json)
    with screen.outcome(traceback=traceback):
        scenario = _one(scenarios or [])
        for name, value in (("--on", on), ("--factor", factor)):
            if value and scenario is None:
                raise FaultyInput(name, [Fault("", "goes with --scenario only")])
        if scenario == "list":
            show_scenarios(screen)
            screen.finish()
            return
        loaded = load_all([config], overrides or ())[0]
        screen.tell_of_compiling()
        if scenario is not None:
            work_scenarios(screen, loaded, scenario, on=on, stand_ins=factor or (), out=out)
            screen.finish()
            return
        from backtest.search.stress import stress as stressed
        from backtest.search.stress import write_stress
        from backtest.search.stress_report import write_stress_page

        with screen.stages() as stages:
            result, cases = stressed(
                loaded, draws=draws, names=names, seeds=seeds, drawn=markets, progress=stages
            )
        screen.show(_table(cases))
        path = write_stress(result, cases, out=out)
        page = write_stress_page(result, cases, path.with_suffix(".html"))
        screen.document = {
            "name": loaded.name,
            "fingerprint": result.fingerprint,
            "file": str(path),
            "page": str(page),
            "cases": [
                {"group": case.group, "label": case.label, "note": case.note, **case.scores}
                for case in cases
            ],
        }
        screen.path(page)
    screen.finish()


def _table(cases: list[Case]) -> Table:
    """As it is, the worst single changes, and what each set of cases comes to in the middle."""
    from rich import box
    from rich.table import Table

    from backtest.report import formats
    from backtest.search.stress_report import by_damage, middle_of

    shown = [cases[0], *by_damage(cases)[:_SHOWN], *middle_of(cases)]
    table = Table(box=box.SIMPLE_HEAD, title="What breaks it?", title_justify="left")
    table.add_column("case")
    for name in ("a year", "Sharpe", "drawdown"):
        table.add_column(name, justify="right", no_wrap=True)
    for case in shown:
        label = case.label if case is cases[0] else f"{case.group}: {case.label}"
        table.add_row(
            label,
            formats.percent(case.scores.get("cagr")),
            formats.number(case.scores.get("sharpe")),
            formats.percent(case.scores.get("max_drawdown")),
        )
    return table


def _one(scenarios: list[str]) -> str | None:
    """The scenario that is asked for: of two, the last would win without a word."""
    if len(scenarios) > 1:
        given = ", ".join(scenarios)
        raise FaultyInput("--scenario", [Fault("", f"takes one name, or 'all'; got {given}")])
    return scenarios[0] if scenarios else None

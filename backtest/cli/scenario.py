"""The scenarios of the stress command, in the terminal."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from backtest.cli.screen import Screen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from backtest.config import RunConfig
    from backtest.search.scenario_outcomes import Outcome


def show_scenarios(screen: Screen) -> None:
    """Every scenario with what it is."""
    from rich import box
    from rich.table import Table

    from backtest.search.scenario_report import KINDS
    from backtest.search.scenarios import scenarios

    table = Table(box=box.SIMPLE_HEAD)
    for name in ("name", "scenario", "what it is"):
        table.add_column(name)
    for one in scenarios().values():
        table.add_row(one.name, one.title, KINDS[one.kind])
    screen.show(table)
    screen.document = {
        "scenarios": [
            {
                "name": one.name,
                "title": one.title,
                "kind": one.kind,
                "about": one.about,
                "sources": one.sources,
            }
            for one in scenarios().values()
        ]
    }


def work_scenarios(
    screen: Screen,
    config: RunConfig,
    name: str,
    *,
    on: datetime | None,
    stand_ins: Sequence[str],
    out: Path | None,
) -> None:
    """Put the run's holdings through the scenarios of that name; write and show what comes out."""
    from backtest.search.scenario_report import write_scenario_page
    from backtest.search.scenario_runs import run_scenarios, write_scenarios

    day = None if on is None else on.date()
    with screen.stages() as stages:
        result, holdings, outcomes = run_scenarios(
            config, name, on=day, stand_ins=_named(stand_ins), progress=stages
        )
    screen.show(_table(outcomes, holdings.session))
    path = write_scenarios(result, holdings, outcomes, name=name, out=out)
    page = write_scenario_page(result, holdings, outcomes, path.with_suffix(".html"), name=name)
    screen.document = {
        "name": config.name,
        "fingerprint": result.fingerprint,
        "held_after": holdings.session,
        "file": str(path),
        "page": str(page),
        "scenarios": [
            {"name": one.name, "missing": one.missing}
            if one.missing
            else {"name": one.name, "change": one.change, "error": one.error, "own": one.own}
            for one in outcomes
        ],
    }
    screen.path(page)


def _named(stand_ins: Sequence[str]) -> dict[str, str]:
    """``us_tech=QQQ`` by its name."""
    from backtest.errors import Fault, FaultyInput

    pairs = [text.partition("=") for text in stand_ins]
    wrong = [
        Fault(text, "must look like NAME=SYMBOL")
        for text, (name, equals, symbol) in zip(stand_ins, pairs, strict=True)
        if not (name and equals and symbol)
    ]
    if wrong:
        raise FaultyInput("--factor", wrong)
    return {name: symbol for name, _, symbol in pairs}


def _table(outcomes: Sequence[Outcome], session: str) -> Table:
    from rich import box
    from rich.table import Table

    from backtest.report import formats

    title = f"NAV in scenarios, holdings of {session} kept"
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left")
    table.add_column("scenario")
    for name in ("NAV", "±", "own moves"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("worst position")
    for one in outcomes:
        if one.missing:
            table.add_row(one.title, "", "", "", one.missing)
            continue
        worst = one.lines[0]
        own = "" if one.own is None else formats.percent(one.own, 1, signed=True)
        table.add_row(
            one.title,
            formats.percent(one.change, 1, signed=True),
            formats.percent(one.error, 1),
            own,
            f"{worst.symbol} {formats.percent(worst.contribution, 1, signed=True)}",
        )
    return table

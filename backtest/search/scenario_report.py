"""What scenarios would do to a run's holdings, in words, tables and charts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pandas as pd

from backtest.report import formats
from backtest.report.describe import badges, currency_of
from backtest.report.page import Chart, Table, write_text
from backtest.report.plot import base_layout, date_axis, line, percent_axis, plain
from backtest.report.research_page import Chapter, ResearchView, research_html
from backtest.report.series import section
from backtest.result import Result
from backtest.search.scenario_betas import LEAST, WINDOW
from backtest.search.scenario_outcomes import Line, Outcome
from backtest.search.scenario_runs import Holdings
from backtest.search.scenarios import factors

KINDS = {
    "episode": "Replay of history",
    "levels": "Published levels",
    "shock": "Hypothetical",
}
_POSITIONS = 15  # of a table; the file beside the page has all


def write_scenario_page(
    result: Result, holdings: Holdings, outcomes: Sequence[Outcome], path: Path, *, name: str
) -> Path:
    """Write the page of the outcomes to ``path``."""
    return write_text(path, research_html(scenario_view(result, holdings, outcomes, name=name)))


def scenario_view(
    result: Result, holdings: Holdings, outcomes: Sequence[Outcome], *, name: str
) -> ResearchView:
    """What the page shows; ``name`` is what was asked for."""
    done = [one for one in outcomes if not one.missing]
    bundle = section(result.manifest, "bundle")
    gross = sum(abs(weight) for weight in holdings.weights.values())
    return ResearchView(
        title=f"Scenarios for {result.name}",
        description=str(result.config.get("description") or ""),
        facts=[
            ("Held after", holdings.session),
            ("Positions", f"{len(holdings.weights)}, {formats.percent(gross, 0)} of NAV"),
            ("NAV", f"{formats.number(holdings.nav, 0)} {currency_of(result)}"),
            ("Data", str(bundle.get("name"))),
        ],
        badges=[(badge.level, badge.text) for badge in badges(result)],
        question="What would it do to what is held?",
        verdicts=_verdicts(done, outcomes, simulated=bool(bundle.get("simulated"))),
        chapters=[*_overview(done), *(_chapter(one) for one in done)],
        command=f"backtest stress CONFIG --scenario {name} --on {holdings.session}",
    )


def _verdicts(
    done: Sequence[Outcome], outcomes: Sequence[Outcome], *, simulated: bool
) -> list[str]:
    """The plain answer first, then what it rests on, then what could not be had."""
    found = []
    if done:
        worst = min(done, key=lambda one: one.change)
        found.append(
            f"{worst.title} is the worst: NAV moves by {_move(worst)}. The holdings are kept as "
            "they are: nothing is traded, no exit fires."
        )
    found.append(
        "Moves are those of the factors times the holdings' betas, estimated on the "
        f"{WINDOW} weeks before, all factors at once, drawn towards the sector's mean; ± is one "
        "standard error of the betas. What betas do in a crisis it does not say: they rise "
        "together."
    )
    unsure = {one.symbol for outcome in done for one in outcome.lines if one.origin != "own"}
    if unsure:
        found.append(
            f"{formats.counted(len(unsure), 'position')} with less than {LEAST} weeks of history "
            "stood in by the mean of its sector or exchange: marked in the tables."
        )
    if simulated:
        found.append(
            "The market is simulated: an episode has the dates of history, but its prices are made "
            "up."
        )
    found += [f"{one.title}: {one.missing}." for one in outcomes if one.missing]
    return found


def _overview(done: Sequence[Outcome]) -> list[Chapter]:
    if len(done) < 2:
        return []
    ranked = sorted(done, key=lambda one: one.change)
    rows = [
        (
            one.title,
            formats.percent(one.change, 1, signed=True),
            formats.percent(one.error, 1),
            formats.percent(one.own, 1, signed=True) if one.own is not None else "",
            one.lines[0].symbol,
            formats.percent(one.lines[0].contribution, 1, signed=True),
            KINDS[one.kind],
        )
        for one in ranked
    ]
    columns = ("Scenario", "NAV", "±", "Own moves", "Worst position", "It alone", "What it is")
    return [
        Chapter(
            name="overview",
            title="All scenarios, the worst first",
            note="Own moves: what positions did themselves over an episode, where they were there; "
            "those that were not count by their betas.",
            charts=[_ladder(ranked)],
            tables=[("", Table(columns, rows))],
        )
    ]


def _ladder(ranked: Sequence[Outcome]) -> Chart:
    """NAV's move in each scenario as a dot with one standard error."""
    values = [100.0 * one.change for one in ranked]
    titles = [plain(one.title) for one in ranked]
    layout = base_layout()
    layout["yaxis"] |= {
        "tickmode": "array",
        "tickvals": list(range(len(ranked))),
        "ticktext": titles,
        "tickfont": {"size": 11},
        "range": [len(ranked) - 0.5, -0.5],
        "showgrid": False,
    }
    layout["xaxis"] |= {**percent_axis(), "zeroline": True}
    dots = {
        "type": "scatter",
        "mode": "markers",
        "x": values,
        "y": list(range(len(ranked))),
        "text": titles,
        "marker": {"size": 9, "color": ["@loss" if v < 0.0 else "@gain" for v in values]},
        "error_x": {
            "type": "data",
            "array": [100.0 * one.error for one in ranked],
            "color": "@faint",
            "thickness": 1,
            "width": 0,
        },
        "hovertemplate": "%{text}: %{x:.1f} %<extra></extra>",
    }
    return Chart(
        name="ladder",
        title="Move of NAV by scenario",
        note="Whiskers: one standard error of the betas.",
        figure={"data": [dots], "layout": {**layout, "hovermode": "closest"}},
        table=Table(
            ("Scenario", "NAV"),
            [(one.title, formats.percent(one.change, 1, signed=True)) for one in ranked],
        ),
        height="tall",
    )


def _chapter(one: Outcome) -> Chapter:
    words = [f"{KINDS[one.kind]}: {one.about.rstrip('.')}."]
    words += [f"Source: {source.rstrip('.')}." for source in one.sources]
    if one.left_out:
        names = ", ".join(factors()[name].title for name in one.left_out)
        words.append(f"Left out, for nothing in the bundle stands for it: {names}.")
    return Chapter(
        name=one.name,
        title=f"{one.title}: {_move(one)}",
        note=" ".join(words),
        charts=[_path(one)],
        tables=[
            ("By factor", _factor_table(one)),
            (_position_title(one), _position_table(one)),
        ],
    )


def _path(one: Outcome) -> Chart:
    """NAV along the scenario, 100 before it."""
    values = [100.0 * level for level in one.nav]
    layout = base_layout()
    if one.kind == "shock":
        x = [str(week) for week in range(len(values))]
        layout["xaxis"] |= {
            "title": {"text": "weeks", "font": {"size": 12}},
            "type": "linear",
            "showgrid": False,
        }
    else:
        first = pd.Timestamp(one.steps[0]) - timedelta(days=1)
        x = [f"{first:%Y-%m-%d}", *one.steps]
        layout["xaxis"] |= date_axis()
    low = min(range(len(values)), key=values.__getitem__)
    start = ["before", *one.steps]
    return Chart(
        name=f"path-{one.name}",
        title="NAV along the way, 100 before it",
        note="By betas, holdings kept.",
        figure={"data": [line(x, values, "NAV", "@strategy")], "layout": layout},
        table=Table(
            ("Step", "NAV"),
            [(start[at], formats.number(values[at], 1)) for at in (0, low, len(values) - 1)],
        ),
        height="low",
    )


def _factor_table(one: Outcome) -> Table:
    rows = [
        (
            factors()[name].title,
            one.proxies[name],
            formats.percent(one.shocks[name], 1, signed=True),
            formats.percent(one.by_factor[name], 1, signed=True),
        )
        for name in one.proxies
    ]
    return Table(("Factor", "Betas on", "Its move", "NAV by it"), rows, text=2)


def _position_title(one: Outcome) -> str:
    if len(one.lines) <= _POSITIONS:
        return "By position"
    return f"By position: the {_POSITIONS} that lose most of {len(one.lines)}"


def _position_table(one: Outcome) -> Table:
    names = list(one.proxies)
    has_own = any(item.own is not None for item in one.lines)
    columns = ("Position", "Weight", "Move", "±", *["Its own"] * has_own, "NAV by it")
    titles = tuple(f"β {factors()[name].title}" for name in names)
    rows = [
        (
            item.symbol,
            formats.percent(item.weight, 1),
            formats.percent(item.move, 1, signed=True),
            formats.percent(item.error, 1),
            *[formats.percent(item.own, 1, signed=True) if item.own is not None else ""] * has_own,
            formats.percent(item.contribution, 2, signed=True),
            *(formats.number(item.betas[name]) for name in names),
            _origin(item),
        )
        for item in one.lines[:_POSITIONS]
    ]
    return Table((*columns, *titles, "Betas of"), rows)


def _origin(item: Line) -> str:
    words = {"sector": "its sector", "market": "its exchange", "all": "all", "none": "nothing: 0"}
    if item.origin == "own":
        return f"its own {item.blocks} weeks"
    return words[item.origin]


def _move(one: Outcome) -> str:
    return f"{formats.percent(one.change, 1, signed=True)} ± {formats.percent(one.error, 1)}"

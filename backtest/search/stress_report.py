"""What a stress test found, in words, tables and charts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from backtest.report import formats
from backtest.report.describe import badges
from backtest.report.page import Chart, Table, write_text
from backtest.report.plot import base_layout, plain
from backtest.report.research_page import Chapter, ResearchView, research_html
from backtest.report.series import section
from backtest.result import Result
from backtest.search.stress import DRAWN, Case
from backtest.search.stress_markets import market_chapters, market_verdicts

_SETS = frozenset({"As it is", "Other parameters", "No effect planted", "Capital", DRAWN})
"""Groups that are not single changes of the run: each has a chapter of its own."""
_DRAWN = 15  # cases of the chart
_SHORT = 34  # signs of a label in the chart

_COLUMNS = ("CAGR", "Change", "Sharpe", "Change", "Max drawdown")


def write_stress_page(result: Result, cases: Sequence[Case], path: Path) -> Path:
    """Write the page of the cases to ``path``."""
    return write_text(path, research_html(stress_view(result, cases)))


def stress_view(result: Result, cases: Sequence[Case]) -> ResearchView:
    """What the page shows; the first case is the run as it is."""
    base = cases[0]
    period, bundle = section(result.manifest, "period"), section(result.manifest, "bundle")
    changes = by_damage(cases)
    chapters = [
        _damage(base, changes),
        *_parameters(base, cases),
        *_capital(base, cases, impact=_impact(result)),
    ]
    return ResearchView(
        title=f"Stress of {result.name}",
        description=str(result.config.get("description") or ""),
        facts=[
            ("Period", f"{period.get('first')} to {period.get('last')}"),
            ("Data", str(bundle.get("name"))),
            ("Cases", f"{len(cases) - 1:,}"),
            ("As it is", _words(base)),
        ],
        badges=[(badge.level, badge.text) for badge in badges(result)],
        question="What breaks it?",
        verdicts=_verdicts(base, changes, cases),
        chapters=[*chapters, *market_chapters(base, cases), *_nulls(base, cases)],
        command="backtest stress CONFIG",
    )


def by_damage(cases: Sequence[Case]) -> list[Case]:
    """Single changes of the run, the one with the lowest return a year first."""
    single = [case for case in cases if case.group not in _SETS and "cagr" in case.scores]
    return sorted(single, key=lambda case: case.scores["cagr"])


def middle_of(cases: Sequence[Case]) -> list[Case]:
    """Medians of the sets: parameters and markets; and each amount of capital."""
    found = []
    for group in ("Other parameters", DRAWN, "No effect planted"):
        own = [case for case in cases if case.group == group and case.scores]
        names = sorted({name for case in own for name in case.scores})
        scores = {
            name: float(np.median([case.scores[name] for case in own if name in case.scores]))
            for name in names
        }
        if own:
            found.append(Case(group, f"median of {len(own)}", scores))
    return found + [case for case in cases if case.group == "Capital"]


def _verdicts(base: Case, changes: Sequence[Case], cases: Sequence[Case]) -> list[str]:
    """The plain answer first."""
    own = base.scores.get("cagr", math.nan)
    if "sharpe" not in base.scores:
        return ["It never traded: there is nothing to break."]
    if not own > 0:
        return [f"It loses money as it is ({formats.percent(own)} a year): it is broken already."]
    broken = [case for case in changes if not case.scores["cagr"] > 0]
    found = [
        f"{len(broken)} of {len(changes)} single changes turn its gain of {formats.percent(own)} a "
        "year into a loss"
        + (": " + "; ".join(_named(case) for case in broken[:4]) if broken else "")
        + ("; ..." if len(broken) > 4 else "")
        + "."
    ]
    if changes and not broken:
        found.append(
            f"The worst of them, {_named(changes[0])}, leaves "
            f"{formats.percent(changes[0].scores['cagr'])} a year."
        )
    draws = _sharpes(cases, "Other parameters")
    if draws.size:
        better = float(np.mean(draws >= base.scores["sharpe"]))
        found.append(
            f"With parameters moved by up to a fifth the median Sharpe ratio is "
            f"{formats.number(np.median(draws))} against {formats.number(base.scores['sharpe'])}; "
            f"{formats.percent(better, 0)} of the draws are as good. Well below a half speaks of "
            "parameters fitted to this history."
        )
    found += market_verdicts(base, cases)
    markets = [case for case in cases if case.group == "No effect planted" and case.scores]
    if markets:
        rate = float(np.median([case.scores["cagr"] for case in markets]))
        idle = sum("sharpe" not in case.scores for case in markets)
        found.append(
            f"On {len(markets)} markets with nothing planted for it to find it makes "
            f"{formats.percent(rate)} a year in the middle, interest on cash included; in "
            f"{idle} of them it never traded."
        )
    return found


def _damage(base: Case, changes: Sequence[Case]) -> Chapter:
    rows = [_row(case, base, head=(case.group, case.label)) for case in changes]
    return Chapter(
        name="damage",
        title="One change at a time, the worst first",
        note="Each is the same run with one thing changed. A year is cut out of its returns, best "
        "trades are taken out of its profit; all else is simulated anew.",
        charts=[_ladder(base, changes[:_DRAWN])] if changes else [],
        tables=[("", Table(("Change", "Case", *_COLUMNS), rows, text=2))],
    )


def _ladder(base: Case, changes: Sequence[Case]) -> Chart:
    """Return a year of each case as a dot, the run's own as a line."""
    own = 100.0 * base.scores["cagr"]
    names = [_cut(_name(case)) for case in changes]
    values = [100.0 * case.scores["cagr"] for case in changes]
    places = list(range(len(changes)))
    layout = base_layout()
    layout["yaxis"] |= {
        "tickmode": "array",
        "tickvals": places,
        "ticktext": [plain(name) for name in names],
        "tickfont": {"size": 11},
        "range": [len(changes) - 0.5, -0.5],
        "showgrid": False,
    }
    layout["xaxis"] |= {"ticksuffix": " %"}
    dots = {
        "type": "scatter",
        "mode": "markers",
        "x": values,
        "y": places,
        "text": [plain(name) for name in names],
        "marker": {"size": 9, "color": ["@loss" if value < own else "@gain" for value in values]},
        "hovertemplate": "%{text}: %{x:.2f} %<extra></extra>",
    }
    line = {
        "type": "line", "x0": own, "x1": own, "yref": "paper", "y0": 0, "y1": 1,
        "line": {"color": "@strategy", "width": 1, "dash": "dot"},
    }  # fmt: skip
    return Chart(
        name="ladder",
        title=f"Return a year of the {len(changes)} worst",
        note=f"Dotted line: as it is, {formats.percent(base.scores['cagr'])}.",
        figure={"data": [dots], "layout": {**layout, "hovermode": "closest", "shapes": [line]}},
        table=Table(
            ("Case", "CAGR"),
            [(_name(case), formats.percent(case.scores["cagr"])) for case in changes],
        ),
        height="full",
    )


def _parameters(base: Case, cases: Sequence[Case]) -> list[Chapter]:
    draws = [case for case in cases if case.group == "Other parameters" and case.scores]
    if not draws:
        return []
    draws.sort(key=lambda case: case.scores.get("sharpe", -math.inf))
    rows = [(case.label, *_cells(case, base), case.note) for case in draws]
    return [
        Chapter(
            name="parameters",
            title="Every number of the strategy moved by up to a fifth",
            note="The worst draw first. A strategy that rests on a cause does not care much.",
            tables=[
                (_spread(draws), Table(("Draw", *_COLUMNS, "Parameters"), rows)),
            ],
        )
    ]


def _spread(cases: Sequence[Case]) -> str:
    sharpes = np.array([case.scores["sharpe"] for case in cases if "sharpe" in case.scores])
    if not sharpes.size:
        return "None of them traded"
    low, middle, high = (formats.number(np.quantile(sharpes, q)) for q in (0.1, 0.5, 0.9))
    return f"Sharpe ratio: {low} in the worst tenth, {middle} in the middle, {high} in the best"


def _capital(base: Case, cases: Sequence[Case], *, impact: float) -> list[Chapter]:
    ladder = [case for case in cases if case.group == "Capital" and "cagr" in case.scores]
    if not ladder:
        return []
    values = [100.0 * case.scores["cagr"] for case in ladder]
    layout = base_layout()
    layout["xaxis"] |= {"type": "category"}
    layout["yaxis"] |= {"ticksuffix": " %", "rangemode": "tozero"}
    curve = {
        "type": "scatter",
        "mode": "lines+markers",
        "x": [plain(case.label) for case in ladder],
        "y": values,
        "line": {"color": "@strategy", "width": 1.5},
        "marker": {"color": "@strategy", "size": 7},
        "hovertemplate": "%{x}: %{y:.2f} %<extra></extra>",
    }
    chart = Chart(
        name="capacity",
        title="Return a year by the money at work",
        note="Simulated anew with each amount: lots and minimum fees weigh on small accounts, "
        + (
            "volume caps and impact on large ones."
            if impact
            else "volume caps on large ones: they fill later and hold longer, which may cost or "
            "pay. No impact on prices is asked for (execution.slippage.impact): what it would take "
            "from them is missing here."
        ),
        figure={"data": [curve], "layout": {**layout, "hovermode": "closest"}},
        table=Table(
            ("Capital", "CAGR"),
            [(c.label, formats.percent(c.scores["cagr"])) for c in ladder],
        ),
    )
    # Caps let a large account hold longer: a return with more at work is not a better one.
    rows = [
        (*_row(case, base, head=(case.label,)), formats.percent(case.scores.get("exposure")))
        for case in ladder
    ]
    return [
        Chapter(
            name="capital",
            title="How much money it takes",
            note="",
            charts=[chart],
            tables=[("", Table(("Capital", *_COLUMNS, "Gross exposure"), rows))],
        )
    ]


def _impact(result: Result) -> float:
    """Impact of orders on prices that the run asks for; 0 is none."""
    asked = section(section(result.config, "execution"), "slippage").get("impact")
    return float(asked) if isinstance(asked, int | float) else 0.0


def _nulls(base: Case, cases: Sequence[Case]) -> list[Chapter]:
    markets = [case for case in cases if case.group == "No effect planted"]
    if not markets:
        return []
    rows = [(case.label, *_cells(case, base), case.note) for case in markets]
    return [
        Chapter(
            name="nulls",
            title="Markets without the effect",
            note="Simulated markets in which nothing is planted. What it earns there it does not "
            "earn from what it claims to find.",
            tables=[("", Table(("Market", *_COLUMNS, "Remark"), rows))],
        )
    ]


def _row(case: Case, base: Case, *, head: tuple[str, ...]) -> tuple[str, ...]:
    return (*head, *_cells(case, base))


def _cells(case: Case, base: Case) -> tuple[str, ...]:
    """Return a year, Sharpe ratio and drawdown, the first two with their change."""
    mine, own = case.scores, base.scores
    change = {
        name: mine[name] - own[name] for name in ("cagr", "sharpe") if name in mine and name in own
    }
    return (
        formats.percent(mine.get("cagr")),
        formats.percent(change.get("cagr"), signed=True),
        formats.number(mine.get("sharpe")),
        formats.number(change.get("sharpe"), signed=True),
        formats.percent(mine.get("max_drawdown")),
    )


def _words(case: Case) -> str:
    return (
        f"{formats.percent(case.scores.get('cagr'))} a year, "
        f"Sharpe {formats.number(case.scores.get('sharpe'))}"
    )


def _name(case: Case) -> str:
    """A case in few words: the label, where it says everything."""
    if case.group in ("Later", "Dearer"):
        return case.label
    if case.group == "Without the best trades":
        return f"without {case.label.removesuffix(' taken out')}"
    return f"without {case.label}"


def _named(case: Case) -> str:
    return f"{case.group.lower()}: {case.label}"


def _sharpes(cases: Sequence[Case], group: str) -> np.ndarray:
    return np.array(
        [case.scores["sharpe"] for case in cases if case.group == group and "sharpe" in case.scores]
    )


def _cut(text: str) -> str:
    return text if len(text) <= _SHORT else text[: _SHORT - 1] + "…"

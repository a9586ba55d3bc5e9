"""Where a run lies among the same run on markets drawn again, in words and charts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from backtest.report import formats
from backtest.report.page import Chart, Table
from backtest.report.plot import base_layout, plain
from backtest.report.research_page import Chapter
from backtest.search.stress import DRAWN, Case

_MEASURES = (("cagr", "CAGR"), ("sharpe", "Sharpe"), ("max_drawdown", "Max drawdown"))

_KEEPS = (
    "Each market is made of whole sessions of the run, drawn in blocks ({blocks}) and put on its "
    "dates: what instruments did together, and what followed within a block, stays; whatever takes "
    "longer than a block, and the order of good and bad times, is gone. Facts come with the "
    "session that first knew them, those per share at the same ratio to the price; dividends are "
    "in the prices; rates, fx, listings and delistings keep their dates, so that the first days of "
    "a listing are any days. An instrument has no bar in a session drawn from before its listing."
)


def market_chapters(base: Case, cases: Sequence[Case]) -> list[Chapter]:
    """The chapter of the drawn markets; none where none was drawn."""
    drawn = [case for case in cases if case.group == DRAWN]
    if not drawn:
        return []
    run = [case for case in drawn if case.scores]
    failed = [(case.label, case.note) for case in drawn if not case.scores]
    tables = [(_count(run), _places(base, run))] if run else []
    tables += [("Could not be run", Table(("Market", "Why"), failed, text=2))] if failed else []
    return [
        Chapter(
            name="markets",
            title="The market drawn again",
            note=_KEEPS.format(blocks=run[0].note) if run else "",
            charts=[_cloud(base, run)] if run else [],
            tables=tables,
        )
    ]


def market_verdicts(base: Case, cases: Sequence[Case]) -> list[str]:
    """Where the run lies among the drawn markets, in a sentence."""
    ratios = _values([case for case in cases if case.group == DRAWN], "sharpe")
    if not ratios.size or "sharpe" not in base.scores:
        return []
    below = int(np.sum(ratios < base.scores["sharpe"]))
    return [
        f"On {ratios.size} markets drawn again from its own sessions the median Sharpe ratio is "
        f"{formats.number(np.median(ratios))}; its own, {formats.number(base.scores['sharpe'])}, "
        f"is above {below} of them. Above nearly all: it needed this one order of events, or lives "
        "on what takes longer than a block, or on late listings, which trade less there."
    ]


def _places(base: Case, run: Sequence[Case]) -> Table:
    """Quantiles of each measure, and the share of markets in which it is lower than the run's."""
    rows = []
    for name, title in _MEASURES:
        values, own = _values(run, name), base.scores.get(name)
        if values.size and own is not None:
            write = formats.number if name == "sharpe" else formats.percent
            low, middle, high = (write(np.quantile(values, q)) for q in (0.1, 0.5, 0.9))
            below = formats.percent(float(np.mean(values < own)), 0)
            rows.append((title, write(own), low, middle, high, below))
    return Table(("Measure", "As it is", "10 %", "Median", "90 %", "Markets below it"), rows)


def _cloud(base: Case, run: Sequence[Case]) -> Chart:
    """Return a year and drawdown of each market as a dot, the run's own as another."""
    layout = base_layout()
    layout["xaxis"] |= {"ticksuffix": " %"}
    layout["yaxis"] |= {"ticksuffix": " %"}
    return Chart(
        name="markets",
        title="Return a year by drawdown",
        note="A dot is the same run on one drawn market, the diamond is the run as it is; the "
        "deeper the drawdown, the farther to the left.",
        figure={
            "data": [_dots(run, "@muted", "circle"), _dots([base], "@strategy", "diamond")],
            "layout": {**layout, "hovermode": "closest"},
        },
        table=Table(
            ("Market", *(title for _, title in _MEASURES)),
            [
                (
                    case.label,
                    formats.percent(case.scores.get("cagr")),
                    formats.number(case.scores.get("sharpe")),
                    formats.percent(case.scores.get("max_drawdown")),
                )
                for case in run
            ],
        ),
    )


def _dots(cases: Sequence[Case], color: str, symbol: str) -> dict[str, object]:
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [100.0 * case.scores["max_drawdown"] for case in cases],
        "y": [100.0 * case.scores["cagr"] for case in cases],
        "text": [plain(case.label) for case in cases],
        "marker": {"size": 9 if symbol == "circle" else 13, "color": color, "symbol": symbol},
        "hovertemplate": "%{text}: %{y:.2f} % a year, drawdown %{x:.2f} %<extra></extra>",
    }


def _count(run: Sequence[Case]) -> str:
    idle = sum("sharpe" not in case.scores for case in run)
    never = f", in {idle} of which it never traded" if idle else ""
    return f"{len(run)} market{'s' if len(run) != 1 else ''}{never}"


def _values(cases: Sequence[Case], name: str) -> np.ndarray:
    return np.array([case.scores[name] for case in cases if name in case.scores])

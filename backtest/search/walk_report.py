"""What a walk-forward found, in words, tables and charts."""

from __future__ import annotations

import os
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np

from backtest.report import formats
from backtest.report.describe import badges
from backtest.report.page import Chart, Key, Table, write_text
from backtest.report.plot import base_layout, date_axis, line
from backtest.report.research_page import Chapter, ResearchView, research_html
from backtest.report.series import section
from backtest.search.cross_validation import paths_told
from backtest.search.space import Values
from backtest.search.sweep_charts import label_of, measured, short, text_of
from backtest.search.walk_forward import WalkForward

_LINES = 40  # paths drawn; of more, an even choice
_QUANTILES = (0.05, 0.5, 0.95)


def write_walk_page(walk: WalkForward) -> Path:
    """Write ``walk-forward.html`` beside the walk's JSON file."""
    path = walk.folder / "walk-forward.html"
    return write_text(path, research_html(walk_view(walk)))


def walk_view(walk: WalkForward) -> ResearchView:
    """What the page shows."""
    settings = walk.settings
    period, bundle = (section(walk.result.manifest, name) for name in ("period", "bundle"))
    sheet = os.path.relpath(walk.run_folder / "tearsheet.html", walk.folder)
    anchored = "from the first session on" if settings.anchored else "rolling"
    return ResearchView(
        title=f"Walk-forward of {walk.name}",
        description=str(walk.result.config.get("description") or ""),
        facts=[
            ("Out of sample", f"{period.get('first')} to {period.get('last')}"),
            ("Data", str(bundle.get("name"))),
            ("Windows", f"{len(walk.chosen)}"),
            ("Train, test", f"{settings.train}, {settings.test} sessions, {anchored}"),
            ("Purge, embargo", f"{settings.purge}, {settings.embargo} sessions"),
            ("Chosen by", f"{settings.select} {label_of(walk.rank_by)}"),
        ],
        badges=[(badge.level, badge.text) for badge in badges(walk.result)],
        question="Does the search find what lasts?",
        verdicts=_verdicts(walk),
        chapters=[_windows(walk), _stability(walk), *_crossed(walk)],
        command="backtest walk-forward CONFIG    # goes on where it was stopped",
        link=(sheet.replace(os.sep, "/"), "Tearsheet of all test windows in a row"),
    )


def _verdicts(walk: WalkForward) -> list[str]:
    headline = section(walk.result.metrics, "headline")
    pairs = [(one.in_sample, one.sharpe) for one in walk.chosen if one.params is not None]
    both = np.array(
        [(a, b) for a, b in pairs if a is not None and b is not None], dtype=np.float64
    ).reshape(-1, 2)
    lost = sum(one.total_return < 0 for one in walk.chosen)
    found = [
        f"Out of sample it made {formats.percent(headline.get('cagr'))} a year at a Sharpe ratio "
        f"of {formats.number(headline.get('sharpe'))}; {lost} of {len(walk.chosen)} windows lost "
        "money."
    ]
    if len(both) and walk.rank_by == "sharpe":
        found.append(
            f"What was chosen promised a Sharpe ratio of {formats.number(np.median(both[:, 0]))} "
            f"in sample and showed {formats.number(np.median(both[:, 1]))} in the window after it "
            "(medians over the windows)."
        )
    idle = sum(one.params is None for one in walk.chosen)
    if idle:
        found.append(f"In {formats.counted(idle, 'window')} nothing was good enough: cash.")
    told = paths_told(walk.crossed, walk.sessions_per_year)
    sharpes = _floats(told["sharpes"]) if told is not None else np.array([])
    if told is not None and sharpes.size:
        found.append(
            f"Over {len(sharpes)} out-of-sample paths the Sharpe ratio is "
            f"{formats.number(np.median(sharpes))} in the middle, "
            f"{formats.percent(np.mean(sharpes < 0), 0)} of them are below zero; the choices "
            f"promised {formats.number(np.mean(_floats(told['in_sample'])))} in sample."
        )
    return found


def _windows(walk: WalkForward) -> Chapter:
    keys = _keys(walk)
    heads = ("Test from", "to", *(short(key) for key in keys), "In sample", "Deflated")
    rows = [
        (
            one.first,
            one.last,
            *("cash" if one.params is None else text_of(one.params[key]) for key in keys),
            measured(one.in_sample, walk.rank_by),
            formats.percent(one.deflated, 1),
            formats.percent(one.total_return),
            formats.number(one.sharpe),
        )
        for one in walk.chosen
    ]
    table = Table((*heads, "Return", "Sharpe"), rows, text=2)
    return Chapter(
        name="windows",
        title="Promised in sample, earned out of sample",
        note=f"In sample: {label_of(walk.rank_by)} of what was chosen, over the training window. "
        "Deflated: odds that it has skill beyond the luck of being picked. Return and Sharpe ratio "
        "are of the test window, in the one account that goes through all of them.",
        charts=[_promises(walk)] if walk.rank_by == "sharpe" else [],
        tables=[("", table)],
    )


def _promises(walk: WalkForward) -> Chart:
    """Sharpe ratio in sample and out of sample, by window."""
    first = [one.first for one in walk.chosen]
    layout = base_layout()
    layout["xaxis"] |= date_axis()
    layout["yaxis"] |= {"zeroline": True}
    data = [
        _dots(first, [one.in_sample for one in walk.chosen], "In sample", "@benchmark"),
        _dots(first, [one.sharpe for one in walk.chosen], "Out of sample", "@strategy"),
    ]
    return Chart(
        name="promises",
        title="Sharpe ratio of each window",
        note="At the first session of the test window.",
        figure={"data": data, "layout": layout},
        table=Table(
            ("Test from", "In sample", "Out of sample"),
            [(o.first, formats.number(o.in_sample), formats.number(o.sharpe)) for o in walk.chosen],
        ),
        legend=(Key("In sample", "benchmark"), Key("Out of sample", "strategy")),
    )


def _dots(x: list[str], y: list[float | None], name: str, color: str) -> dict[str, object]:
    return {
        "type": "scatter",
        "mode": "markers",
        "x": x,
        "y": y,
        "name": name,
        "marker": {"color": color, "size": 8},
        "hovertemplate": "%{y:.2f}",
    }


def _stability(walk: WalkForward) -> Chapter:
    rows = []
    for key in _keys(walk):
        values = [text_of(one.params[key]) for one in walk.chosen if one.params is not None]
        most, count = Counter(values).most_common(1)[0]
        moves = sum(a != b for a, b in pairwise(values))
        rows.append(
            (
                short(key),
                f"{len(set(values))}",
                most,
                formats.percent(count / len(values), 0),
                f"{moves} of {max(len(values) - 1, 0)}",
            )
        )
    heads = ("Parameter", "Values chosen", "Most often", "In windows", "Changed")
    return Chapter(
        name="stability",
        title="How stable the choice was",
        note="A parameter that jumps from window to window is fitted to noise, or does not matter.",
        tables=[("", Table(heads, rows))],
    )


def _crossed(walk: WalkForward) -> list[Chapter]:
    paths = walk.crossed
    told = paths_told(paths, walk.sessions_per_year)
    groups = walk.settings.combinatorial
    if paths is None or told is None or groups is None:
        return []
    growth = np.cumprod(1.0 + paths.paths, axis=1)
    sharpes = np.sort(_floats(told["sharpes"]))
    if not sharpes.size:
        return []  # no path ever held anything
    quantiles = np.quantile(sharpes, _QUANTILES)
    rows = [
        ("Paths", f"{len(paths.paths)}"),
        *(
            (f"Sharpe ratio, {formats.percent(q, 0)} quantile", formats.number(value))
            for q, value in zip(_QUANTILES, quantiles, strict=True)
        ),
        ("Paths below zero", formats.percent(np.mean(sharpes < 0), 0)),
        ("Sharpe ratio in sample, mean", formats.number(np.mean(_floats(told["in_sample"])))),
        ("Different trials chosen", str(told["distinct_choices"])),
        ("Choices of cash", f"{told['cash_choices']} of {len(paths.chosen)}"),
    ]
    return [
        Chapter(
            name="paths",
            title="Other walks through the same history",
            note=f"Combinatorial purged cross-validation: {groups.groups} groups of sessions, "
            f"every choice of {groups.test_groups} is tested on what the others chose, "
            f"{walk.settings.purge} sessions purged on both sides of it and "
            f"{walk.settings.embargo} more behind it. Training lies on both sides of a test: a "
            "distribution of what the search finds, not of what could have been traded. (Lopez de "
            "Prado 2018, chapter 12)",
            charts=[_fan(growth, list(walk.sessions)), _spread(sharpes)],
            tables=[("", Table(("Statistic", "Value"), rows))],
        )
    ]


def _fan(growth: np.ndarray, sessions: list[str]) -> Chart:
    """Growth of one, over cash: every path thin, quantiles thick."""
    layout = base_layout()
    layout["xaxis"] |= date_axis()
    chosen = np.unique(
        np.linspace(0, len(growth) - 1, min(len(growth), _LINES)).round().astype(int)
    )
    data = [
        line(sessions, growth[k], f"path {k + 1}", "@benchmark/0.35", width=0.8, hoverinfo="skip")
        for k in chosen
    ]
    bands = np.quantile(growth, _QUANTILES, axis=0)
    for q, band in zip(_QUANTILES, bands, strict=True):
        name = f"{formats.percent(q, 0)} quantile"
        data.append(
            line(
                sessions, band, name, "@strategy", width=2.0 if q == 0.5 else 1.0,
                dash="solid" if q == 0.5 else "dot", hovertemplate="%{y:.3f}",
            )
        )  # fmt: skip
    ends = [
        (f"{formats.percent(q, 0)}", formats.number(band[-1], 3))
        for q, band in zip(_QUANTILES, bands, strict=True)
    ]
    return Chart(
        name="fan",
        title="Growth of one unit over cash",
        note="Every path holds every session once, out of sample.",
        figure={"data": data, "layout": layout},
        table=Table(("Quantile", "At the end"), ends),
        legend=(Key("Paths", "benchmark"), Key("Median; 5 % and 95 % dotted", "strategy")),
    )


def _spread(sharpes: np.ndarray) -> Chart:
    """Sharpe ratio of every path, ascending."""
    layout = base_layout()
    layout["xaxis"] |= {"title": {"text": "Path, ascending", "font": {"size": 12}}}
    places = list(range(1, len(sharpes) + 1))
    colors = ["@loss" if value < 0 else "@gain" for value in sharpes]
    bars = {
        "type": "bar",
        "x": places,
        "y": sharpes,
        "marker": {"color": colors, "line": {"width": 0}},
        "hovertemplate": "%{y:.2f}<extra></extra>",
    }
    return Chart(
        name="path-sharpes",
        title="Sharpe ratio of each path",
        note="Annual, out of sample.",
        figure={"data": [bars], "layout": {**layout, "hovermode": "closest"}},
        table=Table(
            ("Path", "Sharpe ratio"),
            [(str(k), formats.number(v)) for k, v in zip(places, sharpes, strict=True)],
        ),
        height="low",
    )


def _keys(walk: WalkForward) -> list[str]:
    params: Values = next((one.params for one in walk.chosen if one.params), {})
    return list(params)


def _floats(values: object) -> np.ndarray:
    known = [value for value in values if value is not None] if isinstance(values, list) else []
    return np.array(known, dtype=np.float64)

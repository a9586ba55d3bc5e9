"""What prices did after events: the average path, and how returns were spread."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from backtest.report import formats
from backtest.report.figures.returns import bins_of
from backtest.report.page import Chart, Key, Table
from backtest.report.plot import (
    Trace,
    bars,
    base_layout,
    house_axis,
    line,
    percent_axis,
    title_above,
)

if TYPE_CHECKING:
    import pandas as pd

    from backtest.measures.performance import FloatArray

_EVERY = 5  # own sessions between rows of the path's table
_TAIL = 0.01  # share of returns beyond each end of the histogram, gathered in its last bars


def path_chart(path: Sequence[Mapping[str, object]], *, word: str, benchmark: str) -> Chart:
    """Average price around the events, with the interval of the mean and the middle half."""
    groups = {name: [row for row in path if row.get("group") == name] for name in ("all", "taken")}
    counts = {name: _most(rows) for name, rows in groups.items()}
    drawn = "taken" if counts["taken"] else "all"
    rows = [row for row in groups[drawn] if row.get("count")]
    x = [formats.show(row.get("offset"), "count") for row in rows]
    data = [
        *_band(x, rows, "q25", "q75", "@strategy/0.10"),
        *_band(x, rows, "low", "high", "@strategy/0.25"),
        line(x, _percent(rows, "market"), benchmark, "@benchmark", hovertemplate=_HOVER),
        line(x, _percent(rows, "mean"), "Mean", "@strategy", width=2.0, hovertemplate=_HOVER),
    ]
    legend = [
        Key(f"{counts[drawn]:,} {word}s{' bought' if drawn == 'taken' else ''}", "strategy"),
    ]
    if drawn == "taken" and counts["all"] > counts["taken"]:
        theirs = _percent(groups["all"][-len(rows) :], "mean")
        data.insert(-1, line(x, theirs, f"All {word}s", "@second", hovertemplate=_HOVER))
        legend.append(Key(f"all {counts['all']:,}", "second"))
    if np.isfinite(_percent(rows, "market")).any():
        legend.append(Key(f"{benchmark}, same sessions", "benchmark"))
    layout = base_layout()
    layout["xaxis"] |= {
        "type": "linear",
        "zeroline": True,
        "title": {"text": _AXIS, "standoff": 6, "font": {"size": 12}},
    }
    layout["yaxis"] |= {**percent_axis(), "zeroline": True, "nticks": 7}
    return Chart(
        name="path",
        title=f"Average path around a {word}",
        note="From the price that an order decided then would have met. Dark band: 90 % interval "
        "of the mean, drawn by calendar month. Light band: the middle half of the events.",
        figure={"data": data, "layout": layout},
        table=_path_table(groups, word),
        legend=tuple(legend),
        height="tall",
    )


def spread_chart(events: pd.DataFrame, columns: Sequence[tuple[str, str]], *, word: str) -> Chart:
    """How returns after the events were spread, a panel each for ``columns``: name and label.

    Shares of the events bought as bars, of all events as a line; of all alone where all or none
    were bought.
    """
    taken = events[events["taken"]]
    has_both = 0 < len(taken) < len(events)
    bold = taken if has_both else events
    data: list[Trace] = []
    rows: list[tuple[str, ...]] = []
    layout = base_layout()
    notes: list[Trace] = []
    for panel, (name, label) in enumerate(columns):
        edges = _edges(_known(events, name))
        middle = [f"{50.0 * (a + b):.6g}" for a, b in itertools.pairwise(edges)]
        ranges = _ranges(edges)
        axes = {"xaxis": f"x{panel + 1}", "yaxis": f"y{panel + 1}"} if panel else {}
        look = {"text": ranges, "textposition": "none", "hovertemplate": "%{text}: %{y:.1f} %"}
        shares = [_shares(_known(table, name), edges) for table in (bold, events)]
        data.append(bars(middle, shares[0], label, "@strategy/0.8", **look, **axes))
        if has_both:
            drawn = line(middle, shares[1], f"All {word}s", "@second", shape="hvh")
            data.append({**drawn, **look, **axes})
        top, bottom = (1.0, 0.63) if panel == 0 else (0.39, 0.0)
        suffix = str(panel + 1) if panel else ""
        layout[f"xaxis{suffix}"] = _axis("y" + suffix, zeroline=True, showgrid=False)
        layout[f"yaxis{suffix}"] = _axis("x" + suffix, nticks=4, domain=[bottom, top])
        notes.append(title_above(label, top))
        rows += [
            (label, text, *(formats.number(share[row], 1) for share in shares[: 1 + has_both]))
            for row, text in enumerate(ranges)
        ]
    layout["bargap"] = 0.06  # type: ignore[assignment]  # a number, as plotly wants
    names = [f"{len(taken):,} bought, %", f"All {len(events):,}, %"]
    legend = [Key(f"{len(bold):,} {word}s{' bought' if has_both else ''}", "strategy")]
    if has_both:
        legend.append(Key(f"all {len(events):,}", "second"))
    return Chart(
        name="spread",
        title=f"Returns after a {word}",
        note="Shares of the events; the first and the last bar hold what lies beyond.",
        figure={
            "data": data,
            "layout": {**layout, "hovermode": "closest", "annotations": notes},
        },
        table=Table(("After", "Return", *(names if has_both else names[1:])), rows, text=2),
        legend=tuple(legend),
        height="tall",
    )


def _edges(values: FloatArray) -> FloatArray:
    """Bins over all but the outermost returns."""
    ends = np.quantile(values, [_TAIL, 1.0 - _TAIL]) if values.size else np.zeros(2)
    return bins_of(ends)


def _ranges(edges: FloatArray) -> list[str]:
    last = edges.size - 2
    words = []
    for row, (low, high) in enumerate(itertools.pairwise(edges)):
        if row == 0:
            words.append(f"below {formats.percent(high, 1)}")
        elif row == last:
            words.append(f"{formats.percent(low, 1)} and more")
        else:
            words.append(f"{formats.percent(low, 1)} to {formats.percent(high, 1)}")
    return words


def _shares(values: FloatArray, edges: FloatArray) -> FloatArray:
    """Percent of ``values`` in each bin; what lies beyond is in the outermost."""
    counts = np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0]
    return 100.0 * counts / max(values.size, 1)


def _axis(anchor: str, **more: object) -> Trace:
    return {**house_axis(), **percent_axis(), "anchor": anchor, **more}


_HOVER = "%{y:.2f} %"
_AXIS = "own sessions from the entry's close"


def _most(rows: Sequence[Mapping[str, object]]) -> int:
    return max((int(formats.as_float(row.get("count"))) for row in rows), default=0)


def _percent(rows: Sequence[Mapping[str, object]], name: str) -> FloatArray:
    return 100.0 * np.array([formats.as_float(row.get(name)) for row in rows])


def _band(
    x: Sequence[str], rows: Sequence[Mapping[str, object]], low: str, high: str, color: str
) -> list[Trace]:
    """Two lines that nobody sees, with colour between them."""
    under = line(x, _percent(rows, low), low, "rgba(0,0,0,0)", width=0.0, hoverinfo="skip")
    over = line(x, _percent(rows, high), high, "rgba(0,0,0,0)", width=0.0, hoverinfo="skip")
    return [under, over | {"fill": "tonexty", "fillcolor": color}]


def _path_table(groups: Mapping[str, Sequence[Mapping[str, object]]], word: str) -> Table:
    names = {"taken": f"{word.capitalize()}s bought", "all": f"All {word}s"}
    fields = ("mean", "low", "high", "q25", "q75", "market")
    rows = [
        (
            label,
            formats.show(row.get("offset"), "count"),
            formats.show(row.get("count"), "count"),
            *(formats.percent(row.get(field)) for field in fields),
        )
        for group, label in names.items()
        for row in groups[group]
        if formats.as_float(row.get("offset")) % _EVERY == 0
    ]
    columns = (
        "Events", "Sessions from entry", "Count", "Mean", "90 % from", "to", "Quarter below",
        "Quarter above", "Benchmark",
    )  # fmt: skip
    return Table(columns, rows)


def _known(events: pd.DataFrame, name: str) -> FloatArray:
    values = events[name].to_numpy(dtype=np.float64)
    known: FloatArray = values[~np.isnan(values)]
    return known

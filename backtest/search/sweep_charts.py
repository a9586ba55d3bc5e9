"""Charts and surfaces of a sweep: how a measure lies over the keys that vary."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from backtest.report import formats
from backtest.report.page import Chart, Table
from backtest.report.plot import Layout, base_layout
from backtest.report.sweep_page import Cell, Surface
from backtest.search.job import Row
from backtest.search.scores import LESS_IS_BETTER
from backtest.search.selection import neighbourhood_medians, scores_by
from backtest.search.sweep import Sweep
from backtest.sleeves.keys import short_key

FloatArray = NDArray[np.float64]

_SURFACES = 6
_VALUES = 12  # of a key on a surface; more are put into so many groups of equal size
_DRAWN = 4_000  # points of a cloud
_SEARCHED = 4_000  # trials whose neighbours are looked for
PERCENT = frozenset({"total_return", "cagr", "volatility", "max_drawdown", "turnover", "exposure"})


def slices(sweep: Sweep, rows: Sequence[Row], measure: str) -> list[Chart]:
    """Spread of the measure over all trials with a value, for each value of each key."""
    keys = [key for key in sweep.keys if len(_groups(rows, key)) > 1]
    if not keys:
        return []
    data: list[dict[str, object]] = []
    table: list[tuple[str, ...]] = []
    layout: Layout = base_layout()
    scale = 100.0 if measure in PERCENT else 1.0
    for k, key in enumerate(keys):
        groups = _groups(rows, key)
        spreads = np.array(
            [
                np.nanquantile([float_of(row[measure]) * scale for row in own], (0.1, 0.5, 0.9))
                for _, own in groups
            ]
        )
        axis = str(k + 1) if k else ""
        data.append(_slice(short(key), [name for name, _ in groups], spreads, axis))
        layout[f"xaxis{axis}"] = {
            **(dict(layout["xaxis"]) if k == 0 else {}),
            "type": "category",
            "domain": [k / len(keys) + (0.02 if k else 0.0), (k + 1) / len(keys) - 0.01],
            "title": {"text": short(key), "font": {"size": 12}},
            "automargin": True,
            "showgrid": False,
        }
        table += [
            (short(key), name, f"{len(own):,}", *(f"{value:.2f}" for value in spread))
            for (name, own), spread in zip(groups, spreads, strict=True)
        ]
    layout["yaxis"] |= {"ticksuffix": " %"} if measure in PERCENT else {}
    return [
        Chart(
            name="slices",
            title=f"{label_of(measure)} by the value of each key",
            note="Dot: median over all trials with that value; bar: from the worst to the best "
            "tenth. A key whose dots lie flat matters little.",
            figure={"data": data, "layout": {**layout, "hovermode": "closest"}},
            table=Table(
                ("Key", "Value", "Trials", "Worst tenth", "Median", "Best tenth"), table, text=2
            ),
        )
    ]


def _slice(name: str, values: list[str], spreads: FloatArray, axis: str) -> dict[str, object]:
    """Trace of one key: a dot at each median, a bar from the low to the high tenth."""
    low, middle, high = spreads.T
    return {
        "type": "scatter",
        "mode": "markers+lines",
        "x": values,
        "y": middle,
        "name": name,
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": high - middle,
            "arrayminus": middle - low,
            "color": "@strategy/0.45",
            "thickness": 3,
            "width": 0,
        },
        "line": {"color": "@strategy", "width": 1},
        "marker": {"color": "@strategy", "size": 7},
        "xaxis": f"x{axis}",
        "hovertemplate": "%{x}: %{y:.2f}<extra></extra>",
    }


def surfaces(sweep: Sweep, rows: Sequence[Row], measure: str) -> list[Surface]:
    """Median of the measure over each pair of keys."""
    keys = [key for key in sweep.keys if len(_groups(rows, key)) > 1]
    surfaces = []
    scores = scores_by(rows, measure)
    known = scores[~np.isnan(scores)]
    if not known.size:
        return []
    middle = float(np.median(known))
    reach = max(float(np.max(np.abs(known - middle))), 1e-12)
    for down, across in list(combinations(keys, 2))[:_SURFACES]:
        rows_by, columns_by = _groups(rows, down), _groups(rows, across)
        lines = []
        for head, own in rows_by:
            ids = {id(row) for row in own}
            cells = []
            for _, others in columns_by:
                values = [float_of(row[measure]) for row in others if id(row) in ids]
                values = [value for value in values if not np.isnan(value)]
                cells.append(_cell(values, measure, middle, reach))
            lines.append((head, cells))
        surfaces.append(
            Surface(
                title=f"{short(down)} and {short(across)}",
                note=f"Median {label_of(measure)} over all other keys; blue is above the middle of "
                "all trials, orange below.",
                down=short(down),
                across=short(across),
                columns=[name for name, _ in columns_by],
                rows=lines,
            )
        )
    return surfaces


def _cell(values: Sequence[float], measure: str, middle: float, reach: float) -> Cell:
    if not values:
        return Cell("")
    value = float(np.median(values))
    score = -value if measure in LESS_IS_BETTER else value
    depth = min(abs(score - middle) / reach, 1.0)
    title = f"{formats.counted(len(values), 'trial')}, best {measured(max(values), measure)}"
    return Cell(measured(value, measure), score < middle, round(depth, 3), title)


def clouds(sweep: Sweep, rows: Sequence[Row], measure: str) -> list[Chart]:
    """Every trial: its return against its drawdown, its score against its neighbours'."""
    if not rows:
        return []
    step = max(1, -(-len(rows) // _DRAWN))
    shown = rows[::step]
    charts = [
        _cloud(
            "frontier",
            "Return against the deepest fall",
            "Each dot is a trial. The upper right is better; what stands alone there is suspect.",
            x=[100.0 * float_of(row["max_drawdown"]) for row in shown],
            y=[100.0 * float_of(row["cagr"]) for row in shown],
            axes=("Max drawdown, %", "CAGR, %"),
            rows=shown,
        ),
        _cloud(
            "dealing",
            "Return against turnover",
            "One-way turnover a year. Return that needs much dealing leans on the costs assumed.",
            x=[100.0 * float_of(row["turnover"]) for row in shown],
            y=[100.0 * float_of(row["cagr"]) for row in shown],
            axes=("Turnover a year, %", "CAGR, %"),
            rows=shown,
        ),
    ]
    if len(rows) <= _SEARCHED:
        medians = neighbourhood_medians(rows, measure, sweep.keys)
        charts.append(
            _cloud(
                "plateau",
                f"{label_of(measure)} against its neighbours'",
                "On the diagonal the neighbours do as well: a plateau. Far right of it: a spike.",
                x=[float_of(row[measure]) for row in shown],
                y=[float(medians[k]) for k in range(0, len(rows), step)],
                axes=(label_of(measure), "Median of the neighbours"),
                rows=shown,
            )
        )
    return charts


def _cloud(
    name: str,
    title: str,
    note: str,
    *,
    x: list[float],
    y: list[float],
    axes: tuple[str, str],
    rows: Sequence[Row],
) -> Chart:
    layout = base_layout()
    layout["xaxis"] |= {"title": {"text": axes[0], "font": {"size": 12}}}
    layout["yaxis"] |= {"title": {"text": axes[1], "font": {"size": 12}}}
    labels = [f"trial {row['trial']}" for row in rows]
    dots = {
        "type": "scattergl" if len(rows) > 1_000 else "scatter",
        "mode": "markers",
        "x": x,
        "y": y,
        "text": labels,
        "marker": {"color": "@strategy/0.5", "size": 6, "line": {"width": 0}},
        "hovertemplate": "%{text}<br>%{x:.2f}, %{y:.2f}<extra></extra>",
    }
    table = [
        (label.removeprefix("trial "), f"{a:.2f}", f"{b:.2f}")
        for label, a, b in zip(labels, x, y, strict=True)
    ]
    return Chart(
        name=name,
        title=title,
        note=note,
        figure={"data": [dots], "layout": {**layout, "hovermode": "closest"}},
        table=Table(("Trial", *axes), table[:500]),
    )


def _groups(rows: Sequence[Row], key: str) -> list[tuple[str, list[Row]]]:
    """Rows by the value of a key, ascending; many numbers in groups of about equal size."""
    values = [row[key] for row in rows]
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        numbers = np.array(values, dtype=np.float64)
        distinct = np.unique(numbers)
        if len(distinct) > _VALUES:
            edges = np.unique(np.quantile(numbers, np.linspace(0, 1, 9)))
            place = np.clip(np.searchsorted(edges, numbers, side="right") - 1, 0, len(edges) - 2)
            return [
                (
                    f"{edges[k]:.3g} to {edges[k + 1]:.3g}",
                    [row for row, at in zip(rows, place, strict=True) if at == k],
                )
                for k in range(len(edges) - 1)
                if (place == k).any()
            ]
        return [
            (f"{value:.6g}", [row for row, own in zip(rows, numbers, strict=True) if own == value])
            for value in distinct
        ]
    words = sorted({text_of(value) for value in values})
    return [(word, [row for row in rows if text_of(row[key]) == word]) for word in words]


def short(key: str) -> str:
    """Name of a key without what all parameters share."""
    return short_key(key)


def label_of(measure: str) -> str:
    """Words for a measure."""
    names = {
        "cagr": "CAGR",
        "sharpe": "Sharpe ratio",
        "max_drawdown": "Max drawdown",
        "turnover": "Turnover a year",
        "costs_bps": "Costs, bps a year",
        "exposure": "Gross exposure",
    }
    return names.get(measure, formats.label_of(measure))


def measured(value: object, measure: str) -> str:
    """A value in the form of its measure."""
    if measure in PERCENT:
        return formats.percent(value)
    return formats.number(value)


def text_of(value: object) -> str:
    """A value of a key as it is written."""
    if value is None:
        return "none"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def float_of(value: object) -> float:
    """A number; NaN for what is none."""
    return float(value) if isinstance(value, int | float) else float("nan")

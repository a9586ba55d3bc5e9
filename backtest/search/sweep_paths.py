"""Lines of a sweep: each trial through its settings, and all trials through time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from backtest.report import formats
from backtest.report.page import Chart, Key, Table
from backtest.report.plot import Trace, base_layout, date_axis, line, plain
from backtest.search.columns import columns_of, places_of
from backtest.search.job import Row
from backtest.search.selection import scores_by
from backtest.search.statistics import navs_of
from backtest.search.sweep import Sweep
from backtest.search.sweep_charts import label_of, measured, short, text_of

FloatArray = NDArray[np.float64]
Ticks = list[tuple[str, float]]

_DRAWN = 400  # trials drawn through their settings; of more, an even choice by score
_FANNED = 2_000  # trials whose NAV makes the bands
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_TOLD = "%{y:.3f}"
_SCATTER = 0.03  # of an axis: lines of one value lie beside one another


def parallel(sweep: Sweep, rows: Sequence[Row], measure: str) -> list[Chart]:
    """Each trial as a line through its values; the best tenth and the worst tenth stand out."""
    scores = scores_by(rows, measure)
    keys = [key for key in sweep.keys if len({text_of(row[key]) for row in rows}) > 1]
    known = np.flatnonzero(~np.isnan(scores))
    if len(keys) < 2 or len(known) < 10:
        return []
    ranked = known[np.argsort(scores[known], kind="stable")]
    drawn = ranked[np.linspace(0, len(ranked) - 1, min(len(ranked), _DRAWN)).round().astype(int)]
    axes = [_axis([row[key] for row in rows]) for key in keys]
    tenth = max(len(drawn) // 10, 1)
    groups = (
        ("Others", drawn[tenth:-tenth], "@benchmark/0.18", "benchmark", 1.0),
        ("Worst tenth", drawn[:tenth], "@loss/0.6", "loss", 1.2),
        ("Best tenth", drawn[-tenth:], "@strategy/0.8", "strategy", 1.4),
    )
    data = [
        _lines(name, chosen.tolist(), [axis for axis, _ in axes], color=color, width=width)
        for name, chosen, color, _, width in groups
    ]
    layout = _settings_layout(keys, [ticks for _, ticks in axes])
    best = ranked[::-1][: min(len(ranked), 100)]
    table = [
        (
            str(rows[place]["trial"]),
            measured(rows[place][measure], measure),
            *(text_of(rows[place][key]) for key in keys),
        )
        for place in best.tolist()
    ]
    return [
        Chart(
            name="parallel",
            title="Where the best and the worst trials lie",
            note=f"A line is a trial, by {label_of(measure)}. Where the best tenth bundles, the "
            "value matters; where it spreads, it does not.",
            figure={"data": data, "layout": layout},
            table=Table(("Trial", label_of(measure), *(short(key) for key in keys)), table),
            legend=tuple(Key(name, key) for name, _, _, key, _ in groups[::-1]),
            height="tall",
        )
    ]


def _lines(
    name: str, places: Sequence[int], axes: Sequence[FloatArray], *, color: str, width: float
) -> Trace:
    """Trace of the trials at ``places``, a gap after each."""
    x: list[float | None] = []
    y: list[float | None] = []
    for place in places:
        shift = _SCATTER * (2.0 * ((place * 7) % 11) / 10.0 - 1.0)
        x += [*range(len(axes)), None]
        y += [*(float(axis[place]) + shift for axis in axes), None]
    return line(x, y, name, color, width=width, hoverinfo="skip")  # type: ignore[arg-type]  # gaps


def _settings_layout(keys: Sequence[str], ticks: Sequence[Ticks]) -> dict[str, object]:
    """An upright axis for each key, its values written beside it."""
    layout = base_layout()
    layout["xaxis"] |= {
        "tickvals": list(range(len(keys))),
        "ticktext": [plain(short(key)) for key in keys],
        "range": [-0.4, len(keys) - 0.6],
    }
    layout["yaxis"] |= {"visible": False, "range": [-0.06, 1.06]}
    labels = [
        {
            "x": k, "y": place, "text": plain(text), "showarrow": False, "xanchor": "left",
            "xshift": 6, "font": {"size": 11, "color": "@ink"}, "bgcolor": "@paper",
            "borderpad": 1,
        }
        for k, own in enumerate(ticks)
        for text, place in own
    ]  # fmt: skip
    return {**layout, "annotations": labels}


def _axis(values: Sequence[object]) -> tuple[FloatArray, Ticks]:
    """Places of the values on an axis of length one, and what is written beside it."""
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        numbers = np.array(values, dtype=np.float64)
        distinct = np.unique(numbers)
        if len(distinct) > 6:
            low, high = distinct[0], distinct[-1]
            places = (numbers - low) / (high - low)
            return places, [(f"{low:.6g}", 0.0), (f"{high:.6g}", 1.0)]
        steps = np.linspace(0.0, 1.0, len(distinct))
        places = steps[np.searchsorted(distinct, numbers)]
        return places, [(f"{v:.6g}", float(s)) for v, s in zip(distinct, steps, strict=True)]
    words = sorted({text_of(value) for value in values})
    steps = np.linspace(0.0, 1.0, len(words))
    places = np.array([steps[words.index(text_of(value))] for value in values])
    shown = list(zip(words, steps.tolist(), strict=True))
    return places, shown if len(shown) <= 6 else [shown[0], shown[-1]]


def fan(sweep: Sweep, best: Sequence[Row]) -> list[Chart]:
    """NAV of all trials that traded, as bands, and of the best; only where NAV was kept."""
    active = np.flatnonzero(columns_of(sweep.table, sweep.settings.rank_by).traded)
    chosen = active[
        np.linspace(0, len(active) - 1, min(len(active), _FANNED)).round().astype(np.int64)
    ]
    navs = navs_of(sweep, chosen)
    base = pq.read_table(sweep.folder / "base.parquet")
    if navs is None or len(navs) != len(base):
        return []
    days = [str(day)[:10] for day in base["session"].to_pylist()]
    growth = navs / navs[0]
    bands = np.quantile(growth, _QUANTILES, axis=1)
    layout = base_layout()
    layout["xaxis"] |= date_axis()
    own = base["nav"].to_numpy()
    data = [
        *_bands(days, bands),
        line(days, own / own[0], "As configured", "@ink", dash="dot", hovertemplate=_TOLD),
    ]
    for row in best:
        nav = navs_of(sweep, places_of(sweep.table, [int(str(row["trial"]))]))
        if nav is not None:
            name, mine = f"Trial {row['trial']}, the best", nav[:, 0] / nav[0, 0]
            data.append(line(days, mine, name, "@strategy", width=2.0, hovertemplate=_TOLD))
    names = [f"{formats.percent(q, 0)} of trials are below" for q in _QUANTILES]
    ends = [
        (name, formats.number(band[-1], 3)) for name, band in zip(names, bands, strict=True)
    ]  # fmt: skip
    return [
        Chart(
            name="fan",
            title="All trials through time",
            note=f"Growth since the first close, {len(chosen):,} trials that traded. Bands: the "
            "middle half, and all but the outer twentieths. The best was picked with the whole "
            "period known.",
            figure={"data": data, "layout": layout},
            table=Table(("At the end", "Growth"), ends),
            legend=(
                Key("Best, in sample", "strategy"),
                Key("As configured, dotted", "ink"),
                Key("Median and bands", "benchmark"),
            ),
            height="tall",
        )
    ]


def _bands(days: Sequence[str], bands: FloatArray) -> list[Trace]:
    """The outer band, the inner one, and the median."""
    data = []
    for low, high, color in ((0, 4, "@benchmark/0.18"), (1, 3, "@benchmark/0.3")):
        for edge, fill in ((low, {}), (high, {"fill": "tonexty", "fillcolor": color})):
            trace = line(days, bands[edge], "", "@benchmark/0.01", width=0.0, hoverinfo="skip")
            data.append(trace | fill)
    data.append(line(days, bands[2], "Median trial", "@benchmark", hovertemplate=_TOLD))
    return data

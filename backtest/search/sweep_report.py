"""A finished sweep in words, tables and charts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backtest.report import formats
from backtest.report.page import Chart, Table, write_text
from backtest.report.plot import Layout, base_layout
from backtest.report.sweep_page import Cell, Surface, SweepView, sweep_html
from backtest.search.job import Row
from backtest.search.scores import LESS_IS_BETTER
from backtest.search.selection import neighbourhood_medians, scores_by
from backtest.search.statistics import SweepStatistics, statistics_of
from backtest.search.sweep import Sweep

FloatArray = NDArray[np.float64]

_BEST = 20
_SURFACES = 6
_VALUES = 12  # of a key on a surface; more are put into so many groups of equal size
_DRAWN = 4_000  # points of a cloud
_SEARCHED = 4_000  # trials whose neighbours are looked for
_PERCENT = frozenset({"total_return", "cagr", "volatility", "max_drawdown"})


def write_report(sweep: Sweep) -> Path:
    """Write ``sweep.html`` beside the table of a complete sweep."""
    statistics, rows = statistics_of(sweep)
    return write_text(sweep.folder / "sweep.html", sweep_html(view_of(sweep, statistics, rows)))


def view_of(sweep: Sweep, statistics: SweepStatistics, rows: list[Row]) -> SweepView:
    """What the page shows."""
    said = json.loads((sweep.folder / "sweep.json").read_text("utf-8"))
    period = said["period"]
    measure = sweep.settings.rank_by
    traded = [row for row in rows if row["status"] == "done" and row["fills"] != 0]
    scores = scores_by(traded, measure)
    ranked = [int(k) for k in np.argsort(-np.nan_to_num(scores, nan=-np.inf), kind="stable")]
    best = [traded[k] for k in ranked[:_BEST] if not np.isnan(scores[k])]
    badges = [("note", "Simulated market")] if said["simulated"] else []
    return SweepView(
        title=f"Sweep of {sweep.config.name}",
        description=sweep.config.description,
        facts=[
            ("Period", f"{period['first']} to {period['last']}"),
            ("Data", said["bundle"]),
            ("Trials", _trials(statistics)),
            ("Keys", ", ".join(_short(key) for key in sweep.keys)),
            ("Ranked by", _label(measure)),
        ],
        badges=[*badges, ("note", "In sample: the whole period chose")],
        verdicts=_verdicts(statistics),
        statistics=_statistics(statistics),
        best=_best_table(sweep, best),
        links=[_link(sweep, row) for row in best],
        slices=_slices(sweep, traded, measure),
        surfaces=_surfaces(sweep, traded, measure),
        clouds=_clouds(sweep, traded, measure),
        failures=Table(
            ("Trial", "Why", *(_short(key) for key in sweep.keys)),
            [
                (str(row["trial"]), str(row["error"]), *(_text(row[key]) for key in sweep.keys))
                for row in rows
                if row["status"] == "failed"
            ][:200],
            text=2,
        ),
        settings=json.dumps(said["sweep"], indent=2, ensure_ascii=False),
        command="backtest sweep CONFIG    # goes on where it was stopped",
    )


def _trials(statistics: SweepStatistics) -> str:
    text = formats.counted(statistics.trials, "trial")
    if statistics.idle:
        text += f", {statistics.idle:,} of them never traded"
    return text + (f"; {statistics.failed:,} failed" if statistics.failed else "")


def _verdicts(s: SweepStatistics) -> list[str]:
    """What the statistics come to, the plain answer first."""
    if s.best is None or s.deflated_sharpe is None or s.expected_best_by_luck is None:
        return ["Too few trials traded to say anything of luck."]
    tried = s.trials - s.idle
    if s.deflated_sharpe >= 0.95:
        first = f"Luck among {tried:,} trials does not explain the best one."
    elif s.deflated_sharpe >= 0.5:
        first = f"The best of {tried:,} trials may well be luck."
    else:
        first = f"The best of {tried:,} trials is no better than luck would make it."
    found = [
        first,
        f"Its Sharpe ratio is {formats.number(s.best_sharpe)}; the best of as many trials without "
        f"any skill is expected at {formats.number(s.expected_best_by_luck)}. The odds that it has "
        f"skill beyond that are {formats.percent(s.deflated_sharpe, 1)} (deflated Sharpe ratio).",
    ]
    if s.overfitting is not None:
        found.append(
            f"Choosing by one half of history, the chosen trial was below the median of the other "
            f"half in {formats.percent(s.overfitting, 0)} of all splits (PBO; half is what chance "
            f"gives), and lost money in {formats.percent(s.probability_of_loss, 0)}."
        )
    if s.neighbours_median is not None and s.best_sharpe:
        found.append(
            f"Its neighbours' median is {formats.number(s.neighbours_median)}: close to the best "
            "is a plateau, far below it a spike."
        )
    return found


def _statistics(s: SweepStatistics) -> list[tuple[str, str, str]]:
    number, percent = formats.number, formats.percent
    return [
        ("Trials that traded", f"{s.trials - s.idle:,}", "what the best was chosen from"),
        (
            "Independent trials",
            formats.UNKNOWN if s.independent is None else f"{s.independent:,}",
            "clusters of trials whose returns correlate by half or more; needs sweep.keep_nav",
        ),
        ("Best Sharpe ratio, annual", number(s.best_sharpe), "in sample, after costs"),
        (
            "Expected best by luck, annual",
            number(s.expected_best_by_luck),
            "spread of the trials' ratios x expected maximum of as many normal draws "
            "(Bailey and Lopez de Prado 2014)",
        ),
        (
            "Deflated Sharpe ratio",
            percent(s.deflated_sharpe, 1),
            "probability that the best has skill beyond the luck of being picked; observed ratio "
            "in the variance, n - 1",
        ),
        (
            "... counting independent trials only",
            percent(s.deflated_sharpe_independent, 1),
            "the same with the number of clusters",
        ),
        (
            "Probability of overfitting (PBO)",
            percent(s.overfitting, 1),
            f"combinatorially symmetric cross-validation over {s.judged_by:,} trials; one value "
            "near 20 % is no evidence, chance gives anything from 10 to 90 %",
        ),
        (
            "Probability of loss out of sample",
            percent(s.probability_of_loss, 1),
            "share of the same splits in which the chosen trial lost",
        ),
        (
            "Slope out of sample on in sample",
            number(s.slope),
            "below 0: the better it looked, the worse it was",
        ),
        (
            "Minimum backtest length, years",
            number(s.min_backtest_years, 1),
            "below it, a Sharpe ratio of 1 is expected from as many trials without skill; here "
            f"are {number(s.years, 1)} years",
        ),
    ]


def _best_table(sweep: Sweep, best: Sequence[Row]) -> Table:
    measures = ("sharpe", "total_return", "cagr", "volatility", "max_drawdown")
    columns = ("Trial", *(_short(key) for key in sweep.keys), *(_label(name) for name in measures))
    return Table(
        (*columns, "Fills"),
        [
            (
                str(row["trial"]),
                *(_text(row[key]) for key in sweep.keys),
                *(_measured(row[name], name) for name in measures),
                f"{row['fills']:,}",
            )
            for row in best
        ],
    )


def _link(sweep: Sweep, row: Row) -> str:
    """Where the trial's tearsheet is from the sweep's folder; empty where it has none."""
    folder = sweep.folder.parent / str(row["fingerprint"])
    there = (folder / "tearsheet.html").is_file()
    return f"../{row['fingerprint']}/tearsheet.html" if there else ""


def _slices(sweep: Sweep, rows: Sequence[Row], measure: str) -> list[Chart]:
    """Spread of the measure over all trials with a value, for each value of each key."""
    keys = [key for key in sweep.keys if len(_groups(rows, key)) > 1]
    if not keys:
        return []
    data: list[dict[str, object]] = []
    table = []
    layout: Layout = base_layout()
    width = 1.0 / len(keys)
    scale = 100.0 if measure in _PERCENT else 1.0
    for k, key in enumerate(keys):
        groups = _groups(rows, key)
        axis = str(k + 1) if k else ""
        names = [name for name, _ in groups]
        spreads = [
            np.nanquantile([_float(row[measure]) * scale for row in own], (0.1, 0.5, 0.9))
            for _, own in groups
        ]
        low, middle, high = (np.array(part) for part in zip(*spreads, strict=True))
        data.append(
            {
                "type": "scatter",
                "mode": "markers+lines",
                "x": names,
                "y": middle,
                "name": _short(key),
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
        )
        shared = dict(layout["xaxis"]) if k == 0 else {}
        layout[f"xaxis{axis}"] = {
            **shared,
            "type": "category",
            "domain": [k * width + (0.02 if k else 0.0), (k + 1) * width - 0.01],
            "title": {"text": _short(key), "font": {"size": 12}},
            "automargin": True,
            "showgrid": False,
        }
        table += [
            (_short(key), name, f"{len(own):,}", *(f"{v:.2f}" for v in (a, b, c)))
            for (name, own), a, b, c in zip(groups, low, middle, high, strict=True)
        ]
    layout["yaxis"] |= {"ticksuffix": " %"} if measure in _PERCENT else {}
    return [
        Chart(
            name="slices",
            title=f"{_label(measure)} by the value of each key",
            note="Dot: median over all trials with that value; bar: from the worst to the best "
            "tenth. A key whose dots lie flat matters little.",
            figure={"data": data, "layout": {**layout, "hovermode": "closest"}},
            table=Table(
                ("Key", "Value", "Trials", "Worst tenth", "Median", "Best tenth"), table, text=2
            ),
        )
    ]


def _surfaces(sweep: Sweep, rows: Sequence[Row], measure: str) -> list[Surface]:
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
                values = [_float(row[measure]) for row in others if id(row) in ids]
                values = [value for value in values if not np.isnan(value)]
                cells.append(_cell(values, measure, middle, reach))
            lines.append((head, cells))
        surfaces.append(
            Surface(
                title=f"{_short(down)} and {_short(across)}",
                note=f"Median {_label(measure)} over all other keys; blue is above the middle of "
                "all trials, orange below.",
                down=_short(down),
                across=_short(across),
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
    title = f"{formats.counted(len(values), 'trial')}, best {_measured(max(values), measure)}"
    return Cell(_measured(value, measure), score < middle, round(depth, 3), title)


def _clouds(sweep: Sweep, rows: Sequence[Row], measure: str) -> list[Chart]:
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
            x=[100.0 * _float(row["max_drawdown"]) for row in shown],
            y=[100.0 * _float(row["cagr"]) for row in shown],
            axes=("Max drawdown, %", "CAGR, %"),
            rows=shown,
        )
    ]
    if len(rows) <= _SEARCHED:
        medians = neighbourhood_medians(rows, measure, sweep.keys)
        charts.append(
            _cloud(
                "plateau",
                f"{_label(measure)} against its neighbours'",
                "On the diagonal the neighbours do as well: a plateau. Far right of it: a spike.",
                x=[_float(row[measure]) for row in shown],
                y=[float(medians[k]) for k in range(0, len(rows), step)],
                axes=(_label(measure), "Median of the neighbours"),
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
    words = sorted({_text(value) for value in values})
    return [(word, [row for row in rows if _text(row[key]) == word]) for word in words]


def _short(key: str) -> str:
    return key.removeprefix("strategy.params.")


def _label(measure: str) -> str:
    names = {"cagr": "CAGR", "sharpe": "Sharpe ratio", "max_drawdown": "Max drawdown"}
    return names.get(measure, formats.label_of(measure))


def _measured(value: object, measure: str) -> str:
    if measure in _PERCENT:
        return formats.percent(value)
    return formats.number(value)


def _text(value: object) -> str:
    if value is None:
        return "none"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _float(value: object) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")

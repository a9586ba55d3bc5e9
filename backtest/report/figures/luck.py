"""Whether the Sharpe ratio can be told from luck."""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import NormalDist

from backtest.report import formats
from backtest.report.page import Chart, Table
from backtest.report.plot import base_layout

_ERRORS = (
    ("sharpe_error_iid", "Independent, normal"),
    ("sharpe_error_mertens", "Skewed, fat tails"),
    ("sharpe_error_hac", "With memory"),
)


def sharpe_chart(inference: Mapping[str, object], interval: object) -> Chart | None:
    """The ratio with its 90 % interval by each way to reckon its error; None without a ratio."""
    ratio = formats.as_float(inference.get("sharpe_annual"))
    z = NormalDist().inv_cdf(0.95)
    rows = []
    for name, label in _ERRORS:
        error = formats.as_float(inference.get(name))
        rows.append((label, error, ratio - z * error, ratio + z * error))
    if isinstance(interval, list):
        low, high = (formats.as_float(end) for end in interval)
        rows.append(("Drawn again in blocks", math.nan, low, high))
    rows = [row for row in rows if math.isfinite(row[2]) and math.isfinite(row[3])]
    if not math.isfinite(ratio) or not rows:
        return None
    labels = [row[0] for row in rows]
    data = {
        "type": "scatter",
        "mode": "markers",
        "x": [ratio] * len(rows),
        "y": labels,
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [row[3] - ratio for row in rows],
            "arrayminus": [ratio - row[2] for row in rows],
            "color": "@strategy",
            "thickness": 2,
            "width": 6,
        },
        "marker": {"color": "@strategy", "size": 8},
        "text": [f"{formats.number(row[2])} to {formats.number(row[3])}" for row in rows],
        "hovertemplate": "%{y}: %{text}<extra></extra>",
    }
    layout = base_layout()
    layout["xaxis"] |= {"type": "linear", "zeroline": True, "nticks": 8, "rangemode": "tozero"}
    layout["yaxis"] |= {"type": "category", "autorange": "reversed", "showgrid": False}
    table = [
        (label, formats.number(error), formats.number(low), formats.number(high))
        for label, error, low, high in rows
    ]
    return Chart(
        name="sharpe",
        title="Sharpe ratio and its 90 % interval",
        note="An interval that holds 0 cannot be told from luck, even before counting trials.",
        figure={"data": [data], "layout": {**layout, "hovermode": "closest"}},
        table=Table(("Returns taken as", "Standard error", "From", "To"), table),
        height="low",
    )

"""What was paid: from gross to net, step by step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from backtest.report import formats
from backtest.report.page import Chart, Table
from backtest.report.plot import bars, base_layout, plain

_FEW_STEPS = 8


def costs_chart(rows: Sequence[tuple[str, float]], *, currency: str) -> Chart:
    """Waterfall of profit: gross, each cost, net.

    ``rows`` are labels and amounts: the first is the gross level, the last the net level, those
    between are the steps (a cost < 0). Levels are drawn as lines and steps as bars, so the axis
    may start anywhere without lying.
    """
    names = [plain(label) for label, _ in rows]
    steps = np.array([step for _, step in rows[1:-1]])
    levels = rows[0][1] + np.concatenate(([0.0], np.cumsum(steps)))
    texts = [formats.number(amount, 0) for _, amount in rows]
    hover = {"hovertemplate": f"%{{text}} {plain(currency)}<extra></extra>", "cliponaxis": False}
    falls = bars(
        steps, names[1:-1], "Cost", ["@loss" if step < 0 else "@gain" for step in steps],
        base=levels[:-1], text=texts[1:-1], textposition="none", orientation="h", width=0.6,
        **hover,
    )  # fmt: skip
    ends = {
        "type": "scatter",
        "mode": "markers",
        "x": [rows[0][1], rows[-1][1]],
        "y": [names[0], names[-1]],
        "text": [texts[0], texts[-1]],
        "marker": {"symbol": "line-ns", "size": 18, "line": {"width": 3, "color": "@strategy"}},
        **hover,
    }
    room = 0.06 * float(levels.max() - levels.min()) or 1.0
    # Words stand in one column at the right end, where no bar can reach them.
    words = [
        {
            "x": 1, "xref": "paper", "xanchor": "left", "xshift": 6, "y": name, "text": text,
            "showarrow": False,
            "font": {"color": "@ink", "weight": 600 if row in (0, len(names) - 1) else 400},
        }
        for row, (name, text) in enumerate(zip(names, texts, strict=True))
    ]  # fmt: skip
    layout = base_layout()
    layout["margin"] |= {"r": 12 + 8 * max(len(text) for text in texts)}
    layout["yaxis"] |= {
        "type": "category",
        "showgrid": False,
        "categoryorder": "array",
        "categoryarray": names,
        "tickvals": names,
        "autorange": "reversed",
    }
    layout["xaxis"] |= {
        "tickformat": "~s",
        "nticks": 6,
        "range": [float(levels.min()) - room, float(levels.max()) + room],
    }
    return Chart(
        name="costs",
        title=f"From gross to net profit, {currency}",
        note="The axis need not start at zero: gross and net are levels, costs the steps between.",
        figure={
            "data": [falls, ends],
            "layout": {**layout, "hovermode": "closest", "annotations": words},
        },
        table=Table(
            ("Step", currency), [(label, formats.number(amount, 0)) for label, amount in rows]
        ),
        height="middle" if len(names) <= _FEW_STEPS else "tall",
    )

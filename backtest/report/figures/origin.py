"""What the return moved with: sessions by the US night before them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from backtest.report import formats
from backtest.report.page import Chart, Key, Table
from backtest.report.plot import bars, base_layout, percent_axis


def nights_chart(nights: Sequence[Mapping[str, object]], *, source: str, benchmark: str) -> Chart:
    """Mean return of a session by the US move of the night before, the benchmark's beside."""
    ranges = [range_words(row, 0) for row in nights]
    mine = np.array([formats.as_float(row.get("mean_return")) for row in nights])
    market = np.array([formats.as_float(row.get("mean_benchmark")) for row in nights])
    has_market = bool(np.isfinite(market).any())
    look = {"hovertemplate": "%{y:.3f} %", "width": 0.36}
    ticks = [_tick(row) for row in nights]
    data = [bars(ticks, 100.0 * mine, "Strategy", "@strategy", **look)]
    legend = [Key("Strategy", "strategy")]
    if has_market:
        data.append(bars(ticks, 100.0 * market, benchmark, "@benchmark/0.75", **look))
        legend.append(Key(benchmark, "benchmark"))
    layout = base_layout()
    words = {"text": "US move of the night, %", "standoff": 6, "font": {"size": 12}}
    layout["xaxis"] |= {"type": "category", "showgrid": False, "tickangle": 0, "title": words}
    layout["yaxis"] |= {**percent_axis(), "zeroline": True, "nticks": 6}
    rows = [
        (
            words,
            formats.show(row.get("sessions"), "count"),
            formats.percent(own, 3),
            *[formats.percent(theirs, 3)] * has_market,
            formats.percent(row.get("hit_rate"), 1),
        )
        for words, row, own, theirs in zip(ranges, nights, mine, market, strict=True)
    ]
    columns = ("US night", "Sessions", "Mean return", *[benchmark] * has_market, "Gained")
    return Chart(
        name="nights",
        title="Mean return of a session by the US night before",
        note=f"{source}, close to close, as known at the decision.",
        figure={"data": data, "layout": layout},
        table=Table(columns, rows),
        legend=tuple(legend),
    )


def _tick(row: Mapping[str, object]) -> str:
    """Words of a range that fit below a narrow bar."""
    low, high = (
        formats.number(100.0 * formats.as_float(row.get(end)), 0) for end in ("from", "to")
    )
    if row.get("from") is None:
        return f"below {high}"
    return f"above {low}" if row.get("to") is None else f"{low} to {high}"


def range_words(row: Mapping[str, object], digits: int) -> str:
    """Words for a range of fractions: ``below -2 %``, ``-2 % to -1 %``, ``2 % and more``."""
    low, high = row.get("from"), row.get("to")
    if low is None:
        return f"below {formats.percent(high, digits)}"
    if high is None:
        return f"{formats.percent(low, digits)} and more"
    return f"{formats.percent(low, digits)} to {formats.percent(high, digits)}"

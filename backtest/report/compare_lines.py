"""Lines of several runs, panel under panel: the parts that the charts of a comparison share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from backtest.report.page import Key
from backtest.report.plot import Layout, Trace, line, panels, percent_axis

if TYPE_CHECKING:
    from backtest.measures.performance import FloatArray
    from backtest.report.compare_common import Common
    from backtest.report.series import Series

FEW = 7
"""Up to so many runs have a colour each; of more, all but the first are grey until pointed at."""
COLORS = ("strategy", "second", "third", "fourth", "fifth", "sixth", "seventh")

_GREY = "@faint/0.5"
_REBASED = 100.0
_MOST_POINTS = 30_000  # of all runs together, on one panel


class Panel(NamedTuple):
    """One panel of a chart: its title, the form of its values, its share of the height."""

    title: str
    is_percent: bool
    share: float = 1.0
    digits: int = 2
    span: tuple[float, float] | None = None
    """Ends of its axis; as the values need without one."""


def color_of(run: int, runs: int) -> str:
    """Palette name of a run's colour; ``faint`` where there are too many for a colour each."""
    if runs <= FEW:
        return COLORS[run]
    return COLORS[0] if run == 0 else "faint"


def rebased_nav(daily: Series, values: FloatArray, common: Common) -> FloatArray:
    """``values`` as 100 on the first common session, or at the first known where there is none."""
    known = values[np.isfinite(values) & (values > 0.0)]
    start = np.nan
    if common.sessions.size:
        start = values[np.searchsorted(daily.account.sessions, common.sessions[0])]
    base = start if start > 0.0 else float(known[0]) if known.size else np.nan
    return _REBASED * values / base


def trace_of(
    dates: Sequence[str],
    values: FloatArray,
    name: str,
    panel: Panel,
    *,
    at: int,
    steps: int,
) -> Trace:
    """Line of one run on one panel, every ``steps``-th session and the last."""
    rows = np.arange(len(dates) - 1, -1, -steps)[::-1]
    y = (100.0 if panel.is_percent else 1.0) * values[rows]
    form = f"%{{y:.{panel.digits}f}}" + (" %" if panel.is_percent else "")
    return line(
        [dates[row] for row in rows],
        y,
        name,
        _GREY,
        yaxis=f"y{at + 1}" if at else "y",
        hovertemplate=form,
    )


def of_run(drawn: Sequence[Trace], run: int, runs: int) -> list[Trace]:
    """Traces of one run, in its colour and switched together."""
    is_many = runs > FEW
    color = _GREY if is_many and run else f"@{color_of(run, runs)}"
    width = 1.0 if is_many and run else 1.7
    return [
        trace
        | {
            "line": {"color": color, "width": width},
            "legendgroup": f"run{run}",
            # The page finds a run's lines by this name, to lift them out of the others.
            "uid": f"run{run}x{at}",
        }
        for at, trace in enumerate(drawn)
    ]


def in_order(data: Sequence[Trace], runs: int) -> list[Trace]:
    """Traces in the order in which they are drawn: above many grey lines the first run's."""
    if runs <= FEW:
        return list(data)
    return sorted(data, key=lambda trace: trace.get("legendgroup") == "run0")


def stacked(titles: Sequence[Panel], dailies: Sequence[Series]) -> Layout:
    """Layout of the panels over one time axis, from the first session of all runs to the last."""
    axes: list[Trace] = [
        {
            "nticks": 5,
            "zeroline": True,
            **(percent_axis() if title.is_percent else {}),
            **({"range": list(title.span)} if title.span else {}),
        }
        for title in titles
    ]
    layout = panels(
        [title.title for title in titles],
        [title.share for title in titles],
        axes,
        first=min(daily.dates[0] for daily in dailies),
        last=max(daily.dates[-1] for daily in dailies),
    )
    if len(dailies) > FEW:
        layout |= {"hovermode": "closest"}  # type: ignore[dict-item]  # a word, as plotly wants
    return layout


def steps_of(dailies: Sequence[Series]) -> int:
    """Every how many sessions a point is drawn: each, or weeks or months where there are many."""
    points = sum(len(daily.dates) for daily in dailies)
    return next((step for step in (1, 5, 21) if points / step <= _MOST_POINTS), 21)


def drawn_words(steps: int) -> str:
    """Say that not every session is drawn, where it is so."""
    return f" Drawn every {steps} sessions." if steps > 1 else ""


def legend_of(names: Sequence[str]) -> tuple[Key, ...]:
    """Keys of the runs; none where there are too many for a colour each."""
    if len(names) > FEW:
        return ()
    return tuple(Key(name, COLORS[run], f"run{run}") for run, name in enumerate(names))

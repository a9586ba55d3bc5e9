"""Report of a sweep as one self-contained page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from backtest.report.page import Chart, Table, embed_charts, render


@dataclass(frozen=True)
class Cell:
    """One field of a response surface; ``depth`` 0 to 1 shades it, below or above the middle."""

    text: str
    is_below: bool = False
    depth: float = 0.0
    title: str = ""


@dataclass(frozen=True)
class Surface:
    """A measure over the values of two keys."""

    title: str
    note: str
    down: str
    across: str
    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Cell]]]


@dataclass(frozen=True)
class SweepView:
    """What the page shows, in words and numbers ready to read."""

    title: str
    description: str
    facts: Sequence[tuple[str, str]]
    badges: Sequence[tuple[str, str]]
    verdicts: Sequence[str]
    statistics: Sequence[tuple[str, str, str]]
    best: Table
    links: Sequence[str]
    slices: Sequence[Chart]
    surfaces: Sequence[Surface]
    clouds: Sequence[Chart]
    failures: Table
    settings: str
    command: str
    extra: Sequence[Chart] = field(default_factory=tuple)


def sweep_html(view: SweepView) -> str:
    """Page of a sweep."""
    charts = [*view.slices, *view.clouds, *view.extra]
    return render(
        "sweep.html", title=view.title, theme="auto", view=view, chart_data=embed_charts(charts)
    )

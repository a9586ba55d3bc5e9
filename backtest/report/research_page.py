"""Findings about a strategy as one self-contained page of chapters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backtest.report.page import Chart, Table, embed_charts, render


@dataclass(frozen=True)
class Chapter:
    """One question of the page: an answer in words, charts, and titled tables."""

    name: str
    title: str
    note: str
    charts: Sequence[Chart] = ()
    tables: Sequence[tuple[str, Table]] = ()


@dataclass(frozen=True)
class ResearchView:
    """What the page shows, in words and numbers ready to read.

    ``badges`` are level and text, ``link`` is where the page leads on to, relative, and its words.
    """

    title: str
    description: str
    facts: Sequence[tuple[str, str]]
    badges: Sequence[tuple[str, str]]
    question: str
    verdicts: Sequence[str]
    chapters: Sequence[Chapter]
    command: str
    link: tuple[str, str] | None = None


def research_html(view: ResearchView) -> str:
    """Page of the findings."""
    charts = [chart for chapter in view.chapters for chart in chapter.charts]
    return render(
        "research.html", title=view.title, theme="auto", view=view, chart_data=embed_charts(charts)
    )

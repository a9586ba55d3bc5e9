"""A result as a small HTML table for a notebook's cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backtest.report import describe
from backtest.report.headlines import headlines
from backtest.report.page import render

if TYPE_CHECKING:
    from backtest.result import Result


def result_html(result: Result) -> str:
    """Give name, facts, badges and headline numbers as an HTML fragment without scripts."""
    return render(
        "result_fragment.html",
        title=describe.title_of(result),
        facts=describe.facts(result),
        badges=describe.badges(result),
        headlines=headlines(
            result.metrics,
            currency=describe.currency_of(result),
            benchmark=describe.benchmark_of(result),
        ),
    )

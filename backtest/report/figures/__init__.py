"""Result to charts: plotly figures as plain dicts, each with its question, legend and table.

Colours are palette names (``@strategy``, ``@gain/0.2`` with opacity) that the page looks up in its
stylesheet, so one figure serves light, dark and print. Text from data goes through ``plain``:
plotly reads a few HTML tags in its labels.
"""

from backtest.report.figures.costs import costs_chart
from backtest.report.figures.events import path_chart, spread_chart
from backtest.report.figures.holdings import exposure_chart, positions_chart
from backtest.report.figures.luck import sharpe_chart
from backtest.report.figures.origin import nights_chart, range_words
from backtest.report.figures.returns import months_chart, nav_chart, rolling_chart, yearly_chart

__all__ = [
    "costs_chart",
    "exposure_chart",
    "months_chart",
    "nav_chart",
    "nights_chart",
    "path_chart",
    "positions_chart",
    "range_words",
    "rolling_chart",
    "sharpe_chart",
    "spread_chart",
    "yearly_chart",
]

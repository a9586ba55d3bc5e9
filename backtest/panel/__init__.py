"""What was known at each decision."""

from backtest.panel.panel import Panel, build_panel

__all__ = ["Panel", "build_panel"]

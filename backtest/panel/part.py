"""A panel as one part of a portfolio sees it."""

from __future__ import annotations

from copy import copy
from dataclasses import replace

from backtest.clock import Every, rebalances
from backtest.panel.panel import Panel
from backtest.panel.universe import UniverseSettings


def part_of(panel: Panel, universe: UniverseSettings | None, every: Every) -> Panel:
    """The same for a part of the portfolio: a universe within the panel's, its own schedule.

    Frames that are made already, and those of facts, are shared; the same part is made once.
    """
    key = repr((universe, every))
    if key not in panel._parts:
        panel._parts[key] = _made(panel, universe, every)
    return panel._parts[key]


def _made(panel: Panel, universe: UniverseSettings | None, every: Every) -> Panel:
    clock = panel._clock
    dates = clock.base_sessions.dates[: clock.last + 1]
    part = copy(panel)
    part._parts = {}
    part._clock = replace(clock, can_rebalance=rebalances(dates, clock.first, every))
    part.__dict__.pop("rebalance", None)
    if universe is not None:
        part._universe, part._within = universe, panel
        part.__dict__.pop("universe", None)
    return part

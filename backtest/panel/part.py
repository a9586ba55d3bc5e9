"""A panel as one part of a portfolio sees it."""

from __future__ import annotations

from copy import copy
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from backtest.clock import Every, rebalances
from backtest.data.fx import fx_rates
from backtest.panel.panel import Panel
from backtest.panel.universe import UniverseSettings


def part_of(panel: Panel, universe: UniverseSettings | None, every: Every) -> Panel:
    """The same for a part of the portfolio: a universe within the panel's, its own schedule.

    Frames that are made already, and those of facts, are shared.
    """
    clock = panel._clock
    dates = clock.base_sessions.dates[: clock.last + 1]
    part = copy(panel)
    part._clock = replace(clock, can_rebalance=rebalances(dates, clock.first, every))
    part.__dict__.pop("rebalance", None)
    if universe is not None:
        part._universe, part._within = universe, panel
        part.__dict__.pop("universe", None)
    return part


def returns_in_base(panel: Panel) -> npt.NDArray[np.float64]:
    """`Panel.returns` in the portfolio's currency, at the rates known at both decisions."""
    out = 1.0 + panel.returns.to_numpy()
    currencies = panel.instruments["currency"].to_numpy()
    for currency in sorted(set(currencies) - {panel._currency}):
        rate = fx_rates(panel._bundle.fx, str(currency), panel._currency, panel.decisions)
        out[1:, currencies == currency] *= (rate[1:] / rate[:-1])[:, None]
    return np.asarray(out - 1.0)

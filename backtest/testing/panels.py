"""A panel made anew over the same market with another future."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from backtest.account import Account
from backtest.calendars import Sessions
from backtest.clock import Clock, ClockSettings, build_clock
from backtest.data.arrays import BarArrays, bar_arrays
from backtest.data.bundle import Bundle
from backtest.data.grid import Grid, build_grid
from backtest.engine.offers import subscriptions_of
from backtest.execution import Execution, Portfolio
from backtest.market.model import MarketRules
from backtest.panel import Panel, build_panel
from backtest.panel.universe import UniverseSettings

if TYPE_CHECKING:
    from backtest.runner import Stage

Span = Mapping[str, Sessions]


@dataclass(frozen=True)
class Recipe:
    """All that a panel and its orders depend on besides the bundle."""

    clock: ClockSettings
    universe: UniverseSettings
    portfolio: Portfolio
    account: Account = Account()  # noqa: RUF009 - frozen
    start: date | None = None
    end: date | None = None
    close_known_after: int = 0
    own_schedule: bool = False
    execution: Execution = Execution()  # noqa: RUF009 - frozen
    markets: Mapping[str, MarketRules] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Scene:
    """A market as a strategy may be asked about it."""

    bundle: Bundle
    grid: Grid
    clock: Clock
    panel: Panel


def recipe_of(stage: Stage) -> Recipe:
    """What the panel of a prepared run was made by."""
    config = stage.config
    market = stage.markets.get(config.clock.base)
    return Recipe(
        clock=config.clock,
        universe=config.universe,
        portfolio=config.portfolio,
        account=config.account,
        start=config.data.start,
        end=config.data.end,
        close_known_after=0 if market is None else market[0].close_known_after,
        own_schedule=stage.strategy.own_schedule,
        execution=config.execution,
        markets=stage.own_rules,
    )


def scene_of(recipe: Recipe, bundle: Bundle, *, span: Span | None = None) -> Scene:
    """Grid, clock and panel over ``bundle``.

    Parameters
    ----------
    span
        Sessions by exchange, where they reach beyond the last bar: which days an exchange will
        trade is no secret, and a decision before the open stands on a day without a bar.
    """
    bars = bar_arrays(bundle)
    if span is not None:
        bars = _extended(bars, bundle.last, span)
    clock = build_clock(
        bars.sessions,
        recipe.clock,
        start=recipe.start,
        end=recipe.end,
        close_known_after=recipe.close_known_after,
        own_schedule=recipe.own_schedule,
    )
    grid = build_grid(bundle, bars)
    applied = subscriptions_of(bundle, grid, clock, recipe.markets, recipe.execution)
    panel = build_panel(
        bundle,
        grid,
        clock,
        universe=recipe.universe,
        currency=recipe.portfolio.currency,
        account=recipe.account,
        applications=None if applied is None else applied.table.row,
    )
    return Scene(bundle, grid, clock, panel)


def span_until(scene: Scene, row: int) -> dict[str, Sessions]:
    """Sessions of each exchange up to the date of a base session, that one included."""
    until = scene.clock.base_sessions.dates[row]
    spans = {}
    for exchange, own in scene.clock.sessions.items():
        count = int(np.searchsorted(own.dates, until, side="right"))
        spans[exchange] = Sessions(exchange, own.dates[:count], own.open[:count], own.close[:count])
    return spans


def _extended(bars: BarArrays, last: date, span: Span) -> BarArrays:
    """``bars``, which end at ``last``, with rows of NaN for the sessions that follow."""
    spans = {name: _joined(own, span[name], last) for name, own in bars.sessions.items()}
    rows = max(len(own) for own in spans.values())

    def pad(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        out = np.full((rows, values.shape[1]), np.nan)
        out[: len(values)] = values
        return out

    return replace(
        bars,
        sessions=spans,
        open=pad(bars.open),
        high=pad(bars.high),
        low=pad(bars.low),
        close=pad(bars.close),
        volume=pad(bars.volume),
    )


def _joined(own: Sessions, longer: Sessions, last: date) -> Sessions:
    later = longer.dates > np.datetime64(last, "D")
    return Sessions(
        own.exchange,
        np.concatenate([own.dates, longer.dates[later]]),
        np.concatenate([own.open, longer.open[later]]),
        np.concatenate([own.close, longer.close[later]]),
    )

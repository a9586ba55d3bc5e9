"""Several strategies as one: their weights added before anything reaches the market."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from backtest.calendars import sessions_per_year
from backtest.clock import rebalances
from backtest.errors import StrategyError
from backtest.execution import Portfolio
from backtest.panel.money import returns_in_base
from backtest.panel.part import part_of
from backtest.sleeves.allocation import FloatArray, shares_of
from backtest.sleeves.book import Asked, Book, paper_book
from backtest.sleeves.settings import AllocationSettings, SleeveSettings
from backtest.strategy import Strategy, load_strategy

if TYPE_CHECKING:
    from backtest.clock import ClockSettings
    from backtest.execution import Execution
    from backtest.panel import Panel


Columns = npt.NDArray[np.int64]


class Sleeves(Strategy):
    """All sleeves of a run; of ``portfolio`` ``max_gross`` and ``short`` count."""

    own_schedule: ClassVar[bool] = True  # each sleeve has its own

    sleeves: Mapping[str, SleeveSettings]
    allocation: AllocationSettings
    portfolio: Portfolio

    @cached_property
    def strategies(self) -> dict[str, Strategy]:
        """The strategy of each sleeve."""
        return {name: load_strategy(one.strategy) for name, one in self.sleeves.items()}

    def target_weights(self, panel: Panel) -> pd.DataFrame:
        """Wanted shares of NAV of all sleeves together."""
        wanted, views = self._wanted(panel)
        said = np.zeros(panel.close.shape, dtype=np.bool_)
        for weights, view in zip(wanted, views, strict=True):
            said |= ~np.isnan(weights) & view.rebalance.to_numpy()[:, None]
        net = np.where(said, 0.0, np.nan)  # of what is never wanted by any
        used, book = self._carried(panel, wanted, views)
        net[:, used] = book.net
        return pd.DataFrame(net, index=panel.close.index, columns=panel.close.columns)

    def book(self, panel: Panel) -> tuple[Columns, Book]:
        """Columns of the panel that any sleeve ever wants, and the paper book of these."""
        return self._carried(panel, *self._wanted(panel))

    def faults(self, execution: Execution, clock: ClockSettings) -> list[str]:
        """What any of the strategies says against these settings, by sleeve."""
        return [
            f"{name}: {message}"
            for name, strategy in self.strategies.items()
            for message in strategy.faults(execution, clock)
        ]

    def inputs(self) -> tuple[Path, ...]:
        """Files that any of the strategies reads."""
        return tuple(path for strategy in self.strategies.values() for path in strategy.inputs())

    def _wanted(self, panel: Panel) -> tuple[FloatArray, list[Panel]]:
        """Weights of each sleeve, shape (S, T, N), and the panel it saw."""
        views = [part_of(panel, one.universe, one.rebalance) for one in self.sleeves.values()]
        asked = zip(self.strategies.items(), views, strict=True)
        return np.array([self._asked(name, one, view) for (name, one), view in asked]), views

    def _carried(
        self, panel: Panel, wanted: FloatArray, views: Sequence[Panel]
    ) -> tuple[Columns, Book]:
        clock = panel.clock
        dates = clock.base_sessions.dates[: clock.last + 1]
        used = np.flatnonzero((np.nan_to_num(wanted) != 0.0).any(axis=(0, 1)))
        asked = Asked(
            weights=wanted[:, :, used],
            inside=np.array([view.universe.to_numpy()[:, used] for view in views]),
            universe=panel.universe.to_numpy()[:, used],
            may_order=np.array([view.rebalance.to_numpy() for view in views]),
            divides=rebalances(dates, clock.first, self.allocation.rebalance),
        )
        fixed = np.array([sleeve.share or 0.0 for sleeve in self.sleeves.values()])
        book = paper_book(
            asked,
            returns_in_base(panel)[:, used],
            lambda past: self._shares(fixed, past, clock.base),
            first=clock.first,
            max_gross=self.portfolio.max_gross,
        )
        return used, book

    def _shares(self, fixed: FloatArray, past: FloatArray, base: str) -> FloatArray:
        return shares_of(
            self.allocation,
            fixed,
            past,
            max_gross=self.portfolio.max_gross,
            sessions_per_year=sessions_per_year(base),
        )

    def _asked(self, name: str, strategy: Strategy, view: Panel) -> FloatArray:
        """Weights of one sleeve, checked as if it were alone with all of its capital."""
        from backtest.engine.orders import build_orders

        weights = strategy.target_weights(view)
        alone = self.portfolio.model_copy(update={"max_gross": 1.0})
        try:
            build_orders(weights, view.universe, view.clock, alone)
        except StrategyError as error:
            raise StrategyError(f"Sleeve '{name}': {error}") from error
        return weights.to_numpy(dtype=np.float64)

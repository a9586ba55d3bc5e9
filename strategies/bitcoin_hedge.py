"""Set part of the account aside for Bitcoin, over any other strategy or alone.

Hypothesis: if money that leaves technology shares in a crash went to Bitcoin, a sleeve of it would
lose least, or gain, when the rest loses most.

References: Baur & Lucey (2010), Financial Review 45(2): a hedge is uncorrelated or negatively
correlated on average, a safe haven in stress. Conlon & McGee (2020), Finance Research Letters 35:
in the crash of 2020 Bitcoin fell in lockstep with the S&P 500, and a small share raised downside
risk. Conlon, Corbet & McGee (2020), Research in International Business and Finance: so for most
share indices, with a modest benefit to holders of the CSI 300 only. The sample of stress is small.

``reserve`` of NAV is the coin's, whether it is used or not: the ``base`` strategy gets the rest,
each of its weights times 1 - reserve. Without a base the sleeve is all there is. By ``size``:

- ``volatility``: the coin gets risk / (its volatility a year), at most ``reserve``;
- ``stress``: all of ``reserve`` from the decision at which ``source`` has lost ``fall`` or more
  over ``window`` rows, until ``hold`` rows after the last such decision; else nothing.

The coin trades every day. A decision before Hong Kong's open knows its day that ended at 00:00 UTC,
an hour before; Monday's row spans the weekend. The order fills within the coin's own next day.

Events are the decisions at which stress begins, whatever ``size`` says: what the coin did after
them, on the tearsheet, is the answer to whether it is a haven. Two runs, with and without the
overlay, are the answer to what it did for the account.

Fails when: the coin is one more risk asset, as in 2020 and 2022; the sleeve is bought after it has
risen; its cost of trading and custody is not in the market file; volatility is calm before a fall.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from backtest import Panel, Strategy
from backtest.errors import StrategyError
from backtest.indicators import rolling_std
from backtest.strategy import BaseStrategy, find_strategies, load_strategy

if TYPE_CHECKING:
    from backtest.clock import ClockSettings
    from backtest.execution import Execution

_ROWS = 252  # in a year of volatility


class BitcoinHedge(Strategy):
    event_name: ClassVar[str] = "fall"
    event_fractions: ClassVar[tuple[str, ...]] = ("depth",)

    coin: str = Field("BTC", description="symbol of the coin")
    base: BaseStrategy | None = Field(
        None, description="name and params of the strategy that gets the rest; null for none"
    )
    reserve: float = Field(0.1, gt=0, le=1, description="share of NAV set aside for the coin")
    size: Literal["volatility", "stress"] = Field("volatility", description="what sizes the coin")
    risk: float = Field(0.04, gt=0, description="volatility a year that the coin may add, share")
    days: int = Field(60, ge=10, description="rows of the coin's volatility, half of them known")
    source: str = Field("QQQ", description="symbol whose falls are stress; a signal")
    window: int = Field(10, ge=1, description="rows of the fall")
    fall: float = Field(0.06, gt=0, lt=1, description="smallest fall of stress, a fraction")
    hold: int = Field(20, ge=1, description="rows from the last decision in stress to the sale")

    def __hash__(self) -> int:
        return hash(self.model_dump_json())  # the base's params are a map

    def faults(self, execution: Execution, clock: ClockSettings) -> list[str]:
        if self.base is None:
            return []
        base = load_strategy(self.base)
        own = f"bitcoin_hedge cannot lie over '{self.base.name}', which has a schedule of its own"
        return [*([own] if base.own_schedule else []), *base.faults(execution, clock)]

    def inputs(self) -> tuple[Path, ...]:
        if self.base is None:
            return ()
        return (find_strategies()[self.base.name], *load_strategy(self.base).inputs())

    def target_weights(self, panel: Panel) -> pd.DataFrame:
        out = pd.DataFrame(np.nan, index=panel.close.index, columns=panel.close.columns)
        if self.base is not None:
            out = load_strategy(self.base).target_weights(panel) * (1.0 - self.reserve)
        return out.assign(**{self.coin: self._sleeve(panel)})

    def events(self, panel: Panel, weights: pd.DataFrame) -> pd.DataFrame:  # noqa: ARG002 - a hook
        """The decisions at which stress begins, and the fall that they know."""
        move, stress = self._stress(panel)
        begins = stress & ~np.append(False, stress[:-1])
        row = np.flatnonzero(begins & panel.close[self.coin].notna().to_numpy())
        return pd.DataFrame(
            {"session": panel.sessions[row], "symbol": self.coin, "depth": move[row]}
        )

    def _sleeve(self, panel: Panel) -> np.ndarray:
        """Wanted weight of the coin, shape (T,); NaN between rebalances and where unknown."""
        _, stress = self._stress(panel)
        if self.size == "stress":
            last = pd.Series(np.where(stress, np.arange(len(stress)), np.nan)).ffill().to_numpy()
            wanted = np.where(np.arange(len(stress)) - last < self.hold, self.reserve, 0.0)
        else:
            sigma = rolling_std(panel.returns[self.coin], self.days, min_periods=self.days // 2)
            wanted = (self.risk / (sigma * _ROWS**0.5)).clip(upper=self.reserve).to_numpy()
        usable = panel.rebalance & panel.universe[self.coin] & panel.close[self.coin].notna()
        return np.where(usable.to_numpy(), wanted, np.nan)

    def _stress(self, panel: Panel) -> tuple[np.ndarray, np.ndarray]:
        for symbol in (self.coin, self.source):
            if symbol not in panel.symbols:
                raise StrategyError(f"'{symbol}' is not in the bundle.")
        level = panel.adjusted_close[self.source]
        move = (level / level.shift(self.window) - 1.0).to_numpy()
        return move, move <= -self.fall

"""Buy once, then leave alone: what any strategy should be compared with.

Hypothesis: none. It earns what its names earn, at the cost of buying them once.

References: Sharpe (1991), The Arithmetic of Active Management, Financial Analysts Journal 47(1),
7-9: before costs the average active dollar earns what the passive one does.

A name is bought at the first decision that may send orders, has it in the universe and knows a
close, and never traded again: weights drift, dividends stay in cash. Without ``symbols`` the names
are those that the universe holds, with a close, at the first decision where it holds any.

Fails when: an order lapses (a halted name), for it is sent once; ``execution.unfilled: carry``
makes it wait. A name that leaves the universe is sold by the engine and not bought back. Without
``symbols`` on a bundle of survivors the names are tomorrow's winners.
"""

from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field, model_validator

from backtest import Panel, Strategy
from backtest.errors import StrategyError


class BuyAndHold(Strategy):
    symbols: tuple[str, ...] = Field((), description="bought once; none given means the universe")
    weights: tuple[float, ...] | None = Field(
        None, description="share of NAV for each of symbols; none means equal weights"
    )

    @model_validator(mode="after")
    def _one_weight_each(self) -> Self:
        if self.weights is not None and len(self.weights) != len(self.symbols):
            raise ValueError(
                f"weights must have one number for each of symbols: "
                f"got {len(self.weights)} for {len(self.symbols)}"
            )
        if len(set(self.symbols)) < len(self.symbols):
            raise ValueError("symbols must not repeat")
        return self

    def target_weights(self, panel: Panel) -> pd.DataFrame:
        unknown = sorted(set(self.symbols) - set(panel.symbols))
        if unknown:
            raise StrategyError(f"buy_and_hold: symbols not in the bundle: {', '.join(unknown)}.")
        can_buy = (panel.universe & panel.close.notna()).to_numpy()
        can_buy = can_buy & panel.rebalance.to_numpy()[:, None]
        wanted = self._wanted(panel, can_buy)
        first = can_buy & (np.cumsum(can_buy, axis=0) == 1) & (wanted != 0.0)
        out = np.where(first, wanted, np.nan)
        return pd.DataFrame(out, index=panel.close.index, columns=panel.close.columns)

    def _wanted(self, panel: Panel, can_buy: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
        """Share of NAV by column, 0.0 for what is not wanted."""
        if self.symbols:
            equal = (1.0 / len(self.symbols),) * len(self.symbols)
            by_symbol = dict(zip(self.symbols, self.weights or equal, strict=True))
            return np.array([by_symbol.get(symbol, 0.0) for symbol in panel.symbols])
        names = can_buy[can_buy.any(axis=1).argmax()]
        return np.where(names, 1.0 / max(int(names.sum()), 1), 0.0)

"""Hold mainland technology's winners while mainland technology beats Hong Kong's.

Hypothesis: money that leaves Hong Kong's technology for the mainland's moves in waves of months,
and within the wave goes on to what it has bought already.

References: Moskowitz & Grinblatt (1999), Journal of Finance 54(4): industries carry most of
momentum. Chui, Titman & Wei (2010), Journal of Finance 65(1), 361-392: momentum around the world,
weak in Asia. Against it, in mainland China: Gang, Qian & Xu, Economic Modelling: momentum pays
within a week, reversal beyond; Shi, Jiang & Zhou (2015), PLOS ONE: contrarian at one month and
beyond a year; Shi & Zhou (2017), arXiv 1702.07374: index trends last a short time and reverse.

``strong`` (a fund or index; with null the equally weighted names of the universe) less ``weak``
(Hong Kong technology) over ``window`` rows, total returns in local currency, must be above
``lead``; else everything is sold. Then the ``top`` names with the highest return over the same rows
less the latest ``skip`` are held at 1/top each, and one that is held stays while its rank is at
most ``keep``. Only names that beat ``weak`` are bought.

Made for an account in Shanghai: what is bought today is sold tomorrow at the earliest, a name at
its limit cannot be had, and both are the engine's to apply (``market: auto``).

Fails when: the mainland reverses within the month, as the evidence says it does; the wave is a
policy announcement that the open has priced; a winner opens at its limit and only losers fill.
"""

from typing import Self

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from backtest import Panel, Strategy
from backtest.errors import StrategyError
from backtest.indicators import cross_rank


class StarMomentum(Strategy):
    weak: str = Field("HSTECH", description="symbol of Hong Kong technology; a signal")
    strong: str | None = Field(
        None, description="symbol of mainland technology; null for the mean of the universe"
    )
    window: int = Field(60, ge=2, description="rows over which strength is measured")
    skip: int = Field(1, ge=0, description="latest rows left out of a name's own strength")
    lead: float = Field(0.0, description="return by which strong must beat weak, a fraction")
    top: int = Field(6, ge=1, description="names held, 1/top of NAV each")
    keep: int = Field(9, ge=1, description="a held name stays while its rank is at most this")

    @model_validator(mode="after")
    def _windows_and_bands_fit(self) -> Self:
        if self.keep < self.top:
            raise ValueError(f"keep must be at least top, got {self.keep} and {self.top}")
        if self.skip >= self.window:
            raise ValueError(f"skip must be below window, got {self.skip} and {self.window}")
        return self

    def target_weights(self, panel: Panel) -> pd.DataFrame:
        for symbol in [self.weak] if self.strong is None else [self.weak, self.strong]:
            if symbol not in panel.symbols:
                raise StrategyError(f"'{symbol}' is not in the bundle.")
        level = panel.adjusted_close
        move = level / level.shift(self.window) - 1.0
        weak = move[self.weak]
        strong = move.where(panel.universe).mean(axis=1)
        if self.strong is not None:
            strong = move[self.strong]
        is_on = (strong - weak > self.lead).to_numpy()
        own = level.shift(self.skip) / level.shift(self.window) - 1.0
        wanted = panel.universe & panel.close.notna()
        rank = cross_rank(own.where(wanted), ascending=False).to_numpy()
        beats = own.gt(weak, axis=0).to_numpy()
        out = np.full(rank.shape, np.nan)
        held: list[int] = []
        for t in np.flatnonzero(panel.rebalance.to_numpy()).tolist():
            kept = [j for j in held if is_on[t] and rank[t, j] <= self.keep]
            order = np.argsort(rank[t], kind="stable")[: self.keep].tolist() if is_on[t] else []
            fresh = [j for j in order if rank[t, j] <= self.keep and beats[t, j] and j not in kept]
            fresh = fresh[: max(self.top - len(kept), 0)]
            out[t, [j for j in held if j not in kept]] = 0.0
            out[t, fresh] = 1.0 / self.top
            held = kept + fresh
        return pd.DataFrame(out, index=panel.close.index, columns=panel.close.columns)

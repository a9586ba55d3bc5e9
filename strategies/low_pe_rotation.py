"""Hold the cheapest names by earnings yield, renewed at each rebalance.

Hypothesis: names that cost little for what they earn have higher returns, for risk or for neglect.

References: Basu (1977), Journal of Finance 32(3), 663-682. Fama & French (1998), Journal of
Finance 53(6), 1975-1999: value beats growth in 12 of 13 markets. Lam (2002), Global Finance
Journal: E/P among what captures average returns in Hong Kong. Liu, Stambaugh & Yuan (2019),
Journal of Financial Economics: in China E/P subsumes book-to-market. All before costs.

Names are ranked by E/P, not P/E: a loss ranks below any profit, and nothing happens as earnings
pass through zero. E is ``eps_ttm`` as published by the decision (restatements when they came,
splits since divided out), P the last close known. ``by_sector`` takes the cheapest of each sector
first, then the second of each, and so on, so that cheap sectors do not crowd out the rest; a
missing sector is one of its own. The ``top`` names get 1/top each; one that is held stays while
its rank is at most ``keep``, which spares the churn around the edge. Earnings older than
``max_age`` count as unknown, and what is unknown is neither bought nor kept. With fewer than
``top`` names the rest is cash.

Works at the decisions of ``clock.rebalance``: ``month`` or ``quarter`` suits it.

Fails when: earnings are at their peak (cyclicals look cheap then: the value trap) or hold one-off
gains; earnings and price are in different currencies (an H share that reports in CNY), which
scales E/P by the rate; the bundle has survivors only; reports are rare (half-yearly: raise
``max_age``).
"""

from typing import Self

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from backtest import Panel, Strategy
from backtest.indicators import cross_rank


class LowPeRotation(Strategy):
    top: int = Field(10, ge=1, description="names held, 1/top of NAV each")
    keep: int = Field(15, ge=1, description="a held name stays while its rank is at most this")
    by_sector: bool = Field(False, description="rank within sectors, then take sectors in turn")
    max_age: int = Field(
        200, ge=1, description="days since the latest earnings came out, at most; older are unknown"
    )
    earnings: str = Field("eps_ttm", description="fact: earnings per share, price's currency")

    @model_validator(mode="after")
    def _band_is_not_below_top(self) -> Self:
        if self.keep < self.top:
            raise ValueError(f"keep must be at least top, got {self.keep} and {self.top}")
        return self

    def target_weights(self, panel: Panel) -> pd.DataFrame:
        rank = self._rank(panel).to_numpy()
        out = np.full(rank.shape, np.nan)
        held: list[int] = []
        for t in np.flatnonzero(panel.rebalance.to_numpy()):
            known = int(np.count_nonzero(~np.isnan(rank[t])))
            best = [int(j) for j in np.argsort(rank[t], kind="stable")[:known]]
            kept = [j for j in held if rank[t, j] <= self.keep]
            fresh = [j for j in best if j not in kept][: self.top - len(kept)]
            out[t, held] = 0.0
            held = kept + fresh
            out[t, held] = 1.0 / self.top
        return pd.DataFrame(out, index=panel.close.index, columns=panel.close.columns)

    def _rank(self, panel: Panel) -> pd.DataFrame:
        """1 for the cheapest; NaN for what is outside the universe, unknown or stale."""
        usable = panel.universe & (panel.age(self.earnings) <= self.max_age)
        rank = cross_rank((panel.fact(self.earnings) / panel.close).where(usable), ascending=False)
        if not self.by_sector:
            return rank
        within = pd.DataFrame(np.nan, index=rank.index, columns=rank.columns)
        sectors = panel.instruments["sector"].fillna("").to_numpy()
        for sector in np.unique(sectors):
            within.loc[:, sectors == sector] = cross_rank(rank.loc[:, sectors == sector])
        return cross_rank(within + rank / (len(rank.columns) + 1.0))

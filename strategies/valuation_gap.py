"""Rotate between markets by how cheap each is against the others, measured by its own history.

Hypothesis: markets are always dear or cheap next to one another for good reasons (growth, trust,
rates), so the level says nothing; but a gap that is wide by its own standards tends to close.

References: Asness, Moskowitz & Pedersen (2013), Journal of Finance 68(3), 929-985: value earns a
premium across country indices too; where a class has no book value they take the price of five
years ago over today's. Campbell & Shiller (1998), Journal of Portfolio Management 24(2): valuation
ratios foretell returns over ten years, and little over one.

For each fund of the universe: earnings yield less the mean of the others', as a z-score over
``history`` rows of itself (half of them known). The ``top`` scores get 1/top each. A fund that is
held stays until another's score is higher by ``switch``, which spares the churn between near
equals. E is the fact ``earnings`` as published by the decision, older than ``max_age`` days is
unknown. With ``earnings: null``, where no fund's earnings are to be had, the mean total-return
level of ``history`` rows over today's takes the yield's place: what fell behind its own past is
called cheap. That is reversal, not valuation, and cannot tell cheap from broken.

Works at the decisions of ``clock.rebalance``: ``month`` or ``quarter`` suits it.

Fails when: the history is short (a z-score of two years knows one regime); a gap opens for good
(regulation of 2021: China's internet was cheap all the way down); earnings are about to fall; the
provider's ratio leaves out loss-makers.
"""

import numpy as np
import pandas as pd
from pydantic import Field

from backtest import Panel, Strategy
from backtest.indicators import rolling_mean, rolling_zscore


class ValuationGap(Strategy):
    earnings: str | None = Field(
        "eps_ttm", description="fact: earnings per unit, price's currency; null for price alone"
    )
    history: int = Field(500, ge=40, description="rows of the z-score, half of them known")
    top: int = Field(1, ge=1, description="funds held, 1/top of NAV each")
    switch: float = Field(0.5, ge=0, description="z-score by which a new fund must beat a held one")
    max_age: int = Field(
        200, ge=1, description="days since the latest earnings came out, at most; older are unknown"
    )

    def target_weights(self, panel: Panel) -> pd.DataFrame:
        score = self._score(panel).to_numpy()
        out = np.full(score.shape, np.nan)
        held: list[int] = []
        for t in np.flatnonzero(panel.rebalance.to_numpy()).tolist():
            best = self._best(score[t], held)
            out[t, [j for j in held if j not in best]] = 0.0
            out[t, [j for j in best if j not in held]] = 1.0 / self.top
            held = best
        return pd.DataFrame(out, index=panel.close.index, columns=panel.close.columns)

    def _best(self, score: np.ndarray, held: list[int]) -> list[int]:
        """Columns to hold: the highest scores, with ``switch`` added to those held."""
        known = np.flatnonzero(~np.isnan(score))
        lead = score[known] + self.switch * np.isin(known, held)
        return [int(j) for j in known[np.argsort(-lead, kind="stable")][: self.top]]

    def _score(self, panel: Panel) -> pd.DataFrame:
        """Cheapness against the others by its own history, z-scores; NaN where not held or known.

        With one fund known there is no gap, and no score.
        """
        yields = self._yields(panel).where(panel.universe & panel.close.notna())
        count = yields.notna().sum(axis=1)
        others = (count - 1).where(count > 1)
        rest = yields.mul(-1.0).add(yields.sum(axis=1), axis=0).div(others, axis=0)
        # Sums leave traces of rounding, and a z-score of traces is a number like any other.
        gap = (yields - rest).round(12)
        return rolling_zscore(gap, self.history, min_periods=self.history // 2)

    def _yields(self, panel: Panel) -> pd.DataFrame:
        if self.earnings is not None:
            fresh = panel.age(self.earnings) <= self.max_age
            return (panel.fact(self.earnings) / panel.close).where(fresh)
        level = panel.adjusted_close
        return rolling_mean(level, self.history, min_periods=self.history // 2) / level

"""Equal weights, renewed at every rebalance: the naive portfolio that is hard to beat.

Hypothesis: what cannot be estimated is not missed. Selling what rose to buy what fell earns a
little where prices revert, and loses it to costs.

References: DeMiguel, Garlappi & Uppal (2009), Optimal Versus Naive Diversification: How
Inefficient is the 1/N Portfolio Strategy?, Review of Financial Studies 22(5), 1915-1953.

Every name of the universe with a known close gets 1/N of NAV, N the count of such names at that
decision; a name that stops being one is sold. ``clock.rebalance`` says how often, and
``portfolio.band`` keeps small trades away.

Fails when: the universe has many small or illiquid names (costs, caps), with rebalancing every
session, and on a bundle of survivors, where 1/N of the survivors was not to be had.
"""

import numpy as np
import pandas as pd

from backtest import Panel, Strategy


class EqualWeight(Strategy):
    def target_weights(self, panel: Panel) -> pd.DataFrame:
        member = panel.universe & panel.close.notna()
        share = 1.0 / member.sum(axis=1).clip(lower=1)
        was_member = np.logical_or.accumulate(member.to_numpy(), axis=0)
        held = np.where(member, share.to_numpy()[:, None], np.where(was_member, 0.0, np.nan))
        return pd.DataFrame(held, index=panel.close.index, columns=panel.close.columns)

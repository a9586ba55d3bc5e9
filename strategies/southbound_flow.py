"""Follow what the mainland buys through Stock Connect: by name, or the market as a whole.

Hypothesis: mainland net buying is demand that lasts longer than a day and knows the companies, so
what was bought heavily last week goes on rising in the next ones.

References: Ding, Song, Bian & Zhang (2025), Pacific-Basin Finance Journal 93, 102887: long-short on
weekly southbound flow earns up to 25.8 % a year after five factors, before costs, from demand
shocks. Bian, Chan, Han & Shi (2020), SSRN 3562001: southbound net purchases predict returns, more
so when the A share is dear. Both know every stock's holdings and trade both legs.

By name the signal is the mean net buying of the days that were published within ``window`` rows,
over the name's mean turnover of 20 rows. A day without a figure is unknown, not zero: the channel
was closed, or only the ten most traded names were published and this was not among them. With
fewer than ``min_days`` figures there is no signal: nothing is bought, and what is held stays until
``patience`` rows after its last signal. Names whose signal is above ``enter`` are bought, largest
first, at 1/top of NAV each, and sold when it is at or below ``leave``.

With ``market`` set, that one instrument is held or not: in when the z-score over ``history`` rows
of the market's mean net buying is above ``enter_z``, out at or below ``leave_z``. It is all that
can be done where only the aggregate is published.

Works at the decisions of ``clock.rebalance``: ``week`` suits it, and the evidence.

Fails when: buying chases what rose (flow follows prices as much as it leads them); a top-ten list
shows a name on its busiest days only, which are no fair sample of its week; turnover eats what is
left, for the published returns are before costs; flow and turnover are in different currencies.
"""

import numpy as np
import pandas as pd
from pydantic import Field

from backtest import Panel, Strategy
from backtest.errors import StrategyError
from backtest.indicators import rolling_mean, rolling_zscore

_TURNOVER = 20  # rows of the mean turnover, half of them known


class SouthboundFlow(Strategy):
    flow: str = Field("southbound_net_buy", description="fact of net buying, in prices' currency")
    window: int = Field(5, ge=1, description="rows of the mean net buying")
    min_days: int = Field(2, ge=1, description="published days in the window, at least")
    enter: float = Field(0.01, description="share of turnover net bought, above which to buy")
    leave: float = Field(0.0, description="share of turnover at or below which a name is sold")
    top: int = Field(10, ge=1, description="names held, 1/top of NAV each at entry")
    patience: int = Field(10, ge=0, description="rows that a held name may be without a signal")
    market: str | None = Field(
        None, description="symbol held by the market's net buying instead of names; null for names"
    )
    history: int = Field(250, ge=20, description="rows of the market's z-score, half of them known")
    enter_z: float = Field(0.5, description="z-score above which the market is bought")
    leave_z: float = Field(0.0, description="z-score at or below which the market is sold")

    def target_weights(self, panel: Panel) -> pd.DataFrame:
        if self.market is not None:
            return self._timed(panel, self.market)
        if panel.has_fact(self.flow) != "symbol":
            raise StrategyError(
                f"the bundle has no '{self.flow}' by symbol; name an instrument to hold by the "
                "market's net buying (strategy.params.market)."
            )
        signal = self._signal(panel)
        known, inside = ~np.isnan(signal), panel.universe.to_numpy()
        may_order = panel.rebalance.to_numpy()
        out = np.full(signal.shape, np.nan)
        heard: dict[int, int] = {}  # column held -> row of its last signal
        for t in range(len(out)):
            heard.update({j: t for j in heard if known[t, j]})
            if not may_order[t]:
                continue
            for j, last in list(heard.items()):
                if not inside[t, j] or signal[t, j] <= self.leave or t - last > self.patience:
                    out[t, j] = 0.0
                    del heard[j]
            wanted = np.flatnonzero((signal[t] > self.enter) & inside[t])
            ordered = wanted[np.argsort(-signal[t, wanted], kind="stable")].tolist()
            for j in [j for j in ordered if j not in heard][: self.top - len(heard)]:
                out[t, j] = 1.0 / self.top
                heard[j] = t
        return pd.DataFrame(out, index=panel.close.index, columns=panel.close.columns)

    def _signal(self, panel: Panel) -> np.ndarray:
        """Net buying per published day as a share of turnover, shape (T, N)."""
        days = min(self.min_days, self.window)
        bought = rolling_mean(panel.flow(self.flow), self.window, min_periods=days)
        value = panel.close * panel.volume
        usual = rolling_mean(value, _TURNOVER, min_periods=_TURNOVER // 2)
        return (bought / usual.where(usual > 0.0)).to_numpy()

    def _timed(self, panel: Panel, symbol: str) -> pd.DataFrame:
        """All of ``symbol`` or none of it."""
        if symbol not in panel.symbols:
            raise StrategyError(f"the market '{symbol}' is not in the bundle.")
        days = min(self.min_days, self.window)
        mean = rolling_mean(panel.market_flow(self.flow), self.window, min_periods=days)
        score = rolling_zscore(mean, self.history, min_periods=self.history // 2).to_numpy()
        inside = (panel.universe[symbol] & panel.close[symbol].notna()).to_numpy()
        held, column = False, np.full(len(score), np.nan)
        for t in np.flatnonzero(panel.rebalance.to_numpy()).tolist():
            if held and (score[t] <= self.leave_z or not inside[t]):
                held, column[t] = False, 0.0
            elif not held and score[t] > self.enter_z and inside[t]:
                held, column[t] = True, 1.0
        out = pd.DataFrame(np.nan, index=panel.close.index, columns=panel.close.columns)
        out[symbol] = column
        return out

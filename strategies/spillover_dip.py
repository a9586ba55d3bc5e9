"""Buy falls that came over from US tech rather than from the company, when mainland money agrees.

Hypothesis: a fall that follows from last nights' US moves, without news of the company, is mere
pressure, partly undone; southbound buying tells which falls are cheap.

References: Rapach, Strauss & Zhou (2013), J. Finance 68(4): US returns lead. Da, Liu & Schaumburg
(2014), Management Science 60(3): reversal without cash-flow news. Ding et al. (2025), Pacific-Basin
Finance J. 93: southbound flow predicts. Against: Tang & Zhang (2014), Applied Economics: costs.

Rows in step (``decide: before_open`` only): row d is made before the open of session d and knows
the stock's session d-1 and last night's US session. The stock's return of session s shows in row
s+1, the US return it met in row s: stock rows pair with the source one row earlier. The fall runs
over the stock's rows d-window+1 to d; beta is estimated on the ``estimation`` rows before them.

A dip: fall <= -drop; the source fell, and beta x its move is at least ``share`` of the fall; no
``news`` since the session before the window (without such facts, no filter); all its sessions
traded; the mean ``flow`` of its rows (closed days unknown, not zero) has a z-score above ``flow_z``
(own where known, else the market's). The deepest first, at 1/max_names, sold after ``hold`` rows or
at a price as before the fall.

Fails when: the US fall begins a bear market; beta is unstable; news is no earnings report.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Self

import numpy as np
import pandas as pd
from pydantic import Field

from backtest import Panel, Strategy
from backtest.errors import StrategyError
from backtest.indicators import Frame, rolling_beta, rolling_mean, rolling_sum, rolling_zscore

if TYPE_CHECKING:
    from backtest.clock import ClockSettings
    from backtest.execution import Execution


class SpilloverDip(Strategy):
    source: str = Field("QQQ", description="symbol of the US tech index or fund; a signal only")
    window: int = Field(5, ge=1, description="sessions of the fall")
    drop: float = Field(0.08, gt=0, lt=1, description="smallest fall over the window, a fraction")
    share: float = Field(0.5, gt=0, description="part of the fall that the source must explain")
    estimation: int = Field(250, ge=20, description="rows of beta, half of them known")
    news: str = Field("eps_ttm", description="fact by symbol that counts as the company's own news")
    flow: str | None = Field("southbound_net_buy", description="fact of net buying; null for none")
    flow_z: float = Field(0.5, description="z-score that the flow must exceed")
    flow_history: int = Field(250, ge=20, description="rows of the z-score, half of them known")
    hold: int = Field(10, ge=1, description="rows from entry to sale, at most")
    max_names: int = Field(10, ge=1, description="names held, 1/max_names of NAV at entry")

    def faults(self, execution: Execution, clock: ClockSettings) -> list[str]:  # noqa: ARG002
        fault = ["spillover_dip pairs its returns for clock.decide: before_open"]
        return fault if clock.decide != "before_open" else []

    def target_weights(self, panel: Panel) -> pd.DataFrame:
        return next(self.target_weights_many([self], panel))

    @classmethod
    def target_weights_many(
        cls, strategies: Sequence[Self], panel: Panel
    ) -> Iterator[pd.DataFrame]:
        falls: dict[tuple[object, ...], tuple[np.ndarray, ...]] = {}  # they depend on no threshold
        for one in strategies:
            made_of = (one.source, one.window, one.estimation, one.news, one.flow, one.flow_history)
            if made_of not in falls:
                falls[made_of] = one._falls(panel)
            move, explained, plain, z = falls[made_of]
            is_dip = (move <= -one.drop) & (explained >= one.share) & plain & (z > one.flow_z)
            yield one._weights(panel, np.where(is_dip, move, np.nan))

    def _weights(self, panel: Panel, depth: np.ndarray) -> pd.DataFrame:
        close, inside = panel.adjusted_close.to_numpy(), panel.universe.to_numpy()
        some, out = ~np.isnan(depth).all(axis=1), np.full(close.shape, np.nan)
        held: dict[int, int] = {}  # column -> row of entry
        for t in np.flatnonzero(panel.rebalance.to_numpy()):
            for j, entry in list(held.items()):
                recovered = close[t, j] >= close[entry - self.window, j]
                if recovered or t - entry >= self.hold or not inside[t, j]:
                    out[t, j] = 0.0
                    del held[j]
            if some[t]:
                dips = np.flatnonzero(~np.isnan(depth[t]) & np.isnan(out[t])).tolist()
                fresh = [j for j in sorted(dips, key=lambda j: depth[t, j]) if j not in held]
                for j in fresh[: self.max_names - len(held)]:
                    out[t, j] = 1.0 / self.max_names
                    held[j] = int(t)
        return pd.DataFrame(out, index=panel.close.index, columns=panel.close.columns)

    def _falls(self, panel: Panel) -> tuple[np.ndarray, ...]:  # return, share, no bar, flow's z
        if self.source not in panel.symbols:
            raise StrategyError(f"spillover_dip: source '{self.source}' is not in the bundle.")
        move = panel.adjusted_close / panel.adjusted_close.shift(self.window) - 1.0
        source = move[self.source].shift(1)
        # A halt repeats the last bar: same price, same volume; the return after it spans the halt.
        repeats = (panel.returns == 0.0) & (panel.volume.diff() == 0.0)
        traded = (panel.new_bars > 0) & ~repeats
        single = panel.returns.where(traded & traded.shift(1, fill_value=False))
        exposure, span = panel.returns[self.source].shift(1), self.estimation
        beta = rolling_beta(single, exposure, span, min_periods=span // 2, lag=self.window)
        explained = beta.mul(source.where(source < 0.0), axis=0) / move
        plain = panel.universe & (rolling_sum(traded.astype(float), self.window + 1) > self.window)
        if panel.has_fact(self.news) == "symbol":
            came = panel.flow(self.news).notna().astype(float)
            plain &= ~(rolling_sum(came, self.window + 1) > 0.0)
        return (*(frame.to_numpy() for frame in (move, explained, plain)), self._flow_z(panel))

    def _flow_z(self, panel: Panel) -> np.ndarray:
        if self.flow is None:
            return np.full(panel.close.shape, np.inf)
        own = self._zscore(panel.flow(self.flow)).to_numpy()
        market = self._zscore(panel.market_flow(self.flow)).to_numpy()[:, None]
        return np.where(np.isnan(own), market, own)

    def _zscore(self, flow: Frame) -> Frame:
        mean = rolling_mean(flow, self.window, min_periods=1)
        return rolling_zscore(mean, self.flow_history, min_periods=self.flow_history // 2)

"""Buy falls that came over from US tech rather than from the company, when mainland money agrees.

Hypothesis: a fall that follows from last nights' US moves, without news of the company, is
pressure rather than information, partly undone; southbound buying tells which falls are cheap.

References: Rapach, Strauss & Zhou (2013), Journal of Finance 68(4): US returns lead the world. Da,
Liu & Schaumburg (2014), Management Science 60(3), 658-674: reversal is stronger once cash-flow
news is removed. Ding, Song, Bian & Zhang (2025), Pacific-Basin Finance Journal 93: southbound flow
predicts, weekly and gross. Against it, Tang & Zhang (2014), Applied Economics: in Hong Kong
losers' reversal is mostly eaten by costs.

A dip: fall <= -drop; the source fell, and beta x its move is at least ``share`` of the fall (rows
in step for ``decide: before_open``, see `backtest.spillover`); no ``news`` fact came since the
session before the window (off where the bundle has none by symbol); every session of the window
traded; the z-score of the ``flow`` is above ``flow_z`` (``flow: null`` leaves it out). The deepest
come first, at 1/max_names, sold after ``hold`` rows or at a price as before. Off unless set:
``own_fall``, a session's unexplained loss that counts as news; ``regime``, rows whose beta must be
``regime_share`` of the long one; ``stages``, parts bought as it falls on; ``recover`` below 1;
``hedge``, sold short against beta x what is held (needs ``portfolio.short``).

Fails when: the US fall is the start of a bear market; beta is unstable (thin names, new listings);
news is not an earnings report (regulators, wars); an order lapses (its slot idles for ``hold``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pandas as pd
from pydantic import Field

from backtest import Panel, Strategy, spillover
from backtest.dips import Fall, FloatArray, Stay, dip_orders, hedge_orders

if TYPE_CHECKING:
    from backtest.clock import ClockSettings
    from backtest.execution import Execution


Seen = tuple[spillover.Falls, np.ndarray, FloatArray]  # falls, barred, z-score of the flow


class SpilloverDip(Strategy):
    event_name: ClassVar[str] = "dip"
    event_fractions: ClassVar[tuple[str, ...]] = ("depth", "spillover_share")

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
    own_fall: float | None = Field(None, gt=0, description="a session's own loss that is news")
    regime: int | None = Field(None, ge=20, description="rows of the recent beta; null for none")
    regime_share: float = Field(0.5, description="recent beta over the long one, at least")
    stages: int = Field(1, ge=1, description="parts in which a name is bought, each lower")
    recover: float = Field(1.0, gt=0, le=1, description="part of the fall regained, for a sale")
    hedge: str | None = Field(None, description="symbol sold short against beta; null for none")
    hedge_ratio: float = Field(1.0, gt=0, description="short per unit of beta x weight held")

    def faults(self, execution: Execution, clock: ClockSettings) -> list[str]:  # noqa: ARG002
        fault = "spillover_dip pairs its returns for clock.decide: before_open"
        return [] if clock.decide == "before_open" else [fault]

    def target_weights(self, panel: Panel) -> pd.DataFrame:
        return self._weights(panel, self._seen(panel))

    def events(self, panel: Panel, weights: pd.DataFrame) -> pd.DataFrame:
        """Every fall deep enough while the source fell, on its first row, and every buy."""
        (move, share, traded), _, flow_z = self._seen(panel)
        deep = (move <= -self.drop) & ~np.isnan(share) & traded & panel.universe.to_numpy()
        begins = deep & ~np.vstack([np.zeros_like(deep[:1]), deep[:-1]])
        row, column = np.nonzero(begins | (weights.to_numpy() > 0.0))
        attributes = {"depth": move, "spillover_share": share}
        attributes |= {} if self.flow is None else {"flow_z": flow_z}
        known = {name: values[row, column] for name, values in attributes.items()}
        return pd.DataFrame(
            {"session": panel.sessions[row], "symbol": panel.symbols[column], **known}
        )

    def _seen(self, panel: Panel) -> Seen:
        of, long = (panel, self.source), {"window": self.window, "estimation": self.estimation}
        moved = spillover.falls(*of, **long)
        barred = spillover.news_since(panel, self.news, window=self.window)
        barred = barred | ~panel.universe.to_numpy()
        if self.own_fall is not None:
            barred |= spillover.worst_own_move(*of, **long) <= -self.own_fall
        if self.regime is not None:
            ratio = spillover.beta_ratio(*of, **long, recent=self.regime)
            barred |= ~(ratio >= self.regime_share)
        if self.hedge is not None:  # what trades where the hedge does meets no night before
            barred |= spillover.same_exchange(panel, self.hedge)
        flow, history = np.full(moved.move.shape, np.inf), self.flow_history
        if self.flow is not None:
            flow = spillover.flow_zscore(panel, self.flow, window=self.window, history=history)
        return moved, barred, flow

    def _weights(self, panel: Panel, seen: Seen) -> pd.DataFrame:
        (move, share, traded), barred, flow_z = seen
        is_dip = (move <= -self.drop) & (share >= self.share) & (flow_z > self.flow_z)
        is_dip &= traded & ~barred
        close, inside = panel.adjusted_close.to_numpy(), panel.universe.to_numpy()
        stay = Stay(self.window, self.hold, self.max_names, self.stages, self.recover)
        decisions = np.flatnonzero(panel.rebalance.to_numpy()).tolist()
        out = dip_orders(Fall(is_dip, move, close, inside), decisions, stay)
        weights = pd.DataFrame(out, index=panel.close.index, columns=panel.close.columns)
        if self.hedge is None:
            return weights
        long = {"window": self.window, "estimation": self.estimation}
        beta = spillover.beta_before(panel, self.source, **long)
        short = hedge_orders(out, beta, self.hedge_ratio)
        return weights.assign(**{self.hedge: np.where(panel.universe[self.hedge], short, np.nan)})

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
session before the window (where the bundle has no such fact by symbol the filter is off); every
session of the window traded; the z-score of the ``flow`` is above ``flow_z`` (``flow: null`` leaves
it out). The deepest come first, at 1/max_names, sold after ``hold`` rows or at a price as before.

Fails when: the US fall is the start of a bear market; beta is unstable (thin names, new listings);
news is not an earnings report (regulators, wars); an order lapses (its slot idles for ``hold``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np
import pandas as pd
from pydantic import Field

from backtest import Panel, Strategy
from backtest.spillover import Falls, FloatArray, falls, flow_zscore, news_since

if TYPE_CHECKING:
    from backtest.clock import ClockSettings
    from backtest.execution import Execution


class Seen(NamedTuple):
    """What the thresholds are held against."""

    falls: Falls
    barred: np.ndarray
    flow_z: FloatArray


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
        moved = falls(panel, self.source, window=self.window, estimation=self.estimation)
        barred = news_since(panel, self.news, window=self.window) | ~panel.universe.to_numpy()
        flow = np.full(moved.move.shape, np.inf)
        if self.flow is not None:
            flow = flow_zscore(panel, self.flow, window=self.window, history=self.flow_history)
        return Seen(moved, barred, flow)

    def _weights(self, panel: Panel, seen: Seen) -> pd.DataFrame:
        (move, share, traded), barred, flow_z = seen
        is_dip = (move <= -self.drop) & (share >= self.share) & (flow_z > self.flow_z)
        is_dip &= traded & ~barred
        close, inside = panel.adjusted_close.to_numpy(), panel.universe.to_numpy()
        some, out = np.any(is_dip, axis=1).tolist(), np.full(close.shape, np.nan)
        held: dict[int, int] = {}  # column -> row of entry
        for t in np.flatnonzero(panel.rebalance.to_numpy()).tolist():
            for j, entry in list(held.items()):
                recovered = close[t, j] >= close[entry - self.window, j]
                if recovered or t - entry >= self.hold or not inside[t, j]:
                    out[t, j] = 0.0
                    del held[j]
            room = self.max_names - len(held) if some[t] else 0
            dips = np.flatnonzero(is_dip[t] & np.isnan(out[t])).tolist() if room else []
            for j in [j for j in sorted(dips, key=lambda j: move[t, j]) if j not in held][:room]:
                out[t, j] = 1.0 / self.max_names
                held[j] = t
        return pd.DataFrame(out, index=panel.close.index, columns=panel.close.columns)

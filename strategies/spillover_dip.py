"""Buy falls that came over from US tech rather than from the company, when mainland money agrees.

Hypothesis: a fall that follows from last nights' US moves, without news of the company, is
pressure rather than information, partly undone; southbound buying tells which falls are cheap.

References: Rapach, Strauss & Zhou (2013), Journal of Finance 68(4): US returns lead the world. Da,
Liu & Schaumburg (2014), Management Science 60(3), 658-674: reversal is stronger once cash-flow
news is removed. Ding, Song, Bian & Zhang (2025), Pacific-Basin Finance Journal 93: southbound flow
predicts, weekly and gross. Against it, Tang & Zhang (2014), Applied Economics: in Hong Kong
losers' reversal is mostly eaten by costs.

Rows in step (``decide: before_open``, and only that): row d is made before the open of session d.
It knows the stock's session d-1 and the US session that closed since row d-1, last night. So the
stock's return of session s shows in row s+1, and the US return it was exposed to shows in row s:
stock rows are paired with the source one row earlier. Several US sessions come compounded, none is
0.0. The fall runs over the stock's rows d-window+1 to d, the source's over d-window to d-1; beta
is estimated on the ``estimation`` rows before them, on sessions that traded and follow one that
did. Last night's move has hit no session yet: left out.

A dip: fall <= -drop; the source fell, and beta x its move is at least ``share`` of the fall; no
``news`` fact came since the session before the window (where the bundle has no such fact by symbol
the filter is off); every session of the window traded; and the mean ``flow`` known per row of the
window (closed days are unknown, not zero) has a z-score above ``flow_z`` over ``flow_history``
rows, the stock's own where known, else the market's. ``flow: null`` leaves it out. The deepest
come first, at 1/max_names, sold after ``hold`` rows or at a price as before the fall.

Fails when: the US fall is the start of a bear market; beta is unstable (thin names, new listings);
news is not an earnings report (regulators, wars); an order lapses (its slot idles for ``hold``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np
import pandas as pd
from pydantic import Field

from backtest import Panel, Strategy
from backtest.errors import StrategyError
from backtest.indicators import Frame, rolling_beta, rolling_mean, rolling_sum, rolling_zscore

if TYPE_CHECKING:
    from backtest.clock import ClockSettings
    from backtest.execution import Execution


class Falls(NamedTuple):
    """Frames as the panel's: return over the window, part explained by the source, depth met."""

    move: pd.DataFrame
    share: pd.DataFrame
    is_deep: pd.DataFrame


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
        if self.source not in panel.symbols:
            raise StrategyError(f"spillover_dip: source '{self.source}' is not in the bundle.")
        close, inside = panel.adjusted_close.to_numpy(), panel.universe.to_numpy()
        depth = self._depth(panel).to_numpy()
        out = np.full(close.shape, np.nan)
        held: dict[int, int] = {}  # column -> row of entry
        for t in np.flatnonzero(panel.rebalance.to_numpy()):
            for j, entry in list(held.items()):
                recovered = close[t, j] >= close[entry - self.window, j]
                if recovered or t - entry >= self.hold or not inside[t, j]:
                    out[t, j] = 0.0
                    del held[j]
            dips = np.flatnonzero(~np.isnan(depth[t]) & np.isnan(out[t]))
            fresh = [j for j in dips[np.argsort(depth[t, dips], kind="stable")] if j not in held]
            for j in fresh[: self.max_names - len(held)]:
                out[t, j] = 1.0 / self.max_names
                held[int(j)] = int(t)
        return pd.DataFrame(out, index=panel.close.index, columns=panel.close.columns)

    def events(self, panel: Panel, weights: pd.DataFrame) -> pd.DataFrame:
        """Every fall deep enough while the source fell, on its first row, and every buy."""
        falls = self._falls(panel)
        deep = (falls.is_deep & falls.share.notna() & panel.universe).to_numpy()
        begins = deep & ~np.vstack([np.zeros_like(deep[:1]), deep[:-1]])
        row, column = np.nonzero(begins | (weights.to_numpy() > 0.0))
        attributes = {"depth": falls.move, "spillover_share": falls.share}
        if self.flow is not None:
            attributes["flow_z"] = self._flow_z(panel)
        known = {name: frame.to_numpy()[row, column] for name, frame in attributes.items()}
        return pd.DataFrame(
            {"session": panel.sessions[row], "symbol": panel.symbols[column], **known}
        )

    def _depth(self, panel: Panel) -> pd.DataFrame:
        """Return over the window where it is a dip to buy, NaN elsewhere."""
        falls = self._falls(panel)
        dip = falls.is_deep & (falls.share >= self.share) & panel.universe
        return falls.move.where(dip & ~self._has_news(panel) & self._agrees(panel))

    def _falls(self, panel: Panel) -> Falls:
        """Moves over the window, and what part of each the source explains."""
        move = panel.adjusted_close / panel.adjusted_close.shift(self.window) - 1.0
        source = move[self.source].shift(1)
        # A halt repeats the last bar: same price, same volume; the return after it spans the halt.
        repeats = (panel.returns == 0.0) & (panel.volume.diff() == 0.0)
        traded = (panel.new_bars > 0) & ~repeats
        single = panel.returns.where(traded & traded.shift(1, fill_value=False))
        exposure = panel.returns[self.source].shift(1)
        beta = rolling_beta(
            single, exposure, self.estimation, min_periods=self.estimation // 2, lag=self.window
        )
        explained = beta.mul(source.where(source < 0.0), axis=0)
        busy = rolling_sum(traded.astype(float), self.window + 1) == self.window + 1
        is_deep = (move <= -self.drop) & busy
        return Falls(move, (explained / move).where(move < 0.0), is_deep)

    def _has_news(self, panel: Panel) -> pd.DataFrame:
        """Whether news came at row d - window or later: since the session before the window."""
        if panel.has_fact(self.news) != "symbol":
            return panel.universe & False
        came = panel.flow(self.news).notna().astype(float)
        return rolling_sum(came, self.window + 1) > 0.0

    def _agrees(self, panel: Panel) -> pd.DataFrame:
        """Whether the flow's z-score is known and high enough; always without a flow."""
        if self.flow is None:
            return panel.universe
        return panel.universe & (self._flow_z(panel) > self.flow_z)

    def _flow_z(self, panel: Panel) -> pd.DataFrame:
        """z-score of the flow: the stock's own where known, else the market's."""
        flow = str(self.flow)
        own = self._zscore(panel.flow(flow)).to_numpy()
        market = self._zscore(panel.market_flow(flow)).to_numpy()[:, None]
        known = np.where(np.isnan(own), market, own)
        return pd.DataFrame(known, panel.close.index, panel.close.columns)

    def _zscore(self, flow: Frame) -> Frame:
        mean = rolling_mean(flow, self.window, min_periods=1)
        return rolling_zscore(mean, self.flow_history, min_periods=self.flow_history // 2)

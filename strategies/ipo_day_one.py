"""Every new listing from its first day: at the offer, the first open or the first close.

Hypothesis: listings are priced below what the market pays on day one, so an allotment at the offer
earns the jump; what is bought in the market earns the drift of the weeks after, if there is any.

References: Ritter & Welch (2002), Journal of Finance 57(4), 1795-1828. McGuinness (2016), Review of
Quantitative Finance and Accounting: in Hong Kong heavy oversubscription goes with weak later
returns. Goergen, Mazouz & Yin (2010), Pacific-Basin Finance Journal: no significant price change at
the lock-up's expiry.

A listing is decided on at the decision of its session, made before the open, and bought in the
market at a price that ``execution`` names (``fill``, ``ipo.first_day``); with ``ipo_entry: offer``
it is allotted before the first trade. With ``subscribe`` the decision is the last one before
applications close, and ``hold: 0`` sells what was allotted in the first session. It is sold at the
decision ``hold`` sessions later, or ``until`` an event. ``exits`` may sell earlier.

Each name gets ``cap`` of NAV, however many list in a week, so the names held never weigh more than
``max_gross`` at entry. Slots go in order of listing, on one day by symbol; what finds none free is
missed for good. A sale frees its slot for that day's listings: sells fill before buys.

Fails when: the bundle lists survivors only; ``listed`` is unknown (no listing then) or its first
bar comes later (the order lapses, its slot idles for ``hold``); NAV falls while slots are taken
(buys are scaled to the cash). With ``offer`` an oversubscribed tranche fills a sliver of ``cap``
while taking its slot, so cash drags; a filter then is refused: the final subscription level is not
known when one subscribes. A listing on a day without a base session is missed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from backtest import Panel, Strategy
from backtest.ipo.events import events, first_seen

if TYPE_CHECKING:
    from backtest.clock import ClockSettings
    from backtest.execution import Execution
    from backtest.panel.panel import ListingField


class IpoDayOne(Strategy):
    own_schedule: ClassVar[bool] = True  # a listing waits for no rebalance day
    event_name: ClassVar[str] = "listing"
    event_fractions: ClassVar[tuple[str, ...]] = ("one_lot_success", "cornerstone_share")

    hold: int = Field(20, ge=0, description="own sessions from the listing session to the sale")
    until: Literal["hold", "stabilisation", "cornerstone", "controlling"] = Field(
        "hold",
        description="sell after hold sessions, at the end of stabilisation (30 days after "
        "applications close), or at the lock-up's expiry of cornerstones (6 months) or of "
        "controlling holders (12 months)",
    )
    cap: float = Field(0.1, gt=0, le=1, description="share of NAV for each listing, a fraction")
    max_gross: float = Field(1.0, gt=0, description="most that all names may weigh, share of NAV")
    min_oversubscription: float | None = Field(
        None, ge=0, description="times the public tranche was covered, at least; unknown fails"
    )
    max_oversubscription: float | None = Field(
        None, ge=0, description="times the public tranche was covered, at most; unknown fails"
    )

    def faults(self, execution: Execution, clock: ClockSettings) -> list[str]:
        faults = []
        if clock.decide != "before_open":
            faults.append("ipo_day_one needs clock.decide: before_open to trade on the first day")
        if self.hold == 0 and execution.ipo_entry != "subscribe":
            faults.append(
                "hold: 0 sells in the first session what execution.ipo_entry: subscribe "
                "was allotted; bought in the market, hold at least 1"
            )
        if execution.ipo_entry != "market" and self._has_filter():
            faults.append(
                "a filter on oversubscription needs execution.ipo_entry: market, for it is not "
                "known when one subscribes at the offer"
            )
        return faults

    def target_weights(self, panel: Panel) -> pd.DataFrame:
        since = panel.sessions_since_listing
        due = (
            since >= self.hold if self.until == "hold" else events(panel)[self.until] >= 0.0
        ).to_numpy()
        inside = panel.universe.to_numpy()
        entry = panel.applications if panel.subscribes else first_seen(panel)
        is_entry = (entry & panel.universe & self._passes(panel)).to_numpy()
        by_symbol = np.argsort(panel.symbols.to_numpy(), kind="stable")
        slots = int(self.max_gross / self.cap + 1e-9)  # 0.3 / 0.1 is 2.99...
        out = np.full(since.shape, np.nan)
        held: list[int] = []
        for t in np.flatnonzero(panel.rebalance.to_numpy()):
            sold = [j for j in held if due[t, j] or not inside[t, j]]
            held = [j for j in held if j not in sold]
            bought = list(by_symbol[is_entry[t, by_symbol]][: slots - len(held)])
            out[t, sold] = 0.0
            out[t, bought] = self.cap
            held += bought
        return pd.DataFrame(out, index=panel.close.index, columns=panel.close.columns)

    def events(self, panel: Panel, weights: pd.DataFrame) -> pd.DataFrame:  # noqa: ARG002
        row, column = np.nonzero((first_seen(panel) & panel.universe).to_numpy())
        found = pd.DataFrame({"session": panel.sessions[row], "symbol": panel.symbols[column]})
        fields: list[ListingField] = ["oversubscription", "one_lot_success"]
        more: tuple[ListingField, ...] = ("offer_size", "cornerstone_share")
        fields += [field for field in more if panel.listing(field).notna().to_numpy().any()]
        return found.assign(**{f: panel.listing(f).to_numpy()[row, column] for f in fields})

    def _has_filter(self) -> bool:
        return self.min_oversubscription is not None or self.max_oversubscription is not None

    def _passes(self, panel: Panel) -> pd.DataFrame:
        """Whether the subscription level is within bounds; all pass where no bound is set."""
        times, low, high = panel.listing("oversubscription"), -np.inf, np.inf
        low = low if self.min_oversubscription is None else self.min_oversubscription
        high = high if self.max_oversubscription is None else self.max_oversubscription
        return (times >= low) & (times <= high) if self._has_filter() else times.isna() | True

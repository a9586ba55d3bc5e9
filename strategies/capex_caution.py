"""Leave names whose capital spending outruns revenue and cash flow; hold who is paid by it.

Hypothesis: spending that grows faster than sales, and takes most of the cash that operations bring,
is answered late by the shares of those who spend; its suppliers book it as revenue meanwhile.

References: Titman, Wei & Xie (2004), Journal of Financial and Quantitative Analysis 39(4), 677-700:
names that raise capital investment most trail those that raise it least by 0.17 % a month (US,
1973-96, before costs), more where cash flow is high, and only while take-overs were rare. Cooper,
Gulen & Schill (2008), Journal of Finance 63(4): asset growth likewise. Neither knows of suppliers.

A *spender* is a name of the universe whose ``capex``, ``revenue`` and ``cash_flow`` (trailing
twelve months) are known, with those of ``year`` rows ago. It is cut while both hold: growth of
capex over growth of revenue, less 1, is above ``outrun``, or the company's own ``guidance`` says it
will be; and capex is above ``coverage`` of cash flow. Others get 1/n of NAV, n the number of
spenders; the share of those cut goes to the names of the sectors ``beneficiaries`` in equal parts,
at most ``max_name`` each, and is cash where there are none.

Everything is as published by the decision: a restatement counts from its day.

Works at the decisions of ``clock.rebalance``: ``month`` suits it.

Fails when: the spending pays, as it has before; suppliers fall with their customers' plans,
as they do at the end of a boom, for this rule holds them until the customers' own figures turn;
capex is leased, or sits in a partner's books; a dozen names are no cross-section.
"""

import numpy as np
import pandas as pd
from pydantic import Field

from backtest import Panel, Strategy


class CapexCaution(Strategy):
    beneficiaries: tuple[str, ...] = Field(
        (), description="sectors that the capital spending is revenue of; none for cash"
    )
    outrun: float = Field(
        0.2, description="growth of capex over that of revenue, less 1, above which to be cautious"
    )
    coverage: float = Field(0.7, ge=0, description="capex over operating cash flow, likewise")
    max_name: float = Field(0.1, gt=0, le=1, description="share of NAV of a beneficiary, at most")
    year: int = Field(250, ge=20, description="rows over which growth is measured")
    capex: str = Field("capex", description="fact: capital expenditure, trailing twelve months")
    revenue: str = Field("revenue", description="fact: revenue, trailing twelve months")
    cash_flow: str = Field("operating_cash_flow", description="fact: its cash, likewise")
    guidance: str | None = Field(
        "capex_guidance", description="fact: the company's capex of the year ahead; null for none"
    )

    def target_weights(self, panel: Panel) -> pd.DataFrame:
        outruns, covered = self._outruns(panel), self._spends(panel)
        inside = panel.universe & panel.close.notna()
        spender = inside & outruns.notna() & covered.notna()
        is_cut = spender & (outruns > self.outrun) & (covered > self.coverage)
        is_paid = inside & panel.instruments["sector"].isin(self.beneficiaries) & ~spender
        count, paid = spender.sum(axis=1), is_paid.sum(axis=1)
        each = 1.0 / count.where(count > 0)
        freed = is_cut.sum(axis=1) * each / paid.where(paid > 0)
        weights = (spender & ~is_cut).astype(float).mul(each.fillna(0.0), axis=0)
        share = freed.clip(upper=self.max_name).fillna(0.0)
        weights += is_paid.astype(float).mul(share, axis=0)
        held = weights.where(panel.rebalance, np.nan).ffill().shift(fill_value=np.nan)
        # Nothing held and nothing wanted needs no order.
        return weights.where((weights > 0.0) | (held > 0.0)).where(panel.rebalance, np.nan)

    def _outruns(self, panel: Panel) -> pd.DataFrame:
        """Growth of capex over that of revenue in a year, less 1; what is ahead if that is more."""
        capex, revenue = panel.fact(self.capex), panel.fact(self.revenue)
        grown = revenue / revenue.shift(self.year)
        past = (capex / capex.shift(self.year)) / grown - 1.0
        if self.guidance is None or panel.has_fact(self.guidance) != "symbol":
            return past
        ahead = (panel.fact(self.guidance) / capex) / grown - 1.0
        return past.where(~(ahead > past), ahead).where(past.notna())

    def _spends(self, panel: Panel) -> pd.DataFrame:
        """Capex over operating cash flow; without positive cash flow, infinite."""
        cash = panel.fact(self.cash_flow)
        return (panel.fact(self.capex) / cash.where(cash > 0.0)).where(~(cash <= 0.0), np.inf)

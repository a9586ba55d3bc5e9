"""Subscriptions of new listings as an array of the simulation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from backtest.clock import Clock
from backtest.data.bundle import Bundle
from backtest.data.grid import Grid
from backtest.execution import Execution
from backtest.ipo.allotment import luck, mechanism_of, one_lot_chance, pro_rata
from backtest.ipo.doubts import assumed
from backtest.ipo.settings import IpoSettings
from backtest.ipo.timetable import Timetable, terms_of, timetable
from backtest.kernels.world import OFFERED, Records
from backtest.market.model import MarketRules
from backtest.panel import Panel


@dataclass(frozen=True, eq=False)
class Subscriptions:
    """What a run can apply for, and on which terms."""

    bundle: Bundle
    table: Timetable
    markets: Mapping[str, MarketRules]

    def offers(self, settings: IpoSettings) -> Records:
        """What the subscription of each column meets, shape (N,); ``row`` is -1 for none.

        ``rate`` is NaN where neither oversubscription nor one-lot success is known: no application.
        On a placing account it is the placed share.
        """
        table = self.table
        offers = np.zeros(len(table.row), OFFERED)
        offers["row"] = table.row
        days = (table.refunds - table.closes) / np.timedelta64(1, "D")
        offers["days"] = np.where(table.row >= 0, days, 0.0)
        offers["price"] = self.bundle.instruments["offer_price"].to_numpy(dtype=np.float64)
        known = ~np.isnan(table.price)
        offers["price"][known] = np.fmax(table.price, offers["price"])[known]
        for j in np.flatnonzero(table.row >= 0):
            self._allotment(offers, int(j), settings.seed)
        if settings.account == "placing":
            offers["rate"] = settings.placed
        return offers

    def assumed(self, panel: Panel, settings: IpoSettings) -> list[str]:
        """What of the applications of a run the data do not give, as sentences."""
        first = panel.rebalance.to_numpy().argmax()
        inside = np.asarray(panel.applications.to_numpy()[first:].any(axis=0), dtype=np.bool_)
        placing = settings.account == "placing"
        return list(assumed(self.bundle, self.table, self.markets, inside=inside, placing=placing))

    def _allotment(self, offers: Records, j: int, seed: int) -> None:
        about = self.bundle.instruments.iloc[j]
        market = self.markets[str(about["exchange"])]
        terms = terms_of(market, pd.Timestamp(about["listed"]).date())
        name = str(about.get("ipo_mechanism", "")) or (terms.mechanism if terms else "")
        demand, one_lot = float(about["oversubscription"]), float(about["one_lot_success"])
        rate = pro_rata(mechanism_of(market.allotment, name), demand, one_lot)
        offers[j]["fee"] = terms.fee if terms else 0.0
        offers[j]["rate"] = rate
        offers[j]["one_lot"] = one_lot_chance(one_lot, rate)
        offers[j]["luck"] = luck(seed, str(about["symbol"]))


def subscriptions_of(
    bundle: Bundle,
    grid: Grid,
    clock: Clock,
    markets: Mapping[str, MarketRules],
    execution: Execution,
) -> Subscriptions | None:
    """The subscriptions of a run; None where new listings are not applied for."""
    if execution.ipo_entry != "subscribe":
        return None
    return Subscriptions(bundle, timetable(bundle, grid, clock, markets), markets)


def offers_of(subscriptions: Subscriptions | None, execution: Execution) -> Records:
    """Array of what subscriptions meet; empty without any."""
    return np.zeros(0, OFFERED) if subscriptions is None else subscriptions.offers(execution.ipo)

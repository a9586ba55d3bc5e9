"""What of the subscriptions of a run is assumed, as sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from backtest.data.bundle import Bundle
from backtest.ipo.timetable import Timetable, terms_of
from backtest.market.model import MarketRules

_SHOWN = 3


def assumed(
    bundle: Bundle,
    table: Timetable,
    markets: Mapping[str, MarketRules],
    *,
    inside: npt.NDArray[np.bool_],
    placing: bool,
) -> Iterator[str]:
    """One sentence for every input of an application that the data do not give.

    Parameters
    ----------
    inside
        Columns that may be applied for in the run, shape (N,).
    """
    about = bundle.instruments[inside & (table.row >= 0)]
    own = np.isnan(table.price[inside & (table.row >= 0)])
    if own.any():
        yield (
            f"{_listings(about[own])}: no ipo_price_max fact; applications close by the market's "
            "timetable, and the final offer price is what is paid on application."
        )
    if placing:
        return
    demand, one_lot = about["oversubscription"].isna(), about["one_lot_success"].isna()
    if (demand & one_lot).any():
        yield (
            f"{_listings(about[demand & one_lot])}: neither oversubscription nor one_lot_success "
            "is known: not applied for, though one could have."
        )
    about = about[~(demand & one_lot)]
    unnamed = about[about["ipo_mechanism"] == ""]
    if len(unnamed):
        where = zip(unnamed["exchange"], unnamed["listed"], strict=True)
        names = sorted({_assumed(markets[str(name)], day) for name, day in where})
        yield (
            f"{_listings(unnamed)}: no ipo_mechanism; by its listing date the allotment follows "
            f"{', '.join(names)}, with no waiver of the clawback."
        )
    modelled = about[about["one_lot_success"].isna()]
    if len(modelled):
        yield (
            f"{_listings(modelled)}: no one_lot_success; the square root of the pro rata rate "
            "stands for it, which is too high for mechanism b."
        )


def _assumed(market: MarketRules, listed: pd.Timestamp) -> str:
    terms = terms_of(market, listed.date())
    return (terms.mechanism if terms else "") or "plain pro rata"


def _listings(rows: pd.DataFrame) -> str:
    symbols = rows["symbol"].tolist()
    more = f" and {len(symbols) - _SHOWN} more" if len(symbols) > _SHOWN else ""
    count = f"{len(symbols)} listing{'s' * (len(symbols) != 1)}"
    return f"{count} ({', '.join(symbols[:_SHOWN])}{more})"

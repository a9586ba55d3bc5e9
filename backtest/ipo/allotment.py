"""What share of a subscription is allotted, by mechanism and demand."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

import pandas as pd

from backtest.market.files import list_markets, load_market
from backtest.market.model import Mechanism, in_force


def public_multiple(mechanism: Mechanism, oversubscription: float) -> float:
    """What the public tranche grows to by clawback, in multiples of its first size.

    Examples
    --------
    >>> from backtest.market.files import load_market
    >>> [rule] = [m for m in load_market("hk").allotment if m.name == "pn18"]
    >>> [public_multiple(rule, x) for x in (14.9, 15.0, 50.0, 100.0)]
    [1.0, 3.0, 4.0, 5.0]
    """
    share = mechanism.initial
    for step in mechanism.steps:
        if oversubscription >= step.at:
            share = step.share
    return round(share / mechanism.initial, 12)


def pro_rata(mechanism: Mechanism | None, oversubscription: float, one_lot: float) -> float:
    """Share of all that the public applied for that it gets, at most 1; NaN where not known.

    The smaller of 1 and m / x, with x the oversubscription of the first public tranche and m its
    clawback multiple; where x is not known, ``one_lot`` squared (see `one_lot_chance`).
    """
    if math.isnan(oversubscription):
        return one_lot * one_lot
    multiple = public_multiple(mechanism, oversubscription) if mechanism else 1.0
    return min(1.0, multiple / oversubscription) if oversubscription > 0 else 1.0


def one_lot_chance(one_lot: float, rate: float) -> float:
    """Chance of one lot for one lot applied for: as published, else the square root of the rate."""
    return one_lot if not math.isnan(one_lot) else math.sqrt(rate)


def luck(seed: int, symbol: str) -> float:
    """Uniform number in [0, 1) of one application; the same whatever else is applied for."""
    digest = hashlib.blake2b(f"{seed}:{symbol}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2.0**64


def regimes_of(instruments: pd.DataFrame) -> list[str]:
    """Mechanism of each instrument's offer: as named, else by its listing date; else empty."""
    markets = [load_market(name) for name in list_markets()]
    by_exchange = {exchange: market for market in markets for exchange in market.exchanges}
    found = []
    for exchange, listed, named in zip(
        instruments["exchange"], instruments["listed"], instruments["ipo_mechanism"], strict=True
    ):
        market = by_exchange.get(str(exchange))
        entry = None if market is None or pd.isna(listed) else in_force(market.ipo, listed.date())
        found.append(str(named) or (entry.mechanism if entry else ""))
    return found


def mechanism_of(mechanisms: Sequence[Mechanism], name: str) -> Mechanism | None:
    """The mechanism of that name, None where there is none."""
    return next((mechanism for mechanism in mechanisms if mechanism.name == name), None)

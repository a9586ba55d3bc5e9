"""When applications for a listing close, and the decision at which one applies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from backtest.calendars import local_midnights, sessions
from backtest.clock import Clock
from backtest.data.bundle import Bundle
from backtest.data.grid import NEVER, Grid
from backtest.errors import DataError
from backtest.market.model import MarketRules, Subscription, in_force

PRICE_FACT = "ipo_price_max"
"""Fact of a prospectus: the highest offer price; its period is the day applications close."""

_NOON = np.timedelta64(12, "h")

Dates = npt.NDArray[np.datetime64]
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Timetable:
    """By column: the row of the decision that applies (-1 none), and the days of the application.

    ``closes`` is the day on which applications close, at noon; ``refunds`` the session before the
    listing, on which results and refunds are out; NaT where there is no application. ``price`` is
    the highest offer price where the prospectus is known at the decision, else NaN.
    """

    row: npt.NDArray[np.int64]
    closes: Dates
    refunds: Dates
    price: FloatArray


def timetable(
    bundle: Bundle, grid: Grid, clock: Clock, markets: Mapping[str, MarketRules]
) -> Timetable:
    """The applications of every instrument that lists within the grid."""
    size = len(grid.bars.symbols)
    nat = np.full(size, np.datetime64("NaT"), dtype="datetime64[D]")
    row, closes, refunds = np.full(size, -1, np.int64), nat, nat.copy()
    price = np.full(size, np.nan)
    told = prospectuses(bundle)
    days = bundle.instruments["listed"].to_numpy().astype("datetime64[D]")
    for j, symbol in enumerate(grid.bars.symbols):
        exchange = grid.bars.exchanges[grid.bars.column_exchange[j]]
        if exchange not in markets or not grid.listed[j] > 0:
            continue
        dates = grid.bars.sessions[exchange].dates
        if grid.listed[j] == NEVER:
            dates = _until(exchange, dates, days[j])
        listed = int(np.searchsorted(dates, days[j]))
        if listed >= len(dates):
            continue
        terms = terms_of(markets[exchange], _day(dates[listed]))
        last = max(listed - (terms.close_sessions if terms else 1), 0)
        known: np.datetime64 = np.datetime64("NaT")
        if symbol in told:
            known, closed, price[j] = told[symbol]
            last = min(int(np.searchsorted(dates, closed, side="right")), listed) - 1
        at = _decision(clock, exchange, dates[last], known) if last >= 0 else -1
        if at >= 0:
            row[j], closes[j], refunds[j] = at, dates[last], dates[listed - 1]
    return Timetable(row, closes, refunds, price)


def terms_of(market: MarketRules, listed: date) -> Subscription | None:
    """Terms in force for what lists on a day; before the first entry, those."""
    return in_force(market.ipo, listed) or (market.ipo[0] if market.ipo else None)


def prospectuses(bundle: Bundle) -> dict[str, tuple[np.datetime64, np.datetime64, float]]:
    """By symbol: when the prospectus was known, when its applications close, its highest price."""
    facts = bundle.facts[bundle.facts["field"] == PRICE_FACT]
    if facts.empty:
        return {}
    rows = zip(
        facts["symbol"],
        facts["known_at"].dt.tz_convert(None).to_numpy(),
        facts["period"].to_numpy().astype("datetime64[D]"),
        facts["value"],
        strict=True,
    )
    first: dict[str, tuple[np.datetime64, np.datetime64, float]] = {}
    for symbol, known, closed, value in rows:
        first.setdefault(str(symbol), (known, closed, float(value)))
    return first


def _decision(clock: Clock, exchange: str, closes: np.datetime64, known: np.datetime64) -> int:
    """Row of the last decision before noon of the closing day; -1 where it is not known by then."""
    noon = local_midnights(exchange, np.array([closes]))[0] + _NOON
    row = int(np.searchsorted(clock.decisions, noon, side="right")) - 1
    return row if row >= 0 and (np.isnat(known) or known <= clock.decisions[row]) else -1


def _until(exchange: str, dates: Dates, listed: np.datetime64) -> Dates:
    """``dates`` and the sessions that follow up to a listing that lies ahead."""
    try:
        ahead = sessions(exchange, _day(dates[-1]), _day(listed)).dates
    except DataError:  # beyond the calendar's horizon
        return dates
    return np.concatenate([dates, ahead[ahead > dates[-1]]])


def _day(day: np.datetime64) -> date:
    return pd.Timestamp(day).date()

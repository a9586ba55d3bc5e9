"""What a simulation logged, as frames."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api.extensions import ExtensionArray

from backtest.clock import NAV, Clock
from backtest.data.grid import Grid
from backtest.kernels.world import ACCOUNT_COLUMNS, CASH_KINDS, OFFER, REASONS, STATUSES, Log

FloatArray = npt.NDArray[np.float64]

SUBSCRIPTION = "subscription"
"""Fee component of an allotment at the offer price."""


def nav_frame(log: Log, clock: Clock, benchmark: FloatArray) -> pd.DataFrame:
    """One row per base session: NAV, exposure and costs, with the benchmark beside them."""
    frame = pd.DataFrame(log.account, columns=list(ACCOUNT_COLUMNS))
    frame.insert(0, "session", clock.index[clock.first :])
    frame.insert(1, "nav", log.nav)
    frame["benchmark"] = benchmark
    return frame


def positions_frame(log: Log, clock: Clock, grid: Grid) -> pd.DataFrame:
    """One row per base session and instrument held, marked at the base close."""
    rows = log.position_at[:, 0]
    shares, price, rate = log.position.T
    value = shares * price * rate
    return pd.DataFrame(
        {
            "session": clock.index[clock.first :].to_numpy()[rows],
            "symbol": _symbols(grid, log.position_at[:, 1]),
            "shares": shares,
            "price": price,
            "value": value,
            "weight": value / log.nav[rows],
        }
    )


def fills_frame(log: Log, clock: Clock, grid: Grid, components: Sequence[str]) -> pd.DataFrame:
    """One row per fill, in order of time; amounts in the instrument's currency, fx cost apart."""
    event, decided, column, reason, _ = log.fill_at.T
    shares, reference, price, rate, fx_cost, fees = log.fill.T
    return pd.DataFrame(
        {
            "decided_at": _times(clock, decided),
            "filled_at": _times(clock, event),
            "symbol": _symbols(grid, column),
            "side": np.where(shares > 0, "buy", "sell"),
            "shares": shares,
            "reference": reference,
            "price": price,
            "value": shares * price,
            "slippage": shares * (price - reference),
            "fx": rate,
            "fx_cost": fx_cost,
            "reason": _names(REASONS, reason),
            **{f"fee_{name}": log.fill_fees[:, k] for k, name in enumerate(components)},
            "fees": fees,
        }
    )


def orders_frame(log: Log, clock: Clock, grid: Grid) -> pd.DataFrame:
    """One row per order and what became of it; value in the portfolio's currency."""
    event, column, status, resolved, reason = log.order_at.T
    wanted, value, filled = log.order.T
    return pd.DataFrame(
        {
            "decided_at": _times(clock, event),
            "symbol": _symbols(grid, column),
            "side": np.where(value > 0, "buy", "sell"),
            "shares": wanted,
            "filled": filled,
            "status": _names(STATUSES, status),
            "reason": _names(REASONS, reason),
            "resolved_at": _times(clock, resolved),
            "value": value,
        }
    )


def ledger_frame(
    log: Log, clock: Clock, grid: Grid, components: Sequence[str], currencies: Sequence[str]
) -> pd.DataFrame:
    """Every change of cash, in order of time; ``amount`` in the portfolio's currency, + is cash in.

    ``currencies`` are the instruments', in column order; the portfolio's own comes last.
    """
    parts = [*_fill_entries(log, components), *_cash_entries(log)]
    event, column, amount, local, step = (
        np.concatenate([part[k] for part in parts]) for k in (2, 3, 4, 5, 6)
    )
    kinds = np.concatenate([np.full(len(p[2]), p[0], dtype=object) for p in parts])
    component = np.concatenate([np.full(len(p[2]), p[1], dtype=object) for p in parts])
    keep = amount != 0.0
    order = np.lexsort((step, event))
    order = order[keep[order]]
    column = column[order]
    own = np.array([*currencies], dtype=object)
    return pd.DataFrame(
        {
            "time": _times(clock, event[order]),
            "session": _sessions_of(clock, event[order]),
            "kind": pd.array(kinds[order].astype(str), dtype="str"),
            "symbol": _symbols(grid, column),
            "component": pd.array(component[order].astype(str), dtype="str"),
            "amount": amount[order],
            "local": local[order],
            "currency": pd.array(own[column].astype(str), dtype="str"),
        }
    )


Entry = tuple[
    str, str, npt.NDArray[np.int64], npt.NDArray[np.int64], FloatArray, FloatArray, FloatArray
]


def _fill_entries(log: Log, components: Sequence[str]) -> list[Entry]:
    """Trade, each fee and fx cost of every fill, as (kind, component, event, column, ...)."""
    event = log.fill_at[:, 0].astype(np.int64)
    column = log.fill_at[:, 2].astype(np.int64)
    shares, _, price, rate, fx_cost, _ = log.fill.T
    offered = log.fill_at[:, 3] == OFFER
    gone = np.array([REASONS[r] == "delisted" for r in log.fill_at[:, 3]], dtype=np.bool_)
    step = np.arange(len(event), dtype=np.float64)
    local = -shares * price
    entries = []
    for kind, chosen in (
        ("trade", ~offered & ~gone),
        ("subscription", offered),
        ("delisting", gone),
    ):
        entries.append(
            _entry((kind, ""), event, column, np.where(chosen, local, 0.0), rate=rate, step=step)
        )
    for k, name in enumerate(components):
        fee = -log.fill_fees[:, k]
        entries.append(_entry(("fee", name), event, column, fee, rate=rate, step=step + 0.1))
    entries.append(("fx_cost", "", event, column, -fx_cost, -fx_cost / rate, step + 0.2))
    return entries


def _cash_entries(log: Log) -> list[Entry]:
    event, column, kind = (part.astype(np.int64) for part in log.cash_at.T)
    amount, local, _ = log.cash.T
    step = np.arange(len(event), dtype=np.float64) - 1e9  # actions come before an event's fills
    entries: list[Entry] = []
    for k, name in enumerate(CASH_KINDS):
        chosen = kind == k
        if name == "split" or not chosen.any():
            continue
        entries.append(
            (name, "", event[chosen], column[chosen], amount[chosen], local[chosen], step[chosen])
        )
    return entries


def _entry(
    what: tuple[str, str],
    event: npt.NDArray[np.int64],
    column: npt.NDArray[np.int64],
    local: FloatArray,
    *,
    rate: FloatArray,
    step: FloatArray,
) -> Entry:
    return *what, event, column, local * rate, local, step


def _times(clock: Clock, events: npt.NDArray[np.integer]) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(clock.time[events], tz="UTC")


def _sessions_of(clock: Clock, events: npt.NDArray[np.integer]) -> pd.DatetimeIndex:
    """The base session on whose NAV row an event shows: that of the next NAV event.

    By the order of events, not by their time: an open at the instant of a base close follows it.
    """
    rows = np.searchsorted(np.flatnonzero(clock.kind == NAV), events, side="left")
    return pd.DatetimeIndex(clock.index[clock.first + rows], name=None)


def _symbols(grid: Grid, columns: npt.NDArray[np.integer]) -> ExtensionArray:
    """Symbols of columns; the empty one for -1."""
    return _names([*grid.bars.symbols, ""], columns)


def _names(names: Sequence[str], codes: npt.NDArray[np.integer]) -> ExtensionArray:
    chosen: ExtensionArray = pd.array(np.array(names, dtype=object)[codes], dtype="str")
    return chosen

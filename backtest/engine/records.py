"""What a simulation logged, as frames."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api.extensions import ExtensionArray

from backtest.clock import Clock
from backtest.data.grid import Grid
from backtest.engine.currency import session_of
from backtest.engine.money import Money
from backtest.kernels.world import (
    ACCOUNT_COLUMNS,
    ACQUIRED,
    CASH_KINDS,
    DELISTED,
    ELECTED,
    GIVEN,
    OFFER,
    REASONS,
    STATUSES,
    SUBSCRIBED,
    Log,
)

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

HEDGES = ("hedge", "hedge_cost")
"""Kinds of the ledger whose component is the currency that is hedged."""
APPLICATIONS = ("application", "refund", "handling_fee", "loan_interest")
"""Kinds of the ledger that an application for a new listing makes."""

_NO_CASH = ("split", "receivable", "moved")

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
    log: Log, clock: Clock, grid: Grid, components: Sequence[str], money: Money
) -> pd.DataFrame:
    """Every change of cash, in order of time; ``amount`` in the portfolio's currency, + is cash in.

    ``local`` is the same in ``currency``: where cash is kept by currency its sum by currency is
    the change of that balance, else it says what was converted.
    """
    parts = [*_fill_entries(log, components, money), *_cash_entries(log, money)]
    event, column, amount, local, step, currency = (
        np.concatenate([part[k] for part in parts]) for k in (2, 3, 4, 5, 6, 7)
    )
    kinds = np.concatenate([np.full(len(p[2]), p[0], dtype=object) for p in parts])
    component = np.concatenate([np.full(len(p[2]), p[1], dtype=object) for p in parts])
    keep = amount != 0.0
    order = np.lexsort((step, event))
    order = order[keep[order]]
    column = column[order]
    return pd.DataFrame(
        {
            "time": _times(clock, event[order]),
            "session": _sessions_of(clock, event[order]),
            "kind": pd.array(kinds[order].astype(str), dtype="str"),
            "symbol": _symbols(grid, column),
            "component": pd.array(component[order].astype(str), dtype="str"),
            "amount": amount[order],
            "local": local[order],
            "currency": _names(money.names, currency[order]),
        }
    )


Entry = tuple[str, str, IntArray, IntArray, FloatArray, FloatArray, FloatArray, IntArray]


def _fill_entries(log: Log, components: Sequence[str], money: Money) -> list[Entry]:
    """Trade, each fee and fx cost of every fill, as (kind, component, event, column, ...)."""
    event = log.fill_at[:, 0].astype(np.int64)
    column = log.fill_at[:, 2].astype(np.int64)
    shares, _, price, rate, fx_cost, _ = log.fill.T
    reason = log.fill_at[:, 3]
    by_right = (ACQUIRED, SUBSCRIBED, ELECTED, GIVEN)
    apart = {"subscription": (OFFER,), "delisting": (DELISTED,)}
    apart |= {REASONS[code]: (code,) for code in by_right}
    traded = ~np.isin(reason, [code for codes in apart.values() for code in codes])
    step = np.arange(len(event), dtype=np.float64)
    local = -shares * price
    own = money.of_column[column]

    def entry(kind: str, component: str, paid: FloatArray, later: float) -> Entry:
        return kind, component, event, column, paid * rate, paid, step + later, own

    entries = [entry("trade", "", np.where(traded, local, 0.0), 0.0)]
    for kind, codes in apart.items():
        chosen = np.isin(reason, codes)
        if chosen.any():
            entries.append(entry(kind, "", np.where(chosen, local, 0.0), 0.0))
    entries += [entry("fee", name, -log.fill_fees[:, k], 0.1) for k, name in enumerate(components)]
    paid, payer = (-fx_cost, 0 * own) if money.kept else (-fx_cost / rate, own)
    return [*entries, ("fx_cost", "", event, column, -fx_cost, paid, step + 0.2, payer)]


def _cash_entries(log: Log, money: Money) -> list[Entry]:
    event, column, kind, code = (part.astype(np.int64) for part in log.cash_at.T)
    amount, local, _ = log.cash.T
    step = np.arange(len(event), dtype=np.float64) - 1e9  # actions come before an event's fills
    own = np.append(money.of_column, 0)[column]
    if money.kept:  # an application takes the portfolio's currency, whatever the instrument's
        applied = np.isin(kind, [CASH_KINDS.index(name) for name in APPLICATIONS])
        own, local = np.where(applied, 0, own), np.where(applied, amount, local)
    currency = np.where(code > 0, code - 1, own)
    entries: list[Entry] = []
    for k, name in enumerate(CASH_KINDS):
        if name in _NO_CASH:
            continue
        about = range(1, len(money.names)) if name in HEDGES else [0]
        for c in about:  # the currency that is hedged; the cash is the portfolio's
            chosen = kind == k if c == 0 else (kind == k) & (currency == c)
            if not chosen.any():
                continue
            entries.append(
                (
                    name,
                    money.names[c] if c else "",
                    event[chosen],
                    column[chosen],
                    amount[chosen],
                    local[chosen],
                    step[chosen],
                    0 * currency[chosen] if c else currency[chosen],
                )
            )
    return entries


def _times(clock: Clock, events: npt.NDArray[np.integer]) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(clock.time[events], tz="UTC")


def _sessions_of(clock: Clock, events: npt.NDArray[np.integer]) -> pd.DatetimeIndex:
    """The base session on whose NAV row an event shows: that of the next NAV event.

    By the order of events, not by their time: an open at the instant of a base close follows it.
    """
    return pd.DatetimeIndex(clock.index[clock.first + session_of(clock, events)], name=None)


def _symbols(grid: Grid, columns: npt.NDArray[np.integer]) -> ExtensionArray:
    """Symbols of columns; the empty one for -1."""
    return _names([*grid.bars.symbols, ""], columns)


def _names(names: Sequence[str], codes: npt.NDArray[np.integer]) -> ExtensionArray:
    chosen: ExtensionArray = pd.array(np.array(names, dtype=object)[codes], dtype="str")
    return chosen

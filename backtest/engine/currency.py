"""What prices earned, and what exchange rates did, session by session."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from backtest.clock import NAV, Clock
from backtest.engine.money import Money
from backtest.kernels.world import (
    CASH_KINDS,
    DIVIDEND,
    FRACTION,
    KIND,
    PAID,
    RECEIVABLE,
    RIGHTS_SOLD,
    Log,
)

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_INCOME = (DIVIDEND, FRACTION, RIGHTS_SOLD, KIND)  # cash rows that a position pays out


@dataclass(frozen=True, eq=False)
class CurrencyGains:
    """What was made in each currency, portfolio currency before costs; shape (T, C).

    ``local``: what prices and dividends earned, at the rate of the session's base close.
    ``fx``: what the change of that rate made of what was held at the close before, and of what came
    and went since. ``hedge``: of the forwards.
    """

    local: FloatArray
    fx: FloatArray
    hedge: FloatArray
    held: FloatArray  # value of the positions at base closes, in their currency
    rates: FloatArray  # at base closes; NaN where nobody needs one


def currency_gains(log: Log, clock: Clock, money: Money, closing: FloatArray) -> CurrencyGains:
    """Gains by session and currency.

    Parameters
    ----------
    closing
        Exchange rates at the base closes, shape (T, C); NaN where nobody needs one.
    """
    rates = np.nan_to_num(closing)
    shape = rates.shape
    held = np.zeros(shape)
    at, column = log.position_at.T.astype(np.int64)
    np.add.at(held, (at, money.of_column[column]), log.position[:, 0] * log.position[:, 1])
    session, currency, local, amount = _flows(log, clock, money)
    came, worth = np.zeros(shape), np.zeros(shape)
    np.add.at(came, (session, currency), local)
    np.add.at(worth, (session, currency), amount)
    whole = held + _receivables(log, clock, money, shape)
    before, rate_before = _shifted(whole), _shifted(rates)
    gains = CurrencyGains(
        local=(whole - before + came) * rates,
        fx=before * (rates - rate_before) + worth - came * rates,
        hedge=np.zeros(shape),
        held=held,
        rates=closing,
    )
    _add_cash(gains, log, clock)
    return gains


@dataclass(frozen=True, eq=False)
class CurrencyMoves:
    """What exchange rates made of single flows and holdings until the next base close."""

    fill: FloatArray  # (F,): of the cash of each fill, before costs
    cash: FloatArray  # (K,)
    key: IntArray  # (P,): column and event of the base close of each holding, ascending
    total: FloatArray  # (P + 1,): of the holdings until their next base close, summed up
    events: int

    def held(self, column: int, begin: int, end: int) -> float:
        """Of what was held in a column at the base closes after ``begin`` and before ``end``."""
        low, high = np.searchsorted(
            self.key, [column * self.events + begin, column * self.events + end]
        )
        return float(self.total[high] - self.total[low])


def currency_moves(log: Log, clock: Clock, money: Money, closing: FloatArray) -> CurrencyMoves:
    """The parts of `currency_gains` that trades are credited with; see there."""
    rates = np.nan_to_num(closing)
    fill_at, cash_at = log.fill_at.astype(np.int64), log.cash_at.astype(np.int64)
    dealt = -log.fill[:, 0] * log.fill[:, 1]
    own = money.of_column[fill_at[:, 2]]
    fill = dealt * (log.fill[:, 3] - rates[session_of(clock, fill_at[:, 0]), own])
    # A receivable is a trade's where it is earned: it may be flat when it is paid.
    paid = np.isin(cash_at[:, 2], [*_INCOME, RECEIVABLE])
    own = money.of_column[np.where(paid, cash_at[:, 1], 0)]
    at_close = log.cash[:, 1] * rates[session_of(clock, cash_at[:, 0]), own]
    cash = np.where(paid, log.cash[:, 0] - at_close, 0.0)
    row, column = log.position_at.T.astype(np.int64)
    own = money.of_column[column]
    later = np.vstack([rates[1:], rates[-1:]])
    position = log.position[:, 0] * log.position[:, 1] * (later - rates)[row, own]
    key = column * len(clock.kind) + np.flatnonzero(clock.kind == NAV)[row]
    order = np.argsort(key)
    total = np.append(0.0, np.cumsum(position[order]))
    return CurrencyMoves(fill, cash, key[order], total, len(clock.kind))


def with_gains(nav: pd.DataFrame, gains: CurrencyGains) -> pd.DataFrame:
    """NAV rows with what prices, exchange rates and forwards made of each."""
    parts = {"local_pnl": gains.local, "fx_pnl": gains.fx, "hedge_pnl": gains.hedge}
    own = nav.assign(**{name: part.sum(axis=1) for name, part in parts.items()})
    return own[[*own.columns.drop("benchmark"), "benchmark"]]


def currencies_frame(
    gains: CurrencyGains, nav: pd.DataFrame, ledger: pd.DataFrame, money: Money, cash: float
) -> pd.DataFrame | None:
    """One row per session and currency that was ever held, home first; None for one currency.

    ``cash`` is the initial one.
    """
    sessions = nav["session"]
    moved = _by_currency(ledger, sessions, money) if money.kept else None
    interest = ledger[ledger["kind"] == "interest"]
    earned = _by_currency(interest, sessions, money, "amount")
    used = [c for c in range(len(money.names)) if c == 0 or _is_used(gains, moved, c)]
    if len(used) == 1:
        return None
    parts = []
    for c in used:
        balance = np.zeros(len(nav))
        if moved is not None:
            balance = np.cumsum(moved[:, c]) + (cash if c == 0 else 0.0)
        elif c == 0:
            balance = nav["cash"].to_numpy()
        parts.append(
            pd.DataFrame(
                {
                    "session": sessions,
                    "currency": pd.array([money.names[c]] * len(nav), dtype="str"),
                    "positions": gains.held[:, c],
                    "cash": balance,
                    "rate": gains.rates[:, c],
                    "local_pnl": gains.local[:, c],
                    "fx_pnl": gains.fx[:, c],
                    "hedge_pnl": gains.hedge[:, c],
                    "interest": earned[:, c],
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def session_of(clock: Clock, events: npt.NDArray[np.integer]) -> IntArray:
    """The row of the base session on which each event shows: that of the next NAV event."""
    return np.searchsorted(np.flatnonzero(clock.kind == NAV), events, side="left")


def _flows(
    log: Log, clock: Clock, money: Money
) -> tuple[IntArray, IntArray, FloatArray, FloatArray]:
    """What positions took and gave, before costs: session, currency, in it, in the portfolio's."""
    column = log.fill_at[:, 2].astype(np.int64)
    dealt = -log.fill[:, 0] * log.fill[:, 1]
    paid = np.isin(log.cash_at[:, 2], [*_INCOME, PAID])
    events = np.concatenate([log.fill_at[:, 0], log.cash_at[paid, 0]])
    columns = np.concatenate([column, log.cash_at[paid, 1].astype(np.int64)])
    local = np.concatenate([dealt, log.cash[paid, 1]])
    amount = np.concatenate([dealt * log.fill[:, 3], log.cash[paid, 0]])
    return session_of(clock, events), money.of_column[columns], local, amount


def _receivables(log: Log, clock: Clock, money: Money, shape: tuple[int, ...]) -> FloatArray:
    """Dividends to come at each base close, by currency and in it; none after a bankruptcy."""
    owed = np.zeros(shape)
    for kind, sign in ((RECEIVABLE, 1.0), (PAID, -1.0)):
        own = log.cash_at[:, 2] == kind
        currency = money.of_column[log.cash_at[own, 1]]
        session = session_of(clock, log.cash_at[own, 0])
        np.add.at(owed, (session, currency), sign * log.cash[own, 1])
    return np.where(log.nav[:, None] > 0.0, np.cumsum(owed, axis=0), 0.0)


def _add_cash(gains: CurrencyGains, log: Log, clock: Clock) -> None:
    """Add what is booked to cash alone: revaluations, hedges, what a bankruptcy writes off."""
    session = session_of(clock, log.cash_at[:, 0])
    code = log.cash_at[:, 3].astype(np.int64)
    currency = np.maximum(code - 1, 0)
    targets = (("revaluation", gains.fx), ("hedge", gains.hedge), ("write_off", gains.local))
    for name, target in targets:
        own = log.cash_at[:, 2] == CASH_KINDS.index(name)
        np.add.at(target, (session[own], currency[own]), log.cash[own, 0])


def _by_currency(
    ledger: pd.DataFrame, sessions: pd.Series, money: Money, field: str = "local"
) -> FloatArray:
    """Sums of a column of the ledger by session and currency, shape (T, C)."""
    out = np.zeros((len(sessions), len(money.names)))
    row = np.searchsorted(sessions.to_numpy(), ledger["session"].to_numpy())
    column = pd.Index(money.names).get_indexer(pd.Index(ledger["currency"]))
    np.add.at(out, (row, column), ledger[field].to_numpy())
    return out


def _is_used(gains: CurrencyGains, moved: FloatArray | None, c: int) -> bool:
    return bool(
        gains.held[:, c].any()
        or gains.local[:, c].any()
        or (moved is not None and moved[:, c].any())
    )


def _shifted(rows: FloatArray) -> FloatArray:
    """The rows before; zeros, before the first."""
    return np.vstack([np.zeros((1, rows.shape[1])), rows[:-1]])

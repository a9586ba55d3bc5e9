"""What each sleeve earned for the account, session by session.

A session's profit in an instrument, before costs, is divided by what the sleeves held of it: the
mean of their shares of NAV before and after that session's decision. Shares count with their sign
while the net is at least a tenth of the gross, by size below (an order that was netted but not
filled could multiply a profit otherwise); what is held when no sleeve wants it any more goes to
those who wanted it last. The costs of a fill (fees, slippage, conversion) are divided by the size
of the changes that the sleeves asked for at its decision, those of exits and other sales as profit
is. What concerns no instrument, interest above all, is the cash's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from backtest.clock import Clock
from backtest.sleeves.book import Book

if TYPE_CHECKING:
    from backtest.panel import Panel
    from backtest.sleeves.composite import Sleeves

FloatArray = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

CASH = ""
"""Name of the row of what belongs to no sleeve."""

_LOCKS = ("application", "refund")  # cash that is locked is NAV all the same
_NET = 0.1  # of the gross: the least net that signed shares are taken of


class Account(Protocol):
    """The frames of a simulated account that are read here."""

    @property
    def positions(self) -> pd.DataFrame:
        """One row per session and symbol held."""

    @property
    def fills(self) -> pd.DataFrame:
        """One row per fill."""

    @property
    def ledger(self) -> pd.DataFrame:
        """One row per change of cash."""


def contributions_of(sleeves: Sleeves, panel: Panel, account: Account) -> pd.DataFrame:
    """`contribution_frame` of an account that traded what ``sleeves`` want on ``panel``."""
    used, book = sleeves.book(panel)
    symbols = [str(symbol) for symbol in panel.symbols[used]]
    return contribution_frame(account, panel.clock, list(sleeves.sleeves), symbols, book)


def contribution_frame(
    account: Account, clock: Clock, names: Sequence[str], symbols: Sequence[str], book: Book
) -> pd.DataFrame:
    """One row per session and sleeve, and one for the cash, in this order.

    Parameters
    ----------
    names, symbols
        Of the book's sleeves and instruments.

    Returns
    -------
    DataFrame
        ``session``, ``sleeve`` (empty: cash), ``share`` of NAV after the decision, ``paper_return``
        since the decision before, ``asked`` (absolute changes of weights, on the cash's row those
        left after netting), ``gain`` before costs and ``costs``, in the portfolio's currency. All
        gains less all costs are the change of NAV.
    """
    run = slice(clock.first, clock.last + 1)
    held = _shared(book.parts, late=clock.settings.decide == "after_close")[:, run]
    places = _Places(clock, symbols)
    costs, by_sleeve = _costs(account.fills, places, held, book.orders)
    profit, rest = _profit(account, places)
    gains = np.einsum("stk,tk->ts", held, profit + costs)
    shares, changes = book.shares[run], book.orders[:, run]
    asked = np.column_stack(
        [np.abs(changes).sum(axis=2).T, np.abs(changes.sum(axis=0)).sum(axis=1)]
    )
    columns = {
        "share": np.column_stack([shares, 1.0 - shares.sum(axis=1)]),
        "paper_return": np.column_stack([book.returns[run], np.zeros(len(shares))]),
        "asked": asked,
        "gain": np.column_stack([gains, rest]),
        "costs": np.column_stack([by_sleeve, np.zeros(len(shares))]),
    }
    sessions = clock.index[run]
    return pd.DataFrame(
        {
            "session": np.repeat(sessions.to_numpy(), len(names) + 1),
            "sleeve": pd.array([*names, CASH] * len(sessions), dtype="str"),
            **{name: values.ravel() for name, values in columns.items()},
        }
    )


def divided(parts: FloatArray) -> FloatArray:
    """How a profit is divided among sleeves that hold ``parts``, shape (S, ...), NaN where none do.

    Examples
    --------
    >>> divided(np.array([0.3, -0.1])).round(12).tolist()
    [1.5, -0.5]
    """
    net, gross = parts.sum(axis=0), np.abs(parts).sum(axis=0)
    is_signed = np.abs(net) >= _NET * gross
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(is_signed, parts / net, np.abs(parts) / gross))


def _shared(parts: FloatArray, *, late: bool) -> FloatArray:
    """Shares of a session's profit by sleeve, decision and instrument; see the module."""
    if late:  # decided at the close: it is held from the next session on
        parts = np.concatenate([np.zeros_like(parts[:, :1]), parts[:, :-1]], axis=1)
    before = np.concatenate([np.zeros_like(parts[:, :1]), parts[:, :-1]], axis=1)
    shares = divided((before + parts) / 2.0)
    known = ~np.isnan(shares[0])
    rows = np.where(known, np.arange(parts.shape[1])[:, None], -1)
    last = np.maximum.accumulate(rows, axis=0)
    taken = shares[:, np.maximum(last, 0), np.arange(parts.shape[2])[None, :]]
    return np.where(last[None] >= 0, taken, 1.0 / len(parts))


class _Places:
    """Where a record belongs: the run's session and the book's column."""

    def __init__(self, clock: Clock, symbols: Sequence[str]) -> None:
        run = slice(clock.first, clock.last + 1)
        self._sessions = clock.index[run]
        self._closes = clock.base_sessions.close[run]
        self._symbols = pd.Index(symbols)
        self.first = clock.first
        self._decisions = clock.decisions
        self.shape = (len(self._sessions), len(symbols))

    def columns(self, symbols: pd.Series) -> Rows:
        return np.asarray(self._symbols.get_indexer(pd.Index(symbols)), dtype=np.int64)

    def of_sessions(self, sessions: pd.Series) -> Rows:
        return np.asarray(self._sessions.get_indexer(pd.Index(sessions)), dtype=np.int64)

    def of_fills(self, times: pd.Series) -> Rows:
        moments = times.dt.tz_convert(None).to_numpy()
        return np.asarray(np.minimum(np.searchsorted(self._closes, moments), self.shape[0] - 1))

    def of_decisions(self, times: pd.Series) -> Rows:
        """Rows of the panel; the last decision not after each time."""
        moments = times.dt.tz_convert(None).to_numpy()
        return np.asarray(np.searchsorted(self._decisions, moments, side="right") - 1)

    def table(self, rows: Rows, columns: Rows, values: pd.Series) -> FloatArray:
        """Sums by session and instrument, shape (T, N)."""
        out = np.zeros(self.shape)
        np.add.at(out, (rows, columns), values.to_numpy(dtype=np.float64))
        return out


def _profit(account: Account, places: _Places) -> tuple[FloatArray, FloatArray]:
    """Profit after costs by session and instrument, and by session what concerns none."""
    held, ledger = account.positions, account.ledger
    ledger = ledger[~ledger["kind"].isin(_LOCKS)]
    value = places.table(
        places.of_sessions(held["session"]), places.columns(held["symbol"]), held["value"]
    )
    profit = np.diff(value, axis=0, prepend=np.zeros((1, places.shape[1])))
    columns, rows = places.columns(ledger["symbol"]), places.of_sessions(ledger["session"])
    own = columns >= 0
    profit += places.table(rows[own], columns[own], ledger["amount"][own])
    rest = np.bincount(
        rows[~own], ledger["amount"][~own].to_numpy(dtype=np.float64), places.shape[0]
    )
    return profit, np.asarray(rest, dtype=np.float64)


def _costs(
    fills: pd.DataFrame, places: _Places, held: FloatArray, orders: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Costs of fills by session and instrument, and by session and sleeve."""
    cost = (fills["fees"] + fills["slippage"]) * fills["fx"] + fills["fx_cost"]
    rows, columns = places.of_fills(fills["filled_at"]), places.columns(fills["symbol"])
    decided = places.of_decisions(fills["decided_at"])
    changes = np.abs(orders[:, decided, columns])
    sums = changes.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = np.where(sums > 0.0, changes / sums, held[:, rows, columns])
    by_sleeve = np.zeros((places.shape[0], len(orders)))
    for number, share in enumerate(shares):
        np.add.at(by_sleeve[:, number], rows, share * cost.to_numpy(dtype=np.float64))
    return places.table(rows, columns, cost), by_sleeve

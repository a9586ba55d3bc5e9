"""Entries and exits to accounts, many at a time: a first look before a strategy is written.

Each portfolio holds one instrument or cash, all in or all out, in fractional shares, long only. Its
costs are a fraction of each trade's value; there are no lots, ticks, volume caps, corporate actions
or interest: what looks good here is to be run as a strategy, under every rule of the engine. A
signal is known at the close of its bar and trades at the next one's open.

Arrays have bars along their columns: a row is an instrument, a line or a portfolio (a frame's
values, transposed). Portfolios run in parallel, and beyond the signals nothing of the size of
portfolios x bars is kept unless the NAV is asked for.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from backtest.errors import Fault, FaultyInput
from backtest.kernels import signals as kernel

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
Fill = Literal["next_open", "next_close", "same_close"]

_BLOCKS = 8  # per worker: portfolios differ in how long they hold
_ROUNDING = 1e-10  # of a deviation: an account whose NAV never moved has none
_FLAGS = ("entries", "exits")


@dataclass(frozen=True, eq=False)
class Prices:
    """Prices of each instrument, shape (instruments, bars), or (bars,) for a single one.

    Positive; NaN where there is no bar: nothing trades there, and the last close stands.
    """

    close: Floats
    open: Floats | None = None


@dataclass(frozen=True, eq=False)
class Flags:
    """Entries and exits as they are, bool, shape (portfolios, bars); both at once is neither."""

    entries: npt.NDArray[np.bool_]
    exits: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        """Number of portfolios."""
        return len(self.entries)


@dataclass(frozen=True, eq=False)
class Crossings:
    """In when a line crosses above another, out when it crosses below.

    Rows of ``lines``, shape (lines, bars), by number: one pair for each portfolio, shape
    (portfolios,). Thousands of pairs share a few hundred lines. A threshold is a constant line. NaN
    is not known: a crossing is seen only between known values.
    """

    lines: Floats
    fast: Rows
    slow: Rows

    def __len__(self) -> int:
        """Number of portfolios."""
        return len(self.fast)


def simulate_signals(
    prices: Prices,
    signals: Flags | Crossings,
    instrument: Sequence[int] | Rows | None = None,
    *,
    fill: Fill = "next_open",
    buy_fee: float = 0.0,
    sell_fee: float = 0.0,
    cash: float = 1.0,
    workers: int | None = None,
) -> Floats:
    """NAV of each portfolio after each close, shape (portfolios, bars), in the unit of ``cash``.

    Parameters
    ----------
    instrument
        Row of ``prices`` that each portfolio trades, shape (portfolios,). Without it all trade the
        only instrument, or each its own where there are as many as portfolios.
    fill
        Where the signal of a bar trades: at the ``next_open`` or the ``next_close``. ``same_close``
        trades at the close that gave the signal, which nobody can: for comparisons with software
        that does. Where there is no price the signal lapses.
    buy_fee, sell_fee
        Fraction of the value of a purchase and of a sale. A purchase and its fee take all cash.
    workers
        Threads; one for each core unless given. They change no number.

    Raises
    ------
    FaultyInput
        With all that is wrong with the arguments.

    Examples
    --------
    Bought at 11, the open after the entry; sold at 12, the open after the exit:

    >>> prices = Prices(np.array([10.0, 11.0, 12.0, 9.0]), np.array([10.0, 11.0, 11.0, 12.0]))
    >>> bar = np.arange(4)[None, :]
    >>> simulate_signals(prices, Flags(bar == 0, bar == 2), cash=110.0).tolist()
    [[110.0, 110.0, 120.0, 120.0]]
    """
    amounts = (buy_fee, sell_fee, cash)
    work = _work(prices, signals, instrument, fill=fill, amounts=amounts, workers=workers)
    navs = np.empty((len(signals), work.bars))
    work.run(navs)
    return navs


def signal_sweep(
    prices: Prices,
    signals: Flags | Crossings,
    instrument: Sequence[int] | Rows | None = None,
    *,
    fill: Fill = "next_open",
    buy_fee: float = 0.0,
    sell_fee: float = 0.0,
    bars_per_year: float = 252.0,
    workers: int | None = None,
) -> pd.DataFrame:
    """Measures of each portfolio, one row each; arguments as in `simulate_signals`.

    Returns
    -------
    DataFrame
        ``total_return`` and ``max_drawdown`` (<= 0), fractions; ``volatility`` and ``sharpe``,
        annualised, of returns per bar, those in cash included, their deviation over T - 1 (NaN
        below two bars and, for ``sharpe``, without volatility); ``exposure``, the part of bars
        that ended in shares; ``fills``, purchases and sales; ``fees``, fraction of the cash at the
        beginning. That cash counts as the first peak, and in the first return.

    Examples
    --------
    Halved while held:

    >>> prices = Prices(np.array([8.0, 8.0, 4.0]), np.array([8.0, 8.0, 8.0]))
    >>> bar = np.arange(3)[None, :]
    >>> done = signal_sweep(prices, Flags(bar == 0, bar == 2))
    >>> done[["total_return", "max_drawdown", "fills"]].values.tolist()
    [[-0.5, -0.5, 1.0]]
    """
    amounts = (buy_fee, sell_fee, 1.0)
    work = _work(prices, signals, instrument, fill=fill, amounts=amounts, workers=workers)
    sums = work.run(np.empty((len(signals), 0)))
    bars = work.bars
    mean = sums[:, kernel.TOTAL] / bars
    spread = np.maximum(sums[:, kernel.SQUARES] - bars * mean**2, 0.0)
    deviation = np.sqrt(spread / (bars - 1)) if bars > 1 else np.full(len(sums), np.nan)
    known = np.where(deviation > _ROUNDING, deviation, np.nan)
    return pd.DataFrame(
        {
            "total_return": sums[:, kernel.NAV] - 1.0,
            "volatility": deviation * np.sqrt(bars_per_year),
            "sharpe": mean / known * np.sqrt(bars_per_year),
            "max_drawdown": sums[:, kernel.DRAWDOWN],
            "exposure": sums[:, kernel.HELD] / bars,
            "fills": sums[:, kernel.FILLS].astype(np.int64),
            "fees": sums[:, kernel.FEES],
        }
    )


def moving_averages(
    close: Floats, windows: Sequence[int] | Rows, *, workers: int | None = None
) -> Floats:
    """Mean of the last closes for each window, shape (windows, bars), for `Crossings`.

    With several instruments, (instruments x windows, bars), an instrument's windows together. NaN
    until a window is full, and where it holds a NaN.

    Examples
    --------
    >>> moving_averages(np.array([1.0, 2.0, 6.0]), [2]).tolist()
    [[nan, 1.5, 4.0]]
    """
    rows = _lines(close)
    each = np.asarray(windows, dtype=np.int64)
    if each.ndim != 1 or (each < 1).any():
        raise FaultyInput("signals", [Fault("windows", "must be numbers of bars, at least 1")])
    row, window = np.repeat(np.arange(len(rows)), len(each)), np.tile(each, len(rows))
    lines = np.empty((len(row), rows.shape[1]))

    def run(part: slice) -> None:
        kernel.averages(rows, row[part], window[part], lines[part])

    _in_parallel(run, len(row), workers)
    return lines


@dataclass(frozen=True, eq=False)
class _Work:
    """Checked arguments, as the kernel takes them."""

    close: Floats
    price: Floats
    signals: Flags | Crossings
    row: Rows
    terms: tuple[int, float, float, float]  # delay, fees of a purchase and a sale, cash
    workers: int | None

    @property
    def bars(self) -> int:
        return int(self.close.shape[1])

    def run(self, navs: Floats) -> Floats:
        """Sums of each portfolio, shape (portfolios, kernel.SUMS); NAVs into ``navs``."""
        sums = np.empty((len(self.row), kernel.SUMS))
        signals = self.signals

        def run(part: slice) -> None:
            side = np.empty(self.bars, np.int8)
            first = (self.close, self.price, self.row[part])
            last = (*self.terms, side, sums[part], navs[part])
            if isinstance(signals, Flags):
                kernel.run_flags(*first, signals.entries[part], signals.exits[part], *last)
            else:
                lines = (signals.lines, signals.fast[part], signals.slow[part])
                kernel.run_crossings(*first, *lines, *last)

        _in_parallel(run, len(self.row), self.workers)
        return sums


def _work(
    prices: Prices,
    signals: Flags | Crossings,
    instrument: Sequence[int] | Rows | None,
    *,
    fill: Fill,
    amounts: tuple[float, float, float],
    workers: int | None,
) -> _Work:
    faults: list[Fault] = []
    close = _lines(prices.close)
    if fill not in ("next_open", "next_close", "same_close"):
        faults.append(Fault("fill", f"must be next_open, next_close or same_close, got '{fill}'"))
    named = {"close": close}
    if fill == "next_open":
        if prices.open is None:
            faults.append(Fault("open", "is needed to fill at the next open; or set fill"))
        else:
            named["open"] = _lines(prices.open)
    for name, values in named.items():
        if values.shape != close.shape:
            faults.append(Fault(name, f"has shape {values.shape}, close {close.shape}"))
        if (values <= 0.0).any() or np.isinf(values).any():
            faults.append(Fault(name, "has a price that is not above 0 or infinite; NaN is none"))
    known, found = _checked(signals, close.shape[1])
    row = _instruments(instrument, len(signals), len(close))
    if row is None:
        faults.append(
            Fault("instrument", f"must name a row of prices (0 to {len(close) - 1}) per portfolio")
        )
    for name, amount in zip(("buy_fee", "sell_fee"), amounts, strict=False):
        if not 0.0 <= amount < 1.0:
            faults.append(Fault(name, f"must be a fraction of value from 0 to 1, got {amount:g}"))
    if not 0.0 < amounts[-1] < np.inf:
        faults.append(Fault("cash", f"must be above 0, got {amounts[-1]:g}"))
    if faults or found or row is None:
        raise FaultyInput("signals", faults + found)
    price = named.get("open", close)
    return _Work(close, price, known, row, (int(fill != "same_close"), *amounts), workers)


def _checked(signals: Flags | Crossings, bars: int) -> tuple[Flags | Crossings, list[Fault]]:
    faults = []
    if isinstance(signals, Flags):
        flags = Flags(*(np.ascontiguousarray(getattr(signals, name)) for name in _FLAGS))
        for name in _FLAGS:
            values, like = getattr(flags, name), (len(flags), bars)
            if values.dtype != np.bool_ or values.shape != like:
                found = f"{values.dtype} of shape {values.shape}"
                faults.append(Fault(name, f"must be bool of shape {like}, got {found}"))
        return flags, faults
    lines = _lines(signals.lines)
    fast, slow = (np.asarray(one, dtype=np.int64) for one in (signals.fast, signals.slow))
    if lines.shape[1] != bars:
        faults.append(Fault("lines", f"must have {bars} bars, got {lines.shape[1]}"))
    for name, rows in (("fast", fast), ("slow", slow)):
        if rows.shape != fast.shape or rows.ndim != 1:
            faults.append(Fault(name, "must have one line for each portfolio, as fast and slow do"))
        elif ((rows < 0) | (rows >= len(lines))).any():
            faults.append(Fault(name, f"must name rows of lines, 0 to {len(lines) - 1}"))
    return Crossings(lines, fast, slow), faults


def _instruments(
    instrument: Sequence[int] | Rows | None, portfolios: int, instruments: int
) -> Rows | None:
    """Row of prices of each portfolio; None where that is not one each, or no such row."""
    if instrument is None:
        if instruments == 1:
            return np.zeros(portfolios, np.int64)
        return np.arange(portfolios) if portfolios == instruments else None
    row = np.asarray(instrument, dtype=np.int64)
    good = row.shape == (portfolios,) and bool(((row >= 0) & (row < instruments)).all())
    return row if good else None


def _lines(values: Floats) -> Floats:
    """Rows of floats, each read from end to end."""
    return np.ascontiguousarray(np.atleast_2d(values), dtype=np.float64)


def _in_parallel(run: Callable[[slice], None], count: int, workers: int | None) -> None:
    """``run`` for parts of ``range(count)``, in threads: the kernels hold no lock."""
    threads = workers or len(os.sched_getaffinity(0))
    if threads == 1:
        run(slice(0, count))
        return
    step = max(1, -(-count // (threads * _BLOCKS)))
    parts = [slice(first, first + step) for first in range(0, count, step)]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(run, parts))

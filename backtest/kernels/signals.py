"""Long-only accounts that follow entries: all in, all out, one instrument each.

Rows are instruments, lines or portfolios, columns are bars: a portfolio reads its own row from end
to end. An account is worth its cash until it buys and its shares until it sells, so that only the
bars on which it holds cost arithmetic.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from backtest.kernels.inner import inner, outer

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Sides = npt.NDArray[np.int8]

NAV, TOTAL, SQUARES, DRAWDOWN, HELD, FILLS, FEES = range(7)
SUMS = 7  # what is kept of a portfolio, in the order above


@outer
def averages(close: Floats, row: Ints, window: Ints, lines: Floats) -> None:
    """Mean of the last ``window[k]`` closes of instrument ``row[k]`` into ``lines[k]``.

    NaN until a window is full, and where it holds a NaN. A window is cut at multiples of its length
    into the end of one block and the beginning of the next: nothing is ever subtracted.
    """
    bars = close.shape[1]
    for k in range(row.shape[0]):
        values = close[row[k]]
        n = window[k]
        line = lines[k]
        for t in range(min(n - 1, bars)):
            line[t] = np.nan
        for start in range(0, bars, n):
            tail = 0.0
            for i in range(min(start + n, bars) - 1, start - 1, -1):
                tail += values[i]
                if i + n - 1 < bars:
                    line[i + n - 1] = tail
            head = 0.0
            if start > 0:
                for t in range(start, min(start + n - 1, bars)):
                    head += values[t]
                    line[t] += head
        for t in range(n - 1, bars):
            line[t] /= n


@inner
def flagged(entries: Mask, exits: Mask, side: Sides) -> None:
    """+1 where only an entry stands, -1 where only an exit does, else 0."""
    for t in range(side.shape[0]):
        side[t] = np.int8(entries[t]) - np.int8(exits[t])


@inner
def crossed(fast: Floats, slow: Floats, side: Sides) -> None:
    """+1 where ``fast`` comes from below to above ``slow``, -1 for the reverse, else 0.

    Equal values leave the side as it was; a NaN forgets it.
    """
    was = np.int64(0)
    for t in range(side.shape[0]):
        now = np.int64(fast[t] > slow[t]) - np.int64(fast[t] < slow[t])
        side[t] = now if now * was < 0 else 0
        if now != 0:
            was = now
        elif fast[t] != slow[t]:
            was = np.int64(0)


@inner
def account(
    close: Floats,
    price: Floats,
    side: Sides,
    delay: int,
    buy_fee: float,
    sell_fee: float,
    cash: float,
    sums: Floats,
    navs: Floats,
) -> None:
    """One portfolio; ``navs`` (bars,) after each close, or empty where it is not asked for.

    The signal of bar t trades at ``price[t + delay]``; where that is NaN it lapses.
    """
    shares = 0.0
    nav = cash
    peak = cash
    fall = 0.0
    total = 0.0
    squares = 0.0
    fees = 0.0
    fills = 0
    held = 0
    keeps = navs.shape[0] > 0
    for t in range(close.shape[0]):
        wanted = side[t - delay] if t >= delay else np.int8(0)
        paid = price[t]
        before = shares
        if wanted > 0 and shares == 0.0 and paid == paid:
            shares = cash / (paid * (1.0 + buy_fee))
            fees += shares * paid * buy_fee
            cash = 0.0
            fills += 1
        elif wanted < 0 and shares > 0.0 and paid == paid:
            cash = shares * paid * (1.0 - sell_fee)
            fees += shares * paid * sell_fee
            shares = 0.0
            fills += 1
        if shares != 0.0 or before != 0.0:
            worth = cash
            if shares > 0.0:
                mark = close[t]
                # Without a close the last mark stands, the price paid where there is none since.
                if mark == mark:
                    worth = shares * mark
                elif before == 0.0:
                    worth = shares * paid
                else:
                    worth = nav
                held += 1
            gain = worth / nav - 1.0
            total += gain
            squares += gain * gain
            nav = worth
            if nav > peak:
                peak = nav
            else:
                fall = min(fall, nav / peak - 1.0)
        if keeps:
            navs[t] = nav
    sums[NAV] = nav
    sums[TOTAL] = total
    sums[SQUARES] = squares
    sums[DRAWDOWN] = fall
    sums[HELD] = held
    sums[FILLS] = fills
    sums[FEES] = fees


@outer
def run_flags(
    close: Floats,
    price: Floats,
    row: Ints,
    entries: Mask,
    exits: Mask,
    delay: int,
    buy_fee: float,
    sell_fee: float,
    cash: float,
    side: Sides,
    sums: Floats,
    navs: Floats,
) -> None:
    """Portfolios that follow their own flags.

    Parameters
    ----------
    close, price
        What positions are marked at, what orders fill at, shape (instruments, bars).
    row
        Instrument of each portfolio, shape (portfolios,).
    entries, exits
        Shape (portfolios, bars).
    side
        Scratch, shape (bars,).
    sums, navs
        Results, shape (portfolios, SUMS) and (portfolios, bars), the latter (portfolios, 0) where
        it is not asked for.
    """
    for c in range(row.shape[0]):
        flagged(entries[c], exits[c], side)
        j = row[c]
        account(close[j], price[j], side, delay, buy_fee, sell_fee, cash, sums[c], navs[c])


@outer
def run_crossings(
    close: Floats,
    price: Floats,
    row: Ints,
    lines: Floats,
    fast: Ints,
    slow: Ints,
    delay: int,
    buy_fee: float,
    sell_fee: float,
    cash: float,
    side: Sides,
    sums: Floats,
    navs: Floats,
) -> None:
    """Portfolios in while line ``fast[c]`` is above line ``slow[c]``; else as `run_flags`."""
    for c in range(row.shape[0]):
        crossed(lines[fast[c]], lines[slow[c]], side)
        j = row[c]
        account(close[j], price[j], side, delay, buy_fee, sell_fee, cash, sums[c], navs[c])

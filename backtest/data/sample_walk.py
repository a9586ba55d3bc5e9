"""Shocks to raw prices: a session-by-session walk with splits, dividends and earnings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from backtest.data.sample_draws import BoolArray, FloatArray, IntArray

_OVER_TIME = ("open", "close", "shares", "ratio", "dividend", "earnings")
_WORST = -0.45  # no gap or session loses more than this: prices stay positive


@dataclass(frozen=True, eq=False)
class Motion:
    """What moves the N instruments of one exchange over its T sessions."""

    gap: FloatArray  # (T, N) return from the last close (less dividend) to the open
    intra: FloatArray  # (T, N) return from the open to the close
    start: FloatArray  # (N,) price before the first session, or the offer price
    first: IntArray  # (N,) row of the first session
    last: IntArray  # (N,) row of the last session, included
    halted: BoolArray  # (T, N) no bar, no corporate event, no report
    lot: FloatArray  # (N,)
    split_above: FloatArray  # (N,) lot value that calls for a split; inf for never
    split_below: FloatArray  # (N,) lot value that calls for a consolidation; 0 for never
    split_ratio: FloatArray  # (N,) new shares per old share of a split; a consolidation is 1 : 10
    split_rows: BoolArray  # (T,) sessions on which splits may take effect
    payout: FloatArray  # (T, N) dividend on its ex-session as a share of the price; 0 for none
    reported: BoolArray  # (T, N) earnings come out after this close
    surprise: FloatArray  # (T, N) of those earnings, in standard deviations
    anchor: FloatArray  # (N,) earnings yield that earnings return to; negative for a loss-maker
    value_spread: float  # per session, highest earnings yield over lowest
    value_rows: BoolArray  # (T,) sessions on which ranks are taken anew
    against_normal: bool = False  # earnings yields are ranked over each one's own normal


@dataclass(frozen=True, eq=False)
class Path:
    """Unrounded prices of a walk; (T, N). NaN outside an instrument's life."""

    open: FloatArray
    close: FloatArray
    shares: FloatArray  # shares now per share at the start: the product of all ratios
    ratio: FloatArray  # new shares per old share on this session; 1 for none
    dividend: FloatArray  # cash per share on this session; 0 for none
    earnings: FloatArray  # trailing earnings per share as published up to this close
    first_earnings: FloatArray  # (N,) known before the first session


def walk(motion: Motion) -> Path:
    """Prices from shocks: splits first, then dividends, the gap, the session, the reports."""
    shape = motion.gap.shape
    price, shares = motion.start.copy(), np.ones(shape[1])
    # Earnings per share before the first report, known from the prospectus or the year before.
    earnings = first_earnings = np.rint(motion.anchor * price * 1000.0) / 1000.0
    lean = np.zeros(shape[1])
    out = {name: np.full(shape, np.nan) for name in _OVER_TIME}
    for row in range(shape[0]):
        live = (motion.first <= row) & (row <= motion.last)
        quiet = ~live | motion.halted[row] | (motion.first == row)
        ratio = np.where(quiet, 1.0, _ratio(motion, price, row))
        price, earnings, shares = price / ratio, earnings / ratio, shares * ratio
        due = np.where(quiet | (earnings <= 0.0), 0.0, motion.payout[row])
        paid = np.rint(due * price * 1000.0) / 1000.0
        if motion.value_rows[row] and motion.value_spread:
            normal = motion.anchor if motion.against_normal else 1.0
            lean = motion.value_spread * centred_rank(earnings / price / normal, live)
        opened = (price - paid) * (1.0 + np.maximum(motion.gap[row], _WORST))
        closed = opened * (1.0 + np.maximum(motion.intra[row] + lean, _WORST))
        price = np.where(live, closed, price)
        earnings = np.where(
            motion.reported[row] & live, _next_earnings(motion, earnings, price, row), earnings
        )
        for name, values in (("open", opened), ("close", closed)):
            out[name][row] = np.where(live, values, np.nan)
        for name, values in (("shares", shares), ("ratio", ratio), ("dividend", paid)):
            out[name][row] = values
        out["earnings"][row] = earnings
    return Path(**out, first_earnings=first_earnings)


def _ratio(motion: Motion, price: FloatArray, row: int) -> FloatArray:
    """Ratio of new to old shares that the value of a lot calls for; 1 for none."""
    if not motion.split_rows[row]:
        return np.ones(len(price))
    value = price * motion.lot
    small = np.where(value < motion.split_below, 0.1, 1.0)
    return np.asarray(np.where(value > motion.split_above, motion.split_ratio, small))


def centred_rank(values: FloatArray, live: BoolArray) -> FloatArray:
    """Ranks of the live columns on a line from -0.5 (lowest) to 0.5; 0 elsewhere."""
    columns = np.nonzero(live)[0]
    order = columns[np.argsort(values[columns], kind="stable")]
    out = np.zeros(len(values))
    out[order] = np.arange(len(order)) / max(len(order) - 1, 1) - 0.5
    return out


def _next_earnings(motion: Motion, earnings: FloatArray, price: FloatArray, row: int) -> FloatArray:
    """Trailing earnings per share drift to their normal yield on the price, plus the surprise."""
    toward = 0.15 * (motion.anchor * price - earnings)
    scale = price * (0.002 + 0.10 * np.abs(motion.anchor))
    moved = earnings + toward + scale * motion.surprise[row]
    return np.asarray(np.rint(moved * 1000.0) / 1000.0)

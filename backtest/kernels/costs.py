"""Fees and ticks of one fill, from dated rule tables."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from backtest.kernels.inner import outer

NUDGE = 1e-9  # of a unit or tick: 0.29 / 0.01 is 28.999..., and must count as 29

FEE = np.dtype(
    [
        ("rate", "f8"),  # of the value
        ("fixed", "f8"),  # per fill
        ("per_share", "f8"),
        ("least", "f8"),
        ("most", "f8"),  # inf = none
        ("unit", "f8"),  # of the rounding
        ("component", "i4"),
        ("side", "i1"),  # 0 both, 1 buys, -1 sells
        ("rounding", "i1"),  # 0 none, 1 up, 2 nearest (half up)
    ],
    align=True,
)
TICK = np.dtype(
    [("above", "f8"), ("size", "f8")], align=True
)  # holds above this, up to the next band's
ROW = np.dtype(
    [
        ("fee_from", "u4"),  # range of fees
        ("fee_to", "u4"),
        ("tick_from", "u4"),  # range of tick bands; empty = no ticks
        ("tick_to", "u4"),
        ("limit", "f8"),  # daily price limit, fraction; 0 = none
        ("limit_unit", "f8"),  # the limit price is rounded to this
        ("limit_free", "i4"),  # first own sessions since listing without a limit
        ("first_up", "f8"),  # in the listing session, over the offer price; 0 = the limit above
        ("first_down", "f8"),
        ("lot", "f8"),  # in place of the instruments' own; 0 = theirs
        ("least", "f8"),  # shares of an order
        ("odd_discount", "f8"),  # of what is sold beyond whole lots, fraction
        ("t_plus_one", "?"),  # bought today cannot be sold today
        ("short_tick_rule", "?"),  # short sales only at the price before or above
        ("ipo_fee", "f8"),  # of the offer price
        ("ipo_factor", "f8"),  # allotted = wanted / max(1, oversubscription x factor)
    ],
    align=True,
)


class RuleTables(NamedTuple):
    """Market rules as arrays; X exchanges, S sessions, N columns, R rule rows.

    The rule row of column j on session s of its exchange x is ``row0[j] + period[x, s]``. Amounts
    are in the instrument's currency, rates are fractions.
    """

    period: NDArray[np.uint16]  # (X, S): dated period, counted within the exchange
    row0: NDArray[np.int32]  # (N,): first rule row of the column
    rows: NDArray[Any]  # (R,) of ROW
    fees: NDArray[Any]  # of FEE
    ticks: NDArray[Any]  # of TICK, ascending within a row's range


@outer
def multiple(steps: float, unit: float) -> float:
    """Multiple of a unit as the float nearest to the decimal: 565 cents are 5.65.

    A unit such as 0.01 has no exact float, its inverse 100 has; dividing by that rounds once.
    """
    inverse = np.floor(1.0 / unit + 0.5)
    exact = abs(inverse * unit - 1.0) < NUDGE
    return steps / inverse if exact else steps * unit


@outer
def one_fee(fees: NDArray[Any], k: int, side: float, shares: float, value: float) -> float:
    """Fee ``k`` of one fill: rate, per share and fixed part, kept within its bounds, rounded."""
    if fees[k]["side"] * side < 0.0 or shares == 0.0:
        return 0.0
    fee = fees[k]["rate"] * value + fees[k]["per_share"] * shares + fees[k]["fixed"]
    fee = min(max(fee, fees[k]["least"]), fees[k]["most"])
    rounding = fees[k]["rounding"]
    if rounding == 1:
        return multiple(np.ceil(fee / fees[k]["unit"] - NUDGE), fees[k]["unit"])
    if rounding == 2:
        return multiple(np.floor(fee / fees[k]["unit"] + 0.5 + NUDGE), fees[k]["unit"])
    return fee


@outer
def total_fees(
    rows: NDArray[Any], fees: NDArray[Any], row: int, side: float, shares: float, value: float
) -> float:
    """All fees of one fill, in the instrument's currency; 0 when no share changes hands.

    Parameters
    ----------
    rows, fees
        Of the rule tables.
    row
        Rule row of the column on the session.
    side
        1 for a buy, -1 for a sell.
    shares, value
        Shares and their value at the fill price, both >= 0.

    Notes
    -----
    Each fee is ``rate x value + per_share x shares + fixed``, raised to its minimum, cut at its
    maximum, then rounded: up to a multiple of the unit, or to the nearest one, half up.
    """
    total = 0.0
    for k in range(rows[row]["fee_from"], rows[row]["fee_to"]):
        total += one_fee(fees, k, side, shares, value)
    return total


@outer
def split_fees(
    rows: NDArray[Any],
    fees: NDArray[Any],
    row: int,
    side: float,
    shares: float,
    value: float,
    out: NDArray[np.float64],
) -> None:
    """Overwrite ``out``, shape (components,), with the fee of each component."""
    out[:] = 0.0
    for k in range(rows[row]["fee_from"], rows[row]["fee_to"]):
        out[fees[k]["component"]] += one_fee(fees, k, side, shares, value)


@outer
def tick_of(rows: NDArray[Any], ticks: NDArray[Any], row: int, price: float) -> float:
    """Price step at a price; 0 where the row has no ticks.

    A price on a bound belongs to the band below: 20.00 still has the step of 10 to 20.
    """
    tick = 0.0
    for k in range(rows[row]["tick_from"], rows[row]["tick_to"]):
        # Without the nudge 20.000000000000004 would take the wider step of the band above.
        if price > ticks[k]["above"] + NUDGE * tick:
            tick = ticks[k]["size"]
    return tick


@outer
def to_tick(rows: NDArray[Any], ticks: NDArray[Any], row: int, price: float, side: float) -> float:
    """Price on the tick grid, moved against the trader: up for a buy (1), down for a sell (-1).

    Where the row has no ticks the price comes back as it is.
    """
    tick = tick_of(rows, ticks, row, price)
    if tick == 0.0:
        return price
    steps = np.ceil(price / tick - NUDGE) if side > 0.0 else np.floor(price / tick + NUDGE)
    return multiple(steps, tick)

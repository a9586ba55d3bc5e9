"""Orders for names that are bought after a fall, held for a while, sold once they are back."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

FloatArray = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


class Stay(NamedTuple):
    """How names are entered and left."""

    window: int
    """Rows of the fall: it began that many rows before the entry."""
    hold: int
    """Rows from the first entry to the sale, at most."""
    max_names: int
    """Names held, 1/max_names of NAV each when all of it is bought."""
    stages: int
    """Equal parts in which a name is bought."""
    recover: float
    """Part of the way from the first entry's price to the fall's beginning at which to sell."""


class Fall(NamedTuple):
    """What is known of falls, each (T, N)."""

    is_dip: Mask
    move: FloatArray
    """Return over the window; the deepest come first."""
    close: FloatArray
    """Total-return level."""
    inside: Mask
    """May it be held?"""


def dip_orders(fall: Fall, decisions: list[int], stay: Stay) -> FloatArray:
    """Wanted weights of the rows ``decisions``, (T, N); NaN is no order, 0.0 is out.

    A further part is bought at a later decision at which the fall is still a dip and the price
    below that of the part before.
    """
    some, out = np.any(fall.is_dip, axis=1).tolist(), np.full(fall.close.shape, np.nan)
    held: dict[int, int] = {}  # column -> row of entry
    parts: dict[int, tuple[int, int]] = {}  # column -> parts bought, row of the last
    for t in decisions:
        for j, entry in list(held.items()):
            before, low = fall.close[entry - stay.window, j], fall.close[entry, j]
            target = before if stay.recover == 1.0 else low + stay.recover * (before - low)
            recovered = fall.close[t, j] >= target
            if recovered or t - entry >= stay.hold or not fall.inside[t, j]:
                out[t, j] = 0.0
                del held[j]
                continue
            count, last = parts[j]
            lower = fall.is_dip[t, j] and fall.close[t, j] < fall.close[last, j]
            if count < stay.stages and lower:
                parts[j] = (count + 1, t)
                out[t, j] = (count + 1) / stay.stages / stay.max_names
        room = stay.max_names - len(held) if some[t] else 0
        dips = np.flatnonzero(fall.is_dip[t] & np.isnan(out[t])).tolist() if room else []
        fresh = [j for j in sorted(dips, key=lambda j: fall.move[t, j]) if j not in held]
        for j in fresh[:room]:
            out[t, j] = 1.0 / stay.stages / stay.max_names
            held[j], parts[j] = t, (1, t)
    return out


def hedge_orders(orders: FloatArray, beta: FloatArray, ratio: float) -> FloatArray:
    """Weight of an instrument that is short ratio x the beta of what is held, shape (T,); <= 0.

    Beta is that of each name's last purchase. It is renewed when anything is bought or sold, and
    NaN, no order, at other rows.

    Examples
    --------
    A tenth bought with a beta of 0.5, and sold two rows later:

    >>> orders = np.array([[0.1], [np.nan], [0.0]])
    >>> hedge_orders(orders, np.full((3, 1), 0.5), 1.0).tolist()
    [-0.05, nan, 0.0]
    """
    weight = pd.DataFrame(orders).ffill().to_numpy()
    at_entry = pd.DataFrame(np.where(orders > 0.0, beta, np.nan)).ffill().to_numpy()
    exposure = np.nansum(weight * at_entry, axis=1)
    short = np.where(exposure > 0.0, -ratio * exposure, 0.0)
    return np.where((~np.isnan(orders)).any(axis=1), short, np.nan)

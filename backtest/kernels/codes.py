"""Numbers for names: what happens to a share and to a holding, and what is chosen."""

from __future__ import annotations

from typing import Any

import numpy as np


def codes(count: int, first: int = 0) -> list[Any]:
    """Numbers for names, counted from ``first``.

    They are numpy integers: to numba a Python constant is a type of its own, and a function called
    with one would be compiled once more for it.
    """
    return list(np.arange(first, first + count))


ACTION = np.dtype(  # what a session does to a share, in this order
    [
        ("column", "u4"),
        ("split", "f8"),  # new shares per old, 1 for none
        ("fresh", "f8"),  # new shares offered per share, 0 for none
        ("issue", "f8"),  # their price
        ("dividend", "f8"),  # cash, or its worth, per share
        ("paid", "f8"),  # the part of it that is credited at once
        ("fixed", "f8"),  # what a share is worth from then on, NaN for none
    ],
    align=True,
)
DEAL = np.dtype(  # what a session does to a holding, beyond splits and cash at once
    [
        ("kind", "i8"),  # see PAYMENT ... below
        ("column", "u4"),
        ("target", "u4"),  # the column that is given
        ("slot", "i8"),  # of the claim that is made or paid, -1 for none
        ("ratio", "f8"),
        ("price", "f8"),
        ("factor", "f8"),  # of exit levels
    ],
    align=True,
)

# kind of deal, in their order at one OPEN
PAYMENT, CLAIM, SCRIP, IN_KIND, RIGHTS, OPEN_OFFER, TAKEOVER, TICKER_CHANGE = codes(8)
NEW_LOT = codes(1, first=8)[0]
# what is done with rights
LAPSE, SELL, TAKE_UP = codes(3)

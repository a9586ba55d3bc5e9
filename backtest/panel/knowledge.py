"""Which sessions of an exchange each decision knows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from backtest.calendars import Sessions


@dataclass(frozen=True, eq=False)
class Known:
    """Rows of an exchange's calendar, one per decision; -1 for none.

    ``closed`` is the last session whose CLOSE is at or before the decision, ``opened`` the last
    whose OPEN is before it (an OPEN at the same instant comes after the decision), ``today`` the
    last whose date is not after the decision's local date.
    """

    closed: npt.NDArray[np.int64]
    opened: npt.NDArray[np.int64]
    today: npt.NDArray[np.int64]


def known_rows(
    own: Sessions,
    decisions: npt.NDArray[np.datetime64],
    local_dates: npt.NDArray[np.datetime64],
) -> Known:
    """What decisions at these instants (UTC) and local dates know of the exchange ``own``."""
    return Known(
        closed=np.searchsorted(own.close, decisions, side="right") - 1,
        opened=np.searchsorted(own.open, decisions, side="left") - 1,
        today=np.searchsorted(own.dates, local_dates, side="right") - 1,
    )

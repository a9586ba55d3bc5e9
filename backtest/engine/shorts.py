"""What may be sold short, and what it costs to borrow, by the facts of a bundle."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from backtest.data.arrays import BarArrays
from backtest.data.bundle import Bundle
from backtest.data.in_force import exchanges_told, in_force
from backtest.data.schema import BORROW_RATE, SHORTABLE
from backtest.errors import DataError, Fault
from backtest.execution import Portfolio

FloatArray = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


def shortable_sessions(bundle: Bundle, bars: BarArrays, portfolio: Portfolio) -> Mask:
    """What may be sold short in each own session, shape (S, N), or (0, 0): everything may.

    A session goes by the list in force at its open. An exchange none of whose instruments has a
    fact `SHORTABLE` has no list: all of it may be sold short.
    """
    facts = _facts(bundle, SHORTABLE)
    listed = exchanges_told(facts, SHORTABLE, bundle.instruments)
    if not portfolio.short or not listed:
        return np.zeros((0, 0), dtype=np.bool_)
    mask = np.ones(bars.close.shape, dtype=np.bool_)
    home = bundle.instruments["exchange"].to_numpy()
    for exchange in listed:
        opens = bars.sessions[exchange].open
        mine = np.flatnonzero(home == exchange)
        told = in_force(facts, bundle.instruments.iloc[mine], opens)
        mask[: len(opens), mine] = told > 0.0  # not told: not on the list
    return mask


def borrow_rates(bundle: Bundle, portfolio: Portfolio, closes: pd.DatetimeIndex) -> FloatArray:
    """Annual cost of borrowing known at each base close, shape (T, N), or (0, 0) without any fact.

    NaN where `Portfolio.borrow` holds.

    Raises
    ------
    DataError
        When a rate is below 0.
    """
    facts = _facts(bundle, BORROW_RATE)
    if not portfolio.short or facts.empty:
        return np.zeros((0, 0))
    wrong = facts[~(facts["value"] >= 0.0)]
    if not wrong.empty:
        row = wrong.iloc[0]
        raise DataError(
            f"facts of bundle '{bundle.name}'",
            [
                Fault(
                    BORROW_RATE,
                    f"{len(wrong):,} below 0, first {row['value']:g} of {row['symbol']} for "
                    f"{row['period']:%Y-%m-%d}; it is an annual fraction that the short pays",
                )
            ],
        )
    times = closes.tz_convert(None).to_numpy().astype("datetime64[ns]")
    return in_force(facts, bundle.instruments, times)


def _facts(bundle: Bundle, field: str) -> pd.DataFrame:
    return bundle.facts[bundle.facts["field"] == field]

"""A strategy's frame of weights, checked and made sparse."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from backtest.clock import Clock
from backtest.errors import StrategyError
from backtest.execution import Portfolio
from backtest.kernels.world import Orders

FloatArray = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_TOLERANCE = 1e-9  # of a sum of weights: 500 times 0.002 is 1.000000000000008
_SHOWN = 5  # faults named one by one


class Wanted(NamedTuple):
    """Weights of the run's rebalance decisions, one entry each, in the order of rows."""

    row: Ints
    column: Ints
    weight: FloatArray
    held: Mask  # whether it may be


def build_orders(
    weights: pd.DataFrame, universe: pd.DataFrame, clock: Clock, portfolio: Portfolio
) -> Orders:
    """The weights of the run's rebalance decisions, sparse.

    Parameters
    ----------
    weights, universe
        Rows and columns of the panel.

    Raises
    ------
    StrategyError
        For a frame of another shape, an infinite or negative weight, one outside the universe, or a
        row beyond ``portfolio.max_gross``; with dates and symbols.
    """
    _check_shape(weights, universe)
    run = slice(clock.first, clock.last + 1)
    can_trade = clock.can_rebalance[run].copy()
    values = weights.to_numpy(dtype=np.float64)[run]
    days = np.flatnonzero(can_trade)
    at, columns = np.nonzero(~np.isnan(values[days]))
    rows = days[at]
    held = np.ascontiguousarray(universe.to_numpy(dtype=np.bool_)[run])
    wanted = Wanted(rows, columns, values[rows, columns], held[rows, columns])
    _check_values(wanted, weights, clock=clock, portfolio=portfolio)
    # What may be held is asked only of what is ever wanted; mostly the answer is always yes.
    asked = held[:, np.unique(columns)]
    return Orders(
        ptr=np.searchsorted(rows, np.arange(len(values) + 1)),
        column=columns.astype(np.uint32),
        weight=wanted.weight,
        can_trade=can_trade,
        universe=held if not asked.all() else np.zeros((0, 0), dtype=np.bool_),
    )


def _check_shape(weights: pd.DataFrame, universe: pd.DataFrame) -> None:
    if not isinstance(weights, pd.DataFrame):
        raise StrategyError(
            f"target_weights must return a DataFrame, got {type(weights).__name__}."
        )
    for name, found, expected in (
        ("rows", weights.index, universe.index),
        ("columns", weights.columns, universe.columns),
    ):
        if not found.equals(expected):
            raise StrategyError(
                f"target_weights returned other {name} than the panel's ({len(found)} for "
                f"{len(expected)}). Build the frame from panel.close, or reindex it."
            )
    wrong = [str(dtype) for dtype in weights.dtypes if dtype.kind not in "fiub"]
    if wrong:
        raise StrategyError(f"target_weights must hold numbers, got a column of {wrong[0]}.")


def _check_values(
    wanted: Wanted, weights: pd.DataFrame, *, clock: Clock, portfolio: Portfolio
) -> None:
    faults: list[str] = []
    rows, columns, weight, held = wanted

    def named(k: int) -> str:
        day = weights.index[clock.first + int(rows[k])]
        return f"{day:%Y-%m-%d} {weights.columns[int(columns[k])]}"

    def report(bad: Mask, what: str) -> None:
        found = np.flatnonzero(bad)
        faults.extend(f"{named(k)}: weight {weight[k]:g} {what}" for k in found[:_SHOWN])
        if len(found) > _SHOWN:
            gist = what.split(";", maxsplit=1)[0]
            faults.append(f"... and {len(found) - _SHOWN} more that {gist}")

    infinite = np.isinf(weight)
    report(infinite, "is infinite")
    size = np.where(infinite, 0.0, np.abs(weight))
    if not portfolio.short:
        report((weight < 0.0) & ~infinite, "is below 0; set portfolio.short to sell short")
    outside = (size != 0.0) & ~held
    report(outside, "is outside the universe; only 0 and NaN are allowed there")
    gross = np.bincount(rows, size)
    for row in np.flatnonzero(gross > portfolio.max_gross + _TOLERANCE)[:_SHOWN]:
        day = weights.index[clock.first + row]
        own = rows == row
        largest = weights.columns[int(columns[own][np.argmax(size[own])])]
        faults.append(
            f"{day:%Y-%m-%d}: absolute weights sum to {gross[row]:.6g} (most in {largest}), "
            f"above portfolio.max_gross {portfolio.max_gross:g}"
        )
    if faults:
        raise StrategyError("Weights cannot be traded:\n  " + "\n  ".join(faults))

"""A strategy's frame of weights, checked and made sparse."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from backtest.clock import Clock
from backtest.errors import StrategyError
from backtest.execution import Portfolio
from backtest.kernels.world import Orders

FloatArray = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_TOLERANCE = 1e-9  # of a sum of weights: 500 times 0.002 is 1.000000000000008
_SHOWN = 5  # faults named one by one


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
    wanted = ~np.isnan(values) & can_trade[:, None]
    held = np.ascontiguousarray(universe.to_numpy(dtype=np.bool_)[run])
    _check_values(values, wanted, held, weights, clock=clock, portfolio=portfolio)
    rows, columns = np.nonzero(wanted)
    # What may be held is asked only of what is ever wanted; mostly the answer is always yes.
    asked = held[:, np.unique(columns)]
    return Orders(
        ptr=np.searchsorted(rows, np.arange(len(values) + 1)),
        column=columns.astype(np.uint32),
        weight=values[rows, columns],
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
    values: FloatArray,
    wanted: Mask,
    held: Mask,
    weights: pd.DataFrame,
    *,
    clock: Clock,
    portfolio: Portfolio,
) -> None:
    faults = []

    def report(bad: Mask, what: str) -> None:
        rows, columns = np.nonzero(bad)
        for row, column in list(zip(rows, columns, strict=True))[:_SHOWN]:
            day = weights.index[clock.first + int(row)]
            symbol = weights.columns[int(column)]
            faults.append(f"{day:%Y-%m-%d} {symbol}: weight {values[row, column]:g} {what}")
        if len(rows) > _SHOWN:
            gist = what.split(";", maxsplit=1)[0]
            faults.append(f"... and {len(rows) - _SHOWN} more that {gist}")

    # An infinite weight is told as that alone: it would break every other rule too.
    infinite = wanted & np.isinf(values)
    report(infinite, "is infinite")
    filled = np.where(wanted & ~infinite, values, 0.0)
    if not portfolio.short:
        report(filled < 0.0, "is below 0; set portfolio.short to sell short")
    report((filled != 0.0) & ~held, "is outside the universe; only 0 and NaN are allowed there")
    gross = np.abs(filled).sum(axis=1)
    for row in np.flatnonzero(gross > portfolio.max_gross + _TOLERANCE)[:_SHOWN]:
        day = weights.index[clock.first + row]
        largest = weights.columns[int(np.argmax(np.abs(filled[row])))]
        faults.append(
            f"{day:%Y-%m-%d}: absolute weights sum to {gross[row]:.6g} (most in {largest}), "
            f"above portfolio.max_gross {portfolio.max_gross:g}"
        )
    if faults:
        raise StrategyError("Weights cannot be traded:\n  " + "\n  ".join(faults))

"""Board lots by session, where they change."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from backtest.data.bundle import Bundle
from backtest.data.grid import Grid
from backtest.kernels.costs import RuleTables

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Lots:
    """Lots of N columns, K of them with a lot that changes or with a least order.

    ``lot`` (N,) is the lot (0: any fraction of a share), or -1 - k for the k-th column of ``dated``
    (S, K, 2), which holds lot and least order by own session. ``column`` and ``row`` (C,) are the
    sessions at whose open a lot is another than in the session before. ``has_sizes``: some orders
    have a least size, or some odd lots a discount.
    """

    lot: FloatArray
    whole: npt.NDArray[np.bool_]
    dated: FloatArray
    column: IntArray
    row: IntArray
    has_sizes: bool


def lots_of(bundle: Bundle, grid: Grid, rules: RuleTables, *, whole_shares: bool) -> Lots:
    """Lots of every column: the instrument's, then those of its ``lot_size`` actions.

    Order sizes of the market's rules take their place. On adjusted prices a lot of 1 means any
    fraction of a share, unless ``whole_shares``.
    """
    bars = grid.bars
    first = bundle.instruments["lot_size"].to_numpy(dtype=np.float64)
    fractions = bundle.prices == "adjusted" and not whole_shares
    changes = bundle.actions[bundle.actions["kind"] == "lot_size"]
    changes = changes.sort_values("ex_session", kind="stable")
    changed = set(changes["symbol"])
    sized = _with_sizes(grid, rules)
    columns = [j for j, symbol in enumerate(bars.symbols) if symbol in changed or sized[j]]
    dated = np.zeros((bars.close.shape[0] if columns else 0, len(columns), 2))
    lot = np.where(first == 1.0, 0.0, first) if fractions else first.copy()
    whole = _is_whole(lot)
    for k, j in enumerate(columns):
        x = int(bars.column_exchange[j])
        dates = bars.sessions[bars.exchanges[x]].dates
        dated[:, k, 0] = first[j]
        own = changes[changes["symbol"] == bars.symbols[j]]
        days = own["ex_session"].to_numpy().astype("datetime64[D]")
        for row, shares in zip(np.searchsorted(dates, days), own["value"], strict=True):
            dated[row:, k, 0] = shares
        if fractions:
            dated[:, k, 0] = np.where(dated[:, k, 0] == 1.0, 0.0, dated[:, k, 0])
        rule = rules.rows[rules.row0[j] + rules.period[x, : len(dates)]]
        here = dated[: len(dates), k]
        here[:, 0] = np.where(rule["lot"] > 0.0, rule["lot"], here[:, 0])
        here[:, 1] = rule["least"]
        lot[j] = -1.0 - k
        whole[j] = _is_whole(here[:, 0]).all()
    row, place = np.nonzero(np.diff(dated[:, :, 0], axis=0))
    odd = bool((rules.rows["odd_discount"] > 0.0).any())
    has_sizes = odd or bool((dated[:, :, 1] > 0.0).any())
    return Lots(lot, whole, dated, np.array(columns, dtype=np.int64)[place], row + 1, has_sizes)


def _with_sizes(grid: Grid, rules: RuleTables) -> npt.NDArray[np.bool_]:
    """Columns whose rules give order sizes in some period."""
    sized = np.zeros(len(grid.bars.symbols), dtype=np.bool_)
    if not (rules.rows["least"] > 0.0).any():
        return sized
    for j, x in enumerate(grid.bars.column_exchange):
        periods = np.unique(rules.period[x])
        sized[j] = (rules.rows[rules.row0[j] + periods]["least"] > 0.0).any()
    return sized


def _is_whole(lot: FloatArray) -> npt.NDArray[np.bool_]:
    return np.asarray((lot >= 1.0) & (lot == np.floor(lot)), dtype=np.bool_)

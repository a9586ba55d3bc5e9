"""Markets drawn again, in blocks of whole sessions, from the market of a run."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from backtest.data.bundle import Bundle
from backtest.data.redrawn import redrawn
from backtest.inference.blocks import block_length, stationary_rows
from backtest.kernels.costs import NUDGE
from backtest.runner import Stage

FloatArray = NDArray[np.float64]


def block_of(stage: Stage) -> int:
    """Mean block in sessions: what the equally weighted return of the universe asks for.

    See :func:`backtest.inference.block_length`; at least 1.
    """
    clock, panel = stage.clock, stage.panel
    held = panel.universe.to_numpy()[clock.first :]
    returns = np.where(held, panel.returns.to_numpy()[clock.first :], np.nan)
    known = ~np.isnan(returns)
    count = known.sum(axis=1)
    mean = np.where(known, returns, 0.0).sum(axis=1) / np.maximum(count, 1)
    return max(1, block_length(mean[count > 0])) if (count > 0).any() else 1


def markets(stage: Stage, *, draws: int, length: int) -> Iterator[Bundle]:
    """``draws`` bundles, each the run's sessions drawn anew by the stationary bootstrap.

    Sessions of the run are drawn from those of the run, in blocks of ``length`` on average, all
    instruments together; see :func:`backtest.data.redrawn.redrawn` for what comes with them. Draw
    ``k`` is the same for however many are asked for.
    """
    clock = stage.clock
    first = max(clock.first, 1)
    size = clock.last - first + 1
    for draw in range(draws):
        generator = np.random.default_rng([stage.config.seed, draw])
        rows = stationary_rows(size, length=length, draws=1, generator=generator)[0] % size
        yield redrawn(
            stage.bundle,
            stage.grid,
            clock.base,
            first=first,
            rows=first + rows,
            rounded=partial(_on_ticks, stage),
        )


def _on_ticks(stage: Stage, prices: FloatArray) -> FloatArray:
    """Prices laid out as the grid, each at the nearest multiple of its tick; none below one."""
    bars, tables = stage.grid.bars, stage.rules.tables
    rounded = prices.copy()
    for j, x in enumerate(bars.column_exchange):
        rules = tables.row0[j] + tables.period[x]
        for rule in np.unique(rules):
            bands = tables.ticks[tables.rows[rule]["tick_from"] : tables.rows[rule]["tick_to"]]
            if len(bands):
                here = rules == rule
                rounded[here, j] = _nearest(prices[here, j], bands)
    return rounded


def _nearest(prices: FloatArray, bands: NDArray[np.void]) -> FloatArray:
    # A price on a bound belongs to the band below, as in `backtest.kernels.costs.tick_of`.
    band = np.searchsorted(bands["above"], prices, side="left") - 1
    size = bands["size"][np.maximum(band, 0)]
    steps = np.maximum(np.rint(prices / size), 1.0)
    per_unit = np.rint(1.0 / size)  # 0.01 has no exact float, 100 has
    exact = np.abs(per_unit * size - 1.0) < NUDGE
    return np.asarray(np.where(exact, steps / np.maximum(per_unit, 1.0), steps * size))

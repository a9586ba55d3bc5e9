"""Ranges that the measures of one path could have fallen in: block bootstrap, percentiles.

Percentiles are not centred on the measure: resampled paths may well fall deeper, or less deep, than
the one seen. They say how far chance alone could have moved a number, given that every session is
one that happened; what never happened is in none of them.

References
----------
Politis & Romano (1994), The stationary bootstrap, Journal of the American Statistical Association
89(428), 1303-1313; Efron & Tibshirani (1993), An Introduction to the Bootstrap, ch. 13, for
percentiles.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import numpy as np

from backtest.inference.arrays import NOISE, FloatArray, IntArray, same_sessions
from backtest.inference.blocks import block_length, stationary_rows

FEWEST_SESSIONS = 60
"""Sessions below which intervals are NaN: blocks of so short a history repeat rather than vary."""

_CHUNK = 64  # draws at a time, which stay in the processor's cache; part of what a seed means
_UNDEFINED = 0.05  # largest share of draws without a value that an interval may leave out


_Drawer = Callable[..., dict[str, FloatArray]]


class Intervals(NamedTuple):
    """Bounds (low, high) by measure, NaN where undefined, and the mean block, None without one."""

    bounds: dict[str, tuple[float, float]]
    block_length: int | None


def intervals(
    returns: FloatArray,
    benchmark: FloatArray | None = None,
    *,
    years: float,
    benchmark_years: float | None = None,
    sessions_per_year: float,
    risk_free: float | FloatArray = 0.0,
    level: float = 0.90,
    draws: int = 1000,
    seed: int,
    length: int | None = None,
) -> Intervals:
    """Interval of each measure in which ``level`` of the resampled histories fall.

    Parameters
    ----------
    returns
        Simple returns per session, shape (T,). NaN, or fewer than ``FEWEST_SESSIONS``, make every
        bound NaN.
    benchmark
        The benchmark's, shape (T,); where it is NaN, measures against it leave the session out.
    years
        Elapsed years of all sessions; ``benchmark_years`` of those where the benchmark is known.
    risk_free
        Return of cash per session, a number or shape (T,).
    length
        Mean block in sessions; without it :func:`~backtest.inference.blocks.block_length`.

    Returns
    -------
    Intervals
        Quantiles (1 - level) / 2 from either end of :func:`measure_draws` and, with a benchmark,
        :func:`relative_draws`. The same seed gives the same bounds.
    """
    excess = np.asarray(returns - risk_free, dtype=np.float64)
    if not 0.0 < level < 1.0:
        raise ValueError(f"level is a share between 0 and 1, got {level}")
    enough = returns.size >= FEWEST_SESSIONS and not np.isnan(excess).any()
    block = (block_length(excess) if length is None else length) if enough else None
    kinds: list[_Drawer] = [partial(measure_draws, returns, years=years)]
    if benchmark is not None:
        known = years if benchmark_years is None else benchmark_years
        kinds.append(partial(relative_draws, returns, benchmark, years=known))
    drawn: dict[str, FloatArray] = {}
    for draw in kinds:
        drawn |= draw(
            sessions_per_year=sessions_per_year,
            risk_free=risk_free,
            draws=draws if enough else 0,
            seed=seed,
            length=block or 1,
        )
    bounds = {name: percentile_interval(values, level=level) for name, values in drawn.items()}
    return Intervals(bounds, block)


def percentile_interval(values: FloatArray, *, level: float) -> tuple[float, float]:
    """Quantiles of the drawn ``values``, (1 - level) / 2 from either end.

    NaN are left out; both bounds are NaN where they are more than one in 20, or all there is.

    Examples
    --------
    >>> percentile_interval(np.arange(101.0), level=0.5)
    (25.0, 75.0)
    """
    known = values[~np.isnan(values)]
    if known.size == 0 or values.size - known.size > _UNDEFINED * values.size:
        return (math.nan, math.nan)
    tail = (1.0 - level) / 2.0
    low, high = np.quantile(known, [tail, 1.0 - tail])
    return (float(low), float(high))


def measure_draws(
    returns: FloatArray,
    *,
    years: float,
    sessions_per_year: float,
    risk_free: float | FloatArray = 0.0,
    draws: int,
    seed: int,
    length: int,
) -> dict[str, FloatArray]:
    """Measures of ``draws`` resampled histories, each of shape (draws,), NaN where undefined.

    The measures are those of :mod:`backtest.measures` under the same names: ``total_return``,
    ``cagr``, ``volatility``, ``sharpe``, ``sortino``, ``max_drawdown``, ``calmar``. Sessions are
    drawn with replacement, so that the end of a path varies too; in a mere permutation of the
    returns it would not. Arguments are those of :func:`intervals`.
    """
    excess = np.broadcast_to(np.asarray(returns - risk_free, dtype=np.float64), returns.shape)
    annual = math.sqrt(sessions_per_year)
    found = {name: np.empty(draws) for name in _PATH_MEASURES}
    for at, rows in _chunks(returns.size, draws=draws, seed=seed, length=length):
        path, rest = _twice(returns)[rows], _twice(excess)[rows]
        wealth = np.cumprod(1.0 + path, axis=1)
        peak = np.maximum.accumulate(np.maximum(wealth, 1.0), axis=1)
        depth = np.min(wealth / peak, axis=1) - 1.0
        with np.errstate(over="ignore"):
            growth = np.power(wealth[:, -1], 1.0 / years) - 1.0
        growth[np.isinf(growth)] = math.nan
        mean, spread = np.mean(rest, axis=1), _deviation(rest)
        short = np.sqrt(np.mean(np.square(np.minimum(rest, 0.0)), axis=1))
        found["total_return"][at] = wealth[:, -1] - 1.0
        found["cagr"][at] = growth
        found["volatility"][at] = _deviation(path) * annual
        found["sharpe"][at] = _over(mean, spread) * annual
        found["sortino"][at] = _over(mean, np.where(short <= NOISE, 0.0, short)) * annual
        found["max_drawdown"][at] = np.minimum(depth, 0.0)
        found["calmar"][at] = _over(growth, -np.minimum(depth, 0.0))
    return found


def relative_draws(
    returns: FloatArray,
    benchmark: FloatArray,
    *,
    years: float,
    sessions_per_year: float,
    risk_free: float | FloatArray = 0.0,
    draws: int,
    seed: int,
    length: int,
) -> dict[str, FloatArray]:
    """Measures against the benchmark of ``draws`` resampled histories, each of shape (draws,).

    Returns and benchmark are drawn together, session by session, where both are known: ``beta``,
    ``alpha``, ``tracking_error``, ``information_ratio``, ``excess_cagr``, as in
    :mod:`backtest.measures.relative`. Arguments are those of :func:`intervals`; ``years`` are those
    of the sessions where both are known.
    """
    mine, market = same_sessions(returns, benchmark)
    cash = np.broadcast_to(np.asarray(risk_free, dtype=np.float64), mine.shape)
    known = ~(np.isnan(mine) | np.isnan(market))
    mine, market, cash = mine[known], market[known], cash[known]
    annual = math.sqrt(sessions_per_year)
    few = mine.size < FEWEST_SESSIONS
    found = {name: np.full(draws, math.nan) for name in _RELATIVE_MEASURES}
    for at, rows in _chunks(mine.size, draws=0 if few else draws, seed=seed, length=length):
        own, theirs, free = _twice(mine)[rows], _twice(market)[rows], _twice(cash)[rows]
        with np.errstate(over="ignore"):
            growth, passive = (
                np.power(np.prod(1.0 + path, axis=1), 1.0 / years) for path in (own, theirs)
            )
        active = own - theirs
        error = _deviation(active)
        own, theirs = own - free, theirs - free
        centred = theirs - np.mean(theirs, axis=1, keepdims=True)
        still = _deviation(theirs) == 0.0
        below = np.where(still, 0.0, np.sum(np.square(centred), axis=1))
        slope = _over(np.sum(own * centred, axis=1), below)
        found["beta"][at] = slope
        found["alpha"][at] = (
            np.mean(own, axis=1) - slope * np.mean(theirs, axis=1)
        ) * sessions_per_year
        found["tracking_error"][at] = error * annual
        found["information_ratio"][at] = _over(np.mean(active, axis=1), error) * annual
        found["excess_cagr"][at] = np.where(np.isfinite(growth - passive), growth - passive, np.nan)
    return found


_PATH_MEASURES = (
    "total_return", "cagr", "volatility", "sharpe", "sortino", "max_drawdown", "calmar",
)  # fmt: skip
_RELATIVE_MEASURES = ("beta", "alpha", "tracking_error", "information_ratio", "excess_cagr")


def _chunks(size: int, *, draws: int, seed: int, length: int) -> Iterator[tuple[slice, IntArray]]:
    """Row numbers of the draws, some at a time."""
    generator = np.random.default_rng(seed)
    for start in range(0, draws, _CHUNK):
        count = min(_CHUNK, draws - start)
        rows = stationary_rows(size, length=length, draws=count, generator=generator)
        yield slice(start, start + count), rows


def _twice(values: FloatArray) -> FloatArray:
    """Values written twice, so that a block may run on beyond the last."""
    return np.concatenate((values, values))


def _deviation(values: FloatArray) -> FloatArray:
    """Sample standard deviation of each row; 0 where only rounding is left."""
    spread = np.std(values, axis=1, ddof=1)
    return np.where(spread <= NOISE, 0.0, spread)


def _over(above: FloatArray, below: FloatArray) -> FloatArray:
    """Quotients; NaN over zero."""
    return np.divide(above, below, out=np.full_like(above, math.nan), where=below != 0.0)

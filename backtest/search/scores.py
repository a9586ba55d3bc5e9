"""What is kept of a trial: measures, moments and sums by block of its returns."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from backtest.engine import Outline
from backtest.measures import distribution, drawdowns, performance, trading

FloatArray = NDArray[np.float64]
DateArray = NDArray[np.datetime64]

MEASURES = (
    "total_return",
    "cagr",
    "volatility",
    "sharpe",
    "sortino",
    "max_drawdown",
    "calmar",
    "turnover",
    "costs_bps",
    "exposure",
)
"""Measures that trials can be ranked by."""

LESS_IS_BETTER = frozenset({"volatility", "turnover", "costs_bps"})

MOMENTS = ("sessions", "mean", "deviation", "skewness", "kurtosis", "sharpe_per_session")
"""Of the excess returns per session: what the inference statistics are made of."""

_OF_RISK = ("sharpe", "sortino", "calmar", "skewness", "kurtosis", "sharpe_per_session")
"""Not defined for an account that never held or traded anything: they would tell of interest."""


def scores_of(
    nav: FloatArray,
    sessions: DateArray,
    *,
    risk_free: float | FloatArray,
    sessions_per_year: float,
    outline: Outline | None = None,
) -> dict[str, float]:
    """Measures and moments of an account by name, NaN where not defined.

    Parameters
    ----------
    nav
        Shape (T + 1,), the initial cash first.
    sessions
        Shape (T,).
    risk_free
        Return of cash per session, one or (T,).
    outline
        Sums of the same run, which also say whether it held anything; without them turnover, costs
        and exposure are not defined.
    """
    returns = performance.returns_from(nav)
    excess = returns - risk_free
    per_year = {"sessions_per_year": sessions_per_year}
    scores = {
        "total_return": performance.total_return(nav),
        "cagr": performance.cagr(nav, sessions),
        "volatility": performance.volatility(returns, **per_year),
        "sharpe": performance.sharpe(returns, risk_free=risk_free, **per_year),
        "sortino": performance.sortino(returns, target=risk_free, **per_year),
        "max_drawdown": drawdowns.max_drawdown(nav),
        "calmar": drawdowns.calmar(nav, sessions),
        "sessions": float(len(returns)),
        "mean": float(np.mean(excess)),
        "deviation": performance.deviation(excess) if len(excess) > 1 else math.nan,
        "skewness": distribution.skewness(excess),
        "kurtosis": distribution.kurtosis(excess),
        "sharpe_per_session": performance.sharpe(
            returns, risk_free=risk_free, sessions_per_year=1.0
        ),
    }
    if outline is None:
        return scores
    if outline.gross == 0.0 and outline.turnover == 0.0:
        scores |= dict.fromkeys(_OF_RISK, math.nan)
    return scores | _dealt(outline, sessions)


def _dealt(outline: Outline, sessions: DateArray) -> dict[str, float]:
    """Turnover and costs a year, average exposure: as the tearsheet's, from the run's sums."""
    years = performance.elapsed_years(sessions)
    return {
        "turnover": outline.turnover / years,
        "costs_bps": trading.bps_of_nav_per_year(outline.costs, outline.nav, years=years),
        "exposure": outline.gross / len(sessions),
    }


def block_sums(excess: FloatArray, blocks: int) -> tuple[list[float], list[float]]:
    """Sums and sums of squares of contiguous blocks, as even as they come.

    With the blocks' lengths they give mean and deviation of any union of blocks, which is all that
    the test of overfitting (CSCV) asks of a trial.

    Examples
    --------
    >>> block_sums(np.array([1.0, 2.0, 3.0]), 2)
    ([1.0, 5.0], [1.0, 13.0])
    """
    starts = block_starts(len(excess), blocks)
    if len(excess) < blocks:
        return [math.nan] * blocks, [math.nan] * blocks
    sums = np.add.reduceat(excess, starts)
    squares = np.add.reduceat(np.square(excess), starts)
    return sums.tolist(), squares.tolist()


def block_starts(sessions: int, blocks: int) -> NDArray[np.int64]:
    """First session of each block; the same blocks as `backtest.inference.block_sums` makes."""
    return np.linspace(0, sessions, blocks + 1).astype(np.int64)[:-1]

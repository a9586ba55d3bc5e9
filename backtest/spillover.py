"""How much of an instrument's move came over from another market, and what spoke against it.

Rows in step, for decisions before the open: row d knows the instrument's session d-1 and the
source's session that closed last night. The instrument's return of session s shows in row s+1, the
source's return that it met in row s: the instrument's rows pair with the source one row earlier.
Several sessions of the source come compounded, none is 0.0. Last night's move has met no session
yet, and is left out.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from backtest.errors import StrategyError
from backtest.features import by_source
from backtest.indicators import Frame, rolling_beta, rolling_mean, rolling_sum, rolling_zscore
from backtest.panel import Panel

FloatArray = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


class Falls(NamedTuple):
    """Moves over a window of sessions, each (T, N) as the panel; NaN where not known."""

    move: FloatArray
    """Total return of the instrument over the window, a fraction."""
    share: FloatArray
    """Part of a fall that beta times the source's fall explains; NaN where either did not fall."""
    traded: Mask
    """Whether the instrument traded in every session of the window."""


@by_source
def falls(panel: Panel, source: str, /, *, window: int, estimation: int) -> Falls:
    """Moves over ``window`` rows, and what part of each fall came over from ``source``.

    Row d's move runs over the instrument's rows d-window+1 to d, the source's over d-window to d-1.
    Beta is estimated on the ``estimation`` rows before them (half of them known), on sessions that
    traded and follow one that did.

    Raises
    ------
    StrategyError
        When the bundle has no such source.
    """
    if source not in panel.symbols:
        raise StrategyError(f"the source '{source}' is not in the bundle.")
    move = panel.adjusted_close / panel.adjusted_close.shift(window) - 1.0
    met = move[source].shift(1)
    traded = _traded(panel)
    beta = _beta(panel, source, traded, window=window, estimation=estimation)
    explained = beta.mul(met.where(met < 0.0), axis=0)
    every = rolling_sum(traded.astype(float), window + 1) == window + 1
    return Falls(move.to_numpy(), (explained / move).where(move < 0.0).to_numpy(), every.to_numpy())


@by_source
def beta_before(panel: Panel, source: str, /, *, window: int, estimation: int) -> FloatArray:
    """Beta on ``source`` over the ``estimation`` rows before the last ``window``, shape (T, N)."""
    return _beta(panel, source, _traded(panel), window=window, estimation=estimation).to_numpy()


@by_source
def beta_ratio(
    panel: Panel, source: str, /, *, window: int, estimation: int, recent: int
) -> FloatArray:
    """Beta of ``recent`` rows over that of ``estimation``, both before the window; NaN if <= 0."""
    latest = beta_before(panel, source, window=window, estimation=recent)
    long = beta_before(panel, source, window=window, estimation=estimation)
    return np.where(long > 0.0, latest / np.where(long > 0.0, long, 1.0), np.nan)


def same_exchange(panel: Panel, symbol: str) -> Mask:
    """Which instruments trade where ``symbol`` does, shape (N,).

    Raises
    ------
    StrategyError
        When the bundle has no such symbol.
    """
    if symbol not in panel.symbols:
        raise StrategyError(f"the hedge '{symbol}' is not in the bundle.")
    where = panel.instruments["exchange"]
    return np.asarray(where == where[symbol], dtype=np.bool_)


@by_source
def worst_own_move(panel: Panel, source: str, /, *, window: int, estimation: int) -> FloatArray:
    """Lowest move of a session of the window that beta x the source leaves over, shape (T, N).

    What a stock loses in one session on its own account is news more often than pressure, whether
    a bundle has a record of the news or not.
    """
    beta = beta_before(panel, source, window=window, estimation=estimation)
    moves = panel.returns.to_numpy()
    met = panel.returns[source].shift(1).to_numpy()
    out = np.full(moves.shape, np.nan)
    for back in range(window):
        row = np.arange(back, len(moves))
        own = moves[row - back] - beta[row] * met[row - back, None]
        out[row] = np.fmin(out[row], own)
    return out


@by_source
def news_since(panel: Panel, field: str, *, window: int) -> Mask:
    """Whether ``field`` came for the instrument in the last ``window`` + 1 rows, shape (T, N).

    False everywhere where the bundle has no such fact by symbol.
    """
    if panel.has_fact(field) != "symbol":
        return np.zeros(panel.close.shape, dtype=np.bool_)
    came = panel.flow(field).notna().astype(float)
    return (rolling_sum(came, window + 1) > 0.0).to_numpy()


@by_source
def flow_zscore(panel: Panel, field: str, *, window: int, history: int) -> FloatArray:
    """Z-score over ``history`` rows of the mean flow per known row of ``window``, shape (T, N).

    The instrument's own where known, else the market's. Days on which nothing came, such as those
    on which the channel was closed, are unknown, not zero.
    """

    def score(flow: Frame) -> Frame:
        mean = rolling_mean(flow, window, min_periods=1)
        return rolling_zscore(mean, history, min_periods=history // 2)

    own = score(panel.flow(field)).to_numpy()
    market = score(panel.market_flow(field)).to_numpy()[:, None]
    return np.where(np.isnan(own), market, own)


def _beta(
    panel: Panel, source: str, traded: pd.DataFrame, *, window: int, estimation: int
) -> pd.DataFrame:
    single = panel.returns.where(traded & traded.shift(1, fill_value=False))
    exposure = panel.returns[source].shift(1)
    return rolling_beta(single, exposure, estimation, min_periods=estimation // 2, lag=window)


def _traded(panel: Panel) -> pd.DataFrame:
    """A halt repeats the last bar: same price, same volume; the return after it spans the halt."""
    repeats = (panel.returns == 0.0) & (panel.volume.diff() == 0.0)
    return (panel.new_bars > 0) & ~repeats

"""Sectors of account and benchmark by session, where the bundle knows the benchmark's weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from backtest.data.fx import fx_rates
from backtest.data.schema import WEIGHT

if TYPE_CHECKING:
    from backtest.clock import Clock
    from backtest.data.bundle import Bundle
    from backtest.data.grid import Grid
    from backtest.panel import Panel

FloatArray = npt.NDArray[np.float64]

CASH = "Cash"
UNSTATED = "not stated"
_WHOLE = 0.9  # of the benchmark's weights that must be known for a session to count


def weights_field(benchmark: str) -> str:
    """Fact by symbol that holds the benchmark's weights."""
    return f"{WEIGHT}{benchmark}"


def brinson_frame(
    bundle: Bundle,
    grid: Grid,
    clock: Clock,
    panel: Panel,
    *,
    positions: pd.DataFrame,
    benchmark: str | None,
    currency: str,
) -> pd.DataFrame:
    """Weights and returns by session and sector, of the account's holdings and of the benchmark's.

    Returns
    -------
    DataFrame
        ``session``, ``sector`` (cash is one), ``weight`` and ``market_weight`` at the close before
        the session, ``return`` and ``market_return`` of what was held then, in the portfolio's
        currency, NaN where nothing was. Sessions whose weights of the benchmark are not known for
        nine tenths are left out; known ones are scaled to 1. Empty without such weights.
    """
    empty = pd.DataFrame({"session": pd.DatetimeIndex([])})
    if benchmark is None or panel.has_fact(weights_field(benchmark)) != "symbol":
        return empty
    theirs = _known_before(panel, clock, weights_field(benchmark))
    sums = theirs.sum(axis=1)
    usable = sums >= _WHOLE
    if not usable.any():
        return empty
    mine = _held_before(positions, grid, clock)
    column = np.flatnonzero((mine != 0.0).any(axis=0) | (theirs != 0.0).any(axis=0))
    moves = _moves(bundle, grid, clock, column, currency)
    sectors = bundle.instruments["sector"].fillna("").replace("", UNSTATED).to_numpy()[column]
    scaled = theirs[:, column] / np.where(usable, sums, 1.0)[:, None]
    names = [*sorted(set(sectors.tolist())), CASH]
    parts = []
    for name in names:
        own, market = (
            _sector(weights, moves, sectors == name, is_cash=name == CASH)
            for weights in (mine[:, column], scaled)
        )
        parts.append(
            pd.DataFrame(
                {
                    "session": clock.index[clock.first :].to_numpy(),
                    "sector": pd.array([name] * len(usable), dtype="str"),
                    "weight": own[0],
                    "return": own[1],
                    "market_weight": market[0],
                    "market_return": market[1],
                }
            )[usable]
        )
    frame: pd.DataFrame = pd.concat(parts, ignore_index=True)
    return frame


def _known_before(panel: Panel, clock: Clock, field: str) -> FloatArray:
    """Weights of the benchmark known before each session of the run, 0 where unknown."""
    values = panel.fact(field).to_numpy(dtype=np.float64)
    if clock.settings.decide == "after_close":
        values = np.vstack([np.full_like(values[:1], np.nan), values[:-1]])
    return np.where(np.isnan(values), 0.0, values)[clock.first : clock.last + 1]


def _held_before(positions: pd.DataFrame, grid: Grid, clock: Clock) -> FloatArray:
    """Weights of the account at the close before each session of the run."""
    sessions = clock.base_sessions.dates[clock.first : clock.last + 1]
    out = np.zeros((len(sessions) + 1, len(grid.bars.symbols)))
    row = np.searchsorted(sessions, positions["session"].to_numpy().astype("datetime64[D]"))
    column = positions["symbol"].map(grid.columns).to_numpy(dtype=np.int64)
    out[row + 1, column] = positions["weight"].to_numpy(dtype=np.float64)
    return out[:-1]


def _moves(
    bundle: Bundle, grid: Grid, clock: Clock, columns: npt.NDArray[np.int64], currency: str
) -> FloatArray:
    """Total return from base close to base close in the portfolio's currency, by column given."""
    base = clock.base_sessions.close
    first = base[clock.first - 1] if clock.first else clock.decisions[0]
    times = np.append(first, base[clock.first : clock.last + 1])
    bars = grid.bars
    levels = np.full((len(times), len(columns)), np.nan)
    own_currency = bundle.instruments["currency"].to_numpy()[columns]
    exchange = bars.column_exchange[columns]
    for number, name in enumerate(bars.exchanges):
        at = np.flatnonzero(exchange == number)
        closed = np.searchsorted(bars.sessions[name].close, times, side="right") - 1
        seen = closed >= 0
        levels[np.ix_(seen, at)] = grid.total_return[np.ix_(closed[seen], columns[at])]
    stamps = pd.DatetimeIndex(times, tz="UTC")
    for unit in np.unique(own_currency):
        rate = fx_rates(bundle.fx, str(unit), currency, stamps)
        levels[:, own_currency == unit] *= rate[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(levels[1:] / levels[:-1] - 1.0, dtype=np.float64)


def _sector(
    weights: FloatArray, moves: FloatArray, mine: npt.NDArray[np.bool_], *, is_cash: bool
) -> tuple[FloatArray, FloatArray]:
    """Weight and return of one sector by session; of cash what is left, without a return."""
    if is_cash:
        left = 1.0 - weights.sum(axis=1)
        return left, np.zeros(len(left))
    known = np.where(np.isnan(moves[:, mine]), 0.0, moves[:, mine])
    weight = weights[:, mine].sum(axis=1)
    earned = np.sum(weights[:, mine] * known, axis=1)
    returns = np.full(len(weight), np.nan)
    np.divide(earned, weight, out=returns, where=np.abs(weight) > 1e-12)
    return weight, returns

"""The same work through vectorbt's public interface, each way its fastest that is right.

Engines are ``numba`` and, where `vectorbt_rust` is installed, ``rust``. Frames are made outside:
only what vectorbt does is timed.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from workloads import CASH, FEE

Floats = np.ndarray
YEAR = 252  # bars per year of the measures


def engines() -> list[str]:
    """Those that are installed."""
    return ["numba", "rust"] if importlib.util.find_spec("vectorbt_rust") else ["numba"]


def by_engine(name: str, way: Callable[[], Floats]) -> dict[str, Callable[[], Floats]]:
    """``way`` under each engine, by name."""

    def under(engine: str) -> Callable[[], Floats]:
        def run() -> Floats:
            import vectorbt as vbt

            vbt.settings["engine"] = engine
            vbt.settings.returns["year_freq"] = f"{YEAR} days"
            return way()

        return run

    return {f"{name}, {engine}": under(engine) for engine in engines()}


def portfolio_nav(close: pd.DataFrame, wanted: pd.DataFrame, *, call_seq: str = "auto") -> Floats:
    """NAV of one account at each close, shape (sessions,).

    ``call_seq="auto"`` lets sales pay for buys; the faster ``"default"`` drops buys that come
    before them.
    """
    return _traded(close, wanted, group_by=True, call_seq=call_seq).value().to_numpy()


def sweep_nav(close: pd.DataFrame, wanted: pd.DataFrame, max_orders: int) -> Floats:
    """NAV of an account for each config (outer level of the columns), (sessions, configs)."""
    traded = _traded(close, wanted, group_by="config", call_seq="auto", max_orders=max_orders)
    return traded.value().to_numpy()


def crossing_measures(
    close: pd.Series, windows: Sequence[int], fast: np.ndarray, slow: np.ndarray
) -> Floats:
    """Total return, maximum drawdown and Sharpe ratio of each pair of windows, (pairs, 3)."""
    import vectorbt as vbt

    lines = vbt.MA.run(close, list(windows)).ma.to_numpy()
    first, second = (pd.DataFrame(lines[:, rows], index=close.index) for rows in (fast, slow))
    entries, exits = first.vbt.crossed_above(second), first.vbt.crossed_below(second)
    held = vbt.Portfolio.from_signals(close, entries, exits, fees=FEE, init_cash=CASH, freq="1D")
    return np.column_stack([held.total_return(), held.max_drawdown(), held.sharpe_ratio()])


def minute_nav(close: pd.DataFrame, fast: int, slow: int) -> Floats:
    """NAV of one account for each instrument at each close, (bars, instruments)."""
    import vectorbt as vbt

    first, second = (vbt.MA.run(close, window) for window in (fast, slow))
    entries, exits = first.ma_crossed_above(second), first.ma_crossed_below(second)
    held = vbt.Portfolio.from_signals(
        close, entries.to_numpy(), exits.to_numpy(), fees=FEE, init_cash=CASH, freq="1min"
    )
    return held.value().to_numpy()


def _traded(close: pd.DataFrame, wanted: pd.DataFrame, **settings: object) -> object:
    import vectorbt as vbt

    return vbt.Portfolio.from_orders(
        close,
        size=wanted,
        size_type="targetpercent",
        direction="longonly",
        fees=FEE,
        init_cash=CASH,
        cash_sharing=True,
        freq="1D",
        **settings,
    )

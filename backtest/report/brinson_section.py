"""Excess over the benchmark by sector, for ``metrics.json``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from backtest.measures.brinson import brinson, linking

if TYPE_CHECKING:
    from backtest.measures.performance import FloatArray
    from backtest.report.account import Account, Section
    from backtest.result import Result


def brinson_section(result: Result, account: Account) -> Section | None:
    """Allocation, selection and interaction by sector, linked over the sessions that are known.

    ``excess`` is the growth of the account less that of the benchmark over these sessions; it is
    the sum of the effects, of ``dealing`` (what the account made beyond what it held at each close
    before: trades within the session, costs, interest) and of ``index_rest`` (what the benchmark's
    known weights do not explain, with its sign turned). None where no weights are known.
    """
    frame = result.context.get("brinson")
    if frame is None or frame.empty:
        return None
    sectors = frame["sector"].unique().tolist()
    sessions = frame.loc[frame["sector"] == sectors[0], "session"].to_numpy()
    rows = np.searchsorted(account.sessions, sessions.astype("datetime64[D]"))
    keep = ~np.isnan(account.benchmark_returns[rows])
    if not keep.any():
        return None
    tables = {
        name: _wide(frame, name, sectors)[keep]
        for name in ("weight", "return", "market_weight", "market_return")
    }
    mine, market = account.returns[rows][keep], account.benchmark_returns[rows][keep]
    effects = brinson(*tables.values())
    factor = linking(mine, market)
    held = _earned(tables["weight"], tables["return"])
    theirs = _earned(tables["market_weight"], tables["market_return"])
    summed = [np.sum(effect * factor[:, None], axis=0) for effect in effects]
    names = ("allocation", "selection", "interaction")
    return {
        "sessions": int(keep.sum()),
        "first": sessions[keep][0],
        "last": sessions[keep][-1],
        "sectors": [
            {
                "name": str(sector),
                "weight": np.mean(tables["weight"][:, at]),
                "market_weight": np.mean(tables["market_weight"][:, at]),
                **{name: float(part[at]) for name, part in zip(names, summed, strict=True)},
            }
            for at, sector in enumerate(sectors)
        ],
        **{name: float(part.sum()) for name, part in zip(names, summed, strict=True)},
        "dealing": float(np.sum((mine - held) * factor)),
        "index_rest": -float(np.sum((market - theirs) * factor)),
        "excess": float(np.prod(1.0 + mine) - np.prod(1.0 + market)),
    }


def _wide(frame: pd.DataFrame, name: str, sectors: list[str]) -> FloatArray:
    """One column of the frame, sessions by sectors."""
    by_sector = [frame.loc[frame["sector"] == sector, name].to_numpy() for sector in sectors]
    return np.column_stack(by_sector).astype(np.float64)


def _earned(weights: FloatArray, returns: FloatArray) -> FloatArray:
    """Return of what was held, shape (T,)."""
    known = np.where(np.isnan(returns), 0.0, returns)
    return np.asarray(np.sum(weights * known, axis=1), dtype=np.float64)

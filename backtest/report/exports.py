"""A run in the shapes that other libraries take."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from backtest.errors import RunError
from backtest.report.account import number, section
from backtest.report.explore import to_vectorbt

if TYPE_CHECKING:
    from backtest.result import Result

__all__ = ["frames", "to_alphalens", "to_pyfolio", "to_quantstats", "to_vectorbt"]

Kind = Literal["pandas", "polars", "arrow"]

_AFTER = re.compile(r"^return_([1-9]\d*)$")
_NOT_FACTORS = ("session", "symbol", "taken", "entry", "offer_return")
_TABLES = ("nav", "positions", "fills", "orders", "trades", "ledger")


def returns_of(result: Result) -> pd.Series[float]:
    """Return of each base session, the first one's on the initial cash; 0 once NAV is 0."""
    nav = result.nav["nav"].to_numpy()
    cash = number(section(section(result.config, "portfolio"), "cash").get("amount"))
    before = np.concatenate(([cash], nav[:-1]))
    with np.errstate(divide="ignore", invalid="ignore"):
        values = np.where(before > 0.0, nav / before - 1.0, 0.0)
    index = pd.DatetimeIndex(result.nav["session"], name="session")
    return pd.Series(values, index=index, name=result.name)


def to_quantstats(result: Result) -> tuple[pd.Series[float], pd.Series[float] | None]:
    """Returns of the run and of its benchmark by session: what ``quantstats.reports`` takes.

    Its annual figures assume 252 sessions a year unless told otherwise (``periods_per_year``); the
    run's own are in ``result.metrics``.
    """
    level = result.nav["benchmark"].to_numpy()
    own = returns_of(result)
    if np.isnan(level).all():
        return own, None
    values = level / np.concatenate(([1.0], level[:-1])) - 1.0
    name = str(result.config.get("benchmark"))
    return own, pd.Series(values, index=own.index, name=name).fillna(0.0)


def to_pyfolio(result: Result) -> tuple[pd.Series[float], pd.DataFrame, pd.DataFrame]:
    """Returns, positions and transactions: what ``pyfolio.create_full_tear_sheet`` takes.

    Returns
    -------
    tuple
        Returns by session (UTC). Positions: a column of values for each symbol, and ``cash``, which
        is all of NAV that is no position; portfolio currency. Transactions by time of the fill:
        signed ``amount`` in shares, ``price`` in the portfolio's currency, ``symbol``.
    """
    returns = returns_of(result)
    sessions = pd.DatetimeIndex(returns.index).tz_localize("UTC")
    returns.index = sessions
    held = result.positions.pivot_table(
        index="session", columns="symbol", values="value", aggfunc="sum", observed=True
    )
    held = held.reindex(pd.DatetimeIndex(result.nav["session"])).fillna(0.0)
    held.index = sessions
    held.columns = pd.Index([str(symbol) for symbol in held.columns])
    positions = held.assign(cash=result.nav["nav"].to_numpy() - held.sum(axis=1).to_numpy())
    fills = result.fills
    transactions = pd.DataFrame(
        {
            "amount": fills["shares"].to_numpy(),
            "price": (fills["price"] * fills["fx"]).to_numpy(),
            "symbol": fills["symbol"].to_numpy(),
        },
        index=pd.DatetimeIndex(fills["filled_at"], name="date"),
    )
    return returns, positions, transactions


def to_alphalens(result: Result, factor: str | None = None, *, quantiles: int = 5) -> pd.DataFrame:
    """What the strategy waited for as ``factor_data``: what functions of alphalens take.

    Parameters
    ----------
    factor
        An attribute of the events, such as ``depth``; the first one unless given.
    quantiles
        Groups of equal size by the factor, over all sessions.

    Returns
    -------
    DataFrame
        Indexed by ``date`` and ``asset``: the return after 1, 5, ... sessions from the entry on as
        ``1D``, ``5D``, ..., then ``factor`` and ``factor_quantile`` (1 is the lowest). Events
        without a factor or without one of the returns are left out.

    Raises
    ------
    RunError
        When the strategy has no events, or none with such an attribute.
    """
    events = result.context.get("events")
    if events is None or events.empty:
        raise RunError(f"{result.name}: its strategy has no events; see Strategy.events.")
    known = [name for name in events.columns if name not in _NOT_FACTORS and not _outcome(name)]
    factor = factor or (known[0] if known else "")
    if factor not in known:
        told = ", ".join(known) or "none"
        raise RunError(f"{result.name}: its events have no attribute '{factor}'; known: {told}.")
    after = {name: f"{found[1]}D" for name in events.columns if (found := _AFTER.match(name))}
    table = events[["session", "symbol", *after, factor]].dropna()
    out = table[list(after)].rename(columns=after)
    out["factor"] = table[factor].to_numpy()
    ranks = table[factor].rank(method="first").to_numpy()
    out["factor_quantile"] = np.ceil(ranks / max(len(table), 1) * quantiles).astype(np.int64)
    out.index = pd.MultiIndex.from_arrays(
        [pd.DatetimeIndex(table["session"]), table["symbol"].astype(str)], names=["date", "asset"]
    )
    return out.sort_index()


def frames(result: Result, kind: Kind = "pandas") -> dict[str, Any]:  # Any: frames of three kinds
    """The run's tables by name, as pandas, polars or Arrow.

    Raises
    ------
    RunError
        When polars is asked for and not installed, or the kind is unknown.
    """
    tables = {name: getattr(result, name) for name in _TABLES} | result.context
    if kind == "pandas":
        return {name: table.copy() for name, table in tables.items()}
    if kind not in {"polars", "arrow"}:
        raise RunError(f"frames: must be pandas, polars or arrow, got {kind!r}.")
    import pyarrow as pa

    arrow = {
        name: pa.Table.from_pandas(table, preserve_index=False) for name, table in tables.items()
    }
    if kind == "arrow":
        return arrow
    try:
        import polars
    except ImportError:
        raise RunError("polars is not installed: pip install polars.") from None
    return {name: polars.from_arrow(table) for name, table in arrow.items()}


def _outcome(name: str) -> bool:
    """Whether a column of the events says what came after."""
    return name.startswith(("return_", "market_"))

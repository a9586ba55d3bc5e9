"""The series and tables that pages draw, lined up from a result's frames.

Measures come from ``result.metrics`` and :mod:`backtest.measures` and its neighbours; here frames
are only read, scaled, counted and summed by month, symbol or kind.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from backtest.measures.drawdowns import drawdown
from backtest.measures.performance import FloatArray
from backtest.report.account import Account, account_of
from backtest.report.catalogue import look_up
from backtest.report.formats import as_float, days

if TYPE_CHECKING:
    from backtest.result import Result


MOST_DRAWN = 4_000
"""Sessions on one chart; a screen has fewer columns of pixels."""


@dataclass(frozen=True, eq=False)
class Series:
    """An account's daily series as they are drawn; all have shape (T,)."""

    account: Account

    @cached_property
    def dates(self) -> list[str]:
        """The sessions as ISO dates."""
        return days(self.account.sessions)

    @property
    def nav(self) -> FloatArray:
        """NAV at each close, in the portfolio's currency."""
        return self.account.nav[1:]

    @cached_property
    def benchmark(self) -> FloatArray | None:
        """The benchmark scaled to the initial cash, NaN where unknown; None without one."""
        levels = self.account.benchmark
        return levels * self.account.nav[0] if np.isfinite(levels).any() else None

    @cached_property
    def drawdown(self) -> FloatArray:
        """Fall from the running peak, fractions <= 0."""
        return drawdown(self.account.nav)

    @cached_property
    def benchmark_drawdown(self) -> FloatArray | None:
        """The benchmark's, from its first known level on, NaN before; None without one."""
        levels = self.account.benchmark
        if self.benchmark is None:
            return None
        start = int(np.argmax(np.isfinite(levels)))
        lead = 1.0 if start == 0 else levels[start]
        known = drawdown(np.concatenate(([lead], levels[start:])))
        return np.concatenate((np.full(start, math.nan), known))

    @cached_property
    def drawn(self) -> list[int]:
        """Rows that are drawn: all, or of too many every k-th with the last and the deepest."""
        count = self.account.sessions.size
        if count <= MOST_DRAWN:
            return list(range(count))
        every = set(range(0, count, -(-count // MOST_DRAWN)))
        return sorted(every | {count - 1, int(np.argmin(self.drawdown))})

    @property
    def drawn_words(self) -> str:
        """Say that not every session is drawn; empty where all are."""
        step = -(-self.account.sessions.size // MOST_DRAWN)
        return f"One session of {step} is drawn." if step > 1 else ""

    @cached_property
    def month_ends(self) -> list[int]:
        """Rows of the last session of each month."""
        months = self.account.sessions.astype("datetime64[M]")
        return [*np.flatnonzero(months[1:] != months[:-1]).tolist(), months.size - 1]


class Cost(NamedTuple):
    """One step from gross to net: amounts in the portfolio's currency, a cost > 0."""

    name: str
    amount: float
    bps_of_traded_value: float
    bps_of_nav_per_year: float


def series_of(result: Result) -> Series:
    """Daily series of a result."""
    return Series(account_of(result))


def by_session(frame: pd.DataFrame) -> pd.DataFrame:
    """``frame`` with its sessions as index, whether they were a column or are it already."""
    return frame.set_index("session") if "session" in frame.columns else frame


def section(tree: Mapping[str, object], *path: str) -> Mapping[str, object]:
    """Branch at ``path``; an empty one where there is none."""
    branch = look_up(tree, path)
    return branch if isinstance(branch, Mapping) else {}


def rows_of(value: object) -> list[Mapping[str, object]]:
    """Rows of a list, each a mapping; none where there is no list."""
    return [row for row in value if isinstance(row, Mapping)] if isinstance(value, list) else []


def shares_of_nav(result: Result) -> dict[str, FloatArray]:
    """``gross``, ``net``, ``cash`` and ``stale`` over NAV at each session, NaN where NAV is 0."""
    whole = result.nav["nav"].to_numpy(dtype=np.float64)
    # The NAV's own rows hold gross and net as shares already, cash and stale value as amounts.
    units = {"gross": ("gross", False), "net": ("net", False)}
    units |= {"cash": ("cash", True), "stale": ("stale_value", True)}
    shares: dict[str, FloatArray] = {}
    for name, (column, is_amount) in units.items():
        part = result.nav[column].to_numpy(dtype=np.float64)
        scale = whole if is_amount else np.ones_like(whole)
        shares[name] = np.divide(part, scale, out=np.full_like(part, math.nan), where=whole > 0.0)
    return shares


def names_held(result: Result) -> FloatArray:
    """Count of instruments held at each session's close, shape (T,)."""
    sessions = by_session(result.nav).index
    held = result.positions.loc[result.positions["shares"] != 0.0, "session"]
    counts = held.value_counts().reindex(sessions, fill_value=0)
    return np.asarray(counts, dtype=np.float64)


def monthly_turnover(result: Result) -> tuple[list[str], FloatArray]:
    """First days of the months, and the one-way turnover of their sessions, in shares of NAV."""
    turnover = by_session(result.nav)["turnover"]
    months = turnover.index.to_numpy().astype("datetime64[M]").astype("datetime64[D]")
    sums = turnover.groupby(months).sum()
    return days(sums.index.to_numpy()), sums.to_numpy(dtype=np.float64)


def contributions(result: Result) -> pd.DataFrame:
    """Profit by instrument, largest first: ``pnl``, ``trades``, ``fees``, and weights held.

    ``weight`` is the mean over all sessions of the run, ``largest`` its peak by size, ``last`` the
    one at the end; all signed, 0 where nothing was held.
    """
    trades = result.trades.groupby("symbol").agg(
        pnl=("pnl", "sum"), fees=("fees", "sum"), trades=("pnl", "size")
    )
    sessions = by_session(result.nav).index
    held = result.positions
    peak = held.loc[held["weight"].abs().groupby(held["symbol"]).idxmax()]
    last = held[held["session"] == sessions[-1]].set_index("symbol")["weight"]
    weights = pd.DataFrame(
        {
            "weight": held.groupby("symbol")["weight"].sum() / len(sessions),
            "largest": peak.set_index("symbol")["weight"],
            "last": last,
            "sessions": held.groupby("symbol").size(),
        }
    )
    table = trades.join(weights, how="outer")
    table = table.where(table.notna(), 0.0).rename_axis("symbol").reset_index()
    return _sorted(table, "pnl", "symbol")


def costs(metrics: Mapping[str, object]) -> list[Cost]:
    """Costs step by step: each fee component, slippage, fx, financing; zeros left out.

    Fees that no component explains stand as ``other_fees``.
    """
    tree = section(metrics, "costs")
    components = section(tree, "fees_by_component")
    steps = [_cost(str(name), components[name]) for name in components]
    rest = _cost("other_fees", tree.get("fees"))
    for step in steps:
        rest = Cost(rest.name, *(a - b for a, b in zip(rest[1:], step[1:], strict=True)))
    # Sums of thousands of fills in another order: below this it is rounding.
    if abs(rest.amount) > 1e-6 * max(1.0, *(abs(step.amount) for step in steps)) if steps else True:
        steps.append(rest)
    steps += [_cost(name, tree.get(name)) for name in ("slippage", "fx_cost", "financing")]
    steps = [step for step in steps if math.isfinite(step.amount)]
    largest = max((abs(step.amount) for step in steps), default=0.0)
    # A remnant of rounding is no cost.
    return [step for step in steps if abs(step.amount) > 1e-6 * largest]


def order_fates(result: Result) -> pd.DataFrame:
    """Orders by what became of them: ``status``, ``count``, ``value``; the commonest first."""
    orders = result.orders.assign(value=result.orders["value"].abs())
    table = orders.groupby("status").agg(count=("value", "size"), value=("value", "sum"))
    return _sorted(table.reset_index(), "count", "status")


def _sorted(table: pd.DataFrame, down: str, up: str) -> pd.DataFrame:
    """``table`` from the largest of one column to the smallest, ties by another."""
    rows = np.lexsort((table[up].astype(str).to_numpy(), -table[down].to_numpy(dtype=np.float64)))
    return table.iloc[rows].reset_index(drop=True)


def _cost(name: str, tree: object) -> Cost:
    paid = tree if isinstance(tree, Mapping) else {}
    keys = ("amount", "bps_of_traded_value", "bps_of_nav_per_year")
    return Cost(name, *(as_float(paid.get(key)) for key in keys))

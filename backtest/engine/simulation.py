"""Weights to a simulated account: the one place where frames become arrays and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from backtest.account import Account
from backtest.clock import NAV, Clock
from backtest.data.bundle import Bundle
from backtest.data.fx import fx_rates
from backtest.data.grid import Grid
from backtest.engine.compilation import build_terms, build_world
from backtest.engine.currency import currencies_frame, currency_gains, currency_moves, with_gains
from backtest.engine.money import Money
from backtest.engine.offers import Subscriptions
from backtest.engine.orders import build_orders
from backtest.engine.records import (
    SUBSCRIPTION,
    fills_frame,
    ledger_frame,
    nav_frame,
    orders_frame,
    positions_frame,
)
from backtest.engine.trades import trades_frame
from backtest.errors import RunError
from backtest.execution import Execution, Exits, Portfolio
from backtest.kernel_cache import COMPILING, is_compiled
from backtest.kernels.interpreted import interpreted
from backtest.kernels.simulate import simulate as run_kernel
from backtest.kernels.world import (
    ACCOUNT_COLUMNS,
    ALL_COSTS,
    ALL_GROSS,
    ALL_TURNOVER,
    BANKRUPT,
    CASH_ROWS,
    FILLS,
    ORDERS,
    POSITIONS,
    Book,
    Log,
    Orders,
    Terms,
    World,
    new_book,
)
from backtest.market.rules import CompiledRules

FloatArray = npt.NDArray[np.float64]
Kernel = Callable[[World, Orders, Terms, Book, Log], None]

WAIT = 4.0  # seconds: an interpreted run may take that long; compiling takes several times more


@dataclass(frozen=True, eq=False)
class Simulation:
    """The frames of a simulated account; columns as in :class:`backtest.result.Result`."""

    nav: pd.DataFrame
    positions: pd.DataFrame
    fills: pd.DataFrame
    orders: pd.DataFrame
    trades: pd.DataFrame
    ledger: pd.DataFrame
    bankrupt: bool
    currencies: pd.DataFrame | None = None  # where there is more than one


@dataclass(frozen=True, eq=False)
class Outline:
    """What a trial keeps of a simulated account; sums are over its base sessions."""

    nav: FloatArray  # (T,): after each base close, portfolio currency
    fills: int
    turnover: float  # one-way, multiples of NAV
    costs: float  # fees, slippage and conversion, portfolio currency
    gross: float  # exposure, multiples of NAV


def simulate(
    bundle: Bundle,
    grid: Grid,
    clock: Clock,
    weights: pd.DataFrame,
    universe: pd.DataFrame,
    *,
    rules: CompiledRules,
    execution: Execution,
    portfolio: Portfolio,
    exits: Exits,
    benchmark: str | None = None,
    account: Account = Account(),  # noqa: B008 - frozen
    subscriptions: Subscriptions | None = None,
    waiting: Callable[[str], None] | None = None,
) -> Simulation:
    """Trade ``weights`` through the events of ``clock``; full records.

    Parameters
    ----------
    weights, universe
        Rows and columns of the panel: wanted shares of NAV, and what may be held.
    subscriptions
        What can be applied for; None where nothing is subscribed to.
    waiting
        Told before a wait for the compiler, where no earlier run has compiled the kernel. With it a
        small run does not wait: it is interpreted, to the same bits.

    Raises
    ------
    StrategyError
        When a weight cannot be traded.
    DataError
        When fx is missing.
    """
    orders = build_orders(weights, universe, clock, portfolio)
    world = build_world(
        bundle,
        grid,
        clock,
        rules,
        execution=execution,
        portfolio=portfolio,
        tradable=np.asarray(universe.to_numpy(dtype=np.bool_)[clock.first :].any(axis=0)),
        account=account,
        subscriptions=subscriptions,
    )
    terms = build_terms(execution, portfolio, exits)
    components = rules.components + ((SUBSCRIPTION,) if terms.at_offer or terms.subscribes else ())
    kernel: Kernel = run_kernel
    if waiting is not None and not is_compiled():
        if interpreted_seconds(world, orders, terms) < WAIT:
            kernel = interpreted(run_kernel)
        else:
            waiting(COMPILING)
    log, bankrupt = record(world, orders, terms, len(components), kernel)
    money = Money.of(bundle, portfolio)
    level = benchmark_level(bundle, grid, clock, benchmark, portfolio.currency)
    closing = world.fx[clock.kind == NAV]
    gains = currency_gains(log, clock, money, closing)
    nav = with_gains(nav_frame(log, clock, level), gains)
    ledger = ledger_frame(log, clock, grid, components, money)
    return Simulation(
        nav=nav,
        positions=positions_frame(log, clock, grid),
        fills=fills_frame(log, clock, grid, components),
        orders=orders_frame(log, clock, grid),
        trades=trades_frame(log, clock, grid, currency_moves(log, clock, money, closing)),
        ledger=ledger,
        bankrupt=bankrupt,
        currencies=currencies_frame(gains, nav, ledger, money, terms.cash),
    )


def nav_only(world: World, orders: Orders, terms: Terms) -> FloatArray:
    """NAV after each base close of the run, shape (T,); nothing else is kept."""
    return outline(world, orders, terms).nav


def outline(world: World, orders: Orders, terms: Terms) -> Outline:
    """NAV and sums over the run, at the speed of `nav_only`."""
    log = _log(len(world.days))
    book = new_book(world, 0)
    run_kernel(world, orders, terms, book, log)
    return Outline(
        nav=log.nav,
        fills=int(book.count[FILLS]),
        turnover=float(book.money[ALL_TURNOVER]),
        costs=float(book.money[ALL_COSTS]),
        gross=float(book.money[ALL_GROSS]),
    )


def interpreted_seconds(world: World, orders: Orders, terms: Terms) -> float:
    """About how long `record` takes where the kernel is interpreted, at the most."""
    wanted = int(np.count_nonzero(orders.weight))
    rows = int(np.count_nonzero(np.diff(orders.ptr)))
    position_days = wanted / max(rows, 1) * len(world.days)
    each = 15e-6 if terms.has_exits else 1e-6
    zeros = len(orders.weight) - wanted  # most are for what is not held
    events = 15e-6 * len(world.events)
    return 2.0 * (events + 80e-6 * wanted + 8e-6 * zeros + each * position_days)


def record(
    world: World, orders: Orders, terms: Terms, components: int, kernel: Kernel = run_kernel
) -> tuple[Log, bool]:
    """Everything that a simulation logs, and whether it ended in bankruptcy.

    The kernel runs twice: once to count the rows, once to write them.
    """
    sessions = len(world.days)
    book = new_book(world, components)
    kernel(world, orders, terms, book, _log(sessions))
    rows = tuple(int(book.count[k]) for k in (FILLS, ORDERS, CASH_ROWS, POSITIONS))
    log = _log(sessions, on=True, rows=rows, components=components)
    book = new_book(world, components)
    kernel(world, orders, terms, book, log)
    return log, bool(book.count[BANKRUPT])


def benchmark_level(
    bundle: Bundle, grid: Grid, clock: Clock, symbol: str | None, currency: str
) -> FloatArray:
    """Total return of ``symbol`` at each base close, 1.0 at the first decision.

    In the portfolio's currency, by the last close known, NaN where none is; without a benchmark,
    all NaN.
    """
    run = slice(clock.first, clock.last + 1)
    times = np.append(clock.decisions[clock.first], clock.base_sessions.close[run])
    if symbol is None:
        return np.full(len(times) - 1, np.nan)
    if symbol not in grid.columns:
        raise RunError(f"benchmark '{symbol}' is not in bundle '{bundle.name}'.")
    column = grid.columns[symbol]
    own = clock.sessions[clock.exchanges[grid.bars.column_exchange[column]]]
    closed = np.searchsorted(own.close, times, side="right") - 1
    index = np.where(closed >= 0, grid.total_return[np.maximum(closed, 0), column], np.nan)
    rate = fx_rates(
        bundle.fx,
        str(bundle.instruments["currency"].iloc[column]),
        currency,
        pd.DatetimeIndex(times, tz="UTC"),
    )
    level = index * rate
    known = level[~np.isnan(level)]
    base = level[0] if not np.isnan(level[0]) else (known[0] if len(known) else np.nan)
    return np.asarray(level[1:] / base, dtype=np.float64)


def _log(
    sessions: int,
    *,
    on: bool = False,
    rows: tuple[int, ...] = (0, 0, 0, 0),
    components: int = 0,
) -> Log:
    fills, orders, cash, positions = rows
    return Log(
        on=on,
        nav=np.zeros(sessions),
        account=np.zeros((sessions if on else 0, len(ACCOUNT_COLUMNS))),
        fill_at=np.zeros((fills, 5), np.int32),
        fill=np.zeros((fills, 6)),
        fill_fees=np.zeros((fills, components)),
        order_at=np.zeros((orders, 5), np.int32),
        order=np.zeros((orders, 3)),
        cash_at=np.zeros((cash, 4), np.int32),
        cash=np.zeros((cash, 3)),
        position_at=np.zeros((positions, 2), np.int32),
        position=np.zeros((positions, 3)),
    )

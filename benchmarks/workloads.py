"""Seeded workloads: prices that never were, weights that nobody chose, and the account for them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from backtest.calendars import Sessions, sessions
from backtest.clock import Clock, ClockSettings, build_clock
from backtest.data.arrays import BarArrays
from backtest.data.bundle import Bundle
from backtest.data.grid import build_grid
from backtest.engine.compilation import build_terms, build_world
from backtest.engine.orders import build_orders
from backtest.execution import Execution, Exits, Portfolio
from backtest.kernels.world import Orders, Terms, World
from backtest.market.files import resolve_markets
from backtest.market.rules import CompiledRules, compile_rules
from backtest.market.settings import Brokerage, MarketChoice
from backtest.units import Money

Floats = npt.NDArray[np.float64]

FEE = 0.001  # of the value
CASH = 1e8
INVESTED = 0.98  # of NAV: the rest pays the fees, so that no engine has to cut a buy
EXCHANGE = "XHKG"
FIRST = date(2005, 1, 3)


@dataclass(frozen=True, eq=False)
class Bars:
    """Daily bars, each (sessions, instruments)."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats


@dataclass(frozen=True, eq=False)
class Workload:
    """Closes and the weights to trade them to: row k of ``weights`` on session ``rows[k]``."""

    name: str
    close: Floats  # (sessions, instruments)
    rows: npt.NDArray[np.int64]
    weights: Floats  # (len(rows), instruments)

    @property
    def wanted(self) -> Floats:
        """Weights by session, NaN where nothing is ordered."""
        wanted = np.full(self.close.shape, np.nan)
        wanted[self.rows] = self.weights
        return wanted


@dataclass(frozen=True, eq=False)
class Account:
    """What `backtest.engine.nav_only` takes."""

    world: World
    orders: Orders
    terms: Terms


def portfolio_workload(name: str, instruments: int, length: int, every: int) -> Workload:
    """All instruments held, their weights drawn anew every so many sessions."""
    rows = np.arange(0, length, every)
    return Workload(
        name, closes(length, instruments), rows, random_weights(len(rows), instruments, seed=2)
    )


def closes(length: int, instruments: int, seed: int = 1, *, bars_per_day: int = 1) -> Floats:
    """Random walks that share a market: daily volatility 2 %, correlation about 0.3."""
    draw = np.random.default_rng(seed)
    step = bars_per_day**-0.5
    market = draw.normal(0.0003 / bars_per_day, 0.011 * step, (length, 1))
    own = draw.normal(0.0, 0.017 * step, (length, instruments))
    start = draw.uniform(np.log(5.0), np.log(200.0), instruments)
    return np.exp(start + np.cumsum(market + own, axis=0))


def bars_around(close: Floats, seed: int = 3) -> Bars:
    """Opens, ranges and volumes for ``close``, on a grid of cents."""
    draw = np.random.default_rng(seed)
    cents = np.maximum(np.round(close, 2), 0.01)
    opening = np.round(np.vstack([close[:1], close[:-1]]) * np.exp(_noise(draw, close, 0.004)), 2)
    opening = np.maximum(opening, 0.01)
    top = np.maximum(opening, cents) * np.exp(np.abs(_noise(draw, close, 0.006)))
    bottom = np.minimum(opening, cents) * np.exp(-np.abs(_noise(draw, close, 0.006)))
    volume = np.round(draw.lognormal(np.log(3e6), 1.0, close.shape), -2)
    return Bars(opening, np.round(top, 2), np.maximum(np.round(bottom, 2), 0.01), cents, volume)


def random_weights(count: int, instruments: int, *, seed: int, held: int | None = None) -> Floats:
    """Long weights of ``held`` instruments (all by default), the others 0, `INVESTED` in sum."""
    draw = np.random.default_rng(seed)
    weights = draw.exponential(1.0, (count, instruments))
    if held is not None:
        order = draw.random((count, instruments)).argsort(axis=1)
        np.put_along_axis(weights, order[:, held:], 0.0, axis=1)
    return weights / weights.sum(axis=1, keepdims=True) * INVESTED


def plain_account(workload: Workload) -> Account:
    """The rules that other engines know: fills at the close, sized there, one proportional fee."""
    nothing = np.full(workload.close.shape, np.nan)
    bars = Bars(nothing, nothing, nothing, workload.close, nothing)
    return account(
        bars,
        workload.wanted,
        market=MarketChoice(use="frictionless", brokerage=Brokerage(rate=FEE)),
        execution=Execution(fill="close", sizing="fill", max_participation=1.0),
        exits=Exits(),
        lot=1.0,
        adjusted=True,  # whole shares are not asked for
    )


def account(
    bars: Bars,
    wanted: Floats,
    *,
    market: str | MarketChoice,
    execution: Execution,
    exits: Exits,
    lot: float,
    adjusted: bool = False,
) -> Account:
    """Compile bars, weights and rules as a run does."""
    length, instruments = bars.close.shape
    span = _first_sessions(length)
    bundle = _bundle(bars, span, lot, adjusted=adjusted)
    arrays = BarArrays(
        symbols=tuple(bundle.instruments["symbol"]),
        exchanges=(EXCHANGE,),
        column_exchange=np.zeros(instruments, np.int16),
        sessions={EXCHANGE: span},
        **vars(bars),
    )
    clock = build_clock(arrays.sessions, ClockSettings())
    portfolio = Portfolio(cash=Money(amount=CASH), rate_spread=0.0)
    rules = _rules(bundle, clock, market)
    weights = pd.DataFrame(wanted, clock.index, list(arrays.symbols))
    universe = pd.DataFrame(data=True, index=weights.index, columns=weights.columns)
    world = build_world(
        bundle,
        build_grid(bundle, arrays),
        clock,
        rules,
        execution=execution,
        portfolio=portfolio,
        tradable=np.ones(instruments, np.bool_),
    )
    orders = build_orders(weights, universe, clock, portfolio)
    return Account(world, orders, build_terms(execution, portfolio, exits))


def _noise(draw: np.random.Generator, like: Floats, scale: float) -> Floats:
    return draw.normal(0.0, scale, like.shape)


def _first_sessions(length: int) -> Sessions:
    years = length // 240 + 1
    span = sessions(EXCHANGE, FIRST, FIRST.replace(year=FIRST.year + years))
    return Sessions(EXCHANGE, span.dates[:length], span.open[:length], span.close[:length])


def _bundle(bars: Bars, span: Sessions, lot: float, *, adjusted: bool) -> Bundle:
    """Instruments, with the first bar of each: the arrays hold the others."""
    symbols = [f"{number:04d}.HK" for number in range(bars.close.shape[1])]
    instruments = pd.DataFrame(
        {"symbol": symbols, "exchange": EXCHANGE, "currency": "HKD", "kind": "stock"}
    )
    instruments["lot_size"] = lot
    first = pd.DataFrame({"symbol": symbols, "session": pd.Timestamp(span.dates[0])})
    first["close"] = bars.close[0]
    return Bundle.from_frames(
        name="random walks",
        instruments=instruments,
        bars=first,
        prices="adjusted" if adjusted else "raw",
        simulated=True,
    )


def _rules(bundle: Bundle, clock: Clock, market: str | MarketChoice) -> CompiledRules:
    markets = resolve_markets(market, [EXCHANGE])
    return compile_rules(
        {name: rules for name, (rules, _) in markets.items()},
        instruments=bundle.instruments,
        sessions=clock.sessions,
        brokerage={name: broker for name, (_, broker) in markets.items()},
        prices=bundle.prices,
        first=clock.base_sessions.dates[0],
        last=clock.base_sessions.dates[-1],
    )

"""The same weights through this engine and through vectorbt, on ground that both can walk.

The ground: one exchange, one currency, long only, fractional shares of prices adjusted forward for
splits and dividends, orders sized and filled at one price of one event, one proportional fee, and
never a buy that is short of cash. What a config has beyond that is switched off, and the report
says what.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from backtest.clock import Clock, build_clock
from backtest.data.arrays import bar_arrays
from backtest.data.bundle import Bundle
from backtest.data.grid import Grid, build_grid
from backtest.engine import Simulation, simulate
from backtest.execution import Execution, Exits, Portfolio
from backtest.market.rules import compile_rules, resolve_markets
from backtest.market.settings import Brokerage, MarketChoice
from backtest.report.explore import Trading, trade_in_vectorbt
from backtest.runner import Stage
from backtest.testing.report import Claim

FloatArray = npt.NDArray[np.float64]

FEE = 0.001
"""Share of each fill's value, both sides, in place of the market's schedule."""

AGREEMENT = 1e-9
"""Largest relative difference that still agrees."""

_SCALES = (0.95, 0.75, 0.5, 0.25, 0.1)
_MEANS = f"NAV and shares are the same to {AGREEMENT:.0e} on the common ground of both engines"


@dataclass(frozen=True, eq=False)
class Ground:
    """A market and weights that both engines can trade."""

    grid: Grid
    clock: Clock
    bundle: Bundle
    weights: pd.DataFrame
    execution: Execution
    portfolio: Portfolio


@dataclass(frozen=True)
class Agreement:
    """How far the two accounts lie apart, relative to their size; ``scale`` of the weights."""

    nav: float
    shares: float
    fills: int
    scale: float

    @property
    def holds(self) -> bool:
        """Whether both differences are small enough."""
        return max(self.nav, self.shares) <= AGREEMENT


def second_opinion(stage: Stage, weights: pd.DataFrame) -> tuple[Claim, dict[str, object]]:
    """The claim that vectorbt comes to the same account, with its numbers for JSON."""
    notes = list(_switched_off(stage, weights))
    columns = _tradable(stage, weights)
    found = agreement(_ground(stage, weights, columns)) if columns.any() else None
    if found is None or found.fills == 0:
        notes.append(f"nothing was compared: {_why_not(columns, found)}")
        return Claim("vectorbt", _MEANS, (), tuple(notes)), {"vectorbt": None}
    text = (
        f"largest relative difference {found.nav:.1e} of NAV, {found.shares:.1e} of shares, over "
        f"{found.fills:,} fills"
    )
    notes.insert(0, f"weights times {found.scale:g}, so that no buy is short of cash")
    numbers: dict[str, object] = {"vectorbt": {**asdict(found), "agrees": found.holds}}
    if found.holds:
        return Claim("vectorbt", _MEANS, (), (text, *notes)), numbers
    return Claim("vectorbt", _MEANS, (text,), tuple(notes)), numbers


def _why_not(columns: npt.NDArray[np.bool_], found: Agreement | None) -> str:
    if not columns.any():
        return "nothing is left that both engines can trade"
    if found is None:
        return (
            f"buys are short of cash even at {_SCALES[-1]:g} of the weights, and each engine cuts "
            "such buys in its own way"
        )
    return "no order was filled"


def agreement(ground: Ground) -> Agreement | None:
    """Both accounts compared at the largest scale of the weights that leaves no buy short of cash.

    None when there is no such scale.
    """
    for scale in _SCALES:
        part = scale / max(1.0, ground.portfolio.max_gross)
        scaled = replace(ground, weights=ground.weights * part)
        ours = _ours(scaled)
        if not (ours.orders["status"] == "cash_scaled").any():
            nav, shares = differences(ours, _theirs(scaled), scaled)
            return Agreement(nav, shares, len(ours.fills), part)
    return None


def differences(ours: Simulation, theirs: Trading, ground: Ground) -> tuple[float, float]:
    """Largest relative difference of NAV, and of the shares of any session and symbol.

    Shares are measured against the larger count, though not below a millionth of the symbol's
    largest: what rounding leaves of a closed position is no difference.
    """
    nav = ours.nav["nav"].to_numpy()
    index = pd.DatetimeIndex(ours.nav["session"])
    held = ours.positions.pivot_table(index="session", columns="symbol", values="shares")
    one = held.reindex(index=index, columns=ground.weights.columns).fillna(0.0).to_numpy()
    two = theirs.shares
    size = np.maximum(np.abs(one), np.abs(two))
    size = np.maximum(size, 1e-6 * size.max(axis=0, initial=0.0))
    apart = np.abs(one - two)
    shares = np.divide(apart, size, out=np.zeros_like(apart), where=size > 0.0)
    return float(np.max(np.abs(theirs.nav - nav) / np.abs(nav))), float(shares.max(initial=0.0))


def _ours(ground: Ground) -> Simulation:
    clock, bundle = ground.clock, ground.bundle
    market = MarketChoice(use="frictionless", brokerage=Brokerage(rate=FEE))
    markets = resolve_markets(market, [clock.base])
    dates = clock.base_sessions.dates
    rules = compile_rules(
        {name: rules for name, (rules, _) in markets.items()},
        instruments=bundle.instruments,
        sessions=clock.sessions,
        brokerage={name: broker for name, (_, broker) in markets.items()},
        prices=bundle.prices,
        first=dates[clock.first],
        last=dates[clock.last],
    )
    return simulate(
        bundle,
        ground.grid,
        clock,
        ground.weights,
        pd.DataFrame(True, index=ground.weights.index, columns=ground.weights.columns),
        rules=rules,
        execution=ground.execution,
        portfolio=ground.portfolio,
        exits=Exits(),
    )


def _theirs(ground: Ground) -> Trading:
    """The account of vectorbt, from plain frames: its rows are sessions, its prices one event's."""
    clock, bars = ground.clock, ground.grid.bars
    rows = slice(clock.first, clock.last + 1)
    closes = pd.DataFrame(bars.close).ffill()
    if ground.execution.fill == "open":
        prices, before = pd.DataFrame(bars.open), closes.shift(1)
    else:
        prices, before = pd.DataFrame(bars.close), closes
    weights = ground.weights.iloc[rows]
    if clock.settings.decide == "after_close":
        weights = weights.shift(1)  # what a session's close decides fills in the next one
    return trade_in_vectorbt(
        weights,
        prices.to_numpy()[rows],
        prices.where(prices.notna(), before).to_numpy()[rows],
        closes.to_numpy()[rows],
        cash=ground.portfolio.cash.amount,
        fee=FEE,
    )


def _ground(stage: Stage, weights: pd.DataFrame, columns: npt.NDArray[np.bool_]) -> Ground:
    """The stage's market and weights, changed as far as they must be."""
    config, source = stage.config, stage.clock
    bundle = _plain_bundle(stage, columns)
    bars = bar_arrays(bundle)
    settings = config.clock.model_copy(update={"rebalance": "session"})
    clock = build_clock(bars.sessions, settings, start=config.data.start, end=config.data.end)
    wanted = weights.loc[:, columns].clip(lower=0.0)
    wanted = wanted.where(stage.panel.universe.loc[:, columns], 0.0)
    wanted = wanted.where(np.broadcast_to(source.can_rebalance[:, None], wanted.shape))
    return Ground(
        grid=build_grid(bundle, bars),
        clock=clock,
        bundle=bundle,
        weights=wanted.reindex(clock.index),
        execution=Execution(fill=config.execution.fill, sizing="fill", max_participation=1.0),
        portfolio=Portfolio(
            cash=config.portfolio.cash,
            currency=config.portfolio.currency,
            max_gross=config.portfolio.max_gross,
        ),
    )


def _plain_bundle(stage: Stage, columns: npt.NDArray[np.bool_]) -> Bundle:
    """Adjusted bars of unknown volume and nothing else, of the columns that are compared."""
    source = stage.bundle
    known = source.instruments["symbol"].isin(stage.panel.symbols[columns])
    instruments = source.instruments[known].assign(lot_size=1.0)
    instruments[["listed", "delisted"]] = np.datetime64("NaT")
    instruments[["offer_price", "oversubscription", "one_lot_success"]] = np.nan
    bars = _adjusted(stage, columns)
    return replace(
        source,
        prices="adjusted",
        instruments=instruments.astype(source.instruments.dtypes).reset_index(drop=True),
        bars=bars,
        actions=source.actions.iloc[:0],
        facts=source.facts.iloc[:0],
        rates=source.rates.iloc[:0],
        path=None,
    )


def _adjusted(stage: Stage, columns: npt.NDArray[np.bool_]) -> pd.DataFrame:
    """Bars of the columns, dividends reinvested and splits undone; volume unknown."""
    bars = stage.grid.bars
    rows, found = np.nonzero(~np.isnan(bars.close) & columns)
    factor = np.ones(len(rows))
    if len(stage.grid.actions.row):
        factor = stage.grid.total_return[rows, found] / bars.close[rows, found]
    symbols = np.array(bars.symbols, dtype=object)[found]
    table = pd.DataFrame(
        {
            "symbol": symbols,
            "session": stage.clock.base_sessions.dates[rows].astype("datetime64[ns]"),
            "open": bars.open[rows, found] * factor,
            "high": bars.high[rows, found] * factor,
            "low": bars.low[rows, found] * factor,
            "close": bars.close[rows, found] * factor,
            "volume": np.nan,
        }
    )
    table = table.astype({name: stage.bundle.bars[name].dtype for name in table.columns})
    return table.sort_values(["symbol", "session"], kind="stable", ignore_index=True)


def _tradable(stage: Stage, weights: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Columns that are asked for, on the base exchange and in the portfolio's currency."""
    return _asked(weights) & _at_home(stage)


def _asked(weights: pd.DataFrame) -> npt.NDArray[np.bool_]:
    return np.asarray((weights > 0.0).any(axis=0), dtype=np.bool_)


def _at_home(stage: Stage) -> npt.NDArray[np.bool_]:
    table = stage.bundle.instruments
    own = table["currency"] == stage.config.portfolio.currency
    return np.asarray(own & (table["exchange"] == stage.clock.base), dtype=np.bool_)


def _switched_off(stage: Stage, weights: pd.DataFrame) -> Iterator[str]:
    """What of the config is not on the common ground, a sentence each."""
    config, execution = stage.config, stage.config.execution
    abroad = stage.panel.symbols[_asked(weights) & ~_at_home(stage)]
    if len(abroad):
        shown = ", ".join(abroad[:5]) + (f" and {len(abroad) - 5} more" if len(abroad) > 5 else "")
        yield f"left out, for they trade elsewhere or in another currency: {shown}"
    if (weights < 0.0).to_numpy().any():
        yield "short weights count as 0: vectorbt asks for no margin"
    yield f"fees: {FEE:.1%} of each fill instead of the market's schedule and the broker's"
    if execution.sizing == "decision":
        yield "sizing: on the prices of the fill itself (execution.sizing: fill)"
    off = {
        "slippage": any(value for _, value in execution.slippage),
        "max_participation and halts without volume (volume counts as unknown)": True,
        "unfilled: carry": execution.unfilled == "carry",
        "ipo_entry: offer": execution.ipo_entry == "offer",
        "exits": config.exits != Exits(),
        "band": config.portfolio.band > 0.0,
        "interest": not stage.bundle.rates.empty,
        "lots, ticks, price limits, splits and dividends (prices are adjusted forward)": (
            stage.bundle.prices == "raw"
        ),
        "lots": stage.bundle.prices == "adjusted"
        and (execution.whole_shares or bool((stage.bundle.instruments["lot_size"] != 1.0).any())),
        "delistings (what is held stays at its last close)": bool(
            stage.bundle.instruments["delisted"].notna().any()
        ),
    }
    yield "off: " + "; ".join(name for name, is_on in off.items() if is_on)

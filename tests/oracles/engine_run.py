"""A world of the oracle's through the engine under test: the same tables, another road."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime

import numpy as np
import pandas as pd

from backtest.calendars import Sessions
from backtest.clock import Clock, ClockSettings, build_clock
from backtest.data.arrays import BarArrays
from backtest.data.bundle import Bundle
from backtest.data.grid import Grid, build_grid
from backtest.data.schema import TABLES
from backtest.engine import Simulation, simulate
from backtest.engine.compilation import build_terms, build_world
from backtest.engine.offers import Subscriptions, subscriptions_of
from backtest.engine.orders import build_orders
from backtest.kernels.world import Orders, Terms
from backtest.kernels.world import World as ArrayWorld
from backtest.market.model import MarketRules
from backtest.market.rules import CompiledRules, compile_rules
from tests.oracles.random_bars import DAY
from tests.oracles.slow_tables import Rule, World

LONG_AGO = date(1990, 1, 1)
WITNESS = {"status": "verified", "source": "made up"}


@dataclass(frozen=True, eq=False)
class Ready:
    """A world as the engine takes it."""

    world: World
    bundle: Bundle
    grid: Grid
    clock: Clock
    rules: CompiledRules
    weights: pd.DataFrame
    universe: pd.DataFrame
    subscriptions: Subscriptions | None = None


def make_ready(world: World) -> Ready:
    """Return the world's tables as bundle, grid, clock, rules and frames of the panel."""
    calendar = {name: _sessions(name, rows) for name, rows in sorted(world.sessions.items())}
    bundle = bundle_of(world)
    bars = bars_of(bundle, calendar)
    clock = clock_of(world, calendar)
    rules = compile_rules(
        {name: market_of(world.rules.get(name, [])) for name in calendar},
        instruments=bundle.instruments,
        sessions=calendar,
        brokerage={},
        prices=bundle.prices,
        first=clock.span[0],
        last=clock.span[1],
    )
    symbols = bundle.instruments["symbol"].tolist()
    weights = world.weights.reindex(index=clock.index, columns=symbols)
    universe = pd.DataFrame(world.universe, index=_labels(calendar[world.base].dates))
    universe = universe.reindex(index=clock.index, columns=symbols)
    grid = build_grid(bundle, bars)
    markets = {name: market_of(world.rules.get(name, [])) for name in calendar}
    applied = subscriptions_of(bundle, grid, clock, markets, world.execution)
    return Ready(world, bundle, grid, clock, rules, weights, universe, applied)


def simulate_ready(ready: Ready) -> Simulation:
    """Return the engine's account of the world."""
    return simulate(
        ready.bundle,
        ready.grid,
        ready.clock,
        ready.weights,
        ready.universe,
        rules=ready.rules,
        execution=ready.world.execution,
        portfolio=ready.world.portfolio,
        exits=ready.world.exits,
        subscriptions=ready.subscriptions,
    )


def arrays_of(ready: Ready) -> tuple[ArrayWorld, Orders, Terms, int]:
    """Return what the kernel takes, with the number of fee components."""
    world = ready.world
    orders = build_orders(ready.weights, ready.universe, ready.clock, world.portfolio)
    arrays = build_world(
        ready.bundle,
        ready.grid,
        ready.clock,
        ready.rules,
        execution=world.execution,
        portfolio=world.portfolio,
        tradable=ready.universe.to_numpy(dtype=bool)[ready.clock.first :].any(axis=0),
        subscriptions=ready.subscriptions,
    )
    terms = build_terms(world.execution, world.portfolio, world.exits)
    subscription = int(terms.at_offer or terms.subscribes)
    return arrays, orders, terms, len(ready.rules.components) + subscription


def bundle_of(world: World) -> Bundle:
    """Return the world's tables without the checks: its sessions are made up, too."""
    instruments = world.instruments.assign(name="", sector="", board="", share_class="")
    return Bundle(
        name="world", description="", prices=world.prices, simulated=True, per_share=(), forward=(),
        instruments=instruments, bars=world.bars, actions=_all_columns(world.actions),
        facts=_facts(world), fx=world.fx, rates=world.rates,
        hash="", findings=(), checks={}, as_of=None, path=None, caveats=(),
    )  # fmt: skip


def _facts(world: World) -> pd.DataFrame:
    """Return the facts, typed as a bundle's are."""
    rows = [vars(fact) for fact in world.facts]
    table = pd.DataFrame(rows, columns=list(TABLES["facts"].columns))
    days, known = pd.to_datetime(table["period"]), pd.to_datetime(table["known_at"], utc=True)
    return table.assign(period=days, known_at=known, value=table["value"].astype(float))


def _all_columns(actions: pd.DataFrame) -> pd.DataFrame:
    """Return actions with the columns that only some kinds have."""
    wide = actions.reindex(columns=list(TABLES["actions"].columns))
    target = [value if isinstance(value, str) else "" for value in wide["symbol_to"]]
    days = pd.to_datetime(wide["pay_date"])
    return wide.assign(symbol_to=target, pay_date=days, price=wide["price"].astype(float))


def bars_of(bundle: Bundle, calendar: dict[str, Sessions]) -> BarArrays:
    """Return the bars by ordinal of each instrument's own session."""
    table = bundle.instruments
    names = tuple(calendar)
    shape = (max(len(days) for days in calendar.values()), len(table))
    column = {symbol: j for j, symbol in enumerate(table["symbol"])}
    home = dict(zip(table["symbol"], table["exchange"], strict=True))
    place = {name: {d: i for i, d in enumerate(days.dates)} for name, days in calendar.items()}
    arrays = {x: np.full(shape, np.nan) for x in ("open", "high", "low", "close", "volume")}
    for row in bundle.bars.itertuples(index=False):
        at = place[home[row.symbol]][np.datetime64(row.session, "D")], column[row.symbol]
        for name, values in arrays.items():
            values[at] = getattr(row, name)
    owner = np.array([names.index(name) for name in table["exchange"]], dtype=np.int16)
    return BarArrays(tuple(table["symbol"]), names, owner, calendar, **arrays)


def clock_of(world: World, calendar: dict[str, Sessions]) -> Clock:
    """Return the clock; which decisions may send orders is the world's own draw."""
    clock = build_clock(
        calendar,
        ClockSettings(base=world.base, decide=world.decide),
        start=world.first,
        end=world.last,
        close_known_after=world.close_known_after,
    )
    chosen = np.array(world.rebalance[: clock.last + 1])
    chosen[: clock.first] = False
    return replace(clock, can_rebalance=chosen)


def _sessions(name: str, rows: list[tuple[date, datetime, datetime]]) -> Sessions:
    dates = np.array([row[0] for row in rows], dtype="datetime64[D]")
    opens, closes = (
        np.array([row[k].replace(tzinfo=None) for row in rows], dtype="datetime64[ns]")
        for k in (1, 2)
    )
    return Sessions(name, dates, opens, closes)


def _labels(dates: np.ndarray) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(dates.astype("datetime64[ns]"), name="session")


# --- dated rules as a market file has them ----------------------------------------------------


def market_of(rules: list[Rule]) -> MarketRules:
    """Return the rules as a market file would state them."""
    by_kind: dict[str, list[Rule]] = {}
    for rule in sorted(rules, key=lambda rule: rule["from"]):
        by_kind.setdefault(rule["rule"], []).append(rule)
    content = {
        "description": "made up",
        "fees": _fees(by_kind.get("fee", [])),
        "ticks": _ticks(by_kind.get("tick", [])),
        "price_limits": _limits(by_kind.get("limit", [])),
        "t_plus_one": _holds(by_kind.get("t_plus_one", [])),
        "short_tick_rule": _holds(by_kind.get("short_tick_rule", [])),
        "order_sizes": [
            {"dated": [{key: r[key] for key in ("from", "least", "step")} | WITNESS]}
            for r in by_kind.get("order_size", [])
        ],
        "odd_lots": [
            {"from": r["from"], "apart": True, "discount": r["discount"], **WITNESS}
            for r in by_kind.get("odd_lots", [])
        ],
        "settlement": [
            {key: rule[key] for key in ("from", "days", "half_days")} | WITNESS
            for rule in by_kind.get("settlement", [])
        ],
        "ipo": [
            {"from": r["from"], "fee": r["fee"], "factor": r["factor"], **WITNESS}
            | {"close_sessions": r.get("close_sessions", 5)}
            for r in by_kind.get("ipo", [])
        ],
    }
    return MarketRules.model_validate(content)


def _fees(rules: list[Rule]) -> list[dict[str, object]]:
    fees: dict[str, dict[str, object]] = {}
    for rule in rules:
        exempt = [{"kind": kind, "from": LONG_AGO, **WITNESS} for kind in rule["exempt"]]
        usual = {"name": rule["name"], "side": rule["side"], "exempt": exempt, "before": "none"}
        fee = fees.setdefault(rule["name"], usual | {"dated": []})
        amounts = {key: rule[key] for key in ("rate", "fixed", "per_share", "max")}
        amounts |= {"from": rule["from"], "min": rule["min"] or 0.0, **WITNESS}
        if rule["round"] != "none":
            amounts |= {"round": rule["round"], "unit": rule["unit"]}
        fee["dated"].append(amounts)
    return list(fees.values())


def _ticks(rules: list[Rule]) -> list[dict[str, object]]:
    tables: dict[date, list[dict[str, float]]] = {}
    for rule in rules:
        band = {"above": rule["above"], "size": rule["size"]}
        tables.setdefault(rule["from"], []).append(band)
    dated = [{"from": since, "bands": bands, **WITNESS} for since, bands in tables.items()]
    return [{"dated": dated}] if dated else []


def _limits(rules: list[Rule]) -> list[dict[str, object]]:
    keys = ("from", "limit", "unit", "free_sessions", "first_day_up", "first_day_down")
    dated = [{key: rule[key] for key in keys if key in rule} | WITNESS for rule in rules]
    return [{"dated": dated}] if dated else []


def _holds(rules: list[Rule]) -> list[dict[str, object]]:
    """Return when it holds; before its first day it does not, which a file has to say."""
    dated = [{"from": rule["from"], "holds": True, **WITNESS} for rule in rules]
    return [{"from": LONG_AGO - DAY, "holds": False, **WITNESS}, *dated] if dated else []

"""Random worlds with every kind of corporate action on top; the worlds below stay as they are."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date

import pandas as pd

from tests.oracles.random_bars import DAY, NAN
from tests.oracles.random_markets import random_world
from tests.oracles.slow_tables import World

Row = dict[str, object]
COLUMNS = ["symbol", "ex_session", "kind", "value", "price", "symbol_to", "pay_date"]


def random_deals(seed: int) -> World:
    """Return the random world of a seed with rights, scrip, gifts, take-overs, new tickers."""
    world = random_world(seed)
    rng = random.Random(f"deals {seed}")  # noqa: S311 - for repeatable tests, nothing to guess
    portfolio = world.portfolio.model_copy(
        update={
            "rights": rng.choice(["lapse", "sell", "take_up", "take_up"]),
            "scrip": rng.choice(["cash", "shares"]),
            "halt_haircut": 0.0 if rng.random() < 0.5 else rng.uniform(0.005, 0.2),
            "halt_writeoff_months": None if rng.random() < 0.7 else 1,
        }
    )
    rows = [_paid_later(rng, row) for row in world.actions.to_dict("records")]
    if world.prices == "raw":
        for symbol in _stocks(world):
            rows += _offers(rng, world, symbol)
        rows += _gifts(rng, world)
    rows, bars = _takeover(rng, world, rows)
    actions = pd.DataFrame(rows, columns=COLUMNS)
    world = _ticker_change(rng, replace(world, actions=actions, bars=bars, portfolio=portfolio))
    dates = {name: pd.to_datetime(world.actions[name]) for name in ("ex_session", "pay_date")}
    return replace(world, actions=world.actions.assign(**dates))


def _row(symbol: str, day: date, kind: str, value: float, **more: object) -> Row:
    usual = {"price": NAN, "symbol_to": "", "pay_date": pd.NaT}
    where = {"symbol": symbol, "ex_session": pd.Timestamp(day), "kind": kind, "value": value}
    return {**where, **usual, **more}


def _paid_later(rng: random.Random, row: Row) -> Row:
    late = row["kind"] == "dividend" and rng.random() < 0.7
    paid = row["ex_session"] + rng.randint(0, 25) * DAY if late else pd.NaT
    return _row(row["symbol"], row["ex_session"], row["kind"], row["value"], pay_date=paid)


def _stocks(world: World) -> list[str]:
    table = world.instruments
    return table.loc[table["kind"] != "index", "symbol"].tolist()


def _offers(rng: random.Random, world: World, symbol: str) -> list[Row]:
    """Return rights, open offers and scrip of one instrument."""
    own = world.bars[world.bars["symbol"] == symbol]
    days = [day for day, _, _ in world.sessions[_of(world, symbol, "exchange")]]
    rows = []
    for kind, chance in (("rights", 0.6), ("open_offer", 0.3), ("scrip", 0.5)):
        if rng.random() > chance:
            continue
        day = rng.choice(days[2:])
        before = own.loc[own["session"] < pd.Timestamp(day), "close"]
        last = before.iloc[-1] if len(before) else 10.0
        if kind == "scrip":
            paid = rng.choice([pd.NaT, pd.Timestamp(day + rng.randint(0, 20) * DAY)])
            cash, price = round(last * rng.uniform(0.005, 0.05), 3), round(last * 0.95, 3)
            rows.append(_row(symbol, day, kind, max(cash, 0.001), price=price, pay_date=paid))
        else:
            price = max(round(last * rng.uniform(0.3, 1.15), 3), 0.01)
            ratio = rng.choice([0.1, 0.25, 0.5, 1.0, 1.5])
            rows.append(_row(symbol, day, kind, ratio, price=price))
    return rows


def _gifts(rng: random.Random, world: World) -> list[Row]:
    rows = []
    pair = _pair(rng, world)
    for _ in range(rng.choice([0, 1, 2]) if pair else 0):
        parent, child = pair
        days = [day for day, _, _ in world.sessions[_of(world, parent, "exchange")]]
        typical = world.bars.groupby("symbol")["close"].agg(["min", "max"])
        most = 0.3 * typical.loc[parent, "min"] / typical.loc[child, "max"]
        price = rng.choice([NAN, typical.loc[child, "min"]])
        ratio = most * rng.choice([1.0, rng.uniform(0.05, 1.0)])
        more = {"price": price, "symbol_to": child}
        rows.append(_row(parent, rng.choice(days[1:]), "in_kind", ratio, **more))
    days = [row["ex_session"] for row in rows]
    return rows if len(set(days)) == len(days) else rows[:1]


def _takeover(rng: random.Random, world: World, rows: list[Row]) -> tuple[list[Row], pd.DataFrame]:
    if rng.random() < 0.6:
        return rows, world.bars
    symbol = rng.choice(_stocks(world))
    own = world.bars.loc[world.bars["symbol"] == symbol]
    if len(own) < 12:
        return rows, world.bars
    day = own["session"].iloc[len(own) // 2]
    value = round(own["close"].iloc[len(own) // 2 - 1] * rng.uniform(0.9, 1.4), 3)
    bars = world.bars[(world.bars["symbol"] != symbol) | (world.bars["session"] < day)]
    kept = [row for row in rows if row["symbol"] != symbol or row["ex_session"] < day]
    kept.append(_row(symbol, day.date(), "takeover", value))
    return [row for row in kept if row["kind"] != "in_kind" or row["symbol_to"] != symbol], bars


def _ticker_change(rng: random.Random, world: World) -> World:
    """Return the world with one instrument under another ticker from some session on.

    At times the new ticker is another instrument of the world, which may be held already.
    """
    rows = world.actions.to_dict("records")
    pair = _pair(rng, world)
    gone = {row["symbol"] for row in rows if row["kind"] in ("takeover", "in_kind")}
    gone |= {row["symbol_to"] for row in rows}
    table = world.instruments
    free = [s for s in _stocks(world) if s not in gone and s in set(world.bars["symbol"])]
    free = [s for s in free if table.loc[table["symbol"] == s, "delisted"].isna().all()]
    # Sized at the fill, a weight of the new ticker meets the position that has just moved there.
    if not free or world.execution.sizing == "fill" or rng.random() < 0.3:
        return world
    old = rng.choice(free)
    joins = pair is not None and not gone & set(pair) and rng.random() < 0.4
    if joins:
        old, new = pair
    days = [day for day, _, _ in world.sessions[_of(world, old, "exchange")]]
    day = pd.Timestamp(rng.choice(days[len(days) // 3 : -5]))
    if joins:
        bars = world.bars[(world.bars["symbol"] != old) | (world.bars["session"] < day)]
        if rng.random() < 0.5:
            bars = bars[(bars["symbol"] != new) | (bars["session"] >= day)]
        world = replace(world, bars=bars)
    else:
        new = f"{old}.N"
        world = _renamed(world, old, new, day)
    kept = [row for row in rows if row["symbol"] != old or row["ex_session"] < day]
    kept = [row for row in kept if row["symbol"] != new or row["ex_session"] > day]
    ratio = rng.choice([1.0, 1.0, 0.5, 2.0])
    row = _row(old, day.date(), "ticker_change", ratio, symbol_to=new)
    return replace(world, actions=pd.DataFrame([*kept, row], columns=COLUMNS))


def _renamed(world: World, old: str, new: str, day: pd.Timestamp) -> World:
    """Return the world with what is known of ``old`` from ``day`` on under ``new``."""
    table = world.instruments
    added = table[table["symbol"] == old].assign(symbol=new, listed=pd.NaT)
    added = added.astype(table.dtypes.to_dict())
    table = pd.concat([table, added]).sort_values(["exchange", "symbol"], ignore_index=True)
    late = (world.bars["symbol"] == old) & (world.bars["session"] >= day)
    bars = world.bars.assign(symbol=world.bars["symbol"].mask(late, new))
    weights = world.weights.assign(**{new: world.weights[old]})
    weights.loc[weights.index >= day, old] = NAN
    weights.loc[weights.index < day, new] = NAN
    return replace(
        world,
        instruments=table,
        bars=bars.sort_values(["symbol", "session"], ignore_index=True),
        weights=weights[table["symbol"].tolist()],
        universe={**world.universe, new: world.universe[old]},
    )


def _pair(rng: random.Random, world: World) -> tuple[str, str] | None:
    """Return two instruments of one exchange and currency, neither listed nor delisted late."""
    table = world.instruments
    table = table[(table["kind"] != "index") & table["listed"].isna() & table["delisted"].isna()]
    table = table[table["symbol"].isin(world.bars["symbol"])]
    groups = [g["symbol"].tolist() for _, g in table.groupby(["exchange", "currency"])]
    groups = [symbols for symbols in groups if len(symbols) > 1]
    return tuple(rng.sample(rng.choice(groups), 2)) if groups else None


def _of(world: World, symbol: str, column: str) -> str:
    table = world.instruments
    return table.loc[table["symbol"] == symbol, column].iloc[0]

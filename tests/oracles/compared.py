"""What differs between the engine's account of a world and the slow simulator's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import numpy as np
import pandas as pd

from backtest.engine import Simulation
from tests.oracles.slow_ledger import SlowResult
from tests.oracles.slow_tables import World

CLOSE = 1e-9  # relative: floats against exact decimals, over a few hundred operations
OWN_TIME = ("stop_loss", "take_profit", "trailing_stop", "max_sessions", "delisted")
# The oracle books an allotment as a trade and its fee apart, the engine the other way about.
LEDGER_KIND = {("subscription", ""): "trade", ("fee", "subscription"): "subscription"}
COMPONENTS = ("fee", "hedge", "hedge_cost")  # kinds of the ledger that tell of what

FlowKey = tuple[datetime, str, str, str, str]
Flows = dict[FlowKey, tuple[float, float]]


def differences(world: World, slow: SlowResult, fast: Simulation) -> list[str]:
    """Return every disagreement, the first ones first; none where the accounts are the same."""
    return [
        *_accounts(world, slow, fast),
        *_positions(world, slow, fast),
        *_fills(world, slow, fast),
        *_orders(slow, fast),
        *_ledgers(world, slow, fast),
    ]


def _accounts(world: World, slow: SlowResult, fast: Simulation) -> Iterator[str]:
    table = pd.DataFrame([vars(row) for row in slow.rows])
    if table["day"].tolist() != [stamp.date() for stamp in fast.nav["session"]]:
        yield "other sessions"
        return
    money = world.portfolio.cash.amount
    nav = table["nav"].astype(float).to_numpy()
    for name in table.columns.drop("day"):
        expected = table[name].astype(float).to_numpy()
        found = fast.nav[name].to_numpy()
        allowed = np.full(len(table), CLOSE * money)
        if name in ("gross", "net", "turnover"):
            # A share of NAV is as exact as the NAV that is left.
            allowed = CLOSE * np.maximum(1.0, money / np.where(nav > 0, nav, np.inf))
            allowed *= np.maximum(1.0, np.abs(expected))
        wrong = np.flatnonzero(~(np.abs(found - expected) <= allowed))
        if len(wrong):
            row = wrong[0]
            yield f"{table['day'][row]} {name}: {expected[row]!r}, engine {found[row]!r}"
    if (slow.bankrupt is not None) != fast.bankrupt:
        yield f"bankrupt: {slow.bankrupt}, engine {fast.bankrupt}"


def _positions(world: World, slow: SlowResult, fast: Simulation) -> Iterator[str]:
    expected = {
        (day, symbol): float(shares) for (day, symbol), shares in slow.shares.items() if shares
    }
    table = fast.positions
    days = [stamp.date() for stamp in table["session"]]
    found = dict(zip(zip(days, table["symbol"], strict=True), table["shares"], strict=True))
    for key in sorted(expected.keys() | found.keys()):
        if not _near(expected.get(key, 0.0), found.get(key, 0.0)):
            yield f"{key} shares: {expected.get(key)}, engine {found.get(key)}"


def _fills(world: World, slow: SlowResult, fast: Simulation) -> Iterator[str]:
    expected = sorted(slow.fills, key=lambda fill: (fill.filled, fill.symbol))
    table = fast.fills.sort_values(["filled_at", "symbol"], kind="stable")
    found = table.to_dict("records")
    if len(expected) != len(found):
        yield f"{len(expected)} fills, engine {len(found)}"
    for one, two in zip(expected, found, strict=False):
        where = f"fill {one.filled} {one.symbol}"
        known = (one.filled, one.symbol, one.reason)
        engine = (two["filled_at"], two["symbol"], two["reason"])
        if known != engine:
            yield f"{where} {one.reason}, engine {engine}"
            return
        decided = one.filled if one.reason in OWN_TIME else one.decided
        if two["decided_at"] != decided:
            yield f"{where} decided {decided}, engine {two['decided_at']}"
        # What the last cash buys is as exact as the cash that was there before.
        rounding = 1e-15 * world.portfolio.cash.amount / max(two["price"] * two["fx"], 1e-3)
        if abs(float(one.shares) - two["shares"]) > CLOSE * max(1.0, abs(two["shares"])) + rounding:
            yield f"{where} shares {one.shares}, engine {two['shares']!r}"
        for name in ("reference", "price", "fx", "fx_cost"):
            if not _near(float(getattr(one, name)), two[name]):
                yield f"{where} {name} {getattr(one, name)}, engine {two[name]!r}"
        charged = {k.removeprefix("fee_"): v for k, v in two.items() if k.startswith("fee_") and v}
        owed = {name: float(fee) for name, fee in one.fees.items() if fee}
        if owed.keys() != charged.keys() or not all(_same_fee(owed[k], charged[k]) for k in owed):
            yield f"{where} fees {owed}, engine {charged}"


def _orders(slow: SlowResult, fast: Simulation) -> Iterator[str]:
    expected = sorted(slow.orders, key=lambda order: (order.decided, order.symbol))
    table = fast.orders.sort_values(["decided_at", "symbol"], kind="stable")
    found = table.to_dict("records")
    if len(expected) != len(found):
        yield f"{len(expected)} orders, engine {len(found)}"
    for one, two in zip(expected, found, strict=False):
        where = f"order {one.decided} {one.symbol}"
        known = (one.decided, one.symbol, one.status, one.reason, one.resolved)
        names = ("decided_at", "symbol", "status", "reason", "resolved_at")
        engine = tuple(two[name] for name in names)
        if known != engine:
            yield f"{where}: {known}, engine {engine}"
        if abs(float(one.filled) - two["filled"]) > 10 * CLOSE * max(1.0, abs(two["filled"])):
            yield f"{where} filled {one.filled}, engine {two['filled']!r}"
        if one.status == "no_price":
            continue
        # A thousandth of a share may be a lot, and one of a thousand million.
        if abs(float(one.shares) - two["shares"]) > 10 * CLOSE * max(1.0, abs(two["shares"])):
            yield f"{where} shares {one.shares}, engine {two['shares']!r}"


def _ledgers(world: World, slow: SlowResult, fast: Simulation) -> Iterator[str]:
    kept = world.portfolio.fx == "keep"
    expected: Flows = {}
    for entry in slow.ledger:
        component = entry.component if entry.kind in COMPONENTS else ""
        key = (entry.time, entry.kind, entry.symbol, component, entry.currency if kept else "")
        _add(expected, key, float(entry.amount), float(entry.local) if kept else 0.0)
    found: Flows = {}
    for row in fast.ledger.to_dict("records"):
        kind = LEDGER_KIND.get((row["kind"], row["component"]), row["kind"])
        component = row["component"] if kind in COMPONENTS else ""
        key = (row["time"].to_pydatetime(), kind, row["symbol"], component)
        _add(found, (*key, row["currency"] if kept else ""), row["amount"], row["local"] * kept)
    least = CLOSE * world.portfolio.cash.amount
    for key in sorted(expected.keys() | found.keys()):
        one, two = expected.get(key, (0.0, 0.0)), found.get(key, (0.0, 0.0))
        # A unit of the portfolio's currency is several of some others'.
        if abs(one[0] - two[0]) > least or abs(one[1] - two[1]) > 10 * least:
            yield f"ledger {key}: {expected.get(key)}, engine {found.get(key)}"


def _add(flows: Flows, key: FlowKey, amount: float, local: float) -> None:
    before = flows.get(key, (0.0, 0.0))
    flows[key] = (before[0] + amount, before[1] + local)


def _same_fee(expected: float, found: float) -> bool:
    """Say so too of large fees a cent apart: at half a cent the last bit of the float decides."""
    return _near(expected, found) or (expected > 1e4 and abs(expected - found) < 0.0101)


def _near(expected: float, found: float) -> bool:
    return abs(found - expected) <= CLOSE * max(1.0, abs(expected))

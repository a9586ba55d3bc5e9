"""The engine's account in the slow simulator's own words, so that one test may ask both."""

from __future__ import annotations

from collections import Counter
from datetime import date
from decimal import Decimal

from backtest.engine import Simulation
from tests.oracles.engine_run import make_ready, simulate_ready
from tests.oracles.slow_account import Fill, Order
from tests.oracles.slow_ledger import Row, SlowResult
from tests.oracles.slow_money import Entry
from tests.oracles.slow_tables import ZERO, World

ACCOUNT = (
    "nav",
    "cash",
    "gross",
    "net",
    "turnover",
    "fees",
    "slippage",
    "fx_cost",
    "financing",
    "local_pnl",
    "fx_pnl",
    "hedge_pnl",
    "receivables",
)


def simulate_fast(world: World) -> SlowResult:
    """Return what the engine makes of a world."""
    done = simulate_ready(make_ready(world))
    rows = [
        Row(row["session"].date(), *[Decimal(row[name]) for name in ACCOUNT])
        for row in done.nav.to_dict("records")
    ]
    return SlowResult(
        nav=[(row.day, row.nav) for row in rows],
        cash={row.day: row.cash for row in rows},
        shares=_shares(world, done),
        rows=rows,
        fills=[_fill(row) for row in done.fills.to_dict("records")],
        orders=[_order(row) for row in done.orders.to_dict("records")],
        ledger=[
            Entry(
                row["time"].to_pydatetime(),
                row["session"].date(),
                row["kind"],
                row["symbol"],
                row["component"],
                Decimal(row["amount"]),
                row["currency"],
                Decimal(row["local"]),
            )
            for row in done.ledger.to_dict("records")
        ],
        bankrupt=next((row.day for row in rows if row.nav == 0), None) if done.bankrupt else None,
        seen=Counter(),
    )


def _shares(world: World, done: Simulation) -> dict[tuple[date, str], Decimal]:
    days = [stamp.date() for stamp in done.nav["session"]]
    shares = {(day, symbol): ZERO for day in days for symbol in world.instruments["symbol"]}
    for row in done.positions.to_dict("records"):
        shares[row["session"].date(), row["symbol"]] = Decimal(row["shares"])
    return shares


def _fill(row: dict[str, object]) -> Fill:
    fees = {
        name.removeprefix("fee_"): Decimal(value)
        for name, value in row.items()
        if name.startswith("fee_") and value
    }
    return Fill(
        row["decided_at"].to_pydatetime(),
        row["filled_at"].to_pydatetime(),
        row["symbol"],
        *[Decimal(row[name]) for name in ("shares", "reference", "price")],
        fees,
        *[Decimal(row[name]) for name in ("fx", "fx_cost")],
        row["reason"],
    )


def _order(row: dict[str, object]) -> Order:
    order = Order(row["decided_at"].to_pydatetime(), row["symbol"], row["reason"])
    if row["status"] != "no_price":
        order.shares = Decimal(row["shares"])
    order.filled, order.status = Decimal(row["filled"]), row["status"]
    order.resolved = row["resolved_at"].to_pydatetime()
    return order

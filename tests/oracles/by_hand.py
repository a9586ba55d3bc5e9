"""Small markets written down in a line or two, and what came out of them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pandas as pd

from backtest.execution import Execution, Exits, Portfolio
from tests.oracles.engine_account import simulate_fast
from tests.oracles.slow_ledger import SlowResult, simulate_slow
from tests.oracles.slow_tables import Fact, World

NAN = float("nan")
# Row 0 is Tuesday 2 January 2024, row 3 a Friday, row 4 a Monday.
DAYS = [d.date() for d in pd.bdate_range("2024-01-02", "2024-01-19")]
HOURS = {"XHKG": ((1, 30), (8, 0)), "XSHG": ((1, 30), (7, 0)), "XNYS": ((14, 30), (21, 0))}
BAR = ["symbol", "session", "open", "high", "low", "close", "volume"]
PLENTY = 1e9  # a volume that caps nothing
SIMULATORS = {"oracle": simulate_slow, "engine": simulate_fast}

simulate = simulate_slow  # the fixture `simulator` puts either here


def run(bars: dict[str, list], weights: dict[str, dict[int, float]], **more: object) -> SlowResult:
    """Simulate the market of `world_of`."""
    return simulate(world_of(bars, weights, **more))


def world_of(
    bars: dict[str, list],
    weights: dict[str, dict[int, float]],
    *,
    about: dict[str, dict] | None = None,
    universe: dict[str, list[bool]] | None = None,
    rules: dict[str, list[dict]] | None = None,
    actions: list[tuple] = (),
    fx: list[tuple] = (),
    rates: list[tuple] = (),
    prices: str = "raw",
    decide: str = "before_open",
    base: str = "XHKG",
    closed: dict[str, list[int]] | None = None,
    facts: list[Fact] = (),
    **settings: object,
) -> World:
    """Return a market of symbols given as lists of bars, one per row of DAYS, with weights by row.

    A bar is a price (flat), (open, high, low, close), the same with a volume, or None. The first
    row is history: decisions start at row 1. ``about`` has instrument columns by symbol, ``closed``
    the rows on which an exchange is shut; the remaining keywords are fields of the settings models.
    """
    listed = [_instrument(s, (about or {}).get(s, {})) for s in bars]
    if all(row["exchange"] != base for row in listed):  # the base has something to quote
        listed.append(_instrument("INDEX", {"exchange": base, "kind": "index"}))
    table = pd.DataFrame(listed)
    table = table.sort_values(["exchange", "symbol"], ignore_index=True)
    length = max(len(row) for row in bars.values())
    rows = [_bar(s, DAYS[i], b) for s, row in bars.items() for i, b in enumerate(row) if b]
    wanted = pd.DataFrame(NAN, index=pd.DatetimeIndex(DAYS[:length]), columns=table["symbol"])
    for symbol, by_row in weights.items():
        for row, weight in by_row.items():
            wanted.loc[str(DAYS[row]), symbol] = weight
    settings = {"max_participation": 1.0, "cash": 1000.0} | settings
    execution, portfolio, exits = (
        model(**{k: v for k, v in settings.items() if k in model.model_fields})
        for model in (Execution, Portfolio, Exits)
    )
    return World(
        instruments=table,
        bars=pd.DataFrame(rows, columns=BAR),
        actions=_actions(actions),
        fx=_table(fx, ["base", "quote", "date", "rate"]),
        rates=_table(rates, ["currency", "date", "rate"]),
        prices=prices,
        sessions={
            name: [
                _session(name, day)
                for i, day in enumerate(DAYS[:length])
                if i not in (closed or {}).get(name, [])
            ]
            for name in sorted(set(table["exchange"]))
        },
        base=base,
        decide=decide,
        close_known_after=0,
        rebalance=[True] * length,
        universe={"INDEX": [False] * length}
        | {s: (universe or {}).get(s, [True] * length) for s in bars},
        weights=wanted.iloc[1:],
        rules=rules or {},
        execution=execution,
        portfolio=portfolio,
        exits=exits,
        first=DAYS[1],
        last=DAYS[length - 1],
        facts=list(facts),
    )


def _instrument(symbol: str, about: dict[str, object]) -> dict[str, object]:
    usual = {"exchange": "XHKG", "currency": "HKD", "kind": "stock", "lot_size": 1.0}
    dates = {"listed": pd.NaT, "delisted": pd.NaT}
    offer = {"offer_price": NAN, "oversubscription": NAN, "one_lot_success": NAN, "board": "main"}
    dated = {
        k: pd.Timestamp(DAYS[v] if isinstance(v, int) else v)
        for k, v in about.items()
        if k in dates
    }
    return {"symbol": symbol, **usual, **dates, **offer, **about, **dated}


def _bar(symbol: str, day: date, bar: object) -> tuple[object, ...]:
    prices = bar if isinstance(bar, tuple) else (bar, bar, bar, bar)
    volume = prices[4] if len(prices) == 5 else PLENTY
    return (symbol, pd.Timestamp(day), *(float(p) for p in prices[:4]), volume)


def _table(rows: list[tuple[object, ...]], names: list[str]) -> pd.DataFrame:
    """Return rows as a frame; a whole number where a date belongs is a row of DAYS."""
    at = next(i for i, name in enumerate(names) if name in {"ex_session", "date"})
    dated = [
        (*r[:at], pd.Timestamp(DAYS[r[at]] if isinstance(r[at], int) else r[at]), *r[at + 1 :])
        for r in rows
    ]
    return pd.DataFrame(dated, columns=names)


def _actions(rows: list[tuple[object, ...]]) -> pd.DataFrame:
    """Return actions; a fifth entry is a dict of ``price``, ``symbol_to`` and ``pay_date``."""
    names = ["symbol", "ex_session", "kind", "value", "price", "symbol_to", "pay_date"]
    wide = []
    for row in rows:
        more = {"price": NAN, "symbol_to": "", "pay_date": pd.NaT} | (row[4] if row[4:] else {})
        day = more["pay_date"]
        day = pd.Timestamp(DAYS[day]) if isinstance(day, int) else day
        wide.append((*row[:4], more["price"], more["symbol_to"], day))
    return _table(wide, names)


def _session(exchange: str, day: date) -> tuple[date, datetime, datetime]:
    if exchange == "24/7":
        opens = datetime(day.year, day.month, day.day, tzinfo=UTC)
        return day, opens, opens + timedelta(days=1)
    opens, closes = (
        datetime(day.year, day.month, day.day, *t, tzinfo=UTC) for t in HOURS[exchange]
    )
    return day, opens, closes


def fee(name: str = "fee", **content: object) -> dict[str, object]:
    usual = {"rate": 0.0, "fixed": 0.0, "per_share": 0.0, "min": None, "max": None}
    rest = {"side": "both", "round": "none", "unit": 0.01, "exempt": []}
    return rule("fee", name=name, **{**usual, **rest, **content})


def rule(kind: str, **content: object) -> dict[str, object]:
    return {"rule": kind, "from": date(2000, 1, 1), "to": None, **content}


def near(value: Decimal, expected: float) -> bool:
    # 0.1 is a binary float for the oracle too: its tail shows at the 17th digit, not here.
    return abs(value - Decimal(expected)) < Decimal("1e-9")


def held(result: SlowResult, row: int, symbol: str = "A") -> Decimal:
    return result.shares[DAYS[row], symbol]


def cash(result: SlowResult, row: int) -> Decimal:
    return result.cash[DAYS[row]]


def nav(result: SlowResult, row: int) -> Decimal:
    return dict(result.nav)[DAYS[row]]


def statuses(result: SlowResult) -> list[str]:
    return [order.status for order in result.orders]

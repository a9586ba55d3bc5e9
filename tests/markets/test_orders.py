"""What becomes of one order on one day: lots by date, odd lots, least orders, price limits.

Each row of ``orders/<market>.csv`` is worked by hand. A share is held from the open before on
(``holds``), at ``before``; at the next decision ``wants`` shares are asked for, sized on ``before``
or, on a listing day, on the offer price; the open then is ``price``. ``shares`` is the fill, 0 for
none, ``status`` what the order log says of it, empty where there is no order.
"""

from __future__ import annotations

import csv
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from backtest.calendars import sessions
from backtest.config import RunConfig
from backtest.data.bundle import Bundle
from backtest.engine import simulate
from backtest.runner import stage_of

ANSWERS = Path(__file__).parent / "orders"
HOME = {"hk": ("XHKG", "HKD"), "cn": ("XSHG", "CNY")}
CASH = 1e10  # what fees take of it sizes no order


def read_answers(market: str) -> list[dict[str, str]]:
    with (ANSWERS / f"{market}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


CASES = [
    pytest.param(path.stem, row, id=f"{path.stem}-{row['session']}-{number}")
    for path in sorted(ANSWERS.glob("*.csv"))
    for number, row in enumerate(read_answers(path.stem), 2)
]


def number(text: str) -> float:
    return float(text) if text else np.nan


def bundle_of(row: dict[str, str], exchange: str, currency: str, days: list[str]) -> Bundle:
    """One share and its bars: two sessions at ``before``, unless it lists on the third."""
    before, price = number(row["before"]), float(row["price"])
    bars = pd.DataFrame({"session": days, "close": [before, before, price]})
    bars = bars.iloc[2:] if row["listed"] else bars
    bars = bars.assign(symbol=row["symbol"], open=bars["close"], high=bars["close"])
    # A market has sessions when any share trades: another one does on each of the days.
    other = {"session": days, "close": 5.0, "symbol": "000001", "open": 5.0, "high": 5.0}
    bars = pd.concat([bars, pd.DataFrame(other)]).assign(low=lambda b: b["high"], volume=1e9)
    lot, split = ("lot_size", row["lot_from"], row["new_lot"]), ("split", days[2], row["split"])
    actions = [
        {"symbol": row["symbol"], "ex_session": day, "kind": kind, "value": float(value)}
        for kind, day, value in (lot, split)
        if value and day <= days[2]
    ]
    instruments = pd.DataFrame(
        {
            "symbol": [row["symbol"], "000001"],
            "exchange": exchange,
            "currency": currency,
            "kind": "stock",
            "board": [row["board"], ""],
            "lot_size": [float(row["lot"]), 100.0],
            "listed": pd.to_datetime([row["listed"] or None, None]),
            "offer_price": [number(row["offer"]), np.nan],
        }
    )
    columns = ["symbol", "ex_session", "kind", "value"]
    return Bundle.from_frames(
        name="one order",
        instruments=instruments,
        bars=bars,
        actions=pd.DataFrame(actions, columns=columns),
    )


@pytest.mark.parametrize(("market", "row"), CASES)
def test_an_order_comes_to_what_was_worked_by_hand(market, row):
    exchange, currency = HOME[market]
    day = date.fromisoformat(row["session"])
    days = [str(d) for d in sessions(exchange, day - timedelta(days=20), day).dates[-3:]]
    bundle = bundle_of(row, exchange, currency, days)
    config = RunConfig.model_validate(
        {
            "name": "one-order",
            "data": {"bundle": "memory", "start": days[1]},
            "clock": {"base": exchange},
            "market": yaml.safe_load(row["setting"]),
            "strategy": {"name": "buy_and_hold", "params": {"symbols": [row["symbol"]]}},
            "portfolio": {"cash": CASH, "currency": currency, "band": 0.0},
        }
    )
    stage = stage_of(config, bundle)
    weights = stage.panel.close * np.nan
    sized_on = number(row["offer"]) if row["listed"] else number(row["before"])
    for when, shares in ((days[1], row["holds"]), (days[2], row["wants"])):
        # A quarter of a share more, so that a fee does not cost a lot.
        wanted = (float(shares) + 0.25) * sized_on / CASH if float(shares) else 0.0
        if when == days[2] or not row["listed"]:
            weights.loc[when, row["symbol"]] = wanted
    done = simulate(
        bundle, stage.grid, stage.clock, weights, stage.panel.universe, rules=stage.rules,
        execution=config.execution, portfolio=config.portfolio, exits=config.exits,
    )  # fmt: skip
    fills = done.fills[done.fills["filled_at"].dt.strftime("%Y-%m-%d") == days[2]]
    orders = done.orders[done.orders["decided_at"].dt.strftime("%Y-%m-%d") == days[2]]
    assert fills["shares"].sum() == float(row["shares"])
    assert fills["price"].tolist() == pytest.approx([float(row["fill"])] if row["fill"] else [])
    assert orders["status"].tolist() == ([row["status"]] if row["status"] else [])

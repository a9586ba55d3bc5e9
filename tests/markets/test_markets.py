"""Every market file against its hand-worked fills: both are found by name."""

import csv
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from backtest.kernels.costs import split_fees, tick_of, total_fees
from backtest.market.rules import CompiledRules, compile_rules, list_markets, load_market

ANSWERS = Path(__file__).parent
MARKETS = list_markets()


def read_answers(market: str) -> list[dict[str, str]]:
    with (ANSWERS / f"{market}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


ROWS = {path.stem: read_answers(path.stem) for path in sorted(ANSWERS.glob("*.csv"))}
CASES = [
    pytest.param(market, number, id=f"{market}-{row['session']}-{number}")
    for market, rows in ROWS.items()
    for number, row in enumerate(rows)
]


@cache
def compiled(market: str) -> tuple[CompiledRules, np.ndarray]:
    """The market's rules with one column per fill of its answers."""
    rows = ROWS[market]
    rules = load_market(market)
    exchange = rules.exchanges[0] if rules.exchanges else "XTKS"
    dates = np.array(sorted({row["session"] for row in rows}), dtype="datetime64[D]")
    result = compile_rules(
        {exchange: rules},
        instruments=pd.DataFrame(rows)[["symbol", "kind", "board"]].assign(exchange=exchange),
        sessions={exchange: SimpleNamespace(dates=dates)},
        brokerage={},
        prices="raw",
        first=dates[0],
        last=dates[-1],
    )
    return result, dates


def test_every_market_has_answers_and_every_answer_a_market():
    assert sorted(MARKETS) == sorted(ROWS)


@pytest.mark.parametrize(("market", "number"), CASES)
def test_the_rules_give_the_hand_worked_answer(market, number):
    row = ROWS[market][number]
    result, dates = compiled(market)
    tables = result.tables
    session = np.searchsorted(dates, np.datetime64(row["session"]))
    at = tables.row0[number] + tables.period[0, session]
    rule = tables.rows[at]
    side = {"buy": 1.0, "sell": -1.0}[row["side"]]
    shares, price = float(row["shares"]), float(row["price"])
    out = np.full(len(result.components), np.nan)
    split_fees(tables.rows, tables.fees, at, side, shares, shares * price, out)
    total = total_fees(tables.rows, tables.fees, at, side, shares, shares * price)

    charged = dict(zip(result.components, out, strict=True))
    expected = dict.fromkeys(result.components, 0.0)
    for item in filter(None, row["fees"].split(";")):
        name, amount = item.split("=")
        expected[name] = float(amount)
    # Unrounded fees differ from the decimals by the last bits of a product.
    assert charged == pytest.approx(expected, rel=0, abs=1e-9)
    assert total == pytest.approx(float(row["total"]), rel=0, abs=1e-9)
    assert tick_of(tables.rows, tables.ticks, at, price) == float(row["tick"])
    assert rule["limit"] == float(row["limit"])
    assert rule["limit_free"] == int(row["limit_free"])
    assert bool(rule["t_plus_one"]) == (row["t_plus_one"] == "yes")
    assert rule["ipo_fee"] == pytest.approx(float(row["ipo_fee"]), rel=1e-15, abs=0)


@pytest.mark.parametrize("market", MARKETS)
def test_every_figure_has_a_source(market):
    """`load_market` refuses entries without one; this shows that none hides behind a default."""
    rules = load_market(market)
    dated = [entry for fee in rules.fees for entry in (*fee.dated, *fee.exempt)]
    dated += [entry for item in (*rules.ticks, *rules.price_limits) for entry in item.dated]
    dated += [*rules.t_plus_one, *rules.ipo, *rules.settlement]
    assert all(entry.source and entry.status for entry in dated)

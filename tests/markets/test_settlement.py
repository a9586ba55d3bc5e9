"""When the cash of a sale is there: every market file against days counted on a calendar."""

import csv
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from backtest.calendars import sessions
from backtest.market.files import list_markets, load_market
from backtest.market.model import MarketRules
from backtest.market.settlement import settlement_rows

ANSWERS = Path(__file__).parent / "settlement"
YEAR = timedelta(days=366)
TEN_YEARS = date(2016, 1, 1), date(2025, 12, 31)


def read_answers(market: str) -> list[dict[str, str]]:
    with (ANSWERS / f"{market}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


CASES = [
    pytest.param(path.stem, row["sold"], row["settles"], id=f"{path.stem}-{row['sold']}")
    for path in sorted(ANSWERS.glob("*.csv"))
    for row in read_answers(path.stem)
]


def test_every_market_has_answers():
    assert sorted(path.stem for path in ANSWERS.glob("*.csv")) == sorted(list_markets())


@pytest.mark.parametrize(("market", "sold", "settles"), CASES)
def test_cash_is_there_on_the_day_counted_by_hand(market, sold, settles):
    rules, day = load_market(market), date.fromisoformat(sold)
    exchange = rules.exchanges[0] if rules.exchanges else "XTKS"
    own = sessions(exchange, day - YEAR, day + YEAR)
    rows = settlement_rows(rules, own)
    [row] = own.rows_of(np.array([sold], dtype="datetime64[D]"))
    assert str(own.dates[rows[row]]) == settles


@pytest.mark.parametrize("market", list_markets())
def test_no_sale_settles_before_an_earlier_one(market):
    rules = load_market(market)
    own = sessions(rules.exchanges[0] if rules.exchanges else "XTKS", *TEN_YEARS)
    rows = settlement_rows(rules, own)
    assert (np.diff(rows) >= 0).all()
    assert (rows >= np.arange(len(own))).all()


def test_what_settles_after_the_last_session_is_never_there():
    rules = load_market("hk")
    own = sessions("XHKG", date(2024, 6, 3), date(2024, 6, 7))
    assert settlement_rows(rules, own).tolist() == [2, 3, 4, 5, 5]


def test_a_file_may_turn_to_settlement_at_once():
    source = {"status": "verified", "source": "made up"}
    rules = MarketRules.model_validate(
        {
            "description": "made up",
            "settlement": [
                {"from": "2024-01-01", "days": 1, **source},
                {"from": "2024-06-05", "days": 0, **source},
            ],
        }
    )
    own = sessions("XHKG", date(2024, 6, 3), date(2024, 6, 7))
    assert settlement_rows(rules, own).tolist() == [1, 2, 2, 3, 4]

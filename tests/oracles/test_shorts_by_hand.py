"""Short sales worked by hand: the list, the tick rule, what borrowing costs."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal

import pytest

from tests.oracles import by_hand
from tests.oracles.by_hand import DAYS
from tests.oracles.slow_tables import Fact

pytestmark = pytest.mark.usefixtures("simulator")

LONG_AGO = date(2023, 1, 3)
TICK_RULE = {"XHKG": [{"rule": "short_tick_rule", "from": LONG_AGO, "to": None}]}


def utc(row: int, clock: str) -> datetime:
    return datetime.combine(DAYS[row], time.fromisoformat(clock), UTC)


def told(symbol: str, value: float, period: date = LONG_AGO, known: datetime | None = None) -> Fact:
    known = datetime.combine(LONG_AGO, time(0), UTC) if known is None else known
    return Fact(symbol, "shortable", period, known, value)


def run(bars, weights, **more):
    return by_hand.run(bars, weights, **{"short": True, "margin": 0.0} | more)


def fates(result):
    return [(o.symbol, float(o.shares), float(o.filled), o.status) for o in result.orders]


def test_what_is_not_on_the_list_is_refused_and_what_is_may_be_sold_short():
    listed = [told("A", 1.0)]
    result = run({"A": [10] * 3, "B": [10] * 3}, {"A": {1: -0.4}, "B": {1: -0.4}}, facts=listed)
    assert fates(result) == [("A", -40.0, -40.0, "filled"), ("B", -40.0, 0.0, "not_shortable")]


def test_a_bundle_that_tells_of_no_list_refuses_nothing():
    result = run({"A": [10] * 3}, {"A": {1: -0.4}})
    assert fates(result) == [("A", -40.0, -40.0, "filled")]


def test_a_name_that_leaves_the_list_may_be_covered_but_not_added_to():
    """Off the list from row 2: the 40 shares stay, 30 more are refused, all are bought back."""
    listed = [told("A", 1.0), told("A", 0.0, DAYS[2], utc(1, "10:00"))]
    result = run({"A": [10] * 5}, {"A": {1: -0.4, 2: -0.7, 3: 0.0}}, facts=listed)
    assert fates(result) == [
        ("A", -40.0, -40.0, "filled"),
        ("A", -30.0, 0.0, "not_shortable"),
        ("A", 40.0, 40.0, "filled"),
    ]


def test_a_list_counts_from_the_open_after_it_is_published():
    """Of row 2, published at 10:00 in Hong Kong of that day, half an hour after the open."""
    listed = [told("A", 1.0), told("A", 0.0, DAYS[2], utc(2, "02:00"))]
    result = run({"A": [10] * 4}, {"A": {2: -0.2, 3: -0.4}}, facts=listed)
    assert fates(result) == [("A", -20.0, -20.0, "filled"), ("A", -20.0, 0.0, "not_shortable")]


def test_of_an_order_through_zero_what_is_held_is_sold():
    result = run({"A": [10] * 4}, {"A": {1: 0.5, 2: -0.3}}, facts=[told("A", 0.0)])
    assert fates(result) == [("A", 50.0, 50.0, "filled"), ("A", -80.0, -50.0, "not_shortable")]


@pytest.mark.parametrize(("opens", "status"), [(9.99, "tick_rule"), (10.0, "filled")])
def test_the_tick_rule_refuses_an_open_below_the_previous_close(opens, status):
    bars = {"A": [10, (opens, 10.5, 9.5, 10), 10]}
    result = run(bars, {"A": {1: -0.4}}, rules=TICK_RULE, short_tick_rule=True)
    assert [order.status for order in result.orders] == [status]
    assert fates(run(bars, {"A": {1: -0.4}}, rules=TICK_RULE))[0][3] == "filled"  # off unless set
    assert fates(run(bars, {"A": {1: -0.4}}, short_tick_rule=True))[0][3] == "filled"  # no rule


def test_the_tick_rule_looks_at_the_previous_close_at_a_close_too():
    bars = {"A": [10, (9.0, 11, 9, 10.01), (12, 12, 9, 10.0), 10]}
    weights = {"A": {1: -0.2, 2: -0.4}}
    result = run(bars, weights, rules=TICK_RULE, short_tick_rule=True, fill="close")
    assert [order.status for order in result.orders] == ["filled", "tick_rule"]


def test_the_tick_rule_takes_a_dividend_off_the_previous_close_and_lets_buys_and_sales_be():
    """10.00 ex 0.20 is 9.80: a short sale at 9.80 is allowed, one at 9.79 is not."""
    dividend = [("A", 2, "dividend", 0.2)]
    terms = {"rules": TICK_RULE, "short_tick_rule": True, "actions": dividend}
    for opens, status in ((9.8, "filled"), (9.79, "tick_rule")):
        result = run({"A": [10, 10, (opens, 10, 9, 9.5), 9]}, {"A": {2: -0.2}}, **terms)
        assert [order.status for order in result.orders] == [status]
    result = run({"A": [10, 10, 9, 8, 8]}, {"A": {1: 0.5, 2: 0.2, 3: 0.4}}, **terms)
    assert [order.status for order in result.orders] == ["filled"] * 3


def test_a_borrow_rate_replaces_the_flat_one_from_the_close_that_knows_it():
    """Short 500 of A and 200 of B at 10. A costs 36.5 % a year once it is known, B the flat 7.3 %.

    By day: 0.073 x 700 / 365 = 0.14; from Thursday's close on 0.365 x 500 / 365 + 0.073 x 200 / 365
    = 0.5 + 0.04 = 0.54, three times over a weekend.
    """
    rate = Fact("A", "borrow_rate", DAYS[2], utc(2, "08:00"), 0.365)  # at Thursday's very close
    result = run(
        {"A": [10] * 5, "B": [10] * 5}, {"A": {1: -0.5}, "B": {1: -0.2}}, facts=[rate], borrow=0.073
    )
    paid = [(entry.day, -entry.amount) for entry in result.ledger if entry.kind == "borrow"]
    assert [day for day, _ in paid] == [DAYS[2], DAYS[3], DAYS[4]]
    for (_, amount), expected in zip(paid, ("0.14", "0.54", "1.62"), strict=True):
        assert abs(amount - Decimal(expected)) < Decimal("1e-12")

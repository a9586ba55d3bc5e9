"""Rules that a market file holds back until a run names their first day."""

from __future__ import annotations

from datetime import date

import pytest

from backtest.errors import MarketError
from backtest.market.files import load_market, resolve_markets
from backtest.market.model import in_force
from backtest.market.rows import tick_tables
from backtest.market.settings import MarketChoice


def tick(market, day, price, kind="stock"):
    table = in_force(tick_tables(market, kind), day)
    return [band.size for band in table.bands if band.above < price][-1]


def chosen(**options):
    choice = MarketChoice(use="hk", options=options)
    return resolve_markets(choice, ["XHKG"])["XHKG"][0]


# Price, tick to 3 Aug 2025, from 4 Aug 2025, in phase 2: the table of the exchange, row by row.
PHASES = [
    (0.20, 0.001, 0.001, 0.001),
    (0.40, 0.005, 0.005, 0.005),
    (0.50, 0.005, 0.005, 0.005),
    (5.00, 0.010, 0.010, 0.005),
    (10.00, 0.010, 0.010, 0.005),
    (15.00, 0.020, 0.010, 0.010),
    (20.00, 0.020, 0.010, 0.010),
    (35.00, 0.050, 0.020, 0.020),
    (75.00, 0.050, 0.050, 0.050),
    (150.00, 0.100, 0.100, 0.100),
    (350.00, 0.200, 0.200, 0.200),
]


@pytest.mark.parametrize(("price", "old", "first", "second"), PHASES)
def test_spreads_in_both_phases_of_their_cut(price, old, first, second):
    plain, later = load_market("hk"), chosen(spread_phase_2=date(2026, 6, 29))
    assert tick(plain, date(2025, 8, 3), price) == old
    assert tick(plain, date(2025, 8, 4), price) == first
    assert tick(plain, date(2026, 12, 31), price) == first
    assert tick(later, date(2026, 6, 28), price) == first
    assert tick(later, date(2026, 6, 29), price) == second


def test_funds_keep_their_own_table():
    later = chosen(spread_phase_2=date(2026, 6, 29))
    for price in (0.9, 3.0, 7.0, 15.0, 50.0):
        day = date(2026, 12, 31)
        assert tick(later, day, price, "etf") == tick(load_market("hk"), day, price, "etf")


def test_a_rule_that_is_switched_on_counts_as_unverified():
    table = in_force(
        tick_tables(chosen(spread_phase_2=date(2026, 6, 29)), "stock"), date(2026, 7, 1)
    )
    assert table.status == "unverified"


def test_an_unknown_option_is_told_with_the_nearest():
    with pytest.raises(MarketError, match="did you mean 'spread_phase_2'"):
        chosen(spread_phase2=date(2026, 6, 29))


def test_options_of_one_choice_reach_the_markets_that_have_them():
    choice = MarketChoice(
        options={"spread_phase_2": date(2026, 6, 29), "star_order_size": date(2019, 7, 22)}
    )
    found = resolve_markets(choice, ["24/7", "XHKG", "XNYS", "XSHG"])
    assert tick(found["XHKG"][0], date(2026, 6, 29), 5.0) == 0.005
    assert found["XSHG"][0].order_sizes
    assert not found["XHKG"][0].order_sizes
    assert found["XNYS"][0] == load_market("us")


def test_options_that_no_market_has_are_told_at_once():
    choice = MarketChoice(options={"moon": date(2026, 6, 29), "star_order_sizes": date(2020, 1, 2)})
    with pytest.raises(MarketError) as caught:
        resolve_markets(choice, ["24/7", "XSHG"])
    assert "'moon'" in str(caught.value)
    assert "did you mean 'star_order_size'?" in str(caught.value)
    assert "star_order_size (cn)" in str(caught.value)


def test_an_option_begins_after_the_table_that_it_replaces():
    with pytest.raises(MarketError, match="must be after 2025-08-04"):
        chosen(spread_phase_2=date(2025, 8, 4))

"""What a mechanism and a crowd leave of an application."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from backtest.ipo.allotment import (
    luck,
    mechanism_of,
    one_lot_chance,
    pro_rata,
    public_multiple,
    regimes_of,
)
from backtest.kernels.subscriptions import expected_lots
from backtest.market.files import load_market

NAN = math.nan


def mechanism(name):
    found = mechanism_of(load_market("hk").allotment, name)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("name", "covered", "share", "initial"),
    [
        ("pn18", 14.99, 0.10, 0.10), ("pn18", 15, 0.30, 0.10), ("pn18", 50, 0.40, 0.10),
        ("pn18", 99.9, 0.40, 0.10), ("pn18", 100, 0.50, 0.10), ("pn18", 4000, 0.50, 0.10),
        ("a", 1, 0.05, 0.05), ("a", 15, 0.15, 0.05), ("a", 50, 0.25, 0.05), ("a", 100, 0.35, 0.05),
        ("b", 1000, 0.10, 0.10),
        ("18c", 9, 0.05, 0.05), ("18c", 10, 0.10, 0.05), ("18c", 50, 0.20, 0.05),
    ],
)  # fmt: skip
def test_the_public_tranche_grows_by_the_mechanisms_steps(name, covered, share, initial):
    assert public_multiple(mechanism(name), covered) == pytest.approx(share / initial)


def test_zhipus_public_tranche_went_from_1871000_to_7483900_shares():
    grown = 1_871_000 * public_multiple(mechanism("18c"), 1159.46)
    assert grown == pytest.approx(7_483_900, rel=1e-4)


def test_what_is_covered_once_or_less_is_allotted_in_full():
    assert pro_rata(mechanism("pn18"), 1.0, NAN) == 1.0
    assert pro_rata(mechanism("pn18"), 0.3, NAN) == 1.0


def test_a_hundredfold_crowd_shares_a_tranche_five_times_as_large():
    assert pro_rata(mechanism("pn18"), 100.0, NAN) == pytest.approx(0.05)
    assert pro_rata(None, 100.0, NAN) == pytest.approx(0.01)


def test_without_a_crowd_known_the_chance_of_one_lot_stands_for_it():
    assert pro_rata(mechanism("b"), NAN, 0.2) == pytest.approx(0.04)
    assert math.isnan(pro_rata(mechanism("b"), NAN, NAN))


def test_without_a_chance_known_the_square_root_stands_for_it():
    assert one_lot_chance(NAN, 0.04) == pytest.approx(0.2)
    assert one_lot_chance(0.07, 0.04) == 0.07


def test_a_ballot_favours_the_small_until_the_pro_rata_share_is_more():
    # r = 0.04, p = 0.2: four lots expect 0.4, twenty-five are sure of one, a hundred get four.
    expected = [expected_lots.py_func(n, 0.2, 0.04) for n in (1.0, 4.0, 25.0, 100.0)]
    assert expected == pytest.approx([0.2, 0.4, 1.0, 4.0])
    assert expected_lots.py_func(3.0, 1.0, 1.0) == 3.0


def test_luck_is_uniform_and_hangs_on_seed_and_symbol_alone():
    draws = [luck(1, f"{code:04d}.HK") for code in range(2000)]
    assert luck(1, "0700.HK") == draws[700]
    assert luck(2, "0700.HK") != draws[700]
    # 2,000 uniform draws: the mean within four standard errors of a half.
    assert abs(sum(draws) / 2000 - 0.5) < 4 * math.sqrt(1 / 12 / 2000)
    assert all(0.0 <= draw < 1.0 for draw in draws)


def test_the_regime_is_the_one_named_else_that_of_the_listing_date():
    table = pd.DataFrame(
        {
            "exchange": ["XHKG", "XHKG", "XHKG", "XHKG", "XNYS"],
            "listed": pd.to_datetime(
                ["2021-02-05", "2025-08-12", "2026-01-08", None, "2021-02-05"]
            ),
            "ipo_mechanism": ["", "", "18c", "", ""],
        }
    )
    assert regimes_of(table) == ["pn18", "b", "18c", "", ""]

from types import FunctionType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtest.kernels import costs
from backtest.kernels.costs import (
    FEE,
    ROW,
    TICK,
    RuleTables,
    multiple,
    one_fee,
    split_fees,
    tick_of,
    to_tick,
    total_fees,
)

UP, NEAREST = 1, 2
ANY_TIME = settings(deadline=None)  # the first example may compile
NO_FEE = {
    "rate": 0.0,
    "fixed": 0.0,
    "per_share": 0.0,
    "least": 0.0,
    "most": np.inf,
    "unit": 1.0,
    "side": 0,
    "rounding": 0,
}


def tables(fees=(), bands=()):
    """One rule row of fees (keyword maps), each its own component, and of (above, size) bands."""
    rows = np.zeros(1, ROW)
    rows["fee_to"], rows["tick_to"] = len(fees), len(bands)
    charged = np.zeros(len(fees), FEE)
    for k, fee in enumerate(fees):
        for key, value in {**NO_FEE, **fee, "component": k}.items():
            charged[key][k] = value
    return RuleTables(
        period=np.zeros((1, 1), np.uint16),
        row0=np.zeros(1, np.int32),
        rows=rows,
        fees=charged,
        ticks=np.array(list(bands), TICK),
    )


def as_written():
    """The module's functions by name, calling each other uncompiled."""
    names = dict(vars(costs))
    for function in (multiple, one_fee, total_fees, split_fees, tick_of, to_tick):
        plain = getattr(function, "py_func", function)  # itself where compilation is switched off
        names[plain.__name__] = FunctionType(plain.__code__, names)
    return names


PLAIN = as_written()


def total(rules, *, value, shares=1.0, side=1.0):
    return total_fees(rules.rows, rules.fees, 0, side, shares, value)


def tick_at(rules, price):
    return tick_of(rules.rows, rules.ticks, 0, price)


def moved_to_tick(rules, price, side):
    return to_tick(rules.rows, rules.ticks, 0, price, side)


HALF_DOLLAR_BANDS = ((0.0, 0.01), (10.0, 0.02), (20.0, 0.05))


def test_a_fee_is_rate_times_value_plus_per_share_plus_fixed():
    rules = tables([{"rate": 0.25, "per_share": 0.5, "fixed": 3.0}])
    assert total(rules, value=100.0, shares=10.0) == 25.0 + 5.0 + 3.0


def test_minimum_and_maximum_bound_the_fee():
    rules = tables([{"rate": 0.25, "least": 2.0, "most": 50.0}])
    assert [total(rules, value=value) for value in (4.0, 100.0, 1000.0)] == [2.0, 25.0, 50.0]


def test_the_bounds_come_before_the_rounding():
    rules = tables([{"rate": 0.25, "most": 10.5, "rounding": UP, "unit": 1.0}])
    assert total(rules, value=100.0) == 11.0


def test_a_whole_amount_is_not_rounded_up():
    rules = tables([{"rate": 0.001, "rounding": UP, "unit": 1.0}])
    assert total(rules, value=100_000.0) == 100.0
    assert total(rules, value=100_050.0) == 101.0
    tenth = tables([{"rate": 0.1, "rounding": UP, "unit": 1.0}])
    assert 0.1 * (1.1 * 100) > 11.0  # the product is a little above
    assert total(tenth, value=1.1 * 100) == 11.0


def test_the_nearest_cent_is_half_up():
    rules = tables([{"rate": 0.001, "rounding": NEAREST, "unit": 0.01}])
    values = (4.0, 5.0, 14.9, 15.0, 1005.0)  # 1.005 has no float at or above it
    assert [total(rules, value=value) for value in values] == [0.0, 0.01, 0.01, 0.02, 1.01]


def test_rounded_amounts_are_the_floats_nearest_to_the_decimals():
    assert multiple(565.0, 0.01) == 5.65
    assert multiple(29.0, 0.001) == 0.029
    assert multiple(7.0, 5.0) == 35.0
    assert multiple(3.0, 0.3) == pytest.approx(0.9)  # 1 / 0.3 is not whole: plain product


def test_each_side_pays_its_own_fees():
    rules = tables([{"fixed": 1.0}, {"fixed": 2.0, "side": 1}, {"fixed": 4.0, "side": -1}])
    assert (total(rules, value=1.0, side=1.0), total(rules, value=1.0, side=-1.0)) == (3.0, 5.0)


def test_components_are_written_over_what_was_there():
    rules = tables([{"fixed": 1.0}, {"fixed": 4.0, "side": -1}])
    out = np.array([9.0, 9.0])
    split_fees(rules.rows, rules.fees, 0, 1.0, 1.0, 1.0, out)
    assert out.tolist() == [1.0, 0.0]
    assert total(rules, value=1.0) == 1.0


def test_fees_of_one_component_add_up():
    rules = tables([{"fixed": 1.0}, {"fixed": 2.0}, {"fixed": 4.0}])
    rules.fees["component"] = [1, 0, 1]
    out = np.zeros(2)
    split_fees(rules.rows, rules.fees, 0, 1.0, 1.0, 1.0, out)
    assert out.tolist() == [2.0, 5.0]


def test_a_row_has_the_fees_and_the_ticks_of_its_own_ranges():
    rules = tables([{"fixed": 1.0}, {"fixed": 2.0}, {"fixed": 4.0}], HALF_DOLLAR_BANDS)
    rows = np.zeros(3, ROW)
    rows["fee_from"], rows["fee_to"] = [0, 1, 3], [1, 3, 3]
    rows["tick_from"], rows["tick_to"] = [0, 1, 3], [1, 3, 3]
    assert [total_fees(rows, rules.fees, row, 1.0, 1.0, 1.0) for row in range(3)] == [1.0, 6.0, 0.0]
    assert [tick_of(rows, rules.ticks, row, 15.0) for row in range(3)] == [0.01, 0.02, 0.0]


def test_no_shares_no_fees():
    rules = tables([{"fixed": 1.0, "least": 5.0}])
    out = np.array([9.0])
    split_fees(rules.rows, rules.fees, 0, 1.0, 0.0, 0.0, out)
    assert out.tolist() == [0.0]
    assert total(rules, value=0.0, shares=0.0) == 0.0


@pytest.mark.parametrize(
    ("price", "tick"), [(0.5, 0.01), (10.0, 0.01), (10.01, 0.02), (20.0, 0.02), (20.05, 0.05)]
)
def test_a_price_on_a_bound_has_the_tick_of_the_band_below(price, tick):
    assert tick_at(tables(bands=HALF_DOLLAR_BANDS), price) == tick


def test_a_price_a_rounding_error_above_a_bound_is_on_it():
    above = np.nextafter(20.0, 21.0)
    assert tick_at(tables(bands=HALF_DOLLAR_BANDS), above) == 0.02


def test_ticks_go_against_the_trader():
    rules = tables(bands=HALF_DOLLAR_BANDS)
    assert moved_to_tick(rules, 15.011, 1.0) == 15.02
    assert moved_to_tick(rules, 15.019, -1.0) == 15.0


def test_a_price_on_the_grid_stays_there_on_both_sides():
    rules = tables(bands=HALF_DOLLAR_BANDS)
    for price in (0.29, 12.34, 20.0, 33.35, 1234.55):
        assert moved_to_tick(rules, price, 1.0) == price
        assert moved_to_tick(rules, price, -1.0) == price


def test_without_ticks_any_price_stands():
    rules = tables()
    assert tick_at(rules, 1.2345) == 0.0
    assert moved_to_tick(rules, 1.2345, 1.0) == 1.2345


@ANY_TIME
@given(
    value=st.floats(0.01, 1e10),
    shares=st.floats(0.0, 1e8),
    rate=st.floats(0.0, 0.01),
    rounding=st.sampled_from([(0, 1.0), (UP, 1.0), (UP, 0.3), (NEAREST, 0.01)]),
    side=st.sampled_from([1.0, -1.0]),
)
def test_compiled_and_plain_fees_have_the_same_bits(value, shares, rate, rounding, side):
    rules = tables(
        [
            {"rate": rate, "fixed": 0.5, "rounding": rounding[0], "unit": rounding[1]},
            {"rate": rate, "per_share": 0.000166, "most": 8.3, "least": 0.01, "side": -1},
        ]
    )
    fill = (rules.rows, rules.fees, 0, side, shares, value)
    compiled, plain = np.zeros(2), np.zeros(2)
    split_fees(*fill, compiled)
    PLAIN["split_fees"](*fill, plain)
    assert compiled.tobytes() == plain.tobytes()
    first = total_fees(*fill)
    assert first == PLAIN["total_fees"](*fill)
    assert first == compiled[0] + compiled[1]
    for k in range(2):
        single = (rules.fees, k, side, shares, value)
        assert one_fee(*single) == PLAIN["one_fee"](*single) == compiled[k]


@ANY_TIME
@given(
    steps=st.integers(0, 10**9).map(float),
    unit=st.sampled_from([0.0001, 0.001, 0.01, 0.05, 0.3, 1.0, 5.0]),
)
def test_compiled_and_plain_multiples_have_the_same_bits(steps, unit):
    assert multiple(steps, unit) == PLAIN["multiple"](steps, unit)


@ANY_TIME
@given(price=st.floats(0.001, 1e5), side=st.sampled_from([1.0, -1.0]))
def test_compiled_and_plain_ticks_have_the_same_bits(price, side):
    rules = tables(bands=HALF_DOLLAR_BANDS)
    grid = (rules.rows, rules.ticks, 0, price)
    moved = to_tick(*grid, side)
    assert moved == PLAIN["to_tick"](*grid, side)
    assert tick_of(*grid) == PLAIN["tick_of"](*grid)
    assert side * (moved - price) >= -1e-9 * 0.05
    assert abs(moved - price) < 0.05 * (1 + 1e-9)

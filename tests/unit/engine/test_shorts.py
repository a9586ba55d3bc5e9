"""What a bundle's facts say of short sales, as the kernel takes it."""

from __future__ import annotations

import pandas as pd
import pytest

from backtest.data.in_force import in_force
from backtest.errors import DataError
from tests.oracles.by_hand import DAYS, world_of
from tests.oracles.engine_run import arrays_of, make_ready
from tests.oracles.slow_tables import Fact

BARS = {"A": [10] * 4, "B": [10] * 4}
KNOWN = pd.Timestamp("2023-01-03", tz="UTC")


def arrays(facts, **more):
    return arrays_of(make_ready(world_of(BARS, {"A": {1: 0.1}}, facts=facts, **more)))[0]


def test_a_borrow_rate_below_zero_is_a_fault_that_names_its_row():
    wrong = [Fact("A", "borrow_rate", DAYS[1], KNOWN, -0.02)]
    with pytest.raises(DataError, match=r"1 below 0, first -0.02 of A for 2024-01-03"):
        arrays(wrong, short=True)


def test_an_account_that_never_sells_short_carries_none_of_it():
    facts = [
        Fact("A", "shortable", DAYS[1], KNOWN, 1.0),
        Fact("A", "borrow_rate", DAYS[1], KNOWN, 1),
    ]
    world = arrays(facts, short=False)
    assert world.shortable.shape == world.borrow_rate.shape == (0, 0)
    assert arrays(facts, short=True).shortable.tolist() == [[False] * 2, *[[True, False]] * 3]


def test_a_restatement_of_an_earlier_period_does_not_undo_a_later_one():
    rows = [("2024-01-02", "2024-01-01", 1.0), ("2024-01-04", "2024-01-03", 2.0)]
    rows += [("2024-01-02", "2024-01-05", 9.0), ("2024-01-04", "2024-01-06", 3.0)]
    facts = pd.DataFrame(rows, columns=["period", "known_at", "value"]).assign(symbol="A")
    facts["period"] = pd.to_datetime(facts["period"])
    facts["known_at"] = pd.to_datetime(facts["known_at"], utc=True)
    times = pd.date_range("2024-01-01", "2024-01-07").to_numpy().astype("datetime64[ns]")
    home = pd.DataFrame({"symbol": ["A"], "exchange": ["24/7"]})
    told = in_force(facts, home, times)[:, 0].tolist()
    assert told[1:] == [1.0, 1.0, 2.0, 2.0, 3.0, 3.0]
    assert told[0] != told[0]

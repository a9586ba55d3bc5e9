import numpy as np
import pandas as pd
import pytest

from backtest.data.arrays import bar_arrays
from backtest.data.grid import build_grid
from backtest.data.redrawn import redrawn


def drawn(made, first, rows, base="XHKG", rounded=lambda prices: prices):
    grid = build_grid(made, bar_arrays(made))
    return redrawn(made, grid, base, first=first, rows=np.array(rows), rounded=rounded)


def table(made, symbol, column="close"):
    own = made.bars[made.bars["symbol"] == symbol]
    return dict(zip(own["session"].dt.day.tolist(), own[column].tolist(), strict=True))


def test_every_session_in_its_own_place_is_the_market_itself(bundle, bars):
    made = bundle(
        bars("A", [10.0, 11.0, 9.9, 12.0], open=10.5, high=13.0, low=9.0),
        bars("B", [4.0, 5.0, 4.5, 4.0]),
    )
    again = drawn(made, 1, [1, 2, 3])
    pd.testing.assert_frame_equal(again.bars, made.bars, rtol=1e-12)
    assert again.hash != made.hash
    assert again.path is None


def test_changes_of_a_drawn_session_are_those_of_every_instrument(bundle, bars):
    """Session 3 is +10 % for A and -20 % for B, session 1 is +50 % and +25 %."""
    made = bundle(bars("A", [10.0, 15.0, 20.0, 22.0]), bars("B", [4.0, 5.0, 5.0, 4.0]))
    again = drawn(made, 1, [3, 3, 1])
    assert table(again, "A") == pytest.approx({2: 10.0, 3: 11.0, 4: 12.1, 5: 18.15})
    assert table(again, "B") == pytest.approx({2: 4.0, 3: 3.2, 4: 2.56, 5: 3.2})


def test_the_range_of_a_bar_and_the_money_that_changed_hands_go_with_it(bundle, bars):
    made = bundle(
        bars("A", [10.0, 10.0, 20.0], open=[10, 10, 12], high=[10, 10, 25], low=[8, 9, 5])
    )
    again = drawn(made, 1, [2, 2])
    assert table(again, "A", "open") == pytest.approx({2: 10.0, 3: 12.0, 4: 24.0})
    assert table(again, "A", "high") == pytest.approx({2: 10.0, 3: 25.0, 4: 50.0})
    assert table(again, "A", "low") == pytest.approx({2: 8.0, 3: 5.0, 4: 10.0})
    # 100 shares at 20 were 2,000: 50 shares at 40.
    assert table(again, "A", "volume") == {2: 100.0, 3: 100.0, 4: 50.0}


def test_splits_and_dividends_are_in_the_prices(bundle, bars):
    """10 -> 2 for 1 -> 4.5 and 0.5 of dividend each: 2 x 5 / 10, no change at all."""
    made = bundle(
        bars("A", [10.0, 4.5, 9.0]),
        actions=pd.DataFrame(
            {"symbol": "A", "ex_session": pd.Timestamp("2024-01-03"),
             "kind": ["split", "dividend"], "value": [2.0, 0.5]}
        ),
    )  # fmt: skip
    again = drawn(made, 1, [1, 2])
    assert table(again, "A") == pytest.approx({2: 10.0, 3: 10.0, 4: 20.0})
    assert again.actions.empty


def test_there_is_no_bar_where_there_was_none_nor_outside_the_own_life(bundle, bars):
    """B begins on the third session at 8; the drawn first two have no bar of it."""
    made = bundle(
        bars("A", [1.0, 2.0, 3.0, 4.0, 5.0]), bars("B", [8.0, 16.0, 8.0], start="2024-01-04")
    )
    again = drawn(made, 1, [3, 3, 1, 4])
    assert table(again, "B") == pytest.approx({4: 16.0, 8: 8.0})


def test_another_exchange_comes_with_the_sessions_it_had_by_then(bundle, bars, instruments):
    """New York is shut on the 15th: with that row comes its session of the 12th, +100 %."""
    made = bundle(
        bars("A", [1.0, 2.0, 3.0, 4.0], start="2024-01-11"),
        bars("Q", [1.0, 2.0, np.nan, 6.0], start="2024-01-11"),
        instruments=instruments("A", "Q", exchange=["XHKG", "XNYS"]),
    )
    again = drawn(made, 1, [2, 3, 1])
    assert table(again, "Q") == pytest.approx({11: 1.0, 12: 2.0, 16: 4.0})
    assert table(again, "A") == pytest.approx({11: 1.0, 12: 1.5, 15: 2.0, 16: 4.0})


def test_facts_come_with_their_session(bundle, bars):
    facts = pd.DataFrame(
        {
            "symbol": ["A", "", "A"],
            "field": ["eps", "flow", "eps"],
            "period": pd.to_datetime(["2023-12-31", "2024-01-03", "2023-06-30"]),
            "known_at": ["2024-01-03T08:00Z", "2024-01-03T09:00Z", "2023-12-01T00:00Z"],
            "value": [1.0, 5.0, 0.5],
        }
    )
    made = bundle(bars("A", [1.0, 2.0, 4.0, 8.0]), facts=facts, per_share=("eps",))
    again = drawn(made, 1, [2, 1, 1])
    # The closes are 1, 2, 4, 8 still; the report of the session that closed at 2 comes at 4 and 8.
    assert again.facts[again.facts["field"] == "eps"]["value"].tolist() == [0.5, 2.0, 4.0]
    flow = again.facts[again.facts["field"] == "flow"]
    assert flow["value"].tolist() == [5.0, 5.0]
    assert flow["period"].dt.day.tolist() == [4, 5]
    hours = [stamp.isoformat() for stamp in flow["known_at"]]
    assert hours == ["2024-01-04T09:00:00+00:00", "2024-01-05T09:00:00+00:00"]


def test_no_fact_overtakes_the_session_before(bundle, bars):
    """Known on a Saturday, two days before its session: on a Friday only Friday is left."""
    facts = pd.DataFrame(
        {"symbol": "A", "field": "eps", "period": pd.Timestamp("2023-12-31"),
         "known_at": ["2024-01-06T04:00Z"], "value": [1.0]}
    )  # fmt: skip
    made = bundle(bars("A", [1.0, 2.0, 4.0, 8.0, 8.0]), facts=facts)
    again = drawn(made, 1, [1, 1, 4, 1])
    assert [stamp.day for stamp in again.facts["known_at"]] == [5]


def test_a_delisting_keeps_its_day_and_its_share_of_the_price(bundle, bars, instruments):
    made = bundle(
        bars("A", [2.0, 4.0, 4.0, 4.0]),
        bars("B", [1.0, 1.0, 1.0, 1.0, 1.0]),
        instruments=instruments("A", "B", delisted=["2024-01-05", None]),
        actions=pd.DataFrame(
            {"symbol": "A", "ex_session": pd.Timestamp("2024-01-05"), "kind": "delisting",
             "value": [1.0]}
        ),
    )  # fmt: skip
    again = drawn(made, 1, [1, 1, 2, 2])
    assert table(again, "A") == pytest.approx({2: 2.0, 3: 4.0, 4: 8.0, 5: 8.0})
    assert again.actions["value"].tolist() == [2.0]


def test_what_lies_before_and_behind_is_kept_and_cut(bundle, bars):
    made = bundle(bars("A", [1.0, 2.0, 3.0, 6.0, 9.0]))
    assert table(drawn(made, 2, [3, 2]), "A") == pytest.approx({2: 1.0, 3: 2.0, 4: 4.0, 5: 6.0})


def test_drawn_prices_are_rounded_and_those_before_are_not(bundle, bars):
    made = bundle(bars("A", [1.04, 1.04, 2.6]))
    again = drawn(made, 1, [1, 2], rounded=lambda prices: np.round(prices, 1))
    assert table(again, "A") == pytest.approx({2: 1.04, 3: 1.0, 4: 2.6})

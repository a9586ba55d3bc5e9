import numpy as np
import pandas as pd
import pytest

from backtest.data.arrays import bar_arrays
from backtest.data.future import cut, perturb
from backtest.errors import DataError

OPEN = pd.Timestamp("2024-01-04 01:30", tz="UTC")
NOON = pd.Timestamp("2024-01-04 05:00", tz="UTC")
CLOSE = pd.Timestamp("2024-01-04 08:00", tz="UTC")


@pytest.fixture
def market(bundle, bars, instruments):
    """Six sessions, 2024-01-02 to -09, with a listing, a split, facts and rates on both sides."""
    listing = instruments(
        "A", "B", listed=[None, "2024-01-08"], delisted=["2024-01-09", None],
        offer_price=[np.nan, 5.0], oversubscription=[np.nan, 20.0], one_lot_success=[np.nan, 0.5],
    )  # fmt: skip
    days = pd.to_datetime(["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-08"])
    table = bars("A", [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], low=0.5, high=9.0)
    table.loc[4, "volume"] = 0.0
    return bundle(
        table,
        bars(
            "B", [6.0, 7.0], start="2024-01-08", open=np.nan, high=np.nan, low=np.nan, volume=np.nan
        ),
        instruments=listing,
        actions=pd.DataFrame(
            {
                "symbol": "A",
                "ex_session": days[1:3],
                "kind": ["dividend", "split"],
                "value": [0.1, 2.0],
            }
        ),
        facts=pd.DataFrame(
            {
                "symbol": "A",
                "field": "eps",
                "period": "2023-12-31",
                "known_at": ["2024-01-04T04:00Z", "2024-01-04T06:00Z", "2024-01-05T06:00Z"],
                "value": [1.0, 0.0, 2.0],
            }
        ),
        fx=pd.DataFrame({"base": "USD", "quote": "HKD", "date": days, "rate": 7.8}),
        rates=pd.DataFrame({"currency": "HKD", "date": days, "rate": 0.0}),
    )


def test_a_cut_keeps_what_was_known_and_nothing_else(market):
    before = cut(market, NOON)
    assert before.bars["close"].tolist() == [1.0, 2.0]
    assert before.actions["kind"].tolist() == ["dividend", "split"]
    assert before.facts["value"].tolist() == [1.0]
    assert before.fx["date"].dt.day.tolist() == before.rates["date"].dt.day.tolist() == [2, 3]
    assert before.instruments["symbol"].tolist() == ["A"]
    assert before.instruments["delisted"].isna().all()
    assert (before.as_of, before.path) == (NOON, None)
    assert before.hash != market.hash


def test_a_cut_knows_a_bar_from_its_close_and_a_split_from_its_open(market):
    second = pd.Timedelta(seconds=1)
    assert len(cut(market, CLOSE - second).bars) == 2
    assert len(cut(market, CLOSE).bars) == 3
    assert len(cut(market, OPEN - second).actions) == 1
    assert len(cut(market, OPEN).actions) == 2


def test_a_cut_before_everything_says_so(market):
    with pytest.raises(DataError, match="nothing is known at 2023-01-01"):
        cut(market, pd.Timestamp("2023-01-01", tz="UTC"))


def test_a_cut_has_arrays_of_its_own(market):
    assert bar_arrays(cut(market, CLOSE)).close.tolist() == [[1.0], [2.0], [3.0]]


def test_nothing_known_by_then_moves_and_everything_known_later_does(market):
    after = perturb(market, NOON, seed=1)
    cut_before, cut_after = cut(market, NOON), cut(after, NOON)
    for name, table in cut_before.tables.items():
        pd.testing.assert_frame_equal(table, cut_after.tables[name])
    for name in ("close", "high", "low", "volume"):
        for symbol, rows in market.bars.groupby("symbol").groups.items():
            moved = (after.bars.loc[rows, name] != market.bars.loc[rows, name]) & market.bars.loc[
                rows, name
            ].notna()
            late = market.bars.loc[rows, "session"] >= "2024-01-04"
            assert moved.tolist() == (late & market.bars.loc[rows, name].notna()).tolist(), symbol
    assert (after.facts["value"] != market.facts["value"]).tolist() == [False, True, True]
    assert (after.fx["rate"] != market.fx["rate"]).tolist() == [False, False, True, True]
    assert (after.rates["rate"] != market.rates["rate"]).tolist() == [False, False, True, True]
    assert (after.actions["value"] != market.actions["value"]).tolist() == [False, False]
    for name in ("offer_price", "oversubscription", "one_lot_success"):
        assert after.instruments[name].iloc[1] != market.instruments[name].iloc[1]


def test_an_open_stays_once_the_session_is_open(market):
    third = lambda made: made.bars.loc[2, "open"]  # noqa: E731
    assert third(perturb(market, NOON, seed=1)) == third(market)
    before = perturb(market, OPEN - pd.Timedelta(seconds=1), seed=1)
    assert third(before) != third(market)
    assert before.actions["value"].tolist()[1] != 2.0


def test_perturbed_bars_are_bars_and_gaps_stay_gaps(market):
    for seed in range(20):
        table = perturb(market, pd.Timestamp("2024-01-01", tz="UTC"), seed).bars
        known = table[table["open"].notna()]
        assert (known[["open", "close"]].min(axis=1) >= known["low"]).all()
        assert (known[["open", "close"]].max(axis=1) <= known["high"]).all()
        assert (known[["low", "volume"]] > 0).all(axis=None)
        pd.testing.assert_frame_equal(table.isna(), market.bars.isna())


def test_a_seed_gives_one_future_and_another_seed_another(market):
    one, same, other = (perturb(market, NOON, seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(one.bars, same.bars)
    assert one.hash == same.hash
    assert other.hash not in {one.hash, market.hash}
    assert not one.bars.equals(other.bars)


def test_the_bundle_itself_is_left_as_it_was(market):
    copies = {name: table.copy() for name, table in market.tables.items()}
    perturb(market, NOON, seed=1)
    cut(market, NOON)
    for name, table in copies.items():
        pd.testing.assert_frame_equal(table, market.tables[name])


def test_a_cut_keeps_instruments_that_are_named_but_nothing_of_what_they_will_be(market):
    before = cut(market, NOON, keep=["B"])
    assert before.instruments["symbol"].tolist() == ["A", "B"]
    later = before.instruments.set_index("symbol").loc["B"]
    assert later[["offer_price", "oversubscription", "one_lot_success"]].isna().all()
    assert set(before.bars["symbol"]) == {"A"}
    assert bar_arrays(before).close.shape == (2, 2)
    for column, dtype in cut(market, NOON).instruments.dtypes.items():
        assert before.instruments[column].dtype == dtype

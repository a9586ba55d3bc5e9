"""vectorbt's own Data, made of frames without a network, as a bundle."""

import numpy as np
import pandas as pd
import pytest

from backtest.data.bundle import Bundle
from backtest.errors import DataError

vbt = pytest.importorskip("vectorbt")
pytestmark = pytest.mark.filterwarnings(
    "ignore:A future version of pandas will return a BaseOffset"
)
HOME = {"exchange": "XHKG", "currency": "HKD"}


def days(*words, tz=None):
    return pd.DatetimeIndex(words).tz_localize(tz)


INDEX = days("2024-03-04", "2024-03-05", tz="Asia/Hong_Kong")


def frame(*closes, index=INDEX):
    close = np.array(closes)
    return pd.DataFrame(
        {"Open": close, "High": close + 1, "Low": close - 1, "Close": close, "Volume": 100,
         "Dividends": 0.0},
        index=index,
    )  # fmt: skip


class Shelf(vbt.Data):
    """What ``YFData`` is to Yahoo, to a dict of frames."""

    @classmethod
    def download_symbol(cls, symbol, shelf):
        return shelf[symbol]


def made(data, **more):
    return Bundle.from_vectorbt(data, **{"name": "v", "prices": "adjusted", **HOME, **more})


def test_a_download_of_vectorbts_own_becomes_the_bundle_of_its_frames():
    shelf = {"A": frame(10.0, 11.0), "B": frame(20.0, 21.0)}
    data = Shelf.download(["A", "B"], shelf=shelf)
    assert str(data.data["A"].index.tz) == "UTC"  # vectorbt's default: 16:00 of the day before
    bundle = made(data)
    bars = pd.DataFrame(
        {
            "symbol": ["A", "A", "B", "B"],
            "session": [*INDEX.tz_localize(None)] * 2,
            "open": [10.0, 11.0, 20.0, 21.0],
            "high": [11.0, 12.0, 21.0, 22.0],
            "low": [9.0, 10.0, 19.0, 20.0],
            "close": [10.0, 11.0, 20.0, 21.0],
            "volume": 100.0,
        }
    )
    home = pd.DataFrame({"symbol": ["A", "B"], **HOME, "kind": "stock"})
    same = Bundle.from_frames(name="v", prices="adjusted", instruments=home, bars=bars)
    assert bundle.hash == same.hash


@pytest.mark.filterwarnings("ignore:Symbols have mismatching index")
def test_rows_that_vectorbt_put_in_for_other_symbols_are_no_bars():
    shelf = {"A": frame(10.0, 11.0), "B": frame(20.0, index=INDEX[1:])}
    data = Shelf.download(["A", "B"], shelf=shelf)
    assert len(data.data["B"]) == 2
    assert made(data).bars["close"].tolist() == [10.0, 11.0, 20.0]


def test_series_are_closes_and_a_plain_dict_will_do():
    bundle = made({"A": pd.Series([5.0, 6.0], index=INDEX.tz_localize(None))})
    assert bundle.bars["close"].tolist() == [5.0, 6.0]
    assert bundle.bars["open"].isna().all()


def test_summer_and_winter_begin_at_their_own_midnight():
    index = days("2024-03-08", "2024-03-11", tz="America/New_York").tz_convert("UTC")
    bundle = made({"A": frame(11.0, 12.0, index=index)}, exchange="XNYS", currency="USD")
    assert bundle.bars["session"].dt.strftime("%m-%d").tolist() == ["03-08", "03-11"]


@pytest.mark.parametrize(
    ("data", "more", "said"),
    [
        ({"A": frame(1.0, 2.0)}, {"currency": ""}, "say exchange= and currency="),
        (
            {"A": frame(1.0, 2.0, index=days("2024-03-04 10:00", "2024-03-04 11:00"))},
            {},
            "data.A .*must be daily, got a bar of 2024-03-04 10:00",
        ),
        ({"A": frame(1.0, 2.0).drop(columns="Close")}, {}, "no column close; it has Open, High"),
        ({"A": frame(1.0, 2.0, index=pd.RangeIndex(2))}, {}, "an index of dates, got int64"),
        ({"A": frame(1.0, 2.0).assign(close=1.0)}, {}, "has a column twice"),
        ({"A": frame(1.0, 2.0)}, {"exchange": "XHKX"}, "XHKX"),
    ],
)
def test_what_is_no_daily_data_is_told_with_its_symbol(data, more, said):
    with pytest.raises(DataError, match=said):
        made(data, **more)

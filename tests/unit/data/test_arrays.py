import numba
import numpy as np
import pytest

from backtest.data.arrays import bar_arrays
from backtest.data.bundle import load_bundle
from backtest.data.settings import DataSettings


def test_rows_are_sessions_of_the_columns_own_exchange(bundle, bars, instruments):
    """Monday 2024-01-15: New York is shut for Martin Luther King, Hong Kong is open."""
    hong_kong = bars("B", [1.0, 2.0, 3.0], start="2024-01-12")
    new_york = bars("A", [5.0, 6.0], start="2024-01-12")
    new_york["session"] = hong_kong["session"].iloc[[0, 2]].to_numpy()
    listing = instruments("A", "B", exchange=["XNYS", "XHKG"])
    arrays = bar_arrays(bundle(hong_kong, new_york, instruments=listing))
    assert arrays.symbols == ("B", "A")
    assert arrays.exchanges == ("XHKG", "XNYS")
    assert arrays.column_exchange.tolist() == [0, 1]
    assert arrays.sessions["XNYS"].dates.astype(str).tolist() == ["2024-01-12", "2024-01-16"]
    np.testing.assert_array_equal(arrays.close, [[1.0, 5.0], [2.0, 6.0], [3.0, np.nan]])


def test_sessions_span_the_first_to_the_last_bar_of_any_instrument(bundle, bars, instruments):
    listing = instruments("A", "B", exchange=["24/7", "XHKG"])
    table = [bars("A", [1.0] * 5, start="2024-01-01"), bars("B", [1.0], start="2024-01-03")]
    arrays = bar_arrays(bundle(*table, instruments=listing))
    assert {name: len(span) for name, span in arrays.sessions.items()} == {"24/7": 5, "XHKG": 4}
    np.testing.assert_array_equal(arrays.close[:, 1], [np.nan, 1.0, np.nan, np.nan, np.nan])


def test_a_bar_that_is_missing_or_unknown_is_nan(bundle, bars):
    table = bars("A", [1.0, 2.0, 3.0], volume=[5.0, np.nan, 7.0]).drop(index=0)
    arrays = bar_arrays(bundle(table, bars("B", [1.0, 1.0, 1.0])))
    np.testing.assert_array_equal(arrays.volume[:, 0], [np.nan, np.nan, 7.0])


@pytest.fixture
def mapped(write, bars, instruments, tmp_path):
    folder = write(instruments=instruments("A"), bars=bars("A", [1.0, 2.0]))
    made = load_bundle(DataSettings(bundle=str(folder)), cache=tmp_path / "cache")
    return lambda: bar_arrays(made, cache=tmp_path / "cache")


def test_mapped_arrays_are_ordinary_writable_c_arrays_to_numba(mapped):
    arrays = mapped()
    assert type(arrays.close) is np.ndarray
    assert arrays.close.flags.c_contiguous
    assert arrays.close.flags.writeable
    assert numba.typeof(arrays.close) == numba.typeof(np.zeros((2, 1)))


def test_writing_to_a_mapped_array_does_not_reach_the_file(mapped):
    mapped().close[:] = 0.0
    assert mapped().close.tolist() == [[1.0], [2.0]]

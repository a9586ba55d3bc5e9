"""The faces of the rolling kernels: frames in, frames out."""

import numpy as np
import pandas as pd
import pytest

from backtest.indicators import (
    cross_rank,
    rolling_alpha,
    rolling_beta,
    rolling_mean,
    rolling_std,
    rolling_sum,
    rolling_zscore,
)

SESSIONS = pd.DatetimeIndex(["2024-01-02", "2024-01-03", "2024-01-04"], name="session")


@pytest.fixture
def frame():
    return pd.DataFrame({"A": [1.0, 2.0, 3.0], "B": [1.0, np.nan, 5.0]}, index=SESSIONS)


@pytest.mark.parametrize("face", [rolling_sum, rolling_mean, rolling_std, rolling_zscore])
def test_rows_and_columns_are_those_of_the_input(face, frame):
    result = face(frame, 2, min_periods=1)
    assert result.index.equals(frame.index)
    assert result.columns.equals(frame.columns)


@pytest.mark.parametrize("face", [rolling_sum, rolling_mean, rolling_std, rolling_zscore])
def test_a_series_comes_back_as_a_series_with_its_name(face):
    result = face(pd.Series([1.0, 2.0, 3.0], index=SESSIONS, name="flow"), 3)
    assert isinstance(result, pd.Series)
    assert result.name == "flow"
    assert result.notna().tolist() == [False, False, True]


def test_a_window_needs_all_its_values_unless_told_otherwise(frame):
    assert rolling_sum(frame, 2)["B"].isna().all()
    assert rolling_sum(frame, 2, min_periods=1)["B"].tolist() == [1.0, 1.0, 5.0]


def test_a_zscore_is_in_deviations_of_its_own_window(frame):
    assert rolling_zscore(frame, 3)["A"].iloc[2] == 1.0


def test_a_flat_window_has_no_zscore():
    assert rolling_zscore(pd.Series([2.0, 2.0, 2.0]), 2).isna().all()


def test_an_unknown_latest_value_has_no_zscore():
    assert np.isnan(rolling_zscore(pd.Series([1.0, 2.0, np.nan]), 3, min_periods=2).iloc[2])


def test_beta_and_alpha_of_a_line():
    source = pd.Series([0.0, 1.0, 2.0], index=SESSIONS)
    returns = pd.DataFrame({"A": 2.0 * source + 1.0})
    assert rolling_beta(returns, source, 3)["A"].iloc[2] == 2.0
    assert rolling_alpha(returns, source, 3)["A"].iloc[2] == 1.0


def test_the_largest_gets_rank_one_when_descending(frame):
    assert cross_rank(frame, ascending=False).iloc[2].tolist() == [2.0, 1.0]


def test_read_only_frames_are_taken_and_left_as_they_are(frame):
    values = frame.to_numpy().copy()
    values.flags.writeable = False
    locked = pd.DataFrame(values, index=frame.index, columns=frame.columns, copy=False)
    before = locked.copy()
    rolling_sum(locked, 2)
    rolling_beta(locked, locked["A"], 2)
    cross_rank(locked)
    pd.testing.assert_frame_equal(locked, before)


@pytest.mark.parametrize(("window", "needed"), [(0, None), (3, 4), (3, 0)])
def test_an_impossible_window_is_refused_with_both_numbers(frame, window, needed):
    with pytest.raises(ValueError, match="expected 1 <= min_periods <= window, got"):
        rolling_sum(frame, window, min_periods=needed)


def test_returns_and_source_must_share_their_rows(frame):
    with pytest.raises(ValueError, match="same rows"):
        rolling_beta(frame, frame["A"].iloc[1:], 2)


def test_a_line_needs_two_rows_and_no_negative_lag(frame):
    with pytest.raises(ValueError, match="got 1 and 0"):
        rolling_beta(frame, frame["A"], 1)
    with pytest.raises(ValueError, match="got 2 and -1"):
        rolling_beta(frame, frame["A"], 2, lag=-1)

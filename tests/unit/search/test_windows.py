from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from backtest.errors import ConfigError
from backtest.research import CombinatorialSettings, WalkForwardSettings
from backtest.search.windows import (
    check_combinatorial,
    combinatorial_splits,
    group_bounds,
    windows_of,
)


def walk(**settings) -> WalkForwardSettings:
    return WalkForwardSettings.model_validate({"train": 100, "test": 30} | settings)


def test_tests_follow_one_another_and_cover_what_is_behind_the_first_training():
    windows = windows_of(400, walk(purge=5))
    assert windows[0].test[0] == 105
    for before, after in pairwise(windows):
        assert after.test[0] == before.test[1] + 1
    assert windows[-1].test[1] == 399


def test_training_ends_a_purge_before_the_test_and_never_sees_it():
    for window in windows_of(400, walk(purge=5)):
        assert window.test[0] - window.train[1] == 6
        assert window.train[1] - window.train[0] == 99


def test_anchored_training_grows_from_the_first_session():
    windows = windows_of(400, walk(anchored=True))
    assert {window.train[0] for window in windows} == {0}
    assert [window.train[1] for window in windows[:3]] == [99, 129, 159]


def test_a_run_too_short_for_one_window_is_a_fault():
    with pytest.raises(ConfigError, match="take all 80 sessions"):
        windows_of(80, walk())


def test_times_may_be_written_with_units():
    settings = WalkForwardSettings.model_validate({"train": "3y", "test": "6m", "purge": "10d"})
    assert (settings.train, settings.test, settings.purge) == (756, 126, 10)


def test_eight_groups_two_tested_are_28_splits_each_group_tested_seven_times():
    settings = CombinatorialSettings(groups=8, test_groups=2)
    splits = list(combinatorial_splits(800, settings, purge=0, embargo=0))
    assert len(splits) == math.comb(8, 2) == 28
    assert np.bincount([g for split in splits for g in split.tested]).tolist() == [7] * 8


def test_training_keeps_away_from_tests_by_purge_and_embargo():
    settings = CombinatorialSettings(groups=4, test_groups=1)
    bounds = group_bounds(40, 4)
    for split in combinatorial_splits(40, settings, purge=2, embargo=3):
        first, stop = bounds[split.tested[0]]
        wanted = [t for t in range(40) if t < first - 2 or t >= stop + 5]
        assert np.flatnonzero(split.train).tolist() == wanted


def test_something_must_be_left_to_train_on():
    with pytest.raises(ValueError, match="below groups"):
        CombinatorialSettings(groups=3, test_groups=3)


def test_groups_that_leave_nothing_to_train_on_are_a_fault():
    # Groups of 10 sessions. Groups 1 to 5 and 7 reach to session 70 + 20 + 20 = 110: 10 are left.
    half = {"combinatorial": {"groups": 12, "test_groups": 6}}
    with pytest.raises(ConfigError, match=r"groups 1, 2, 3, 4, 5, 7 .* leave 10 of 120 sessions"):
        check_combinatorial(120, walk(purge=20, embargo=20, **half))
    check_combinatorial(1200, walk(purge=5, embargo=5, **half))
    check_combinatorial(10, walk(purge=20))

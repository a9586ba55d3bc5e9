from __future__ import annotations

import numpy as np
import pytest

from backtest.research import CombinatorialSettings
from backtest.search.combinatorial import combinatorial_paths


def paths(excess, groups=6, tested=2, purge=0, embargo=0):
    settings = CombinatorialSettings(groups=groups, test_groups=tested)
    return combinatorial_paths(excess, settings, purge=purge, embargo=embargo)


def test_six_groups_two_tested_make_five_paths_that_cover_every_session():
    # Lopez de Prado (2018), section 12.4: N = 6, k = 2 gives 15 splits and 5 paths.
    found = paths(np.random.default_rng(0).normal(size=(600, 4)))
    assert found.paths.shape == (5, 600)
    assert len(found.chosen) == 15
    assert not np.isnan(found.paths).any()


def test_one_trial_leaves_nothing_to_choose_every_path_is_its_returns():
    excess = np.random.default_rng(0).normal(size=(120, 1))
    found = paths(excess)
    assert (found.paths == excess[:, 0]).all()
    assert found.sharpes == pytest.approx(excess.mean() / excess.std(ddof=1), rel=1e-12)


def test_a_trial_that_is_always_better_is_always_chosen():
    excess = np.random.default_rng(0).normal(size=(600, 5))
    excess[:, 3] += 0.5
    assert (paths(excess).chosen == 3).all()


def test_a_path_takes_only_what_was_out_of_sample():
    """Trial 1 shines in the first group alone: it is chosen only where that trains."""
    excess = np.random.default_rng(0).normal(0.0, 0.01, size=(60, 2))
    excess[:10, 1] += 1.0
    found = paths(excess, tested=1)
    assert found.chosen.tolist()[0] in (0, 1)
    assert (found.chosen[1:] == 1).all()
    # Whatever was chosen for the first group was chosen without it.
    assert found.chosen[0] == int(
        np.argmax(excess[10:].mean(axis=0) / excess[10:].std(axis=0, ddof=1))
    )


def test_pure_noise_earns_nothing_out_of_sample():
    means = [
        paths(np.random.default_rng(seed).normal(size=(480, 20))).sharpes.mean()
        for seed in range(40)
    ]
    # Each mean has a deviation of about 1/sqrt(480) = 0.046; of 40, 0.0072; three of them.
    assert abs(np.mean(means)) < 0.022


def test_an_unknown_return_bars_a_trial():
    excess = np.random.default_rng(0).normal(size=(60, 2))
    excess[:, 1] += 5.0
    excess[7, 1] = np.nan
    assert (paths(excess).chosen == 0).all()


def test_interest_alone_is_never_the_best_of_a_choice():
    """Idle in the training sessions, its ratio would be beyond all others; its own test shows."""
    noise = np.random.default_rng(0)
    idle = np.tile([1e-4, 1e-4, 1e-4, 1e-4, 3e-4], 12)
    excess = np.column_stack([noise.normal(0.001, 0.01, 60), idle])
    excess[:10, 1] += noise.normal(-0.01, 0.01, 10)  # it trades in the first group, and loses
    settings = CombinatorialSettings(groups=6, test_groups=1)
    naive = combinatorial_paths(excess, settings, purge=0, embargo=0)
    found = combinatorial_paths(excess, settings, purge=0, embargo=0, idle=idle)
    assert naive.chosen[0] == 1
    assert found.chosen[0] == 0


def test_where_no_trial_held_anything_cash_is_chosen_and_has_no_ratio():
    idle = np.tile([1e-4, 1e-4, 1e-4, 1e-4, 3e-4], 12)
    excess = np.column_stack([idle, idle])
    excess[:10] += np.random.default_rng(0).normal(0.0, 0.01, (10, 2))
    settings = CombinatorialSettings(groups=6, test_groups=1)
    found = combinatorial_paths(excess, settings, purge=0, embargo=0, idle=idle)
    assert found.chosen[0] == -1
    assert np.isnan(found.in_sample[0])
    assert (found.paths[0, :10] == idle[:10]).all()
    assert np.isnan(found.sharpes[0])  # what was chosen elsewhere traded in the first group alone

"""Averages over events, and how far they can be trusted."""

from __future__ import annotations

import math

import numpy as np
import pytest

from backtest.measures.studies import cluster_interval, groups_of, mean_of_known, share_interval


def test_a_mean_counts_only_what_is_known():
    values = np.array([[0.1, np.nan, 0.3], [0.3, np.nan, np.nan]])
    mean = mean_of_known(values)
    assert mean[[0, 2]] == pytest.approx([0.2, 0.3], abs=1e-15)
    assert math.isnan(mean[1])


def test_events_that_are_copies_of_each_other_are_no_more_than_one():
    # Ten copies of twelve independent months: drawn by month the interval is that of the twelve.
    rng = np.random.default_rng(0)
    months = rng.normal(0.0, 0.05, (12, 1))
    once = cluster_interval(months, np.arange(12), seed=1)
    copied = cluster_interval(np.repeat(months, 10, axis=0), np.repeat(np.arange(12), 10), seed=1)
    assert copied.low == pytest.approx(once.low, abs=1e-15)
    assert copied.high == pytest.approx(once.high, abs=1e-15)


def test_the_interval_of_independent_events_is_near_the_normal_one():
    rng = np.random.default_rng(2)
    values = rng.normal(0.01, 0.05, (400, 1))
    found = cluster_interval(values, np.arange(400), seed=3, draws=4000)
    error = float(values.std(ddof=1)) / 20.0
    # A tenth of the width: what 4,000 draws leave.
    assert found.low[0] == pytest.approx(values.mean() - 1.645 * error, abs=0.3 * error)
    assert found.high[0] == pytest.approx(values.mean() + 1.645 * error, abs=0.3 * error)


def test_four_clusters_have_no_interval():
    found = cluster_interval(np.ones((40, 2)), np.arange(40) % 4, seed=0)
    assert np.isnan(found.low).all()
    assert np.isnan(found.high).all()


def test_a_column_without_any_known_value_has_no_interval():
    values = np.column_stack([np.arange(30.0), np.full(30, np.nan)])
    found = cluster_interval(values, np.arange(30), seed=0)
    assert np.isfinite(found.low[0])
    assert math.isnan(found.low[1])


def test_the_same_seed_gives_the_same_interval():
    values = np.random.default_rng(5).normal(size=(60, 3))
    first, second = (cluster_interval(values, np.arange(60) // 4, seed=9) for _ in range(2))
    assert first.low.tolist() == second.low.tolist()


@pytest.mark.parametrize(
    ("hits", "count", "low", "high"),
    # Newcombe (1998), Two-sided confidence intervals for the single proportion, table I: method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611),
     (1, 29, 0.0061, 0.1718)],
)  # fmt: skip
def test_the_interval_of_a_share_is_wilsons(hits, count, low, high):
    assert share_interval(hits, count, level=0.95) == pytest.approx((low, high), abs=5e-5)


def test_a_share_of_nothing_is_unknown():
    assert all(math.isnan(end) for end in share_interval(0, 0))


def test_groups_are_of_equal_size_and_the_unknown_stands_apart():
    values = np.append(np.arange(40.0), np.nan)
    edges, group = groups_of(values)
    assert edges.size == 5
    assert np.bincount(group[:-1]).tolist() == [10, 10, 10, 10]
    assert group[-1] == -1


def test_few_values_make_fewer_groups():
    assert groups_of(np.arange(25.0))[0].size == 3
    assert groups_of(np.arange(5.0))[0].tolist() == [0.0, 4.0]


def test_equal_values_are_one_group():
    edges, group = groups_of(np.full(50, 0.5))
    assert edges.tolist() == [0.5, 0.5]
    assert set(group.tolist()) == {0}


def test_no_known_value_makes_no_group():
    edges, group = groups_of(np.full(3, np.nan))
    assert edges.size == 0
    assert group.tolist() == [-1, -1, -1]

"""Shares of sleeves by what their paper returns were: closed forms, and a second library."""

from __future__ import annotations

import math

import numpy as np
import pytest

from backtest.sleeves.allocation import risk_parity, shares_of
from backtest.sleeves.settings import AllocationSettings

# Deviations 1 % and 2 % (population), no correlation, no mean: four rows that repeat.
CYCLE = np.array([[0.01, 0.02], [0.01, -0.02], [-0.01, 0.02], [-0.01, -0.02]])


def shares(past, *, fixed=(0.5, 0.5), max_gross=1.0, sessions_per_year=256.0, **settings):
    rule = AllocationSettings(**{"window": 20, **settings})
    return shares_of(
        rule,
        np.array(fixed),
        past,
        max_gross=max_gross,
        sessions_per_year=sessions_per_year,
    )


@pytest.mark.parametrize("correlation", [-0.9, 0.0, 0.5, 0.99])
def test_two_at_equal_risk_are_weighted_by_inverse_volatility_whatever_their_correlation(
    correlation,
):
    # Maillard, Roncalli & Teiletche (2010), section 2.2: w1 = s2 / (s1 + s2).
    covariance = np.array([[0.01, correlation * 0.03], [correlation * 0.03, 0.09]])
    assert risk_parity(covariance) == pytest.approx([0.75, 0.25], abs=1e-12)


def test_three_of_equal_correlation_are_weighted_by_inverse_volatility_too():
    deviation = np.array([0.1, 0.2, 0.4])
    correlation = np.full((3, 3), 0.3) + 0.7 * np.eye(3)
    weights = risk_parity(correlation * np.outer(deviation, deviation))
    assert weights == pytest.approx([4 / 7, 2 / 7, 1 / 7], abs=1e-12)


def test_each_contributes_the_same_to_variance():
    rng = np.random.default_rng(7)
    covariance = np.cov(rng.normal(size=(300, 5)) @ rng.normal(size=(5, 5)), rowvar=False)
    weights = risk_parity(covariance)
    parts = weights * (covariance @ weights)
    assert (weights > 0).all()
    assert weights.sum() == pytest.approx(1.0, abs=1e-15)
    assert parts / parts.sum() == pytest.approx(np.full(5, 0.2), abs=1e-10)


@pytest.mark.parametrize("method", ["inverse_volatility", "risk_parity"])
def test_twice_the_volatility_gets_half_the_share(method):
    assert shares(np.tile(CYCLE, (5, 1)), method=method) == pytest.approx([2 / 3, 1 / 3])


@pytest.mark.parametrize("method", ["equal", "inverse_volatility", "risk_parity", "skfolio"])
def test_with_less_than_half_a_window_shares_are_equal(method):
    assert shares(np.tile(CYCLE, (2, 1)), method=method).tolist() == [0.5, 0.5]


def test_only_the_window_counts():
    past = np.vstack([np.tile(CYCLE, (5, 1))[:, ::-1], np.tile(CYCLE, (5, 1))])
    assert shares(past, method="inverse_volatility") == pytest.approx([2 / 3, 1 / 3])


def test_what_never_moved_gets_an_equal_share_and_the_others_divide_the_rest_by_risk():
    past = np.column_stack([np.tile(CYCLE, (5, 1)), np.zeros(20)])
    found = shares(past, fixed=(0, 0, 0), method="inverse_volatility")
    assert found == pytest.approx([4 / 9, 2 / 9, 1 / 3])


def test_fixed_shares_are_as_given():
    past = np.tile(CYCLE, (5, 1))
    assert shares(past, fixed=(0.2, 0.3), method="fixed").tolist() == [0.2, 0.3]


def test_a_volatility_target_scales_all_shares_by_the_past():
    # Half of each: variance of 0.005 and 0.01 uncorrelated, 20 rows: s^2 = 0.000125 x 20/19.
    past = np.tile(CYCLE, (5, 1))
    deviation = math.sqrt(0.000125 * 20 / 19) * 16.0  # a year of 256 sessions
    found = shares(past, volatility_target=0.05)
    assert found == pytest.approx(np.full(2, 0.5 * 0.05 / deviation), abs=1e-14)


@pytest.mark.parametrize(("max_gross", "scale"), [(1.0, 1.0), (2.0, 2.0)])
def test_the_scale_is_at_most_max_gross(max_gross, scale):
    found = shares(np.tile(CYCLE, (5, 1)), volatility_target=9.0, max_gross=max_gross)
    assert found.tolist() == [0.5 * scale, 0.5 * scale]


@pytest.mark.parametrize(
    "optimizer",
    [
        "risk_budgeting",
        "hierarchical_risk_parity",
        "minimum_variance",
        "maximum_diversification",
    ],
)
def test_an_optimizer_of_skfolio_gives_long_only_shares_that_sum_to_one(optimizer):
    pytest.importorskip("skfolio")
    past = np.random.default_rng(3).normal(scale=[0.01, 0.02, 0.03], size=(60, 3))
    found = shares(past, fixed=(0, 0, 0), method="skfolio", optimizer=optimizer, window=60)
    assert found.sum() == pytest.approx(1.0)
    assert (found >= 0).all()
    assert found[0] > found[2]  # the calmest gets the most


def test_skfolio_budgets_risk_as_we_do():
    pytest.importorskip("skfolio")
    past = np.random.default_rng(3).normal(scale=[0.01, 0.02, 0.03], size=(60, 3))
    theirs = shares(past, fixed=(0, 0, 0), method="skfolio", optimizer="risk_budgeting", window=60)
    ours = shares(past, fixed=(0, 0, 0), method="risk_parity", window=60)
    assert theirs == pytest.approx(ours, abs=1e-4)

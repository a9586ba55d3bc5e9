"""Calm and stress betas against sums by hand."""

import numpy as np
import pytest

from backtest.measures.haven import haven


def test_the_betas_are_those_of_the_normal_equations_worked_by_hand():
    """r = -2, -1 | 1, 2, a = 1, 0, 1, 3. Sums: calm r 3, r^2 5, r a 7; stress -3, 5, -2; a 5.

    alpha = (5 - 3 x 7/5 - 3 x 2/5) / (4 - 9/5 - 9/5) = -0.4 / 0.4 = -1, so the calm slope is
    (7 + 3) / 5 = 2 and the stress slope (-2 - 3) / 5 = -1.
    """
    found = haven(np.array([1.0, 0, 1, 3]), np.array([-2.0, -1, 1, 2]), worst=0.4)
    assert (found.sessions, found.stressed) == (4, 2)
    assert found.calm == pytest.approx(2.0, abs=1e-12)
    assert found.stress == pytest.approx(-1.0, abs=1e-12)


def test_a_coin_that_falls_in_stress_only_is_no_haven_though_it_hedges_on_other_days():
    rng = np.random.default_rng(3)
    r = rng.normal(0.0, 0.01, 4000)
    bad = r <= np.quantile(r, 0.05)
    asset = np.where(bad, 1.5 * r, -0.5 * r) + rng.normal(0.0, 0.02, r.size)
    found = haven(asset, r)
    assert abs(found.calm + 0.5) < 3 * found.calm_error < 0.2
    assert abs(found.stress - 1.5) < 3 * found.stress_error < 0.6


def test_unknown_returns_are_left_out_and_nothing_is_made_of_too_few():
    r = np.array([-2.0, np.nan, -1, 1, 2])
    a = np.array([1.0, 5, 0, 1, 3])
    assert haven(a, r, worst=0.4).stress == pytest.approx(-1.0, abs=1e-12)
    assert np.isnan(haven(a[:2], r[:2]).stress)
    assert np.isnan(haven(a, r, worst=0.01).stress)

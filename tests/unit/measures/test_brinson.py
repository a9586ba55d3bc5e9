"""Excess by sector, worked by hand, and sums that must hold whatever the numbers."""

from __future__ import annotations

import numpy as np
import pytest

from backtest.measures.brinson import brinson, linking

NAN = np.nan


def one(*values):
    return np.array([values], dtype=float)


def test_a_tilt_to_the_better_sector_is_allocation_and_nothing_else():
    # Benchmark half and half, 8 % and 2 %, so 5 %; the account holds 70 % of the better.
    found = brinson(one(0.7, 0.3), one(0.08, 0.02), one(0.5, 0.5), one(0.08, 0.02))
    assert found.allocation[0] == pytest.approx([0.2 * 0.03, -0.2 * -0.03], abs=1e-15)
    assert not found.selection.any()
    assert not found.interaction.any()


def test_better_names_at_the_same_weights_are_selection_and_nothing_else():
    found = brinson(one(0.5, 0.5), one(0.10, 0.02), one(0.5, 0.5), one(0.08, 0.02))
    assert found.selection[0] == pytest.approx([0.5 * 0.02, 0.0], abs=1e-15)
    assert not found.allocation.any()
    assert not found.interaction.any()


def test_a_sector_that_the_benchmark_lacks_is_measured_against_all_of_it():
    found = brinson(one(0.5, 0.5), one(0.05, 0.20), one(1.0, 0.0), one(0.05, NAN))
    assert found.allocation[0] == pytest.approx([0.0, 0.0], abs=1e-15)
    assert found.interaction[0] == pytest.approx([0.0, 0.5 * 0.15], abs=1e-15)


def test_a_sector_that_the_account_lacks_is_allocation():
    found = brinson(one(1.0, 0.0), one(0.05, NAN), one(0.5, 0.5), one(0.05, 0.09))
    # The benchmark made 7 %.
    assert found.allocation[0] == pytest.approx([0.5 * -0.02, -0.5 * 0.02], abs=1e-15)
    assert not found.selection.any()


def test_linked_effects_add_up_to_the_difference_of_the_growths():
    rng = np.random.default_rng(1)
    sessions, sectors = 250, 5

    def weights():
        raw = rng.random((sessions, sectors))
        return raw / raw.sum(axis=1, keepdims=True)

    mine, theirs = weights(), weights()
    own, market = (rng.normal(0.0005, 0.02, (sessions, sectors)) for _ in range(2))
    held, benchmark = (mine * own).sum(axis=1), (theirs * market).sum(axis=1)
    factor = linking(held, benchmark)[:, None]
    total = sum(float((effect * factor).sum()) for effect in brinson(mine, own, theirs, market))
    # 1e-12: sums of 250 x 5 products.
    assert total == pytest.approx(np.prod(1 + held) - np.prod(1 + benchmark), abs=1e-12)


def test_equal_returns_need_no_special_case():
    same = np.array([0.01, -0.02, 0.0])
    assert linking(same, same) == pytest.approx(np.prod(1.0 + same) / (1.0 + same), abs=1e-12)

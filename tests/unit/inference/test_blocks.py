"""Rows drawn in blocks, and how long blocks should be."""

import math

import numpy as np
import pytest
from arch.bootstrap import optimal_block_length
from scipy.signal import lfilter

from backtest.inference import blocks


def ar1(rho: float, size: int, seed: int) -> np.ndarray:
    shocks = np.random.default_rng(seed).normal(size=size + 200)
    return lfilter([1.0], [1.0, -rho], shocks)[200:]


@pytest.mark.parametrize("rho", [-0.4, 0.1, 0.7])
@pytest.mark.parametrize("size", [200, 800, 2600])
def test_block_lengths_are_those_of_arch(rho, size):
    for seed in range(5):
        x = ar1(rho, size, seed)
        expected = optimal_block_length(x).iloc[0]
        assert blocks.stationary_block_length(x) == pytest.approx(
            max(1.0, expected["stationary"]), rel=1e-9
        )
        assert blocks.circular_block_length(x) == pytest.approx(
            max(1.0, expected["circular"]), rel=1e-9
        )


@pytest.mark.parametrize(
    ("rho", "size", "theory"),
    [(0.7, 200, 11.47), (0.7, 800, 18.20), (-0.4, 200, 5.66), (-0.4, 800, 8.99)],
)
def test_block_lengths_of_an_ar1_are_near_the_theory(rho, size, theory):
    # Patton, Politis & White (2009): (2 |rho| / (1 - rho^2))^(2/3) n^(1/3) for the true moments.
    assert theory == pytest.approx(
        (2 * abs(rho) / (1 - rho**2)) ** (2 / 3) * size ** (1 / 3), abs=0.005
    )
    middle = np.median([blocks.stationary_block_length(ar1(rho, size, s)) for s in range(200)])
    # Moments are estimated: the window's choice is known to cost about a quarter in small samples.
    assert middle == pytest.approx(theory, rel=0.25)


def test_circular_blocks_are_1_1447_times_as_long():
    x = ar1(0.5, 1000, 3)
    ratio = blocks.circular_block_length(x) / blocks.stationary_block_length(x)
    assert ratio == pytest.approx(1.5 ** (1 / 3), rel=1e-12)


def test_a_block_has_at_least_one_session_and_at_most_a_third():
    # Shocks that are undone at once: the best block is short, but no shorter than a session.
    assert blocks.stationary_block_length(np.zeros(100)) == 1.0
    assert blocks.stationary_block_length(np.full(100, 0.1)) == 1.0
    assert blocks.stationary_block_length(np.array([1.0, 2.0])) == 1.0
    assert blocks.stationary_block_length(np.zeros(0)) == 1.0
    assert blocks.stationary_block_length(np.arange(60.0)) <= 20.0
    assert math.isnan(blocks.stationary_block_length(np.array([0.1, math.nan] * 10)))


def test_blocks_for_a_path_remember_how_wild_it_was():
    # The sign forgets at once; the size keeps its level for 50 sessions.
    rng = np.random.default_rng(1)
    size = np.repeat(rng.choice([0.005, 0.03], 40), 50)
    returns = size * rng.choice([-1.0, 1.0], 2000)
    assert blocks.stationary_block_length(returns) < 3.0
    assert blocks.block_length(returns) > 20
    assert blocks.block_length(np.array([0.1, math.nan] * 30)) == 0


def rows(size: int, length: float, draws: int, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return blocks.stationary_rows(size, length=length, draws=draws, generator=generator)


def test_rows_run_on_in_blocks_and_wrap_around():
    drawn = rows(40, 8.0, 500)
    assert drawn.shape == (500, 40)
    assert 0 <= drawn.min() <= drawn.max() < 80
    steps = np.diff(drawn, axis=1)
    # A step is one on within a block; else a block begins anywhere below 40.
    assert (drawn[:, 1:][steps != 1] < 40).all()
    assert (drawn[:, 0] < 40).all()


def test_blocks_last_as_long_as_asked_on_average():
    steps = np.diff(rows(1000, 5.0, 200) % 1000, axis=1) % 1000
    # A new block goes on from the old one by chance once in 1,000.
    begins = np.mean(steps != 1)
    # 199,800 chances of 0.2: three errors are 0.0027.
    assert begins == pytest.approx(0.2 * 0.999, abs=0.0027)


def test_every_row_is_drawn_as_often_as_any_other():
    counts = np.bincount((rows(50, 4.0, 20_000) % 50).ravel())
    # 20,000 draws of 50: the count of a row in a draw has mean 1 and, in blocks of 4, a variance
    # near 2 x 4: five errors are 5 sqrt(8 / 20,000) = 10 %.
    assert counts == pytest.approx(np.full(50, 20_000), rel=0.1)


def test_blocks_of_one_session_are_the_plain_bootstrap():
    steps = np.diff(rows(1000, 1.0, 50), axis=1)
    assert np.mean(steps == 1) < 0.003


def test_the_same_seed_draws_the_same_rows():
    assert np.array_equal(rows(100, 3.0, 10, seed=5), rows(100, 3.0, 10, seed=5))
    assert not np.array_equal(rows(100, 3.0, 10, seed=5), rows(100, 3.0, 10, seed=6))


def test_circular_blocks_are_of_one_length_and_the_last_is_cut():
    generator = np.random.default_rng(2)
    drawn = blocks.circular_rows(10, length=4, draws=300, generator=generator)
    assert drawn.shape == (300, 10)
    assert (np.diff(drawn[:, :4], axis=1) == 1).all()
    assert (np.diff(drawn[:, 4:8], axis=1) == 1).all()
    assert (np.diff(drawn[:, 8:], axis=1) == 1).all()
    assert set(drawn[:, [0, 4, 8]].ravel()) == set(range(10))

"""The probability of backtest overfitting: answers that three codes share, and plain loops."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from backtest import inference
from backtest.inference.overfitting import BlockSums


def noise(seed: int, planted: float = 0.0) -> np.ndarray:
    returns = np.random.default_rng(seed).normal(size=(480, 20))
    returns[:, 0] += planted
    return returns


def judged(returns: np.ndarray, blocks: int = 8) -> inference.Overfitting:
    return inference.probability_of_overfitting(inference.block_sums(returns, blocks=blocks))


@pytest.mark.parametrize(
    ("seed", "planted", "count"), [(7, 0.0, 23), (8, 0.0, 41), (5, 0.25, 2), (6, 0.25, 0)]
)
def test_the_probability_is_that_of_holdout_and_purgedcv(seed, planted, count):
    # holdout-backtest 0.1.0 and purgedcv 0.1.11 give 23, 41, 2 and 0 of 70 splits.
    found = judged(noise(seed, planted))
    assert found.logits.size == 70
    assert found.probability == pytest.approx(count / 70, rel=1e-12)


def test_sixteen_blocks_make_12870_splits():
    found = judged(noise(7), blocks=16)
    assert found.logits.size == 12_870


def test_every_number_is_that_of_plain_loops():
    returns, blocks = noise(8)[:90, :6] * 0.01, 6
    parts = np.split(returns, blocks)
    logits, chosen, inside, outside = [], [], [], []
    for picked in itertools.combinations(range(blocks), blocks // 2):
        a = np.concatenate([parts[b] for b in picked])
        b = np.concatenate([parts[b] for b in range(blocks) if b not in picked])
        first, second = (x.mean(axis=0) / x.std(axis=0, ddof=1) for x in (a, b))
        best = int(np.argmax(first))
        w = stats.rankdata(second)[best] / 7
        logits.append(math.log(w / (1 - w)))
        chosen.append(best)
        inside.append(first[best])
        outside.append(second[best])
    found = judged(returns, blocks)
    assert found.logits == pytest.approx(logits, rel=1e-10)
    assert found.chosen.tolist() == chosen
    assert found.in_sample == pytest.approx(inside, rel=1e-10)
    assert found.out_of_sample == pytest.approx(outside, rel=1e-9)
    assert found.probability == np.mean(np.array(logits) <= 0)
    assert found.probability_of_loss == np.mean(np.array(outside) < 0)
    line = stats.linregress(inside, outside)
    assert found.slope == pytest.approx(line.slope, rel=1e-9)
    assert found.intercept == pytest.approx(line.intercept, rel=1e-9)


def test_of_noise_the_probability_is_a_half_on_average_and_anything_in_one_case():
    found = [judged(noise(seed)).probability for seed in range(40)]
    # Known to be 0.516 with deviation 0.19 over 40 seeds: an average is good to 0.03.
    assert np.mean(found) == pytest.approx(0.5, abs=0.09)
    assert min(found) < 0.25
    assert max(found) > 0.75


def test_a_trial_that_wins_everywhere_is_no_overfitting():
    found = judged(noise(3, planted=2.0))
    assert found.probability == found.probability_of_loss == 0.0
    assert set(found.chosen) == {0}


def test_trials_that_win_in_one_half_only_are_pure_overfitting():
    # Trial k earns in block k and loses in the others: the best of one half is poor in the other.
    returns = np.random.default_rng(1).normal(size=(400, 4)) * 0.1 - 1.0
    for k in range(4):
        returns[100 * k : 100 * (k + 1), k] += 3.0
    found = judged(returns, blocks=4)
    assert found.probability == found.probability_of_loss == 1.0


def test_sums_kept_trial_by_trial_give_the_same_answer():
    returns = noise(7)
    parts = [inference.block_sums(column[:, None], blocks=8) for column in returns.T]
    whole = inference.block_sums(returns, blocks=8)
    together = inference.joined_sums(parts)
    # Sums of a column alone may be added in another order than those of a matrix.
    assert together.sums == pytest.approx(whole.sums, rel=1e-12)
    assert together.squares == pytest.approx(whole.squares, rel=1e-12)
    assert inference.probability_of_overfitting(together).probability == 23 / 70


def test_blocks_are_as_even_as_they_come():
    sums = inference.block_sums(noise(7)[:43], blocks=4)
    assert sums.counts.tolist() == [10, 11, 11, 11]
    assert sums.sums[1] == pytest.approx(noise(7)[10:21].sum(axis=0), rel=1e-12)
    assert sums.squares[3] == pytest.approx((noise(7)[32:43] ** 2).sum(axis=0), rel=1e-12)


def test_a_trial_that_never_moves_has_a_ratio_of_0():
    returns = noise(7)[:, :3] - 1.0
    returns[:, 1] = 0.0
    found = judged(returns)
    assert set(found.chosen) == {1}
    assert found.probability == found.probability_of_loss == 0.0
    assert math.isnan(found.slope)
    # So has one that earns the same each session, but for rounding.
    returns[:, 1] = 0.1
    assert (judged(returns).in_sample == 0.0).all()


def test_equals_share_their_rank():
    column = noise(7)[:, :1]
    found = judged(np.repeat(column, 3, axis=1))
    assert (found.logits == 0.0).all()
    assert found.probability == 1.0


def test_splits_taken_some_at_a_time_are_all_taken(monkeypatch):
    whole = judged(noise(7))
    monkeypatch.setattr("backtest.inference.overfitting._CELLS", 200)
    pieces = judged(noise(7))
    assert np.array_equal(pieces.logits, whole.logits)


@pytest.mark.parametrize(
    ("returns", "blocks", "fault"),
    [
        (noise(7).T, 8, "looks transposed.*pass trials=480"),
        (noise(7)[:, 0], 8, r"got shape \(480,\)"),
        (noise(7), 7, "even number from 2 on, got 7"),
        (noise(7), 0, "even number from 2 on, got 0"),
        (noise(7)[:30], 16, "30 sessions are too few for 16 blocks"),
        (np.where(np.arange(20) == 4, np.nan, noise(7)), 8, "column 4 holds NaN"),
    ],
)
def test_a_matrix_that_cannot_be_split_is_refused(returns, blocks, fault):
    with pytest.raises(ValueError, match=fault):
        inference.block_sums(returns, blocks=blocks)


def test_more_trials_than_sessions_are_taken_when_said():
    assert inference.block_sums(noise(7).T, blocks=2, trials=480).sums.shape == (2, 480)


def test_one_trial_leaves_no_choice_and_sums_must_fit():
    sums = inference.block_sums(noise(7), blocks=8)
    with pytest.raises(ValueError, match="at least two trials"):
        judged(noise(7)[:, :1])
    with pytest.raises(ValueError, match="one shape"):
        inference.probability_of_overfitting(BlockSums(sums.counts, sums.sums, sums.squares.T))
    with pytest.raises(ValueError, match=r"even number of blocks, got 7"):
        inference.probability_of_overfitting(BlockSums(*(part[:7] for part in sums)))
    with pytest.raises(ValueError, match="same blocks of sessions"):
        inference.joined_sums([sums, inference.block_sums(noise(7)[:400], blocks=8)])
    with pytest.raises(ValueError, match="at least one trial"):
        inference.joined_sums([])

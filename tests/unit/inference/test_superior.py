"""The best of many against a benchmark: plain loops, arch where it is right, rejection rates."""

import math

import numpy as np
import pytest
from arch.bootstrap import MCS, SPA
from scipy.signal import lfilter

from backtest import inference
from backtest.inference import superior
from backtest.inference.blocks import stationary_rows


def made_up(size: int = 400, columns: int = 8, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_t(6, size=(size, columns)) * 0.01


def one_wild_one_steady() -> np.ndarray:
    """A steady winner, and a strategy ten times as wild that is none."""
    d = made_up(seed=1)
    d[:, 2] += 0.002
    d[:, 5] *= 10
    return d


# Hansen's test


def test_the_test_is_hansens_written_out_in_loops():
    d, length, draws, seed = one_wild_one_steady()[:60, :4] - 0.002, 3, 40, 9
    size, columns = d.shape
    means, q = d.mean(axis=0), 1 / length
    omegas = []
    for column in d.T:
        x = column - column.mean()
        variance = np.sum(x * x) / size
        for lag in range(1, size):
            kernel = (size - lag) / size * (1 - q) ** lag + lag / size * (1 - q) ** (size - lag)
            variance += 2 * kernel * np.sum(x[lag:] * x[:-lag]) / size
        omegas.append(math.sqrt(variance))
    statistic = max(0, *(math.sqrt(size) * m / w for m, w in zip(means, omegas, strict=True)))
    rows = stationary_rows(size, length=length, draws=draws, generator=np.random.default_rng(seed))
    counts = {"lower": 0, "consistent": 0, "upper": 0}
    for drawn in rows % size:
        for kind in counts:
            luck = 0.0
            for k in range(columns):
                bound = -omegas[k] / math.sqrt(size) * math.sqrt(2 * math.log(math.log(size)))
                centre = {
                    "lower": max(means[k], 0.0),
                    "consistent": means[k] if means[k] >= bound else 0.0,
                    "upper": means[k],
                }[kind]
                luck = max(luck, math.sqrt(size) * (d[drawn, k].mean() - centre) / omegas[k])
            counts[kind] += luck >= statistic
    found = inference.spa(d, seed=seed, draws=draws, block_length=length)
    assert found.statistic == pytest.approx(statistic, rel=1e-10)
    for kind, count in counts.items():
        assert getattr(found, kind) == pytest.approx((1 + count) / (1 + draws), rel=1e-12), kind


def test_the_deviation_is_that_of_the_bootstraps_own_means():
    d = lfilter([1.0], [1.0, -0.5], made_up(200, 1, seed=4), axis=0)
    rows = stationary_rows(200, length=5, draws=20_000, generator=np.random.default_rng(1)) % 200
    drawn = d[:, 0][rows].mean(axis=1)
    [variance] = superior._bootstrap_variances(d, length=5)
    # A variance of 20,000 draws is good to 1 %: three errors are 3 %.
    assert variance == pytest.approx(200 * np.var(drawn), rel=0.03)


def test_a_steady_winner_is_seen_beside_a_wild_strategy_only_if_studentised():
    d = one_wild_one_steady()
    found = inference.spa(d, seed=1)
    assert found.best == 2
    assert found.consistent < 0.02
    assert inference.reality_check(d, seed=1).p_value > 0.2


def test_poor_strategies_raise_the_reality_check_and_not_the_consistent_p_value():
    good = made_up(500, 3, seed=2)
    good[:, 0] += 0.0008
    poor = made_up(500, 60, seed=3) - 0.02
    crowd = np.column_stack((good, poor))
    alone, together = (inference.spa(d, seed=1, draws=2000) for d in (good, crowd))
    assert together.consistent == pytest.approx(alone.consistent, abs=0.02)
    assert together.upper > 2 * together.consistent
    few, many = (inference.reality_check(d, seed=1, draws=2000) for d in (good, crowd))
    assert many.p_value > 2 * few.p_value


def test_the_three_p_values_are_in_order():
    for seed in range(10):
        found = inference.spa(made_up(seed=seed) - 0.0005, seed=seed)
        assert found.lower <= found.consistent <= found.upper


def test_where_nobody_beats_the_benchmark_the_p_value_is_1():
    found = inference.spa(made_up() - 0.02, seed=1)
    assert (found.statistic, found.lower, found.consistent, found.upper) == (0.0, 1.0, 1.0, 1.0)


def test_a_column_that_never_moves_is_left_out():
    d = made_up(columns=3)
    with_flat = np.column_stack((np.zeros(400), d))
    alone = inference.spa(d, seed=1, block_length=2)
    found = inference.spa(with_flat, seed=1, block_length=2)
    assert found.best == alone.best + 1
    assert found[:4] == alone[:4]
    assert math.isnan(inference.spa(np.zeros((50, 2)), seed=1).consistent)


def rejections(test, rho: float, **settings) -> float:
    """Share of 300 sets of ten strategies without edge that a test calls superior at 10 %."""
    count = 0
    for seed in range(300):
        d = lfilter([1.0], [1.0, -rho], np.random.default_rng(seed).normal(size=(400, 10)), axis=0)
        found = test(d, seed=seed, draws=200, **settings)
        count += (found.p_value if test is inference.reality_check else found.consistent) <= 0.10
    return count / 300


@pytest.mark.parametrize("test", [inference.spa, inference.reality_check])
def test_one_set_in_ten_without_edge_is_called_superior_at_ten_percent(test):
    # The error of a share of 300 near 0.1 is 0.017: three of them are 0.052.
    assert rejections(test, 0.0) == pytest.approx(0.10, abs=0.052)


@pytest.mark.parametrize("test", [inference.spa, inference.reality_check])
def test_blocks_keep_memory_from_passing_as_skill(test):
    # Blocks of six see 0.94 of the deviation of an AR(1) of 0.3: the best of ten, 2.3 deviations
    # out at 0.10, then passes in 0.14 of the sets. Single sessions see 0.73 of it: 0.38.
    assert rejections(test, 0.3) == pytest.approx(0.14, abs=0.06)
    assert rejections(test, 0.3, block_length=1) == pytest.approx(0.38, abs=0.09)


# arch


def test_arch_does_not_studentise_so_its_upper_p_value_is_the_reality_check():
    d = one_wild_one_steady()
    theirs = SPA(np.zeros(400), -d, block_size=2, reps=4000, seed=3, studentize=True)
    theirs.compute()
    ours = inference.reality_check(d, seed=3, draws=4000, block_length=2)
    # Shares of 4,000 draws: two of them differ by less than 0.03 at three errors.
    assert theirs.pvalues["upper"] == pytest.approx(ours.p_value, abs=0.03)
    # Were arch to studentise one day, it would agree with Hansen's test instead.
    hansen = inference.spa(d, seed=3, draws=4000, block_length=2)
    assert abs(theirs.pvalues["upper"] - hansen.upper) > 0.2


def test_of_equal_variances_arch_and_hansens_test_agree():
    d = made_up(1000, 6, seed=8) / np.std(made_up(1000, 6, seed=8), axis=0) * 0.01
    d[:, 1] += 0.0004
    theirs = SPA(np.zeros(1000), -d, block_size=1, reps=4000, seed=3)
    theirs.compute()
    ours = inference.spa(d, seed=3, draws=4000, block_length=1)
    for kind in ("lower", "consistent", "upper"):
        assert theirs.pvalues[kind] == pytest.approx(getattr(ours, kind), abs=0.03)


def test_the_confidence_set_is_archs_on_losses():
    returns = made_up(500, 5, seed=2)
    returns[:, 3] += 0.002
    ours = inference.model_confidence_set(returns, seed=4, draws=500, block_length=2)
    theirs = MCS(-returns, 0.10, reps=500, block_size=2, bootstrap="stationary", seed=4)
    theirs.compute()
    assert list(ours.included) == sorted(theirs.included)
    assert ours.p_values.tolist() == theirs.pvalues["Pvalue"].sort_index().tolist()


def test_the_best_strategy_is_in_the_set_and_a_poor_one_is_not():
    returns = made_up(1000, 4, seed=2)
    returns[:, 1] += 0.003
    returns[:, 3] -= 0.003
    found = inference.model_confidence_set(returns, seed=1)
    assert found.included == (1,)
    assert found.p_values[1] == 1.0
    assert found.p_values[3] < 0.01


def test_the_size_decides_who_is_left_out():
    returns = made_up(300, 4, seed=6)
    returns[:, 0] += 0.001
    p_values = inference.model_confidence_set(returns, seed=1).p_values
    middle = float(np.sort(p_values)[1])
    found = inference.model_confidence_set(returns, seed=1, size=middle)
    assert found.included == tuple(np.flatnonzero(p_values > middle).tolist())
    assert 0 < len(found.included) < 4


def test_a_single_strategy_is_the_best_there_is():
    found = inference.model_confidence_set(made_up(columns=1), seed=1)
    assert (found.included, found.p_values.tolist()) == ((0,), [1.0])


def test_copies_cannot_be_told_apart():
    returns = made_up(columns=4)
    returns[:, 3] = returns[:, 1] + 0.001
    with pytest.raises(ValueError, match="columns 1 and 3 hold the same returns"):
        inference.model_confidence_set(returns, seed=1)


# What all have in common

ALL = (inference.reality_check, inference.spa, inference.model_confidence_set)


@pytest.mark.parametrize("test", ALL)
def test_a_transposed_matrix_is_refused(test):
    with pytest.raises(ValueError, match=r"looks transposed.*pass trials=400"):
        test(made_up().T, seed=1)
    with pytest.raises(ValueError, match=r"expected 8 trials as columns, got shape \(8, 400\)"):
        test(made_up().T, seed=1, trials=8)
    with pytest.raises(ValueError, match=r"got shape \(400,\)"):
        test(made_up()[:, 0], seed=1)


@pytest.mark.parametrize("test", ALL[:2])
def test_more_strategies_than_sessions_are_taken_when_said(test):
    assert test(made_up(20, 30), seed=1, draws=50, trials=30).best < 30


@pytest.mark.parametrize("test", ALL)
def test_a_hole_is_refused_with_its_column(test):
    hole = made_up()
    hole[7, 5] = math.nan
    with pytest.raises(ValueError, match="column 5 holds NaN"):
        test(hole, seed=1)
    with pytest.raises(ValueError, match="at least 3 sessions"):
        test(made_up(2, 2), seed=1)


@pytest.mark.parametrize("test", ALL)
def test_the_same_seed_gives_the_same_answer(test):
    first, second, other = (test(made_up(), seed=seed, draws=300) for seed in (3, 3, 4))
    assert str(first) == str(second)
    assert str(first) != str(other)


@pytest.mark.parametrize("test", ALL)
def test_blocks_are_the_median_of_the_columns_own(test):
    d = lfilter([1.0], [1.0, -0.6], made_up(columns=5), axis=0)
    own = np.median([inference.stationary_block_length(column) for column in d.T])
    assert test(d, seed=1, draws=100).block_length == round(own)

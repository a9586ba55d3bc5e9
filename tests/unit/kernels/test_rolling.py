"""Rolling kernels against hands, pandas and numpy; compiled against plain Python."""

import numpy as np
import pandas as pd
import pytest

from backtest.kernels.rolling import cross_rank, rolling_mean_std, rolling_ols, rolling_sum

NAN = np.nan


def column(*values):
    return np.array(values, dtype=np.float64).reshape(-1, 1)


@pytest.fixture(scope="module")
def noise():
    rng = np.random.default_rng(7)
    values = rng.normal(size=(83, 5))
    values[rng.random(values.shape) < 0.2] = NAN
    values[:, 4] = NAN
    return values


@pytest.fixture(scope="module")
def source():
    source = np.random.default_rng(8).normal(size=83)
    source[11] = NAN
    return source


def test_a_sum_over_two_rows_adds_the_latest_two():
    assert rolling_sum(column(1, 2, 4, 8), 2, 2)[1:, 0].tolist() == [3, 6, 12]


def test_an_unknown_value_is_skipped_when_enough_others_are_known():
    assert rolling_sum(column(1, NAN, 4), 3, 2)[2, 0] == 5.0


def test_too_few_known_values_give_nan_not_zero():
    assert np.isnan(rolling_sum(column(NAN, NAN, NAN), 2, 1)).all()


def test_a_window_longer_than_the_data_gives_nan_unless_fewer_are_enough():
    assert np.isnan(rolling_sum(column(1, 2), 5, 5)).all()
    assert rolling_sum(column(1, 2), 5, 1)[:, 0].tolist() == [1, 3]


def test_mean_and_deviation_of_1_3_5_are_3_and_2():
    mean, std = rolling_mean_std(column(1, 3, 5), 3, 3)
    assert (mean[2, 0], std[2, 0]) == (3.0, 2.0)


def test_a_deviation_needs_two_values_and_a_mean_one():
    mean, std = rolling_mean_std(column(7), 3, 1)
    assert mean[0, 0] == 7.0
    assert np.isnan(std[0, 0])


def test_a_misprint_leaves_no_trace_once_it_has_left_the_window():
    values = column(*[0.1] * 10, 1e15, *[0.1] * 10)
    mean, std = rolling_mean_std(values, 4, 4)
    assert (std[14:, 0] == 0.0).all()
    assert (mean[14:, 0] == 0.1).all()
    assert rolling_sum(values, 4, 4)[20, 0] == rolling_sum(values[17:], 4, 4)[3, 0]


def test_a_large_level_does_not_eat_a_small_deviation():
    _, std = rolling_mean_std(1e9 + column(1, 3, 5, 7, 9), 3, 3)
    assert std[2:, 0].tolist() == [2.0, 2.0, 2.0]


@pytest.mark.parametrize(("window", "needed"), [(1, 1), (2, 1), (7, 4), (20, 20), (100, 3)])
def test_moments_are_those_of_pandas(noise, window, needed):
    frame = pd.DataFrame(noise).rolling(window, min_periods=needed)
    mean, std = rolling_mean_std(noise, window, needed)
    # pandas slides with subtraction: it is the less exact of the two.
    np.testing.assert_allclose(rolling_sum(noise, window, needed), frame.sum(), atol=1e-12)
    np.testing.assert_allclose(mean, frame.mean(), atol=1e-12)
    np.testing.assert_allclose(std, frame.std(), atol=1e-7)


def test_an_exact_line_gives_its_slope_and_intercept():
    x = np.array([0.0, 1.0, 2.0, 4.0])
    beta, alpha = rolling_ols(column(*(3 + 2 * x)), x, 3, 3, 0)
    assert beta[2:, 0].tolist() == [2.0, 2.0]
    assert alpha[2:, 0].tolist() == [3.0, 3.0]


def test_the_lag_leaves_the_latest_rows_out_of_the_estimate():
    x = np.array([0.0, 1.0, 2.0, 9.0, 9.0])
    now, _ = rolling_ols(column(0, 2, 4, -50, 70), x, 3, 3, 0)
    later, _ = rolling_ols(column(0, 2, 4, -50, 70), x, 3, 3, 2)
    assert later[4, 0] == now[2, 0] == 2.0
    assert np.isnan(later[:4]).all()


def test_a_pair_with_one_end_unknown_is_no_pair():
    beta, _ = rolling_ols(column(0, 99, 4, NAN), np.array([0.0, NAN, 2.0, 5.0]), 4, 2, 0)
    assert beta[3, 0] == 2.0


def test_a_source_that_does_not_move_explains_nothing():
    beta, alpha = rolling_ols(column(1, 2, 3), np.full(3, 0.01), 3, 2, 0)
    assert np.isnan(beta).all()
    assert np.isnan(alpha).all()


def test_slopes_are_those_of_numpy(noise, source):
    beta, alpha = rolling_ols(noise, source, 30, 10, 4)
    for t in (40, 61, 82):
        y, x = noise[t - 33 : t - 3, 0], source[t - 33 : t - 3]
        known = ~np.isnan(y) & ~np.isnan(x)
        slope, intercept = np.polyfit(x[known], y[known], 1)
        # polyfit solves by singular values: equal to rounding only.
        assert beta[t, 0] == pytest.approx(slope, rel=1e-12)
        assert alpha[t, 0] == pytest.approx(intercept, rel=1e-12)


def test_ranks_count_from_the_smallest_skip_nan_and_break_ties_by_column():
    ranks = cross_rank(np.array([[3.0, NAN, 1.0, 3.0], [NAN, NAN, NAN, NAN]]))
    assert ranks[0, [0, 2, 3]].tolist() == [2, 1, 3]
    assert np.isnan(ranks[0, 1])
    assert np.isnan(ranks[1]).all()


def kernels(values, source):
    return {
        "rolling_sum": (rolling_sum, (values, 7, 3)),
        "rolling_mean_std": (rolling_mean_std, (values, 7, 3)),
        "rolling_ols": (rolling_ols, (values, source, 20, 5, 3)),
        "cross_rank": (cross_rank, (values,)),
    }


NAMES = ("rolling_sum", "rolling_mean_std", "rolling_ols", "cross_rank")


@pytest.mark.parametrize("name", NAMES)
def test_the_compiled_kernel_has_the_bits_of_plain_python(name, noise, source):
    kernel, arguments = kernels(noise, source)[name]
    np.testing.assert_array_equal(kernel(*arguments), kernel.py_func(*arguments))


@pytest.mark.parametrize("name", NAMES)
def test_rows_keep_their_bits_when_the_future_is_cut(name, noise, source):
    kernel, arguments = kernels(noise, source)[name]
    _, shorter = kernels(noise[:50], source[:50])[name]
    np.testing.assert_array_equal(
        np.asarray(kernel(*shorter)), np.asarray(kernel(*arguments))[..., :50, :]
    )


@pytest.mark.parametrize("name", ["rolling_sum", "rolling_mean_std", "rolling_ols"])
def test_a_column_has_the_same_bits_alone_and_among_others(name, noise, source):
    kernel, arguments = kernels(noise, source)[name]
    _, alone = kernels(noise[:, 1:2].copy(), source)[name]
    np.testing.assert_array_equal(
        np.asarray(kernel(*alone)), np.asarray(kernel(*arguments))[..., 1:2]
    )

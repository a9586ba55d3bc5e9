"""Memory of a series, against theory and the kernels of arch and statsmodels."""

import math

import numpy as np
import pytest
from arch.covariance.kernel import QuadraticSpectral
from statsmodels.stats.sandwich_covariance import S_hac_simple
from statsmodels.tsa.stattools import acf

from backtest.inference import longrun


def ar1(rho: float, size: int, seed: int) -> np.ndarray:
    x = np.random.default_rng(seed).normal(size=size)
    for t in range(1, size):
        x[t] += rho * x[t - 1]
    return x


@pytest.mark.parametrize(("size", "lags"), [(1, 0), (2, 1), (100, 4), (250, 4), (2600, 8)])
def test_lags_follow_newey_and_west_1994(size, lags):
    assert longrun.newey_west_lags(size) == lags


def test_bartletts_variance_is_that_of_statsmodels():
    x = ar1(0.4, 500, 1)
    x -= x.mean()
    expected = S_hac_simple(x[:, None], nlags=7)[0, 0] / x.size
    assert longrun.newey_west_variance(x, lags=7) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("bandwidth", [0.7, 5.0, 31.5])
def test_the_quadratic_spectral_variance_is_that_of_arch(bandwidth):
    x = ar1(0.4, 500, 2)
    x -= x.mean()
    expected = QuadraticSpectral(x[:, None], bandwidth=bandwidth, center=False).cov.long_run
    found = longrun.quadratic_spectral_variance(x, bandwidth=bandwidth)
    assert found == pytest.approx(float(np.asarray(expected).squeeze()), rel=1e-10)


def test_without_bandwidth_only_the_variance_counts():
    x = np.array([1.0, -1.0, 2.0, -2.0])
    assert longrun.quadratic_spectral_variance(x, bandwidth=0.0) == pytest.approx(2.5, rel=1e-12)


@pytest.mark.parametrize("rho", [-0.4, 0.0, 0.5, 0.8])
def test_prewhitening_finds_the_long_run_variance_of_an_ar1(rho):
    # Theory: 1 / (1 - rho)^2 for shocks of variance 1.
    found = np.mean([longrun.prewhitened_variance(ar1(rho, 2000, seed)) for seed in range(100)])
    # The slope is off by about sqrt(1 - rho^2) / sqrt(2000) a path: a few percent on average.
    assert found == pytest.approx(1 / (1 - rho) ** 2, rel=0.03)


def test_memory_without_end_is_cut_and_nothing_moving_has_none():
    trend = np.arange(100.0) - 49.5
    assert math.isfinite(longrun.prewhitened_variance(trend))
    assert longrun.prewhitened_variance(np.zeros(50)) == 0.0
    assert math.isnan(longrun.prewhitened_variance(np.array([1.0, math.nan, 2.0])))
    assert math.isnan(longrun.prewhitened_variance(np.array([1.0, 2.0])))


def test_autocorrelations_are_those_of_statsmodels():
    x = ar1(0.3, 400, 3)
    expected = acf(x, nlags=6, fft=False)[1:]
    assert longrun.autocorrelations(x, lags=6) == pytest.approx(expected, rel=1e-12)


def test_what_does_not_move_has_no_autocorrelations():
    assert np.isnan(longrun.autocorrelations(np.full(20, 0.01), lags=3)).all()
    assert longrun.autocorrelations(np.array([0.01]), lags=0).size == 0

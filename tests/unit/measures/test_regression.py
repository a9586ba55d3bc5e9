"""Regressions against statsmodels, and against what a line must be."""

from __future__ import annotations

import numpy as np
import pytest

from backtest.measures.regression import regress


def noisy(size=400, seed=4):
    """Returns that remember, on two regressors."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0.0, 0.01, (size, 2))
    noise = rng.normal(0.0, 0.01, size)
    noise[1:] += 0.5 * noise[:-1]
    return 0.0002 + 0.8 * x[:, 0] - 0.3 * x[:, 1] + noise, x


@pytest.mark.parametrize("lags", [0, 5])
def test_coefficients_errors_and_fit_are_those_of_statsmodels(lags):
    linear_model = pytest.importorskip("statsmodels.regression.linear_model")
    y, x = noisy()
    theirs = linear_model.OLS(y, np.column_stack([np.ones(len(y)), x])).fit(
        cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": True}
    )
    mine = regress(y, x, lags=lags)
    # 1e-10: two ways to sum and to invert.
    assert mine.coefficients == pytest.approx(theirs.params, rel=1e-10)
    assert mine.errors == pytest.approx(theirs.bse, rel=1e-10)
    assert mine.r_squared == pytest.approx(theirs.rsquared, rel=1e-10)
    assert mine.observations == 400


def test_rows_with_an_unknown_are_dropped():
    y, x = noisy(50)
    y[3], x[7, 1] = np.nan, np.nan
    keep = np.delete(np.arange(50), [3, 7])
    whole, part = regress(y, x, lags=2), regress(y[keep], x[keep], lags=2)
    assert whole.observations == 48
    assert whole.coefficients.tolist() == part.coefficients.tolist()


@pytest.mark.parametrize(
    "x",
    [np.zeros((30, 1)), np.full((30, 1), 0.5), np.column_stack([np.arange(30.0)] * 2)],
    ids=["no move", "constant", "twice the same"],
)
def test_a_regressor_that_says_nothing_gives_no_slope(x):
    fit = regress(np.linspace(-1.0, 1.0, 30) ** 3, x, lags=1)
    assert np.isnan(fit.coefficients).all()
    assert np.isnan(fit.errors).all()


def test_two_rows_are_not_enough_for_a_slope():
    assert np.isnan(regress(np.array([1.0, 2.0]), np.array([[1.0], [2.0]]), lags=0).coefficients[1])

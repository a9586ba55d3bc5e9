"""Whether an asset hedges a portfolio, and whether it does so when that is needed."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from backtest.measures.performance import FloatArray
from backtest.measures.regression import regress


class Haven(NamedTuple):
    """Betas of an asset on a portfolio with their standard errors; NaN where not defined.

    A calm beta at or below 0 makes a hedge, a stress beta at or below 0 a haven; both above 0 and
    below 1 a diversifier. One that is within two errors of 0 proves neither.
    """

    calm: float
    calm_error: float
    stress: float
    stress_error: float
    threshold: float  # stress is a portfolio return at or below it
    sessions: int
    stressed: int


def haven(asset: FloatArray, portfolio: FloatArray, *, worst: float = 0.05, lags: int = 5) -> Haven:
    r"""Beta of an asset on a portfolio in the portfolio's worst sessions, and in all others.

    Give returns of the same periods, shape (T,), the portfolio without the asset: a sleeve inside
    it would be measured against itself. Rows with a NaN are dropped. All betas are NaN where
    either group has fewer than two rows or its portfolio returns do not move.

    Parameters
    ----------
    worst
        Share of the sessions that counts as stress, in (0, 1), by the portfolio's return.
    lags
        Autocorrelations that the errors allow for (Newey & West 1987).

    Notes
    -----
    .. math:: a_t = \alpha + \beta_{calm} \, r_t 1\{r_t > q\} + \beta_{stress} \, r_t 1\{r_t \le q\}
              + e_t

    The regression of the source with one threshold, in two slopes instead of a slope and its
    change, and with robust errors instead of a GARCH variance.

    References
    ----------
    Baur & Lucey (2010), Is gold a hedge or a safe haven?, Financial Review 45(2), 217-229.

    Examples
    --------
    >>> r = np.array([-0.04, -0.02, 0.0, 0.01, 0.02, 0.03])
    >>> found = haven(np.where(r < 0, -2.0 * r, 0.5 * r), r, worst=0.35, lags=0)
    >>> round(found.calm, 9), round(found.stress, 9), found.stressed
    (0.5, -2.0, 2)
    """
    known = ~(np.isnan(asset) | np.isnan(portfolio))
    a, r = asset[known], portfolio[known]
    threshold = float(np.quantile(r, worst)) if r.size else math.nan
    is_stress = r <= threshold
    stressed = int(is_stress.sum())
    beta = error = np.full(3, math.nan)
    if min(stressed, r.size - stressed) > 1 and np.ptp(r[is_stress]) > 0 < np.ptp(r[~is_stress]):
        split = np.column_stack([np.where(is_stress, 0.0, r), np.where(is_stress, r, 0.0)])
        fit = regress(a, split, lags=lags)
        beta, error = fit.coefficients, fit.errors
    return Haven(
        float(beta[1]),
        float(error[1]),
        float(beta[2]),
        float(error[2]),
        threshold,
        r.size,
        stressed,
    )

"""Shares of NAV for sleeves, from what their paper returns were so far."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from backtest.errors import RunError
from backtest.sleeves.settings import AllocationSettings

FloatArray = npt.NDArray[np.float64]

_STEPS = 10_000
_CLOSE = 1e-14  # of a solution, between two rounds
_DIGITS = 8  # of a solver's answer that are kept: beyond them it is noise


def shares_of(
    settings: AllocationSettings, fixed: FloatArray, past: FloatArray, *, max_gross: float,
    sessions_per_year: float,
) -> FloatArray:  # fmt: skip
    """Shares of NAV, shape (S,); their sum is the scale of the volatility target, 1 without one.

    Parameters
    ----------
    fixed
        Shares that the sleeves were given; used by the method ``fixed`` only.
    past
        Paper returns known at the decision, latest last, shape (W, S).

    Notes
    -----
    With fewer than half a window of returns all shares are equal (``fixed`` ones are as given) and
    the scale is 1, or ``max_gross`` where that is less. A sleeve whose paper returns did not vary
    has no risk to be measured: it gets 1/S, and the rest is divided among the others.
    """
    past = past[-settings.window :]
    count = past.shape[1]
    is_known = len(past) >= max(2, settings.window / 2)
    if settings.method == "fixed":
        shares = fixed
    elif settings.method == "equal" or not is_known:
        shares = np.full(count, 1.0 / count)
    else:
        moves = past.std(axis=0) > 0.0
        shares = np.full(count, 1.0 / count)
        if moves.any():
            shares[moves] = moves.mean() * _by_risk(settings, past[:, moves])
    scale = min(1.0, max_gross)
    if settings.volatility_target is not None and is_known:
        deviation = float(np.std(past @ shares, ddof=1)) * math.sqrt(sessions_per_year)
        scale = max_gross
        if deviation * max_gross > settings.volatility_target:
            scale = settings.volatility_target / deviation
    return shares * scale


def _by_risk(settings: AllocationSettings, past: FloatArray) -> FloatArray:
    """Shares that sum to 1, of sleeves that all moved."""
    if settings.method == "inverse_volatility":
        inverse = 1.0 / past.std(axis=0, ddof=1)
        return np.asarray(inverse / inverse.sum())
    if settings.method == "risk_parity":
        return risk_parity(np.atleast_2d(np.cov(past, rowvar=False)))
    return _skfolio(settings.optimizer, past)


def risk_parity(covariance: FloatArray) -> FloatArray:
    r"""Long-only weights, summing to 1, whose contributions to variance are equal.

    Parameters
    ----------
    covariance
        Positive definite, or nearly so: its diagonal is above 0, shape (S, S).

    Notes
    -----
    They are :math:`y / \sum y` of the minimum of :math:`\tfrac12 y'\Sigma y - \sum \ln y / S`,
    found by cyclical coordinate descent. For two sleeves it is inverse volatility, whatever the
    correlation.

    References
    ----------
    Maillard, Roncalli & Teiletche (2010), Journal of Portfolio Management 36(4), 60-70. Griveau-
    Billion, Richard & Roncalli (2013), A Fast Algorithm for Computing High-Dimensional Risk Parity
    Portfolios.

    Examples
    --------
    >>> risk_parity(np.array([[0.04, 0.01], [0.01, 0.01]])).round(12).tolist()
    [0.333333333333, 0.666666666667]
    """
    deviation = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(deviation, deviation)  # well scaled; undone at the end
    count = len(deviation)
    y = np.full(count, 1.0 / math.sqrt(count))
    for _ in range(_STEPS):
        before = y.copy()
        for i in range(count):
            others = float(correlation[i] @ y) - y[i]
            y[i] = (-others + math.sqrt(others * others + 4.0 / count)) / 2.0
        if np.abs(y - before).max() <= _CLOSE * y.max():
            break
    weights = y / deviation
    return np.asarray(weights / weights.sum())


def _skfolio(optimizer: str, past: FloatArray) -> FloatArray:
    """Long-only weights of an optimizer of skfolio, at its own defaults."""
    if past.shape[1] == 1:
        return np.ones(1)
    try:
        from skfolio import optimization
    except ModuleNotFoundError as problem:
        raise RunError(
            "allocation.method: skfolio needs the package skfolio. Install it with "
            "pip install 'portfolio-backtest[skfolio]', or choose another method."
        ) from problem
    made = {
        "risk_budgeting": optimization.RiskBudgeting,
        "hierarchical_risk_parity": optimization.HierarchicalRiskParity,
        "minimum_variance": optimization.MeanRisk,  # of variance, by default
        "maximum_diversification": optimization.MaximumDiversification,
    }[optimizer]()
    weights = np.asarray(made.fit(past).weights_, dtype=np.float64).round(_DIGITS)
    return np.asarray(weights / weights.sum())

"""Section of the metrics that says what the others are worth."""

from __future__ import annotations

import math

import numpy as np

from backtest import inference
from backtest.measures import distribution, performance
from backtest.report.account import Account, Section

_LEVEL = 0.90
_DRAWS = 1000
_CONFIDENCE = 0.95
_CONVENTIONS = {
    "sharpe": "mean over deviation (n - 1) of excess returns; annual is x the root of sessions per "
    "year; adjusted is Lo's (2002) factor, with the autocorrelations of the first lags, instead",
    "errors": "standard errors, annualised as the ratio is: iid is Lo's for independent normal "
    "returns, Mertens's for any shape (n - 1), HAC for memory too (Newey-West, Bartlett)",
    "probabilistic_sharpe": "probability that the true ratio is above 0, Bailey and Lopez de Prado "
    "(2012): observed ratio in the variance, n - 1; moments of the population",
    "min_track_record": "sessions until that probability reaches the confidence; none where the "
    "ratio is not above 0",
    "deflated_sharpe": "probability that the true ratio is above what luck gives the best of all "
    "trials, Bailey and Lopez de Prado (2014); trials are what trials.sqlite beside the runs knew "
    "of this strategy on this data when the run was made, those given up early included; those "
    "that never traded are in the number shown, but not in luck; where trials have other numbers "
    "of sessions, the larger of two variances, plain and brought to this run's number; null with "
    "one ratio",
    "intervals": "sessions drawn again in blocks of random length (Politis and Romano, 1994), mean "
    "by Politis and White (2004, corrected 2009), the longer of returns' and squared returns'; "
    "percentiles of the draws; with the benchmark, pairs are drawn together",
}


def inference_section(account: Account, *, seed: int) -> Section:
    """Errors and odds of the Sharpe ratio, and intervals of the measures of the path."""
    excess, per_year = account.excess, account.sessions_per_year
    sharpe = performance.sharpe(excess, sessions_per_year=1.0)
    shape = {
        "skewness": distribution.skewness(excess),
        "kurtosis": distribution.kurtosis(excess),
    }
    annual, count = math.sqrt(per_year), excess.size
    lags = inference.newey_west_lags(count)
    memory = inference.autocorrelations(excess, lags=lags)
    record = inference.min_track_record(sharpe, **shape, confidence=_CONFIDENCE)
    return {
        "observations": count,
        "sharpe_per_session": sharpe,
        "sharpe_annual": sharpe * annual,
        "sharpe_autocorrelation_adjusted": sharpe
        * inference.sharpe_scaling(memory, periods=round(per_year)),
        "sharpe_error_iid": inference.sharpe_error_iid(sharpe, count) * annual,
        "sharpe_error_mertens": inference.sharpe_error_mertens(sharpe, count, **shape) * annual,
        "sharpe_error_hac": inference.sharpe_error_hac(excess, lags=lags) * annual,
        "hac_lags": lags,
        "probabilistic_sharpe": inference.probabilistic_sharpe(sharpe, count, **shape),
        "confidence": _CONFIDENCE,
        "min_track_record_sessions": record,
        "min_track_record_years": record / per_year,
        "trials": None,
        "deflated_sharpe": None,
        "intervals": _intervals(account, seed=seed),
        "conventions": _CONVENTIONS,
    }


def _intervals(account: Account, *, seed: int) -> Section:
    """Bounds of the measures; undefined, and why, where the history is too short."""
    theirs = account.benchmark_returns
    known = np.flatnonzero(~np.isnan(theirs))
    found = inference.intervals(
        account.returns,
        theirs if known.size else None,
        years=account.years,
        benchmark_years=performance.elapsed_years(account.sessions[known]) if known.size else None,
        sessions_per_year=account.sessions_per_year,
        risk_free=account.risk_free,
        level=_LEVEL,
        draws=_DRAWS,
        seed=seed,
    )
    fewest = inference.FEWEST_SESSIONS
    return {
        "level": _LEVEL,
        "method": "stationary bootstrap, percentile",
        "block_length": found.block_length,
        "draws": _DRAWS,
        "seed": seed,
        "reason": f"fewer than {fewest} sessions" if account.returns.size < fewest else None,
        "measures": {name: list(bounds) for name, bounds in found.bounds.items()},
    }

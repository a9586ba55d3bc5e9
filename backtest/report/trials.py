"""What a run's Sharpe ratio was picked from: the trials that the ledger knows."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from backtest import inference
from backtest.measures import distribution, performance
from backtest.report.account import account_of
from backtest.report.formats import as_float
from backtest.report.series import section
from backtest.result import Result
from backtest.trial_ledger import TrialRecord


def trial_record(result: Result) -> TrialRecord:
    """What the ledger keeps of a run."""
    account = account_of(result)
    excess = account.excess
    is_idle = account.is_idle  # interest alone has no ratio, nor a shape
    manifest = result.manifest
    return TrialRecord(
        fingerprint=result.fingerprint,
        name=result.name,
        strategy=str(section(manifest, "strategy").get("name", "")),
        source="run",
        data=str(section(manifest, "bundle").get("hash", "")),
        engine=str(manifest.get("engine", "")),
        first=str(account.sessions[0]),
        last=str(account.sessions[-1]),
        sessions=excess.size,
        sharpe=math.nan if is_idle else performance.sharpe(excess, sessions_per_year=1.0),
        mean=float(np.mean(excess)),
        deviation=performance.deviation(excess) if excess.size > 1 else math.nan,
        skewness=math.nan if is_idle else distribution.skewness(excess),
        kurtosis=math.nan if is_idle else distribution.kurtosis(excess),
    )


def with_trials(result: Result, family: Iterable[TrialRecord]) -> Result:
    """The run with the number of trials known of its strategy and data, and what they deflate.

    The deflated Sharpe ratio needs the spread of the trials' ratios: it stays unknown with one.
    Trials that never traded have no ratio; they are counted, but are no part of that luck.
    """
    # One at a time: a family may have a million trials.
    kinds = np.dtype([("sharpe", np.float64), ("sessions", np.float64)])
    trials = np.fromiter(
        ((as_float(trial.sharpe), trial.sessions) for trial in family), dtype=kinds
    )
    sharpes = trials["sharpe"]
    known = sharpes[~np.isnan(sharpes)]
    own = trial_record(result)
    deflated = math.nan
    if len(known) > 1 and own.sharpe is not None:
        deflated = inference.deflated_sharpe(
            own.sharpe,
            own.sessions,
            skewness=as_float(own.skewness),
            kurtosis=as_float(own.kurtosis),
            trials=len(known),
            trial_variance=inference.trial_variance(
                sharpes, trials["sessions"], observations=own.sessions
            ),
        )
    inferred = {
        **section(result.metrics, "inference"),
        "trials": len(sharpes),
        "deflated_sharpe": None if math.isnan(deflated) else deflated,
    }
    return replace(result, metrics={**result.metrics, "inference": inferred})

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from backtest import inference
from backtest.report.trials import trial_record, with_trials
from backtest.trial_ledger import family, record_trials


def test_a_run_is_kept_with_the_moments_of_its_excess_returns(result):
    own = trial_record(result)
    nav = np.concatenate(([1_000_000.0], result.nav["nav"]))
    nav[0] = result.config["portfolio"]["cash"]["amount"]
    returns = nav[1:] / nav[:-1] - 1.0
    assert own.sessions == len(returns)
    assert own.mean == pytest.approx(returns.mean(), rel=1e-12)
    assert own.sharpe == pytest.approx(returns.mean() / returns.std(ddof=1), rel=1e-12)


def test_one_trial_is_counted_and_deflates_nothing(result):
    counted = with_trials(result, [trial_record(result)])
    assert counted.metrics["inference"]["trials"] == 1
    assert counted.metrics["inference"]["deflated_sharpe"] is None


def test_more_trials_deflate_by_their_spread(result):
    own = trial_record(result)
    others = [
        replace(own, fingerprint=str(k), sharpe=own.sharpe + 0.01 * k) for k in (-2, -1, 1, 2)
    ]
    counted = with_trials(result, [own, *others]).metrics["inference"]
    spread = float(np.var([0.01 * k for k in range(-2, 3)], ddof=1))
    assert counted["trials"] == 5
    assert counted["deflated_sharpe"] == pytest.approx(
        inference.deflated_sharpe(
            own.sharpe,
            own.sessions,
            skewness=own.skewness,
            kurtosis=own.kurtosis,
            trials=5,
            trial_variance=spread,
        ),
        rel=1e-9,
    )


def test_trials_over_longer_histories_are_brought_to_the_runs_own_length(result):
    own = trial_record(result)
    others = [
        replace(own, fingerprint=str(k), sharpe=0.01 * k, sessions=4 * own.sessions)
        for k in (-2, -1, 1, 2)
    ]
    idle = replace(own, fingerprint="idle", sharpe=None)
    counted = with_trials(result, [own, idle, *others]).metrics["inference"]
    statistics = [own.sharpe, -0.04, -0.02, 0.02, 0.04]  # twice each: root of four times as many
    assert counted["trials"] == 6
    assert counted["deflated_sharpe"] == pytest.approx(
        inference.deflated_sharpe(
            own.sharpe,
            own.sessions,
            skewness=own.skewness,
            kurtosis=own.kurtosis,
            trials=5,
            trial_variance=float(np.var(statistics, ddof=1)),
        ),
        rel=1e-9,
    )


def test_the_ledger_gives_back_what_a_run_left(result, tmp_path):
    own = trial_record(result)
    record_trials(tmp_path, [own])
    assert list(family(tmp_path, strategy=own.strategy, data=own.data)) == [own]

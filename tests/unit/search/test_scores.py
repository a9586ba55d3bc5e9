from __future__ import annotations

import math

import numpy as np
import pytest

from backtest import inference
from backtest.engine import Outline
from backtest.search.scores import block_starts, block_sums, scores_of


def test_blocks_are_those_of_the_test_of_overfitting():
    assert block_starts(10, 4).tolist() == [0, 2, 5, 7]
    counts = inference.block_sums(np.zeros((1_237, 1)), blocks=16).counts
    assert np.diff([*block_starts(1_237, 16), 1_237]).tolist() == counts.tolist()


def test_sums_of_blocks_give_the_mean_and_deviation_of_the_whole():
    excess = np.random.default_rng(3).normal(0.001, 0.01, 1_237)
    sums, squares = block_sums(excess, 16)
    mean = math.fsum(sums) / 1_237
    variance = (math.fsum(squares) - 1_237 * mean**2) / 1_236
    assert mean == pytest.approx(float(np.mean(excess)), rel=1e-12)
    assert math.sqrt(variance) == pytest.approx(float(np.std(excess, ddof=1)), rel=1e-12)


def test_fewer_sessions_than_blocks_have_no_sums():
    sums, squares = block_sums(np.array([0.1]), 2)
    assert all(map(math.isnan, sums + squares))


def test_a_rise_of_a_tenth_and_a_fall_back_by_hand():
    nav = np.array([100.0, 110.0, 99.0])
    sessions = np.array(["2024-01-02", "2024-01-03"], dtype="datetime64[D]")
    scores = scores_of(nav, sessions, risk_free=0.0, sessions_per_year=252.0)
    assert scores["total_return"] == pytest.approx(-0.01, abs=1e-15)
    assert scores["max_drawdown"] == pytest.approx(-0.1, abs=1e-15)
    assert scores["sessions"] == 2
    assert scores["mean"] == pytest.approx(0.0, abs=1e-15)
    assert scores["deviation"] == pytest.approx(math.sqrt(0.02), rel=1e-12)
    assert scores["sharpe_per_session"] == pytest.approx(0.0, abs=1e-12)


def test_a_trial_that_held_nothing_has_no_ratio_however_its_interest_came():
    nav = np.array([100.0, 100.01, 100.02, 100.05, 100.06])
    sessions = np.array(["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05"], "datetime64[D]")

    def scored(gross):
        outline = Outline(nav[1:], fills=0, turnover=0.0, costs=0.0, gross=gross)
        settings = {"risk_free": 0.0005, "sessions_per_year": 252.0}
        return scores_of(nav, sessions, **settings, outline=outline)

    idle, held = scored(0.0), scored(0.5)
    ratios = {name for name in held if held[name] == held[name] and idle[name] != idle[name]}
    assert ratios == {"sharpe", "sortino", "skewness", "kurtosis", "sharpe_per_session"}
    assert idle["total_return"] == held["total_return"]

from __future__ import annotations

import math

import numpy as np
import pytest

from backtest.inference import deflated_sharpe
from backtest.search import selection


def grid(scores: list[list[float]]) -> list[dict]:
    return [
        {"trial": 10 * i + j, "a": i, "b": j, "sharpe": score}
        for i, row in enumerate(scores)
        for j, score in enumerate(row)
    ]


def test_the_best_is_the_first_of_equals_and_unknown_scores_are_none():
    rows = [{"sharpe": None}, {"sharpe": 1.0}, {"sharpe": 2.0}, {"sharpe": 2.0}]
    assert selection.best(rows, "sharpe") == 2
    assert selection.best([{"sharpe": None}], "sharpe") is None


def test_where_less_is_better_the_smallest_wins():
    rows = [{"turnover": 3.0}, {"turnover": 1.0}]
    assert selection.best(rows, "turnover") == 1


def test_a_plateau_beats_a_spike():
    rows = grid(
        [
            [0.0, 0.0, 0.0, 1.0, 1.0],
            [0.0, 5.0, 0.0, 1.1, 1.0],
            [0.0, 0.0, 0.0, 1.0, 1.0],
        ]
    )
    assert rows[selection.best(rows, "sharpe")]["sharpe"] == 5.0
    chosen = rows[selection.plateau(rows, "sharpe", ["a", "b"])]
    # All of columns 3 and 4 have a median of 1.0 around them; the highest of them is taken.
    assert (chosen["b"], chosen["sharpe"]) == (3, 1.1)


def test_neighbours_on_a_grid_are_one_step_away_whatever_the_size_of_the_step():
    rows = [
        {"a": value, "sharpe": score}
        for value, score in ((1, 0.0), (2, 3.0), (100, 2.0), (1000, 2.5))
    ]
    # Medians: 1.5, 2.0, 2.5, 2.25: the third, between the two that are good.
    assert rows[selection.plateau(rows, "sharpe", ["a"])]["a"] == 100


def test_neighbours_of_random_draws_are_the_nearest():
    rng = np.random.default_rng(1)
    rows = [{"a": float(a), "sharpe": float(a > 0.7)} for a in rng.uniform(0, 1, 60)]
    rows[0] |= {"a": 0.05, "sharpe": 9.0}
    assert rows[selection.plateau(rows, "sharpe", ["a"])]["a"] > 0.7


def test_deflated_takes_the_best_only_when_luck_does_not_explain_it():
    def rows(best: float) -> list[dict]:
        sharpes = [*np.linspace(-0.05, 0.05, 30).tolist(), best]
        return [
            {
                "sharpe": s,
                "sharpe_per_session": s,
                "sessions": 1000,
                "skewness": 0.0,
                "kurtosis": 3.0,
            }
            for s in sharpes
        ]

    assert selection.deflated(rows(0.30), "sharpe", at_least=0.95) == 30
    assert selection.deflated(rows(0.06), "sharpe", at_least=0.95) is None


def test_the_deflated_ratio_is_that_of_the_published_formula():
    sharpes = [0.01, 0.03, 0.08]
    rows = [
        {"sharpe_per_session": s, "sessions": 500, "skewness": -0.5, "kurtosis": 6.0}
        for s in sharpes
    ]
    wanted = deflated_sharpe(
        0.08, 500, trials=3, trial_variance=np.var(sharpes, ddof=1), skewness=-0.5, kurtosis=6.0
    )
    assert selection.deflated_of(rows, 2) == pytest.approx(wanted, rel=1e-15)
    assert math.isnan(selection.deflated_of(rows[:1], 0))


def test_a_trial_that_never_traded_is_never_chosen_however_steady_its_interest():
    rows = [{"sharpe": 25.0, "fills": 0}, {"sharpe": 0.1, "fills": 8}]
    assert selection.best(rows, "sharpe") == 1


def test_a_draw_that_comes_twice_is_no_neighbour_of_itself():
    rows = [
        {"fingerprint": str(value), "fills": 1, "sharpe": float(value == 3), "a": value}
        for value in (0, 1, 2, 3, 3, 3, 3, 3, 3, 4, 5)
    ]
    runs = selection.distinct(rows)
    assert [row["a"] for row in runs] == [0, 1, 2, 3, 4, 5]
    assert selection.neighbourhood_median(rows, "sharpe", ["a"], 3) == 1.0
    assert selection.neighbourhood_median(runs, "sharpe", ["a"], 3) == 0.0

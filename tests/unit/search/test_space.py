from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from pydantic import ValidationError

from backtest.research import Draw, RandomSearch, SweepSettings
from backtest.search.space import Draws, Grid, draw, plan_of


def drawn(space: dict, n: int, seed: int = 0) -> list[dict]:
    plan = Draws(RandomSearch(n=n, seed=seed, space=space))
    return [plan.values(number) for number in range(n)]


def test_a_grid_is_every_combination_the_last_key_fastest():
    choices = {"a": [1, 2], "b": ["x", "y", "z"], "c": [None, 0.5]}
    plan = Grid(choices)
    wanted = [dict(zip(choices, row, strict=True)) for row in itertools.product(*choices.values())]
    assert plan.count == 12
    assert [plan.values(number) for number in range(12)] == wanted


def test_a_trial_draws_the_same_whatever_the_number_of_trials_and_the_order_of_keys():
    a = {"a": {"uniform": [0, 1]}, "b": {"integers": [1, 9]}}
    b = dict(reversed(a.items()))
    assert drawn(a, 3) == drawn(a, 10)[:3]
    assert drawn(a, 5) == drawn(b, 5)


def test_another_seed_draws_other_values():
    space = {"a": {"uniform": [0, 1]}}
    assert drawn(space, 5) != drawn(space, 5, seed=1)


def test_whole_numbers_reach_both_ends_and_nothing_else():
    values = {row["a"] for row in drawn({"a": {"integers": [2, 5]}}, 300)}
    assert values == {2, 3, 4, 5}


def test_steps_of_whole_numbers_begin_at_the_low_end():
    values = {row["a"] for row in drawn({"a": {"integers": [5, 20], "step": 5}}, 300)}
    assert values == {5, 10, 15, 20}


def test_steps_of_fractions_read_as_they_would_be_written():
    values = {row["a"] for row in drawn({"a": {"uniform": [0.02, 0.06], "step": 0.01}}, 300)}
    assert values == {0.02, 0.03, 0.04, 0.05, 0.06}


def test_even_in_the_logarithm_puts_as_many_below_the_geometric_mean():
    values = [row["a"] for row in drawn({"a": {"log_uniform": [0.001, 0.1]}}, 2000)]
    assert all(0.001 <= value <= 0.1 for value in values)
    # Half of 2,000 fall below 0.01 but for three standard deviations, 3 x sqrt(500) = 67.
    assert abs(sum(value < 0.01 for value in values) - 1000) < 67


def test_a_normal_draw_has_its_mean_and_deviation():
    values = [row["a"] for row in drawn({"a": {"normal": [3.0, 0.5]}}, 4000)]
    mean = math.fsum(values) / 4000
    spread = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / 4000)
    assert mean == pytest.approx(3.0, abs=3 * 0.5 / math.sqrt(4000))
    assert spread == pytest.approx(0.5, abs=3 * 0.5 / math.sqrt(8000))


def test_a_choice_may_be_anything():
    values = {str(row["a"]) for row in drawn({"a": {"choice": [None, True, "x", [1, 2]]}}, 100)}
    assert values == {"None", "True", "x", "[1, 2]"}


@pytest.mark.parametrize(
    ("space", "words"),
    [
        ({}, "exactly one of"),
        ({"uniform": [0, 1], "choice": [1]}, "got choice, uniform"),
        ({"uniform": [1, 0]}, "low below high"),
        ({"log_uniform": [0, 1]}, "above 0"),
        ({"normal": [0, 0]}, "deviation above 0"),
        ({"choice": [1], "step": 1}, "does not go with choice"),
    ],
)
def test_a_draw_that_cannot_be_says_why(space, words):
    with pytest.raises(ValidationError, match=words):
        Draw.model_validate(space)


def test_a_sweep_is_one_of_the_three():
    with pytest.raises(ValidationError, match="exactly one of grid, random, optuna, got none"):
        SweepSettings.model_validate({})
    with pytest.raises(ValidationError, match="got grid, random"):
        SweepSettings.model_validate(
            {"grid": {"a": [1]}, "random": {"n": 1, "space": {"b": {"choice": [1]}}}}
        )
    with pytest.raises(ValidationError, match="no value for a"):
        SweepSettings.model_validate({"grid": {"a": []}})


def test_a_study_has_no_plan_ahead():
    sweep = SweepSettings.model_validate(
        {"optuna": {"n_trials": 3, "space": {"a": {"choice": [1]}}}}
    )
    with pytest.raises(ValueError, match="as it goes"):
        plan_of(sweep)


@pytest.mark.parametrize("kind", ["uniform", "log_uniform"])
def test_no_step_leads_beyond_the_high_end(kind):
    # 1 + 2 x 0.6 would be 2.2; the nearest step to 1.99 is that one.
    space = Draw.model_validate({kind: [1.0, 2.0], "step": 0.6})
    drawn = {draw(space, np.random.default_rng(seed)) for seed in range(60)}
    assert drawn == {1.0, 1.6}

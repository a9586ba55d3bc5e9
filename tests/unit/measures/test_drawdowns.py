import math
from datetime import date

import numpy as np
import pytest

from backtest.measures import drawdowns, performance


def days(*texts: str) -> np.ndarray:
    return np.array(texts, dtype="datetime64[D]")


def weekdays(first: str, count: int) -> np.ndarray:
    return np.busday_offset(np.datetime64(first), np.arange(count), roll="forward")


def noisy(seed: int = 7, count: int = 600, drift: float = 0.0004) -> np.ndarray:
    return np.random.default_rng(seed).normal(drift, 0.012, count)


def test_an_episode_runs_from_the_peak_to_the_first_close_back_at_it():
    dates = days("2024-01-02", "2024-01-03", "2024-01-05", "2024-01-08", "2024-01-09")
    [fall] = drawdowns.drawdown_episodes(np.array([100.0, 110, 88, 99, 110, 120]), dates)
    assert (fall.peak, fall.trough, fall.recovery) == (
        date(2024, 1, 2),
        date(2024, 1, 3),
        date(2024, 1, 8),
    )
    assert fall.depth == pytest.approx(-0.2, abs=1e-15)
    assert (fall.days, fall.sessions, fall.fall_days) == (6, 3, 1)


def test_an_episode_starts_at_the_last_session_of_a_flat_peak():
    dates = days("2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05")
    [fall] = drawdowns.drawdown_episodes(np.array([100.0, 110, 110, 99, 110]), dates)
    assert (fall.peak, fall.sessions) == (date(2024, 1, 3), 2)


def test_two_falls_are_two_episodes_in_time_order():
    dates = weekdays("2024-01-01", 5)
    nav = np.array([100.0, 90, 100, 110, 55, 66])
    assert [fall.depth for fall in drawdowns.drawdown_episodes(nav, dates)] == pytest.approx(
        [-0.1, -0.5]
    )


def test_a_rising_account_has_no_episode_and_no_calmar():
    dates, nav = weekdays("2024-01-01", 3), np.array([1.0, 1.1, 1.1, 1.2])
    assert drawdowns.drawdown_episodes(nav, dates) == []
    assert drawdowns.max_drawdown(nav) == 0.0
    assert math.isnan(drawdowns.calmar(nav, dates))
    assert math.isnan(drawdowns.recovery_factor(nav))


def test_rounding_is_no_drawdown():
    nav = np.array([1e6, 1e6 - 1e-9, 1e6])
    assert drawdowns.max_drawdown(nav) == 0.0


def test_a_loss_has_a_negative_calmar_and_recovery_factor():
    dates, nav = days("2021-01-01", "2024-12-31"), np.array([100.0, 100.0, 60.0])
    assert drawdowns.calmar(nav, dates) < 0.0
    assert drawdowns.recovery_factor(nav) == pytest.approx(-1.0)


def test_ulcer_index_is_the_root_mean_square_of_the_drawdown():
    nav = np.array([100.0, 80, 100, 100, 100])
    assert drawdowns.ulcer_index(nav) == pytest.approx(0.1)


def test_episodes_cover_every_session_under_water_once():
    nav = performance.wealth_from(noisy(seed=3))
    dates = weekdays("2020-01-01", nav.size - 1)
    falls = drawdowns.drawdown(nav)
    episodes = drawdowns.drawdown_episodes(nav, dates)
    under = sum(one.sessions - (one.recovery is not None) for one in episodes)
    assert under == int(np.sum(falls < 0.0))
    assert min(one.depth for one in episodes) == drawdowns.max_drawdown(nav)


def test_an_account_that_was_never_worth_anything_has_no_peak_to_fall_from():
    assert np.isnan(drawdowns.drawdown(np.zeros(4))).all()
    assert drawdowns.drawdown(np.array([100.0, 0.0, 0.0])).tolist() == [-1.0, -1.0]

"""Whoever peeks is caught; whoever does not passes."""

import numpy as np
import pandas as pd
import pytest

from backtest import Strategy
from backtest.clock import ClockSettings
from backtest.errors import StrategyError
from backtest.execution import Portfolio
from backtest.panel.universe import UniverseSettings
from backtest.testing import check_strategy, rough_market
from backtest.testing.lookahead import _moved, _moved_mask
from backtest.testing.panels import Recipe, scene_of
from tests.unit.testing.peekers import PEEKERS, CountsListings, FixedDate, Honest, NextSession, best

DECIDE = [
    ClockSettings(decide="before_open"),
    ClockSettings(decide="after_close"),
    ClockSettings(rebalance="month"),
    ClockSettings(base="XNYS", decide="after_close", rebalance="week"),
]


def failure(strategy, **settings):
    """Text of the report that a check fails with."""
    with pytest.raises(AssertionError) as caught:
        check_strategy(strategy, **settings)
    return str(caught.value)


@pytest.mark.parametrize("peeker", PEEKERS, ids=lambda kind: kind.__name__)
def test_it_is_caught(peeker, rough):
    assert "FAILED  look-ahead, cut" in failure(peeker(), bundle=rough)


@pytest.mark.parametrize(
    "clock", DECIDE, ids=lambda one: f"{one.base}-{one.decide}-{one.rebalance}"
)
def test_tomorrows_close_is_caught_whenever_one_decides(clock, rough):
    told = failure(NextSession(), bundle=rough, clock=clock)
    assert "FAILED  look-ahead, cut" in told
    assert "FAILED  look-ahead, changed" in told


@pytest.mark.parametrize(
    "clock", DECIDE, ids=lambda one: f"{one.base}-{one.decide}-{one.rebalance}"
)
def test_the_honest_passes_whenever_one_decides(clock, rough):
    report = check_strategy(Honest(), rough, clock=clock)
    assert report.passed
    assert len(report.decisions) >= 5


@pytest.mark.parametrize("seed", range(3))
def test_another_rough_market_changes_no_verdict(seed):
    market = rough_market(seed + 1)
    assert check_strategy(Honest(), market).passed
    assert "look-ahead, changed" in failure(NextSession(), bundle=market)


def test_the_first_weight_that_moved_is_told_with_date_symbol_and_size(rough):
    told = failure(CountsListings(), bundle=rough)
    # Thirteen names by the end, eleven before the two listings: 0.25 x 10 / 13 and / 11.
    assert "weight 0.192308, but 0.227273 with the future cut off after" in told
    assert "weights moved, by 0.035 at most" in told


def test_a_strategy_that_breaks_without_its_future_fails_with_its_error(rough):
    assert "it breaks down with the future cut off" in failure(FixedDate(), bundle=rough)
    assert "KeyError: '2023-05-31'" in failure(FixedDate(), bundle=rough)


class NeedsEarnings(Strategy):
    """Refuses to work where no earnings are known at all, as the panel itself does."""

    def target_weights(self, panel):
        return best(panel, panel.fact("eps_ttm") / panel.close)


def test_what_was_not_there_yet_is_a_note_and_no_failure(rough):
    report = check_strategy(NeedsEarnings(), rough)
    (cut,) = [claim for claim in report.claims if claim.name == "look-ahead, cut"]
    assert cut.holds
    assert any("has no fact 'eps_ttm'" in note for note in cut.notes)


class Refuses(Strategy):
    """Works on the whole market alone."""

    def target_weights(self, panel):
        if len(panel.symbols) < 13 or panel.sessions[-1] < pd.Timestamp("2023-06-30"):
            raise StrategyError("too little data")
        return best(panel, panel.close)


def test_a_strategy_that_answers_at_no_cut_has_proved_nothing(rough):
    assert "could be asked at no decision" in failure(Refuses(), bundle=rough)


class InverseVolatility(Strategy):
    """Honest, but a sum over columns rounds another way where later listings are cut away."""

    def target_weights(self, panel):
        risk = panel.returns.rolling(20).std().where(panel.universe)
        share = 1.0 / risk.where(risk > 0.0)
        return share.div(share.sum(axis=1), axis=0) * 0.999


def test_rounding_over_fewer_columns_is_no_peek(rough):
    assert check_strategy(InverseVolatility(), rough).passed


def test_rounding_is_forgiven_where_columns_were_cut_away_and_nowhere_else():
    days = pd.bdate_range("2024-01-01", periods=2)
    before = pd.DataFrame([[0.1, 0.2], [0.3, np.nan]], index=days, columns=["A", "B"])
    after = before * (1.0 + 4e-16)
    assert (after != before).to_numpy().any()
    assert _moved(before, after, days[1], "x", exact=False)[0] == []
    assert _moved(before, after, days[1], "x", exact=True)[0] != []
    assert _moved(before, before * (1.0 + 1e-11), days[1], "x", exact=False)[0] != []


def test_a_column_that_is_gone_may_have_asked_for_nothing_and_only_that():
    days = pd.bdate_range("2024-01-01", periods=2)
    before = pd.DataFrame([[0.5, 0.0], [0.5, np.nan]], index=days, columns=["A", "B"])
    assert _moved(before, before[["A"]], days[1], "x", exact=False)[0] == []
    before.loc[days[0], "B"] = 0.1
    (told,) = _moved(before, before[["A"]], days[1], "x", exact=False)[0]
    assert told == "2024-01-01 B: weight 0.1, but nan with x"


def test_later_rows_may_move():
    days = pd.bdate_range("2024-01-01", periods=2)
    before = pd.DataFrame({"A": [0.5, 0.5]}, index=days)
    after = pd.DataFrame({"A": [0.5, 0.7]}, index=days)
    assert _moved(before, after, days[0], "x", exact=True) == ([], 0.0)


def test_a_universe_that_moved_is_told_with_its_first_place(rough):
    def scene(history):
        return scene_of(
            Recipe(ClockSettings(), UniverseSettings(min_history=history), Portfolio()), rough
        )

    young, old = scene(0), scene(30)
    last = young.panel.sessions[-1]
    assert _moved_mask(young, young, last, "x") == []
    (told,) = _moved_mask(young, old, last, "x")
    assert told.startswith("2022-01-03 0001.HK: in the universe, but out of it with x; ")

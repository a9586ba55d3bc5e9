"""What a strategy owes besides not looking ahead, each claim broken by somebody."""

import itertools

import numpy as np
import pandas as pd
import pytest
from pydantic import field_serializer

from backtest import Strategy
from backtest.execution import Portfolio
from backtest.panel.universe import UniverseSettings
from backtest.testing import check_strategy
from backtest.testing.conformance import shuffled
from tests.unit.testing.peekers import Honest, best


def failed(strategy, bundle, **settings):
    """Faults of each claim that fails."""
    with pytest.raises(AssertionError) as caught:
        check_strategy(strategy, bundle, **settings)
    lines = str(caught.value).splitlines()
    found = {}
    for line in lines[1:]:
        if line.startswith(("  FAILED", "  passed")):
            claim = line[10:].partition(":")[0]
        if line.startswith("  FAILED"):
            found[claim] = []
        elif line.startswith("          - "):
            found[claim].append(line[12:])
    return found


class Doubled(Strategy):
    def target_weights(self, panel):
        return best(panel, panel.close) * 3.0


class Index(Strategy):
    def target_weights(self, panel):
        weights = panel.close * np.nan
        weights["HSI"] = 0.1
        return weights


class Endless(Strategy):
    """Infinite where the month's rebalance does not look."""

    def target_weights(self, panel):
        weights = best(panel, panel.close)
        return weights.where(panel.rebalance, np.inf, axis=0)


class Transposed(Strategy):
    def target_weights(self, panel):
        return best(panel, panel.close).T


class Array(Strategy):
    def target_weights(self, panel):
        return best(panel, panel.close).to_numpy()


class WritesToThePanel(Strategy):
    def target_weights(self, panel):
        panel.close["signal"] = 1.0
        return best(panel, panel.adjusted_close)


class WritesToAFact(Strategy):
    def target_weights(self, panel):
        weights = best(panel, panel.fact("eps_ttm"))
        panel.fact("eps_ttm")["signal"] = 1.0
        return weights


CALLS = itertools.count()


class Counts(Strategy):
    """Another answer whenever it is asked."""

    def target_weights(self, panel):
        return best(panel, panel.close) * (0.5 + 1e-9 * next(CALLS))


class LosesAParameter(Strategy):
    lookback: int = 20

    @field_serializer("lookback")
    def _half(self, value):
        return value // 2

    def target_weights(self, panel):
        return best(panel, panel.close)


class KnowsTheOrderOfRows(Strategy):
    """What a strategy that depends on how the data was read would look like."""

    def target_weights(self, panel):
        return best(panel, panel.close) * (1.0 if panel._bundle.checks else 0.5)


def test_more_than_the_account_is_told_by_date(rough):
    faults = failed(Doubled(), rough)
    assert list(faults) == ["tradable"]
    assert faults["tradable"][0].startswith("2022-01-04: absolute weights sum to 2.25")


def test_more_than_the_account_passes_where_the_portfolio_allows_it(rough):
    assert check_strategy(Doubled(), rough, portfolio=Portfolio(max_gross=2.5)).passed


def test_a_weight_outside_the_universe_is_told(rough):
    faults = failed(Index(), rough)
    assert list(faults) == ["tradable"]
    assert "HSI: weight 0.1 is outside the universe" in faults["tradable"][0]


def test_an_infinite_weight_is_told_even_where_no_order_is_sent(rough):
    from backtest.clock import ClockSettings

    faults = failed(Endless(), rough, clock=ClockSettings(rebalance="month"))
    assert faults["tradable"] == ["2022-01-04 0001.HK: weight is infinite"]


def test_rows_for_columns_are_told(rough):
    assert failed(Transposed(), rough) == {"frame": ["13 rows came back for the panel's 366"]}


def test_an_array_is_no_frame(rough):
    assert failed(Array(), rough) == {"frame": ["a ndarray came back instead of a frame"]}


@pytest.mark.parametrize(
    ("kind", "frame"), [(WritesToThePanel, "close"), (WritesToAFact, "fact('eps_ttm')")]
)
def test_a_panel_that_was_written_to_is_told(rough, kind, frame):
    assert failed(kind(), rough)["panel"] == [
        f"panel.{frame} is another than before; work on a copy"
    ]


def test_another_answer_to_the_same_question_is_told(rough):
    assert "when asked again" in failed(Counts(), rough)["repeatable"][0]


def test_a_parameter_that_does_not_come_back_from_yaml_is_told(rough):
    assert failed(LosesAParameter(), rough) == {"parameters": ["lookback: 10 came back"]}


def test_weights_that_depend_on_the_order_of_input_are_told(rough):
    assert list(failed(KnowsTheOrderOfRows(), rough)) == ["order of input"]


def test_a_shuffled_market_is_the_same_market(rough):
    again = shuffled(rough, seed=1)
    for name, table in rough.tables.items():
        pd.testing.assert_frame_equal(again.tables[name], table)


def test_an_error_of_the_strategy_on_the_market_itself_is_the_strategys(rough):
    class Broken(Strategy):
        def target_weights(self, panel):
            return {}["lookback"]

    with pytest.raises(KeyError, match="lookback"):
        check_strategy(Broken(), rough)


def test_a_strategy_that_sends_nothing_passes_with_a_note(rough):
    class Silent(Strategy):
        def target_weights(self, panel):
            return panel.close * np.nan

    report = check_strategy(Silent(), rough)
    assert report.notes == ("it sent no order at all, so that little was there to move",)


def test_the_universe_of_the_check_is_the_authors(rough):
    report = check_strategy(Honest(), rough, universe=UniverseSettings(kind=("etf",)))
    assert report.passed

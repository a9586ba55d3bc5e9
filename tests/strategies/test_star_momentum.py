"""star_momentum on straight lines: who rises faster is plain to see."""

import numpy as np
import pytest
from pydantic import ValidationError

from backtest.errors import StrategyError
from strategies.star_momentum import StarMomentum

NAN = np.nan
ROWS = 30


def line(daily, rows=ROWS):
    return 100.0 * (1.0 + daily) ** np.arange(rows)


def strategy(**params):
    return StarMomentum(**{"weak": "H", "window": 5, "skip": 0, "top": 2, "keep": 2, **params})


@pytest.fixture
def panel_of(make_panel):
    def make(close, **parts):
        inside = [[symbol != "H" for symbol in close]] * len(next(iter(close.values())))
        parts.setdefault("universe", inside)
        return make_panel(close, **parts)

    return make


def held(weights, row):
    level = weights.ffill().iloc[row]
    return set(weights.columns[level > 0])


def test_the_two_that_rose_most_are_held_at_a_half_each(panel_of):
    panel = panel_of({"A": line(0.01), "B": line(0.02), "C": line(0.03), "H": line(0.0)})
    weights = strategy().target_weights(panel)
    assert held(weights, 5) == {"B", "C"}
    assert weights.iloc[5].dropna().tolist() == [0.5, 0.5]
    assert weights.iloc[:5].isna().to_numpy().all()  # no strength is known yet


def test_nothing_is_held_while_hong_kong_is_the_stronger(panel_of):
    panel = panel_of({"A": line(0.01), "B": line(0.02), "H": line(0.05)})
    assert strategy().target_weights(panel).isna().to_numpy().all()


def test_all_is_sold_when_hong_kong_overtakes(panel_of):
    hong_kong = np.where(np.arange(ROWS) < 20, 100.0, 300.0)
    panel = panel_of({"A": line(0.01), "B": line(0.02), "H": hong_kong})
    weights = strategy().target_weights(panel)
    assert held(weights, 19) == {"A", "B"}
    assert weights.iloc[20][["A", "B"]].tolist() == [0.0, 0.0]


def test_the_lead_must_be_as_large_as_asked(panel_of):
    # 1 % a row against nothing is 5.1 % in five rows.
    panel = panel_of({"A": line(0.01), "H": line(0.0)})
    assert held(strategy(lead=0.05).target_weights(panel), -1) == {"A"}
    assert held(strategy(lead=0.052).target_weights(panel), -1) == set()


def test_a_name_that_hong_kong_beats_is_not_bought_though_the_board_leads(panel_of):
    panel = panel_of({"A": line(0.05), "B": line(-0.01), "H": line(0.0)})
    assert held(strategy().target_weights(panel), -1) == {"A"}


def test_an_index_of_the_mainland_may_stand_for_the_board(panel_of):
    close = {"A": line(0.05), "K": line(-0.01), "H": line(0.0)}
    inside = [[True, False, False]] * ROWS
    panel = panel_of(close, universe=inside)
    assert held(strategy(strong="K").target_weights(panel), -1) == set()
    assert held(strategy().target_weights(panel), -1) == {"A"}


def test_a_held_name_stays_while_its_rank_is_within_the_band(panel_of):
    # B falls from second to third at row 20.
    b = np.concatenate([line(0.02)[:20], line(0.02)[19] * 1.005 ** np.arange(1, 11)])
    close = {"A": line(0.01), "B": b, "C": line(0.03), "H": line(0.0)}
    assert held(strategy(keep=3).target_weights(panel_of(close)), -1) == {"B", "C"}
    assert held(strategy(keep=2).target_weights(panel_of(close)), -1) == {"A", "C"}


def test_the_latest_rows_may_be_left_out_of_a_names_own_strength(panel_of):
    jump = line(0.01)
    jump[-1] *= 2.0  # the last row's jump is what skip leaves out
    panel = panel_of({"A": jump, "B": line(0.02), "H": line(0.0)})
    assert held(strategy(top=1, keep=1).target_weights(panel), -1) == {"A"}
    assert held(strategy(top=1, keep=1, skip=1).target_weights(panel), -1) == {"B"}


def test_symbols_that_the_bundle_lacks_are_named(panel_of):
    with pytest.raises(StrategyError, match="'H' is not in the bundle"):
        strategy().target_weights(panel_of({"A": line(0.01)}))
    with pytest.raises(StrategyError, match="'K' is not in the bundle"):
        strategy(strong="K").target_weights(panel_of({"A": line(0.01), "H": line(0.0)}))


def test_bands_and_windows_must_fit():
    with pytest.raises(ValidationError, match="keep must be at least top"):
        StarMomentum(top=5, keep=4)
    with pytest.raises(ValidationError, match="skip must be below window"):
        StarMomentum(window=5, skip=5)

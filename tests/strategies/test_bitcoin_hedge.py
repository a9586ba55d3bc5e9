"""bitcoin_hedge as a sleeve alone and over another strategy."""

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from backtest.clock import ClockSettings
from backtest.errors import StrategyError
from backtest.execution import Execution
from strategies.bitcoin_hedge import BitcoinHedge
from strategies.equal_weight import EqualWeight

NAN = np.nan
ROWS = 60
SWING = [*[0.02, -0.02] * 30][:ROWS]  # a standard deviation of 2.02 to 2.05 %, rows skipped


def path(moves):
    return 100.0 * np.cumprod(1.0 + np.asarray(moves))


def strategy(**params):
    return BitcoinHedge(**{"coin": "B", "source": "US", "days": 20, **params})


@pytest.fixture
def panel_of(make_panel):
    def make(source=None, coin=SWING, **parts):
        source = [0.0] * ROWS if source is None else source
        close = {"A": [10.0] * ROWS, "B": path(coin), "US": path(source)}
        parts.setdefault("universe", [[1, 1, 0]] * ROWS)
        return make_panel(close, **parts)

    return make


def test_a_calm_coin_gets_all_of_the_reserve_and_a_wild_one_less(panel_of):
    # 2.05 % a row is 32.6 % a year; a risk of 1.63 % buys a twentieth.
    weights = strategy(risk=0.0163, reserve=0.1).target_weights(panel_of())
    assert weights["B"].iloc[-1] == pytest.approx(0.05, rel=0.01)
    assert strategy(risk=0.2).target_weights(panel_of())["B"].iloc[-1] == 0.1


def test_alone_it_orders_nothing_but_the_coin(panel_of):
    weights = strategy().target_weights(panel_of())
    assert weights[["A", "US"]].isna().to_numpy().all()


def test_the_base_gets_what_is_not_reserved(panel_of):
    panel = panel_of(universe=[[1, 0, 0]] * 30 + [[1, 1, 0]] * 30)
    weights = strategy(base={"name": "equal_weight"}, reserve=0.2, risk=9.0).target_weights(panel)
    assert weights["A"].iloc[0] == 0.8
    assert weights["A"].iloc[-1] == 0.4  # the base holds the coin's half, which the sleeve replaces
    assert weights["B"].iloc[-1] == 0.2


def test_stress_buys_the_reserve_and_the_time_after_it_sells(panel_of):
    fall = [0.0] * 30 + [-0.04, -0.04] + [0.0] * 28
    sleeve = strategy(size="stress", window=5, fall=0.07, hold=10, reserve=0.1)
    weights = sleeve.target_weights(panel_of(fall))["B"]
    # The fall of 7.84 % is seen in rows 31 to 34, while the window of five rows spans both days.
    assert (weights.iloc[:31] == 0.0).all()
    assert (weights.iloc[31:44] == 0.1).all()
    assert (weights.iloc[44:] == 0.0).all()


def test_stress_begins_once_and_says_how_deep_the_fall_was(panel_of):
    fall = [0.0] * 30 + [-0.04, -0.04] + [0.0] * 28
    panel = panel_of(fall)
    hedge = strategy(window=5, fall=0.07)
    events = hedge.events(panel, hedge.target_weights(panel))
    assert events["symbol"].tolist() == ["B"]
    assert panel.sessions.get_loc(events["session"].item()) == 31
    assert events["depth"].item() == pytest.approx(0.96 * 0.96 - 1.0, abs=1e-12)


def test_nothing_is_ordered_without_a_price_outside_the_universe_or_between_rebalances(panel_of):
    universe = [[1, row < 50, 0] for row in range(ROWS)]
    panel = panel_of(universe=universe, rebalance=[row % 2 == 0 for row in range(ROWS)])
    weights = strategy().target_weights(panel)["B"]
    assert weights.iloc[50:].isna().all()
    assert weights.iloc[21:50:2].isna().all()
    assert weights.iloc[20:50:2].notna().all()


def test_symbols_that_the_bundle_lacks_are_named(panel_of):
    with pytest.raises(StrategyError, match="'X' is not in the bundle"):
        strategy(coin="X").target_weights(panel_of())
    with pytest.raises(StrategyError, match="'X' is not in the bundle"):
        strategy(source="X").target_weights(panel_of())


def test_the_faults_of_the_base_are_its_own_and_a_schedule_is_one():
    late = ClockSettings(decide="after_close")
    dip = strategy(base={"name": "spillover_dip"})
    assert dip.faults(Execution(), late) == [
        "spillover_dip pairs its returns for clock.decide: before_open"
    ]
    assert dip.faults(Execution(), ClockSettings()) == []
    listings = strategy(base={"name": "ipo_day_one"})
    assert listings.faults(Execution(), ClockSettings()) == [
        "bitcoin_hedge cannot lie over 'ipo_day_one', which has a schedule of its own"
    ]
    assert strategy().faults(Execution(), late) == []


@pytest.mark.parametrize(
    ("base", "said"),
    [
        ({"name": "low_pe"}, r"No strategy 'low_pe'\. Known: .*low_pe_rotation"),
        ({"name": "low_pe_rotation", "params": {"topp": 3}}, r"params\.topp: Extra inputs"),
        ({"name": "low_pe_rotation", "params": {"top": 9, "keep": 3}}, "keep must be at least top"),
    ],
)
def test_a_base_that_cannot_be_is_refused_at_once(base, said):
    with pytest.raises(ValidationError, match=said):
        strategy(base=base)


def test_the_source_of_the_base_is_part_of_what_the_run_depends_on():
    names = [file.name for file in strategy(base={"name": "equal_weight"}).inputs()]
    assert names == ["equal_weight.py"]
    assert strategy().inputs() == ()


def test_over_a_base_it_is_the_base_scaled(panel_of):
    panel = panel_of(universe=[[1, 0, 0]] * ROWS)
    over = strategy(base={"name": "equal_weight"}, reserve=0.25).target_weights(panel)
    alone = EqualWeight().target_weights(panel)
    pd.testing.assert_series_equal(over["A"], alone["A"] * 0.75)

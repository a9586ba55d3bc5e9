"""southbound_flow on flows small enough to add up by hand."""

import numpy as np
import pytest

from backtest.errors import StrategyError
from strategies.southbound_flow import SouthboundFlow

NAN = np.nan
ROWS = 30


def column(changes, rows=ROWS, plain=NAN):
    """``plain`` but for the rows of ``changes``."""
    return [changes.get(row, plain) for row in range(rows)]


def strategy(**params):
    plain = {"flow": "net", "window": 5, "min_days": 2, "enter": 0.05, "leave": 0.0, "top": 2}
    return SouthboundFlow(**{**plain, "patience": 3, **params})


@pytest.fixture
def panel_of(make_panel):
    """Prices of 10 and volumes of 100: a turnover of 1,000 in every row."""

    def make(flows, **parts):
        rows = len(next(iter(flows.values())))
        close = dict.fromkeys(flows, [10.0] * rows)
        net = np.column_stack(list(flows.values()))
        return make_panel(close, volume=np.full(net.shape, 100.0), flows={"net": net}, **parts)

    return make


def orders(weights, symbol):
    known = weights[symbol].dropna()
    return {weights.index.get_loc(day): value for day, value in known.items()}


def test_a_name_is_bought_on_its_second_published_day_in_the_window(panel_of):
    # 60 and 80 are 6 % and 8 % of the turnover: above 5 %.
    panel = panel_of({"A": column({20: 60.0, 22: 80.0})})
    assert next(iter(orders(strategy().target_weights(panel), "A").items())) == (22, 0.5)


def test_one_published_day_is_no_signal_however_large(panel_of):
    panel = panel_of({"A": column({20: 900.0})})
    assert orders(strategy().target_weights(panel), "A") == {}
    assert orders(strategy(min_days=1).target_weights(panel), "A")[20] == 0.5


def test_a_day_off_the_list_is_unknown_and_not_zero(panel_of):
    # The mean of the published days is 6 %; with three zeros for the others it would be 2.4 %.
    censored = panel_of({"A": column({20: 60.0, 21: 60.0})})
    zeros = panel_of({"A": column({18: 0.0, 19: 0.0, 20: 60.0, 21: 60.0, 22: 0.0})})
    assert 21 in orders(strategy(window=5).target_weights(censored), "A")
    assert orders(strategy(window=5).target_weights(zeros), "A") == {}


def test_a_held_name_is_sold_when_what_is_published_says_so(panel_of):
    panel = panel_of({"A": column({20: 60.0, 21: 60.0, 22: -130.0})})
    assert orders(strategy().target_weights(panel), "A") == {21: 0.5, 22: 0.0}


def test_a_held_name_without_a_signal_is_kept_for_some_rows_and_then_sold(panel_of):
    # Two figures are in the window until row 24; patience lasts three rows more.
    panel = panel_of({"A": column({20: 60.0, 21: 60.0})})
    assert orders(strategy(patience=3).target_weights(panel), "A") == {21: 0.5, 28: 0.0}


def test_the_most_bought_come_first_by_their_own_turnover(panel_of):
    flows = {
        "A": column({20: 60.0, 21: 60.0}),
        "B": column({20: 90.0, 21: 90.0}),
        "C": column({20: 70.0, 21: 70.0}),
    }
    weights = strategy().target_weights(panel_of(flows))
    assert set(weights.columns[weights.iloc[21] > 0]) == {"B", "C"}


def test_only_decisions_that_may_send_orders_act(panel_of):
    flows = {"A": column({20: 60.0, 21: 60.0, 22: 60.0})}
    may = [row % 5 == 0 for row in range(ROWS)]
    weights = strategy(patience=9).target_weights(panel_of(flows, rebalance=may))
    assert orders(weights, "A") == {25: 0.5}  # row 20 knew one figure
    may = [row % 2 == 0 for row in range(ROWS)]
    weights = strategy(patience=9).target_weights(panel_of(flows, rebalance=may))
    assert next(iter(orders(weights, "A"))) == 22


def test_what_leaves_the_universe_is_sold(panel_of):
    universe = [[row != 23] for row in range(ROWS)]
    panel = panel_of({"A": column({20: 60.0, 21: 60.0})}, universe=universe)
    assert orders(strategy().target_weights(panel), "A")[23] == 0.0


def market(**params):
    return strategy(**{"market": "E", "history": 20, "enter_z": 1.0, "leave_z": 0.0, **params})


def test_the_market_is_held_while_buying_stands_out_against_its_year(make_panel):
    net = [1.0 if row % 2 else -1.0 for row in range(24)] + [9.0, 9.0, -9.0, -9.0, -9.0, 0.0]
    panel = make_panel({"E": [10.0] * ROWS, "A": [10.0] * ROWS}, market_flows={"net": net})
    weights = market(window=2).target_weights(panel)
    assert orders(weights, "A") == {}
    # The mean of rows 25 and 26 is 0, below what the year brought: z is negative.
    assert orders(weights, "E") == {24: 1.0, 26: 0.0}


def test_closed_days_are_left_out_of_the_markets_mean(make_panel):
    net = [1.0 if row % 2 else -1.0 for row in range(24)] + [9.0, NAN, 9.0, NAN, NAN, NAN]
    panel = make_panel({"E": [10.0] * ROWS}, market_flows={"net": net})
    weights = market(window=3, min_days=1).target_weights(panel)
    assert orders(weights, "E") == {24: 1.0}  # no figure is no reason to sell


def test_without_flows_by_name_it_asks_for_a_market(make_panel):
    panel = make_panel({"A": [10.0] * ROWS}, market_flows={"net": [1.0] * ROWS})
    with pytest.raises(StrategyError, match=r"no 'net' by symbol; name an instrument.*market"):
        strategy().target_weights(panel)


def test_a_market_that_the_bundle_lacks_is_named(make_panel):
    panel = make_panel({"A": [10.0] * ROWS}, market_flows={"net": [1.0] * ROWS})
    with pytest.raises(StrategyError, match="the market 'E' is not in the bundle"):
        market().target_weights(panel)

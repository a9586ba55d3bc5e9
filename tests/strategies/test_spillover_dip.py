"""spillover_dip on a stock that follows the source of the night before, one for one."""

import numpy as np
import pytest

from backtest.clock import ClockSettings
from backtest.errors import StrategyError
from backtest.execution import Execution
from strategies.spillover_dip import SpilloverDip

NAN = np.nan
QUIET = [0.01, -0.01] * 15  # rows 0 to 29: enough to estimate beta on
NIGHTS = [*QUIET, -0.05, -0.05, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
BUY = 32  # the first row that knows both sessions of the fall
FALL = 0.95 * 0.95 - 1.0


def path(moves):
    return 100.0 * np.cumprod(1.0 + np.asarray(moves))


def follower(nights, beta=1.0):
    """Moves of a stock: the session after each night, in the row after the night's."""
    return [0.0, *(beta * move for move in nights[:-1])]


def moved(moves, changes):
    """``moves`` with some rows replaced."""
    return [changes.get(row, move) for row, move in enumerate(moves)]


def strategy(**params):
    plain = {"source": "US", "window": 2, "drop": 0.08, "estimation": 20, "flow": None}
    return SpilloverDip(**{**plain, "hold": 3, "max_names": 2, **params})


@pytest.fixture
def panel_of(make_panel):
    def make(stocks, nights=NIGHTS, **parts):
        close = {name: path(moves) for name, moves in stocks.items()} | {"US": path(nights)}
        parts.setdefault("universe", [[*[1] * len(stocks), 0]] * len(nights))
        return make_panel(close, **parts)

    return make


@pytest.fixture
def panel(panel_of):
    return panel_of({"A": follower(NIGHTS)})


def bought(weights):
    return {(int(row), weights.columns[j]) for row, j in np.argwhere(weights.to_numpy() > 0)}


def sold(weights):
    return {(int(row), weights.columns[j]) for row, j in np.argwhere(weights.to_numpy() == 0)}


def test_a_fall_that_followed_two_nights_is_bought_when_both_sessions_are_known(panel):
    weights = strategy().target_weights(panel)
    assert bought(weights) == {(BUY, "A")}
    assert weights["A"].iloc[BUY] == 0.5


def test_a_night_is_paired_with_the_session_after_it_not_the_one_before(panel_of):
    # The same moves, one row too early: the stock fell before the source did.
    early = panel_of({"A": NIGHTS}, nights=NIGHTS)
    assert bought(strategy().target_weights(early)) == set()


def test_it_is_sold_after_hold_rows_and_no_order_is_sent_meanwhile(panel):
    weights = strategy(hold=3).target_weights(panel)
    assert sold(weights) == {(BUY + 3, "A")}
    assert weights["A"].iloc[BUY + 1 : BUY + 3].isna().all()
    assert weights["A"].iloc[BUY + 4 :].isna().all()


def test_it_is_sold_earlier_once_the_price_is_back_where_the_fall_began(panel_of):
    rebound = moved(follower(NIGHTS), {BUY + 2: 1.0 / 0.95 / 0.95 - 1.0 + 1e-9})
    weights = strategy(hold=5).target_weights(panel_of({"A": rebound}))
    assert sold(weights) == {(BUY + 2, "A")}


@pytest.mark.parametrize(("share", "is_bought"), [(0.9, True), (1.1, False)])
def test_the_explained_share_is_beta_times_the_source_over_the_fall(panel, share, is_bought):
    assert bool(bought(strategy(share=share).target_weights(panel))) is is_bought


def test_an_own_fall_in_a_quiet_source_is_left_alone(panel_of):
    nights = [*QUIET, *[0.0] * 8]
    own = moved(follower(nights), {31: -0.05, 32: -0.05})
    assert bought(strategy().target_weights(panel_of({"A": own}, nights))) == set()


def test_a_stock_that_moves_against_the_source_is_not_bought_after_the_source_rose(panel_of):
    nights = [*QUIET, 0.05, 0.05, *[0.0] * 6]
    contrary = panel_of({"A": follower(nights, beta=-1.0)}, nights)
    assert bought(strategy().target_weights(contrary)) == set()


@pytest.mark.parametrize(("drop", "is_bought"), [(-FALL - 1e-9, True), (-FALL + 1e-9, False)])
def test_the_fall_is_compounded_over_the_window(panel, drop, is_bought):
    assert bool(bought(strategy(drop=drop).target_weights(panel))) is is_bought


def test_beta_is_estimated_before_the_fall(panel_of):
    # In the quiet rows the stock moved half as much; the fall itself would say one for one.
    half = follower(QUIET + [0.0] * 8, beta=0.5)
    fall = panel_of({"A": moved(half, {31: -0.05, 32: -0.05})})
    assert bought(strategy(share=0.49).target_weights(fall)) == {(BUY, "A")}
    assert bought(strategy(share=0.52).target_weights(fall)) == set()


def test_too_short_a_history_gives_no_beta_and_no_order(panel_of):
    late = path(follower(NIGHTS))
    late[:22] = NAN
    panel = panel_of({"A": follower(NIGHTS)})
    panel.close.loc[:, "A"] = late
    assert bought(strategy().target_weights(panel)) == set()


def test_the_deepest_falls_come_first_and_slots_are_limited(panel_of):
    stocks = {
        "A": follower(NIGHTS, 0.9),
        "B": follower(NIGHTS, 1.0),
        "C": follower(NIGHTS, 1.2),
        "D": follower(NIGHTS, 1.0),
    }
    weights = strategy(max_names=3).target_weights(panel_of(stocks))
    assert bought(weights) == {(BUY, "C"), (BUY, "B"), (BUY, "D")}
    assert set(weights.iloc[BUY].dropna()) == {1 / 3}
    assert bought(strategy(max_names=2).target_weights(panel_of(stocks))) == {
        (BUY, "C"),
        (BUY, "B"),  # B and D tie: column order
    }


def test_what_leaves_the_universe_is_given_up_and_never_bought_outside_it(panel_of):
    universe = np.array([[1, 0]] * len(NIGHTS))
    universe[BUY + 1, 0] = 0
    weights = strategy().target_weights(panel_of({"A": follower(NIGHTS)}, universe=universe))
    assert sold(weights) == {(BUY + 1, "A")}
    universe[BUY, 0] = 0
    outside = strategy().target_weights(panel_of({"A": follower(NIGHTS)}, universe=universe))
    assert bought(outside) == set()


def test_decisions_that_send_no_orders_change_nothing(panel_of):
    rebalance = [row != BUY for row in range(len(NIGHTS))]
    panel = panel_of({"A": follower(NIGHTS)}, rebalance=rebalance)
    assert bought(strategy().target_weights(panel)) == set()


@pytest.mark.parametrize(
    ("row", "is_bought"), [(BUY - 3, True), (BUY - 2, False), (BUY, False), (BUY + 1, True)]
)
def test_news_since_the_session_before_the_window_forbids_the_purchase(panel_of, row, is_bought):
    news = np.full((len(NIGHTS), 2), NAN)
    news[row, 0] = 1.25
    panel = panel_of({"A": follower(NIGHTS)}, flows={"eps_ttm": news})
    assert bool(bought(strategy().target_weights(panel))) is is_bought


def test_without_earnings_in_the_data_the_news_filter_is_off(panel):
    assert panel.has_fact("eps_ttm") is None
    assert bought(strategy().target_weights(panel))


def test_a_halt_within_the_window_forbids_the_purchase(panel_of):
    volume = np.ones((len(NIGHTS), 2)) * np.arange(len(NIGHTS))[:, None]
    halted = moved(follower(NIGHTS), {31: 0.0, 32: FALL})
    volume[31] = volume[30]  # row 31 repeats the bar of row 30
    assert bought(strategy().target_weights(panel_of({"A": halted}, volume=volume))) == set()
    assert bought(strategy().target_weights(panel_of({"A": halted}))) == {(BUY, "A")}


def test_the_return_after_a_halt_stays_out_of_the_estimate(panel_of):
    # A jump of 300 % on resumption would turn beta upside down.
    volume = np.ones((len(NIGHTS), 2)) * np.arange(len(NIGHTS))[:, None]
    volume[15] = volume[14]
    jump = moved(follower(NIGHTS), {15: 0.0, 16: 3.0})
    assert bought(strategy().target_weights(panel_of({"A": jump}, volume=volume))) == {(BUY, "A")}
    assert bought(strategy().target_weights(panel_of({"A": jump}))) == set()


def calm():
    """A flow that alternates around zero."""
    return [1.0 if row % 2 else -1.0 for row in range(len(NIGHTS))]


def with_flow(**params):
    return strategy(flow="net", **{"flow_z": 1.0, "flow_history": 20, **params})


@pytest.mark.parametrize(("size", "is_bought"), [(9.0, True), (-9.0, False), (0.0, False)])
def test_mainland_buying_must_stand_out_against_its_year(panel_of, size, is_bought):
    net = moved(calm(), {BUY - 1: size, BUY: size})
    panel = panel_of({"A": follower(NIGHTS)}, market_flows={"net": net})
    assert bool(bought(with_flow().target_weights(panel))) is is_bought


def test_closed_days_are_unknown_not_zero(panel_of):
    one_day = moved(calm(), {BUY - 1: NAN, BUY: 9.0})
    panel = panel_of({"A": follower(NIGHTS)}, market_flows={"net": one_day})
    assert bought(with_flow().target_weights(panel)) == {(BUY, "A")}
    closed = moved(calm(), {BUY - 1: NAN, BUY: NAN})
    panel = panel_of({"A": follower(NIGHTS)}, market_flows={"net": closed})
    assert bought(with_flow(flow_z=-5.0).target_weights(panel)) == set()


def test_a_stocks_own_flow_counts_where_it_is_known_and_the_markets_elsewhere(panel_of):
    buying = moved(calm(), {BUY - 1: 9.0, BUY: 9.0})
    selling = moved(calm(), {BUY - 1: -9.0, BUY: -9.0})
    own = np.column_stack([selling, np.full(len(NIGHTS), NAN), np.full(len(NIGHTS), NAN)])
    panel = panel_of(
        {"A": follower(NIGHTS), "B": follower(NIGHTS)},
        flows={"net": own},
        market_flows={"net": buying},
    )
    assert bought(with_flow().target_weights(panel)) == {(BUY, "B")}


def test_a_source_that_the_bundle_lacks_is_named(panel):
    with pytest.raises(StrategyError, match="source 'NDX' is not in the bundle"):
        strategy(source="NDX").target_weights(panel)


def test_unknown_source_prices_give_no_orders(panel_of):
    panel = panel_of({"A": follower(NIGHTS)})
    panel.close.loc[:, "US"] = NAN
    assert strategy().target_weights(panel).isna().to_numpy().all()


def test_it_must_decide_before_the_open():
    assert strategy().faults(Execution(), ClockSettings()) == []
    late = strategy().faults(Execution(), ClockSettings(decide="after_close"))
    assert late == ["spillover_dip pairs its returns for clock.decide: before_open"]


def test_a_fall_without_a_known_price_is_no_fall(panel_of):
    panel = panel_of({"A": follower(NIGHTS)})
    panel.close.loc[panel.close.index[BUY - 2], "A"] = NAN
    assert bought(strategy().target_weights(panel)) == set()


@pytest.mark.parametrize(("own_fall", "is_bought"), [(None, True), (0.05, True), (0.03, False)])
def test_a_session_that_fell_on_its_own_account_is_news(panel_of, own_fall, is_bought):
    # Row 31 loses 9 % where the night says 5 %: 4 % of its own.
    own = moved(follower(NIGHTS), {31: -0.09})
    asked = strategy(own_fall=own_fall, share=0.3)
    assert bool(bought(asked.target_weights(panel_of({"A": own})))) is is_bought


@pytest.mark.parametrize(("regime_share", "is_bought"), [(0.5, False), (0.1, True)])
def test_names_that_stopped_following_are_left_alone(panel_of, regime_share, is_bought):
    # In the first 40 rows the stock moved one for one; in the last 20 before the fall a fifth.
    nights = [*[0.01, -0.01] * 30, *NIGHTS[30:]]
    betas = [1.0] * 41 + [0.2] * 20 + [1.0] * (len(nights) - 61)
    stock = [beta * move for beta, move in zip(betas, follower(nights), strict=True)]
    panel = panel_of({"A": stock}, nights=nights)
    asked = strategy(estimation=60, regime=20, regime_share=regime_share, share=0.5)
    assert bool(bought(asked.target_weights(panel))) is is_bought
    assert bought(strategy(estimation=60, share=0.5).target_weights(panel))


def test_the_source_is_sold_short_against_beta_while_a_dip_is_held(panel_of):
    parts = {"universe": [[1, 1]] * len(NIGHTS), "exchanges": ["XHKG", "XNYS"]}
    panel = panel_of({"A": follower(NIGHTS, beta=0.9)}, **parts)
    weights = strategy(hedge="US", hold=3).target_weights(panel)
    assert weights["A"].iloc[BUY] == 0.5
    assert weights["US"].iloc[BUY] == pytest.approx(-0.45, abs=1e-12)
    assert weights["US"].iloc[BUY + 3] == 0.0
    assert weights["US"].drop(weights.index[[BUY, BUY + 3]]).isna().all()


def test_what_trades_where_the_hedge_does_is_no_dip(panel_of):
    parts = {"universe": [[1, 1]] * len(NIGHTS), "exchanges": ["XNYS", "XNYS"]}
    panel = panel_of({"A": follower(NIGHTS)}, **parts)
    assert bought(strategy(hedge="US").target_weights(panel)) == set()


def test_a_hedge_that_the_bundle_lacks_is_named(panel):
    with pytest.raises(StrategyError, match="the hedge 'NDX' is not in the bundle"):
        strategy(hedge="NDX").target_weights(panel)

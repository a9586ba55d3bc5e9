"""What holds for each strategy that ships: shape, knowledge, no peeking, bounds."""

import numpy as np
import pandas as pd
import pytest

from strategies.bitcoin_hedge import BitcoinHedge
from strategies.buy_and_hold import BuyAndHold
from strategies.capex_caution import CapexCaution
from strategies.equal_weight import EqualWeight
from strategies.from_file import FromFile
from strategies.ipo_day_one import IpoDayOne
from strategies.low_pe_rotation import LowPeRotation
from strategies.southbound_flow import SouthboundFlow
from strategies.spillover_dip import SpilloverDip
from strategies.star_momentum import StarMomentum
from strategies.valuation_gap import ValuationGap

DIP = {"source": "US", "window": 3, "drop": 0.03, "share": 0.2, "estimation": 30}
COIN = {"coin": "G", "source": "US", "window": 3, "fall": 0.02, "days": 20}
FLOW = {"window": 5, "min_days": 2, "enter": 0.0, "top": 2}
STRATEGIES = {
    "bitcoin_hedge": BitcoinHedge(**COIN),
    "bitcoin_hedge of low_pe_rotation in stress": BitcoinHedge(
        **COIN, size="stress", hold=3, base={"name": "low_pe_rotation", "params": {"top": 3}}
    ),
    "buy_and_hold": BuyAndHold(),
    "buy_and_hold of two": BuyAndHold(symbols=("A", "F"), weights=(0.3, 0.5)),
    "capex_caution": CapexCaution(beneficiaries=("Y",), year=20, outrun=0.1, coverage=0.5),
    "equal_weight": EqualWeight(),
    "ipo_day_one": IpoDayOne(hold=7, cap=0.5),
    "ipo_day_one to the lock-up": IpoDayOne(until="cornerstone", min_oversubscription=1.0),
    "low_pe_rotation": LowPeRotation(top=3, keep=5, max_age=60),
    "low_pe_rotation by sector": LowPeRotation(top=2, keep=2, by_sector=True),
    "southbound_flow": SouthboundFlow(**FLOW),
    "southbound_flow of a market": SouthboundFlow(**FLOW, market="A", history=20, enter_z=0.2),
    "spillover_dip": SpilloverDip(**DIP, flow_z=0.0, flow_history=40, hold=4, max_names=2),
    "spillover_dip without flow": SpilloverDip(**DIP, flow=None, news="no such fact"),
    "spillover_dip with its filters": SpilloverDip(
        **DIP, flow=None, hold=6, own_fall=0.2, regime=20, regime_share=0.2, stages=2, recover=0.5
    ),
    "star_momentum": StarMomentum(weak="US", window=20, top=2, keep=4),
    "star_momentum by an index": StarMomentum(weak="US", strong="A", window=10, top=1, keep=1),
    "valuation_gap": ValuationGap(history=40, top=2, max_age=60),
    "valuation_gap by price": ValuationGap(earnings=None, history=60),
}


@pytest.fixture(params=STRATEGIES)
def strategy(request):
    return STRATEGIES[request.param]


@pytest.fixture
def weights(strategy, random_panel):
    return strategy.target_weights(random_panel)


def test_it_buys_something_here_so_that_the_claims_below_say_something(weights):
    assert (weights > 0).to_numpy().any()


def test_it_has_the_rows_and_columns_of_the_panel(weights, random_panel):
    assert weights.index.equals(random_panel.sessions)
    assert weights.columns.equals(random_panel.symbols)
    assert (weights.dtypes == np.float64).all()


def test_rows_do_not_move_when_the_future_is_cut(strategy, weights, random_panel):
    for rows in (35, 77, 120, 159):
        cut = strategy.target_weights(random_panel.cut(rows))
        pd.testing.assert_frame_equal(cut, weights.iloc[:rows], check_exact=True, check_freq=False)


def test_it_buys_nothing_outside_the_universe(weights, random_panel):
    assert not ((weights > 0) & ~random_panel.universe).to_numpy().any()


def test_it_buys_nothing_without_a_known_price_but_a_new_listing(strategy, weights, random_panel):
    unknown = random_panel.close.isna()
    if isinstance(strategy, IpoDayOne):
        unknown &= random_panel.sessions_since_listing.isna()
    assert not ((weights > 0) & unknown).to_numpy().any()


def test_no_row_asks_for_more_than_the_account(weights):
    # Adding 1/n n times may round above 1 by some units in the last place.
    assert (weights.sum(axis=1) <= 1.0 + 1e-12).all()
    assert not (weights < 0).to_numpy().any()


def test_it_gives_the_same_rows_again_and_leaves_the_panel_alone(strategy, weights, random_panel):
    before = random_panel.close.copy()
    pd.testing.assert_frame_equal(strategy.target_weights(random_panel), weights, check_exact=True)
    pd.testing.assert_frame_equal(random_panel.close, before, check_exact=True)


def test_its_parameters_survive_a_round_trip(strategy):
    assert type(strategy).model_validate(strategy.model_dump()) == strategy
    assert hash(strategy) == hash(type(strategy).model_validate(strategy.model_dump()))


def test_every_parameter_says_what_it_is():
    for kind in {type(strategy) for strategy in STRATEGIES.values()} | {FromFile}:
        for name, field in kind.model_fields.items():
            assert field.description, f"{kind.__name__}.{name}"

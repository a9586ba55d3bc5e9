"""capex_caution on accounts that double or stay."""

import numpy as np
import pytest

from strategies.capex_caution import CapexCaution

NAN = np.nan
ROWS = 50
YEAR = 20


def stepped(before, after, at=30):
    return np.where(np.arange(ROWS) < at, before, after)


SAME = stepped(100.0, 100.0)


@pytest.fixture
def panel_of(make_panel):
    """Spenders A and B and suppliers S and T: capex, revenue, cash flow and guidance by symbol."""

    def make(guidance=None, **parts):
        symbols = ["A", "B", "S", "T"]
        facts = {}
        for name in ("capex", "revenue", "cash"):
            mine = parts.pop(name, {})
            plain = {"A": SAME, "B": SAME, "S": SAME * NAN, "T": SAME * NAN}
            facts[name] = np.column_stack([{**plain, **mine}[symbol] for symbol in symbols])
        if guidance is not None:
            facts["guide"] = np.column_stack([guidance.get(s, SAME * NAN) for s in symbols])
        close = dict.fromkeys(symbols, [10.0] * ROWS)
        sectors = ["Cloud", "Cloud", "Supply", "Supply"]
        return make_panel(close, facts=facts, sectors=sectors, **parts)

    return make


def strategy(**params):
    names = {"capex": "capex", "revenue": "revenue", "cash_flow": "cash", "guidance": "guide"}
    plain = {"beneficiaries": ("Supply",), "year": YEAR, "max_name": 1.0}
    return CapexCaution(**{**names, **plain, **params})


def last(weights):
    return weights.iloc[-1].fillna(-1.0).to_dict()


def test_spenders_share_the_account_while_none_is_cut(panel_of):
    weights = strategy().target_weights(panel_of())
    assert last(weights) == {"A": 0.5, "B": 0.5, "S": -1.0, "T": -1.0}
    assert weights.iloc[: YEAR - 1].isna().to_numpy().all()  # a year must be known


def test_a_name_whose_capex_doubles_on_the_same_revenue_is_cut_and_its_suppliers_get_its_share(
    panel_of,
):
    panel = panel_of(capex={"A": stepped(50.0, 100.0)})
    weights = strategy().target_weights(panel)
    assert weights.iloc[29].fillna(-1.0).to_dict() == {"A": 0.5, "B": 0.5, "S": -1.0, "T": -1.0}
    assert weights.iloc[30].to_dict() == {"A": 0.0, "B": 0.5, "S": 0.25, "T": 0.25}


def test_capex_that_grows_with_revenue_is_no_reason(panel_of):
    panel = panel_of(capex={"A": stepped(50.0, 100.0)}, revenue={"A": stepped(50.0, 100.0)})
    assert last(strategy().target_weights(panel))["A"] == 0.5


@pytest.mark.parametrize(("cash", "is_cut"), [(100.0, True), (200.0, False), (-5.0, True)])
def test_capex_that_cash_flow_covers_well_is_no_reason(panel_of, cash, is_cut):
    # Capex of 100 over cash flow of 200 is 0.5: below 0.7. Negative cash flow covers nothing.
    panel = panel_of(capex={"A": stepped(50.0, 100.0)}, cash={"A": SAME * cash / 100.0})
    assert (strategy().target_weights(panel)["A"].iloc[30] == 0.0) == is_cut


@pytest.mark.parametrize(("outrun", "is_cut"), [(0.99, True), (1.01, False)])
def test_the_outrun_is_growth_over_growth_less_one(panel_of, outrun, is_cut):
    # A doubling over no growth is 1.
    panel = panel_of(capex={"A": stepped(50.0, 100.0)})
    assert (strategy(outrun=outrun).target_weights(panel)["A"].iloc[30] == 0.0) == is_cut


def test_guidance_is_enough_before_anything_is_spent(panel_of):
    panel = panel_of(guidance={"A": stepped(100.0, 180.0)})
    assert strategy().target_weights(panel)["A"].iloc[30] == 0.0
    assert last(strategy(guidance=None).target_weights(panel))["A"] == 0.5


def test_without_suppliers_the_freed_share_is_cash(panel_of):
    panel = panel_of(capex={"A": stepped(50.0, 100.0)})
    weights = strategy(beneficiaries=()).target_weights(panel)
    assert weights.iloc[30].fillna(-1.0).to_dict() == {"A": 0.0, "B": 0.5, "S": -1.0, "T": -1.0}


def test_a_supplier_gets_no_more_than_its_cap(panel_of):
    panel = panel_of(capex={"A": stepped(50.0, 100.0)})
    weights = strategy(max_name=0.1).target_weights(panel)
    assert weights.iloc[30].to_dict() == {"A": 0.0, "B": 0.5, "S": 0.1, "T": 0.1}


def test_what_leaves_the_universe_is_sold_and_the_rest_share_the_account(panel_of):
    universe = [[True, row < 40, True, True] for row in range(ROWS)]
    weights = strategy().target_weights(panel_of(universe=universe))
    assert weights.iloc[40].fillna(-1.0).to_dict() == {"A": 1.0, "B": 0.0, "S": -1.0, "T": -1.0}

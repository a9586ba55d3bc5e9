"""The strategies on the simulated market: they find what is planted there, and only that."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from backtest import load_config
from backtest.clock import build_clock
from backtest.data.arrays import bar_arrays
from backtest.data.bundle import load_bundle
from backtest.data.future import cut
from backtest.data.grid import build_grid
from backtest.data.sample import sample_folder
from backtest.panel import build_panel
from backtest.strategy import load_strategy

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
NAMES = (
    "bitcoin_hedge", "buy_and_hold", "capex_caution", "equal_weight", "from_file", "ipo_day_one",
    "low_pe_rotation", "southbound_flow", "star_momentum", "valuation_gap",
)  # fmt: skip


def panel_of(config, bundle, cache=None):
    arrays = bar_arrays(bundle, cache=cache)
    own = load_strategy(config.strategy).own_schedule
    clock = build_clock(
        arrays.sessions,
        config.clock,
        start=config.data.start,
        end=config.data.end,
        own_schedule=own,
    )
    return build_panel(
        bundle,
        build_grid(bundle, arrays),
        clock,
        universe=config.universe,
        currency=config.portfolio.currency,
    )


@pytest.fixture(scope="module")
def sample():
    """(config, bundle, panel, weights) of a config by name, on the sample or its empty twin."""
    seen = {}

    def run(name, *, effects=True):
        if (name, effects) not in seen:
            bundle = "sample" if effects else str(sample_folder(effects=False))
            config = load_config(CONFIGS / f"{name}.yaml", overrides=[f"data.bundle={bundle}"])
            loaded = load_bundle(config.data)
            panel = panel_of(config, loaded)
            weights = load_strategy(config.strategy).target_weights(panel)
            seen[name, effects] = (config, loaded, panel, weights)
        return seen[name, effects]

    return run


def gains(panel, weights, rows):
    """Return of each purchase from the close after its decision to the one ``rows`` later."""
    level = panel.adjusted_close
    ahead = (level.shift(-rows - 1) / level.shift(-1) - 1.0).to_numpy()
    return ahead[weights.to_numpy() > 0]


def test_dips_are_bought_in_the_planted_episodes(sample):
    _, _, _, weights = sample("spillover_dip")
    months = set(weights.index[(weights > 0).any(axis=1)].strftime("%Y-%m"))
    assert {"2018-10", "2020-03", "2022-10", "2025-04", "2026-02"} <= months


def test_dips_that_were_bought_rise_over_the_next_ten_sessions(sample):
    _, _, panel, weights = sample("spillover_dip")
    found = gains(panel, weights, 10)
    assert len(found) > 100
    assert np.nanmean(found) > 0.02


def test_without_planted_spillover_no_dip_is_found(sample):
    _, _, _, weights = sample("spillover_dip", effects=False)
    assert (weights > 0).to_numpy().sum() <= 2


def test_listings_are_bought_on_their_first_session_before_it_has_a_price(sample):
    _, _, panel, weights = sample("ipo_day_one")
    bought = (weights > 0).to_numpy()
    assert bought.sum() > 20
    assert (panel.sessions_since_listing.to_numpy()[bought] == 0.0).all()
    assert np.isnan(panel.close.to_numpy()[bought]).all()


def test_the_cheapest_are_cheaper_than_the_rest(sample):
    _, _, panel, weights = sample("low_pe_rotation")
    yields = (panel.fact("eps_ttm") / panel.close).where(panel.universe)
    held = yields.where(weights > 0).median(axis=1)
    assert (held.dropna() > yields.median(axis=1)[held.notna()]).all()
    assert held.notna().sum() > 90  # months


def edge(panel, weights):
    """(a year, t) of what is held over the mean of the universe, from the next session's end on."""
    held = weights.ffill().fillna(0.0)
    later = panel.returns.shift(-2)
    common = later.where(panel.universe).mean(axis=1)
    over = (held * later.sub(common, axis=0)).sum(axis=1)[held.sum(axis=1) > 0.0]
    return over.mean() * 250, over.mean() / over.std() * len(over) ** 0.5


@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("southbound_flow", 0.08),
        ("star_momentum", 0.10),
        ("valuation_gap", 0.06),
        ("capex_caution", 0.015),
    ],
)
def test_what_is_held_beats_the_rest_where_its_effect_is_planted_and_only_there(
    sample, name, least
):
    _, _, panel, weights = sample(name)
    found, t = edge(panel, weights)
    assert found > least
    assert t > 1.8
    _, _, panel, weights = sample(name, effects=False)
    assert abs(edge(panel, weights)[1]) < 1.6


def test_mainland_technology_is_held_in_its_good_phases(sample):
    """The other half of star_momentum: when to hold at all."""

    def over(*, effects):
        _, _, panel, weights = sample("star_momentum", effects=effects)
        mean = panel.returns.where(panel.universe).mean(axis=1).shift(-2)
        held = weights.ffill().sum(axis=1) > 0.0
        return (mean[held].mean() - mean[~held].mean()) * 250

    assert over(effects=True) > 0.2
    assert over(effects=False) < 0.1


@pytest.mark.parametrize(("coin", "is_haven"), [("BTC02.X", True), ("BTC01.X", False)])
def test_stress_tells_a_coin_that_hedges_from_one_that_does_not(sample, coin, is_haven):
    config, _, panel, weights = sample("bitcoin_hedge")
    hedge = load_strategy(config.strategy).model_copy(update={"coin": coin})
    days = hedge.events(panel, weights)["session"]
    row = panel.sessions.get_indexer(days)
    assert len(row) > 10
    ahead = panel.adjusted_close[coin].to_numpy()
    after = ahead[np.minimum(row + 6, len(ahead) - 1)] / ahead[row + 1] - 1.0
    # The coins' own drift is below 1 % in five sessions.
    assert (after.mean() > 0.03) == is_haven


@pytest.mark.parametrize("name", [*NAMES, "spillover_dip"])
def test_weights_stay_inside_the_universe(sample, name):
    _, _, panel, weights = sample(name)
    assert not ((weights > 0) & ~panel.universe).to_numpy().any()
    assert weights.index.equals(panel.sessions)
    assert weights.columns.equals(panel.symbols)


@pytest.mark.parametrize("name", [*NAMES, "spillover_dip"])
def test_no_row_moves_when_the_future_was_never_there(sample, name, tmp_path):
    config, bundle, panel, weights = sample(name)
    at = panel.sessions.get_loc(pd.Timestamp("2022-10-12"))
    shorter = panel_of(config, cut(bundle, panel.decisions[at]), cache=tmp_path)
    again = load_strategy(config.strategy).target_weights(shorter)
    rows = again.index[again.index <= panel.sessions[at]]
    pd.testing.assert_frame_equal(
        again.loc[rows], weights.loc[rows, again.columns], check_exact=True, check_freq=False
    )
    gone = weights.loc[rows].drop(columns=again.columns)
    assert gone.isna().to_numpy().all()

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
NAMES = ("buy_and_hold", "equal_weight", "from_file", "ipo_day_one", "low_pe_rotation")


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

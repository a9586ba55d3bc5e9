"""The strategies on real bundles, where these are at hand beside the project."""

import time
from pathlib import Path

import pandas as pd
import pytest

from backtest import load_config
from backtest.clock import build_clock
from backtest.data.arrays import bar_arrays
from backtest.data.bundle import load_bundle
from backtest.data.grid import build_grid
from backtest.panel import build_panel
from backtest.strategy import load_strategy

ROOT = Path(__file__).resolve().parents[2]
BUNDLES = ROOT / ".." / "shared" / "bundles"

pytestmark = pytest.mark.skipif(not BUNDLES.is_dir(), reason="no real bundles beside the project")


def run(name, folder):
    """Panel, weights and seconds that the weights took."""
    config = load_config(
        ROOT / "configs" / "real" / f"{name}.yaml", overrides=[f"data.bundle={BUNDLES / folder}"]
    )
    strategy = load_strategy(config.strategy)
    bundle = load_bundle(config.data)
    arrays = bar_arrays(bundle)
    clock = build_clock(
        arrays.sessions,
        config.clock,
        start=config.data.start,
        end=config.data.end,
        own_schedule=strategy.own_schedule,
    )
    grid = build_grid(bundle, arrays)
    currency = config.portfolio.currency
    panel = build_panel(bundle, grid, clock, universe=config.universe, currency=currency)
    began = time.perf_counter()
    weights = strategy.target_weights(panel)
    return panel, weights, time.perf_counter() - began


def months(weights):
    return set(weights.index[(weights > 0).any(axis=1)].strftime("%Y-%m"))


@pytest.fixture(scope="module")
def dips():
    return run("spillover_dip", "hk-real")


def test_the_dips_of_october_2022_august_2024_and_april_2025_are_found(dips):
    assert {"2022-10", "2024-08", "2025-04"} <= months(dips[1])


def test_falls_after_the_tariff_nights_of_april_2025_are_bought_on_the_8th(dips):
    _, weights, _ = dips
    assert (weights.loc["2025-04-08"] > 0).sum() >= 5


def test_five_hundred_symbols_over_sixteen_years_take_seconds(dips):
    panel, _, seconds = dips
    assert panel.close.shape[0] > 4_000
    assert panel.close.shape[1] > 500
    # About half a second on two idle cores; the bound allows for a busy machine and compilation.
    assert seconds < 20.0


def test_raw_prices_show_the_falls_of_2022_and_2025_too():
    _, weights, _ = run("spillover_dip_raw", "hk-raw")
    assert {"2022-05", "2022-10", "2025-04"} <= months(weights)


def test_known_listings_are_bought_on_their_day_and_unknown_ones_never():
    panel, weights, _ = run("ipo_day_one", "hk-real")
    bought = (weights > 0).to_numpy()
    assert bought.sum() > 70
    assert (panel.sessions_since_listing.to_numpy()[bought] == 0.0).all()
    assert weights.loc["2021-02-05", "1024.HK"] == 0.1  # Kuaishou


def test_the_aggregate_alone_times_one_fund():
    panel, weights, _ = run("southbound_flow", "hk-real")
    orders = weights["FXI"].dropna()
    assert set(orders) == {0.0, 1.0}
    assert orders.diff().dropna().ne(0.0).all()  # in, out, in: never the same order twice
    assert weights.drop(columns="FXI").isna().to_numpy().all()
    assert panel.universe["FXI"].any()


def test_prices_alone_rotate_between_three_funds():
    _, weights, _ = run("valuation_gap", "hk-real")
    held = weights.ffill().dropna(how="all")
    assert {"KWEB", "MCHI", "QQQ"} == set(weights.columns[(weights > 0).any()])
    assert (held.sum(axis=1) == 1.0).all()


def test_the_star_fund_is_held_only_while_it_beats_chinas_internet():
    panel, weights, _ = run("star_momentum", "hk-real")
    move = panel.adjusted_close / panel.adjusted_close.shift(60) - 1.0
    entries = weights["KSTR"] > 0
    assert entries.sum() > 10
    assert (move["KSTR"] > move["KWEB"])[entries].all()


def test_us_names_are_bought_only_once_their_earnings_are_known():
    panel, weights, _ = run("low_pe_rotation", "us-pe-real")
    held = (weights > 0).to_numpy()
    assert held.any()
    assert panel.fact("eps_ttm").notna().to_numpy()[held].all()
    assert weights["SNDK"].loc[: pd.Timestamp("2026-01-30")].isna().all()  # first known that day

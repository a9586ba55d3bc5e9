"""Every family of real files becomes a bundle, whose checks find what its notes list."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from backtest.data.bundle import load_bundle
from backtest.data.settings import DataSettings
from backtest.errors import DataError
from backtest.sources.importing import import_files
from backtest.sources.mapping import load_mapping, load_preset
from backtest.sources.save import save

SHARED = Path(__file__).resolve().parents[3] / ".." / "shared"
REAL = SHARED / "data" / "real"
MAPPINGS = Path(__file__).with_name("mappings")
pytestmark = pytest.mark.skipif(not REAL.is_dir(), reason="real files are not at hand")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Bundle of a mapping or preset, or several into one; its loader's tables and findings."""
    folder = tmp_path_factory.mktemp("real")
    done = {}

    def of(*names, **checks):
        if names not in done:
            bundle = folder / "+".join(names)
            for name in names:
                save(_delivery(name), bundle)
            settings = DataSettings(bundle=str(bundle), checks=checks)
            done[names] = load_bundle(settings, cache=folder / "cache")
        return done[names]

    return of


@cache
def _delivery(name):
    own = MAPPINGS / f"{name}.yaml"
    if own.is_file():
        return import_files(load_mapping(own), folder=REAL)
    files = {
        "lean": "us_raw_ohlcv_factor_files_lean",
        "ecb_fx": "fx_ecb_1999_2026/eurofxref-hist.zip",
        "stock_connect": "hk_southbound_stock_connect_2014_2026/sc_full.csv",
        "hkex_securities": "hkex_securities_list_2026_03/hkex_securities_equity_etp_reit.csv",
    }
    return import_files(load_preset(name), [REAL / files[name]])


def found(bundle, check):
    (finding,) = [finding for finding in bundle.findings if finding.check == check]
    return finding


def test_a_mapping_has_fewer_than_twenty_lines():
    for path in MAPPINGS.glob("*.yaml"):
        assert len(path.read_text(encoding="utf-8").splitlines()) < 20, path.name


def test_composite_index_bars_equal_those_of_the_bundle_that_was_made_by_hand(made):
    ours = made("hk_hsci")
    theirs = load_bundle(DataSettings(bundle=str(SHARED / "bundles" / "hk-real"))).bars
    theirs = theirs[theirs["symbol"].isin(ours.instruments["symbol"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(ours.bars, theirs)
    # phantom sessions of two Saturdays and four typhoons; the print of 413 between 4.18 and 4.18
    assert found(ours, "not_a_session").count == 1692
    assert found(ours, "close_missing").count == 146
    assert [place.symbol for place in found(ours, "spike").places] == ["1969.HK"]
    assert {"1910.HK", "1913.HK", "6030.HK"} <= set(found(ours, "padding").symbols)


def test_flows_rates_listings_and_members_go_into_the_same_bundle(made):
    names = ("ecb_fx", "stock_connect", "hk_ipo", "members")
    bundle = made("hk_hsi", *names)
    theirs = load_bundle(DataSettings(bundle=str(SHARED / "bundles" / "hk-real")))
    flows = theirs.facts[theirs.facts["field"] == "southbound_net_buy"]
    both = bundle.facts.merge(flows, on=["symbol", "field", "period", "known_at"])
    assert len(both) == len(flows) == 2505
    assert (both["value_x"] == both["value_y"]).all()
    euro = theirs.fx[theirs.fx["base"] == "EUR"].merge(bundle.fx, on=["base", "quote", "date"])
    assert len(euro) == 4311
    assert (euro["rate_x"] == euro["rate_y"]).all()
    offers = theirs.instruments.merge(bundle.instruments, on="symbol").dropna(
        subset=["oversubscription_x", "oversubscription_y"]
    )
    assert len(offers) == 7
    np.testing.assert_array_equal(offers["oversubscription_x"], offers["oversubscription_y"])
    assert (offers["listed_x"] == offers["listed_y"]).all()
    # ours are as paid, theirs in the units of the adjusted bars
    assert any("Offer prices are as paid" in caveat for caveat in bundle.caveats)
    members = bundle.facts[bundle.facts["field"] == "member_hsi"]
    assert members["symbol"].nunique() > 70
    assert members["known_at"].min() > pd.Timestamp("2023-07-31T00:00Z")


def test_holdings_of_one_participant_are_facts(made):
    facts = made("hk_hsci", "ccass").facts
    assert set(facts["field"]) == {"southbound_shares"}
    assert facts["value"].tolist()[::11] == [29_878_000.0, 32_322_400.0]


def test_adjusted_prices_become_those_that_were_traded(made):
    delivery = _delivery("hk_hsi")
    assert [note[:38] for note in delivery.notes] == [
        "1093.HK: the split of 2020-10-16 into ",
        "2359.HK: the split of 2020-05-27 into ",
    ]
    bundle = made("hk_hsi", "hkex_securities")
    theirs = load_bundle(DataSettings(bundle=str(SHARED / "bundles" / "hk-raw")))
    both = bundle.bars.merge(theirs.bars, on=["symbol", "session"])
    assert len(both) == 110_531
    # the source has prices of seven digits
    np.testing.assert_allclose(both["close_x"], both["close_y"], rtol=2e-5)
    actions = bundle.actions.merge(theirs.actions, on=["symbol", "ex_session", "kind"])
    assert len(actions) == len(bundle.actions) == 660
    np.testing.assert_allclose(actions["value_x"], actions["value_y"], rtol=3e-5)
    lots = bundle.instruments.merge(theirs.instruments, on="symbol")
    assert (lots["lot_size_x"] == lots["lot_size_y"]).all()
    assert {"2020-12-24", "2025-01-28"} <= {
        place.first for place in found(bundle, "volume_missing").places
    }


def test_a_partial_last_day_is_left_out(made):
    for name, symbols in (("us_etf", 56), ("us_sp500", 498)):
        (note,) = _delivery(name).notes
        assert note == f"{symbols} bars of sessions that had not ended at 2026-08-03 16:28 UTC"
        assert made(name).last == pd.Timestamp("2026-07-31").date()
    assert (made("us_sp500").instruments["sector"] != "").all()


def test_a_stray_row_and_the_hole_of_a_ticker_change_are_gaps(made):
    stray = [place for place in found(made("us_iex"), "gap").places if place.symbol == "SPY"]
    assert [(place.first, place.count) for place in stray] == [("2020-07-27", 1)]
    hole = found(made("lean"), "gap").places
    assert [(place.symbol, place.first) for place in hole] == [("QQQ", "2011-03-23")]


def test_raw_prices_with_factor_files_have_the_splits_that_were_announced(made):
    splits = made("lean").actions.query("kind == 'split'")
    rows = {(row.symbol, f"{row.ex_session:%Y-%m-%d}"): row.value for row in splits.itertuples()}
    assert rows["AAPL", "2014-06-09"] == 7.0
    assert rows["AAPL", "2020-08-31"] == 4.0
    assert rows["IBM", "1999-05-27"] == 2.0
    assert rows["BAC", "2004-08-30"] == 2.0


def test_indices_and_dates_of_other_continents(made):
    bundle = made("index_fx")
    assert found(bundle, "close_missing").count == 109
    assert "SP500" in found(bundle, "not_a_session").symbols
    index = bundle.bars[bundle.bars["symbol"] == "HSI"].set_index("session")["close"]
    crash = index[pd.Timestamp("2008-10-27")]
    assert crash == pytest.approx(11_015.84, abs=0.01)  # the day it lost 12.7 %
    hstech = made("hstech").bars
    assert len(hstech) == 2427
    assert hstech["volume"].isna().sum() == 1507
    assert len(made("us_hk_ohlcv").instruments) == 36


def test_earnings_reports_keep_their_defects_until_the_user_decides(made):
    with pytest.raises(DataError, match=r"duplicate_keys  6,\d+ rows"):
        made("cn_eps")
    bundle = made("cn_eps", duplicate_keys="drop", not_a_session="drop")
    late = bundle.facts["known_at"].dt.tz_localize(None) - bundle.facts["period"]
    assert late.min() > pd.Timedelta(0)
    assert late.max() <= pd.Timedelta(days=367)


def test_announced_earnings_are_known_the_day_after(made):
    facts = made("us_etf", "us_eps").facts
    assert set(facts["symbol"]) >= {"TSM"}
    assert (facts["known_at"].dt.hour == 12).all()

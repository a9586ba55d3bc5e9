"""The defects of real data, as documented where the data came from."""

from pathlib import Path

import pandas as pd
import pytest

from backtest.data.arrays import bar_arrays
from backtest.data.bundle import load_bundle
from backtest.data.checks import bundle_volume_missing
from backtest.data.settings import DataSettings

BUNDLES = Path(__file__).resolve().parents[3] / ".." / "shared" / "bundles"
pytestmark = pytest.mark.skipif(not BUNDLES.is_dir(), reason="real bundles are not at hand")

TYPHOONS = ("2013-08-14", "2016-08-02", "2016-10-21", "2017-08-23")
SATURDAYS = ("2011-12-24", "2011-12-31")


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def load(cache):
    loaded = {}

    def of(name):
        if name not in loaded:
            loaded[name] = load_bundle(DataSettings(bundle=str(BUNDLES / name)), cache=cache)
        return loaded[name]

    return of


@pytest.fixture
def found(load):
    return lambda name: {finding.check: finding for finding in load(name).findings}


def test_typhoon_sessions_and_saturdays_are_dropped(load, found):
    bars = load("hk-real").bars
    shut = bars["session"].isin(pd.to_datetime([*TYPHOONS, *SATURDAYS]))
    assert bars["symbol"][shut].str.endswith(".HK").sum() == 0
    finding = found("hk-real")["not_a_session"]
    assert (finding.action, finding.first, finding.last) == ("drop", SATURDAYS[0], TYPHOONS[-1])
    assert finding.dropped == finding.count == 1692


def test_closes_that_are_missing_are_dropped(found):
    places = {place.symbol: place.count for place in found("hk-real")["close_missing"].places}
    assert places == {"0300.HK": 59, "2562.HK": 78, "1798.HK": 5, "3868.HK": 4}


def test_the_hundredfold_print_is_the_only_spike(found):
    (place,) = found("hk-real")["spike"].places
    assert (place.symbol, place.first, place.count) == ("1969.HK", "2025-01-10", 1)


def test_padding_before_the_listing_is_found(found):
    names = {"1910.HK", "1913.HK", "2607.HK", "3360.HK", "6030.HK", "6808.HK"}
    finding = found("hk-real")["padding"]
    assert names <= set(finding.symbols)
    assert finding.hindsight
    assert finding.action == "warn"


def test_closes_outside_the_range_are_as_many_as_the_source_says(found):
    assert found("hk-real")["close_outside_range"].count == 1599


def test_opens_outside_the_range_are_as_many_as_a_query_of_the_files_counts(found):
    """Counted with one pandas expression over bars.parquet; no earlier check drops any of them."""
    assert found("hk-real")["open_outside_range"].count == 3802
    assert found("hk-real")["low_above_high"].count == 654


def test_suspensions_are_stale_runs(found):
    assert {"1066.HK", "1114.HK"} <= set(found("hk-real")["stale_run"].symbols)


def test_half_days_without_volume_are_found(load, cache):
    half_days = [
        "2020-12-24", "2020-12-31", "2021-02-11", "2022-01-31", "2024-12-24", "2024-12-31",
        "2025-01-28",
    ]  # fmt: skip
    arrays = bar_arrays(load("hk-raw"), cache=cache)
    missing = bundle_volume_missing(load("hk-raw"), arrays)
    dates = arrays.sessions["XHKG"].dates
    assert dates[missing["XHKG"]].astype(str).tolist() == half_days
    assert not missing["XNYS"].any()


def test_raw_prices_have_actions_on_sessions_and_little_to_find(load, found):
    assert load("hk-raw").prices == "raw"
    odd = {"stale_run", "open_outside_range", "close_outside_range", "volume_missing"}
    assert set(found("hk-raw")) == odd
    assert len(load("hk-raw").actions) == 660


def test_closes_only_are_a_bundle_too(load, found):
    bundle = load("us-pe-real")
    assert found("us-pe-real") == {}
    assert bundle.bars["open"].isna().all()
    assert bundle.per_share == ("eps_ttm",)


def test_a_second_load_takes_a_fraction_of_the_first(cache):
    import time

    settings = DataSettings(bundle=str(BUNDLES / "hk-real"), checks={"spike": "drop"})
    taken = []
    for _ in range(2):
        start = time.perf_counter()
        bar_arrays(load_bundle(settings, cache=cache), cache=cache)
        taken.append(time.perf_counter() - start)
    assert taken[1] < taken[0] / 2

"""The sample market holds what its page says, and its effects can be switched off."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

from backtest.calendars import sessions
from backtest.data import sample
from backtest.data.sample_effects import EPISODES

ROOT = Path(__file__).resolve().parents[3]
HASHES = {
    True: "b8ed343973967289c391ce6ff35b5db423fc8e66d01a6c43181db109a0cfbea1",
    False: "93b97639d4bd890a22e55f4e9e1aa024776b3607aca3a966db4688bff436363a",
}


class Returns:
    """Hong Kong returns of one sample market, sessions x stocks, measured from its tables."""

    def __init__(self, tables: dict[str, pd.DataFrame]) -> None:
        bars, actions = tables["bars"], tables["actions"]
        instruments = tables["instruments"].set_index("symbol")
        here = instruments.index[(instruments.exchange == "XHKG") & (instruments.kind == "stock")]
        wide = {
            name: bars[bars.symbol.isin(here)].pivot_table(
                index="session", columns="symbol", values=name
            )
            for name in ("open", "close")
        }
        self.instruments, self.close = instruments, wide["close"]
        self.seasoned = [symbol for symbol in here if symbol.startswith("S")]
        self.listings = [symbol for symbol in here if symbol.startswith("I")]
        self.ratio = _wide(actions, "split", self.close).fillna(1.0)
        dividend = _wide(actions, "dividend", self.close).fillna(0.0)
        before = self.close.ffill().shift() / self.ratio - dividend
        self.gap = wide["open"] / before - 1.0
        self.intra = self.close / wide["open"] - 1.0
        self.total = self.close / before - 1.0
        us = bars[bars.symbol == "X01.US"].set_index("session").close
        known = us.index.searchsorted(self.close.index, side="left") - 1
        level = pd.Series(us.to_numpy()[known], index=self.close.index)
        self.night = level / level.shift() - 1.0


def _wide(actions: pd.DataFrame, kind: str, like: pd.DataFrame) -> pd.DataFrame:
    rows = actions[(actions.kind == kind) & actions.symbol.isin(like.columns)]
    wide = rows.pivot_table(index="ex_session", columns="symbol", values="value")
    return wide.reindex(index=like.index, columns=like.columns)


def _slope(night: pd.Series, returns: pd.DataFrame) -> pd.Series:
    """Regression slope of each column on last night's US return."""
    x = night.fillna(0.0)
    return returns.apply(lambda column: x.cov(column) / x[column.notna()].var())


@pytest.fixture(scope="module")
def market() -> dict[str, pd.DataFrame]:
    return sample.sample_frames()


@pytest.fixture(scope="module")
def null() -> dict[str, pd.DataFrame]:
    return sample.sample_frames(effects=False)


@pytest.fixture(scope="module")
def with_effects(market: dict[str, pd.DataFrame]) -> Returns:
    return Returns(market)


@pytest.fixture(scope="module")
def without_effects(null: dict[str, pd.DataFrame]) -> Returns:
    return Returns(null)


# What it holds


def test_it_holds_the_instruments_that_its_page_lists(market):
    count = market["instruments"].groupby(["exchange", "kind"]).size().to_dict()
    assert count == {
        ("24/7", "crypto"): 2,
        ("XHKG", "etf"): 3,
        ("XHKG", "index"): 1,
        ("XHKG", "stock"): 120,
        ("XNYS", "etf"): 5,
        ("XNYS", "index"): 1,
        ("XNYS", "stock"): 30,
        ("XSHG", "etf"): 1,
        ("XSHG", "stock"): 24,
    }
    assert market["instruments"].name.str.startswith("Simulated ").all()
    assert market["instruments"].symbol.is_unique


def test_low_is_below_and_high_above_open_and_close(market):
    bars = market["bars"]
    assert (bars.low <= bars[["open", "close"]].min(axis=1)).all()
    assert (bars.high >= bars[["open", "close"]].max(axis=1)).all()
    assert (bars.low > 0).all()


def test_everything_but_an_index_has_volume_in_every_bar(market):
    bars = market["bars"]
    index = bars.symbol.isin(["X001.HK", "X01.US"])
    assert bars.volume[index].isna().all()
    assert (bars.volume[~index] > 0).all()


@pytest.mark.parametrize(("symbol", "step"), [("N01.US", 10), ("K01.SH", 1), ("BTC01.X", 10)])
def test_prices_elsewhere_are_whole_cents_and_mainland_etfs_whole_thousandths(market, symbol, step):
    bars = market["bars"]
    prices = bars[bars.symbol == symbol][["open", "high", "low", "close"]].to_numpy()
    assert (prices == np.rint(prices * 1000 / step) * step / 1000).all()


@pytest.mark.parametrize("kind", ["stock", "etf"])
def test_hong_kong_prices_lie_on_the_ticks_of_the_market_file(market, kind):
    rules = YAML(typ="safe").load((ROOT / "backtest/market/hk.yaml").read_text(encoding="utf-8"))
    own = [table for table in rules["ticks"] if kind in table.get("kinds", [])]
    table = (own or [table for table in rules["ticks"] if "kinds" not in table])[0]
    bars, instruments = market["bars"], market["instruments"]
    here = instruments[(instruments.exchange == "XHKG") & (instruments.kind == kind)].symbol
    bars = bars[bars.symbol.isin(here)]
    starts = [str(period["from"]) for period in table["dated"]] + ["2026-07-01"]
    for period, first, after in zip(table["dated"], starts, starts[1:], strict=False):
        inside = bars[(bars.session >= first) & (bars.session < after)]
        prices = inside[["open", "high", "low", "close"]].to_numpy().ravel()
        above = [float(band["above"]) for band in period["bands"]]
        size = np.array([int(Decimal(str(band["size"])) * 1000) for band in period["bands"]])
        tick = size[np.searchsorted(above, prices, side="left") - 1]
        thousandths = np.rint(prices * 1000).astype(np.int64)
        assert (prices == thousandths / 1000).all()
        assert (thousandths % tick == 0).all()


def test_bars_are_on_every_session_but_those_of_suspensions(market):
    bars, instruments = market["bars"], market["instruments"].set_index("symbol")
    whole = bars.groupby("symbol").session.agg(["min", "max", "size"])
    missing = {}
    for symbol, row in whole.iterrows():
        days = sessions(instruments.exchange[symbol], row["min"].date(), row["max"].date()).dates
        missing[symbol] = len(days) - int(row["size"])
    assert {count for symbol, count in missing.items() if not symbol.startswith("S")} == {0}
    assert sum(count > 0 for count in missing.values()) == 11
    assert missing["S005.HK"] == 5
    assert missing["S029.HK"] > 100


def test_a_listing_trades_from_listed_on_and_a_delisted_stock_not_after_delisted(market):
    span = market["bars"].groupby("symbol").session.agg(["min", "max"])
    instruments = market["instruments"].set_index("symbol")
    listed, delisted = instruments.listed.dropna(), instruments.delisted.dropna()
    assert len(listed) == 60
    assert (span["min"][listed.index] == listed).all()
    assert len(delisted) == 3
    assert (span["max"][delisted.index] <= delisted).all()


def test_one_delisting_pays_an_offer_one_a_little_and_one_is_silent(market, with_effects):
    actions = market["actions"]
    value = actions[actions.kind == "delisting"].set_index("symbol").value
    last = with_effects.close.ffill().iloc[-1]
    assert sorted(value.index) == ["S020.HK", "S045.HK"]
    assert 1.0 <= value["S020.HK"] / last["S020.HK"] <= 1.04
    assert value["S045.HK"] == 0.05
    assert pd.notna(with_effects.instruments.delisted["S032.HK"])


def test_splits_and_consolidations_leave_no_mark_on_adjusted_returns(with_effects):
    split = with_effects.ratio != 1.0
    assert (with_effects.ratio.to_numpy() > 1).sum() >= 5
    assert (with_effects.ratio.to_numpy() < 1).sum() >= 5
    assert with_effects.total.where(split).abs().max().max() < 0.3


def test_board_lots_come_in_several_sizes_and_cost_2000_to_15000_at_first(market):
    instruments = market["instruments"].set_index("symbol")
    stocks = instruments[(instruments.exchange == "XHKG") & (instruments.kind == "stock")]
    assert stocks.lot_size.nunique() >= 6
    first = market["bars"].groupby("symbol").close.first()
    value = (stocks.lot_size * stocks.offer_price.fillna(first)).dropna()
    assert value.between(2_000, 15_000).all()


def test_earnings_come_out_after_the_close_within_90_days_and_some_are_restated(market):
    facts, instruments = market["facts"], market["instruments"].set_index("symbol")
    of_a_company = (facts.field == "eps_ttm") & ~facts.symbol.str.startswith("V")
    eps = facts[of_a_company].sort_values("known_at")
    first = ~eps.duplicated(["symbol", "period"])
    listed = eps.symbol.map(instruments.listed).dt.tz_localize("UTC")
    starting = first & ~eps.duplicated("symbol")
    regular = eps[first & ~starting]
    lag = (regular.known_at.dt.tz_localize(None) - regular.period).dt.days
    # A holiday before the planned day makes a report up to a week earlier.
    assert lag.between(15, 90).all()
    assert (eps[starting & listed.notna()].known_at < listed[starting & listed.notna()]).all()
    hong_kong = regular[regular.symbol.str.endswith(".HK")]
    day = hong_kong.known_at.dt.tz_localize(None)
    hours = sessions("XHKG", sample.FIRST, sample.LAST)
    close = pd.Series(hours.close, index=pd.DatetimeIndex(hours.dates))
    assert (day >= close.reindex(day.dt.normalize()).to_numpy()).all()
    assert 0.03 < (~first).sum() / first.sum() < 0.10
    assert 0.05 < (eps.value < 0).mean() < 0.25


def test_southbound_buying_is_published_at_18_00_on_days_on_which_both_markets_trade(market):
    flows = market["facts"][market["facts"].field == "southbound_net_buy"]
    both = np.intersect1d(
        sessions("XHKG", sample.FIRST, sample.LAST).dates,
        sessions("XSHG", sample.FIRST, sample.LAST).dates,
    )
    market_wide = flows[flows.symbol == ""]
    assert (market_wide.period.to_numpy() == both).all()
    assert np.isin(flows.period.to_numpy(), both.astype("datetime64[ns]")).all()
    assert (flows.known_at.dt.tz_localize(None) - flows.period == pd.Timedelta(hours=10)).all()
    assert 40 <= flows.symbol.nunique() - 1 <= 80


def test_the_dollar_stays_in_its_band_and_every_weekday_has_a_rate(market):
    fx = market["fx"]
    dollar = fx[fx.base == "USD"].set_index("date").rate
    assert dollar.between(7.75, 7.85).all()
    assert dollar.index.equals(pd.bdate_range("2016-06-24", "2026-06-30", name="date"))
    assert fx[fx.base == "CNY"].rate.between(1.0, 1.3).all()
    assert sorted(market["rates"].currency.unique()) == ["CNY", "HKD", "USD"]


def test_the_us_index_falls_on_the_documented_episodes(market):
    bars = market["bars"]
    us = bars[bars.symbol == "X01.US"].set_index("session").close
    moves = (us / us.shift() - 1.0)[list(EPISODES)]
    # The index is rounded to cents of some thousands.
    assert np.allclose(moves, list(EPISODES.values()), rtol=0, atol=1e-5)


# What is planted, and gone without effects


def test_stocks_follow_last_night_with_0_3_to_0_6_four_fifths_of_it_at_the_open(with_effects):
    stocks = with_effects.seasoned
    whole = _slope(with_effects.night, with_effects.total[stocks])
    opening = _slope(with_effects.night, with_effects.gap[stocks])
    # Estimated betas scatter by about 0.035 around those planted.
    assert whole.between(0.2, 0.7).all()
    assert 0.40 < whole.mean() < 0.50
    assert 0.75 < opening.mean() / whole.mean() < 0.85


def test_without_effects_last_night_says_nothing(without_effects):
    slope = _slope(without_effects.night, without_effects.total[without_effects.seasoned])
    assert abs(slope.mean()) < 0.03


def _after(returns: Returns) -> dict[str, float]:
    """Mean return of the next 15 sessions, over the usual one, after each kind of fall."""
    total = returns.total[returns.seasoned]
    night = returns.night.rolling(5).sum()
    own = total.rolling(5).sum().sub(0.45 * night, axis=0)
    ahead = total.rolling(15).sum().shift(-15)
    ahead = ahead - ahead.mean()
    calm = night > -0.01
    kinds = {
        "spillover": (total.rolling(5).sum() < 0).mul(night <= -0.06, axis=0),
        "own": (own <= -0.10).mul(calm, axis=0),
        "news": (returns.gap[returns.seasoned] < -0.06).mul(returns.night > -0.01, axis=0),
    }
    return {
        kind: float(np.nanmean(ahead.to_numpy()[mask.to_numpy()])) for kind, mask in kinds.items()
    }


def test_spillover_falls_reverse_and_own_falls_do_not(with_effects):
    after = _after(with_effects)
    assert after["spillover"] > 0.02
    assert abs(after["own"]) < 0.01
    assert abs(after["news"]) < 0.01


def test_without_effects_no_fall_reverses(without_effects):
    assert max(abs(value) for value in _after(without_effects).values()) < 0.01


def _flow_gap(returns: Returns, facts: pd.DataFrame) -> float:
    """Next 15 sessions after US falls: return where southbound bought most less where least."""
    flows = facts[(facts.field == "southbound_net_buy") & (facts.symbol != "")]
    wide = flows.pivot_table(index="period", columns="symbol", values="value")
    wide = wide[[symbol for symbol in wide if symbol in returns.seasoned]]
    wide = wide.reindex(returns.total.index)
    spread = wide.rolling(250, min_periods=60)
    z = ((wide - spread.mean()) / spread.std()).rolling(5, min_periods=1).mean()
    ahead = returns.total[wide.columns].rolling(15).sum().shift(-15).to_numpy()
    fallen = (returns.night.rolling(5).sum() <= -0.05).to_numpy()[:, None]
    known = fallen & z.notna().to_numpy() & ~np.isnan(ahead)
    high = z.to_numpy() > np.median(z.to_numpy()[known])
    return float(ahead[known & high].mean() - ahead[known & ~high].mean())


def test_southbound_buys_more_before_strong_reversals(market, with_effects):
    assert _flow_gap(with_effects, market["facts"]) > 0.01


def _value_spread(returns: Returns, facts: pd.DataFrame) -> tuple[float, float]:
    """Yearly return of the third with the highest earnings yield less the lowest, and its t."""
    stocks = returns.seasoned
    eps = facts[(facts.field == "eps_ttm") & facts.symbol.isin(stocks)].sort_values("known_at")
    # A restatement of an old period is older than the figure in force.
    eps = eps[eps.period >= eps.groupby("symbol").period.cummax()]
    split = returns.ratio[stocks].cumprod()
    day = eps.known_at.dt.tz_localize(None).dt.normalize()
    row = returns.close.index.searchsorted(day, side="right").clip(max=len(split) - 1)
    column = split.columns.get_indexer(eps.symbol)
    units = split.to_numpy()[np.maximum(row - 1, 0), column]
    known = np.full(split.shape, np.nan)
    known[row, column] = eps.value.to_numpy() * units
    earnings = pd.DataFrame(known, index=split.index, columns=stocks).ffill() / split
    price = returns.close[stocks].ffill().shift() / returns.ratio[stocks]
    month = pd.Series(split.index.to_period("M"), index=split.index)
    first = month.ne(month.shift())
    rank = (earnings / price)[first].reindex(split.index).ffill().rank(axis=1, pct=True)
    total = returns.total[stocks]
    spread = total.where(rank > 2 / 3).mean(axis=1) - total.where(rank <= 1 / 3).mean(axis=1)
    yearly, t = spread.mean() * 247, spread.mean() / spread.std() * len(spread) ** 0.5
    return float(yearly), float(t)


def test_the_cheapest_third_earns_some_percent_a_year_more(market, with_effects):
    yearly, t = _value_spread(with_effects, market["facts"])
    assert 0.04 < yearly < 0.14
    assert t > 2.0


def test_without_effects_cheapness_earns_nothing(null, without_effects):
    assert abs(_value_spread(without_effects, null["facts"])[1]) < 1.5


def _first_days(returns: Returns) -> pd.DataFrame:
    """First-day return and the 120 sessions after it, by listing."""
    listed = returns.instruments.loc[returns.listings]
    rows = returns.close.index.get_indexer(listed.listed)
    total = returns.total[returns.listings].to_numpy()
    close = returns.close[returns.listings].to_numpy()
    columns = np.arange(len(listed))
    pop = close[rows, columns] / listed.offer_price.to_numpy() - 1.0
    later = [
        np.prod(1 + np.nan_to_num(total[row + 1 : row + 121, i])) - 1 for i, row in enumerate(rows)
    ]
    return listed.assign(pop=pop, later=later)


def test_first_days_have_a_fat_right_tail_and_a_quarter_below_the_offer(with_effects):
    first = _first_days(with_effects)
    assert 0.25 <= (first["pop"] < 0).mean() <= 0.30
    assert 0.04 < first["pop"].median() < 0.10
    assert 0.14 < first["pop"].mean() < 0.20
    assert first["pop"].max() > 1.0
    hot = first.listed >= "2025-08-04"
    assert first["pop"][hot].mean() > 2 * first["pop"][~hot].mean()


def test_oversubscription_goes_with_the_first_day_and_against_what_follows(with_effects):
    first = _first_days(with_effects)
    rank = first.oversubscription.rank()
    assert first["pop"].rank().corr(rank) > 0.4
    assert first.later.corr(rank) < -0.25
    assert first.one_lot_success.rank().corr(rank) < -0.9


def test_without_effects_first_days_average_nothing(without_effects):
    first = _first_days(without_effects)
    assert abs(first["pop"].mean()) < 0.01
    assert abs(first["pop"].rank().corr(first.oversubscription.rank())) < 0.2


def test_effects_leave_instruments_and_everything_abroad_as_they_are(market, null):
    pd.testing.assert_frame_equal(market["instruments"], null["instruments"])
    pd.testing.assert_frame_equal(market["fx"], null["fx"])
    abroad = ["BTC01.X", "E003.HK", "E01.US", "K01.SH", "N01.US", "N12.US", "X01.US"]
    here, there = (
        tables["bars"][tables["bars"].symbol.isin(abroad)].reset_index(drop=True)
        for tables in (market, null)
    )
    pd.testing.assert_frame_equal(here, there)


# The same everywhere


def _digest(tables: dict[str, pd.DataFrame]) -> str:
    """sha256 of all tables: dates as integers, numbers in whole millionths, text as UTF-8."""
    digest = hashlib.sha256()
    for name in sorted(tables):
        for column in sorted(tables[name].columns):
            values = tables[name][column]
            digest.update(f"{name}.{column}\0".encode())
            if pd.api.types.is_float_dtype(values):
                whole = np.rint(values.fillna(-1.0).to_numpy() * 1e6)
                digest.update(whole.astype("<i8").tobytes())
            elif pd.api.types.is_string_dtype(values):
                digest.update("\0".join(values).encode())
            else:
                naive = pd.DatetimeIndex(values).tz_localize(None)
                digest.update(naive.to_numpy().astype("datetime64[ns]").astype("<i8").tobytes())
    return digest.hexdigest()


def test_the_numbers_are_the_pinned_ones(market, null):
    """Another hash on another machine is a fault; on purpose, raise SAMPLE_VERSION with it."""
    assert {True: _digest(market), False: _digest(null)} == HASHES


def test_two_generations_are_equal_and_another_seed_is_another_market(market):
    assert _digest(sample.sample_frames()) == _digest(market)
    assert _digest(sample.sample_frames(seed=1)) != _digest(market)


# The folder


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory):
    home = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("platformdirs.user_cache_dir", lambda *args, **kwargs: str(home))
        yield home


def test_the_folder_is_made_once_and_named_by_version_and_seed(cache):
    folder = sample.sample_folder()
    made = (folder / "bars.parquet").stat().st_mtime_ns
    assert folder == cache / f"sample-{sample.SAMPLE_VERSION}-{sample.SAMPLE_SEED}"
    assert sample.sample_folder() == folder
    assert (folder / "bars.parquet").stat().st_mtime_ns == made
    assert sample.sample_folder(effects=False).name == folder.name + "-null"
    assert not [path for path in cache.iterdir() if path.name.startswith(".")]


def test_a_process_that_comes_second_takes_the_folder_of_the_first(cache, monkeypatch):
    taken = cache / f"sample-{sample.SAMPLE_VERSION}-7"

    def overtaken(folder: Path, seed: int, *, effects: bool) -> None:
        taken.mkdir()
        (taken / "bundle.yaml").write_text("first", encoding="utf-8")
        (folder / "bundle.yaml").write_text("second", encoding="utf-8")

    monkeypatch.setattr(sample, "_write", overtaken)
    assert sample.sample_folder(seed=7) == taken
    assert (taken / "bundle.yaml").read_text(encoding="utf-8") == "first"
    assert not [path for path in cache.iterdir() if path.name.startswith(".")]


def test_a_failure_leaves_nothing_half_written(cache, monkeypatch):
    def fail(folder: Path, seed: int, *, effects: bool) -> None:
        (folder / "bundle.yaml").write_text("half", encoding="utf-8")
        raise RuntimeError("disk")

    monkeypatch.setattr(sample, "_write", fail)
    with pytest.raises(RuntimeError, match="disk"):
        sample.sample_folder(seed=8)
    assert not [path for path in cache.iterdir() if "-8" in path.name]


@pytest.mark.parametrize("effects", [True, False])
def test_it_loads_with_no_finding_but_the_gaps_of_long_suspensions(cache, effects):
    from backtest.data.bundle import load_bundle
    from backtest.data.settings import DataSettings

    bundle = load_bundle(DataSettings(bundle=str(sample.sample_folder(effects=effects))))
    assert [(finding.check, finding.count) for finding in bundle.findings] == [("gap", 3)]
    assert (bundle.prices, bundle.simulated, bundle.per_share) == ("raw", True, ("eps_ttm",))

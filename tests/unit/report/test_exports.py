"""A run in the shapes of other libraries, taken by these libraries themselves."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import polars
import pytest

from backtest import run
from backtest.config import load_config
from backtest.errors import RunError
from backtest.report.exports import returns_of

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def dip():
    path = ROOT / "configs" / "spillover_dip.yaml"
    return run(load_config(path, overrides=["data.start=2022-01-03"]))


@pytest.fixture(scope="module")
def held():
    path = ROOT / "configs" / "buy_and_hold.yaml"
    return run(load_config(path, overrides=["data.start=2025-01-02"]))


def test_returns_compound_to_the_total_return(dip):
    returns = returns_of(dip)
    assert np.prod(1 + returns) - 1 == pytest.approx(dip.metrics["headline"]["total_return"])
    assert returns.index.equals(pd.DatetimeIndex(dip.nav["session"]))


def test_quantstats_measures_the_same_fall_from_them(dip):
    from quantstats import stats

    returns, benchmark = dip.to_quantstats()
    cash = dip.config["portfolio"]["cash"]["amount"]
    start = pd.Series([0.0], index=[returns.index[0] - pd.Timedelta(days=1)])
    worst = stats.max_drawdown(pd.concat([start, returns]))
    assert worst == pytest.approx(dip.metrics["drawdowns"]["max_drawdown"])
    assert cash * np.prod(1 + returns) == pytest.approx(dip.nav["nav"].iloc[-1])
    assert np.prod(1 + benchmark) == pytest.approx(dip.nav["benchmark"].iloc[-1])
    assert benchmark.name == "X001.HK"


class TestPyfolio:
    def test_positions_and_cash_are_the_nav(self, dip):
        _, positions, _ = dip.to_pyfolio()
        assert positions.sum(axis=1).to_numpy() == pytest.approx(dip.nav["nav"].to_numpy())
        assert positions["cash"].to_numpy() == pytest.approx(dip.nav["cash"].to_numpy())

    def test_pyfolio_counts_the_same_turnover(self, dip):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its own remarks on what is not installed
            from pyfolio import txn

        _, positions, transactions = dip.to_pyfolio()
        turnover = txn.get_turnover(positions, transactions, denominator="portfolio_value")
        # pyfolio divides by the mean of two days' values, and takes twice the lesser side or both:
        # the traded value itself is what must be the same.
        traded = (transactions["amount"].abs() * transactions["price"]).sum()
        fills = dip.fills[dip.fills["reason"] != "delisted"]
        assert traded == pytest.approx((fills["shares"].abs() * fills["price"] * fills["fx"]).sum())
        assert turnover.sum() > 0
        assert turnover.index.equals(positions.index)


class TestAlphalens:
    def test_it_computes_mean_returns_and_rank_correlations(self, dip):
        from alphalens import performance

        data = dip.to_alphalens("depth", quantiles=4)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of scipy, on days with one event
            means, _ = performance.mean_return_by_quantile(data, by_date=False, demeaned=False)
            ranks = performance.factor_information_coefficient(data)
        assert means.index.tolist() == [1, 2, 3, 4]
        lowest = data[data["factor_quantile"] == 1].groupby("date")["5D"].mean()
        assert means.loc[1, "5D"] == pytest.approx(lowest.mean())
        assert ranks.columns.tolist() == ["1D", "5D", "10D", "20D", "60D", "120D"]

    def test_quantiles_hold_equal_numbers_and_follow_the_factor(self, dip):
        data = dip.to_alphalens(quantiles=5)
        counts = data["factor_quantile"].value_counts()
        assert counts.max() - counts.min() <= 1
        by = data.groupby("factor_quantile")["factor"]
        assert (by.max().to_numpy()[:-1] <= by.min().to_numpy()[1:]).all()

    def test_an_unknown_attribute_is_told_with_the_known_ones(self, dip, held):
        with pytest.raises(RunError, match="no attribute 'size'; known: depth"):
            dip.to_alphalens("size")
        with pytest.raises(RunError, match="has no events"):
            held.to_alphalens()


def test_tables_come_as_pandas_polars_or_arrow(dip):
    plain, arrow, other = (dip.frames(kind) for kind in ("pandas", "arrow", "polars"))
    assert plain.keys() == arrow.keys() == other.keys()
    assert arrow["nav"].column_names == other["nav"].columns == list(dip.nav.columns)
    assert isinstance(other["fills"], polars.DataFrame)
    assert other["nav"]["nav"].to_numpy().tolist() == dip.nav["nav"].tolist()
    plain["nav"].loc[0, "nav"] = 0.0
    assert dip.nav["nav"].iloc[0] > 0
    with pytest.raises(RunError, match="must be pandas, polars or arrow"):
        dip.frames("dask")


def test_vectorbt_takes_the_trades(held):
    assert held.to_vectorbt().orders.count().sum() == len(held.fills)

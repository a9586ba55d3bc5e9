"""A hand-made panel: the attributes of `backtest.Panel`, filled from frames."""

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
import pytest


@dataclass(frozen=True)
class StandIn:
    """What a strategy may read; every frame has the rows and columns of ``close``."""

    close: pd.DataFrame
    instruments: pd.DataFrame
    universe: pd.DataFrame
    rebalance: pd.Series
    new_bars: pd.DataFrame
    volume: pd.DataFrame
    sessions_since_listing: pd.DataFrame
    facts: dict = field(default_factory=dict)
    ages: dict = field(default_factory=dict)
    flows: dict = field(default_factory=dict)
    market_flows: dict = field(default_factory=dict)
    listings: dict = field(default_factory=dict)

    subscribes = False

    @property
    def sessions(self):
        return self.close.index

    @property
    def symbols(self):
        return self.close.columns

    @property
    def adjusted_close(self):
        return self.close

    @property
    def returns(self):
        return self.close / self.close.shift(1) - 1.0

    def has_fact(self, name):
        if name in self.facts or name in self.flows:
            return "symbol"
        return "market" if name in self.market_flows else None

    def fact(self, name):
        return self.facts[name]

    def age(self, name):
        return self.ages[name]

    def flow(self, name):
        return self.flows.get(name, self.close * np.nan)

    def market_flow(self, name):
        return self.market_flows.get(name, pd.Series(np.nan, self.sessions))

    def listing(self, name):
        return self.listings.get(name, self.close * np.nan)

    def cut(self, rows):
        """The same panel, had it ended after ``rows`` rows."""
        changes = {}
        for name, value in vars(self).items():
            if isinstance(value, dict):
                changes[name] = {key: item.iloc[:rows] for key, item in value.items()}
            elif name != "instruments":
                changes[name] = value.iloc[:rows]
        return replace(self, **changes)


@pytest.fixture
def make_panel():
    """Build a `StandIn` from ``close`` (symbol -> prices) and whatever differs from the plain case.

    Plain: weekdays from 2024-01-01, everything in the universe, every row a rebalance with one new
    bar of a volume never seen before, listing dates unknown, one sector.
    """

    def make(close, *, start="2024-01-01", **parts):
        close = pd.DataFrame(close, dtype=float)
        index = pd.bdate_range(start, periods=len(close), name="session", unit="ns")
        close.index = index
        close.columns.name = "symbol"

        def frame(values, dtype=float):
            return pd.DataFrame(np.asarray(values), index, close.columns).astype(dtype)

        def series(values):
            return pd.Series(list(values), index=index)

        ones = np.ones(close.shape)
        listings = parts.pop("listings", {"oversubscription": ones * np.nan})
        fields = {
            "instruments": pd.DataFrame(
                {
                    "sector": parts.pop("sectors", ["Tech"] * close.shape[1]),
                    "exchange": parts.pop("exchanges", ["XHKG"] * close.shape[1]),
                },
                index=close.columns,
            ),
            "universe": frame(parts.pop("universe", ones), bool),
            "rebalance": series(parts.pop("rebalance", [True] * len(close))),
            "new_bars": frame(parts.pop("new_bars", ones)),
            "volume": frame(parts.pop("volume", np.cumsum(ones, axis=0))),
            "sessions_since_listing": frame(parts.pop("since", ones * np.nan)),
            "listings": {name: frame(values) for name, values in listings.items()},
            "market_flows": {k: series(v) for k, v in parts.pop("market_flows", {}).items()},
        }
        for name in ("facts", "ages", "flows"):
            fields[name] = {k: frame(v) for k, v in parts.pop(name, {}).items()}
        assert not parts, f"unknown parts: {parts}"
        return StandIn(close=close, **fields)

    return make


def _accounts(rng, rows):
    """Capex, revenue and cash flow of four of the nine symbols, renewed every ten rows."""
    steps = np.repeat(rng.uniform(0.5, 1.5, (3, rows // 10, 9)), 10, axis=1)
    steps[:, :, [1, 4, 5, 7, 8]] = np.nan
    return dict(zip(("capex", "revenue", "operating_cash_flow"), steps, strict=True))


@pytest.fixture
def random_panel(make_panel):
    """160 rows of nine symbols: late listings, one never seen, gaps, a universe that moves."""
    rng = np.random.default_rng(3)
    rows, names = 160, [*"ABCDEFGH", "US"]
    moves = rng.normal(0.0, 0.03, (rows, 9))
    moves[1:, :6] += 0.9 * moves[:-1, 8:]  # a session follows the night before it
    close = 100 * np.cumprod(1 + moves, axis=0)
    first = np.array([0, 0, 0, 0, 10, 40, 70, rows, 0])
    at = np.arange(rows)[:, None]
    close[at < first] = np.nan
    universe = (at >= first) & (rng.random((rows, 9)) < 0.97)
    universe[:, 8] = False
    since = np.where((at >= first) & (first > 0), at - first, np.nan)
    reported = np.where(rng.random((rows, 9)) < 0.04, rng.normal(4, 3, (rows, 9)), np.nan)
    known = pd.DataFrame(reported).ffill()
    reports = pd.DataFrame(np.where(np.isnan(reported), np.nan, at)).ffill()
    flow = np.where(rng.random((rows, 9)) < 0.6, rng.normal(size=(rows, 9)), np.nan)
    flow[:, :3] = np.nan
    return make_panel(
        dict(zip(names, close.T, strict=True)),
        universe=universe,
        rebalance=at[:, 0] >= 30,
        since=since,
        sectors=["X", "X", "Y", "Y", None, "X", "Y", "Y", ""],
        facts={"eps_ttm": known} | _accounts(rng, rows),
        ages={"eps_ttm": at - reports},
        flows={"southbound_net_buy": flow, "eps_ttm": reported},
        market_flows={"southbound_net_buy": rng.normal(size=rows)},
        listings={"oversubscription": np.where(at >= first, rng.random((rows, 9)) * 9, np.nan)},
    )

"""A small simulated market with all that trips a strategy, for tests of strategies.

Halts and single bars missing (a backward fill shows only where bars have gaps), listings in the
middle with an offer price, a delisting, a flat stretch without volume, two names that tie in every
price, a split, dividends, earnings that are restated, a market-wide flow that skips sessions, and a
second exchange in another time zone and currency.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from backtest.calendars import Sessions, sessions
from backtest.data.bundle import Bundle

FloatArray = npt.NDArray[np.float64]

FIRST, LAST = date(2022, 1, 3), date(2023, 6, 30)
HONG_KONG = tuple(f"{number:04d}.HK" for number in range(1, 11))
ABROAD = ("AAA", "QQQ")
INDEX = "HSI"

_HALT, _FLAT, _SPLIT_AT, _GONE_AT = slice(90, 111), slice(60, 81), 150, 200
_LISTED_AT = {"0009.HK": 120, "0010.HK": 240}
_MISSING = 0.03  # of all bars


def rough_market(seed: int = 0) -> Bundle:
    """Ten Hong Kong stocks and an index, two US funds; 18 months from January 2022; raw prices.

    Facts: ``eps_ttm`` by symbol (per share, restated) and ``southbound_net_buy`` for the market.
    The same seed gives the same market.
    """
    rng = np.random.default_rng(seed)
    home, abroad = sessions("XHKG", FIRST, LAST), sessions("XNYS", FIRST, LAST)
    closes = _closes(rng, len(home))
    frames = [_bars(rng, symbol, home, closes[symbol]) for symbol in [*HONG_KONG, INDEX]]
    frames += [_bars(rng, symbol, abroad, _walk(rng, len(abroad))) for symbol in ABROAD]
    return Bundle.from_frames(
        name="rough",
        description="a small simulated market with gaps, listings, restatements and ties",
        prices="raw",
        simulated=True,
        per_share=("eps_ttm",),
        instruments=_instruments(home, closes),
        bars=pd.concat(frames, ignore_index=True),
        actions=_actions(home),
        facts=pd.concat([_earnings(rng, home, closes), _flow(rng, home)], ignore_index=True),
        fx=_daily(home, {"base": "USD", "quote": "HKD"}, 7.8 + 0.02 * rng.random(len(home))),
        rates=_daily(home, {"currency": "HKD"}, np.where(home.dates < home.dates[180], 0.01, 0.03)),
    )


def _walk(rng: np.random.Generator, count: int) -> FloatArray:
    return np.asarray(50.0 * np.cumprod(1.0 + 0.02 * rng.standard_normal(count)), np.float64)


def _closes(rng: np.random.Generator, count: int) -> dict[str, FloatArray]:
    """Closes by symbol, as if every bar were there; NaN before a listing and after the end."""
    closes = {symbol: _walk(rng, count) for symbol in [*HONG_KONG, INDEX]}
    closes["0004.HK"][_FLAT] = closes["0004.HK"][_FLAT.start]
    closes["0006.HK"] = closes["0005.HK"].copy()
    closes["0002.HK"][_SPLIT_AT:] /= 2.0
    closes["0008.HK"][_GONE_AT + 1 :] = np.nan
    for symbol, at in _LISTED_AT.items():
        closes[symbol][:at] = np.nan
    return closes


def _bars(rng: np.random.Generator, symbol: str, own: Sessions, closes: FloatArray) -> pd.DataFrame:
    """Bars around ``closes``, some missing, none of them before a first or in a halt."""
    close = np.round(closes, 2)
    before = np.concatenate([close[:1], close[:-1]])
    opened = np.round(np.where(np.isnan(before), close, (close + before) / 2.0), 2)
    volume = np.floor(rng.uniform(1e5, 1e6, len(close)))
    kept = ~np.isnan(close)
    if symbol == "0003.HK":
        kept[_HALT] = False
    if symbol == "0004.HK":
        volume[_FLAT], opened[_FLAT] = 0.0, close[_FLAT]
    if symbol not in ("0005.HK", "0006.HK"):  # these two tie, gaps included
        kept &= (rng.random(len(close)) >= _MISSING) | np.isin(
            np.arange(len(close)), list(_LISTED_AT.values())
        )
    frame = pd.DataFrame(
        {
            "symbol": symbol,
            "session": own.dates.astype("datetime64[ns]"),
            "open": opened,
            "high": np.round(np.maximum(opened, close) * 1.01, 2),
            "low": np.round(np.minimum(opened, close) * 0.99, 2),
            "close": close,
            "volume": volume,
        }
    )
    return frame[kept]


def _instruments(home: Sessions, closes: dict[str, FloatArray]) -> pd.DataFrame:
    symbols = [*HONG_KONG, INDEX, *ABROAD]
    count = len(HONG_KONG)
    table = pd.DataFrame(
        {
            "symbol": symbols,
            "exchange": ["XHKG"] * (count + 1) + ["XNYS"] * len(ABROAD),
            "currency": ["HKD"] * (count + 1) + ["USD"] * len(ABROAD),
            "kind": ["stock"] * count + ["index", "stock", "etf"],
            "sector": ["Software", "Hardware"] * (count // 2) + [None] * (1 + len(ABROAD)),
            "lot_size": [100.0] * count + [1.0] * (1 + len(ABROAD)),
        }
    )
    listed = {symbol: pd.Timestamp(home.dates[at]) for symbol, at in _LISTED_AT.items()}
    offers = {symbol: 0.9 * closes[symbol][at] for symbol, at in _LISTED_AT.items()}
    return table.assign(
        listed=pd.to_datetime(table["symbol"].map(listed)),
        delisted=pd.to_datetime(table["symbol"].map({"0008.HK": pd.Timestamp(home.dates[201])})),
        offer_price=table["symbol"].map(offers).astype(float),
        oversubscription=table["symbol"].map({"0009.HK": 5.0, "0010.HK": 80.0}).astype(float),
        one_lot_success=table["symbol"].map({"0009.HK": 0.6, "0010.HK": 0.05}).astype(float),
    )


def _actions(home: Sessions) -> pd.DataFrame:
    rows = [
        ("0002.HK", _SPLIT_AT, "split", 2.0),
        ("0001.HK", 100, "dividend", 0.5),
        ("0001.HK", 230, "dividend", 0.6),
        ("0008.HK", _GONE_AT, "delisting", 30.0),
    ]
    return pd.DataFrame(
        [(symbol, pd.Timestamp(home.dates[at]), kind, value) for symbol, at, kind, value in rows],
        columns=["symbol", "ex_session", "kind", "value"],
    )


def _earnings(
    rng: np.random.Generator, home: Sessions, closes: dict[str, FloatArray]
) -> pd.DataFrame:
    """A figure for each quarter, known 20 to 40 sessions later; every other one is restated."""
    rows = []
    for symbol in HONG_KONG:
        for quarter, at in enumerate(range(0, len(home) - 90, 60)):
            price = closes[symbol][at]
            if np.isnan(price):
                continue
            first = at + int(rng.integers(20, 41))
            value = price * float(rng.uniform(-0.02, 0.12))
            period = home.dates[at]
            rows.append((symbol, period, _evening(home, first), value))
            if (quarter + int(symbol[:4])) % 2 == 0:
                again = value + price * float(rng.uniform(0.03, 0.06)) * (-1) ** quarter
                rows.append((symbol, period, _evening(home, first + 25), again))
    table = pd.DataFrame(rows, columns=["symbol", "period", "known_at", "value"])
    return table.assign(field="eps_ttm", period=pd.to_datetime(table["period"]))


def _flow(rng: np.random.Generator, home: Sessions) -> pd.DataFrame:
    """Net buying of the whole market, unknown in every tenth session."""
    rows = np.flatnonzero(np.arange(len(home)) % 10 != 9)
    return pd.DataFrame(
        {
            "symbol": "",
            "field": "southbound_net_buy",
            "period": home.dates[rows].astype("datetime64[ns]"),
            "known_at": [_evening(home, int(row)) for row in rows],
            "value": 1e8 * rng.standard_normal(len(rows)),
        }
    )


def _evening(home: Sessions, row: int) -> pd.Timestamp:
    """Two hours after a session's close."""
    return pd.Timestamp(home.close[row], tz="UTC") + pd.Timedelta(hours=2)


def _daily(home: Sessions, keys: dict[str, str], rates: FloatArray) -> pd.DataFrame:
    return pd.DataFrame({**keys, "date": home.dates.astype("datetime64[ns]"), "rate": rates})

"""The simulated markets together as the tables of a bundle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from backtest.data.sample_abroad import (
    UnitedStates,
    bitcoin_returns,
    hedge_coin_returns,
    mainland_returns,
    new_returns,
)
from backtest.data.sample_bars import Grid, Quotes, bars_of
from backtest.data.sample_draws import DateArray, FloatArray, normals
from backtest.data.sample_effects import Effects
from backtest.data.sample_groups import Group, group_bars, group_instruments
from backtest.data.sample_hongkong import HongKong, index_returns
from backtest.data.sample_money import fx_dates, usd_hkd
from backtest.data.sample_plan import DELISTINGS, SEASONED, TAKEOVER, row_of

_YEARLY_FEE = 0.005  # of the ETFs


@dataclass(frozen=True, eq=False)
class Market:
    """Everything simulated, before it becomes tables."""

    seed: int
    hk: HongKong
    us: UnitedStates
    cn_dates: DateArray
    btc_dates: DateArray
    groups: tuple[Group, ...]
    effects: Effects


@dataclass(frozen=True)
class Single:
    """One instrument apart from the stocks."""

    symbol: str
    name: str
    exchange: str
    currency: str
    kind: str
    sector: str
    lot: float
    start: float
    grid: Grid
    volume: float  # ordinary volume per session; NaN for an index
    sigma: float


_NAN = float("nan")
SINGLES = (
    Single("BTC01.X", "Simulated Bitcoin", "24/7", "USD", "crypto", "Digital Assets",
           0.0001, 650.0, "cents", 40_000.0, 0.03),
    Single("BTC02.X", "Simulated Hedge Coin", "24/7", "USD", "crypto", "Digital Assets",
           0.0001, 900.0, "cents", 20_000.0, 0.028),
    Single("E001.HK", "Simulated Hong Kong Tech ETF", "XHKG", "HKD", "etf", "ETF",
           500.0, 8.0, "hk etfs", 2e7, 0.012),
    Single("E002.HK", "Simulated Hong Kong Equal Weight ETF", "XHKG", "HKD", "etf", "ETF",
           100.0, 24.0, "hk etfs", 3e6, 0.012),
    Single("E003.HK", "Simulated US Tech ETF (Hong Kong)", "XHKG", "HKD", "etf", "ETF",
           50.0, 60.0, "hk etfs", 1e6, 0.008),
    Single("X001.HK", "Simulated Hong Kong Tech Index", "XHKG", "HKD", "index", "Index",
           1.0, 4000.0, "cents", _NAN, 0.012),
    Single("E01.US", "Simulated US Tech ETF", "XNYS", "USD", "etf", "ETF",
           1.0, 110.0, "cents", 3e7, 0.010),
    Single("X01.US", "Simulated US Tech Index", "XNYS", "USD", "index", "Index",
           1.0, 4500.0, "cents", _NAN, 0.010),
    Single("K01.SH", "Simulated STAR ETF", "XSHG", "CNY", "etf", "ETF",
           100.0, 1.0, "thousandths", 4e8, 0.013),
)  # fmt: skip


def instruments(market: Market) -> pd.DataFrame:
    """One row per instrument, sorted by exchange and symbol; dates are NaT where not known."""
    plan, us = market.hk.plan, market.us
    dates, seasoned = market.hk.dates, np.arange(len(plan.symbols)) < SEASONED
    nothing = np.datetime64("NaT")
    delisted = np.full(len(plan.symbols), nothing, dtype="datetime64[ns]")
    for delisting in DELISTINGS:
        delisted[delisting.column] = dates[row_of(dates, delisting.date)]
    stocks = pd.DataFrame(
        {
            "symbol": plan.symbols, "name": plan.names, "exchange": "XHKG", "currency": "HKD",
            "kind": "stock", "sector": plan.sectors, "lot_size": plan.lot,
            "listed": np.where(seasoned, nothing, dates[plan.first].astype("datetime64[ns]")),
            "delisted": delisted,
            "offer_price": np.where(seasoned, np.nan, plan.start),
            "oversubscription": plan.oversubscription,
            "one_lot_success": plan.one_lot_success,
            "ipo_mechanism": plan.mechanism,
            "offer_size": plan.offer_size,
            "cornerstone_share": plan.cornerstone_share,
        }
    )  # fmt: skip
    abroad = pd.DataFrame(
        {
            "symbol": us.symbols, "name": [f"Simulated {name}" for name in us.names],
            "exchange": "XNYS", "currency": "USD", "kind": "stock", "sector": us.sectors,
            "lot_size": 1.0,
        }
    )  # fmt: skip
    singles = pd.DataFrame(
        [
            (one.symbol, one.name, one.exchange, one.currency, one.kind, one.sector, one.lot)
            for one in SINGLES
        ],
        columns=abroad.columns,
    )
    groups = [group_instruments(group) for group in market.groups]
    columns = [*stocks.columns, "board"]
    rest = pd.concat([abroad, singles, *groups], ignore_index=True).reindex(columns=columns)
    for column in ("listed", "delisted"):
        rest[column] = np.full(len(rest), nothing, dtype="datetime64[ns]")
    whole = pd.concat([stocks, rest], ignore_index=True)
    for column in ("board", "ipo_mechanism"):
        whole[column] = whole[column].where(whole[column].notna(), "").astype("str")
    return whole.sort_values(["exchange", "symbol"], ignore_index=True)


def bars(market: Market) -> pd.DataFrame:
    """Daily bars of everything, sorted by symbol and session."""
    parts = [_hk_stocks(market), _us_stocks(market)]
    parts += [_single_bars(market, one) for one in SINGLES]
    parts += [group_bars(market.seed, group) for group in market.groups]
    whole = pd.concat(parts, ignore_index=True)
    return whole.sort_values(["symbol", "session"], ignore_index=True, kind="stable")


def actions(market: Market) -> pd.DataFrame:
    """All splits, dividends and delisting values, sorted by symbol and ex-session."""
    parts = []
    for symbols, side in ((market.hk.plan.symbols, market.hk), (market.us.symbols, market.us)):
        names = np.asarray(symbols, dtype=object)
        path = side.path
        for kind, values, none in (("split", path.ratio, 1.0), ("dividend", path.dividend, 0.0)):
            row, column = np.nonzero(~np.isnan(path.close) & (values != none))
            rows = {
                "symbol": names[column],
                "ex_session": side.dates[row].astype("datetime64[ns]"),
                "kind": kind,
                "value": values[row, column],
            }
            parts.append(pd.DataFrame(rows))
    parts.append(_delistings(market))
    whole = pd.concat(parts, ignore_index=True)
    return whole.sort_values(["symbol", "ex_session", "kind"], ignore_index=True)


def sorted_facts(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Facts sorted by field, symbol, known_at, period."""
    whole = pd.concat(parts, ignore_index=True)
    return whole.sort_values(["field", "symbol", "known_at", "period"], ignore_index=True)


def fx_days(market: Market) -> DateArray:
    """Weekdays with an exchange rate: from a week before the first session to the last."""
    return fx_dates(market.btc_dates[0], market.btc_dates[-1])


def _delistings(market: Market) -> pd.DataFrame:
    dates = market.hk.dates
    values = {
        one.column: market.hk.takeover_offer if one.column == TAKEOVER else one.value
        for one in DELISTINGS
    }
    rows = [
        (market.hk.plan.symbols[one.column], dates[row_of(dates, one.date)], values[one.column])
        for one in DELISTINGS
        if values[one.column] is not None
    ]
    symbols, days, paid = zip(*rows, strict=True)
    return pd.DataFrame(
        {
            "symbol": symbols,
            "ex_session": np.array(days, dtype="datetime64[ns]"),
            "kind": "delisting",
            "value": paid,
        }
    )


def _hk_stocks(market: Market) -> pd.DataFrame:
    plan, path = market.hk.plan, market.hk.path
    age = np.maximum(np.arange(len(market.hk.dates))[:, None] - plan.first, 0)
    rush = 1.0 + np.where(plan.first > 0, 4.0 / (1.0 + age), 0.0)
    quotes = Quotes(
        symbols=plan.symbols,
        dates=market.hk.dates,
        open=path.open,
        close=path.close,
        sigma=plan.sigma,
        shares=plan.turnover / plan.start * path.shares * rush,
        lot=plan.lot,
        halted=market.hk.halted,
        grid="hk stocks",
    )
    return bars_of(market.seed, quotes)


def _us_stocks(market: Market) -> pd.DataFrame:
    us = market.us
    quotes = Quotes(
        symbols=us.symbols,
        dates=us.dates,
        open=us.path.open,
        close=us.path.close,
        sigma=us.sigma,
        shares=8e8 / us.start * us.path.shares,
        lot=np.ones(len(us.symbols)),
        halted=np.zeros(us.path.close.shape, dtype=np.bool_),
        grid="cents",
    )
    return bars_of(market.seed, quotes)


def _single_bars(market: Market, one: Single) -> pd.DataFrame:
    dates, opened, closed = _single_prices(market, one)
    quotes = Quotes(
        symbols=(one.symbol,),
        dates=dates,
        open=(one.start * opened)[:, None],
        close=(one.start * closed)[:, None],
        sigma=np.array([one.sigma]),
        shares=np.array([one.volume]),
        lot=np.array([max(one.lot, 1.0)]),  # whole coins in Bitcoin's volume
        halted=np.zeros((len(dates), 1), dtype=np.bool_),
        grid=one.grid,
    )
    return bars_of(market.seed, quotes)


def _single_prices(market: Market, one: Single) -> tuple[DateArray, FloatArray, FloatArray]:
    """Sessions, opens and closes of an index, an ETF or Bitcoin, relative to its start."""
    hk, us = market.hk, market.us
    if one.exchange == "XNYS":
        return us.dates, *_compound(us.gap, us.intra)
    if one.exchange == "XSHG":
        moves = mainland_returns(
            market.seed, market.cn_dates, hk.dates, hk.factor_gap, hk.factor_intra
        )
        return market.cn_dates, *_compound(*moves)
    if one.symbol == "BTC02.X":
        moves = hedge_coin_returns(market.seed, market.btc_dates, us, market.effects)
        return market.btc_dates, *_compound(*moves)
    if one.exchange == "24/7":
        return market.btc_dates, *_compound(*bitcoin_returns(market.seed, len(market.btc_dates)))
    if one.symbol == "E003.HK":
        return hk.dates, *_us_in_hong_kong(market)
    gap, intra = index_returns(hk, equal=one.symbol == "E002.HK")
    fee = 0.0 if one.kind == "index" else _YEARLY_FEE / 247.0
    return hk.dates, *_compound(gap, intra - fee)


def _us_in_hong_kong(market: Market) -> tuple[FloatArray, FloatArray]:
    """Last night's US index in HKD, with a little noise at the open and at the close."""
    hk, us = market.hk, market.us
    night = new_returns(us.level, us.dates, hk.dates)
    days = fx_days(market)
    rate = usd_hkd(market.seed, days)[np.searchsorted(days, hk.dates, side="right") - 1]
    value = np.multiply.accumulate(1.0 + night - _YEARLY_FEE / 247.0) * rate / rate[0]
    noise = 0.0008 * normals(market.seed, "us etf in hk", 2, len(hk.dates))
    return value * (1.0 + noise[0]), value * (1.0 + noise[1])


def _compound(gap: FloatArray, intra: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Open and close levels, relative to the close before the first session."""
    closed = np.multiply.accumulate((1.0 + gap) * (1.0 + intra))
    return closed / (1.0 + intra), closed

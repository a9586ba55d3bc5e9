"""Bundle, clock and rules as the arrays of a simulation."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from backtest.account import Account
from backtest.clock import Clock
from backtest.connect import dividend_taxes, shut_sessions
from backtest.data.bundle import Bundle
from backtest.data.checks import bundle_volume_missing
from backtest.data.fx import check_fx, fx_rates, rate_known
from backtest.data.grid import Grid
from backtest.engine.action_arrays import action_arrays, deal_arrays, delisting_arrays
from backtest.engine.halts import left_by_halts
from backtest.engine.lots import Lots, lots_of
from backtest.engine.money import (
    currencies_of,
    has_rates,
    hedge_rates,
    purse_rates,
    settlement,
)
from backtest.engine.offers import Subscriptions, offers_of
from backtest.engine.shorts import borrow_rates, shortable_sessions
from backtest.errors import DataError
from backtest.execution import Execution, Exits, Portfolio
from backtest.kernels.codes import LAPSE, SELL, TAKE_UP
from backtest.kernels.rolling import rolling_mean_std
from backtest.kernels.world import (
    CLOSE,
    COLUMN,
    DESK,
    EVENT,
    FIRST_DAYS,
    OPEN,
    Records,
    Terms,
    World,
)
from backtest.market.rules import CompiledRules

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int32]

_RIGHTS = {"lapse": LAPSE, "sell": SELL, "take_up": TAKE_UP}
_WINDOW, _ENOUGH = 20, 10  # sessions that volatility and volume of the impact are taken over


def build_world(
    bundle: Bundle,
    grid: Grid,
    clock: Clock,
    rules: CompiledRules,
    *,
    execution: Execution,
    portfolio: Portfolio,
    tradable: npt.NDArray[np.bool_],
    account: Account = Account(),  # noqa: B008 - frozen
    subscriptions: Subscriptions | None = None,
) -> World:
    """What happens in a run, the same for every portfolio that is simulated in it.

    Parameters
    ----------
    tradable
        Columns that may be held at some decision, shape (N,): their currencies need fx.
    account
        Who trades: when, and what is kept from dividends.
    subscriptions
        What can be applied for; None where nothing is subscribed to.

    Raises
    ------
    DataError
        When fx of a tradable instrument is missing or older than seven days at an event.
    """
    bars = grid.bars
    times = pd.DatetimeIndex(clock.time, tz="UTC")
    symbols = [symbol for symbol, held in zip(bars.symbols, tradable, strict=True) if held]
    faults = check_fx(bundle, portfolio.currency, times, symbols=symbols)
    if faults:
        raise DataError(f"fx of bundle '{bundle.name}'", faults)
    currencies = currencies_of(bundle, portfolio)
    kept, waits = portfolio.fx == "keep", not portfolio.spend_unsettled
    lots = lots_of(bundle, grid, rules.tables, whole_shares=execution.whole_shares)
    columns = _columns(bundle, grid, rules, currencies, lots, portfolio=portfolio, account=account)
    fx = [fx_rates(bundle.fx, own, portfolio.currency, times) for own in currencies]
    unknown = _volume_unknown(bundle, grid)
    impact = execution.slippage.impact > 0.0
    sigma, typical = _impact_inputs(grid, unknown) if impact else (_none(), _none())
    act_ptr, acts = action_arrays(grid)
    deal_ptr, deals, claims = deal_arrays(grid, lots)
    gone_ptr, gone = delisting_arrays(grid)
    base = clock.base_sessions
    run = slice(clock.first, clock.last + 1)
    dates = base.dates[run].astype("datetime64[D]").astype(np.int64)
    closes = pd.DatetimeIndex(base.close[run], tz="UTC")
    return World(
        events=_events(clock, account),
        fx=np.ascontiguousarray(np.column_stack(fx)),
        edge=_edges(grid),
        columns=columns,
        open=bars.open,
        high=bars.high,
        low=bars.low,
        close=bars.close,
        volume=bars.volume,
        mark=grid.mark,
        halted=left_by_halts(bars, portfolio),
        sigma=sigma,
        typical_volume=typical,
        volume_unknown=unknown,
        act_ptr=act_ptr,
        acts=acts,
        deal_ptr=deal_ptr,
        deals=deals,
        claims=claims,
        gone_ptr=gone_ptr,
        gone=gone,
        desks=_desks(bundle, clock, currencies),
        first=clock.first,
        rate=rate_known(bundle.rates, portfolio.currency, closes),
        days=np.diff(dates, prepend=dates[0]).astype(np.float64),
        has_rates=has_rates(bundle, portfolio.currency),
        shortable=shortable_sessions(bundle, bars, portfolio),
        borrow_rate=borrow_rates(bundle, portfolio, closes),
        purse_rate=purse_rates(bundle, currencies, closes) if kept else _none(),
        hedge_rate=hedge_rates(bundle, currencies, closes) if portfolio.fx_hedge else _none(),
        lots=lots.dated,
        has_sizes=lots.has_sizes,
        settles=settlement(rules, clock) if waits else np.zeros((0, 0), np.int32),
        purses=len(currencies) if kept or waits or portfolio.fx_hedge else 0,
        rules=rules.tables,
        offers=offers_of(subscriptions, execution),
    )


def build_terms(execution: Execution, portfolio: Portfolio, exits: Exits) -> Terms:
    """The settings of an account as the kernel takes them."""
    ipo = execution.ipo
    rules = (exits.stop_loss, exits.take_profit, exits.trailing_stop, exits.max_sessions)
    return Terms(
        cash=portfolio.cash.amount,
        fill_at_close=execution.fill == "close",
        size_at_fill=execution.sizing == "fill",
        carry=execution.unfilled == "carry",
        slippage=execution.slippage.bps / 1e4,
        slippage_ticks=execution.slippage.ticks,
        impact=execution.slippage.impact,
        max_participation=execution.max_participation,
        fx_cost=execution.fx_cost_bps / 1e4,
        band=portfolio.band,
        margin=portfolio.margin,
        borrow=portfolio.borrow,
        rate_spread=portfolio.rate_spread,
        recovery=portfolio.delisting_recovery,
        at_offer=execution.ipo_entry == "offer",
        rights=int(_RIGHTS[portfolio.rights]),
        scrip=portfolio.scrip == "shares",
        short=portfolio.short,
        short_tick_rule=portfolio.short and portfolio.short_tick_rule,
        stop_loss=exits.stop_loss or 0.0,
        take_profit=exits.take_profit or 0.0,
        trailing_stop=exits.trailing_stop or 0.0,
        max_sessions=int(exits.max_sessions or 0),
        has_exits=any(rule is not None for rule in rules),
        keeps=portfolio.fx == "keep",
        waits=not portfolio.spend_unsettled,
        hedge=portfolio.fx_hedge,
        hedge_cost=portfolio.fx_hedge_cost,
        subscribes=execution.ipo_entry == "subscribe",
        placing=ipo.account == "placing",
        drawn=ipo.allotment == "draw",
        handling_fee=ipo.handling_fee if ipo.account == "retail" else 0.0,
        financed=ipo.financed if ipo.account == "retail" else 0.0,
        loan_rate=ipo.rate,
        first_day=FIRST_DAYS.index(ipo.first_day),
        first_day_part=ipo.first_day_participation or 0.0,
    )


def _none() -> FloatArray:
    return np.zeros((0, 0))


def _events(clock: Clock, account: Account) -> Records:
    events = np.zeros(len(clock.kind), EVENT)
    events["kind"] = clock.kind
    events["exchange"] = clock.exchange
    events["row"] = clock.row
    for x, exchange in enumerate(clock.exchanges):
        shut = shut_sessions(account, clock.sessions[exchange])
        if shut.any():
            own = (clock.exchange == x) & ((clock.kind == OPEN) | (clock.kind == CLOSE))
            events["shut"][own] = shut[clock.row[own]]
    return events


def _edges(grid: Grid) -> IntArray:
    exchanges = np.arange(len(grid.bars.exchanges) + 1)
    return np.searchsorted(grid.bars.column_exchange, exchanges).astype(np.int32)


def _columns(
    bundle: Bundle,
    grid: Grid,
    rules: CompiledRules,
    currencies: list[str],
    lots: Lots,
    *,
    portfolio: Portfolio,
    account: Account,
) -> Records:
    table = bundle.instruments
    columns = np.zeros(len(table), COLUMN)
    columns["exchange"] = grid.bars.column_exchange
    columns["currency"] = [currencies.index(own) for own in table["currency"]]
    columns["rule"] = rules.tables.row0
    columns["listed"] = np.maximum(grid.listed, -1)
    columns["lot"] = lots.lot
    columns["whole"] = lots.whole
    columns["offer"] = table["offer_price"].to_numpy(dtype=np.float64)
    columns["oversubscription"] = table["oversubscription"].to_numpy(dtype=np.float64)
    tax = portfolio.withholding
    columns["kept"] = [
        1.0 - (tax.get(exchange, 0.0) if isinstance(tax, dict) else tax)
        for exchange in table["exchange"]
    ]
    own = dividend_taxes(account, table)
    if own is not None:
        columns["kept"] = np.where(np.isnan(own), columns["kept"], 1.0 - own)
    return columns


def _volume_unknown(bundle: Bundle, grid: Grid) -> npt.NDArray[np.bool_]:
    bars = grid.bars
    out = np.zeros((len(bars.exchanges), bars.close.shape[0]), dtype=np.bool_)
    missing = bundle_volume_missing(bundle, bars)
    for x, exchange in enumerate(bars.exchanges):
        if exchange in missing:
            out[x, : len(missing[exchange])] = missing[exchange]
    return out


def _desks(bundle: Bundle, clock: Clock, currencies: list[str]) -> Records:
    """Every exchange as the first event finds it."""
    desks = np.zeros(len(clock.exchanges), DESK)
    table = bundle.instruments
    begins = clock.time[0]
    for x, exchange in enumerate(clock.exchanges):
        own = clock.sessions[exchange]
        closed = int(np.searchsorted(own.close, begins, side="left")) - 1
        opened = int(np.searchsorted(own.open, begins, side="left")) - 1
        desks[x]["row"] = max(closed, opened)
        desks[x]["is_open"] = opened > closed
        desks[x]["due"] = -1
        used = table.loc[table["exchange"] == exchange, "currency"].unique()
        desks[x]["currency"] = currencies.index(used[0]) if len(used) == 1 else -1
    return desks


def _impact_inputs(
    grid: Grid, volume_unknown: npt.NDArray[np.bool_]
) -> tuple[FloatArray, FloatArray]:
    """Daily volatility and median volume of the last 20 bars known after each CLOSE."""
    bars = grid.bars
    sigma = np.full(bars.close.shape, np.nan)
    typical = np.full(bars.close.shape, np.nan)
    for j in range(bars.close.shape[1]):
        traded = np.flatnonzero(~np.isnan(bars.close[:, j]))
        level = grid.total_return[traded, j]
        returns = (level[1:] / level[:-1] - 1.0)[:, None]
        _, spread = rolling_mean_std(returns, _WINDOW, _ENOUGH)  # pandas' forgets outliers badly
        _spread_out(sigma[:, j], traded[1:], spread[:, 0])
        grown = _split_factor(grid, j)
        told = ~np.isnan(bars.volume[traded, j])
        known = traded[told & ~volume_unknown[bars.column_exchange[j], traded]]
        volume = pd.Series(bars.volume[known, j] / grown[known])
        _spread_out(typical[:, j], known, volume.rolling(_WINDOW, _ENOUGH).median().to_numpy())
        typical[:, j] *= grown
    return sigma, typical


def _spread_out(out: FloatArray, rows: npt.NDArray[np.int64], values: FloatArray) -> None:
    """Write ``values`` at ``rows`` of ``out``, each until the next."""
    if len(rows):
        since = np.searchsorted(rows, np.arange(len(out)), side="right") - 1
        out[:] = np.where(since >= 0, values[np.maximum(since, 0)], np.nan)


def _split_factor(grid: Grid, column: int) -> FloatArray:
    """Shares that one first share has become, by session."""
    factor = np.ones(grid.bars.close.shape[0])
    actions = grid.actions
    for k in range(actions.ptr[column], actions.ptr[column + 1]):
        if actions.row[k] < len(factor):
            factor[actions.row[k] :] *= actions.split[k]
    return factor

"""What holds for the account of any market: it balances, and nothing comes from nowhere."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from hypothesis import assume, given

from backtest.data.fx import fx_rates
from tests.oracles.engine_run import simulate_ready
from tests.properties.worlds import EXACT, SEEDS, TIRELESS, Account, account_of


@TIRELESS
@given(seed=SEEDS)
def test_nav_is_cash_and_the_marked_value_of_what_is_held(seed):
    account = account_of(seed)
    nav, positions = account.done.nav, account.done.positions
    worth = positions["shares"] * positions["price"] * _fx(account)
    assert np.allclose(worth, positions["value"], rtol=1e-12, atol=0.0)
    held = account.by_session(worth, positions["session"])
    assert np.allclose(nav["cash"] + held, nav["nav"], rtol=EXACT, atol=EXACT * account.scale)


def _fx(account: Account) -> np.ndarray:
    """Exchange rate of each position by the engine's own table, one the market's quotes gave."""
    ready, positions = account.ready, account.done.positions
    closes = dict(zip(ready.clock.index, ready.clock.base_sessions.close, strict=False))
    money = ready.bundle.instruments.set_index("symbol")["currency"]
    times = pd.DatetimeIndex([closes[session] for session in positions["session"]], tz="UTC")
    own = positions["symbol"].map(money)
    rates = np.ones(len(positions))
    for currency in own.unique():
        mine = (own == currency).to_numpy()
        into = ready.world.portfolio.currency
        rates[mine] = fx_rates(ready.bundle.fx, currency, into, times[mine])
    return rates


@TIRELESS
@given(seed=SEEDS)
def test_the_ledger_sums_to_the_change_of_cash_in_every_session(seed):
    account = account_of(seed)
    ledger, cash = account.done.ledger, account.done.nav["cash"].to_numpy()
    moved = account.by_session(ledger["amount"], ledger["session"])
    change = np.diff(cash, prepend=account.scale)
    assert np.allclose(moved, change, rtol=0.0, atol=EXACT * account.scale)


@TIRELESS
@given(seed=SEEDS)
def test_the_gain_is_that_of_the_trades_and_of_what_lies_outside_them(seed):
    account = account_of(seed)
    ledger = account.done.ledger
    outside = ledger.loc[ledger["symbol"] == "", "amount"].sum()  # interest, revaluation, ...
    gain = account.done.nav["nav"].iloc[-1] - account.scale
    traded = np.abs(account.done.fills["value"] * account.done.fills["fx"]).sum()
    rounding = EXACT * (account.scale + traded)
    assert abs(account.done.trades["pnl"].sum() + outside - gain) <= rounding


@TIRELESS
@given(seed=SEEDS)
def test_costs_of_the_sessions_are_those_of_the_fills_and_dividends(seed):
    account = account_of(seed)
    nav, fills, ledger = account.done.nav, account.done.fills, account.done.ledger
    assume(len(fills) > 0)
    least = EXACT * account.scale
    fees = (fills["fees"] * fills["fx"]).sum()
    assert abs(nav["fees"].sum() - fees) <= least
    assert abs(-ledger.loc[ledger["kind"] == "fee", "amount"].sum() - fees) <= least
    converted = ledger[ledger["kind"].isin(["fx_cost", "hedge_cost"])]
    assert abs(nav["fx_cost"].sum() + converted["amount"].sum()) <= least
    assert (fills["fx_cost"] >= 0.0).all()
    conversion = -converted.loc[converted["symbol"] != "", "amount"].sum()
    assert abs((account.done.trades["fees"]).sum() - fees - conversion) <= least
    financing = -ledger.loc[ledger["kind"].isin(["interest", "borrow"]), "amount"].sum()
    assert abs(nav["financing"].sum() - financing) <= least


@TIRELESS
@given(seed=SEEDS)
def test_fee_components_sum_to_the_fees(seed):
    fills = account_of(seed).done.fills
    parts = fills.filter(regex="^fee_").sum(axis=1)
    assert np.allclose(parts, fills["fees"], rtol=1e-12, atol=1e-12)
    assert (fills.filter(regex="^fee_") >= 0.0).all(axis=None)


@TIRELESS
@given(seed=SEEDS)
def test_shares_that_are_held_are_those_that_were_filled(seed):
    account = account_of(seed)
    split = set(account.ready.bundle.actions.query("kind == 'split'")["symbol"])
    assume(not account.done.bankrupt)
    last = account.done.positions
    last = last[last["session"] == account.done.nav["session"].iloc[-1]]
    held = last.set_index("symbol")["shares"]
    for symbol, shares in account.done.fills.groupby("symbol")["shares"].sum().items():
        if symbol not in split:
            assert abs(held.get(symbol, 0.0) - shares) <= EXACT * max(1.0, abs(shares))


@TIRELESS
@given(seed=SEEDS)
def test_orders_say_what_was_filled_of_them(seed):
    account = account_of(seed)
    orders, fills = account.done.orders, account.done.fills
    ours = fills[fills["reason"].isin(["signal", "universe", "offer"])]
    keys = ["decided_at", "symbol"]
    filled = ours.groupby(keys)["shares"].sum().rename("found")
    told = orders[orders["filled"] != 0.0].groupby(keys)["filled"].sum()
    assert told.index.equals(filled.index)
    assert np.allclose(told, filled, rtol=EXACT, atol=0.0)
    assert (orders["filled"] * np.sign(orders["value"]) >= 0.0).all()


@TIRELESS
@given(seed=SEEDS)
def test_without_orders_nothing_moves_but_interest(seed):
    account = account_of(seed)
    nothing = account.ready.weights * np.nan
    done = simulate_ready(replace(account.ready, weights=nothing))
    assert done.fills.empty
    assert done.orders.empty
    assert done.trades.empty
    assert done.positions.empty
    assert set(done.ledger["kind"]) <= {"interest"}
    assert (done.nav["nav"] == done.nav["cash"]).all()
    if account.ready.bundle.rates["currency"].ne(account.ready.world.portfolio.currency).all():
        assert (done.nav["nav"] == account.scale).all()


@TIRELESS
@given(seed=SEEDS)
def test_prices_rates_forwards_and_costs_add_up_to_the_change_of_nav(seed):
    account = account_of(seed)
    nav = account.done.nav
    made = nav["local_pnl"] + nav["fx_pnl"] + nav["hedge_pnl"]
    paid = nav["fees"] + nav["slippage"] + nav["fx_cost"] + nav["financing"]
    change = np.diff(nav["nav"], prepend=account.scale)
    largest = np.maximum(account.scale, nav["nav"] * (1.0 + nav["gross"] + nav["turnover"]))
    assert (np.abs(made - paid - change) <= EXACT * largest).all()


@TIRELESS
@given(seed=SEEDS)
def test_the_trades_and_the_kept_cash_made_what_exchange_rates_did(seed):
    account = account_of(seed)
    nav, ledger, trades = account.done.nav, account.done.ledger, account.done.trades
    revalued = ledger.loc[ledger["kind"] == "revaluation", "amount"].sum()
    traded = np.abs(account.done.fills["value"] * account.done.fills["fx"]).sum()
    rounding = EXACT * (account.scale + traded)
    assert abs(trades["fx_pnl"].sum() + revalued - nav["fx_pnl"].sum()) <= rounding
    home = account.ready.world.portfolio.currency
    own = trades["symbol"].map(account.ready.bundle.instruments.set_index("symbol")["currency"])
    assert (trades.loc[own == home, "fx_pnl"] == 0.0).all()


@TIRELESS
@given(seed=SEEDS)
def test_the_parts_by_currency_are_those_of_the_sessions(seed):
    account = account_of(seed)
    nav, parts = account.done.nav, account.done.currencies
    assume(parts is not None)
    for name in ("local_pnl", "fx_pnl", "hedge_pnl"):
        found = account.by_session(parts[name], parts["session"])
        assert np.allclose(found, nav[name], rtol=EXACT, atol=EXACT * account.scale)
    home = parts["currency"] == account.ready.world.portfolio.currency
    assert (parts.loc[home, "fx_pnl"] == 0.0).all()


@TIRELESS
@given(seed=SEEDS)
def test_kept_cash_is_what_the_ledger_left_in_each_currency(seed):
    account = account_of(seed)
    world, parts = account.ready.world, account.done.currencies
    assume(world.portfolio.fx == "keep" and parts is not None)
    ready, nav = account.ready, account.done.nav
    closes = ready.clock.base_sessions.close[ready.clock.first : ready.clock.last + 1]
    times = pd.DatetimeIndex(closes, tz="UTC")
    total = np.zeros(len(nav))
    for currency, own in parts.groupby("currency"):
        rate = fx_rates(ready.bundle.fx, str(currency), world.portfolio.currency, times)
        total += own["cash"].to_numpy() * rate
    assert np.allclose(total, nav["cash"], rtol=EXACT, atol=EXACT * account.scale)
    abroad = parts["currency"] != world.portfolio.currency
    assert (parts.loc[abroad, "cash"] >= -EXACT * account.scale * 10).all()

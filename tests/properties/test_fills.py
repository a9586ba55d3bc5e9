"""What holds for any fill: lots, volume, the bar's range, the cash, the fees."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from hypothesis import assume, given
from hypothesis import strategies as st

from backtest.data.checks import bundle_volume_missing
from backtest.kernels.costs import total_fees
from backtest.market.rules import CompiledRules, compile_rules
from tests.oracles.engine_run import market_of, simulate_ready
from tests.properties.worlds import EXACT, SEEDS, TIRELESS, Account, account_of

NUDGE = 1e-9  # of a lot or a tick


def placed(account: Account) -> pd.DataFrame:
    """Fills with the column and the own session (as a row of the grid) that they fell in."""
    event, column = account.log.fill_at[:, 0], account.log.fill_at[:, 2]
    return account.done.fills.assign(column=column, row=account.ready.clock.row[event])


def in_the_market(account: Account) -> pd.DataFrame:
    """Fills that met a bar: no allotment, no delisting."""
    fills = placed(account)
    return fills[~fills["reason"].isin(["delisted", "offer"])]


@TIRELESS
@given(seed=SEEDS)
def test_lots_are_whole_but_for_odd_lots_that_leave(seed):
    account = account_of(seed)
    fills = in_the_market(account)
    lots = account.ready.bundle.instruments["lot_size"].to_numpy()[fills["column"]]
    free = (lots == 1.0) & (account.ready.bundle.prices == "adjusted")
    free &= not account.ready.world.execution.whole_shares
    parts = fills["shares"].abs().to_numpy() / lots
    # Exits take what is there; an allotment by expectation or a split leaves less than a lot.
    bound = (fills["reason"] == "signal").to_numpy() & ~free & ~leaves(account, fills)
    assert (np.abs(parts - np.round(parts))[bound] <= 1e-6).all()


def leaves(account: Account, fills: pd.DataFrame) -> np.ndarray:
    """Fills of orders that weigh 0: they sell all there is."""
    orders = account.done.orders
    weights = account.ready.weights.copy()
    weights.index = pd.DatetimeIndex(account.ready.clock.decisions, tz="UTC")
    asked = orders.assign(
        weight=[
            weights.loc[at, symbol]
            for at, symbol in zip(orders["decided_at"], orders["symbol"], strict=True)
        ]
    )
    zero = set(map(tuple, asked.loc[asked["weight"] == 0.0, ["decided_at", "symbol"]].to_numpy()))
    return np.array(
        [key in zero for key in zip(fills["decided_at"], fills["symbol"], strict=True)], dtype=bool
    )


@TIRELESS
@given(seed=SEEDS)
def test_all_fills_in_a_bar_stay_within_its_share_of_the_volume(seed):
    account = account_of(seed)
    assume(account.ready.world.execution.sizing == "decision")
    fills, grid = in_the_market(account), account.ready.grid
    missing = bundle_volume_missing(account.ready.bundle, grid.bars)
    taken = fills["shares"].abs().groupby([fills["row"], fills["column"]]).sum()
    for (row, column), shares in taken.items():
        volume = grid.bars.volume[row, column]
        if np.isnan(volume) or missing[grid.bars.exchanges[grid.bars.column_exchange[column]]][row]:
            continue
        budget = account.ready.world.execution.max_participation * volume
        assert shares <= budget * (1.0 + EXACT) + NUDGE


@TIRELESS
@given(seed=SEEDS)
def test_no_fill_lies_outside_its_bar_and_its_reference(seed):
    account = account_of(seed)
    fills, bars = in_the_market(account), account.ready.grid.bars
    at = fills["row"].to_numpy(), fills["column"].to_numpy()
    low, high = bars.low[at], bars.high[at]
    reference, price = fills["reference"].to_numpy(), fills["price"].to_numpy()
    known = ~np.isnan(low) & ~np.isnan(high)
    assert (price >= np.minimum(low, reference))[known].all()
    assert (price <= np.maximum(high, reference))[known].all()


@TIRELESS
@given(seed=SEEDS)
def test_slippage_is_never_in_favour_of_the_trader(seed):
    fills = account_of(seed).done.fills
    assert (fills["slippage"] >= 0.0).all()
    assert (fills["price"] >= 0.0).all()


@TIRELESS
@given(seed=SEEDS)
def test_nothing_is_filled_where_nothing_was_traded(seed):
    account = account_of(seed)
    fills, bars = in_the_market(account), account.ready.grid.bars
    at = fills["row"].to_numpy(), fills["column"].to_numpy()
    missing = bundle_volume_missing(account.ready.bundle, bars)
    unknown = np.array(
        [missing[bars.exchanges[bars.column_exchange[j]]][s] for s, j in zip(*at, strict=True)],
        dtype=bool,
    )
    assert (~np.isnan(bars.close[at])).all()
    assert ((bars.volume[at] != 0.0) | unknown).all()


@TIRELESS
@given(seed=SEEDS)
def test_buys_never_take_the_cash_below_zero(seed):
    account = account_of(seed)
    assume(not account.ready.world.portfolio.short)
    ledger, portfolio = account.done.ledger, account.ready.world.portfolio
    if portfolio.fx == "keep":  # other currencies are bought with the portfolio's as they lack
        ledger = ledger[ledger["currency"] == portfolio.currency]
    bought = account.done.fills.loc[account.done.fills["shares"] > 0, "filled_at"]
    balance = account.scale + ledger.groupby("time", sort=True)["amount"].sum().cumsum()
    after = balance[balance.index.isin(bought)]
    before = balance.shift(1, fill_value=account.scale)[after.index]
    # Interest falls on a base close: what is below zero before a buy is not the buy's doing.
    falling = ledger["kind"].isin(["interest", "hedge", "hedge_cost"])
    charged = ledger[falling].groupby("time")["amount"].sum()
    floor = np.minimum(before + charged.reindex(after.index).fillna(0.0), 0.0)
    assert (after >= floor - EXACT * np.maximum(account.scale, before.abs())).all()


@TIRELESS
@given(seed=SEEDS)
def test_what_was_bought_in_a_t_plus_one_session_is_not_sold_in_it(seed):
    account = account_of(seed)
    fills, rules = placed(account), account.ready.rules.tables
    exchange = account.ready.grid.bars.column_exchange
    for (row, column), own in fills.groupby(["row", "column"]):
        rule = rules.rows[rules.row0[column] + rules.period[exchange[column], row]]
        held = account.done.positions
        if not rule["t_plus_one"] or not (own["shares"] < 0).any() or (held["shares"] < 0).any():
            continue
        if (own["reason"] == "delisted").any():
            continue
        bought = own["shares"].clip(lower=0.0).sum()
        left = shares_after(account, row, column)
        assert left >= bought * (1.0 - EXACT)


def shares_after(account: Account, row: int, column: int) -> float:
    """Shares held once session ``row`` of the column's exchange is over."""
    fills, clock = placed(account), account.ready.clock
    acts = account.ready.grid.actions
    held = 0.0
    for s in range(row + 1):
        own = slice(acts.ptr[column], acts.ptr[column + 1])
        for ratio in acts.split[own][acts.row[own] == s]:
            held = held * ratio
            if account.ready.bundle.instruments["lot_size"].iloc[column] >= 1.0:
                held = np.floor(held + NUDGE)
        held += fills.loc[(fills["column"] == column) & (fills["row"] == s), "shares"].sum()
    assert clock.row.max() >= row
    return float(held)


@TIRELESS
@given(seed=SEEDS, dearer=st.sampled_from(["rate", "fixed", "per_share", "least"]))
def test_dearer_fees_never_help_a_fixed_sequence_of_fills(seed, dearer):
    account = account_of(seed)
    fills = in_the_market(account)
    usual, more = account.ready.rules, made_dearer(account.ready.rules, dearer)
    before, after = charged(account, fills, usual), charged(account, fills, more)
    assert np.allclose(before, fills["fees"], rtol=1e-12, atol=1e-12)
    assert (after >= before).all()


def charged(account: Account, fills: pd.DataFrame, rules: CompiledRules) -> np.ndarray:
    """The fees of each fill under ``rules``."""
    tables = rules.tables
    exchange = account.ready.grid.bars.column_exchange
    return np.array(
        [
            total_fees(
                tables.rows,
                tables.fees,
                int(tables.row0[j] + tables.period[exchange[j], s]),
                np.sign(shares),
                abs(shares),
                abs(shares) * price,
            )
            for j, s, shares, price in zip(
                fills["column"], fills["row"], fills["shares"], fills["price"], strict=True
            )
        ]
    )


def made_dearer(rules: CompiledRules, field: str) -> CompiledRules:
    fees = rules.tables.fees.copy()
    fees[field] = np.minimum(fees[field] * 1.5 + 0.001, fees["most"])
    return replace(rules, tables=rules.tables._replace(fees=fees))


@TIRELESS
@given(seed=SEEDS)
def test_an_account_without_fees_has_none_in_any_row(seed):
    ready = account_of(seed).ready
    free = compile_rules(
        {name: market_of([]) for name in ready.clock.exchanges},
        instruments=ready.bundle.instruments,
        sessions=dict(ready.clock.sessions),
        brokerage={},
        prices=ready.bundle.prices,
        first=np.datetime64(ready.world.first),
        last=np.datetime64(ready.world.last),
    )
    done = simulate_ready(replace(ready, rules=free))
    assert (done.nav["fees"] == 0.0).all()
    assert (done.fills["fees"] == 0.0).all()

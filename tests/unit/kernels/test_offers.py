"""Allotments of new listings in accounts at their limits."""

from __future__ import annotations

import numpy as np

from backtest.engine.simulation import _log
from backtest.kernels.codes import ACTION, DEAL
from backtest.kernels.costs import FEE, ROW, TICK, RuleTables
from backtest.kernels.simulate import simulate
from backtest.kernels.world import (
    CASH,
    COLUMN,
    DESK,
    EVENT,
    GONE,
    OFFERED,
    OPEN,
    WAITING,
    Orders,
    Terms,
    World,
    new_book,
)


def world_of_one_open() -> World:
    """One instrument at 10, long listed, and the open of one session."""
    events = np.zeros(1, EVENT)
    events["kind"] = OPEN
    columns = np.zeros(1, COLUMN)
    columns["listed"] = -1
    desks = np.zeros(1, DESK)
    desks["row"] = -1
    desks["due"] = -1
    prices = np.full((1, 1), 10.0)
    nothing = np.zeros((0, 0))
    rules = RuleTables(
        period=np.zeros((1, 1), np.uint16),
        row0=np.zeros(1, np.int32),
        rows=np.zeros(1, ROW),
        fees=np.zeros(0, FEE),
        ticks=np.zeros(0, TICK),
    )
    return World(
        events=events,
        fx=np.ones((1, 1)),
        edge=np.array([0, 1], np.int32),
        columns=columns,
        open=prices,
        high=prices,
        low=prices,
        close=prices,
        volume=np.full((1, 1), np.nan),
        mark=prices,
        halted=nothing,
        sigma=nothing,
        typical_volume=nothing,
        volume_unknown=np.zeros((1, 1), np.bool_),
        act_ptr=np.zeros((1, 2), np.int32),
        acts=np.zeros(0, ACTION),
        deal_ptr=np.zeros((1, 2), np.int32),
        deals=np.zeros(0, DEAL),
        claims=0,
        gone_ptr=np.zeros((1, 2), np.int32),
        gone=np.zeros(0, GONE),
        desks=desks,
        first=0,
        rate=np.zeros(1),
        days=np.zeros(1),
        has_rates=False,
        shortable=np.zeros((0, 0), np.bool_),
        borrow_rate=nothing,
        purse_rate=nothing,
        hedge_rate=nothing,
        settles=np.zeros((0, 0), np.int32),
        purses=0,
        rules=rules,
        offers=np.zeros(0, OFFERED),
        lots=np.zeros((0, 0, 2)),
        has_sizes=False,
    )


def test_an_account_in_debt_may_wait_while_nothing_is_offered():
    world = world_of_one_open()
    orders = Orders(
        ptr=np.zeros(2, np.int64),
        column=np.zeros(0, np.uint32),
        weight=np.zeros(0),
        can_trade=np.zeros(1, np.bool_),
        universe=np.zeros((0, 0), np.bool_),
    )
    off = dict.fromkeys(Terms._fields, 0.0)
    flags = ("fill_at_close", "size_at_fill", "carry", "short", "short_tick_rule", "has_exits",
             "keeps", "waits", "subscribes", "placing", "drawn")  # fmt: skip
    terms = Terms(
        **off
        | dict.fromkeys(flags, False)
        | {
            "cash": -1.0,
            "at_offer": True,
            "max_sessions": 0,
            "first_day": 0,
            "max_participation": 1.0,
        }
    )
    book = new_book(world, 0)
    book.waiting[0] = 0
    book.count[WAITING] = 1
    book.slots[0]["pending"] = True
    book.slots[0]["order"] = 1.0  # of an old listing: no offer
    simulate(world, orders, terms, book, _log(1))
    assert book.money[CASH] == -1.0
    assert book.shares[0] == 0.0

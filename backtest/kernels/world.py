"""The arrays that a simulation reads, keeps and writes, by name."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from backtest.kernels.codes import codes
from backtest.kernels.costs import RuleTables

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]
Columns = npt.NDArray[np.uint32]  # unsigned: what cannot be negative is not checked to be
Bools = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int64]
Records = npt.NDArray[Any]  # structured arrays: numpy's types do not name their fields

# Records keep the number of arrays small: a compiled call hands over every array by its parts.
# Numbers that functions are called with are 64 bits wide: every other width compiles them again.
EVENT = np.dtype(
    [("kind", "i8"), ("exchange", "i8"), ("row", "i8"), ("shut", "?")],  # shut to the account
    align=True,
)
COLUMN = np.dtype(
    [
        ("exchange", "i8"),
        ("currency", "u4"),  # 0 is the portfolio's
        ("rule", "u4"),  # rule row of the first period
        ("listed", "i4"),  # own session of the listing, -1 unknown or before the first
        ("lot", "f8"),  # 0: fractional; below 0: -1 - its place in World.lots
        ("offer", "f8"),
        ("oversubscription", "f8"),
        ("kept", "f8"),  # share of a dividend that withholding leaves
        ("whole", "?"),  # shares held are whole numbers
    ],
    align=True,
)
GONE = np.dtype([("column", "u4"), ("value", "f8")], align=True)
DESK = np.dtype(
    [
        ("row", "i8"),  # own session that is open or was closed last, -1 for none
        ("currency", "i4"),  # of all its instruments, -1 where they differ
        ("due", "i8"),  # first of the weights rows to be sized at the next fill event, -1 for none
        ("latest", "i8"),  # last of them
        ("is_open", "?"),
    ],
    align=True,
)
SLOT = np.dtype(  # the order of a column
    [
        ("order", "f8"),  # signed shares pending
        ("wanted", "f8"),  # the same before lots
        ("decided", "i4"),  # event
        ("ticket", "i4"),  # row in the order log, -1 for an exit rule's
        ("pending", "?"),
        ("leaves", "?"),  # the order takes all that is held
        ("listed_waiting", "?"),
        ("aside", "?"),  # not to be filled at this event
        ("blocked", "?"),  # left by an exit rule, not yet re-armed
        ("why", "i1"),
    ],
    align=True,
)
WATCH = np.dtype(  # what is watched of a column's position and bars
    [
        ("sigma", "f8"),  # as known at the decision
        ("typical_volume", "f8"),
        ("used", "f8"),  # of the bar's volume
        ("bought", "f8"),
        ("average", "f8"),  # fill price of the position
        ("peak", "f8"),
        ("used_on", "i4"),  # own session that `used` speaks of
        ("bought_on", "i4"),
        ("entry", "i4"),  # own session
        ("entry_at_close", "?"),
        ("deferred", "i1"),  # reason of an exit that waits for the next open
    ],
    align=True,
)
PURSE = np.dtype(  # of a currency; the first is the portfolio's, whose balance is Book.money[CASH]
    [
        ("balance", "f8"),
        ("worth", "f8"),  # portfolio currency: at the last base close, with what came since
        ("unsettled", "f8"),  # proceeds of sales that are not cash yet
        ("earning", "f8"),  # balance that bears interest until the next base close
        ("wanted", "f8"),  # scratch: what an event's buys take, or what a hedge covers
        ("hedged", "f8"),  # sold forward
        ("forward", "f8"),  # at this rate
    ],
    align=True,
)
OFFERED = np.dtype(  # what a subscription of a column meets
    [
        ("row", "i8"),  # base session whose decision applies, -1 for none
        ("price", "f8"),  # that is paid on application
        ("fee", "f8"),  # fraction
        ("rate", "f8"),  # share allotted pro rata
        ("one_lot", "f8"),  # chance of one lot for one lot
        ("luck", "f8"),  # draw in [0, 1)
        ("days", "f8"),  # that a loan runs
    ],
    align=True,
)
APPLICATIONS = np.dtype(  # made, and not yet allotted
    [
        ("shares", "f8"),
        ("locked", "f8"),  # portfolio currency
        ("decided", "i4"),
        ("ticket", "i4"),
    ],
    align=True,
)
TRADE = np.dtype(  # one trade of an event
    [
        ("status", "i8"),
        ("column", "u4"),
        ("asked", "f8"),  # shares, >= 0, as the next
        ("amount", "f8"),
        ("reference", "f8"),
        ("price", "f8"),
        ("fees", "f8"),  # of a buy, instrument's currency
        ("need", "f8"),  # buying power, portfolio currency
    ],
    align=True,
)


class World(NamedTuple):
    """What happens, the same for every portfolio. E events, X exchanges, S sessions, N columns.

    Columns are sorted by (exchange, symbol): those of exchange x are ``edge[x]:edge[x + 1]``. Rows
    of (S, N) arrays are ordinals in the column's own exchange; NaN is no bar or not known.
    ``act_ptr``, ``deal_ptr`` and ``gone_ptr`` (X, S + 1) point at what a session does to prices
    and to holdings, and at its delistings.
    """

    events: Records
    fx: Floats  # (E, C): into the portfolio's currency, as known at the event
    edge: Ints
    columns: Records
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    mark: Floats  # last known close after each CLOSE
    halted: Floats  # (S, N): part of a mark that a halt leaves, or (0, 0) where it leaves all
    sigma: Floats  # (S, N), or (0, 0) without impact
    typical_volume: Floats
    volume_unknown: Bools  # (X, S)
    act_ptr: Ints
    acts: Records
    deal_ptr: Ints
    deals: Records
    claims: int  # how many dividends are paid on a later day
    gone_ptr: Ints
    gone: Records
    desks: Records  # as they are before the first event
    first: int  # ordinal of the run's first base session
    rate: Floats  # (T,): annual rate known at each base close
    days: Floats  # (T,): days since the base session before
    has_rates: bool
    shortable: Bools  # (S, N): may be sold short in the session, or (0, 0) where everything may
    borrow_rate: Floats  # (T, N): annual, known at each base close, NaN: Terms.borrow; (0, 0)
    purse_rate: Floats  # (T, C) where cash is kept by currency: as `rate`, NaN without rates
    hedge_rate: Floats  # (T, C) where currencies are hedged: as `rate`, alike 0 where it is missing
    lots: Floats  # (S, K, 2): lot and least order, of the columns whose lot has a place there
    has_sizes: bool  # least orders, or discounts on odd lots
    settles: Ints  # (X, S) where it matters: session at whose open the cash of a sale is there
    purses: int  # currencies with a purse of their own, 0 where there is only one cash
    rules: RuleTables
    offers: Records  # of OFFERED, (N,), or (0,) without subscriptions


class Orders(NamedTuple):
    """Target weights of one portfolio, sparse by base session of the run (T rows)."""

    ptr: Counts  # where a row begins, (T + 1,)
    column: Columns
    weight: Floats
    can_trade: Bools
    universe: Bools  # (T, N), or (0, 0) where everything may always be held


class Terms(NamedTuple):
    """Settings of the account and of its execution; rules that are off are 0."""

    cash: float
    fill_at_close: bool
    size_at_fill: bool
    carry: bool
    slippage: float  # fraction
    slippage_ticks: float
    impact: float
    max_participation: float
    fx_cost: float  # fraction
    band: float
    margin: float
    borrow: float
    rate_spread: float
    recovery: float
    at_offer: bool
    rights: int  # LAPSE, SELL, TAKE_UP
    scrip: bool  # shares, not cash
    short: bool
    short_tick_rule: bool  # where the market has one
    stop_loss: float
    take_profit: float
    trailing_stop: float
    max_sessions: int
    has_exits: bool
    keeps: bool  # cash in the currency it came in
    waits: bool  # for the settlement of sales
    hedge: float  # share of what is held in other currencies
    hedge_cost: float
    subscribes: bool
    placing: bool
    drawn: bool
    handling_fee: float
    financed: float
    loan_rate: float
    first_day: int  # FIRST_DAY_..., of orders in a listing session
    first_day_part: float  # of its volume, 0 where max_participation alone counts


class Book(NamedTuple):
    """The account while it is simulated.

    ``held`` lists the columns with a position, ``waiting`` those with a pending order (some of them
    done already), both ascending; their lengths stand in ``count``, as does that of
    ``batch``, what one event trades.
    """

    money: Floats  # see CASH ... below
    count: Counts  # type: ignore[assignment]  # see HELD ... below; hides tuple.count
    desks: Records
    held: Columns
    shares: Floats
    waiting: Columns
    slots: Records
    watch: Records
    batch: Records
    sized_on: Floats  # (N,) scratch: the prices that weights are turned into shares at
    sides: Columns  # (2, N) scratch: the columns of an event's sells and buys
    fees: Floats  # (components,) scratch
    purses: Records  # (C,), or none; see PURSE
    arriving: Floats  # (X, S + 1, C): proceeds by the session that settles them, or (0, 0, 0)
    applied: Records  # of APPLICATIONS, (N,), or (0,)
    claims: Floats  # dividends to come, by slot, instrument's currency
    owed: Floats  # (C,): their sums by currency


class Log(NamedTuple):
    """What is written for the reader; every array but ``nav`` is empty unless ``on``."""

    on: bool
    nav: Floats  # (T,)
    account: Floats  # (T, 11)
    fill_at: Ints  # (F, 5): event, decision event, column, reason, order
    fill: Floats  # (F, 6): shares, reference, price, fx, fx cost, fees
    fill_fees: Floats  # (F, components)
    order_at: Ints  # (O, 5): event, column, status, resolving event, reason
    order: Floats  # (O, 3): wanted, value, filled
    cash_at: Ints  # (K, 4): event, column, kind, 1 + currency where it is not the column's
    cash: Floats  # (K, 3): portfolio currency, instrument currency, change of shares
    position_at: Ints  # (P, 2): base session of the run, column
    position: Floats  # (P, 3): shares, mark, fx


# Book.money
CASH, TRADED, FEES, SLIPPAGE, FX_COST, FINANCING, LAST_CASH, BORROWING = codes(8)
ALL_TURNOVER, ALL_COSTS, ALL_GROSS = codes(3, first=8)  # sums over the run's base sessions
LOCKED = codes(1, first=11)[0]  # in applications for new listings
# Book.count
HELD, WAITING, BATCH, FILLS, ORDERS, CASH_ROWS, POSITIONS, BANKRUPT, APPLIED, CLAIMS = codes(10)
# kinds of event, in their order at one instant
CLOSE, NAV, DECISION, OPEN = codes(4)
# what became of an order
FILLED, PARTIAL, LAPSED, CASH_SCALED, CAPPED, BLOCKED, LIMIT, NO_PRICE, REPLACED, CANCELLED = codes(
    10
)
NOT_SHORTABLE, TICK_RULE = codes(2, first=10)
STATUSES = (
    "filled",
    "partial",
    "lapsed",
    "cash_scaled",
    "capped",
    "blocked_exit",
    "limit",
    "no_price",
    "replaced",
    "cancelled",
    "not_shortable",
    "tick_rule",
)
# why a fill
SIGNAL, UNIVERSE, STOP_LOSS, TAKE_PROFIT, TRAILING_STOP, MAX_SESSIONS, DELISTED, OFFER = codes(
    8, first=1
)
ACQUIRED, SUBSCRIBED, ELECTED, GIVEN = codes(4, first=9)
REASONS = (
    "",
    "signal",
    "universe",
    "stop_loss",
    "take_profit",
    "trailing_stop",
    "max_sessions",
    "delisted",
    "offer",
    "takeover",
    "rights",
    "scrip",
    "in_kind",
)
# kind of a change of cash that is no trade
DIVIDEND, FRACTION, SPLIT, INTEREST, BORROW, WRITE_OFF, CONVERSION = codes(7)
TRANSFER, REVALUATION, HEDGE, HEDGE_COST = codes(4, first=7)
APPLICATION, REFUND, HANDLING_FEE, LOAN_INTEREST = codes(4, first=11)
RECEIVABLE, PAID, PAID_CONVERSION, RIGHTS_SOLD, KIND, MOVED = codes(6, first=15)
CASH_KINDS = (
    "dividend",
    "fraction",
    "split",
    "interest",
    "borrow",
    "write_off",
    "fx_cost",
    "conversion",
    "revaluation",
    "hedge",
    "hedge_cost",
    "application",
    "refund",
    "handling_fee",
    "loan_interest",
    "receivable",
    "dividend",  # of an earlier ex-session, as its cost of conversion
    "fx_cost",
    "rights",
    "in_kind",
    "moved",
)
# price of orders in a listing session
FIRST_DAY_FILL, FIRST_DAY_OPEN, FIRST_DAY_CLOSE, FIRST_DAY_TYPICAL = codes(4)
FIRST_DAYS = ("fill", "open", "close", "typical")
NO_COLUMN = np.uint32(2**32 - 1)  # of a change of cash that no instrument makes

ACCOUNT_COLUMNS = (
    "cash",
    "gross",
    "net",
    "turnover",
    "fees",
    "slippage",
    "fx_cost",
    "financing",
    "stale_value",
    "locked",
    "receivables",
)


def new_book(world: World, components: int) -> Book:
    """An account that holds nothing; ``components`` is the number of fee components."""
    n = world.columns.shape[0]
    exchanges, sessions = world.settles.shape
    slots = np.zeros(n, SLOT)
    slots["ticket"] = -1
    watch = np.zeros(n, WATCH)
    watch["used_on"] = -1
    watch["bought_on"] = -1
    return Book(
        money=np.zeros(12),
        count=np.zeros(10, np.int64),
        desks=world.desks.copy(),
        held=np.zeros(n, np.uint32),
        shares=np.zeros(n),
        waiting=np.zeros(n, np.uint32),
        slots=slots,
        watch=watch,
        batch=np.zeros(n, TRADE),
        sized_on=np.zeros(n),
        sides=np.zeros((2, n), np.uint32),
        fees=np.zeros(components),
        purses=np.zeros(world.purses, PURSE),
        arriving=np.zeros((exchanges, sessions + 1 if exchanges else 0, world.purses)),
        applied=np.zeros(world.offers.shape[0], APPLICATIONS),
        claims=np.zeros(world.claims),
        owed=np.zeros(world.fx.shape[1]),
    )

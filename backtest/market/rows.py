"""The rules of one kind and board of instrument on one day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from backtest.market.model import (
    Band,
    Dated,
    Fee,
    FeeRate,
    MarketRules,
    OrderSize,
    PriceLimit,
    Subscription,
    TickTable,
    in_force,
)
from backtest.market.settings import Brokerage

BROKERAGE = "brokerage"

_SIDES = {"both": 0, "buy": 1, "sell": -1}

D = TypeVar("D", bound=Dated)


@dataclass(frozen=True, slots=True)
class Charge:
    """One fee: its component's name, its side (0 both, 1 buys, -1 sells), its amounts."""

    name: str
    side: int
    amounts: FeeRate | Brokerage


@dataclass(frozen=True, slots=True)
class Row:
    """What one kind and board of instrument trades under; nothing at all by default."""

    charges: tuple[Charge, ...] = ()
    bands: tuple[Band, ...] = ()
    limit: PriceLimit | None = None
    t_plus_one: bool = False
    short_tick_rule: bool = False
    ipo: Subscription | None = None
    size: OrderSize | None = None
    odd_discount: float = 0.0


def row_on(
    market: MarketRules,
    kind: str,
    board: str,
    day: date,
    *,
    broker: Brokerage | None,
    adjusted: bool,
) -> Row:
    """Rules of a kind and board on a day; adjusted prices have no ticks and no price limits."""
    charges = [
        Charge(fee.name, _SIDES[fee.side], amounts)
        for fee in market.fees
        if (amounts := _amounts(fee, kind, day)) is not None
    ]
    if broker is not None:
        charges.append(Charge(BROKERAGE, 0, broker))
    table = None if adjusted else _holding(tick_tables(market, kind), day)
    t_plus_one = _holding(market.t_plus_one, day)
    short_tick = _holding(market.short_tick_rule, day)
    odd = _holding(market.odd_lots, day)
    return Row(
        charges=tuple(charges),
        bands=tuple(table.bands) if table else (),
        limit=None if adjusted else _holding(price_limits(market, kind, board), day),
        t_plus_one=t_plus_one is not None and t_plus_one.holds,
        short_tick_rule=short_tick is not None and short_tick.holds,
        ipo=_holding(market.ipo, day),
        size=None if adjusted else in_force(order_sizes(market, board), day),
        odd_discount=odd.discount if odd is not None and odd.apart else 0.0,
    )


def changes(market: MarketRules, begin: date, end: date) -> list[date]:
    """Days after ``begin``, up to ``end``, on which any rule of the market changes."""
    lists: list[Sequence[Dated]] = [market.t_plus_one, market.short_tick_rule, market.ipo]
    lists.append(market.odd_lots)
    lists += [sizes.dated for sizes in market.order_sizes]
    for fee in market.fees:
        lists += [fee.dated, fee.exempt]
    lists += [ticks.dated for ticks in market.ticks]
    lists += [limits.dated for limits in market.price_limits]
    return sorted({entry.since for dated in lists for entry in dated if begin < entry.since <= end})


def board_of(market: MarketRules, symbol: str, board: object) -> str:
    """Board of an instrument: the one it names, else by the digits of its symbol.

    An empty, missing or NaN board counts as none. In a market without boards that is ``""``.
    """
    if isinstance(board, str) and board:
        return board
    if market.boards is None:
        return ""
    digits = symbol[next((i for i, char in enumerate(symbol) if char.isdigit()), 0) :]
    fitting = [prefix for prefix in market.boards.prefixes if digits.startswith(prefix)]
    return market.boards.prefixes[max(fitting, key=len)] if fitting else market.boards.default


def tick_tables(market: MarketRules, kind: str) -> Sequence[TickTable]:
    """Tick tables of a kind, by date; empty where there are none."""
    fitting = (entry for entry in market.ticks if not entry.kinds or kind in entry.kinds)
    return next((entry.dated for entry in fitting), [])


def order_sizes(market: MarketRules, board: str) -> Sequence[OrderSize]:
    """Order sizes of a board, by date; empty where its orders are of the instruments' lots."""
    fitting = (entry for entry in market.order_sizes if not entry.boards or board in entry.boards)
    return next((entry.dated for entry in fitting), [])


def price_limits(market: MarketRules, kind: str, board: str) -> Sequence[PriceLimit]:
    """Price limits of a kind and board, by date; empty where there are none."""
    fitting = (
        entry
        for entry in market.price_limits
        if (not entry.kinds or kind in entry.kinds) and (not entry.boards or board in entry.boards)
    )
    return next((entry.dated for entry in fitting), [])


def _amounts(fee: Fee, kind: str, day: date) -> FeeRate | None:
    if fee.kinds and kind not in fee.kinds:
        return None
    if any(item.kind == kind and item.since <= day for item in fee.exempt):
        return None
    amounts = in_force(fee.dated, day) if fee.before == "none" else _holding(fee.dated, day)
    return None if amounts is None or amounts.is_nothing else amounts


def _holding(dated: Sequence[D], day: date) -> D | None:
    """Entry in force on ``day``; before the first, the first."""
    return in_force(dated, day) or (dated[0] if dated else None)

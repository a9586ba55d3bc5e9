"""Dated market rules as arrays for the kernel."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from backtest.errors import MarketError
from backtest.kernels.costs import FEE, ROW, TICK, RuleTables
from backtest.market.doubts import Doubt, doubts, doubts_of_settlement, foreign
from backtest.market.files import list_markets, load_market, resolve_markets
from backtest.market.model import FeeRate, MarketRules
from backtest.market.rows import BROKERAGE, Row, board_of, changes, row_on
from backtest.market.settings import Brokerage

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "CompiledRules",
    "MarketRules",
    "board_of",
    "compile_rules",
    "list_markets",
    "load_market",
    "resolve_markets",
]

_UNTRADED = "index"  # a kind that is never traded: its rows are empty
_ROUNDINGS = {None: 0, "up": 1, "nearest": 2}


class HasDates(Protocol):
    """The sessions of an exchange."""

    @property
    def dates(self) -> NDArray[np.datetime64]:
        """Session dates, ascending."""
        ...


@dataclass(frozen=True, eq=False)
class CompiledRules:
    """Rule tables, the names of the fee components, and what is doubted of them, by exchange."""

    tables: RuleTables
    components: tuple[str, ...]
    doubts: Mapping[str, tuple[Doubt, ...]]
    markets: Mapping[str, MarketRules]
    """The rules that were compiled, by exchange that is traded."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """The doubts as sentences, each once."""
        found = [doubt.text for own in self.doubts.values() for doubt in own]
        return tuple(dict.fromkeys(found))


@dataclass(frozen=True, order=True, slots=True)
class _Class:
    """Instruments that share every rule."""

    exchange: str
    kind: str
    board: str


def compile_rules(
    rules: Mapping[str, MarketRules],
    *,
    instruments: pd.DataFrame,
    sessions: Mapping[str, HasDates],
    brokerage: Mapping[str, Brokerage | None],
    prices: Literal["raw", "adjusted"],
    first: np.datetime64,
    last: np.datetime64,
    held: NDArray[np.bool_] | None = None,
    settles: bool = False,
) -> CompiledRules:
    """Compile the rules of every column and session of a run.

    Parameters
    ----------
    rules
        Market rules by exchange. Those of exchanges that list indices only make no difference
        and may be left out.
    instruments
        One row per column, in column order: symbol, exchange, kind, and board where there is one.
    sessions
        Sessions by exchange.
    brokerage
        The broker's charges by exchange; none where missing.
    prices
        Adjusted prices have no ticks and no price limits.
    first, last
        First and last date of the run. Sessions outside trade under the rules of the nearer end,
        and only rules in force between them are doubted.
    held
        Columns that may be held, shape (N,): only their rules are doubted. None means all.
    settles
        Whether the account waits for settlement: then its rules are doubted, too.

    Returns
    -------
    CompiledRules
        ``period`` has a row per exchange, alphabetically. Components that the run may pay come in
        file order, ``brokerage`` last. Before its first entry a rule is assumed, and doubted.

    Raises
    ------
    MarketError
        When a traded exchange has no rules, or an instrument names a board its market has not.
    """
    classes = _classes(rules, instruments)
    exchanges = sorted({own.exchange for own in classes})
    traded = sorted({own.exchange for own in classes if own.kind != _UNTRADED})
    followed = {name: rules[name] for name in traded}
    spans = {name: _span(sessions[name].dates, first, last) for name in exchanges}
    longest = max((len(sessions[name].dates) for name in exchanges), default=0)
    period = np.zeros((len(exchanges), longest), dtype=np.uint16)
    rows: list[Row] = []
    starts: dict[_Class, int] = {}
    for x, exchange in enumerate(exchanges):
        market, broker = followed.get(exchange), brokerage.get(exchange)
        days = [spans[exchange][0], *(changes(market, *spans[exchange]) if market else [])]
        period[x, : len(sessions[exchange].dates)] = _periods(sessions[exchange].dates, days)
        for own in sorted({item for item in classes if item.exchange == exchange}):
            starts[own] = len(rows)
            rows += [_row(market, own, day, broker, prices) for day in days]
    components = _components(list(followed.values()), rows)
    tables = _pack(rows, components, period, [starts[own] for own in classes])
    mine = classes if held is None else [classes[j] for j in np.flatnonzero(held)]
    found = _doubts(followed, mine, spans, prices, settles=settles)
    return CompiledRules(tables, components, found, followed)


def _classes(rules: Mapping[str, MarketRules], instruments: pd.DataFrame) -> list[_Class]:
    named = instruments["board"] if "board" in instruments else [None] * len(instruments)
    columns = (instruments["symbol"], instruments["exchange"], instruments["kind"], named)
    found: list[_Class] = []
    wrong: list[str] = []
    for symbol, exchange, kind, board in zip(*columns, strict=True):
        if kind == _UNTRADED:
            found.append(_Class(exchange, kind, ""))
            continue
        if exchange not in rules:
            wrong.append(f"{symbol}: its exchange {exchange!r} has no market rules")
            continue
        own = board_of(rules[exchange], symbol, board)
        boards = rules[exchange].boards
        if boards is not None and own not in boards.names:
            wrong.append(f"{symbol}: board must be one of {', '.join(boards.names)}, got {own!r}")
        found.append(_Class(exchange, kind, own))
    if wrong:
        raise MarketError("\n".join(wrong))
    return found


def _span(
    dates: NDArray[np.datetime64], first: np.datetime64, last: np.datetime64
) -> tuple[date, date]:
    """First and last day of the run on which the exchange may trade."""
    begin, end = first, last
    if len(dates):
        begin, end = max(first, dates[0]), min(last, dates[-1])
    return begin.astype("datetime64[D]").item(), end.astype("datetime64[D]").item()


def _periods(dates: NDArray[np.datetime64], days: Sequence[date]) -> NDArray[np.int64]:
    """Which of the periods beginning on ``days`` each date lies in; before the first, the first."""
    later = np.array(days[1:], dtype="datetime64[D]")
    return np.searchsorted(later, dates.astype("datetime64[D]"), side="right")


def _row(
    market: MarketRules | None, own: _Class, day: date, broker: Brokerage | None, prices: str
) -> Row:
    if market is None or own.kind == _UNTRADED:
        return Row()
    return row_on(market, own.kind, own.board, day, broker=broker, adjusted=prices == "adjusted")


def _doubts(
    rules: Mapping[str, MarketRules],
    classes: Iterable[_Class],
    spans: Mapping[str, tuple[date, date]],
    prices: str,
    *,
    settles: bool,
) -> dict[str, tuple[Doubt, ...]]:
    """Doubts by exchange, of the classes given; an index is never traded."""
    found: dict[str, list[Doubt]] = {exchange: [] for exchange in rules}
    for own in sorted(set(classes)):
        if own.kind != _UNTRADED:
            market, span = rules[own.exchange], spans[own.exchange]
            found[own.exchange] += foreign(market, own.exchange)
            found[own.exchange] += doubts(
                market, own.kind, own.board, *span, adjusted=prices == "adjusted"
            )
            if settles:
                found[own.exchange] += doubts_of_settlement(market, *span)
    return {exchange: tuple(dict.fromkeys(told)) for exchange, told in found.items()}


def _components(markets: Sequence[MarketRules], rows: Sequence[Row]) -> tuple[str, ...]:
    paid = {charge.name for row in rows for charge in row.charges}
    names = [*(fee.name for market in markets for fee in market.fees), BROKERAGE]
    return tuple(name for name in dict.fromkeys(names) if name in paid)


def _pack(
    rows: Sequence[Row],
    components: tuple[str, ...],
    period: NDArray[np.uint16],
    row0: Sequence[int],
) -> RuleTables:
    charges = [charge for row in rows for charge in row.charges]
    bands = [band for row in rows for band in row.bands]
    table = np.zeros(len(rows), ROW)
    table["fee_from"], table["fee_to"] = _ranges([len(row.charges) for row in rows])
    table["tick_from"], table["tick_to"] = _ranges([len(row.bands) for row in rows])
    table["limit"] = [row.limit.limit if row.limit else 0.0 for row in rows]
    table["limit_unit"] = [row.limit.unit if row.limit else 0.01 for row in rows]
    table["limit_free"] = [row.limit.free_sessions if row.limit else 0 for row in rows]
    table["first_up"] = [row.limit.first_day_up or 0.0 if row.limit else 0.0 for row in rows]
    table["first_down"] = [row.limit.first_day_down or 0.0 if row.limit else 0.0 for row in rows]
    table["lot"] = [row.size.step if row.size else 0.0 for row in rows]
    table["least"] = [row.size.least if row.size else 0.0 for row in rows]
    table["odd_discount"] = [row.odd_discount for row in rows]
    table["t_plus_one"] = [row.t_plus_one for row in rows]
    table["short_tick_rule"] = [row.short_tick_rule for row in rows]
    table["ipo_fee"] = [row.ipo.fee if row.ipo else 0.0 for row in rows]
    table["ipo_factor"] = [row.ipo.factor if row.ipo else 1.0 for row in rows]
    ticks = np.zeros(len(bands), TICK)
    ticks["above"] = [band.above for band in bands]
    ticks["size"] = [band.size for band in bands]
    fees = np.zeros(len(charges), FEE)
    for fee, charge in zip(fees, charges, strict=True):
        amounts = charge.amounts
        fee["rate"], fee["fixed"], fee["per_share"] = amounts.rate, amounts.fixed, amounts.per_share
        fee["least"] = amounts.min
        fee["most"] = math.inf if amounts.max is None else amounts.max
        fee["rounding"], fee["unit"] = _rounding(amounts)
        fee["component"], fee["side"] = components.index(charge.name), charge.side
    row_of_column = np.array(row0, dtype=np.int32)
    return RuleTables(period=period, row0=row_of_column, rows=table, fees=fees, ticks=ticks)


def _ranges(counts: Sequence[int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where each row's entries begin and end."""
    ends = np.cumsum(counts, dtype=np.int64)
    return ends - np.array(counts, dtype=np.int64), ends


def _rounding(amounts: FeeRate | Brokerage) -> tuple[int, float]:
    """How the fee is rounded, and to which unit; the broker's charges are not."""
    if isinstance(amounts, Brokerage) or amounts.unit is None:
        return 0, 1.0
    return _ROUNDINGS[amounts.round], amounts.unit

"""Rules of a run that nobody verified, or that are assumed before their first known day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, TypeVar

from backtest.market.model import Dated, MarketRules, TickTable
from backtest.market.rows import order_sizes, price_limits, tick_tables

D = TypeVar("D", bound=Dated)

PAGE = "docs/markets.md"
"""Where every figure stands with its source."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """One rule that a run trades under: ``what`` in a few words, ``text`` as a full sentence."""

    market: str
    why: Literal["unverified", "assumed", "foreign"]
    what: str
    text: str


def doubts(
    market: MarketRules, kind: str, board: str, begin: date, end: date, *, adjusted: bool
) -> Iterator[Doubt]:
    """The unverified and the assumed rules in force from ``begin`` to ``end``."""
    for fee in market.fees:
        if fee.kinds and kind not in fee.kinds:
            continue
        freed = [item for item in fee.exempt if item.kind == kind and item.since <= end]
        yield from _unverified(market, f"{fee.name} exempt for {kind}", freed, begin, end)
        if not any(item.since <= begin for item in freed):
            what = f"{fee.name} for {kind}" if fee.kinds else fee.name
            assume = fee.before == "assume"
            known = [entry for entry in fee.dated if assume or entry.since <= end]
            yield from _unverified(market, what, known, begin, end)
            yield from _assumed(market, what, known if assume else [], begin)
    if not adjusted:
        tables = tick_tables(market, kind)
        yield from _unverified(market, f"ticks for {kind}", tables, begin, end)
        yield from _assumed(market, f"ticks for {kind}", tables, begin)
        yield from _unverified_bands(market, kind, tables, begin, end)
        limits = price_limits(market, kind, board)
        what = f"price limit for {kind}" + (f" on {board}" if board else "")
        yield from _unverified(market, what, limits, begin, end)
        yield from _assumed(market, what, limits, begin)
        sizes = [entry for entry in order_sizes(market, board) if entry.since <= end]
        yield from _unverified(market, f"order size on {board or 'all boards'}", sizes, begin, end)
    if any(entry.discount > 0.0 for entry in market.odd_lots):
        yield from _unverified(market, "odd-lot discount", market.odd_lots, begin, end)
    for what, dated in (("T+1", market.t_plus_one), ("subscription fee", market.ipo)):
        yield from _unverified(market, what, dated, begin, end)
        yield from _assumed(market, what, dated, begin)


def doubts_of_settlement(market: MarketRules, begin: date, end: date) -> Iterator[Doubt]:
    """The same of when cash settles; it matters only to an account that waits for it."""
    yield from _unverified(market, "settlement", market.settlement, begin, end)
    yield from _assumed(market, "settlement", market.settlement, begin)


def foreign(market: MarketRules, exchange: str) -> Iterator[Doubt]:
    """A market file that serves an exchange which is not among its own."""
    if market.exchanges and exchange not in market.exchanges:
        text = f"{exchange} trades under the rules of {market.name!r}, which are not its own"
        yield Doubt(market.name, "foreign", exchange, text)


def in_short(found: Iterable[Doubt]) -> list[str]:
    """One line per market: how many rules are unverified or assumed, and which.

    A rule that is doubted in several of its periods counts once. Foreign rules keep their own line.
    """
    told = list(dict.fromkeys(found))
    lines = [doubt.text for doubt in told if doubt.why == "foreign"]
    for market in dict.fromkeys(doubt.market for doubt in told if doubt.why != "foreign"):
        own = [doubt for doubt in told if doubt.market == market]
        parts = [
            _counted([doubt.what for doubt in own if doubt.why == "unverified"], "unverified"),
            _counted(
                [doubt.what for doubt in own if doubt.why == "assumed"],
                "assumed before the first known day",
            ),
        ]
        lines.append(f"{market}: {'; '.join(part for part in parts if part)}; see {PAGE}")
    return lines


def _counted(names: Sequence[str], what: str) -> str:
    """``2 rules are unverified: sec_fee, finra_taf``; empty without any."""
    unique = list(dict.fromkeys(names))
    if not unique:
        return ""
    be = "rule is" if len(unique) == 1 else "rules are"
    return f"{len(unique)} {be} {what}: {', '.join(unique)}"


def _between(dated: Sequence[D], begin: date, end: date) -> list[D]:
    """Entries that hold on some day from ``begin`` to ``end``, the assumed first one included."""
    until = [*(entry.since for entry in dated[1:]), date.max]
    return [
        entry
        for number, entry in enumerate(dated)
        if begin < until[number] and (entry.since <= end or number == 0)
    ]


def _unverified(
    market: MarketRules, what: str, dated: Sequence[Dated], begin: date, end: date
) -> Iterator[Doubt]:
    for entry in _between(dated, begin, end):
        if entry.status == "unverified":
            text = f"{market.name}: {what}, from {entry.since}: unverified ({entry.source})"
            yield Doubt(market.name, "unverified", what, text)


def _unverified_bands(
    market: MarketRules, kind: str, tables: Sequence[TickTable], begin: date, end: date
) -> Iterator[Doubt]:
    for table in _between(tables, begin, end):
        open_bands = [band.above for band in table.bands if band.status == "unverified"]
        if open_bands and table.status != "unverified":
            what = f"ticks for {kind} above {min(open_bands):g}"
            yield Doubt(market.name, "unverified", what, f"{market.name}: {what}: unverified")


def _assumed(
    market: MarketRules, what: str, dated: Sequence[Dated], begin: date
) -> Iterator[Doubt]:
    if dated and dated[0].since > begin:
        since = dated[0].since
        text = f"{market.name}: {what}: known from {since} only, assumed the same before"
        yield Doubt(market.name, "assumed", what, text)

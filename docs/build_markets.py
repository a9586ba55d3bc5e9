"""Tables of docs/markets.md, from the market files; run it to renew the page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from backtest.market.files import list_markets, load_market
from backtest.market.model import Band, Dated, FeeRate, MarketRules

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "markets.md"
BEGIN, END = "<!-- figures: begin -->\n", "<!-- figures: end -->\n"


def page(text: str) -> str:
    """``text`` of the page with its tables as they should be; the words around them are kept."""
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    markets = "\n\n".join(_market(load_market(name)) for name in list_markets())
    return f"{before}{BEGIN}\n{markets}\n\n{END}{after}"


def _market(market: MarketRules) -> str:
    serves = ", ".join(f"`{name}`" for name in market.exchanges) or "none by itself"
    facts = f"Serves {serves}. Amounts in {market.currency or 'no currency'}."
    tables = [
        _table("Fees per fill", ("component", "paid by", "amount"), _fees(market)),
        _table("Ticks", ("kinds", "bands"), _ticks(market)),
        _table("Price limits", ("kinds, boards", "limit"), _limits(market)),
        _table("Boards", ("read from the symbol", "default"), _boards(market)),
        _table("Other rules", ("rule", "figure"), _others(market)),
    ]
    return "\n\n".join(
        [f"### {market.name}", market.description.strip(), facts, *filter(None, tables)]
    )


def _table(title: str, columns: Sequence[str], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [f"| {' | '.join(row)} |" for row in rows]
    if not lines:
        return ""
    head = [*columns, "from", "status", "source"]
    return "\n".join(
        [f"**{title}**", "", f"| {' | '.join(head)} |", "| --- " * len(head) + "|", *lines]
    )


def _when(entry: Dated) -> tuple[str, str, str]:
    return str(entry.since), entry.status, entry.source.replace("|", "/")


def _fees(market: MarketRules) -> Iterator[tuple[str, ...]]:
    for fee in market.fees:
        who = {"both": "both sides", "buy": "buyer", "sell": "seller"}[fee.side]
        who += f", {_listed(fee.kinds)} only" if fee.kinds else ""
        name = f"`{fee.name}`" + (", none before" if fee.before == "none" else "")
        for entry in fee.dated:
            yield name, who, _amount(entry), *_when(entry)
        for freed in fee.exempt:
            yield f"`{fee.name}`", f"{freed.kind} exempt", "", *_when(freed)


def _amount(entry: FeeRate) -> str:
    parts = [f"{100 * entry.rate:.8g} %"] if entry.rate else []
    parts += [f"{entry.per_share:.8g} a share"] if entry.per_share else []
    parts += [f"{entry.fixed:g} a fill"] if entry.fixed else []
    parts += [f"at least {entry.min:g}"] if entry.min else []
    parts += [f"at most {entry.max:g}"] if entry.max is not None else []
    if entry.unit is not None and parts:
        how = "up to" if entry.round == "up" else "to the nearest"
        parts.append(f"rounded {how} {entry.unit:g}")
    return ", ".join(parts) or "nothing"


def _ticks(market: MarketRules) -> Iterator[tuple[str, ...]]:
    for ticks in market.ticks:
        for table in ticks.dated:
            yield _listed(ticks.kinds) or "all others", _bands(table.bands), *_when(table)


def _bands(bands: Sequence[Band]) -> str:
    parts = []
    for band in bands:
        open_figure = " (unverified)" if band.status == "unverified" else ""
        parts.append(f"above {band.above:g}: {band.size:g}{open_figure}")
    return "; ".join(parts)


def _limits(market: MarketRules) -> Iterator[tuple[str, ...]]:
    for limits in market.price_limits:
        whose = ", ".join(part for part in (_listed(limits.kinds), _listed(limits.boards)) if part)
        for entry in limits.dated:
            text = f"±{100 * entry.limit:g} %, rounded to {entry.unit:g}"
            if entry.first_day_up is not None and entry.first_day_down is not None:
                band = f"-{100 * entry.first_day_down:g} to +{100 * entry.first_day_up:g} %"
                text += f"; in the listing session {band} of the offer price"
            if entry.free_sessions:
                text += f", none in the first {entry.free_sessions} sessions of a listing"
            yield whose or "all", text, *_when(entry)


def _boards(market: MarketRules) -> Iterator[tuple[str, ...]]:
    if market.boards is not None:
        read = ", ".join(f"{start}… {board}" for start, board in market.boards.prefixes.items())
        yield read, market.boards.default, *_when(market.boards)


def _others(market: MarketRules) -> Iterator[tuple[str, ...]]:
    if market.closing_auction is not None:
        minutes = f"{market.closing_auction.minutes} minutes after the session's end"
        yield "the close is official", minutes, *_when(market.closing_auction)
    for rule in market.t_plus_one:
        text = "not in the same session" if rule.holds else "at once"
        yield "what was bought may be sold", text, *_when(rule)
    for short in market.short_tick_rule:
        text = "not below the previous close, with `portfolio.short_tick_rule`"
        yield "short sales", text if short.holds else "at any price", *_when(short)
    for sizes in market.order_sizes:
        for size in sizes.dated:
            text = f"at least {size.least:g} shares, then by {size.step:g}"
            yield f"orders, {_listed(sizes.boards) or 'all boards'}", text, *_when(size)
    for odd in market.odd_lots:
        text = "apart, at the discount that a run sets" if odd.apart else "with whole lots"
        yield "odd lots are sold", text, *_when(odd)
    for settled in market.settlement:
        text = "at once" if settled.days == 0 else f"{settled.days} settlement days after the sale"
        text += "" if settled.half_days else "; a half day is none"
        yield "cash of a sale", text, *_when(settled)
    for entry in market.ipo:
        fee = f"{100 * entry.fee:.8g} % on top of the offer price"
        yield (
            "subscription",
            f"{fee}; allotment factor {entry.factor:g}; applications close {entry.close_sessions} "
            f"sessions before the listing{_by(entry.mechanism)}",
            *_when(entry),
        )
    for mechanism in market.allotment:
        steps = "".join(f", {100 * s.share:g} % from {s.at:g} times" for s in mechanism.steps)
        public = f"public tranche {100 * mechanism.initial:g} %{steps}"
        yield f"allotment mechanism {mechanism.name}", public, *_when(mechanism)


def _by(mechanism: str) -> str:
    return f"; mechanism {mechanism} unless named" if mechanism else ""


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")

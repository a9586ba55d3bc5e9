"""Tables of what dealing cost and of what became of it."""

from __future__ import annotations

from collections.abc import Mapping

from backtest.report import formats
from backtest.report.page import Table
from backtest.report.series import rows_of, section
from backtest.report.tables import BarRow, BarTable, share_of_longest

_FATES = {
    "filled": ("filled in full", ""),
    "partial": ("filled in part", "the rest lapsed, was replaced or cancelled"),
    "lapsed": ("lapsed", "no bar, no price, no volume, or the run ended"),
    "capped": ("capped", "by the share of the bar's volume that an order may take"),
    "cash_scaled": ("scaled", "or dropped, for want of cash"),
    "limit": ("limit or T+1", "stopped by a price limit, or by T+1"),
    "not_shortable": ("not shortable", "not on the list of what may be sold short"),
    "tick_rule": ("tick rule", "a short sale below the previous close"),
    "no_price": ("no price", "never sent: nothing to size it on"),
    "blocked_exit": ("blocked", "after an exit rule, until the strategy wants it out"),
    "replaced": ("replaced", "by a later decision"),
    "cancelled": ("cancelled", "the position went away first"),
}
"""Words for what became of an order, and what they mean."""


def order_table(metrics: Mapping[str, object], currency: str) -> BarTable:
    """Orders by what became of them."""
    orders = rows_of(section(metrics, "dealing").get("orders"))
    longest = max((formats.as_float(row.get("count")) for row in orders), default=0.0)
    rows = [
        BarRow(
            _fate(row),
            (
                formats.show(row.get("count"), "count"),
                formats.percent(row.get("share"), 1),
                formats.number(row.get("value"), 0),
            ),
            share_of_longest(formats.as_float(row.get("count")), longest),
            "plain",
        )
        for row in orders
    ]
    columns = ("Outcome", "Orders", "Share", f"Value, {currency}")
    return BarTable("What became of the orders", columns, rows)


def fate_words(metrics: Mapping[str, object]) -> str:
    """What the outcomes that occurred mean, in a line."""
    found = []
    for row in rows_of(section(metrics, "dealing").get("orders")):
        words, meaning = _FATES.get(str(row.get("status")), ("", ""))
        if meaning:
            found.append(f"{formats.label_of(words)}: {meaning}.")
    return " ".join(found)


def holding_table(metrics: Mapping[str, object], currency: str) -> BarTable:
    """Closed trades by how long they were held."""
    rows = _without_empty_ends(rows_of(section(metrics, "dealing").get("holding_periods")))
    longest = max((formats.as_float(row.get("trades")) for row in rows), default=0.0)
    drawn = [
        BarRow(
            _span(row),
            (
                formats.show(row.get("trades"), "count"),
                formats.percent(row.get("win_rate"), 1),
                formats.percent(row.get("mean_return")),
                formats.number(row.get("pnl"), 0),
            ),
            share_of_longest(formats.as_float(row.get("trades")), longest),
            "plain",
        )
        for row in rows
    ]
    columns = ("Own sessions held", "Trades", "Won", "Mean return", f"Profit, {currency}")
    return BarTable("How long trades were held", columns, drawn if longest else [])


def cost_year_table(metrics: Mapping[str, object], currency: str) -> Table:
    """Costs of each year, in currency and in basis points."""
    rows = [
        (
            str(row.get("year")),
            formats.number(row.get("traded_amount"), 0),
            *(formats.number(row.get(name), 0) for name in ("fees", "slippage", "fx_cost")),
            formats.number(row.get("bps_of_traded_value"), 1),
            formats.number(10_000.0 * formats.as_float(row.get("of_nav")), 1),
        )
        for row in rows_of(section(metrics, "dealing").get("costs_by_year"))
    ]
    paid = ("Fees", "Slippage", "Conversion")
    return Table(("Year", f"Traded, {currency}", *paid, "bps of traded", "bps of NAV"), rows)


def dealing_facts(metrics: Mapping[str, object], currency: str) -> list[tuple[str, str]]:
    """What a fill and a trade cost, and how much of the market was taken, in words."""
    per, taken = (section(metrics, "dealing", name) for name in ("per_trade", "participation"))
    if not per:
        return []
    found = [
        ("Average fill", f"{formats.number(per.get('average_fill_value'), 0)} {currency}"),
        ("Cost of a fill", f"{formats.number(per.get('cost_per_fill'), 0)} {currency} on average"),
    ]
    if per.get("cost_per_trade") is not None:
        cost = formats.number(per.get("cost_per_trade"), 0)
        found.append(("Cost of a trade", f"{cost} {currency} on average, in and out"))
    if per.get("cost_of_average_pnl") is not None:
        share = formats.percent(per.get("cost_of_average_pnl"), 1)
        found.append(("Eaten by costs", f"{share} of what trades earned before them"))
    return [
        *found,
        ("Slippage", slippage_words(section(metrics, "dealing", "slippage"))),
        ("Share of the bar's volume", participation_words(taken)),
    ]


def slippage_words(paid: Mapping[str, object]) -> str:
    """``8.7 bps paid, 10.0 bps asked; 13.0 % of fills paid less, held inside their bar``."""
    if not paid:
        return "no fill"
    words = f"{formats.number(paid.get('paid_bps'), 1)} bps paid"
    if formats.as_float(paid.get("asked_bps")) > 0.0:
        less = formats.percent(paid.get("paid_less_than_asked"), 1)
        words += f", {formats.number(paid.get('asked_bps'), 1)} bps asked"
        words += f"; {less} of fills paid less, held inside their bar"
    return words


def participation_words(taken: Mapping[str, object]) -> str:
    """``0.3 % in the middle, 2.0 % at the 95th percentile, 8.2 % at most``."""
    if not taken:
        return "no fill on known volume"
    middle, high, most = (
        formats.percent(taken.get(name), 1) for name in ("median", "quantile_95", "largest")
    )
    unknown = formats.as_float(taken.get("fills_unknown"))
    rest = f"; {unknown:,.0f} fills on unknown volume" if unknown else ""
    return f"{middle} in the middle, {high} at the 95th percentile, {most} at most{rest}"


def _fate(row: Mapping[str, object]) -> str:
    status = str(row.get("status"))
    return formats.label_of(_FATES.get(status, (status, ""))[0])


def _without_empty_ends(rows: list[Mapping[str, object]]) -> list[Mapping[str, object]]:
    """Rows from the first to the last that has trades."""
    used = [at for at, row in enumerate(rows) if row.get("trades")]
    return rows[used[0] : used[-1] + 1] if used else []


def _span(row: Mapping[str, object]) -> str:
    low, high = row.get("from"), row.get("to")
    if high is None:
        return f"{low} and more"
    if low == high:
        return str(low)
    return f"{low} to {high}"

"""Tables of where the profit came from and of what happened when markets fell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from backtest.report import formats
from backtest.report.page import Table
from backtest.report.series import rows_of, section
from backtest.report.tables import BarRow, BarTable, share_of_longest


def contributor_tables(metrics: Mapping[str, object], currency: str) -> list[BarTable]:
    """Instruments that made and lost the most, dividends in and all costs out."""
    part = section(metrics, "attribution")
    made, lost = rows_of(part.get("made")), rows_of(part.get("lost"))
    longest = _longest([*made, *lost])
    return [
        _bars("Made the most", "Instrument", made, longest, currency),
        _bars("Lost the most", "Instrument", lost, longest, currency),
    ]


def group_tables(metrics: Mapping[str, object], currency: str) -> list[BarTable]:
    """Profit by sector, currency, exchange and side; a grouping with one group says nothing."""
    part = section(metrics, "attribution")
    found = []
    for field, title, head in _GROUPS:
        rows = rows_of(part.get(field))
        if len(rows) > 1:
            found.append(_bars(title, head, rows, _longest(rows), currency))
    return found


def same_for_all(metrics: Mapping[str, object]) -> str:
    """What is the same for every trade: ``all in HKD, all long``; empty where nothing is."""
    part = section(metrics, "attribution")
    words = []
    for field, form in (
        ("by_sector", "in the sector {}"),
        ("by_currency", "in {}"),
        ("by_exchange", "on {}"),
        ("by_side", "{}"),
    ):
        rows = rows_of(part.get(field))
        if len(rows) == 1 and rows[0].get("name") != "not stated":
            words.append("all " + form.format(rows[0].get("name")))
        elif len(rows) == 1:
            words.append(f"the bundle names no {field.removeprefix('by_')}")
    return ", ".join(words)


def profit_table(metrics: Mapping[str, object], currency: str) -> Table:
    """From the trades' profit to the account's."""
    part, gains = section(metrics, "attribution"), section(metrics, "return")
    start = formats.as_float(section(metrics, "conventions").get("initial_cash"))
    steps = [
        ("Trades, net of their costs", part.get("trades_pnl")),
        ("Interest", part.get("interest")),
    ]
    other = formats.as_float(part.get("other"))
    if abs(other) > 1e-6 * start:
        steps.append(("Cash flows outside trades", other))
    steps.append(("Profit", gains.get("profit_amount")))
    rows = [
        (label, formats.number(amount, 0), formats.percent(formats.as_float(amount) / start))
        for label, amount in steps
    ]
    return Table(("Step", currency, "of initial cash"), rows)


def split_table(metrics: Mapping[str, object], benchmark: str) -> Table | None:
    """Mean return a year as beta times the benchmark's plus alpha; None without a benchmark."""
    split = section(metrics, "attribution", "split")
    if not split:
        return None

    def with_error(name: str, *, percent: bool) -> tuple[str, str]:
        show = formats.percent if percent else formats.number
        return show(split.get(name)), show(split.get(f"{name}_error"))

    rows = [
        ("Beta", *with_error("beta", percent=False)),
        ("Alpha a year", *with_error("alpha", percent=True)),
        (f"Mean a year from {benchmark}", formats.percent(split.get("from_benchmark")), ""),
        ("Mean excess return a year", formats.percent(split.get("mean_excess")), ""),
        ("Variance explained", formats.percent(split.get("r_squared"), 1), ""),
    ]
    return Table(("Part", "Estimate", "Standard error"), rows)


def brinson_table(metrics: Mapping[str, object]) -> Table | None:
    """Excess over the benchmark by sector; None where its weights are not known."""
    found = section(metrics, "attribution", "brinson")
    if not found:
        return None
    effects = ("allocation", "selection", "interaction")
    rows = [
        (
            str(row.get("name")),
            formats.percent(row.get("weight"), 1),
            formats.percent(row.get("market_weight"), 1),
            *(formats.percent(row.get(name)) for name in effects),
        )
        for row in rows_of(found.get("sectors"))
    ]
    rows.append(("All sectors", "", "", *(formats.percent(found.get(name)) for name in effects)))
    columns = ("Sector", "Mean weight", "Benchmark's", "Allocation", "Selection", "Interaction")
    return Table(columns, rows)


def brinson_words(metrics: Mapping[str, object]) -> str:
    """What the effects leave, and what they add up to."""
    found = section(metrics, "attribution", "brinson")
    if not found:
        return ""
    excess, dealing, rest = (
        formats.percent(found.get(name)) for name in ("excess", "dealing", "index_rest")
    )
    return (
        f"Over {formats.counted(int(formats.as_float(found.get('sessions'))), 'session')}, by what "
        f"was held at each close before. With dealing, costs and interest ({dealing}) and what the "
        f"benchmark's weights do not explain ({rest}) the effects add up to the excess of {excess}."
    )


def spillover_table(metrics: Mapping[str, object], benchmark: str) -> Table | None:
    """Betas to the US night before; None where the run knows no US source."""
    found = section(metrics, "attribution", "spillover")
    if not found:
        return None
    rows = [("Strategy", found.get("beta"), found.get("beta_error"))]
    if found.get("benchmark_beta") is not None:
        rows += [
            (
                f"Strategy, {benchmark} held fixed",
                found.get("beta_beside_benchmark"),
                found.get("beta_beside_benchmark_error"),
            ),
            (benchmark, found.get("benchmark_beta"), found.get("benchmark_beta_error")),
        ]
    texts = [
        (label, formats.number(beta, 3), formats.number(error, 3)) for label, beta, error in rows
    ]
    return Table(("Beta to last night", "Estimate", "Standard error"), texts)


def crisis_table(metrics: Mapping[str, object], benchmark: str) -> Table:
    """Dated windows of stress that the run saw, oldest first; ``*`` where it saw a part."""
    rows = []
    fields: tuple[str, ...] = ("return", "max_drawdown")
    columns: tuple[str, ...] = ("Window", "From", "To", "Exposure", "Return", "Max drawdown")
    if benchmark:
        fields = (*fields, "benchmark_return", "benchmark_max_drawdown")
        columns = (*columns, benchmark, "its max drawdown")
    for row in rows_of(metrics.get("crises")):
        name = f"{row.get('name')}{'*' if row.get('partial') else ''}"
        days = (formats.day(row.get("first")), formats.day(row.get("last")))
        numbers = (formats.percent(row.get(field)) for field in fields)
        rows.append((name, *days, formats.percent(row.get("exposure"), 1), *numbers))
    return Table(columns, rows, text=3)


def crisis_sources(metrics: Mapping[str, object]) -> list[tuple[str, str]]:
    """Name of each window that is shown, with why these dates and where they are from."""
    return [
        (str(row.get("name")), f"{row.get('about')} ({row.get('source')})")
        for row in rows_of(metrics.get("crises"))
    ]


def extreme_tables(metrics: Mapping[str, object], benchmark: str) -> list[tuple[str, Table]]:
    """Best and worst sessions, the benchmark's return of the day beside."""
    columns = ("Session", "Return", *([benchmark] if benchmark else []))
    found = []
    for name, title in (("best", "Best sessions"), ("worst", "Worst sessions")):
        rows = [
            (
                formats.day(row.get("date")),
                formats.percent(row.get("return")),
                *([formats.percent(row.get("benchmark"))] if benchmark else []),
            )
            for row in rows_of(section(metrics, "extremes").get(name))
        ]
        if rows:
            found.append((title, Table(columns, rows)))
    return found


_GROUPS = (
    ("by_sector", "By sector", "Sector"),
    ("by_side", "Long and short", "Side"),
    ("by_currency", "By currency", "Currency"),
    ("by_exchange", "By exchange", "Exchange"),
)


def _longest(rows: Sequence[Mapping[str, object]]) -> float:
    return max((abs(formats.as_float(row.get("pnl"))) for row in rows), default=0.0)


def _bars(
    title: str, head: str, rows: Sequence[Mapping[str, object]], longest: float, currency: str
) -> BarTable:
    drawn = []
    for row in rows:
        pnl = formats.as_float(row.get("pnl"))
        cells = (
            formats.number(pnl, 0, signed=True),
            formats.percent(row.get("contribution"), signed=True),
            formats.show(row.get("trades"), "count"),
            formats.percent(row.get("weight")),
        )
        sign = "minus" if pnl < 0.0 else "plus"
        drawn.append(BarRow(str(row.get("name")), cells, share_of_longest(pnl, longest), sign))
    columns = (head, f"Profit, {currency}", "of initial cash", "Trades", "Mean weight")
    return BarTable(title, columns, drawn)

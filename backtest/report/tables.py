"""The tables of a tearsheet, as text ready to be shown."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from backtest.report import formats, series
from backtest.report.catalogue import CONVENTIONS, GROUPS, Measure, look_up
from backtest.report.page import Table
from backtest.report.series import rows_of, section

if TYPE_CHECKING:
    pass


_MISSING: dict[str, dict[int | None, str]] = {
    "trials": {None: "not known"},
    "deflated_sharpe": {None: "needs the number of trials", 1: "none with one trial"},
}
"""What stands for a number of luck that is not there, by the number of trials."""
_INITIALS = frozenset({"sfc", "afrc", "sec", "finra", "taf", "fx", "csrc"})
_SHADES = 4  # depths of colour of the monthly table


class Cell(NamedTuple):
    """A month's return and its depth of colour: ``g1``..``g4`` gains, ``l1``..``l4`` losses."""

    text: str
    shade: str


class YearRow(NamedTuple):
    """One year of the monthly table; ``*`` marks a part of a year."""

    year: str
    months: tuple[Cell, ...]
    total: str
    benchmark: str


class BarRow(NamedTuple):
    """A row with a bar: ``width`` in percent of the longest; ``sign`` plus, minus or plain."""

    head: str
    cells: tuple[str, ...]
    width: float
    sign: str


@dataclass(frozen=True)
class BarTable:
    """A table whose rows carry bars."""

    title: str
    columns: tuple[str, ...]
    rows: list[BarRow]


def month_table(metrics: Mapping[str, object]) -> list[YearRow]:
    """Monthly returns, a row for each year, in percent; empty where the run has no session."""
    periods = section(metrics, "periods")
    months = {
        str(row.get("month")): formats.as_float(row.get("return"))
        for row in rows_of(periods.get("months"))
    }
    sizes = [abs(value) for value in months.values() if math.isfinite(value)]
    # The 90th percentile has the full colour, so that one wild month does not pale all others.
    scale = float(np.quantile(sizes, 0.9)) if sizes else 1.0
    rows = []
    for year in rows_of(periods.get("years")):
        name = str(year.get("year"))
        cells = (months.get(f"{name}-{month:02d}", math.nan) for month in range(1, 13))
        rows.append(
            YearRow(
                name + ("*" if year.get("partial") else ""),
                tuple(_cell(value, scale) for value in cells),
                _hundredths(year.get("return")),
                _hundredths(year.get("benchmark")),
            )
        )
    return rows


def episode_table(metrics: Mapping[str, object]) -> Table:
    """Deepest falls from a peak, deepest first."""
    rows = [
        (
            formats.day(episode.get("peak")),
            formats.day(episode.get("trough")),
            formats.day(episode.get("recovery")) if episode.get("recovery") else "not recovered",
            formats.percent(episode.get("depth")),
            formats.show(episode.get("fall_days"), "count"),
            formats.show(episode.get("days"), "count"),
            formats.show(episode.get("sessions"), "count"),
        )
        for episode in rows_of(section(metrics, "drawdowns").get("episodes"))
    ]
    columns = (
        "Peak", "Trough", "Recovery", "Depth", "Days to trough", "Days in all", "Sessions in all",
    )  # fmt: skip
    return Table(columns, rows, text=3)


def measure_tables(metrics: Mapping[str, object]) -> list[tuple[str, Table]]:
    """One table for each group of measures, the benchmark beside where it has its own."""
    found = []
    for group in GROUPS:
        if group.title == "Is it luck?":  # a section of its own
            continue
        known = [m for m in group.measures if look_up(metrics, m.path) is not None]
        if not known:
            continue
        has_beside = any(look_up(metrics, m.beside) is not None for m in known if m.beside)
        rows = [_measure_row(metrics, measure, has_beside=has_beside) for measure in known]
        columns = ("Measure", "Strategy", "Benchmark") if has_beside else ("Measure", "Strategy")
        found.append((group.title, Table(columns, rows)))
    return found


def interval_words(metrics: Mapping[str, object]) -> str:
    """How the intervals of the first screen were made, or why there are none."""
    found = section(metrics, "inference", "intervals")
    if not found:
        return ""
    if found.get("reason"):
        return f"No intervals: {found.get('reason')}."
    return (
        f"{formats.percent(found.get('level'), 0)} intervals: sessions drawn again in blocks of "
        f"{formats.show(found.get('block_length'), 'count')} on average, "
        f"{formats.show(found.get('draws'), 'count')} times."
    )


def luck_table(metrics: Mapping[str, object]) -> Table:
    """What the Sharpe ratio is worth; what is not known says so."""
    group = next(group for group in GROUPS if group.title == "Is it luck?")
    rows = []
    for measure in group.measures:
        value = look_up(metrics, measure.path)
        missing = _MISSING.get(measure.path[-1], {})
        trials = look_up(metrics, ("inference", "trials"))
        words = missing.get(1 if trials == 1 else None, formats.UNKNOWN)
        rows.append((measure.label, words if value is None else measure.show(value)))
    return Table(("Measure", "Strategy"), rows)


def luck_conventions(metrics: Mapping[str, object]) -> list[tuple[str, str]]:
    """How the numbers of luck are made, by subject."""
    stated = section(metrics, "inference", "conventions")
    return [(formats.label_of(str(name)), str(text)) for name, text in stated.items()]


def position_table(metrics: Mapping[str, object]) -> BarTable:
    """Instruments held with the largest mean weight by size."""
    held = rows_of(section(metrics, "attribution").get("positions"))
    longest = max((abs(formats.as_float(row.get("weight"))) for row in held), default=0.0)
    rows = [
        BarRow(
            str(row.get("name")),
            (
                *(
                    formats.percent(row.get(name))
                    for name in ("weight", "largest_weight", "last_weight")
                ),
                formats.show(row.get("sessions"), "count"),
            ),
            share_of_longest(formats.as_float(row.get("weight")), longest),
            "plain",
        )
        for row in held
    ]
    columns = ("Instrument", "Mean weight", "Largest", "At the end", "Sessions held")
    return BarTable("Largest positions", columns, rows)


def waterfall(metrics: Mapping[str, object]) -> list[tuple[str, float]]:
    """Gross profit, each cost as a step (a cost < 0), net profit."""
    net = formats.as_float(look_up(metrics, ("return", "profit_amount")))
    paid = series.costs(metrics)
    steps = [(cost_label(cost), -cost.amount) for cost in paid]
    return [("Gross", net + sum(cost.amount for cost in paid)), *steps, ("Net", net)]


def cost_label(cost: series.Cost) -> str:
    """Name of a cost as people write it; financing that earned is interest."""
    if cost.name == "financing" and cost.amount < 0.0:
        return "Interest earned"
    label = formats.label_of(cost.name)
    return " ".join(word.upper() if word.lower() in _INITIALS else word for word in label.split())


def cost_table(metrics: Mapping[str, object], currency: str) -> Table:
    """Waterfall's steps in currency, in bps of traded value, and in bps of NAV a year."""
    first, *_, last = waterfall(metrics)
    steps = [
        (
            cost_label(cost),
            formats.number(-cost.amount, 0),
            formats.number(-cost.bps_of_traded_value),
            formats.number(-cost.bps_of_nav_per_year),
        )
        for cost in series.costs(metrics)
    ]
    rows = [
        ("Gross profit", formats.number(first[1], 0), "", ""),
        *steps,
        ("Net profit", formats.number(last[1], 0), "", ""),
    ]
    return Table(("Step", currency, "bps of traded value", "bps of NAV a year"), rows)


def reason_table(metrics: Mapping[str, object], currency: str) -> Table:
    """Count and profit of closed trades by why they ended."""
    reasons = section(metrics, "trades", "by_reason")
    rows = [
        (
            formats.label_of(str(reason)),
            formats.show(look_up(reasons, (reason, "count")), "count"),
            formats.number(look_up(reasons, (reason, "pnl")), 0),
        )
        for reason in reasons
    ]
    return Table(("Ended by", "Trades", f"Profit, {currency}"), rows)


def convention_rows(metrics: Mapping[str, object]) -> list[tuple[str, str]]:
    """How the measures were made."""
    stated = section(metrics, "conventions")
    return [
        (label, show(stated[key]))
        for key, label, show in CONVENTIONS
        if stated.get(key) is not None
    ]


def _measure_row(
    metrics: Mapping[str, object], measure: Measure, *, has_beside: bool
) -> tuple[str, ...]:
    value = look_up(metrics, measure.path)
    when = measure.when(value) if measure.when else ""
    label = f"{measure.label}, {when}" if when else measure.label
    if not has_beside:
        return (label, measure.show(value))
    beside = measure.show(look_up(metrics, measure.beside)) if measure.beside else ""
    return (label, measure.show(value), beside)


def share_of_longest(value: float, longest: float) -> float:
    """Length of a bar in percent of the longest; 0 where there is none."""
    return 100.0 * abs(value) / longest if longest else 0.0


def _hundredths(value: object) -> str:
    return formats.number(100.0 * formats.as_float(value), 1)


def _cell(value: float, scale: float) -> Cell:
    if not math.isfinite(value):
        return Cell("", "")
    depth = min(_SHADES, math.ceil(_SHADES * abs(value) / scale)) if scale > 0.0 else 0
    return Cell(_hundredths(value), f"{'g' if value > 0 else 'l'}{depth}" if depth else "")

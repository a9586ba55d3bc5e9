"""Tables of what prices did after the events that a strategy waits for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from backtest.report import formats
from backtest.report.page import Table
from backtest.report.series import rows_of, section


class Grouping(NamedTuple):
    """Outcomes by one attribute of the events."""

    title: str
    table: Table


def outcome_table(events: Mapping[str, object], word: str, benchmark: str) -> Table:
    """All events, those bought and the others, at the main horizon."""
    rows = [
        (label, *_cells(section(events, name), benchmark))
        for name, label in (
            ("all", f"All {word}s"), ("bought", "Bought"), ("not_bought", "Not bought")
        )
        if section(events, name)
    ]  # fmt: skip
    return Table(("Events", *_columns(benchmark)), rows)


def horizon_table(events: Mapping[str, object], word: str, benchmark: str) -> Table:
    """Mean, hit rate and return beyond the benchmark by sessions after the entry."""
    rows = []
    has_taken = bool(events.get("taken"))
    groups = ("all", *(["taken"] if has_taken else []))
    for row in rows_of(events.get("horizons")):
        cells: list[str] = []
        for group in groups:
            cells.append(formats.percent(row.get(f"{group}_mean")))
            if benchmark:
                cells.append(formats.percent(row.get(f"{group}_beyond_benchmark")))
            cells.append(formats.percent(row.get(f"{group}_hit_rate"), 1))
        rows.append((formats.show(row.get("sessions"), "count"), *cells))
    columns = ["Sessions after"]
    for label in (f"All {word}s", *(["Bought"] if has_taken else [])):
        columns += [f"{label}: mean", *([f"beyond {benchmark}"] if benchmark else []), "hit rate"]
    return Table(tuple(columns), rows)


def cohort_table(events: Mapping[str, object], benchmark: str) -> Table:
    """Events by year."""
    rows = [
        (str(row.get("year")), *_cells(row, benchmark)) for row in rows_of(events.get("by_year"))
    ]
    return Table(("Year", *_columns(benchmark)), rows)


def regime_table(events: Mapping[str, object], benchmark: str) -> Table:
    """Listings by the mechanism that divided the offer; no rows where there is one or none."""
    rows = [
        (str(row.get("regime")), *_cells(row, benchmark))
        for row in rows_of(events.get("by_regime"))
    ]
    return Table(("Mechanism", *_columns(benchmark)), rows)


def groupings(
    events: Mapping[str, object], fractions: Iterable[str], benchmark: str
) -> list[Grouping]:
    """Outcomes by the size of each attribute, in groups of about equal count."""
    found = []
    named = frozenset(fractions)
    for name, value in section(events, "by_attribute").items():
        rows = [
            (_range(row, is_fraction=name in named), *_cells(row, benchmark))
            for row in rows_of(value)
        ]
        if rows:
            label = formats.label_of(str(name))
            found.append(
                Grouping(f"By {label.lower()}", Table((label, *_columns(benchmark)), rows))
            )
    return found


def first_day_words(events: Mapping[str, object]) -> str:
    """First close over offer, where events are listings; empty elsewhere."""
    mean = section(events, "all").get("offer_return")
    if mean is None:
        return ""
    return f"First close over offer, mean of all: {formats.percent(mean, 1)}."


def _columns(benchmark: str) -> tuple[str, ...]:
    beyond = (f"beyond {benchmark}",) if benchmark else ()
    mean, hits = ("Mean", "90 % interval"), ("Hit rate", "90 % interval")
    return ("Count", "Bought", *mean, *beyond, *hits, "Best", "Worst")


def _cells(row: Mapping[str, object], benchmark: str) -> tuple[str, ...]:
    beyond = (formats.percent(row.get("beyond_benchmark"), 1),) if benchmark else ()
    return (
        formats.show(row.get("events"), "count"),
        formats.show(row.get("bought"), "count"),
        formats.percent(row.get("mean"), 1),
        _interval(row.get("mean_low"), row.get("mean_high"), 1),
        *beyond,
        formats.percent(row.get("hit_rate"), 0),
        _interval(row.get("hit_low"), row.get("hit_high"), 0),
        formats.percent(row.get("best"), 0),
        formats.percent(row.get("worst"), 0),
    )


def _interval(low: object, high: object, digits: int) -> str:
    if low is None or high is None:
        return formats.UNKNOWN
    return f"{formats.percent(low, digits).removesuffix(' %')} to {formats.percent(high, digits)}"


def _range(row: Mapping[str, object], *, is_fraction: bool) -> str:
    low, high = row.get("from"), row.get("to")
    if low is None and high is None:
        return "unknown"
    if is_fraction:
        return _interval(low, high, 1)
    return f"{formats.significant(low)} to {formats.significant(high)}"

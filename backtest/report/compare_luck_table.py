"""The tests of luck as tables: rows of words, numbers and intervals drawn to one scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from backtest.report import formats
from backtest.report.compare_inputs import short, some
from backtest.report.compare_luck import SIZE, Best, Lead, Luck, Tested, verdict

_WIDTH = 100.0  # of the drawing of an interval
_EDGE = 4.0


class Whisker(NamedTuple):
    """An interval as a drawing, from 0 to 100: its ends, its value, where zero is."""

    low: float
    high: float
    value: float
    zero: float


class LuckRow(NamedTuple):
    """One test, or one run: cells of text, and its interval; ``is_clear`` of zero or not."""

    head: str
    cells: tuple[str, ...]
    whisker: Whisker | None
    is_clear: bool


class LuckTable(NamedTuple):
    """Rows under their headings, with what is to be said before and after them."""

    said: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[LuckRow, ...]
    notes: tuple[str, ...]


def luck_table(luck: Luck, names: Sequence[str]) -> LuckTable:
    """Tests of a pair, one to a row; of more runs, one run to a row."""
    if luck.reason:
        return LuckTable((luck.reason,), (), (), ())
    return _pair(luck) if luck.best is None else _many(luck, names)


def _pair(luck: Luck) -> LuckTable:
    lead = luck.leads[0]
    tests = (
        ("Paired stationary bootstrap", lead.bootstrap),
        ("Ledoit-Wolf, studentised block bootstrap", lead.studentised),
        ("Ledoit-Wolf, robust error", lead.ledoit_wolf),
        ("Memmel, independent normal returns", lead.memmel),
    )
    known = [(name, test) for name, test in tests if test is not None]
    scale = _scale([test for _, test in known])
    rows = [
        LuckRow(
            name,
            (formats.number(test.value, signed=True), _interval(test), _odds(test.p_value)),
            _whisker(test, scale),
            _is_clear(test),
        )
        for name, test in known
    ]
    said = [verdict(luck)]
    if lead.mean is not None and math.isfinite(lead.mean.value):
        said.append(
            f"Its mean excess return differs by {formats.percent(lead.mean.value, signed=True)} a "
            f"year, 90 % interval {formats.percent(lead.mean.low, signed=True)} to "
            f"{formats.percent(lead.mean.high, signed=True)} (paired stationary bootstrap)."
        )
    columns = ("Test", "Difference of Sharpe, a year", "90 % interval", "p of none")
    return LuckTable(tuple(said), columns, tuple(rows), _notes(luck))


def _many(luck: Luck, names: Sequence[str]) -> LuckTable:
    best = luck.best
    if best is None:
        return LuckTable((), (), (), ())
    scale = _scale([_main(lead) for lead in luck.leads])
    rows = [
        LuckRow(
            luck.first,
            (formats.UNKNOWN, "", "", "", "", _may(best, 0)),
            None,
            is_clear=False,
        )
    ]
    for run, lead in enumerate(luck.leads, start=1):
        test = _main(lead)
        cells = (
            formats.number(test.value, signed=True),
            _interval(test),
            "" if lead.bootstrap is None else _odds(lead.bootstrap.p_value),
            _odds(lead.ledoit_wolf.p_value),
            _odds(lead.memmel.p_value),
            _may(best, run),
        )
        rows.append(LuckRow(lead.name, cells, _whisker(test, scale), _is_clear(test)))
    columns = (
        "Run",
        f"Sharpe, less that of {short(luck.first)}",
        "90 % interval",
        "p, bootstrap",
        "p, Ledoit-Wolf",
        "p, Memmel",
        "May be the best",
    )
    return LuckTable(tuple(_said(luck, names)), columns, tuple(rows), _notes(luck))


def _said(luck: Luck, names: Sequence[str]) -> list[str]:
    """What the tests of many runs say, in sentences."""
    best = luck.best
    if best is None:
        return []
    said = []
    if math.isfinite(best.p_value):
        better = (
            f"At least one other run is better than {short(luck.first)} by more than luck"
            if best.p_value <= SIZE
            else f"Nothing says that another run is better than {short(luck.first)}"
        )
        said.append(
            f"{better}: the test that none is, at equal risk, has p = {_odds(best.p_value)} "
            f"(bounds {_odds(best.lower)} and {_odds(best.upper)})."
        )
    kept = [name for name, is_in in zip(names, best.included, strict=True) if is_in]
    if len(kept) == len(names):
        said.append(f"Any of the {len(names)} may be the best: the data cannot tell them apart.")
    elif kept:
        said.append(
            f"{len(kept)} of {len(names)} may be the best, with 90 % confidence: {some(kept)}."
        )
    if not any(math.isfinite(_main(lead).low) for lead in luck.leads):
        return said
    clear = sum(_is_clear(_main(lead)) for lead in luck.leads)
    tests = len(luck.leads)
    said.append(
        f"{clear} of {tests} differ from {short(luck.first)} at 90 %, each taken alone; of {tests} "
        f"runs no better and no worse about {formats.number(tests * SIZE, 1)} would."
    )
    return said


def _notes(luck: Luck) -> tuple[str, ...]:
    notes = [
        f"On the {formats.counted(luck.sessions, 'session')} in common, on returns less those of "
        "cash; p is the chance of a difference as large where there is none. Blocks by Politis and "
        "White, seed 0, 1,000 draws."
    ]
    if luck.best is not None:
        notes.append(
            "Equal risk: each run's returns over their deviation. The test against the first is "
            "Hansen's of superior predictive ability, studentised. The set of the best is the "
            "model confidence set of Hansen, Lunde and Nason; a run is left out where its p is at "
            "most 10 %. Runs that were tried and are not here are not counted."
        )
    if luck.idle:
        notes.append(f"Held nothing, and is in no test: {some(luck.idle)}.")
    return tuple(notes)


def _main(lead: Lead) -> Tested:
    """Test whose interval is shown: the bootstrap's, or Ledoit-Wolf's where none was drawn."""
    return lead.bootstrap if lead.bootstrap is not None else lead.ledoit_wolf


def _is_clear(test: Tested) -> bool:
    return math.isfinite(test.low) and not test.low <= 0.0 <= test.high


def _interval(test: Tested) -> str:
    if not math.isfinite(test.low):
        return formats.UNKNOWN
    low, high = (formats.number(bound, signed=True) for bound in (test.low, test.high))
    return f"{low} to {high}"


def _odds(p_value: float) -> str:
    """P-value with three digits; what is smaller is said to be so."""
    if math.isfinite(p_value) and p_value < 0.001:
        return "< 0.001"
    return formats.number(p_value, 3)


def _may(best: Best, run: int) -> str:
    included = best.included[run]
    if included is None:
        return formats.UNKNOWN
    return f"{'yes' if included else 'no'}, p {_odds(best.p_values[run])}"


def _scale(tests: Sequence[Tested]) -> tuple[float, float]:
    """Lowest and highest bound of all intervals, zero among them."""
    known = [test for test in tests if math.isfinite(test.low)]
    low = min((test.low for test in known), default=-1.0)
    high = max((test.high for test in known), default=1.0)
    return min(low, 0.0), max(high, 0.0)


def _whisker(test: Tested, scale: tuple[float, float]) -> Whisker | None:
    if not math.isfinite(test.low):
        return None
    low, high = scale
    span = (high - low) or 1.0

    def at(value: float) -> float:
        return round(_EDGE + (_WIDTH - 2.0 * _EDGE) * (value - low) / span, 2)

    return Whisker(at(test.low), at(test.high), at(test.value), at(0.0))

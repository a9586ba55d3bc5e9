"""What makes the difference of two runs, as tables ready to be shown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from backtest.report import formats
from backtest.report.page import Table
from backtest.report.why import Contribution, Why


class Bar(NamedTuple):
    """A contribution as a drawing, in percent of a common scale: from zero by ``width``."""

    start: float
    width: float
    sign: str


class WhyRow(NamedTuple):
    """One change of the config: its key, its values, its contributions as text and as bars."""

    key: str
    before: str
    after: str
    total_return: str
    return_bar: Bar | None
    sharpe: str
    sharpe_bar: Bar | None


class WhyTable(NamedTuple):
    """Contributions in rows of text, for the terminal, with what is to be said below."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]


def why_table(why: Why) -> WhyTable:
    """Contributions of the changes, and their sum."""
    rows = [
        (one.key, one.before, one.after, _return(one, why), _sharpe(one, why))
        for one in why.contributions
    ]
    total = ("Together", "", "", _points(why.total_return), _signed(why.sharpe))
    columns = ("Change", "From", "To", "Total return", "Sharpe")
    return WhyTable(columns, (*rows, total), method_notes(why))


def why_rows(why: Why) -> list[WhyRow]:
    """Contributions with bars on one scale for each measure."""
    returns = _scale([one.total_return for one in why.contributions])
    sharpes = _scale([one.sharpe for one in why.contributions])
    return [
        WhyRow(
            one.key,
            one.before,
            one.after,
            _return(one, why),
            _bar(one.total_return, returns),
            _sharpe(one, why),
            _bar(one.sharpe, sharpes),
        )
        for one in why.contributions
    ]


def why_total(why: Why) -> tuple[str, str]:
    """The whole difference, in return and in Sharpe."""
    return _points(why.total_return), _signed(why.sharpe)


def step_table(why: Why) -> Table:
    """Every config that was run: what was changed in it, and what came out."""
    rows = []
    for step in why.steps:
        changed = " + ".join(step.changed) or f"nothing: {why.first}"
        if why.contributions and len(step.changed) == len(why.steps[1].changed):
            changed = f"everything: {why.second}"
        rows.append(
            (
                changed,
                step.failed.replace("\n", " ") or "ran",
                formats.percent(step.total_return),
                formats.number(step.sharpe),
            )
        )
    return Table(("Changed", "Outcome", "Total return", "Sharpe"), rows, text=2)


def method_notes(why: Why) -> tuple[str, ...]:
    """How the contributions were found, in a sentence; none where there is nothing to split."""
    if not why.contributions:
        return ("The configs do not differ in anything that moves a number.",)
    if why.orders == 0:
        return (f"No order of the changes runs from {why.first} to {why.second}.",)
    if len(why.contributions) == 1:
        return ("One change alone: it is the whole difference.",)
    return (
        f"Contributions are Shapley values, {_how(why)}; "
        f"{formats.counted(len(why.steps), 'config')} were run for them. They add up to the "
        f"difference, {why.second} less {why.first}, exactly.",
    )


def _how(why: Why) -> str:
    if why.is_sampled:
        return (
            f"averages over {why.orders:,} orders of the changes drawn from seed {why.seed}, ± "
            "their standard errors"
        )
    every = math.factorial(len(why.contributions))
    which = f"all {every}" if why.orders == every else f"those {why.orders} of {every}"
    runs = "" if why.orders == every else " that run"
    return f"averages over {which} orders of the changes{runs}"


def _return(one: Contribution, why: Why) -> str:
    text = _points(one.total_return)
    if why.is_sampled and math.isfinite(one.total_return_error):
        text += f" ± {formats.number(100.0 * one.total_return_error)}"
    return text


def _sharpe(one: Contribution, why: Why) -> str:
    text = _signed(one.sharpe)
    if why.is_sampled and math.isfinite(one.sharpe_error):
        text += f" ± {formats.number(one.sharpe_error, 3)}"
    return text


def _points(value: float) -> str:
    text = formats.number(100.0 * value, signed=True)
    return text if text == formats.UNKNOWN else f"{text} pp"


def _signed(value: float) -> str:
    return formats.number(value, 3, signed=True)


def _scale(values: Sequence[float]) -> tuple[float, float]:
    known = [value for value in values if math.isfinite(value)]
    return min([0.0, *known]), max([0.0, *known])


def _bar(value: float, scale: tuple[float, float]) -> Bar | None:
    low, high = scale
    if not math.isfinite(value) or high == low:
        return None
    zero = -low / (high - low)
    width = abs(value) / (high - low)
    start = zero if value >= 0.0 else zero - width
    return Bar(round(100.0 * start, 2), round(100.0 * width, 2), "minus" if value < 0 else "plus")

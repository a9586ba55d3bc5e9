"""Scenarios by name: what moves in them, with dates and sources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from backtest.config.document import nearest
from backtest.errors import Fault, FaultyInput
from backtest.report.crisis import Crisis, crises

FloatArray = npt.NDArray[np.float64]
ALL, LIST = "all", "list"

_WEEK = 7


@dataclass(frozen=True)
class Factor:
    """What scenarios shock, with the instruments or currency pairs that may stand for it."""

    name: str
    title: str
    symbols: tuple[str, ...] = ()
    pairs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Levels:
    """Published closes of an index."""

    of: str
    source: str
    closes: tuple[tuple[date, float], ...]


@dataclass(frozen=True)
class Scenario:
    """A window of history to be replayed, published index levels, or a hypothetical shock."""

    name: str
    title: str
    kind: Literal["episode", "levels", "shock"]
    factors: tuple[str, ...]
    about: str
    episode: Crisis | None = None
    levels: Mapping[str, Levels] = field(default_factory=dict)
    shock: Mapping[str, float] = field(default_factory=dict)
    weeks: int = 0

    @property
    def sources(self) -> list[str]:
        """Who says so; a hypothetical shock has none."""
        if self.episode is not None:
            return [self.episode.source]
        return [f"{one.of}: {one.source}" for one in self.levels.values()]


@cache
def factors() -> dict[str, Factor]:
    """Every factor by name."""
    return {
        name: Factor(name, row["title"], tuple(row.get("symbols", ())), tuple(row.get("pairs", ())))
        for name, row in _read()["factors"].items()
    }


@cache
def scenarios() -> dict[str, Scenario]:
    """Every scenario by name, in reading order."""
    return {name: _scenario(name, row) for name, row in _read()["scenarios"].items()}


def chosen(name: str) -> list[Scenario]:
    """The scenario of that name, or every one.

    Raises
    ------
    FaultyInput
        When there is none of that name.
    """
    known = scenarios()
    if name == ALL:
        return list(known.values())
    if name not in known:
        names = ", ".join([*known, ALL])
        hint = nearest(name, list(known))
        message = f"no scenario is called '{name}'{hint}; known are {names}"
        raise FaultyInput("--scenario", [Fault("", message)])
    return [known[name]]


def with_stand_ins(stand_ins: Mapping[str, str]) -> dict[str, Factor]:
    """Every factor, with symbols or currency pairs of the user's for some.

    Raises
    ------
    FaultyInput
        When there is no such factor.
    """
    found = dict(factors())
    faults = []
    for name, text in stand_ins.items():
        if name not in found:
            known = ", ".join(found)
            faults.append(
                Fault(name, f"no such factor{nearest(name, list(found))}; known: {known}")
            )
            continue
        is_pair = "/" in text
        found[name] = replace(
            found[name],
            symbols=() if is_pair else (text,),
            pairs=(text,) if is_pair else (),
        )
    if faults:
        raise FaultyInput("--factor", faults)
    return found


def steps_of(scenario: Scenario) -> tuple[list[str], FloatArray]:
    """Returns of each factor by step of a scenario that is no episode: labels (S,), values (S, K).

    Of published levels a step is a week that ends on its label; of a shock the label counts weeks.

    Examples
    --------
    >>> labels, steps = steps_of(scenarios()["beijing"])
    >>> labels[0], len(labels), (np.prod(1 + steps, axis=0) - 1).round(12).tolist()[:2]
    ('week 1', 26, [-0.05, -0.5])
    """
    if scenario.kind == "shock":
        sizes = np.array([scenario.shock[name] for name in scenario.factors])
        each = (1.0 + sizes) ** (1.0 / scenario.weeks) - 1.0
        labels = [f"week {week + 1}" for week in range(scenario.weeks)]
        return labels, np.tile(each, (scenario.weeks, 1))
    paths = [scenario.levels[name].closes for name in scenario.factors]
    first = min(path[0][0] for path in paths)
    last = max(path[-1][0] for path in paths)
    days = [first + timedelta(days=n) for n in range(0, (last - first).days, _WEEK)] + [last]
    logs = np.column_stack([_between(path, days) for path in paths])
    return [str(day) for day in days[1:]], np.expm1(np.diff(logs, axis=0))


def _between(closes: tuple[tuple[date, float], ...], days: list[date]) -> FloatArray:
    """Logarithm of the level on each day: steady growth between closes, none outside."""
    at = [day.toordinal() for day, _ in closes]
    logs = np.log([level for _, level in closes])
    return np.asarray(np.interp([day.toordinal() for day in days], at, logs))


def _scenario(name: str, row: Mapping[str, Any]) -> Scenario:  # Any: as read from YAML
    if "episode" in row:
        episode = next(one for one in crises() if one.name == row["episode"])
        return Scenario(
            name, row["title"], "episode", tuple(row["factors"]), episode.about, episode=episode
        )
    if "levels" in row:
        levels = {
            factor: Levels(
                part["of"],
                part["source"],
                tuple((_day(day), float(level)) for day, level in part["closes"].items()),
            )
            for factor, part in row["levels"].items()
        }
        return Scenario(name, row["title"], "levels", tuple(levels), row["about"], levels=levels)
    shock = {factor: float(size) for factor, size in row["shock"].items()}
    return Scenario(
        name,
        row["title"],
        "shock",
        tuple(shock),
        row["about"],
        shock=shock,
        weeks=int(row["weeks"]),
    )


def _day(value: object) -> date:
    return value if isinstance(value, date) else date.fromisoformat(str(value))


@cache
def _read() -> dict[str, Any]:  # Any: as read from YAML
    from ruamel.yaml import YAML

    text = (Path(__file__).parent / "scenarios.yaml").read_text("utf-8")
    read: dict[str, Any] = YAML(typ="safe", pure=True).load(text)
    return read

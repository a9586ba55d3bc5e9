"""Which trials a sweep makes: numbered sets of values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from backtest.research import DISTRIBUTIONS, Draw, RandomSearch, SweepSettings, Value

Values = dict[str, Value]
"""What a trial sets, by dotted key."""


NOTHING = object()
"""What stands where there is no setting."""


def setting_at(tree: object, key: str) -> object:
    """The setting at a dotted key of a resolved config."""
    for name in key.split("."):
        tree = tree.get(name, NOTHING) if isinstance(tree, dict) else NOTHING
    return tree


class Plan(Protocol):
    """Trials numbered from 0; any of them can be told from its number alone."""

    @property
    def keys(self) -> tuple[str, ...]:
        """Dotted keys that vary, in the order of the YAML."""

    @property
    def count(self) -> int:
        """Number of trials, those that break a constraint included."""

    def values(self, number: int) -> Values:
        """What trial ``number`` sets."""


@dataclass(frozen=True)
class Grid:
    """Every combination of the values; the last key varies fastest."""

    choices: dict[str, list[Value]]

    @property
    def keys(self) -> tuple[str, ...]:
        """Dotted keys that vary."""
        return tuple(self.choices)

    @cached_property
    def count(self) -> int:
        """Product of the numbers of values."""
        return math.prod(len(values) for values in self.choices.values())

    def values(self, number: int) -> Values:
        """What trial ``number`` sets.

        Examples
        --------
        >>> Grid({"a": [1, 2], "b": [5, 6, 7]}).values(4)
        {'a': 2, 'b': 6}
        """
        chosen: Values = {}
        for key, values in reversed(self.choices.items()):
            number, place = divmod(number, len(values))
            chosen[key] = values[place]
        return {key: chosen[key] for key in self.choices}


@dataclass(frozen=True)
class Draws:
    """Independent draws; trial k has its own stream, so that it is the same whatever ``n`` is."""

    search: RandomSearch

    @property
    def keys(self) -> tuple[str, ...]:
        """Dotted keys that vary."""
        return tuple(self.search.space)

    @property
    def count(self) -> int:
        """Number of draws."""
        return self.search.n

    def values(self, number: int) -> Values:
        """What trial ``number`` sets."""
        rng = np.random.default_rng([self.search.seed, number])
        # Drawn by name: the order of the keys in the YAML moves no number.
        drawn = {key: draw(self.search.space[key], rng) for key in sorted(self.search.space)}
        return {key: drawn[key] for key in self.search.space}


def plan_of(sweep: SweepSettings) -> Plan:
    """The plan of a grid or of random draws; a study of Optuna has none."""
    if sweep.grid is not None:
        return Grid(sweep.grid)
    if sweep.random is not None:
        return Draws(sweep.random)
    raise ValueError("an Optuna study chooses its trials as it goes")


def draw(space: Draw, rng: np.random.Generator) -> Value:
    """One value of ``space``."""
    kind = next(name for name in DISTRIBUTIONS if getattr(space, name) is not None)
    if kind == "choice" and space.choice is not None:
        return space.choice[int(rng.integers(len(space.choice)))]
    if kind == "integers" and space.integers is not None:
        low, high = space.integers
        step = max(1, round(space.step or 1))
        return low + step * int(rng.integers((high - low) // step + 1))
    if kind == "normal" and space.normal is not None:
        return float(rng.normal(*space.normal))
    if kind == "uniform" and space.uniform is not None:
        low_, high_ = space.uniform
        return _stepped(float(rng.uniform(low_, high_)), low_, high_, space.step)
    if space.log_uniform is not None:
        low_, high_ = space.log_uniform
        value = math.exp(float(rng.uniform(math.log(low_), math.log(high_))))
        return _stepped(min(max(value, low_), high_), low_, high_, space.step)
    raise AssertionError(kind)  # the model lets nothing else pass


def _stepped(value: float, low: float, high: float, step: float | None) -> float:
    """``value`` on the grid of ``step`` that begins at ``low`` and ends at ``high`` or before."""
    if step is None:
        return value
    # Rounded to 12 digits: 0.02 + 3 x 0.01 reads 0.05, not 0.049999...
    last = math.floor((high - low) / step + 1e-9)
    return float(f"{low + min(round((value - low) / step), last) * step:.12g}")

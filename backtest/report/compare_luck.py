"""Whether runs differ by more than luck, on the sessions that all of them have."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from backtest import inference
from backtest.measures.performance import NOISE, FloatArray
from backtest.report import formats
from backtest.report.compare_common import Common
from backtest.report.compare_inputs import short, some

LEVEL = 0.90
SIZE = 0.10
"""Of the model confidence set: it holds the best with probability 1 - SIZE."""
DRAWS = 1000
SEED = 0

_SAME = 1e-9  # columns have deviation 1: what differs by less is one run twice
_MOST_DRAWN = 12  # runs up to which each is drawn again against the first


class Tested(NamedTuple):
    """One test of a difference: its value, its interval, and the p-value of no difference."""

    value: float
    low: float
    high: float
    p_value: float


class Lead(NamedTuple):
    """What a run's Sharpe, and its return, have more than the first's; a year, NaN if unknown.

    ``bootstrap`` and ``studentised`` are None where there are too many runs to draw each again.
    """

    name: str
    ledoit_wolf: Tested
    memmel: Tested
    bootstrap: Tested | None
    studentised: Tested | None
    mean: Tested | None


class Best(NamedTuple):
    """Tests of three or more runs at equal risk; NaN and None where not known.

    Attributes
    ----------
    p_value, lower, upper
        Of the hypothesis that none is better than the first (Hansen's test): the consistent one,
        and its bounds.
    included
        For each run, whether it may be the best; None where it cannot be said.
    p_values
        For each run, of its being so.
    """

    p_value: float
    lower: float
    upper: float
    included: tuple[bool | None, ...]
    p_values: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Luck:
    """Tests of runs against the first and among one another.

    ``reason`` says why there are none; empty where there are. ``idle`` are the runs that held
    nothing in the common time: they are in no test.
    """

    sessions: int
    first: str
    leads: tuple[Lead, ...]
    best: Best | None
    reason: str
    idle: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, object]:
        """Give the tests for JSON; what is not known is None."""
        found: dict[str, object] = {
            "sessions": self.sessions,
            "level": LEVEL,
            "draws": DRAWS,
            "seed": SEED,
            "reason": self.reason or None,
            "against": self.first,
            "idle": list(self.idle),
            "sharpe_differences": [
                {
                    "run": lead.name,
                    **{
                        name: None if test is None else _known(test._asdict())
                        for name, test in zip(lead._fields[1:], lead[1:], strict=True)
                    },
                }
                for lead in self.leads
            ],
        }
        if self.best is not None:
            found["superior_ability"] = _known(
                {
                    "p_value": self.best.p_value,
                    "lower": self.best.lower,
                    "upper": self.best.upper,
                }
            )
            found["confidence_set"] = {
                "size": SIZE,
                "included": list(self.best.included),
                "p_values": [x if math.isfinite(x) else None for x in self.best.p_values],
            }
        return found


def verdict(luck: Luck) -> str:
    """In a sentence: whether the two runs of a pair differ by more than luck."""
    lead = luck.leads[0]
    tests = [lead.ledoit_wolf, lead.memmel, lead.bootstrap, lead.studentised]
    clear = [not test.low <= 0.0 <= test.high for test in tests if test is not None]
    value = lead.ledoit_wolf.value
    if not math.isfinite(value):
        return "The two Sharpe ratios cannot be told apart: one run repeats the other, or is still."
    which = "higher" if value > 0 else "lower"
    told = f"The Sharpe of {short(lead.name)} is {which} by {formats.number(abs(value))} a year"
    if all(clear):
        return f"{told}: more than luck, by every test at 90 %."
    if any(clear):
        return f"{told}; at 90 % the tests disagree: take it for luck until there is more data."
    return f"{told}: it may be luck; by no test at 90 % is it more."


def luck_of(common: Common, names: Sequence[str]) -> Luck | None:
    """Tests of the runs on their common sessions; None for one run alone."""
    count, sessions = common.excess.shape
    if count == 1:
        return None
    idle = tuple(name for name, is_in in zip(names, common.invested, strict=True) if not is_in)
    reason = _no_test(common) or _no_risk(names, idle)
    if reason:
        return Luck(sessions, names[0], (), None, reason, idle)
    excess = np.where(common.invested[:, np.newaxis], common.excess, math.nan)
    leads = tuple(
        _lead(name, own, excess[0], common.sessions_per_year, is_drawn=count <= _MOST_DRAWN)
        for name, own in zip(names[1:], excess[1:], strict=True)
    )
    return Luck(sessions, names[0], leads, _best(excess) if count > 2 else None, "", idle)


def _no_risk(names: Sequence[str], idle: Sequence[str]) -> str:
    """Why runs that held nothing leave no test; empty where one is left."""
    if not idle or (len(names) > 2 and names[0] not in idle):
        return ""
    return (
        f"{some(idle)} held nothing in the sessions in common: there is no risk to set a return "
        "against, and nothing to test."
    )


def _no_test(common: Common) -> str:
    fewest = inference.FEWEST_SESSIONS
    if common.sessions.size < fewest:
        return (
            f"{formats.counted(common.sessions.size, 'session')} in common; below {fewest} no test "
            "says anything."
        )
    if not np.isfinite(common.excess).all():
        return "A run's NAV is not known in every common session."
    return ""


def _lead(
    name: str, own: FloatArray, first: FloatArray, per_year: float, *, is_drawn: bool
) -> Lead:
    annual = math.sqrt(per_year)
    robust, plain = (
        _test(test(own, first, level=LEVEL), annual)
        for test in (
            inference.sharpe_difference_ledoit_wolf,
            inference.sharpe_difference_memmel,
        )
    )
    if not is_drawn:
        return Lead(name, robust, plain, bootstrap=None, studentised=None, mean=None)
    drawn = inference.paired_bootstrap_difference(own, first, seed=SEED, draws=DRAWS, level=LEVEL)
    studentised = inference.sharpe_difference_bootstrap(
        own, first, seed=SEED, draws=DRAWS, level=LEVEL
    )
    return Lead(
        name,
        robust,
        plain,
        bootstrap=_test(drawn.sharpe, annual),
        studentised=_test(studentised, annual),
        mean=_test(drawn.mean, per_year),
    )


def _test(found: inference.Difference, scale: float) -> Tested:
    return Tested(found.value * scale, found.low * scale, found.high * scale, found.p_value)


def _best(excess: FloatArray) -> Best:
    """Which runs may be the best, each brought to the same risk: as by Sharpe, roughly."""
    spread = excess.std(axis=1, ddof=1)
    moving = np.flatnonzero(spread > NOISE)
    scaled = excess[moving].T / spread[moving]
    p_value = lower = upper = math.nan
    if moving.size > 1 and moving[0] == 0:
        ability = inference.spa(
            scaled[:, 1:] - scaled[:, :1], seed=SEED, draws=DRAWS, trials=moving.size - 1
        )
        p_value, lower, upper = ability.consistent, ability.lower, ability.upper
    included: list[bool | None] = [None] * len(excess)
    odds = [math.nan] * len(excess)
    if moving.size:
        kept, stands_for = _distinct(scaled)
        found = inference.model_confidence_set(
            scaled[:, kept], seed=SEED, size=SIZE, draws=DRAWS, trials=len(kept)
        )
        for run, column in zip(moving.tolist(), stands_for, strict=True):
            included[run] = column in found.included
            odds[run] = float(found.p_values[column])
    return Best(p_value, lower, upper, tuple(included), tuple(odds))


def _distinct(columns: FloatArray) -> tuple[list[int], list[int]]:
    """Columns without copies, and for each column the place of the kept one that it equals."""
    kept: list[int] = []
    stands_for = []
    for at in range(columns.shape[1]):
        apart = (columns[:, kept] - columns[:, at : at + 1]).std(axis=0)
        same = np.flatnonzero(apart <= _SAME)
        stands_for.append(int(same[0]) if same.size else len(kept))
        if not same.size:
            kept.append(at)
    return kept, stands_for


def _known(values: Mapping[str, float]) -> dict[str, float | None]:
    return {key: value if math.isfinite(value) else None for key, value in values.items()}

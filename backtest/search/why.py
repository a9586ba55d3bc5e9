"""Why two runs differ: the difference split among the changes of their config, by running them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from backtest.config.load import config_of
from backtest.errors import BacktestError
from backtest.report import formats
from backtest.report.catalogue import look_up
from backtest.report.why import Contribution, Step, Why
from backtest.runner import run
from backtest.search.changes import Change, applied, changes_between
from backtest.search.rebuild import changed_parts, rebuilt
from backtest.search.shapley import Coalition, Split, all_orders, drawn_orders, split

if TYPE_CHECKING:
    from backtest.config import RunConfig
    from backtest.result import Result
    from backtest.search.shapley import FloatArray

EXACT = 4
"""Up to so many changes all orders are taken; of more, a sample of orders."""
ORDERS = 16
"""Orders that are drawn unless told otherwise."""
SEED = 0

_MEASURES = ("total_return", "sharpe")
_SAME = 1e-12  # of a saved number: what comes out again nearer than this is the same

Progress = Callable[[str], None]


def why(
    first: Result,
    second: Result,
    *,
    names: tuple[str, str] = ("", ""),
    folders: Sequence[Path] = (),
    orders: int = ORDERS,
    seed: int = SEED,
    progress: Progress | None = None,
) -> Why:
    """What each change of the config adds to the difference in total return and in Sharpe.

    Parameters
    ----------
    first, second
        Two finished runs, saved or not. Both are run again, in memory, and so is every config on
        the way from one to the other: nothing is written.
    names
        What the runs are called; their own names unless given.
    folders
        Where the files that the configs name are looked for, as for
        :func:`backtest.search.rebuild.rebuilt`.
    orders, seed
        With more than four changes, how many orders are drawn and from which seed; with up to four
        all orders are taken.

    Raises
    ------
    BacktestError
        When one of the two cannot be run again.
    """
    say = progress or _silent
    ends = [rebuilt(result, folders=folders) for result in (first, second)]
    changes = changes_between(ends[0].located(), ends[1].located())
    is_sampled = len(changes) > EXACT
    drawn = (
        drawn_orders(len(changes), count=orders, seed=seed)
        if is_sampled
        else all_orders(len(changes))
    )
    named = (names[0] or first.name, names[1] or second.name)
    lab = _Lab(ends[0], ends[1], changes, say)
    outcomes = [lab.outcome_of_end(end) for end in (0, 1)]
    notes = [
        note
        for saved, again, name in zip((first, second), lab.ends, named, strict=True)
        if (note := _changed_note(saved, again, name))
    ]
    shares = split(lab.outcome, drawn) if changes else None
    difference = outcomes[1] - outcomes[0]
    failed = sum(1 for step in lab.steps if step.failed)
    if failed:
        notes.append(_failed_note(failed, shares, len(drawn)))
    return Why(
        first=named[0],
        second=named[1],
        total_return=float(difference[0]),
        sharpe=float(difference[1]),
        contributions=tuple(_contributions(changes, shares, difference, is_sampled=is_sampled)),
        steps=tuple(lab.steps),
        orders=shares.orders if shares is not None else 0,
        seed=seed if is_sampled else None,
        notes=tuple(notes),
    )


@dataclass
class _Lab:
    """Runs the configs between two; a bundle is read from the store that loading it once leaves."""

    first: RunConfig
    second: RunConfig
    changes: Sequence[Change]
    say: Progress
    steps: list[Step] = field(default_factory=list)
    ends: list[Result] = field(default_factory=list)
    _ends: list[FloatArray] = field(default_factory=list)

    def outcome_of_end(self, end: int) -> FloatArray:
        """Outcome of the first (0) or second (1) run as it was configured."""
        config = (self.first, self.second)[end]
        self.say(f"running {('the first', 'the second')[end]} again")
        result = run(config)
        self.ends.append(result)
        self._ends.append(_measured(result))
        keys = tuple(change.key for change in self.changes) if end else ()
        self.steps.append(Step(keys, *self._ends[-1].tolist()))
        return self._ends[-1]

    def outcome(self, changed: Coalition) -> FloatArray | None:
        """Outcome with some of the changes made; None where that config cannot be run."""
        if not changed:
            return self._ends[0]
        if len(changed) == len(self.changes):
            return self._ends[1]
        made = [change for at, change in enumerate(self.changes) if at in changed]
        keys = tuple(change.key for change in made)
        title = f"{self.first.name} with {', '.join(keys)} of {self.second.name}"
        self.say(f"running with {', '.join(keys)} changed")
        values = applied(self.first.located(), self.second.located(), made)
        values["benchmark"] = None  # of one of the bundles, and it moves nothing here
        try:
            found = _measured(run(config_of(values, folder=Path.cwd(), title=title)))
        except BacktestError as error:
            self.steps.append(Step(keys, math.nan, math.nan, failed=str(error)))
            return None
        self.steps.append(Step(keys, *found.tolist()))
        return found


def _contributions(
    changes: Sequence[Change], shares: Split | None, difference: FloatArray, *, is_sampled: bool
) -> list[Contribution]:
    """Each change's share; where no order runs through, all changes together as one."""
    if not changes:
        return []
    if shares is None:
        key, before, after = (
            " + ".join(getattr(change, name) for change in changes)
            for name in ("key", "before", "after")
        )
        return [Contribution(key, before, after, *difference.tolist())]
    return [
        Contribution(
            change.key,
            change.before,
            change.after,
            *shares.shares[at].tolist(),
            *(shares.errors[at].tolist() if is_sampled else ()),
        )
        for at, change in enumerate(changes)
    ]


def _measured(result: Result) -> FloatArray:
    """Total return and Sharpe of a run, NaN where not defined."""
    found = [look_up(result.metrics, ("headline", name)) for name in _MEASURES]
    return np.array([formats.as_float(value) for value in found])


def _changed_note(saved: Result, again: Result, name: str) -> str:
    """What to know of a run whose saved numbers come from other code or data; empty if none."""
    before, after = _measured(saved), _measured(again)
    parts = changed_parts(saved.manifest, again.manifest)
    if np.allclose(before, after, rtol=_SAME, atol=_SAME, equal_nan=True):
        return ""
    return (
        f"{name} does not come out as it was saved: total return "
        f"{formats.percent(before[0])} then, {formats.percent(after[0])} now; Sharpe "
        f"{formats.number(before[1])} then, {formats.number(after[1])} now. "
        f"Changed since: {', '.join(parts) or 'nothing that a run keeps'}. "
        "The difference explained here is that of now."
    )


def _failed_note(failed: int, shares: Split | None, orders: int) -> str:
    between = f"{formats.counted(failed, 'config')} between the two cannot be run"
    if shares is None:
        return f"{between}, and every order passes through one: the changes count as one."
    return f"{between}: {shares.orders:,} of {orders:,} orders count, those that avoid them."


def _silent(_: str) -> None:
    """Progress that nobody asked for."""

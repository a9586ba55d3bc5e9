"""Whether any weight moves when all that was known later is cut off, or is another.

Equality is exact and NaN equals NaN, with one exception. Where the cut takes columns away, a sum
over columns may round to another last digit, in a strategy that is honest: there, and only there, a
weight may differ by `ROUNDING` of itself, and the report says so. With the future changed instead
of cut, rows and columns stay as they are and no bit may move.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from backtest.data.future import cut, perturb
from backtest.errors import BacktestError
from backtest.testing.asking import BrokeDown, NotThere, Subject, ask
from backtest.testing.panels import Scene, scene_of, span_until
from backtest.testing.report import Claim

FloatArray = npt.NDArray[np.float64]
How = Literal["cut", "changed"]
Say = Callable[[str], None]

ROUNDING = 1e-12
"""Of a weight: more than the rounding of a sum over thousands of columns, less than any signal."""

_MEANS: Mapping[How, str] = {
    "cut": "no earlier weight moves when all that became known later is removed",
    "changed": "no earlier weight moves when every number that became known later is another",
}
_WITH: Mapping[How, str] = {"cut": "cut off", "changed": "changed"}


@dataclass
class _Findings:
    """What the probes of one kind found; ``outside`` is about the universe."""

    how: How
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    answered: int = 0
    rounded: float = 0.0


def look_ahead(subject: Subject, decisions: Mapping[int, str], say: Say) -> list[Claim]:
    """Claims about the weights with the future cut off and changed, and about the universe.

    Parameters
    ----------
    decisions
        Rows of the panel to begin the future at, with why each was chosen.
    """
    both = [_Findings("cut"), _Findings("changed")]
    for findings in both:
        say(f"future {_WITH[findings.how]} at {len(decisions)} decisions")
        for row, why in decisions.items():
            _probe(subject, row, why, findings)
    outside = [fault for findings in both for fault in findings.outside]
    means = "what may be held at a decision does not move either"
    claim = Claim("look-ahead, universe", means, tuple(outside))
    return [*(_claim(findings) for findings in both), claim]


def _claim(findings: _Findings) -> Claim:
    faults, notes = list(findings.faults), list(findings.notes)
    if not findings.answered and not faults:
        faults.append("the strategy could be asked at no decision; the notes say why")
    if findings.rounded:
        notes.append(
            f"weights move by rounding alone, {findings.rounded:.1e} of themselves at most: "
            "sums run over fewer columns where later listings are gone"
        )
    name = f"look-ahead, {findings.how}"
    return Claim(name, _MEANS[findings.how], tuple(faults), tuple(notes))


def _probe(subject: Subject, row: int, why: str, found: _Findings) -> None:
    """Ask again with another future from ``row`` on, and compare."""
    how = found.how
    label = subject.scene.panel.sessions[row]
    at = subject.scene.panel.decisions[row]
    when = f"the future {_WITH[how]} after {at:%Y-%m-%d %H:%M} UTC ({why})"
    try:
        scene = _other(subject, row, at, how)
        found.outside += _moved_mask(subject.scene, scene, label, when)
        weights = ask(subject.strategy, scene.panel)
    except (BacktestError, NotThere) as reason:
        found.notes.append(f"not asked with {when}: {' '.join(str(reason).split())}")
        return
    except BrokeDown as reason:
        found.faults.append(f"it breaks down with {when}: {reason}")
        return
    found.answered += 1
    fault, rounded = _moved(subject.weights, weights, label, when, exact=how == "changed")
    found.rounded = max(found.rounded, rounded)
    found.faults += fault


def _other(subject: Subject, row: int, at: pd.Timestamp, how: How) -> Scene:
    """The scene with the future of ``row`` removed, or with other numbers in it."""
    scene = subject.scene
    if how == "cut":
        _, offered = np.nonzero(scene.panel.applications.to_numpy()[: row + 1])
        past = cut(scene.bundle, at, keep=subject.named | set(scene.panel.symbols[offered]))
        return scene_of(subject.recipe, past, span=span_until(scene, row))
    return scene_of(subject.recipe, perturb(scene.bundle, at, seed=row))


def _moved(
    before: pd.DataFrame, after: pd.DataFrame, until: pd.Timestamp, when: str, *, exact: bool
) -> tuple[list[str], float]:
    """The first weight that moved, told with how many did; and the largest mere rounding.

    A column that the cut took away must have asked for nothing: NaN or 0.
    """
    old = before.loc[:until]
    rows = old.index
    new = after.reindex(index=rows, columns=old.columns)
    one, two = (frame.to_numpy(dtype=np.float64) for frame in (old, new))
    gone = ~old.columns.isin(after.columns)
    one = np.where(gone & (one == 0.0), np.nan, one)
    same = (one == two) | (np.isnan(one) & np.isnan(two))
    rounded = 0.0
    if not exact:
        with np.errstate(invalid="ignore"):
            apart = np.abs(one - two) / np.maximum(np.abs(one), np.abs(two))
            close = ~same & (apart <= ROUNDING)
        rounded = float(apart[close].max(initial=0.0))
        same |= close
    if same.all():
        return [], rounded
    row, column = (int(place[0]) for place in np.nonzero(~same))
    largest = np.abs(np.nan_to_num(one) - np.nan_to_num(two))[~same].max()
    count = int(np.count_nonzero(~same))
    others = f"; {count} weights moved, by {largest:.3g} at most" if count > 1 else ""
    text = (
        f"{rows[row]:%Y-%m-%d} {old.columns[column]}: weight {one[row, column]:.6g}, but "
        f"{two[row, column]:.6g} with {when}{others}"
    )
    return [text], rounded


def _moved_mask(before: Scene, after: Scene, until: pd.Timestamp, when: str) -> list[str]:
    """The first place where the universe moved, told with how many did."""
    old = before.panel.universe.loc[:until]
    new = after.panel.universe.reindex(
        index=old.index, columns=old.columns, fill_value=False
    ).to_numpy(dtype=np.bool_)
    moved = old.to_numpy() != new
    if not moved.any():
        return []
    row, column = (int(place[0]) for place in np.nonzero(moved))
    was, then = ("out of", "in") if new[row, column] else ("in", "out of")
    return [
        f"{old.index[row]:%Y-%m-%d} {old.columns[column]}: {was} the universe, but {then} it with "
        f"{when}; {int(moved.sum())} places moved"
    ]

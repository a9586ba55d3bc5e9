"""What a check claims of a strategy, with what speaks against it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import RenderableType

_SHOWN = 5  # faults told one by one
_STYLES = {"FAILED": "bold red", "note": "dim"}


@dataclass(frozen=True, slots=True)
class Claim:
    """One thing a strategy must do; it holds when nothing speaks against it.

    ``notes`` qualify a claim that holds: what could not be asked, what moved by rounding alone.
    """

    name: str
    means: str
    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether no fault was found."""
        return not self.faults

    def as_dict(self) -> dict[str, object]:
        """The claim as JSON values."""
        return {
            "name": self.name,
            "means": self.means,
            "passed": self.holds,
            "faults": list(self.faults),
            "notes": list(self.notes),
        }

    def rows(self) -> list[tuple[str, str]]:
        """The claim, its first faults and its notes: a word, and what it is about."""
        told = [("passed" if self.holds else "FAILED", f"{self.name}: {self.means}")]
        told += [("", f"- {fault}") for fault in self.faults[:_SHOWN]]
        if len(self.faults) > _SHOWN:
            told.append(("", f"... and {len(self.faults) - _SHOWN} more"))
        return told + [("note", note) for note in self.notes]


@dataclass(frozen=True, slots=True)
class CheckReport:
    """Every claim about a strategy with the decisions it was asked at.

    ``key`` names the inputs that were checked (see `backtest.report.checked`); it is empty for a
    strategy that was checked outside of a config, as is ``strategy``, name and sha256 of its
    source. ``opinion`` is another engine's, with its ``numbers``: about this engine, not about the
    strategy.
    """

    name: str
    claims: tuple[Claim, ...]
    decisions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    key: str = ""
    strategy: dict[str, object] = field(default_factory=dict)
    opinion: Claim | None = None
    numbers: dict[str, object] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether every claim holds, the other engine's included."""
        return all(claim.holds for claim in self._all)

    @property
    def lines(self) -> list[RenderableType]:
        """The report for a terminal; what failed is red."""
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 2, 0, 0))
        for word, text in self.rows():
            style = _STYLES.get(word, "")
            table.add_row(Text("  " + word, style=style, no_wrap=True), Text(text, style=style))
        return [Text(self.headline, style="" if self.passed else _STYLES["FAILED"]), table]

    @property
    def headline(self) -> str:
        """The outcome in a line."""
        failed = sum(not claim.holds for claim in self._all)
        outcome = "passed" if self.passed else f"FAILED, {failed} of {len(self._all)} claims"
        return f"{self.name}: {outcome}; {_period(self.decisions)}"

    def rows(self) -> list[tuple[str, str]]:
        """Every claim with its faults and notes: a word, and what it is about."""
        told = [row for claim in self._all for row in claim.rows()]
        return told + [("note", note) for note in self.notes]

    def record(self) -> dict[str, object]:
        """What is proved of the strategy, as JSON values; the same inputs give the same."""
        return {
            "name": self.name,
            "passed": all(claim.holds for claim in self.claims),
            "key": self.key,
            "strategy": self.strategy,
            "decisions": list(self.decisions),
            "claims": [claim.as_dict() for claim in self.claims],
            "notes": list(self.notes),
        }

    def as_dict(self) -> dict[str, object]:
        """The record, with the other engine's opinion where there is one."""
        claims = [claim.as_dict() for claim in self._all]
        return {**self.record(), "passed": self.passed, "claims": claims, **self.numbers}

    @property
    def _all(self) -> tuple[Claim, ...]:
        return self.claims if self.opinion is None else (*self.claims, self.opinion)

    def __str__(self) -> str:
        """The report as text."""
        return "\n".join([self.headline, *(f"  {word:<6}  {text}" for word, text in self.rows())])


def _period(decisions: Sequence[str]) -> str:
    if not decisions:
        return "asked at no decision"
    return f"asked at {len(decisions)} decisions, {min(decisions)} to {max(decisions)}"

"""What a comparison of runs is made of, as values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from backtest.report.formats import as_float
from backtest.report.series import section

if TYPE_CHECKING:
    from backtest.report.compare_common import Common
    from backtest.report.compare_inputs import Difference
    from backtest.report.compare_luck import Luck
    from backtest.report.compare_overlap import Fall, Overlap
    from backtest.report.compare_trades import TradeDifferences
    from backtest.report.compare_window import Values
    from backtest.report.series import Series
    from backtest.report.why import Why
    from backtest.result import Result


class MeasureRow(NamedTuple):
    """One measure of every run, as text and as numbers; an en dash and NaN where a run has none.

    ``best`` is the run whose value is better than every other's by more than noise; None where no
    run's is, or where better has no meaning.
    """

    label: str
    texts: tuple[str, ...]
    numbers: tuple[float, ...]
    best: int | None = None


class PairRow(NamedTuple):
    """One measure of two runs: the second less the first, and that difference's range under noise.

    ``low`` and ``high`` are empty where there is no range; ``is_clear`` where it does not hold 0.
    """

    label: str
    first: str
    second: str
    difference: str
    low: str
    high: str
    is_clear: bool


@dataclass(frozen=True, eq=False)
class Comparison:
    """Results side by side.

    Attributes
    ----------
    results
        The runs, in the order given; the first is what the others are related to.
    names
        Their names, made distinct by their fingerprints where they are the same.
    differences
        Inputs that differ: config keys first, then data, code, rules and versions.
    unlike
        Sentences that say why the runs cannot be compared plainly; empty where they can.
    same
        Sentences about runs that are one, or whose accounts are the same; empty where none are.
    notes
        Sentences on what the numbers stand on: other sessions than the runs' own, few, none held.
    values
        Of each run the eight numbers of a tearsheet's first screen, over the common time.
    headlines
        The same in rows of text.
    pairs
        The same of exactly two runs with their differences; empty for any other number.
    measures
        All measures of each run's whole period in groups: a title and its rows.
    years
        Return of each calendar year.
    dailies
        The runs' daily series.
    common
        The runs on the sessions that all of them have.
    overlap
        How much each pair of runs is one bet.
    falls
        Each run's deepest drawdown, and what the others returned in it; None where NAV never fell.
    luck
        Whether the runs differ by more than luck; None for one run alone.
    trades
        Trades that differ, of exactly two runs.
    why
        What makes the difference, where it was asked for.
    """

    results: tuple[Result, ...]
    names: tuple[str, ...]
    differences: tuple[Difference, ...]
    unlike: tuple[str, ...]
    same: tuple[str, ...]
    notes: tuple[str, ...]
    values: tuple[Values, ...]
    headlines: tuple[MeasureRow, ...]
    pairs: tuple[PairRow, ...]
    measures: tuple[tuple[str, tuple[MeasureRow, ...]], ...]
    years: tuple[MeasureRow, ...]
    dailies: tuple[Series, ...]
    common: Common
    overlap: Overlap
    falls: tuple[Fall | None, ...]
    luck: Luck | None = None
    trades: TradeDifferences | None = None
    why: Why | None = None

    def as_dict(self) -> dict[str, object]:
        """Give the comparison for JSON: names, differences, reasons, and each run's headline."""
        found: dict[str, object] = {
            "names": list(self.names),
            "differences": {
                row.key: dict(zip(self.names, row.texts, strict=True)) for row in self.differences
            },
            "unlike": list(self.unlike),
            "same": list(self.same),
            "notes": list(self.notes),
            "common_sessions": int(self.common.sessions.size),
            "in_common": {
                name: {path[-1]: _known(value) for path, value in values.items()}
                for name, values in zip(self.names, self.values, strict=True)
            }
            if self.common.sessions.size
            else {},
            "headline": {
                name: dict(section(result.metrics, "headline"))
                for name, result in zip(self.names, self.results, strict=True)
            },
        }
        if self.luck is not None:
            found["luck"] = self.luck.as_dict()
        if self.trades is not None:
            found["trades"] = self.trades.as_dict()
        if self.why is not None:
            found["why"] = self.why.as_dict()
        return found


def _known(value: object) -> float | None:
    number = as_float(value)
    return number if math.isfinite(number) else None

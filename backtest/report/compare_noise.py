"""Whether a measure of one run is better than another's by more than noise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from backtest import inference
from backtest.measures import performance
from backtest.measures.performance import FloatArray
from backtest.report.catalogue import Path
from backtest.report.compare_common import Common

LEVEL = 0.90
DRAWS = 1000
SEED = 0

# Measures that resampled histories have, and which way is better.
_DRAWN: dict[Path, tuple[str, float]] = {
    ("return", "total_return"): ("total_return", 1.0),
    ("return", "cagr"): ("cagr", 1.0),
    ("risk", "sharpe"): ("sharpe", 1.0),
    ("risk", "sortino"): ("sortino", 1.0),
    ("risk", "volatility"): ("volatility", -1.0),
    ("drawdowns", "max_drawdown"): ("max_drawdown", 1.0),
    ("drawdowns", "calmar"): ("calmar", 1.0),
}


class Range(NamedTuple):
    """Bounds in which a difference falls in 90 % of the resampled histories."""

    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Noise:
    """Resampled histories of several runs, the same sessions drawn for all of them.

    Only runs that are asked about are drawn.
    """

    common: Common
    block_length: int
    _drawn: dict[int, dict[str, FloatArray]] = field(default_factory=dict)

    def best(self, path: Path, numbers: Sequence[float]) -> int | None:
        """Run whose measure leads the next best by more than noise; None where none does.

        It does where the range of its lead over the next best lies above 0.
        """
        known = [run for run, number in enumerate(numbers) if math.isfinite(number)]
        if path not in _DRAWN or len(known) < 2:
            return None
        sign = _DRAWN[path][1]
        first, second, *_ = sorted(known, key=lambda run: (-sign * numbers[run], run))
        if numbers[first] == numbers[second]:
            return None
        lead = self.range_of(path, second, first)
        if lead is None:
            return None
        return first if min(sign * lead.low, sign * lead.high) > 0.0 else None

    def range_of(self, path: Path, run: int, other: int) -> Range | None:
        """Range of what ``other`` has more than ``run``; None where it is not known.

        Nor has a run that held nothing one: its interest is no draw of luck.
        """
        if path not in _DRAWN or not self.common.invested[[run, other]].all():
            return None
        name = _DRAWN[path][0]
        differences = self._draws_of(other)[name] - self._draws_of(run)[name]
        known = differences[np.isfinite(differences)]
        if known.size < LEVEL * differences.size:
            return None
        tail = (1.0 - LEVEL) / 2.0
        low, high = np.quantile(known, [tail, 1.0 - tail])
        return Range(float(low), float(high))

    def _draws_of(self, run: int) -> dict[str, FloatArray]:
        if run not in self._drawn:
            # One seed and one length for all runs: each draw takes the same sessions from each.
            self._drawn[run] = inference.measure_draws(
                self.common.returns[run],
                years=performance.elapsed_years(self.common.sessions),
                sessions_per_year=self.common.sessions_per_year,
                risk_free=self.common.cash[run],
                draws=DRAWS,
                seed=SEED,
                length=self.block_length,
            )
        return self._drawn[run]


def noise_of(common: Common) -> Noise | None:
    """Resampled histories of the common sessions; None where these are too few, or broken."""
    excess = common.excess
    if common.sessions.size < inference.FEWEST_SESSIONS or not np.isfinite(excess).all():
        return None
    # The longest block that any run needs: what hangs together in one of them stays together.
    longest = max(inference.block_length(row) for row in excess)
    return Noise(common, max(longest, 1))

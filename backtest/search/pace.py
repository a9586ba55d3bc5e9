"""How many trials are handed over at once, and how fast they come back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_SECONDS = 1.0  # that a batch should take: a kill loses no more, and overhead stays small
_FIRST, _LARGEST = 2, 250  # a thousand rows with their moments are 60 MB


@dataclass(frozen=True)
class Step:
    """How far a sweep is; ``per_second`` counts the trials of this call."""

    done: int
    total: int
    failed: int
    per_second: float

    @property
    def seconds_left(self) -> float:
        """Time that the rest will take at this rate; NaN before anything is done."""
        return (self.total - self.done) / self.per_second if self.per_second > 0 else float("nan")


class Pace:
    """Sizes batches to about a second of one worker."""

    def __init__(self, batch: int | None) -> None:
        self._fixed = batch
        self._size = batch or _FIRST
        self._started = time.perf_counter()
        self._returned = 0
        self._failed = 0
        self._total = 0
        self._before = 0

    def begin(self, *, total: int, before: int) -> None:
        """Count on from ``before`` trials that are finished, of ``total``."""
        self._total = total
        self._before = before - self._returned

    def batches(
        self, pending: NDArray[np.int64], done: NDArray[np.bool_]
    ) -> Iterator[NDArray[np.int64]]:
        """Pending trials in batches, ascending; none reaches over a trial that is finished."""
        behind = np.cumsum(done)[pending] if len(pending) else pending
        start = 0
        while start < len(pending):
            stop = min(start + self._size, len(pending))
            gap = int(np.searchsorted(behind[start:stop], behind[start], side="right"))
            yield pending[start : start + gap]
            start += gap

    def note(self, trials: int, failed: int, seconds: float) -> Step:
        """A batch came back after ``seconds`` of work; what is done by now."""
        self._returned += trials
        self._failed += failed
        if self._fixed is None and seconds > 0:
            fitting = int(trials * _SECONDS / seconds)
            # At most doubled: the first trials of a worker also load the data.
            self._size = int(np.clip(fitting, 1, min(2 * self._size, _LARGEST)))
        return self.step

    @property
    def step(self) -> Step:
        """What is done by now."""
        elapsed = time.perf_counter() - self._started
        return Step(
            done=self._before + self._returned,
            total=self._total,
            failed=self._failed,
            per_second=self._returned / elapsed if elapsed > 0 else 0.0,
        )

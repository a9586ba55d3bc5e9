"""Faults that a user can mend."""

from __future__ import annotations

from dataclasses import dataclass


class BacktestError(Exception):
    """Something a user can mend; shown as text, without a traceback."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of an input: where it is, what is wrong, how to mend it.

    ``line`` and ``column`` count from 1; 0 means that the fault has none.
    """

    where: str
    message: str
    file: str = ""
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        """One line: ``place  where  message``."""
        place = ":".join([self.file, *(str(n) for n in (self.line, self.column) if n)])
        return "  ".join(part for part in (place, self.where, self.message) if part)


class FaultyInput(BacktestError):
    """All faults of one input, together; ``faults`` holds them apart."""

    def __init__(self, title: str, faults: list[Fault]) -> None:
        self.title = title
        self.faults = tuple(faults)
        count = f"{len(faults)} fault{'' if len(faults) == 1 else 's'}"
        super().__init__("\n".join([f"{title}: {count}", *(f"  {fault}" for fault in faults)]))


class ConfigError(FaultyInput):
    """A configuration that cannot be run as written."""


class DataError(FaultyInput):
    """A bundle whose tables break a check set to ``error``."""


class NoBundleError(DataError):
    """A bundle that is not where it was said to be."""


class StrategyError(BacktestError):
    """A strategy that cannot be found, or whose weights cannot be traded."""


class MarketError(BacktestError):
    """A market file that is missing, malformed or silent about a date that is needed."""


class RunError(BacktestError):
    """A run that could not be finished."""


class WorkersLost(RunError):
    """Workers died with batches in their hands; what they had finished is safe."""

    def __init__(self, problem: object) -> None:
        said = str(problem).strip().partition("\n")[0]
        super().__init__(
            f"A worker died, and its trials with every retry: {said}\n"
            "Finished trials are kept: the same command goes on behind them."
        )

"""What makes the difference of two runs, key by key, as values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple


class Contribution(NamedTuple):
    """What one change of the config adds to the difference; errors are NaN where it is exact."""

    key: str
    before: str
    after: str
    total_return: float
    sharpe: float
    total_return_error: float = math.nan
    sharpe_error: float = math.nan


class Step(NamedTuple):
    """One config that was run: which keys were changed already, and what came out.

    ``failed`` says why it could not be run; the numbers are NaN then.
    """

    changed: tuple[str, ...]
    total_return: float
    sharpe: float
    failed: str = ""


@dataclass(frozen=True, eq=False)
class Why:
    """The difference of two runs, second less first, split among the changes of the config.

    Attributes
    ----------
    first, second
        Names of the runs.
    total_return, sharpe
        The difference as the two configs give it when run again; NaN where not defined.
    contributions
        One per change, adding up to the difference.
    steps
        Every config that was run, those of the two runs included.
    orders
        How many orders of the changes the contributions are averages over.
    seed
        Of the orders that were drawn; None where all were taken.
    notes
        What a reader must know: saved numbers that no longer come out, orders that do not run.
    """

    first: str
    second: str
    total_return: float
    sharpe: float
    contributions: tuple[Contribution, ...]
    steps: tuple[Step, ...]
    orders: int
    seed: int | None
    notes: tuple[str, ...]

    @property
    def is_sampled(self) -> bool:
        """Whether orders were drawn, so that contributions have errors."""
        return self.seed is not None

    def as_dict(self) -> dict[str, object]:
        """Give the attribution for JSON; what is not defined is None."""
        rows: list[dict[str, object]] = []
        for one in self.contributions:
            row: dict[str, object] = {
                "key": one.key,
                "from": one.before,
                "to": one.after,
                "total_return": _known(one.total_return),
                "sharpe": _known(one.sharpe),
            }
            if self.is_sampled:
                row["total_return_error"] = _known(one.total_return_error)
                row["sharpe_error"] = _known(one.sharpe_error)
            rows.append(row)
        return {
            "first": self.first,
            "second": self.second,
            "difference": {
                "total_return": _known(self.total_return),
                "sharpe": _known(self.sharpe),
            },
            "contributions": rows,
            "orders": self.orders,
            "seed": self.seed,
            "runs": [
                {
                    "changed": list(step.changed),
                    "total_return": _known(step.total_return),
                    "sharpe": _known(step.sharpe),
                    "failed": step.failed or None,
                }
                for step in self.steps
            ],
            "notes": list(self.notes),
        }


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None

"""Runs of a comparison that are one and the same, or came out the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from backtest.report import formats

if TYPE_CHECKING:
    from backtest.report.compare_common import Common
    from backtest.result import Result


def sameness(results: Sequence[Result], names: Sequence[str], common: Common) -> Iterator[str]:
    """Sentences about pairs that hold one run twice, or whose account is the same to the last bit.

    A run is compared with the first that it equals, not with every copy.
    """
    told: set[int] = set()
    for one, other in combinations(range(len(results)), 2):
        if other in told:
            continue
        if not _is_one_account(common, one, other):
            continue
        prints = [results[at].manifest.get("fingerprint") for at in (one, other)]
        if prints[0] == prints[1]:
            yield f"{names[one]} and {names[other]} are one run: both are {prints[0]}."
        else:
            count = formats.counted(common.sessions.size, "session")
            yield (
                f"{names[one]} and {names[other]} have the same NAV in all {count} in common: what "
                "differs in their inputs changed nothing there."
            )
        told.add(other)


def _is_one_account(common: Common, one: int, other: int) -> bool:
    levels = common.levels
    return bool(common.sessions.size) and np.array_equal(levels[one], levels[other])

"""Windows that train and windows that test, in sessions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from backtest.errors import ConfigError, Fault
from backtest.research import CombinatorialSettings, WalkForwardSettings
from backtest.search.scores import block_starts

Mask = NDArray[np.bool_]

_LEAST = 20  # sessions that train: no fewer than `walk_forward.train` may be


@dataclass(frozen=True)
class Window:
    """Ordinals of sessions, ends included: ``train`` chooses, ``test`` trades what was chosen."""

    number: int
    train: tuple[int, int]
    test: tuple[int, int]


def windows_of(sessions: int, settings: WalkForwardSettings) -> list[Window]:
    """Windows over ``sessions``; the tests follow one another without a gap, the last may be short.

    Raises
    ------
    ConfigError
        Where not even one test window fits.

    Examples
    --------
    >>> settings = WalkForwardSettings(train=20, test=5, purge=2)
    >>> for window in windows_of(30, settings):
    ...     print(window.train, window.test)
    (0, 19) (22, 26)
    (5, 24) (27, 29)
    """
    found: list[Window] = []
    start = settings.train + settings.purge
    while start < sessions:
        last = min(start + settings.test, sessions) - 1
        until = start - settings.purge - 1
        since = 0 if settings.anchored else until - settings.train + 1
        found.append(Window(len(found), (since, until), (start, last)))
        start += settings.test
    if not found:
        message = (
            f"no test window fits: train {settings.train} and purge {settings.purge} take all "
            f"{sessions} sessions of the run"
        )
        raise ConfigError("walk_forward", [Fault("walk_forward.train", message)])
    return found


@dataclass(frozen=True)
class Split:
    """One choice of test groups: which groups, and the sessions that train, shape (T,)."""

    tested: tuple[int, ...]
    train: Mask


def combinatorial_splits(
    sessions: int, settings: CombinatorialSettings, *, purge: int, embargo: int
) -> Iterator[Split]:
    """Every choice of test groups, with what is next to them kept out of training.

    ``purge`` sessions on both sides of a test group are left out, and ``embargo`` more after it.

    References
    ----------
    Lopez de Prado (2018), Advances in Financial Machine Learning, chapters 7 and 12.

    Examples
    --------
    >>> three = CombinatorialSettings(groups=3, test_groups=1)
    >>> for split in combinatorial_splits(6, three, purge=1, embargo=0):
    ...     print(split.tested, split.train.astype(int).tolist())
    (0,) [0, 0, 0, 1, 1, 1]
    (1,) [1, 0, 0, 0, 0, 1]
    (2,) [1, 1, 1, 0, 0, 0]
    """
    bounds = group_bounds(sessions, settings.groups)
    for tested in combinations(range(settings.groups), settings.test_groups):
        train = np.ones(sessions, dtype=np.bool_)
        for group in tested:
            first, stop = bounds[group]
            train[max(first - purge, 0) : stop + purge + embargo] = False
        yield Split(tested, train)


def check_combinatorial(sessions: int, settings: WalkForwardSettings) -> None:
    """Raise where a choice of test groups leaves too little to choose by.

    Raises
    ------
    ConfigError
        For the first such choice.
    """
    if settings.combinatorial is None:
        return
    purge, embargo = settings.purge, settings.embargo
    splits = combinatorial_splits(sessions, settings.combinatorial, purge=purge, embargo=embargo)
    for split in splits:
        left = int(split.train.sum())
        if left < _LEAST:
            tested = ", ".join(str(group + 1) for group in split.tested)
            message = (
                f"where groups {tested} are tested, purge {purge} and embargo {embargo} leave "
                f"{left} of {sessions} sessions to train on, fewer than {_LEAST}; take fewer "
                "groups, or a longer period"
            )
            raise ConfigError("walk_forward", [Fault("walk_forward.combinatorial", message)])


def group_bounds(sessions: int, groups: int) -> list[tuple[int, int]]:
    """First session and the one after the last of each group."""
    starts = [*block_starts(sessions, groups).tolist(), sessions]
    return list(pairwise(starts))

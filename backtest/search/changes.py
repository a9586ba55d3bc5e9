"""The changes that lead from one config to another, each a cause of its own."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from backtest.report.compare_inputs import (
    DRESS,
    differing_keys,
    settings_of,
    told_value,
)

_UNMOVED = DRESS | {"benchmark"}  # the benchmark moves neither NAV nor Sharpe
# What changes as a whole: with another strategy the parameters have other names, with other data
# other dates, and an amount without its currency means nothing.
_TOGETHER = {
    "strategy.name": ("strategy.", "sleeves.", "allocation."),
    "data.bundle": ("data.",),
}
_SLEEVE = re.compile(r"sleeves\.([^.]+)\.strategy\.name")
_CURRENCY = "portfolio.currency"


@dataclass(frozen=True, slots=True)
class Change:
    """Keys of the config that change together: the dotted key they go by, and their values."""

    key: str
    keys: tuple[str, ...]
    before: str
    after: str


def changes_between(
    first: Mapping[str, object], second: Mapping[str, object]
) -> tuple[Change, ...]:
    """Changes that turn the resolved config ``first`` into ``second``, in the configs' order.

    Names, descriptions, the tearsheet's looks and the benchmark never count: they move no NAV. The
    risk-free rate counts, for it moves the Sharpe ratio.
    """
    one, two = settings_of([first, second])
    keys = [key for key in differing_keys([one, two]) if key not in _UNMOVED]
    groups: dict[str, list[str]] = {}
    for key in keys:
        groups.setdefault(_leader(key, keys, one, two), []).append(key)
    return tuple(
        Change(leader, tuple(members), told_value(one.get(leader)), told_value(two.get(leader)))
        for leader, members in groups.items()
    )


def applied(
    first: Mapping[str, object], second: Mapping[str, object], changes: Sequence[Change]
) -> dict[str, object]:
    """``first`` with the ``changes`` taken from ``second``."""
    config = copy.deepcopy(dict(first))
    for change in changes:
        if change.key == "strategy.name":
            for name in ("strategy", "sleeves", "allocation"):
                _put(config, second, [name])
            continue
        sleeve = _SLEEVE.fullmatch(change.key)
        if sleeve is not None:
            _put(config, second, ["sleeves", sleeve[1]])
            continue
        for key in change.keys:
            _put(config, second, key.split("."))
    return config


def _leader(
    key: str, keys: Sequence[str], one: Mapping[str, object], two: Mapping[str, object]
) -> str:
    """Key of the change that ``key`` belongs to."""
    for leader, below in _TOGETHER.items():
        if leader in keys and key.startswith(below):
            return leader
    sleeve = _SLEEVE.match(f"{'.'.join(key.split('.')[:2])}.strategy.name")
    if sleeve is not None and sleeve[0] in keys:
        return sleeve[0]
    if _CURRENCY in keys and (_is_money(one.get(key)) or _is_money(two.get(key))):
        return _CURRENCY
    return key


def _is_money(value: object) -> bool:
    return isinstance(value, Mapping) and set(value) == {"amount", "currency"}


def _put(config: dict[str, object], source: Mapping[str, object], path: Sequence[str]) -> None:
    """Copy what ``source`` has at ``path`` to ``config``; remove it there where it has nothing."""
    node: dict[str, object] = config
    theirs: object = source
    for key in path[:-1]:
        below = node.get(key)
        if not isinstance(below, dict):
            below = node[key] = {}
        node = below
        theirs = theirs.get(key) if isinstance(theirs, Mapping) else None
    if isinstance(theirs, Mapping) and path[-1] in theirs:
        node[path[-1]] = copy.deepcopy(theirs[path[-1]])
    else:
        node.pop(path[-1], None)

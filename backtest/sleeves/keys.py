"""Dotted keys of strategies' parameters, of one strategy or of several."""

from __future__ import annotations

import re

from backtest.sleeves.composite import Sleeves
from backtest.strategy import Strategy

_PARAMETER = re.compile(r"(?:sleeves\.(?P<sleeve>[^.]+)\.)?strategy\.params\.(?P<name>.+)")


def is_parameter(key: str) -> bool:
    """Whether ``key`` is a parameter of a strategy, alone or in a sleeve."""
    return _PARAMETER.fullmatch(key) is not None


def short_key(key: str) -> str:
    """``key`` without what all parameters share.

    >>> short_key("strategy.params.drop"), short_key("sleeves.dip.strategy.params.drop")
    ('drop', 'dip.drop')
    >>> short_key("portfolio.band")
    'portfolio.band'
    """
    found = _PARAMETER.fullmatch(key)
    if found is None:
        return key
    return ".".join(part for part in (found["sleeve"], found["name"]) if part)


def numbers_of(strategy: Strategy) -> dict[str, int | float]:
    """Every parameter that is a number other than 0, by its dotted key."""
    if isinstance(strategy, Sleeves):
        return {
            f"sleeves.{name}.{key}": value
            for name, own in strategy.strategies.items()
            for key, value in numbers_of(own).items()
        }
    return {
        f"strategy.params.{name}": value
        for name, value in strategy
        if isinstance(value, int | float) and not isinstance(value, bool) and value != 0
    }

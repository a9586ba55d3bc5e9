"""A configuration with some of its settings changed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from backtest.config.load import config_of, strategy_clashes
from backtest.config.model import RunConfig
from backtest.config.rules import clashes
from backtest.strategy import Strategy

_SOUND = frozenset(RunConfig.model_fields)


def changed(
    config: RunConfig,
    values: Mapping[str, object],
    *,
    strategy: type[Strategy] | None = None,
    label: str = "change",
    folder: Path | None = None,
) -> RunConfig:
    """``config`` with ``values`` (by dotted key) in place, checked like a file.

    Parameters
    ----------
    strategy
        Class of ``config.strategy.name``, where it is at hand: it saves looking for the file.
    label
        Names the change in faults, such as ``trial 17``.
    folder
        What relative paths among ``values`` start from; the working directory by default.

    Raises
    ------
    ConfigError
        When the settings cannot stand, with the place of each.
    """
    plain = config.model_dump()
    for key, value in values.items():
        _put(plain, key.split("."), value)
    made = _sound(plain, strategy if "strategy.name" not in values else None)
    if made is None:
        made = config_of(plain, folder=folder or Path.cwd(), title=label)
    made._written.update(config._written)
    made._places = config._places
    return made


def _sound(plain: dict[str, Any], strategy: type[Strategy] | None) -> RunConfig | None:
    """The config where nothing is wrong with it; None leaves the faults to be told at leisure."""
    if strategy is None or plain["sleeves"] is not None:
        return None
    try:
        config = RunConfig.model_validate(plain)
        strategy.model_validate(config.strategy.params)
    except ValidationError:
        return None
    if any(clashes(config, _SOUND)) or strategy_clashes(config, _SOUND, strategy):
        return None
    return config


def _put(plain: dict[str, Any], path: list[str], value: object) -> None:
    """Set ``value`` at ``path``; maps are made on the way, and take the place of what is none."""
    *above, last = path
    node = plain
    for key in above:
        below = node.get(key)
        if not isinstance(below, dict):
            below = {}
            node[key] = below
        node = below
    node[last] = value

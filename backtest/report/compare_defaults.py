"""The default of each setting, by dotted key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from backtest.account import Account
from backtest.clock import ClockSettings
from backtest.execution import Execution, Exits, Portfolio
from backtest.panel.universe import UniverseSettings
from backtest.report import describe
from backtest.report.series import section
from backtest.report.settings import TearsheetSettings

if TYPE_CHECKING:
    from backtest.result import Result

_SECTIONS: dict[str, BaseModel] = {
    "universe": UniverseSettings(),
    "clock": ClockSettings(),
    "execution": Execution(),
    "account": Account(),
    "portfolio": Portfolio(),
    "exits": Exits(),
    "tearsheet": TearsheetSettings(),
}
_PLAIN: dict[str, object] = {
    "data.start": None,
    "data.end": None,
    "data.as_of": None,
    "data.checks": {},
    "market": "auto",
    "benchmark": None,
    "seed": 0,
}


def defaults_of(result: Result) -> dict[str, object]:
    """Defaults of a run's settings by dotted key, money in its currency.

    Those of the strategy's own parameters are given only where its source is still the one that
    ran.
    """
    found = dict(_PLAIN)
    for name, model in _SECTIONS.items():
        found |= dict(_flat(model.model_dump(mode="json"), (name,)))
    for key, value in found.items():
        if isinstance(value, Mapping) and value.get("currency", "") is None:
            found[key] = {**value, "currency": describe.currency_of(result)}
    return found | _params(section(result.manifest, "strategy"))


def _flat(node: Mapping[str, object], at: tuple[str, ...]) -> Iterator[tuple[str, object]]:
    for key, value in node.items():
        if isinstance(value, Mapping) and value and "amount" not in value:
            yield from _flat(value, (*at, key))
        else:
            yield ".".join((*at, key)), value


def _params(strategy: Mapping[str, object]) -> dict[str, object]:
    from backtest.errors import StrategyError
    from backtest.strategy import strategy_class, strategy_hash

    name = str(strategy.get("name", ""))
    try:
        if strategy_hash(name) != strategy.get("sha256"):
            return {}
        # The very source that ran: it loaded then, so it loads now.
        fields = strategy_class(name).model_fields
    except StrategyError:
        return {}
    return {
        f"strategy.params.{key}": field.default
        for key, field in fields.items()
        if field.default is not PydanticUndefined
    }

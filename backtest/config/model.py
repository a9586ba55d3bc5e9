"""One run, validated: the settings that each layer owns, together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import PurePath
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, RootModel, model_validator
from pydantic_core import to_jsonable_python

from backtest.account import Account, with_account
from backtest.clock import ClockSettings
from backtest.config.document import Place
from backtest.data.settings import DataSettings
from backtest.errors import Fault
from backtest.execution import Execution, Exits, Portfolio
from backtest.market.settings import MarketSettings
from backtest.panel.universe import UniverseSettings
from backtest.report.settings import TearsheetSettings
from backtest.research import ExecutorSettings, SweepSettings, WalkForwardSettings
from backtest.sleeves.composite import Sleeves
from backtest.sleeves.settings import NAME, AllocationSettings, SleeveName, SleeveSettings
from backtest.strategy import Strategy, StrategySettings, load_strategy
from backtest.units import Money

ASIDE = ("sweep", "walk_forward", "executor", "tracking")
"""Settings of how many runs are made, where, and who is told: none of them moves a number."""

SHARED = ("sleeves", "allocation")
"""Sections of a portfolio that several strategies share; no setting of any other run."""

Written = dict[tuple[str, ...], tuple[str, str]]
"""Paths of a config by key: as used (absolute) and as written (relative to the config's folder)."""


@dataclass(frozen=True)
class Places:
    """Where each setting was written; configs that say the same are equal wherever they say it."""

    by_key: Mapping[str, Place] = field(default_factory=dict, compare=False)


class RunConfig(BaseModel):
    """Everything a run depends on besides the data, the market files and the strategy's source."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=False)

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$",
        max_length=100,
        description="names the run's folder below reports/: letters, digits, '_', '-', '.', "
        "beginning with a letter or digit",
    )
    description: str = Field("", description="what the run is for, in a sentence")
    data: DataSettings = Field(description="which bundle, and which part of it")
    universe: UniverseSettings = Field(
        UniverseSettings(), description="what may be held, as known at each decision"
    )
    clock: ClockSettings = Field(
        ClockSettings(), description="when decisions are made, which of them may send orders"
    )
    strategy: StrategySettings = Field(
        description="which strategy, with which parameters; left out where there are sleeves"
    )
    sleeves: dict[SleeveName, SleeveSettings] | None = Field(
        None, min_length=1, description="several strategies in one portfolio, by name"
    )
    allocation: AllocationSettings = Field(
        AllocationSettings(), description="how NAV is divided among the sleeves"
    )
    market: MarketSettings = Field(
        "auto",
        description="market rules: 'auto' takes each exchange's own file; a name or a YAML file "
        "serves all; a map names them by exchange",
    )
    execution: Execution = Field(Execution(), description="how orders are sized and filled")
    account: Account = Field(
        Account(), description="who trades: offshore, southbound, or the settings they stand for"
    )
    portfolio: Portfolio = Field(Portfolio(), description="the account that is traded")
    exits: Exits = Field(Exits(), description="exit rules that watch the path; off unless set")
    benchmark: str | None = Field(None, description="symbol to compare with; never traded")
    tearsheet: TearsheetSettings = Field(TearsheetSettings(), description="what the page shows")
    seed: int = Field(0, ge=0, description="seed of whatever is random")
    sweep: SweepSettings | None = Field(
        None, description="many trials of this configuration, for `backtest sweep`"
    )
    walk_forward: WalkForwardSettings | None = Field(
        None, description="windows of the sweep's search, for `backtest walk-forward`"
    )
    executor: ExecutorSettings = Field(
        ExecutorSettings(), description="where the trials of a sweep are worked on"
    )

    tracking: Literal["mlflow"] | None = Field(
        None, description="log finished runs with MLflow; it says where (MLFLOW_TRACKING_URI)"
    )

    @model_validator(mode="before")
    @classmethod
    def _account_brings_its_currency(cls, value: object) -> object:
        return with_account(value) if isinstance(value, Mapping) else value

    _written: Written = PrivateAttr(default_factory=dict)
    _places: Places = PrivateAttr(default_factory=Places)

    @model_validator(mode="before")
    @classmethod
    def _sleeves_are_the_strategy(cls, values: object) -> object:
        """Where only sleeves are named, they are what ``strategy`` stands for."""
        if isinstance(values, dict) and values.get("sleeves") and "strategy" not in values:
            return {**values, "strategy": {"name": NAME}}
        return values

    @property
    def strategies(self) -> dict[tuple[str, ...], StrategySettings]:
        """Every strategy of the run, by the key that names it."""
        if self.sleeves is None:
            return {("strategy",): self.strategy}
        named = sorted(self.sleeves.items())
        return {("sleeves", name, "strategy"): sleeve.strategy for name, sleeve in named}

    @property
    def optional_packages(self) -> tuple[str, ...]:
        """Packages beyond the required ones that the numbers depend on."""
        is_used = self.sleeves is not None and self.allocation.method == "skfolio"
        return ("skfolio",) if is_used else ()

    def made_strategy(self) -> Strategy:
        """The strategy that is asked for weights: the one named, or all sleeves as one."""
        if self.sleeves is None:
            return load_strategy(self.strategy)
        sleeves = dict(sorted(self.sleeves.items()))
        return Sleeves(sleeves=sleeves, allocation=self.allocation, portfolio=self.portfolio)

    def resolved(self, strategy: Strategy | None = None) -> dict[str, object]:
        """Every setting of one run as plain JSON values, defaults and the strategy's own included.

        What says how many runs to make, or who is told (`ASIDE`), is no setting of any, left out.
        ``strategy`` is the one that the config names, where it is at hand.

        Keys stand in the order of the models, keys that a user chooses in alphabetical order; paths
        are as written, relative to the config's folder. The same run gives the same dict anywhere,
        and ``load_config`` reads it back to the same.
        """
        plain: dict[str, object] = {
            field: _plain(getattr(self, field), self.portfolio.currency)
            for field in type(self).model_fields
            if field not in ASIDE and (self.sleeves is not None or field not in SHARED)
        }
        made = strategy or self.made_strategy()
        for key, settings in self.strategies.items():
            own = made.strategies[key[1]] if isinstance(made, Sleeves) else made
            params = _plain(own, self.portfolio.currency)
            _put(plain, key, {"name": settings.name, "params": params})
        for path, (used, written) in self._written.items():
            _rewrite(plain, path, PurePath(used).as_posix(), written)
        return plain

    def placed(self, fault: Fault) -> Fault:
        """``fault``, at the file and line of the setting that it names, where one was written."""
        place = self._places.by_key.get(fault.where)
        if place is None or fault.file:
            return fault
        return replace(fault, file=place.file, line=place.line, column=place.column)

    def located(self) -> dict[str, object]:
        """As `resolved`, with the paths absolute: it means the same from any folder."""
        plain = self.resolved()
        for path, (used, written) in self._written.items():
            _rewrite(plain, path, written, PurePath(used).as_posix())
        return plain


def _plain(value: object, currency: str) -> object:
    """JSON values of a setting; money without a currency gets the portfolio's."""
    if isinstance(value, Money):
        return {"amount": value.amount, "currency": value.currency or currency}
    if isinstance(value, RootModel):
        return _plain(value.root, currency)
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        return {field: _plain(getattr(value, field), currency) for field in fields}
    if isinstance(value, dict):
        # Sorted by text: a map's order in the YAML is no difference between two runs.
        return {str(key): _plain(value[key], currency) for key in sorted(value, key=str)}
    if isinstance(value, list | tuple):
        return [_plain(item, currency) for item in value]
    if isinstance(value, date):  # datetimes too
        return value.isoformat()
    if isinstance(value, PurePath):
        return value.as_posix()
    return to_jsonable_python(value)


def _put(plain: dict[str, object], path: tuple[str, ...], value: object) -> None:
    """Put ``value`` at ``path``, whose maps are all there."""
    node = plain
    for key in path[:-1]:
        below = node[key]
        if not isinstance(below, dict):
            raise TypeError(f"{key} is no map")
        node = below
    node[path[-1]] = value


def _rewrite(plain: dict[str, object], path: tuple[str, ...], used: str, written: str) -> None:
    """Put ``written`` at ``path`` if ``used`` still stands there; a copy may have been updated."""
    node: object = plain
    for key in path[:-1]:
        node = node.get(key) if isinstance(node, dict) else None
    if isinstance(node, dict) and node.get(path[-1]) == used:
        node[path[-1]] = written

"""One trial after the other, with whatever they share made once."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from backtest.calendars import sessions_per_year
from backtest.config import RunConfig
from backtest.config.change import changed
from backtest.config.fit import bundle_of, with_own_cash
from backtest.data.bundle import Bundle
from backtest.data.fx import rate_known
from backtest.data.settings import DataSettings
from backtest.engine import Outline, outline
from backtest.engine.compilation import build_terms, build_world
from backtest.engine.orders import build_orders
from backtest.errors import BacktestError
from backtest.features import FeatureStore, remembered
from backtest.kernels.world import Orders, Terms, World
from backtest.measures import performance
from backtest.provenance import fingerprint_of
from backtest.runner import Stage, inputs_of, stage_of, without_looks
from backtest.search.space import Values
from backtest.strategy import Strategy, strategy_class

FloatArray = NDArray[np.float64]
_Made = TypeVar("_Made")

STAGES, _WORLDS, _BUNDLES, _ORDERS = 3, 4, 2, 4  # kept at once; each may be hundreds of megabytes


@dataclass(frozen=True)
class Trial:
    """A trial that was simulated; ``nav`` has the initial cash in front."""

    config: RunConfig
    stage: Stage
    nav: FloatArray
    outline: Outline
    fingerprint: str
    risk_free: float | FloatArray  # return of cash per session, as ``tearsheet.risk_free`` says

    @property
    def fills(self) -> int:
        """How many there were: 0 is a trial that never traded."""
        return self.outline.fills

    @property
    def sessions(self) -> NDArray[np.datetime64]:
        """Base sessions of the run."""
        clock = self.stage.clock
        return clock.base_sessions.dates[clock.first : clock.last + 1]

    @property
    def sessions_per_year(self) -> float:
        """Of the base exchange's calendar."""
        return sessions_per_year(self.stage.clock.base)


Outcome = Trial | Exception


@dataclass(frozen=True)
class _Asked:
    """A trial before its strategy has answered."""

    config: RunConfig
    strategy: Strategy
    stage: Stage
    parts: dict[str, Any]  # of the fingerprint, its config apart
    stage_key: str
    orders_key: str


@dataclass(frozen=True)
class Supplies:
    """What a workshop on another machine needs: bundles by key, and the base config's stage."""

    bundles: dict[str, Bundle]
    stage_key: str
    stage: Stage  # its strategy left out: the class is loaded from its file over there
    parts: dict[str, Any]
    folder: Path  # that relative paths start from


class Workshop:
    """Simulates variations of one config; data, panel, world and features are shared among them."""

    def __init__(
        self, base: RunConfig, supplies: Supplies | None = None, *, stages: int = STAGES
    ) -> None:
        self.base = base
        self._most_stages = stages
        self._supplied: dict[str, Bundle] = {}
        self._folder = Path.cwd()
        self._classes: dict[str, type[Strategy]] = {}
        self._bundles: OrderedDict[str, Bundle] = OrderedDict()
        self._stages: OrderedDict[str, tuple[Stage, dict[str, Any]]] = OrderedDict()
        self._worlds: OrderedDict[str, World] = OrderedDict()
        self._features = FeatureStore()
        self._orders: OrderedDict[str, Orders] = OrderedDict()
        self._cash: OrderedDict[str, float | FloatArray] = OrderedDict()
        if supplies is not None:
            self._supplied = supplies.bundles
            self._folder = supplies.folder
            self._stages[supplies.stage_key] = (supplies.stage, supplies.parts)

    @classmethod
    def over(cls, base: RunConfig, bundle: Bundle) -> Workshop:
        """Workshop of ``base`` on ``bundle`` in the place of the one that it names."""
        shop = cls(base)
        shop._supplied[_bundle_key(base.data)] = bundle
        return shop

    def supplies(self, variants: Iterable[Values]) -> Supplies:
        """What another workshop of this base needs to make trials without our disk.

        ``variants`` set whatever of the data varies. The panel comes with the frames that the
        strategy asks for.
        """
        self.trial({})
        bundles = {}
        for values in ({}, *variants):
            config = changed(self.base, values, label="data", folder=self._folder)
            bundles[_bundle_key(config.data)] = self._bundle(config)
        base = self._ask({}, "base")
        stage = replace(base.stage, strategy=Strategy())
        return Supplies(bundles, base.stage_key, stage, base.parts, self._folder)

    def trial(self, values: Values, label: str = "trial") -> Trial:
        """Simulate the base config with ``values`` in place.

        Raises
        ------
        BacktestError
            As a run of that config would.
        """
        asked = self._ask(values, label)
        with remembered(self._features):
            weights = asked.strategy.target_weights(asked.stage.panel)
        return self._simulated(asked, self._order(asked, weights))

    def weights(self, values: Values) -> FloatArray:
        """Target weights of the strategy with ``values`` in place, shape (T, N) as the panel."""
        asked = self._ask(values, "trial")
        with remembered(self._features):
            weights = asked.strategy.target_weights(asked.stage.panel)
        return weights.to_numpy(dtype=np.float64)

    def idle(self) -> Trial:
        """The base config's account with no order at all: what its cash makes."""
        asked = self._ask({}, "idle")
        close = asked.stage.panel.close
        weights = pd.DataFrame(np.nan, index=close.index, columns=close.columns)
        asked = replace(asked, orders_key=f"{asked.orders_key} idle")
        return self._simulated(asked, self._order(asked, weights))

    def varied(
        self,
        values: Values,
        *,
        late: int = 0,
        change: Callable[[World, Terms], tuple[World, Terms]] | None = None,
    ) -> Trial:
        """As `trial`, with decisions that come ``late`` rows later, or a changed world or terms."""
        asked = self._ask(values, "trial")
        with remembered(self._features):
            weights = asked.strategy.target_weights(asked.stage.panel)
        if late:
            # What left the universe while the decision waited is no longer bought.
            weights = weights.shift(late)
            weights = weights.where(asked.stage.panel.universe | (weights == 0.0))
            clock = asked.stage.clock
            can_rebalance = np.roll(clock.can_rebalance, late)
            can_rebalance[: clock.first + late] = False
            asked = replace(
                asked,
                stage=replace(asked.stage, clock=replace(clock, can_rebalance=can_rebalance)),
                orders_key=f"{asked.orders_key} late {late}",
            )
        return self._simulated(asked, self._order(asked, weights), change)

    def trials(self, wanted: Sequence[Values], labels: Sequence[str]) -> Iterator[Outcome]:
        """As `trial`, one after the other, with an error in the place of a trial that fails.

        Neighbours that ask the same strategy on the same panel are asked together, see
        `Strategy.target_weights_many`.
        """
        together: list[_Asked] = []
        for values, label in zip(wanted, labels, strict=True):
            try:
                asked = self._ask(values, label)
            except BacktestError as error:
                yield from self._together(together)
                together = []
                yield error
                continue
            if together and asked.stage_key != together[0].stage_key:
                yield from self._together(together)
                together = []
            together.append(asked)
        yield from self._together(together)

    def _together(self, asked: Sequence[_Asked]) -> Iterator[Outcome]:
        """Trials on one panel; parameter sets that recur are asked once, or seldom."""
        fresh = [one for one in asked if one.orders_key not in self._orders]
        unique = {one.orders_key: one for one in fresh}
        expected = deque(unique)
        answers: Iterator[pd.DataFrame] = iter(())
        if unique:
            strategies = [one.strategy for one in unique.values()]
            answers = type(strategies[0]).target_weights_many(strategies, fresh[0].stage.panel)
        for one in asked:
            try:
                orders = self._orders.get(one.orders_key)
                if orders is None:
                    weights = None
                    with remembered(self._features):
                        # What was known, and let go since, is none of the answers to come.
                        if expected and expected[0] == one.orders_key:
                            expected.popleft()
                            weights = next(answers, None)
                        if weights is None:  # or an error ended the answers
                            weights = one.strategy.target_weights(one.stage.panel)
                    orders = self._order(one, weights)
                yield self._simulated(one, orders)
            except Exception as error:  # the strategy is the user's: what it raises is the trial's
                yield error

    def _ask(self, values: Values, label: str) -> _Asked:
        name = str(values.get("strategy.name", self.base.strategy.name))
        known = self._class_of(name) if self.base.sleeves is None else None
        config = changed(self.base, values, strategy=known, label=label, folder=self._folder)
        strategy = (
            config.made_strategy()
            if known is None
            else known.model_validate(config.strategy.params)
        )
        key = _stage_key(config)
        stage, parts = _kept(self._stages, key, self._most_stages, lambda: self._staged(config))
        config = with_own_cash(config, stage.bundle, stage.clock)
        orders_key = f"{key} {strategy!r} {config.portfolio!r}"
        return _Asked(config, strategy, stage, parts, key, orders_key)

    def _order(self, asked: _Asked, weights: pd.DataFrame) -> Orders:
        stage = asked.stage
        orders = build_orders(weights, stage.panel.universe, stage.clock, asked.config.portfolio)
        return _kept(self._orders, asked.orders_key, _ORDERS, lambda: orders)

    def _simulated(
        self,
        asked: _Asked,
        orders: Orders,
        change: Callable[[World, Terms], tuple[World, Terms]] | None = None,
    ) -> Trial:
        config = asked.config
        world = _kept(
            self._worlds,
            _world_key(asked.stage_key, config),
            max(_WORLDS, self._most_stages),
            lambda: self._world(asked.stage, config),
        )
        terms = build_terms(config.execution, config.portfolio, config.exits)
        if change is not None:
            world, terms = change(world, terms)
        outlined = outline(world, orders, terms)
        resolved = config.resolved(asked.strategy)
        risk_free = _kept(
            self._cash,
            f"{asked.stage_key} {config.tearsheet.risk_free}",
            self._most_stages,
            lambda: _risk_free(asked.stage, config),
        )
        return Trial(
            config=config,
            stage=asked.stage,
            nav=np.concatenate(([config.portfolio.cash.amount], outlined.nav)),
            outline=outlined,
            fingerprint=fingerprint_of(asked.parts | {"config": without_looks(resolved)}),
            risk_free=risk_free,
        )

    def _class_of(self, name: str) -> type[Strategy]:
        if name not in self._classes:
            self._classes[name] = strategy_class(name)
        return self._classes[name]

    def _staged(self, config: RunConfig) -> tuple[Stage, dict[str, Any]]:
        stage = stage_of(config, self._bundle(config))
        return stage, inputs_of(stage)

    def _bundle(self, config: RunConfig) -> Bundle:
        key = _bundle_key(config.data)
        if key in self._supplied:
            return self._supplied[key]
        return _kept(self._bundles, key, _BUNDLES, lambda: bundle_of(config))

    @staticmethod
    def _world(stage: Stage, config: RunConfig) -> World:
        return build_world(
            stage.bundle,
            stage.grid,
            stage.clock,
            stage.rules,
            execution=config.execution,
            portfolio=config.portfolio,
            tradable=stage.held,
            account=config.account,
            subscriptions=stage.subscriptions,
        )


def _risk_free(stage: Stage, config: RunConfig) -> float | FloatArray:
    clock = stage.clock
    setting = config.tearsheet.risk_free
    if setting != "rates":
        per_year = sessions_per_year(clock.base)
        return performance.per_session_rate(float(setting), sessions_per_year=per_year)
    run = slice(clock.first, clock.last + 1)
    closes = pd.DatetimeIndex(clock.base_sessions.close[run], tz="UTC")
    known = rate_known(stage.bundle.rates, config.portfolio.currency, closes)
    return performance.accrued_rates(known, clock.base_sessions.dates[run])


def _bundle_key(data: DataSettings) -> str:
    """What the tables depend on; the period is the clock's."""
    return repr((data.bundle, data.as_of, sorted(data.checks.items())))


def _stage_key(config: RunConfig) -> str:
    """What a stage depends on, as text: equal settings give equal text."""
    names = [one.name for one in config.strategies.values()]
    parts = (config.data, config.universe, config.clock, config.market, names)
    execution = config.execution
    subscribes = execution.ipo_entry == "subscribe"
    currency = config.portfolio.currency
    return repr((*parts, config.account, currency, execution.fill, subscribes))


def _world_key(stage: str, config: RunConfig) -> str:
    execution, portfolio = config.execution, config.portfolio
    parts = (
        execution.whole_shares,
        execution.slippage.impact > 0,
        portfolio.withholding,
        execution.ipo_entry == "subscribe" and execution.ipo,
    )
    return f"{stage} {parts!r}"


def _kept(cache: OrderedDict[str, _Made], key: str, most: int, make: Callable[[], _Made]) -> _Made:
    """The value at ``key``, made if it is not there; the ``most`` used last are kept."""
    if key not in cache:
        cache[key] = make()
        while len(cache) > most:
            cache.popitem(last=False)
    cache.move_to_end(key)
    return cache[key]

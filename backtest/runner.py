"""A config to a result: the one place where the layers meet."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from backtest.assumptions import data_facts, optimistic_assumptions
from backtest.calendars import sessions_per_year
from backtest.caveats import caveats
from backtest.clock import Clock, build_clock
from backtest.config import RunConfig, load_config
from backtest.config.fit import bundle_of, check_fit, check_opens, placed, with_own_cash
from backtest.data.arrays import bar_arrays
from backtest.data.bundle import Bundle
from backtest.data.fx import rate_known, without_fx_gaps
from backtest.data.grid import Grid, build_grid
from backtest.engine import Simulation, simulate
from backtest.engine.offers import Subscriptions, subscriptions_of
from backtest.errors import DataError
from backtest.folders import REPORTS
from backtest.market.model import MarketRules
from backtest.market.rules import CompiledRules, compile_rules, resolve_markets
from backtest.market.settings import Brokerage
from backtest.panel import Panel, build_panel
from backtest.provenance import (
    engine_hash,
    file_hashes,
    fingerprint_of,
    package_version,
    rules_of,
    versions,
    with_doubts,
)
from backtest.report.checked import with_record
from backtest.report.context import context_of
from backtest.report.detail import detail_of
from backtest.report.metrics import metrics_of
from backtest.report.trials import trial_record, with_trials
from backtest.result import Result
from backtest.sleeves.composite import Sleeves
from backtest.sleeves.contribution import contributions_of
from backtest.strategy import Strategy, sources_of
from backtest.tracking import check_mlflow, log_to_mlflow
from backtest.trial_ledger import family, record_trials

Progress = Callable[[str], None]
Config = RunConfig | str | Path
Markets = Mapping[str, tuple[MarketRules, Brokerage | None]]


@dataclass(frozen=True, eq=False)
class Stage:
    """What a config reads, put together: everything that is there before a strategy is asked."""

    config: RunConfig
    bundle: Bundle
    grid: Grid
    clock: Clock
    panel: Panel
    strategy: Strategy
    markets: Markets
    rules: CompiledRules
    subscriptions: Subscriptions | None = None

    @property
    def own_rules(self) -> dict[str, MarketRules]:
        """Market rules by exchange."""
        return {exchange: market for exchange, (market, _) in self.markets.items()}

    @property
    def held(self) -> npt.NDArray[np.bool_]:
        """Columns that the universe holds at some decision of the run, shape (N,)."""
        return _held(self.panel, self.clock)


def run(
    config: Config, *, progress: Progress | None = None, waiting: Progress | None = None
) -> Result:
    """Run ``config``, or the YAML file at that path, and return the result; nothing is written.

    ``waiting`` is told before a wait for the compiler; with it a small run does without.

    Raises
    ------
    BacktestError
        For whatever in the config, the data or the market files cannot be used.
    """
    config = _loaded(config)
    say = progress or _silent
    started = time.perf_counter()
    timings: dict[str, float] = {}

    def lap(stage: str, since: float) -> float:
        timings[stage] = round((now := time.perf_counter()) - since, 4)
        return now

    stage = prepare(config, progress=say)
    at = lap("data", started)
    say(f"strategy {', '.join(one.name for one in config.strategies.values())}")
    weights = stage.strategy.target_weights(stage.panel)
    at = lap("strategy", at)
    say(f"simulating {stage.clock.last - stage.clock.first + 1} sessions")
    simulation = simulate(
        stage.bundle,
        stage.grid,
        stage.clock,
        weights,
        stage.panel.universe,
        rules=stage.rules,
        execution=config.execution,
        portfolio=stage.config.portfolio,
        exits=config.exits,
        benchmark=config.benchmark,
        account=config.account,
        subscriptions=stage.subscriptions,
        waiting=waiting,
    )
    at = lap("simulation", at)
    result = _result(stage, simulation, weights)
    metrics = metrics_of(result, calendar=_calendar(stage)) | detail_of(result)
    lap("measures", at)
    finished = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    result.manifest["environment"] = {"finished": finished, "seconds": timings}
    return replace(result, metrics=metrics)


def run_to_folder(
    config: Config,
    *,
    out: Path | None = None,
    progress: Progress | None = None,
    quantstats: bool = False,
    waiting: Progress | None = None,
) -> tuple[Result, Path]:
    """Run ``config`` and write ``<out>/<name>/<fingerprint>/``, tearsheet included.

    The run is counted in the trial ledger, ``<out>/trials.sqlite``: ``metrics.json`` says of how
    many trials it is one. The page of all runs, ``<out>/index.html``, is rewritten; where it cannot
    be, a warning says so and the run stands. ``waiting`` is that of `run`.

    Returns
    -------
    tuple
        The result and its folder; ``out`` is ``reports`` unless given.
    """
    from backtest.report.tearsheet import tearsheet_html

    config = _loaded(config)
    say = progress or _silent
    if config.tracking == "mlflow":
        check_mlflow()
    result = _counted(run(config, progress=progress, waiting=waiting), out or REPORTS)
    folder = (out or REPORTS) / config.name / result.fingerprint
    say("tearsheet")
    pages = {"tearsheet.html": tearsheet_html(with_record(result, out or REPORTS))}
    if quantstats or config.tearsheet.quantstats:
        from backtest.report.quantstats_page import quantstats_html

        say("quantstats page")
        pages["quantstats.html"] = quantstats_html(result)
    result.save(folder, pages)
    _list_runs(out or REPORTS)
    if config.tracking == "mlflow":
        say("mlflow")
        log_to_mlflow(result, folder)
    return replace(result, folder=folder), folder


def _counted(result: Result, reports: Path) -> Result:
    """The run, counted in the trial ledger, with the trials of its strategy on the same data."""
    record_trials(reports, [own := trial_record(result)])
    return with_trials(result, family(reports, strategy=own.strategy, data=own.data))


def prepare(config: RunConfig, *, progress: Progress | None = None) -> Stage:
    """Load and compile everything that ``config`` names, short of asking the strategy.

    Raises
    ------
    BacktestError
        For whatever in the config, the data or the market files cannot be used.
    """
    say = progress or _silent
    say(f"bundle {Path(config.data.bundle).name}")
    return stage_of(config, bundle_of(config))


def stage_of(config: RunConfig, bundle: Bundle) -> Stage:
    """As `prepare`, over a bundle that is at hand."""
    with placed(config):
        return _stage_of(config, bundle)


def _stage_of(config: RunConfig, bundle: Bundle) -> Stage:
    bars = bar_arrays(bundle)
    check_fit(config, bundle, bars.sessions)
    strategy = config.made_strategy()
    markets = resolve_markets(config.market, _traded_exchanges(bundle))
    known_after = (
        markets[config.clock.base][0].close_known_after if config.clock.base in markets else 0
    )
    clock = build_clock(
        bars.sessions,
        config.clock,
        start=config.data.start,
        end=config.data.end,
        close_known_after=known_after,
        own_schedule=strategy.own_schedule,
    )
    convertible = without_fx_gaps(
        bundle, config.portfolio.currency, pd.DatetimeIndex(clock.time, tz="UTC")
    )
    if convertible is not bundle:  # missing_fx: drop; a clock has to be there to find the gaps
        return _stage_of(config, convertible)
    grid = build_grid(bundle, bars)
    own_rules = {exchange: market for exchange, (market, _) in markets.items()}
    subscriptions = subscriptions_of(bundle, grid, clock, own_rules, config.execution)
    panel = build_panel(
        bundle,
        grid,
        clock,
        universe=config.universe,
        currency=config.portfolio.currency,
        account=config.account,
        applications=subscriptions.table.row if subscriptions else None,
    )
    config = with_own_cash(config, bundle, clock)
    check_opens(config, bundle, grid, panel)
    first, last = clock.span
    rules = compile_rules(
        own_rules,
        instruments=bundle.instruments,
        sessions=bars.sessions,
        brokerage={exchange: broker for exchange, (_, broker) in markets.items()},
        prices=bundle.prices,
        first=first,
        last=last,
        held=_held(panel, clock),
        settles=not config.portfolio.spend_unsettled,
    )
    return Stage(config, bundle, grid, clock, panel, strategy, markets, rules, subscriptions)


def inputs_of(stage: Stage) -> dict[str, Any]:
    """Everything that the numbers of a prepared run depend on; the fingerprint is its hash."""
    config = stage.config
    return {
        "config": without_looks(config.resolved()),
        "bundle": stage.bundle.hash,
        "rules": rules_of({name: market for name, (market, _) in stage.markets.items()}),
        "strategy": {
            "name": config.strategy.name,
            **sources_of(config.strategies),
            "inputs": file_hashes(stage.strategy.inputs()),
        },
        "versions": versions(*config.optional_packages),
        "engine": engine_hash(),
    }


def _list_runs(reports: Path) -> None:
    from backtest.report.index import write_index

    try:
        write_index(reports)
    except OSError as problem:
        logging.getLogger(__name__).warning("the page of all runs was not written: %s", problem)


def _loaded(config: Config) -> RunConfig:
    """Config as it is, or of the file at that path."""
    return config if isinstance(config, RunConfig) else load_config(config)


def _silent(_: str) -> None:
    """Progress that nobody asked for."""


def _held(panel: Panel, clock: Clock) -> npt.NDArray[np.bool_]:
    return np.asarray(panel.universe.to_numpy()[clock.first :].any(axis=0))


def _traded_exchanges(bundle: Bundle) -> list[str]:
    table = bundle.instruments
    return sorted(table.loc[table["kind"] != "index", "exchange"].unique())


def _result(stage: Stage, simulation: Simulation, weights: pd.DataFrame) -> Result:
    sources = [one.params.get("source") for one in stage.config.strategies.values()]
    source = next((name for name in sources if name), None)
    context = context_of(
        stage.bundle,
        stage.grid,
        stage.clock,
        stage.panel,
        strategy=stage.strategy,
        weights=weights,
        trades=simulation.trades,
        positions=simulation.positions,
        benchmark=stage.config.benchmark,
        currency=stage.config.portfolio.currency,
        fill=stage.config.execution.fill,
        source=str(source) if source else None,
    )
    if simulation.currencies is not None:
        context["currencies"] = simulation.currencies
    if isinstance(stage.strategy, Sleeves):
        context["sleeves"] = contributions_of(stage.strategy, stage.panel, simulation)
    return Result(
        config=stage.config.resolved(),
        manifest=_manifest(stage, simulation),
        nav=simulation.nav,
        positions=simulation.positions,
        fills=simulation.fills,
        orders=simulation.orders,
        trades=simulation.trades,
        ledger=simulation.ledger,
        context=context,
    )


def _manifest(stage: Stage, simulation: Simulation) -> dict[str, Any]:
    config, bundle, clock = stage.config, stage.bundle, stage.clock
    parts = inputs_of(stage)
    base = clock.base_sessions
    facts = data_facts(bundle, config)
    told = caveats(
        config, bundle, stage.grid, clock, held=stage.held, rules=stage.rules, outcome=simulation
    )
    if stage.subscriptions is not None:
        told += stage.subscriptions.assumed(stage.panel, config.execution.ipo)
    manifest: dict[str, Any] = {
        "fingerprint": fingerprint_of(parts),
        "name": config.name,
        "created_by": package_version(),
        "bundle": {
            "name": bundle.name,
            "hash": bundle.hash,
            "prices": bundle.prices,
            "simulated": bundle.simulated,
            "survivors_only": facts.survivors,
            "description": bundle.description,
            "instruments": len(bundle.instruments),
            "checks": [finding.as_dict() for finding in bundle.findings],
        },
        "strategy": parts["strategy"],
        "rules": with_doubts(parts["rules"], stage.rules),
        "versions": parts["versions"],
        "engine": parts["engine"],
        "period": {
            "first": str(base.dates[clock.first]),
            "last": str(base.dates[clock.last]),
            "sessions": clock.last - clock.first + 1,
        },
        "base": clock.base,
        "currency": config.portfolio.currency,
        "sessions_per_year": sessions_per_year(clock.base),
        "optimistic": optimistic_assumptions(config, facts),
        "warnings": told,
        "bankrupt": simulation.bankrupt,
        "event": {
            "name": stage.strategy.event_name,
            "fractions": list(stage.strategy.event_fractions),
        },
    }
    if config.tearsheet.risk_free == "rates":
        closes = pd.DatetimeIndex(base.close[clock.first : clock.last + 1], tz="UTC")
        known = rate_known(bundle.rates, config.portfolio.currency, closes)
        manifest["risk_free"] = [float(rate) for rate in known]
    return manifest


def without_looks(resolved: Mapping[str, object]) -> dict[str, object]:
    """The settings without those that change how a page looks, not what a file says."""
    page = resolved.get("tearsheet")
    kept = {key: page[key] for key in ("risk_free", "top")} if isinstance(page, dict) else {}
    return {**resolved, "tearsheet": kept}


def _calendar(stage: Stage) -> npt.NDArray[np.datetime64]:
    """Base sessions a year beyond both ends of the run, to tell partial months and years."""
    from backtest.calendars import sessions

    dates = stage.clock.base_sessions.dates
    first = dates[stage.clock.first] - np.timedelta64(370, "D")
    last = dates[stage.clock.last] + np.timedelta64(370, "D")
    try:
        return sessions(stage.clock.base, first.item(), last.item()).dates
    except DataError:  # beyond the calendar's horizon
        return dates

"""A config or a strategy, put through every claim."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from backtest.clock import ClockSettings
from backtest.config.fit import bundle_of
from backtest.data.bundle import Bundle
from backtest.data.findings import Finding
from backtest.data.settings import HINDSIGHT
from backtest.execution import Portfolio
from backtest.panel.universe import UniverseSettings
from backtest.report.checked import check_key
from backtest.runner import inputs_of, stage_of
from backtest.strategy import Strategy
from backtest.testing.asking import BrokeDown, NotThere, Subject, ask
from backtest.testing.conformance import conformance
from backtest.testing.decisions import chosen_decisions
from backtest.testing.lookahead import look_ahead
from backtest.testing.panels import Recipe, Scene, recipe_of, scene_of
from backtest.testing.report import CheckReport, Claim
from backtest.testing.rough import rough_market

if TYPE_CHECKING:
    import pandas as pd

    from backtest.config import RunConfig

Progress = Callable[[str], None]


def check_config(
    config: RunConfig, *, engine: str | None = None, progress: Progress | None = None
) -> CheckReport:
    """Every claim about the strategy of ``config``, on the config's own data.

    Parameters
    ----------
    engine
        ``vectorbt`` trades the weights on the common ground of both engines too, and claims that
        NAV and shares agree.

    Raises
    ------
    BacktestError
        For whatever keeps the config from being run at all.
    """
    say = progress or _silent
    say(f"bundle {config.data.bundle.rpartition('/')[2]}")
    stage = stage_of(config, bundle_of(config))
    scene = Scene(stage.bundle, stage.grid, stage.clock, stage.panel)
    report, weights = _examined(config.name, stage.strategy, recipe_of(stage), scene, say)
    notes = list(report.notes)
    read = [path.name for path in stage.strategy.inputs() if path.suffix != ".py"]
    if read:
        names = ", ".join(read)
        notes.append(f"what {names} knew when it was written cannot be proved here")
    inputs = inputs_of(stage)
    source = {name: inputs["strategy"][name] for name in ("name", "sha256")}
    report = replace(report, notes=tuple(notes), key=check_key(inputs), strategy=source)
    if engine == "vectorbt" and weights is not None:
        from backtest.testing.common_ground import second_opinion

        say("vectorbt")
        claim, numbers = second_opinion(stage, weights)
        report = replace(report, opinion=claim, numbers=numbers)
    return report


def check_strategy(
    strategy: Strategy,
    bundle: Bundle | None = None,
    *,
    clock: ClockSettings = ClockSettings(),  # noqa: B008 - frozen
    universe: UniverseSettings = UniverseSettings(),  # noqa: B008 - frozen
    portfolio: Portfolio = Portfolio(),  # noqa: B008 - frozen
    start: date | None = None,
    end: date | None = None,
) -> CheckReport:
    """Every claim about ``strategy``, for an author's own tests.

    Parameters
    ----------
    bundle
        The market to ask it about; by default `rough_market`, small and full of traps.
    clock, universe, portfolio, start, end
        As in a config; of ``portfolio`` currency, ``max_gross`` and ``short`` count.

    Raises
    ------
    AssertionError
        With the whole report, when a claim does not hold.

    Examples
    --------
    >>> from strategies.equal_weight import EqualWeight
    >>> check_strategy(EqualWeight()).passed
    True
    """
    recipe = Recipe(
        clock=clock,
        universe=universe,
        portfolio=portfolio,
        start=start,
        end=end,
        own_schedule=strategy.own_schedule,
    )
    scene = scene_of(recipe, rough_market() if bundle is None else bundle)
    report, _ = _examined(type(strategy).__name__, strategy, recipe, scene, _silent)
    if not report.passed:
        raise AssertionError(str(report))
    return report


def _examined(
    name: str, strategy: Strategy, recipe: Recipe, scene: Scene, say: Progress
) -> tuple[CheckReport, pd.DataFrame | None]:
    """The report, with the weights where they have the panel's shape."""
    say(f"strategy {name}")
    try:
        weights = ask(strategy, scene.panel)
    except (NotThere, BrokeDown) as reason:
        if reason.__cause__ is not None:  # what stops the strategy would stop the run too
            raise reason.__cause__ from None
        frame = Claim("frame", "the rows and columns of the panel come back", (str(reason),))
        return CheckReport(name, (frame,)), None
    subject = Subject(strategy, recipe, scene, weights)
    decisions = chosen_decisions(scene, weights)
    claims = [*look_ahead(subject, decisions, say), *conformance(subject, say)]
    notes = []
    if weights.isna().to_numpy().all():
        notes.append("it sent no order at all, so that little was there to move")
    hindsight = sorted({item.check for item in scene.bundle.findings if _saw_later(item)})
    if hindsight:
        notes.append(
            f"rows were dropped with hindsight before the check began: {', '.join(hindsight)}"
        )
    asked = tuple(f"{scene.panel.sessions[row]:%Y-%m-%d}" for row in decisions)
    return CheckReport(name, tuple(claims), asked, tuple(notes)), weights


def _saw_later(finding: Finding) -> bool:
    return finding.dropped > 0 and finding.check in HINDSIGHT


def _silent(_: str) -> None:
    """Progress that nobody asked for."""

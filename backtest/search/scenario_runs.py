"""What a run's holdings would gain and lose in a scenario.

The holdings of one session are kept as they are: nothing is traded, no exit fires, cash earns
nothing. At each step an instrument's return is the sum of its betas times the factors' returns, so
a long fall compounds, and none loses more than everything.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from backtest.config import RunConfig
from backtest.errors import Fault, FaultyInput
from backtest.folders import REPORTS
from backtest.panel import Panel
from backtest.report.metrics import plain
from backtest.result import Result
from backtest.runner import prepare, run
from backtest.search.scenario_betas import (
    BLOCK,
    WINDOW,
    Betas,
    Proxy,
    betas_of,
    is_known,
    own_returns,
    proxies,
)
from backtest.search.scenarios import ALL, Scenario, chosen, factors, steps_of

FloatArray = npt.NDArray[np.float64]
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Holdings:
    """What is held after one session: weights of NAV by symbol."""

    session: str
    nav: float
    weights: dict[str, float]


@dataclass(frozen=True)
class Line:
    """One position in a scenario; moves are fractions, ``contribution`` is of NAV."""

    symbol: str
    weight: float
    move: float
    error: float
    contribution: float
    betas: dict[str, float]
    beta_errors: dict[str, float]
    origin: str
    blocks: int
    own: float | None  # what it did itself over an episode


@dataclass(frozen=True)
class Outcome:
    """A scenario on holdings; ``nav`` is 1.0 before the first step, ``steps`` label the others."""

    name: str
    title: str
    kind: str
    about: str
    sources: tuple[str, ...]
    proxies: dict[str, str]  # by factor
    shocks: dict[str, float]  # by factor: its whole move
    left_out: tuple[str, ...]  # factors that nothing in the bundle stands for
    steps: tuple[str, ...]
    nav: tuple[float, ...]
    error: float  # standard error of the last NAV, from that of the betas
    by_factor: dict[str, float]  # of NAV
    own: float | None  # NAV's move by what positions did themselves, where they had bars
    lines: tuple[Line, ...]
    missing: str = ""  # why there is no outcome

    @property
    def change(self) -> float:
        """NAV's move over the scenario; NaN without an outcome."""
        return self.nav[-1] - 1.0 if self.nav else float("nan")


def run_scenarios(
    config: RunConfig, name: str, *, on: date | None = None, progress: Progress | None = None
) -> tuple[Result, Holdings, list[Outcome]]:
    """Run ``config`` and put its holdings through the scenario of that name, or through all.

    Parameters
    ----------
    on
        The last session on or before it gives the holdings; the run's last by default. Betas are
        of what was known at that session's decision.

    Raises
    ------
    FaultyInput
        When there is no such scenario, nothing was held, or the one asked for cannot be had from
        the bundle.
    """
    say = progress or (lambda _: None)
    wanted = chosen(name)
    say("as it is")
    result = run(config)
    panel = prepare(config).panel
    holdings = holdings_of(result, on)
    outcomes = []
    for scenario in wanted:
        say(scenario.title)
        outcomes.append(outcome_of(scenario, panel, holdings))
    if name != ALL and outcomes[0].missing:
        raise FaultyInput("--scenario", [Fault("", f"{name}: {outcomes[0].missing}")])
    return result, holdings, outcomes


def holdings_of(result: Result, on: date | None = None) -> Holdings:
    """What the run held after the last session on or before ``on``, or after its last."""
    sessions = result.nav["session"]
    until = sessions.iloc[-1] if on is None else pd.Timestamp(on)
    past = sessions[sessions <= until]
    if past.empty:
        message = f"is {on}, before the run's first session, {sessions.iloc[0]:%Y-%m-%d}"
        raise FaultyInput("--on", [Fault("", message)])
    session = past.iloc[-1]
    held = result.positions[result.positions["session"] == session]
    if held.empty:
        before = result.positions.loc[result.positions["session"] <= session, "session"]
        hint = f"; --on {before.iloc[-1]:%Y-%m-%d} was the last with any" if len(before) else ""
        message = f"nothing was held on {session:%Y-%m-%d}{hint}"
        raise FaultyInput("--on", [Fault("", message)])
    weights = dict(zip(held["symbol"].astype(str), held["weight"].astype(float), strict=True))
    nav = float(result.nav.loc[sessions == session, "nav"].iloc[0])
    return Holdings(f"{session:%Y-%m-%d}", nav, weights)


def outcome_of(scenario: Scenario, panel: Panel, holdings: Holdings) -> Outcome:
    """The scenario on the holdings, with betas known at their session's decision."""
    row = int(panel.sessions.searchsorted(pd.Timestamp(holdings.session)))
    rows = _window(scenario, panel)
    if isinstance(rows, str):
        return _without(scenario, rows)
    stand, left_out = _stand_ins(scenario, panel, row, rows)
    if not stand:
        return _without(scenario, "nothing in the bundle stands for any of its factors")
    symbols = tuple(holdings.weights)
    betas = betas_of(panel, row, stand, symbols)
    if rows is None:
        labels, steps = steps_of(scenario)
        steps = steps[:, [scenario.factors.index(proxy.factor.name) for proxy in stand]]
        own = np.full(len(symbols), np.nan)
    else:
        lag = int(_knows_later(panel))
        days = panel.sessions[rows.start - lag : rows.stop - lag]
        labels = [f"{day:%Y-%m-%d}" for day in days]
        moves = np.column_stack([proxy.returns[rows] for proxy in stand])
        steps = np.where(np.isnan(moves), 0.0, moves)
        own = np.prod(1.0 + own_returns(panel, symbols)[rows], axis=0) - 1.0
    outcome = _outcome(scenario, holdings.weights, betas, _Moves(stand, labels, steps, own))
    return replace(outcome, left_out=left_out)


def shocked(steps: FloatArray, betas: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Levels of instruments after each step, (S + 1, N) from 1.0, and what each factor did to them.

    The second, (N, K), sums to the last level less 1.0, apart from what cannot be lost twice.

    Examples
    --------
    >>> levels, parts = shocked(np.array([[-0.1], [-0.1]]), np.array([[2.0]]))
    >>> levels[:, 0].round(12).tolist(), parts.round(12).tolist()
    ([1.0, 0.8, 0.64], [[-0.36]])
    """
    growth = np.maximum(1.0 + steps @ betas.T, 0.0)
    levels = np.vstack([np.ones(len(betas)), np.cumprod(growth, axis=0)])
    parts = np.einsum("sn,sk,nk->nk", levels[:-1], steps, betas)
    return levels, parts


def write_scenarios(
    result: Result,
    holdings: Holdings,
    outcomes: Sequence[Outcome],
    *,
    name: str,
    out: Path | None = None,
) -> Path:
    """Write the outcomes as JSON beside the runs of that name; the path."""
    folder = (out or REPORTS) / result.name
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"scenario-{name}-{holdings.session}-{result.fingerprint}.json"
    content = plain(
        {
            "name": result.name,
            "fingerprint": result.fingerprint,
            "bundle": result.manifest["bundle"]["name"],
            "holdings": asdict(holdings),
            "betas": {"blocks": WINDOW, "decisions_in_block": BLOCK},
            "scenarios": [asdict(one) | {"change": one.change} for one in outcomes],
        }
    )
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf-8")
    draft.replace(path)
    return path


def _window(scenario: Scenario, panel: Panel) -> slice | str | None:
    """Rows whose moves an episode is made of; None for other kinds, words where there are none."""
    episode = scenario.episode
    if episode is None:
        return None
    dates = panel.sessions.to_numpy().astype("datetime64[D]")
    begin = int(np.searchsorted(dates, episode.first))
    stop = int(np.searchsorted(dates, episode.last, side="right"))
    if _knows_later(panel):
        begin, stop = begin + 1, stop + 1
    span = f"the bundle's history here is {dates[0]} to {dates[-1]}"
    if begin < 1 or dates[0] > episode.first or stop > len(dates):
        return f"needs {episode.first} to {episode.last}; {span}"
    return slice(begin, stop)


def _knows_later(panel: Panel) -> bool:
    """Whether a session is known at the decision of the next only."""
    return panel.clock.settings.decide == "before_open"


def _stand_ins(
    scenario: Scenario, panel: Panel, row: int, rows: slice | None
) -> tuple[list[Proxy], tuple[str, ...]]:
    """The first proxy of each factor with a past and, in an episode, moves; factors without."""
    found, missing = [], []
    for name in scenario.factors:
        for proxy in proxies(panel, factors()[name]):
            has_window = rows is None or not np.isnan(proxy.returns[rows]).any()
            if has_window and is_known(proxy, row):
                found.append(proxy)
                break
        else:
            missing.append(name)
    return found, tuple(missing)


class _Moves(NamedTuple):
    """What moves in a scenario: stand-ins of its factors, their returns; and what positions did."""

    stand: Sequence[Proxy]
    labels: Sequence[str]
    steps: FloatArray  # (S, K)
    own: FloatArray  # (N,): over the whole episode, NaN where unknown


def _outcome(scenario: Scenario, held: Mapping[str, float], betas: Betas, moves: _Moves) -> Outcome:
    own = moves.own
    names = [proxy.factor.name for proxy in moves.stand]
    weights = np.array([held[symbol] for symbol in betas.symbols])
    levels, parts = shocked(moves.steps, betas.slopes)
    whole = np.prod(1.0 + moves.steps, axis=0)
    # How a level answers to its betas: dL / d(beta) is about L x the log of the factor's move.
    errors = levels[-1] * np.sqrt(np.square(betas.errors) @ np.square(np.log(whole)))
    nav = 1.0 + (levels - 1.0) @ weights
    acted = np.where(np.isnan(own), levels[-1] - 1.0, own)
    lines = [
        Line(
            symbol=symbol,
            weight=float(weights[at]),
            move=float(levels[-1, at] - 1.0),
            error=float(errors[at]),
            contribution=float(weights[at] * (levels[-1, at] - 1.0)),
            betas=_named(names, betas.slopes[at]),
            beta_errors=_named(names, betas.errors[at]),
            origin=betas.origin[at],
            blocks=int(betas.blocks[at]),
            own=None if np.isnan(own[at]) else float(own[at]),
        )
        for at, symbol in enumerate(betas.symbols)
    ]
    return Outcome(
        name=scenario.name,
        title=scenario.title,
        kind=scenario.kind,
        about=scenario.about,
        sources=tuple(scenario.sources),
        proxies={proxy.factor.name: proxy.name for proxy in moves.stand},
        shocks=_named(names, whole - 1.0),
        left_out=(),
        steps=tuple(moves.labels),
        nav=tuple(float(level) for level in nav),
        error=_error(weights, levels[-1], betas.errors_of(weights) * np.log(whole)),
        by_factor=_named(names, weights @ parts),
        own=None if np.isnan(own).all() else float(weights @ acted),
        lines=tuple(sorted(lines, key=lambda line: (line.contribution, line.symbol))),
    )


def _error(weights: FloatArray, levels: FloatArray, of_betas: FloatArray) -> float:
    """Error of the last NAV from those of the portfolio's own betas, each times its factor's log.

    The portfolio's errors hold what positions have in common; theirs, added up, would not.
    """
    left = float(np.abs(weights) @ levels) / float(np.abs(weights).sum())
    return left * float(np.sqrt(np.square(of_betas).sum()))


def _without(scenario: Scenario, why: str) -> Outcome:
    return Outcome(
        name=scenario.name,
        title=scenario.title,
        kind=scenario.kind,
        about=scenario.about,
        sources=tuple(scenario.sources),
        proxies={},
        shocks={},
        left_out=(),
        steps=(),
        nav=(),
        error=0.0,
        by_factor={},
        own=None,
        lines=(),
        missing=why,
    )


def _named(names: Sequence[str], values: FloatArray) -> dict[str, float]:
    named: Mapping[str, float] = {
        name: float(value) for name, value in zip(names, values, strict=True)
    }
    return dict(named)

"""The outcome of a scenario on holdings: NAV along the way, by factor, by position.

At each step an instrument's return is the sum of its betas times the factors' returns, so a long
fall compounds, and none loses more than everything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from backtest.search.scenario_betas import Betas, Proxy
from backtest.search.scenarios import Scenario

FloatArray = npt.NDArray[np.float64]


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


class Moves(NamedTuple):
    """What moves in a scenario: stand-ins of its factors, their returns; and what positions did."""

    stand: Sequence[Proxy]
    labels: Sequence[str]
    steps: FloatArray  # (S, K)
    own: FloatArray  # (N,): over the whole episode, NaN where unknown


def outcome(scenario: Scenario, held: Mapping[str, float], betas: Betas, moves: Moves) -> Outcome:
    """What ``moves`` do to the weights ``held``, by betas."""
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


def without(scenario: Scenario, why: str) -> Outcome:
    """No outcome, and why there is none."""
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


def _error(weights: FloatArray, levels: FloatArray, of_betas: FloatArray) -> float:
    """Error of the last NAV from those of the portfolio's own betas, each times its factor's log.

    The portfolio's errors hold what positions have in common; theirs, added up, would not.
    """
    left = float(np.abs(weights) @ levels) / float(np.abs(weights).sum())
    return left * float(np.sqrt(np.square(of_betas).sum()))


def _named(names: Sequence[str], values: FloatArray) -> dict[str, float]:
    named: Mapping[str, float] = {
        name: float(value) for name, value in zip(names, values, strict=True)
    }
    return dict(named)

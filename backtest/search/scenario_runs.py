"""What a run's holdings would gain and lose in a scenario.

The holdings of one session are kept as they are: nothing is traded, no exit fires, cash earns
nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from backtest.config import RunConfig
from backtest.config.document import nearest
from backtest.errors import Fault, FaultyInput
from backtest.folders import REPORTS
from backtest.panel import Panel
from backtest.report.metrics import plain
from backtest.result import Result
from backtest.runner import prepare, run
from backtest.search.scenario_betas import (
    BLOCK,
    WINDOW,
    Proxy,
    betas_of,
    is_known,
    own_returns,
    proxies,
)
from backtest.search.scenario_outcomes import Moves, Outcome, outcome, without
from backtest.search.scenarios import (
    ALL,
    Factor,
    Scenario,
    chosen,
    factors,
    steps_of,
    with_stand_ins,
)

FloatArray = npt.NDArray[np.float64]
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Holdings:
    """What is held after one session: weights of NAV by symbol."""

    session: str
    nav: float
    weights: dict[str, float]


def run_scenarios(
    config: RunConfig,
    name: str,
    *,
    on: date | None = None,
    stand_ins: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> tuple[Result, Holdings, list[Outcome]]:
    """Run ``config`` and put its holdings through the scenario of that name, or through all.

    Parameters
    ----------
    on
        The last session on or before it gives the holdings; the run's last by default. Betas are
        of what was known at that session's decision.
    stand_ins
        Symbols or currency pairs by factor that stand for it, in the place of those it knows.

    Raises
    ------
    FaultyInput
        When there is no such scenario, nothing was held, or the one asked for cannot be had from
        the bundle.
    """
    say = progress or (lambda _: None)
    wanted = chosen(name)
    own = with_stand_ins(stand_ins or {})
    say("as it is")
    result = run(config)
    panel = prepare(config).panel
    _check_there(panel, stand_ins or {})
    holdings = holdings_of(result, on)
    outcomes = []
    for scenario in wanted:
        say(scenario.title)
        outcomes.append(outcome_of(scenario, panel, holdings, own))
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


def outcome_of(
    scenario: Scenario, panel: Panel, holdings: Holdings, of: Mapping[str, Factor] | None = None
) -> Outcome:
    """The scenario on the holdings, with betas known at their session's decision.

    ``of`` has the factors by name; those of the project by default.
    """
    row = int(panel.sessions.searchsorted(pd.Timestamp(holdings.session)))
    rows = _window(scenario, panel)
    if isinstance(rows, str):
        return without(scenario, rows)
    named = [(of or factors())[name] for name in scenario.factors]
    stand, left_out = _stand_ins(named, panel, row, rows)
    if not stand:
        return without(scenario, "nothing in the bundle stands for any of its factors")
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
    found = outcome(scenario, holdings.weights, betas, Moves(stand, labels, steps, own))
    return replace(found, left_out=left_out)


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


def _check_there(panel: Panel, stand_ins: Mapping[str, str]) -> None:
    """Refuse what the bundle does not have."""
    faults = []
    for name, symbol in stand_ins.items():
        if "/" not in symbol and symbol not in panel.symbols:
            near = nearest(symbol, [str(known) for known in panel.symbols])
            faults.append(Fault(name, f"'{symbol}' is not in the bundle{near}"))
    if faults:
        raise FaultyInput("--factor", faults)


def _knows_later(panel: Panel) -> bool:
    """Whether a session is known at the decision of the next only."""
    return panel.clock.settings.decide == "before_open"


def _stand_ins(
    named: Sequence[Factor], panel: Panel, row: int, rows: slice | None
) -> tuple[list[Proxy], tuple[str, ...]]:
    """The first proxy of each factor with a past and, in an episode, moves; factors without."""
    found, missing = [], []
    for factor in named:
        for proxy in proxies(panel, factor):
            has_window = rows is None or not np.isnan(proxy.returns[rows]).any()
            if has_window and is_known(proxy, row):
                found.append(proxy)
                break
        else:
            missing.append(factor.name)
    return found, tuple(missing)

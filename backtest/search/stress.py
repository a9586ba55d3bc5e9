"""What breaks a strategy: the same run later, dearer, with less of everything, larger."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backtest.config import RunConfig
from backtest.data.sample import sample_folder
from backtest.errors import BacktestError
from backtest.folders import REPORTS
from backtest.kernels.world import Terms, World
from backtest.measures import performance
from backtest.result import Result
from backtest.runner import run
from backtest.search.markets import block_of, markets
from backtest.search.scores import scores_of
from backtest.search.space import Values
from backtest.search.workshop import Trial, Workshop
from backtest.sleeves.keys import numbers_of, short_key

FloatArray = NDArray[np.float64]
Progress = Callable[[str], None]

CAPITAL = (0.1, 1.0, 10.0, 100.0, 1000.0)
"""Multiples of the initial cash that the capacity curve is simulated at."""
JITTER = 0.2
"""Largest change of a parameter, as a share of its value."""
DRAWN = "Drawn market"
"""Group of the runs on markets drawn again; their notes say in which blocks."""


@dataclass(frozen=True)
class Case:
    """One stressed run; ``scores`` are as a sweep's, NaN where it could not be run."""

    group: str
    label: str
    scores: dict[str, float]
    note: str = ""


def stress(
    config: RunConfig,
    *,
    draws: int = 40,
    names: int = 10,
    seeds: int = 5,
    drawn: int = 10,
    progress: Progress | None = None,
) -> tuple[Result, list[Case]]:
    """Run ``config`` as it is, then every stressed variation of it.

    Parameters
    ----------
    draws
        Random changes of the strategy's numbers, each within a fifth of its value.
    names
        Instruments that are left out one by one: those with the largest profits and losses.
    seeds
        Simulated markets without any planted effect; on the sample market only.
    drawn
        Markets made of the run's own sessions, drawn again in blocks.

    Returns
    -------
    tuple
        The run, and the cases in reading order, the unstressed one first.
    """
    say = progress or _silent
    say("as it is")
    result = run(config)
    shop = Workshop(config)
    base = shop.trial({}, label="base")
    cases = [Case("As it is", "as configured", _scores(base))]
    parts: tuple[tuple[str, Callable[[], Iterator[Case]]], ...] = (
        ("later and dearer", lambda: _dealing(shop)),
        ("without instruments and sectors", lambda: _without_names(shop, config, result, names)),
        ("without years and best trades", lambda: _without_luck(base, result)),
        ("other parameters", lambda: _jittered(shop, config, base, draws)),
        ("more capital", lambda: _capacity(shop, config)),
        ("markets drawn again", lambda: _drawn(base, config, drawn)),
        ("markets without the effect", lambda: _nulls(config, seeds)),
    )
    for title, make in parts:
        say(title)
        cases += make()
    return result, cases


def write_stress(result: Result, cases: list[Case], *, out: Path | None = None) -> Path:
    """Write the cases as ``stress-<fingerprint>.json`` beside the runs of that name; the path."""
    folder = (out or REPORTS) / result.name
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"stress-{result.fingerprint}.json"
    content = {
        "name": result.name,
        "fingerprint": result.fingerprint,
        "bundle": result.manifest["bundle"],
        "period": result.manifest["period"],
        "cases": [asdict(case) for case in cases],
    }
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf-8")
    draft.replace(path)
    return path


def _dealing(shop: Workshop) -> Iterator[Case]:
    """Orders one and two decisions late; every cost twice and four times."""
    for late in (1, 2):
        label = f"decisions {late} session{'s' if late > 1 else ''} late"
        yield Case("Later", label, _scores(shop.varied({}, late=late)))
    for times in (2.0, 4.0):
        trial = shop.varied({}, change=partial(_dearer, times=times))
        label = f"all costs x {times:g}"
        yield Case("Dearer", label, _scores(trial))


def _dearer(world: World, terms: Terms, *, times: float) -> tuple[World, Terms]:
    fees = world.rules.fees.copy()
    for field in ("rate", "fixed", "per_share", "least", "most"):
        fees[field] *= times
    dearer = {"slippage", "slippage_ticks", "impact", "fx_cost", "borrow", "rate_spread"}
    return (
        world._replace(
            rules=world.rules._replace(fees=fees), borrow_rate=world.borrow_rate * times
        ),
        terms._replace(**{name: getattr(terms, name) * times for name in sorted(dearer)}),
    )


def _without_names(shop: Workshop, config: RunConfig, result: Result, names: int) -> Iterator[Case]:
    """Each of the instruments and sectors that mattered most, left out of the universe."""
    profit = result.trades.groupby("symbol")["pnl"].sum()
    ranked = profit.abs().sort_values(ascending=False, kind="stable").index[:names]
    for symbol in ranked:
        yield _case(shop, "Without an instrument", str(symbol), _excluding(config, [str(symbol)]))
    sectors = shop.trial({}).stage.panel.instruments["sector"].dropna()
    traded = sectors[sectors.index.isin(profit.index)]
    for sector in sorted(traded.unique()):
        symbols = [str(symbol) for symbol in sectors.index[sectors == sector]]
        if len(symbols) < len(sectors):
            yield _case(shop, "Without a sector", str(sector), _excluding(config, symbols))


def _excluding(config: RunConfig, symbols: list[str]) -> Values:
    kept = [symbol for symbol in config.universe.symbols if symbol not in symbols]
    values: Values = {"universe.exclude": [*config.universe.exclude, *symbols]}
    return values | ({"universe.symbols": [*kept]} if config.universe.symbols else {})


def _without_luck(base: Trial, result: Result) -> Iterator[Case]:
    """Each calendar year cut out of the returns; the best trades taken out of the profit."""
    years = base.sessions.astype("datetime64[Y]").astype(int) + 1970
    returns = performance.returns_from(base.nav)
    for year in np.unique(years):
        kept = years != year
        if kept.sum() > 1:
            nav = base.nav[0] * np.concatenate(([1.0], np.cumprod(1.0 + returns[kept])))
            scores = _scores(base, nav, kept)
            scores["cagr"] = _per_year(scores["total_return"], base, float(kept.mean()))
            yield Case("Without a year", str(year), scores)
    closed = result.trades["pnl"].sort_values(ascending=False)
    for count in (1, 5, 10):
        if len(closed) > count:
            rest = float(base.nav[-1] - base.nav[0] - closed.iloc[:count].sum())
            total = rest / float(base.nav[0])
            scores = {"total_return": total, "cagr": _per_year(total, base)}
            label = f"best {count} trade{'s' if count > 1 else ''} of {len(closed)} taken out"
            yield Case("Without the best trades", label, scores, "profit only, not reinvested")


def _per_year(total: float, base: Trial, part: float = 1.0) -> float:
    """``total`` a year, over ``part`` of the run's time; -1 where more than everything is gone."""
    years = performance.elapsed_years(base.sessions) * part
    return float(max(1.0 + total, 0.0) ** (1.0 / years)) - 1.0


def _jittered(shop: Workshop, config: RunConfig, base: Trial, draws: int) -> Iterator[Case]:
    """Every number of the strategy moved at once, each within a fifth of its value."""
    rng = np.random.default_rng([config.seed, draws])
    numbers = numbers_of(base.stage.strategy)
    for draw in range(draws if numbers else 0):
        values: Values = {}
        for name, value in numbers.items():
            moved = value * float(rng.uniform(1.0 - JITTER, 1.0 + JITTER))
            values[name] = max(1, round(moved)) if isinstance(value, int) else float(f"{moved:.4g}")
        shown = ", ".join(f"{short_key(key)} {value}" for key, value in values.items())
        yield _case(shop, "Other parameters", f"draw {draw + 1}", values, note=shown)


def _capacity(shop: Workshop, config: RunConfig) -> Iterator[Case]:
    """The same with more and less money: what caps, lots and impact leave of it."""
    cash = config.portfolio.cash.amount
    currency = config.portfolio.currency
    for times in CAPITAL:
        amount = cash * times
        values: Values = {"portfolio.cash": amount}
        yield _case(shop, "Capital", f"{amount:,.0f} {currency}", values)


def _nulls(config: RunConfig, seeds: int) -> Iterator[Case]:
    """On the sample market: the same strategy where nothing is planted that it could find."""
    if config.data.bundle != "sample":
        return
    for seed in range(1, seeds + 1):
        folder = sample_folder(seed=seed, effects=False)
        shop = Workshop(config)
        values: Values = {"data.bundle": str(folder)}
        yield _case(shop, "No effect planted", f"seed {seed}", values)


def _drawn(base: Trial, config: RunConfig, draws: int) -> Iterator[Case]:
    """The same config on markets of the run's own sessions, one in memory at a time."""
    length = block_of(base.stage)
    note = f"{length} session{'s' if length > 1 else ''} long on average"
    for number, bundle in enumerate(markets(base.stage, draws=draws, length=length), 1):
        case = _case(Workshop.over(config, bundle), DRAWN, f"market {number}", {})
        yield replace(case, note=note) if case.scores else case


def _case(shop: Workshop, group: str, label: str, values: Values, *, note: str = "") -> Case:
    try:
        trial = shop.trial(values, label=label)
    except BacktestError as error:
        return Case(group, label, {}, f"could not be run: {error}")
    return Case(group, label, _scores(trial), note if trial.fills else "never traded")


def _scores(
    trial: Trial, nav: FloatArray | None = None, kept: NDArray[np.bool_] | None = None
) -> dict[str, float]:
    """Scores of a trial, or of another NAV over the sessions that are kept."""
    risk_free = trial.risk_free
    if kept is not None and isinstance(risk_free, np.ndarray):
        risk_free = risk_free[kept]
    scores = scores_of(
        trial.nav if nav is None else nav,
        trial.sessions if kept is None else trial.sessions[kept],
        risk_free=risk_free,
        sessions_per_year=trial.sessions_per_year,
        outline=trial.outline if nav is None else None,
    )
    # Interest on idle cash hardly varies: a ratio over its deviation says nothing.
    idle = () if trial.fills else ("sharpe", "sortino", "sharpe_per_session")
    return {
        name: value for name, value in scores.items() if not math.isnan(value) and name not in idle
    }


def _silent(_: str) -> None:
    """Progress that nobody asked for."""

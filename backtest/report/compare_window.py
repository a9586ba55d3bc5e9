"""Headline measures of runs over the time that all of them have."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from backtest.measures import drawdowns, performance, trading
from backtest.report import formats
from backtest.report.account import column
from backtest.report.catalogue import Path, look_up
from backtest.report.compare_inputs import some
from backtest.report.series import section

if TYPE_CHECKING:
    from backtest.report.compare_common import Common
    from backtest.report.series import Series
    from backtest.result import Result

Values = Mapping[Path, object]

PATHS: tuple[Path, ...] = (
    ("return", "cagr"),
    ("return", "total_return"),
    ("risk", "sharpe"),
    ("drawdowns", "max_drawdown"),
    ("risk", "volatility"),
    ("trading", "gross_exposure"),
    ("trading", "turnover_per_year"),
    ("costs", "total", "bps_of_nav_per_year"),
)
"""The measures, in the tearsheet's order."""


def values_in_common(
    results: Sequence[Result], dailies: Sequence[Series], common: Common
) -> list[Values]:
    """Measures of each run over the common time; NaN where not defined, as in ``metrics.json``.

    Where all runs have the same sessions, and where they have none in common, these are those of
    their ``metrics.json``. Else returns are those from one common session to the next, and what was
    held, dealt and paid is that of the run's own sessions from the first common one to the last.
    """
    if common.is_whole or not common.sessions.size:
        whole = [{path: look_up(result.metrics, path) for path in PATHS} for result in results]
        return [
            own if is_in or not common.sessions.size else own | {("risk", "sharpe"): math.nan}
            for own, is_in in zip(whole, common.invested, strict=True)
        ]
    return [
        _of_returns(common, run) | _of_records(result, daily, common)
        for run, (result, daily) in enumerate(zip(results, dailies, strict=True))
    ]


def basis(results: Sequence[Result], names: Sequence[str], common: Common) -> Iterator[str]:
    """Sentences on what the numbers stand on: the sessions, too few of them, or no position."""
    sessions = common.sessions
    count = formats.counted(sessions.size, "session")
    if not sessions.size:
        yield (
            "No session in common: each run is measured over its own period, and nothing is "
            "subtracted."
        )
    elif not common.is_whole:
        yield (
            f"Measured over the {count} in common, {formats.day(sessions[0])} to "
            f"{formats.day(sessions[-1])}; years, trades and the list of all measures are of each "
            "run's whole period."
        )
    if sessions.size and not common.is_whole and not common.has_a_year:
        yield (
            "The time in common is less than a year: growth is not annualised; Sharpe, volatility, "
            f"turnover and costs are annualised from {count}."
        )
    for result, name in zip(results, names, strict=True):
        short = section(result.metrics, "conventions").get("short")
        if short is not None:
            yield f"{name}: {short}."
    idle = [name for name, is_in in zip(names, common.invested, strict=True) if not is_in]
    if idle and sessions.size:
        yield f"{some(idle)} held nothing in the sessions in common: there is no ratio to risk."


def _of_returns(common: Common, run: int) -> dict[Path, object]:
    levels, returns = common.levels[run], common.returns[run]
    if not levels[0] > 0.0:  # bankrupt before: nothing was left that could grow or fall
        return dict.fromkeys(_OF_RETURNS, math.nan)
    per_year = common.sessions_per_year
    sharpe = performance.sharpe(returns, sessions_per_year=per_year, risk_free=common.cash[run])
    growth = performance.cagr(levels, common.sessions) if common.has_a_year else math.nan
    return {
        ("return", "cagr"): growth,
        ("return", "total_return"): performance.total_return(levels),
        ("risk", "sharpe"): sharpe if common.invested[run] else math.nan,
        ("drawdowns", "max_drawdown"): drawdowns.max_drawdown(levels),
        ("risk", "volatility"): performance.volatility(returns, sessions_per_year=per_year),
    }


def _of_records(result: Result, daily: Series, common: Common) -> dict[Path, object]:
    sessions = daily.account.sessions
    span = (sessions >= common.sessions[0]) & (sessions <= common.sessions[-1])
    years = performance.elapsed_years(common.sessions)
    paid = sum(float(np.sum(column(result.nav, name)[span])) for name in _PAID)
    row = np.searchsorted(sessions, result.positions["session"].to_numpy().astype("datetime64[D]"))
    gross = trading.gross_exposure(
        row.astype(np.int64), column(result.positions, "weight"), sessions=sessions.size
    )
    turnover = column(result.nav, "turnover")[span]
    return {
        ("trading", "gross_exposure"): float(np.mean(gross[span])),
        ("trading", "turnover_per_year"): trading.turnover_per_year(turnover, years=years),
        ("costs", "total", "bps_of_nav_per_year"): trading.bps_of_nav_per_year(
            paid, daily.nav[span], years=years
        ),
    }


_OF_RETURNS = PATHS[:5]
_PAID = ("fees", "slippage", "fx_cost")

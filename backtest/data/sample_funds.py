"""Funds on whole markets in the sample, each with a price/earnings ratio of its own."""

from __future__ import annotations

import math

import numpy as np

from backtest.data.sample_abroad import UnitedStates
from backtest.data.sample_draws import fat_normals
from backtest.data.sample_effects import Effects
from backtest.data.sample_groups import Group, walked
from backtest.data.sample_reports import plan_reports

# Symbol, name, normal earnings yield, first price.
_FUNDS = (
    ("V01.US", "China Internet ETF", 0.060, 38.0),
    ("V02.US", "STAR 50 ETF", 0.022, 17.0),
    ("V03.US", "US Internet ETF", 0.035, 85.0),
    ("V04.US", "China Tech ETF", 0.048, 24.0),
)
_LAGS = dict.fromkeys((3, 6, 9, 12), (4, 9))  # the provider's figure of a quarter's end
_SESSIONS = 252.0
_SIGMA = 0.011


def market_funds(seed: int, us: UnitedStates, effects: Effects) -> Group:
    """Funds of four markets that trade in New York; earnings follow prices, slowly."""
    rows, columns = len(us.dates), len(_FUNDS)
    anchor = np.array([fund[2] for fund in _FUNDS])
    start = np.array([fund[3] for fund in _FUNDS])
    night = fat_normals(seed, "funds night", rows, columns)
    day = fat_normals(seed, "funds day", rows, columns)
    sigma = np.full(columns, _SIGMA)
    reports = plan_reports(seed, "funds", us.dates, columns, _LAGS)
    # Half of a company's surprise: what is left of many companies' quarters.
    surprise = 0.5 * fat_normals(seed, "funds surprise", rows, columns)
    path = walked(
        0.5 * us.gap[:, None] + 0.5 * sigma * night,
        0.5 * us.intra[:, None] + math.sqrt(0.75) * sigma * day,
        start=start,
        anchor=anchor,
        reported=reports,
        surprise=surprise,
        value_spread=effects.gap_pull / _SESSIONS,
        value_rows=us.dates,
    )
    return Group(
        symbols=tuple(fund[0] for fund in _FUNDS),
        names=tuple(fund[1] for fund in _FUNDS),
        sectors=("ETF",) * columns,
        exchange="XNYS",
        currency="USD",
        kind="etf",
        board="",
        lot=1.0,
        grid="cents",
        turnover=1.5e8,
        dates=us.dates,
        start=start,
        sigma=sigma,
        path=path,
        reports=reports,
    )

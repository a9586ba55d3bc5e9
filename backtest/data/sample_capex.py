"""US spenders of the sample market, what they spend, and the suppliers who earn it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from backtest.data.sample_abroad import UnitedStates
from backtest.data.sample_draws import (
    BoolArray,
    DateArray,
    FloatArray,
    IntArray,
    along,
    fat_normals,
    mean_of,
    normals,
    row_sums,
    uniforms,
)
from backtest.data.sample_effects import Effects
from backtest.data.sample_groups import Group, fact_rows, walked
from backtest.data.sample_reports import US_LAGS, Reports, add_jumps, plan_reports
from backtest.data.sample_walk import centred_rank

SPENDERS, SUPPLIERS = 12, 6
SPENDER, SUPPLIER = "Cloud", "AI Supply"  # their sectors
_SESSIONS = 252.0
_JUMP = 0.04
_PHASE = 6  # quarters of building or of rest
_BUILDING, _RESTING, _SPEED = 0.30, 0.10, 0.18  # capex over revenue, and how fast it gets there
_YEAR = 4
_BEFORE = 8  # quarters simulated before the first report


@dataclass(frozen=True, eq=False)
class Accounts:
    """Trailing twelve months of the spenders, USD, quarters x spenders, and when known."""

    periods: DateArray  # (Q,) ends of the quarters that are reported
    revenue: FloatArray
    cash_flow: FloatArray
    capex: FloatArray
    guidance: FloatArray  # capex of the fiscal year that the next quarter is in
    outrun: FloatArray  # growth of capex over a year over that of revenue, less 1


def capex_stocks(seed: int, us: UnitedStates, effects: Effects) -> tuple[Group, Accounts]:
    """Spenders, then suppliers, and the accounts of the spenders."""
    rows, columns = len(us.dates), SPENDERS + SUPPLIERS
    beta = 0.8 + 0.5 * uniforms(seed, "capex beta", columns)
    sigma = 0.010 + 0.006 * uniforms(seed, "capex sigma", columns)
    price = along(uniforms(seed, "capex start", columns), (0, 1), (30.0, 200.0))
    start = np.rint(price * 100.0) / 100.0
    reports = plan_reports(seed, "capex", us.dates, columns, US_LAGS)
    accounts = _accounts(seed, reports)
    surprise = fat_normals(seed, "capex surprise", rows, columns)
    night = 0.5 * sigma * fat_normals(seed, "capex night", rows, columns)
    day = math.sqrt(0.75) * sigma * fat_normals(seed, "capex day", rows, columns)
    drift = _drift(known_quarter(reports, accounts.periods, rows), accounts.outrun, effects)
    yields = along(uniforms(seed, "capex yield", columns), (0, 1), (0.02, 0.045))
    path = walked(
        add_jumps(beta * us.gap[:, None] + night, reports, surprise, _JUMP),
        beta * us.intra[:, None] + day + drift,
        start=start,
        anchor=yields,
        reported=reports,
        surprise=surprise,
    )
    sectors = (SPENDER,) * SPENDERS + (SUPPLIER,) * SUPPLIERS
    group = Group(
        symbols=tuple(f"C{i + 1:02d}.US" for i in range(columns)),
        names=tuple(f"{sector} {i + 1:02d}" for i, sector in enumerate(sectors)),
        sectors=sectors,
        exchange="XNYS",
        currency="USD",
        kind="stock",
        board="",
        lot=1.0,
        grid="cents",
        turnover=8e8,
        dates=us.dates,
        start=start,
        sigma=sigma,
        path=path,
        reports=reports,
    )
    return group, accounts


def capex_facts(group: Group, accounts: Accounts, *, close: DateArray) -> pd.DataFrame:
    """``revenue``, ``operating_cash_flow``, ``capex`` and ``capex_guidance``, 20 minutes after."""
    spends = group.reports.column < SPENDERS
    column, period = group.reports.column[spends], group.reports.period[spends]
    quarter = np.searchsorted(accounts.periods, period)
    known = close[group.reports.row[spends]] + np.timedelta64(20, "m")
    symbol = np.asarray(group.symbols, dtype=object)[column]
    year = (period + 1).astype("datetime64[Y]") + 1
    ahead = year.astype("datetime64[D]") - 1
    parts = [
        fact_rows(symbol, field, end, known, values[quarter, column])
        for field, end, values in (
            ("revenue", period, accounts.revenue),
            ("operating_cash_flow", period, accounts.cash_flow),
            ("capex", period, accounts.capex),
            ("capex_guidance", ahead, accounts.guidance),
        )
    ]
    return pd.concat(parts, ignore_index=True)


def known_quarter(reports: Reports, periods: DateArray, rows: int) -> IntArray:
    """Place in ``periods`` of the spenders' last report before each session; -1 for none."""
    out = np.full((rows, SPENDERS), -1, dtype=np.int64)
    spends = reports.column < SPENDERS
    place = np.searchsorted(periods, reports.period[spends])
    out[reports.row[spends] + 1, reports.column[spends]] = place
    return np.asarray(np.maximum.accumulate(out, axis=0))


def _accounts(seed: int, reports: Reports) -> Accounts:
    periods = np.unique(reports.period)
    count = len(periods) + _BEFORE
    building = _building(seed, count)
    size = along(uniforms(seed, "capex size", SPENDERS), (0, 1), (5e9, 5e10))
    growth = 1.025 + 0.012 * normals(seed, "capex revenue", count, SPENDERS)
    revenue = size * np.multiply.accumulate(growth, axis=0)
    aim = np.where(building, _BUILDING, _RESTING)
    share = np.empty((count, SPENDERS))
    at = np.full(SPENDERS, (_BUILDING + _RESTING) / 2.0)
    for quarter in range(count):
        at = at + _SPEED * (aim[quarter] - at)
        share[quarter] = at
    share = share * (1.0 + 0.04 * normals(seed, "capex share", count, SPENDERS))
    slower = (1.0 - _SPEED) * (1.0 - _SPEED)
    coming = share + (1.0 - slower * slower) * (aim - share)
    margin = 0.28 + 0.02 * normals(seed, "capex margin", count, SPENDERS)
    capex = share * revenue
    outrun = np.zeros((count, SPENDERS))
    grown = (capex[_YEAR:] / capex[:-_YEAR]) / (revenue[_YEAR:] / revenue[:-_YEAR])
    outrun[_YEAR:] = grown - 1.0
    shown = slice(_BEFORE, None)

    def money(values: FloatArray) -> FloatArray:
        return np.asarray(np.rint(values[shown] / 1e6) * 1e6)

    return Accounts(
        periods=periods,
        revenue=money(revenue),
        cash_flow=money(margin * revenue),
        capex=money(capex),
        guidance=money(coming * revenue * 1.10),
        outrun=outrun[shown],
    )


def _building(seed: int, count: int) -> BoolArray:
    """Quarters x spenders: in a phase of building, more often while the others are in one."""
    late = (uniforms(seed, "capex phase start", SPENDERS) * _PHASE).astype(np.int64)
    phases = count // _PHASE + 2
    odds = np.where(uniforms(seed, "capex wave", phases, 1) < 0.5, 0.25, 0.75)
    on = uniforms(seed, "capex phase", phases, SPENDERS) < odds
    return np.asarray(on[(np.arange(count)[:, None] + late) // _PHASE, np.arange(SPENDERS)])


def _drift(quarter: IntArray, outrun: FloatArray, effects: Effects) -> FloatArray:
    """Return per session, sessions x stocks, from what was published before that session."""
    rows = len(quarter)
    known = np.where(quarter >= 0, outrun[np.maximum(quarter, 0), np.arange(SPENDERS)], 0.0)
    out = np.zeros((rows, SPENDERS + SUPPLIERS))
    all_live = np.ones(SPENDERS, dtype=np.bool_)
    for row in range(rows):
        out[row, :SPENDERS] = -effects.capex_drag / _SESSIONS * centred_rank(known[row], all_live)
    wave = row_sums(known) / SPENDERS
    benefit = effects.capex_benefit / _SESSIONS * (wave - mean_of(wave))
    out[:, SPENDERS:] = benefit[:, None]
    return out

"""Mainland technology stocks of the sample market, which rise and fall in phases."""

from __future__ import annotations

import math

import numpy as np

from backtest.data.sample_draws import (
    DateArray,
    FloatArray,
    along,
    fat_normals,
    mean_of,
    uniforms,
)
from backtest.data.sample_effects import BOARD_PHASE, NAME_PHASE, Effects
from backtest.data.sample_groups import Group, walked
from backtest.data.sample_reports import HONG_KONG_LAGS, add_jumps, plan_reports

COLUMNS = 24
_SECTORS = ("Semiconductors", "Software", "Hardware", "New Energy")
_JUMP = 0.04
_MOST = 0.09  # a gap and a session stay inside the board's daily limit of 20 %


def mainland_stocks(
    seed: int, dates: DateArray, shared: tuple[FloatArray, FloatArray], effects: Effects
) -> Group:
    """Mainland stocks on ``dates``, given the gap and session returns of the STAR fund."""
    rows, columns = len(dates), COLUMNS
    beta = 0.7 + 0.5 * uniforms(seed, "cn beta", columns)
    sigma = 0.013 + 0.008 * uniforms(seed, "cn sigma", columns)
    price = along(uniforms(seed, "cn start", columns), (0, 1), (15.0, 120.0))
    start = np.rint(price * 100.0) / 100.0
    phases = effects.star_board * board_phase(seed, rows)[:, None]
    phases = phases + effects.star_names * name_phases(seed, rows, columns)
    gap = beta * shared[0][:, None] + 0.5 * sigma * fat_normals(seed, "cn night", rows, columns)
    day = math.sqrt(0.75) * sigma * fat_normals(seed, "cn day", rows, columns)
    surprise = fat_normals(seed, "cn surprise", rows, columns)
    reports = plan_reports(seed, "cn", dates, columns, HONG_KONG_LAGS)
    gap = np.clip(add_jumps(gap, reports, surprise, _JUMP), -_MOST, _MOST)
    intra = np.clip(beta * shared[1][:, None] + day + phases, -_MOST, _MOST)
    yields = along(uniforms(seed, "cn yield", columns), (0, 1), (0.012, 0.035))
    path = walked(gap, intra, start=start, anchor=yields, reported=reports, surprise=surprise)
    return Group(
        symbols=tuple(f"A{i + 1:02d}.SH" for i in range(columns)),
        names=tuple(f"Mainland Tech {i + 1:02d}" for i in range(columns)),
        sectors=tuple(_SECTORS[i % len(_SECTORS)] for i in range(columns)),
        exchange="XSHG",
        currency="CNY",
        kind="stock",
        board="star",
        lot=100.0,
        grid="cents",
        turnover=6e8,
        dates=dates,
        start=start,
        sigma=sigma,
        path=path,
        reports=reports,
    )


def board_phase(seed: int, rows: int) -> FloatArray:
    """+1 and -1 for stretches of ``BOARD_PHASE`` sessions, less their mean; shape (T,)."""
    count = rows // BOARD_PHASE + 1
    side = np.where(uniforms(seed, "board phase", count) < 0.5, 1.0, -1.0)
    out = side[np.arange(rows) // BOARD_PHASE]
    return np.asarray(out - mean_of(out))


def name_phases(seed: int, rows: int, columns: int) -> FloatArray:
    """Likewise by stock, shape (T, N); phases begin on different days, and average 0 per row."""
    late = (uniforms(seed, "name phase start", columns) * NAME_PHASE).astype(np.int64)
    count = rows // NAME_PHASE + 2
    side = np.where(uniforms(seed, "name phase", count, columns) < 0.5, 1.0, -1.0)
    block = (np.arange(rows)[:, None] + late) // NAME_PHASE
    out = side[block, np.arange(columns)]
    return np.asarray(out - np.add.accumulate(out, axis=1)[:, -1:] / columns)

"""Checks of prices from one bar to the next against the actions between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from backtest.calendars import Sessions
from backtest.data.bar_checks import SPIKE_FACTOR, BarRows, bar_rows, before_last, spike
from backtest.data.findings import Found, places_of
from backtest.data.rows import symbol_columns
from backtest.data.schema import Tables
from backtest.kernels.marks import ex_rights

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

JUMP_FACTOR = SPIKE_FACTOR
"""jump: a close, dividends added, of this multiple of the last one, or this part of it."""

LARGE_DIVIDEND = 0.3
"""large_dividend: cash per share above this fraction of the close before, splits taken out."""

SPLIT_MOVE = 1.5
"""split_without_move: a close times the ratio of this multiple of the last one, or this part of it.
A one-for-two that did not happen leaves 2; a day's own move is seldom 50 %."""

_DAYS = 1 << 20  # more than lie between any two dates that a table can hold


@dataclass(frozen=True, eq=False)
class Moves:
    """Bars with what happened to their shares since the bar before.

    ``before`` is the last close, NaN for an instrument's first bar; ``split`` the new shares per
    old, 1 without a split, a rights issue counting as the split that lowers prices as much;
    ``dividend`` the cash per share as on the bar's date.
    """

    bars: BarRows
    before: FloatArray
    split: FloatArray
    dividend: FloatArray


def check_moves(
    found: Found, tables: Tables, spans: Mapping[str, Sessions]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Bars and actions that these checks leave; ``found`` is told of the others."""
    frame, actions = tables["bars"], tables["actions"]
    bars = bar_rows(frame, tables["instruments"], spans)
    on_session = bars.ordinal >= 0
    bars = bars.take(on_session)
    row = first_bar(bars, actions, tables["instruments"])
    moves = moves_of(bars, actions, row)
    large = large_dividend(moves, actions, row)
    unmoved = split_without_move(moves, actions, row)
    kept = found.drop("large_dividend", "actions", actions, large)
    if len(kept) < len(actions):
        unmoved = unmoved[~large]
    kept = found.drop("split_without_move", "actions", kept, unmoved)
    return _without_jumps(found, frame, moves), kept


def first_bar(bars: BarRows, actions: pd.DataFrame, instruments: pd.DataFrame) -> IntArray:
    """For each action, the first bar of its instrument on or after its ex-session; -1 for none."""
    # One number that is sorted as the bars are: the instrument's place among them, then the day.
    place = np.full(len(bars.symbol) + 1, -1, dtype=np.int64)  # the last is for no instrument
    starts = np.flatnonzero(~bars.follows)
    place[bars.column[starts]] = np.arange(len(starts))
    mine = place[symbol_columns(actions["symbol"], instruments)]
    day = bars.session.astype("datetime64[D]").astype(np.int64)
    ex_day = actions["ex_session"].to_numpy().astype("datetime64[D]").astype(np.int64)
    row = np.searchsorted(place[bars.column] * _DAYS + day, mine * _DAYS + ex_day)
    ends = np.append(starts[1:], len(day))
    return np.where((mine >= 0) & (row < ends[mine]), row, -1)


def moves_of(bars: BarRows, actions: pd.DataFrame, row: IntArray) -> Moves:
    """Bars with the last close and the actions since; ``row`` is each action's bar."""
    before = np.full(len(bars.close), np.nan)
    before[1:] = bars.close[:-1]
    before[~bars.follows] = np.nan
    value, kind = actions["value"].to_numpy(), actions["kind"]
    split, dividend = np.ones(len(before)), np.zeros(len(before))
    ours = (row >= 0) & (kind == "split").to_numpy(dtype=bool)
    np.multiply.at(split, row[ours], value[ours])
    ours = (row >= 0) & kind.isin(["dividend", "scrip"]).to_numpy(dtype=bool)
    np.add.at(dividend, row[ours], value[ours])
    price = actions["price"].to_numpy()
    for k in np.flatnonzero((row >= 0) & kind.isin(["rights", "open_offer"]).to_numpy(dtype=bool)):
        last = before[row[k]] / split[row[k]]
        split[row[k]] *= last / ex_rights(last, value[k], price[k])
    return Moves(bars, before, split, dividend)


def large_dividend(moves: Moves, actions: pd.DataFrame, row: IntArray) -> BoolArray:
    """Dividends above ``LARGE_DIVIDEND`` of the close before; not before an instrument's first."""
    paid = (row >= 0) & (actions["kind"] == "dividend").to_numpy(dtype=bool)
    price = (moves.before / moves.split)[row] if len(moves.before) else np.full(len(row), np.nan)
    found: BoolArray = paid & (actions["value"].to_numpy() > LARGE_DIVIDEND * price)
    return found


def split_without_move(moves: Moves, actions: pd.DataFrame, row: IntArray) -> BoolArray:
    """Splits after which the close times the ratio is ``SPLIT_MOVE`` off the last close."""
    split = (row >= 0) & (actions["kind"] == "split").to_numpy(dtype=bool)
    off = _far(moves, moves.split, SPLIT_MOVE)
    return split & (off[row] if len(off) else False)


def jump(moves: Moves) -> BoolArray:
    """Bars whose close is ``JUMP_FACTOR`` off the last for good, without a split. Hindsight.

    A spike and its way back are none; a split that the price did not follow is told as that.
    """
    back = np.zeros(len(moves.before), dtype=bool)
    out = spike(moves.bars)
    back[1:] = out[:-1]
    off = _far(moves, np.ones(len(back)), JUMP_FACTOR)
    found: BoolArray = off & (moves.split == 1.0) & ~out & ~back
    return found


def _without_jumps(found: Found, frame: pd.DataFrame, moves: Moves) -> pd.DataFrame:
    """Bars; ``drop`` drops those before an instrument's last jump: no history crosses it."""
    bars, wrong = moves.bars, jump(moves)
    if not wrong.any():
        return frame
    lost = before_last(bars, wrong)
    places = places_of(bars.symbol[bars.column[wrong]], bars.session[wrong])
    if found.tell("jump", "bars", places, int(lost.sum())) == "warn":
        return frame
    kept = np.ones(len(frame), dtype=bool)
    kept[bars.row[lost]] = False
    return frame[kept].reset_index(drop=True)


def _far(moves: Moves, ratio: FloatArray, factor: float) -> BoolArray:
    """Closes ``factor`` off the last, whether the dividend is added or not: it may be the fault."""
    far = np.ones(len(ratio), dtype=bool)
    with np.errstate(divide="ignore", invalid="ignore"):
        for value in (moves.bars.close, moves.bars.close + moves.dividend):
            move = value * ratio / moves.before
            far &= (move >= factor) | (move <= 1.0 / factor)
    return far

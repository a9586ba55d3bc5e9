"""Splits and dividends against prices: factors to actions, adjusted prices to raw ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from backtest.sources.files import read_file
from backtest.sources.mapping import Factors, Input
from backtest.sources.values import days, numbers

FloatArray = npt.NDArray[np.float64]

REPEATED_WITHIN = 7
"""Days within which the same split of the same symbol is taken to be entered twice."""

_PRICES = ("open", "high", "low", "close")
_LEAST = 1e-9
_HOLE = np.timedelta64(10, "D")


def without_repeated(actions: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Actions without splits that are entered twice, and those that were left out.

    The first of them stays: the same ratio within ``REPEATED_WITHIN`` days is no second event.
    """
    ordered = actions.sort_values(["symbol", "kind", "ex_session"], kind="stable")
    splits = ordered[ordered["kind"] == "split"]
    same = (splits["symbol"] == splits["symbol"].shift()) & (
        splits["value"] == splits["value"].shift()
    )
    near = splits["ex_session"] - splits["ex_session"].shift() <= pd.Timedelta(days=REPEATED_WITHIN)
    gone = splits.index[same & near]
    return actions.drop(index=gone), actions.loc[gone]


def repeated_notes(twice: pd.DataFrame) -> list[str]:
    """A note for each split that was entered twice."""
    return [
        f"{row.symbol}: the split of {row.ex_session:%Y-%m-%d} into {row.value:g} is there twice "
        "within a week; the first is kept"
        for row in twice.sort_values(["symbol", "ex_session"]).itertuples()
    ]


def actions_of_factors(
    path: Path, how: Input, rule: Factors, symbol: str, sessions: npt.NDArray[np.datetime64]
) -> pd.DataFrame:
    r"""Splits and dividends of a file of cumulative factors.

    A factor holds until its date; what changes it happens at the session after. With price factor
    p, split factor s and the close c of that date, :math:`ratio = s_{next} / s`,
    :math:`dividend = c (1 - p / p_{next}) / ratio`. Dividends of a hole without bars are left out:
    nobody can have held the shares there.
    """
    frame = read_file(path, how)
    date = days(frame[rule.date], how.dates, how.time_zone)
    order = np.argsort(date.to_numpy(), kind="stable")
    price, split, close = (
        numbers(frame[name]).to_numpy()[order] for name in (rule.price, rule.split, rule.reference)
    )
    at = np.searchsorted(sessions, date.to_numpy()[order][:-1], side="right")
    inside = (at > 0) & (at < len(sessions))
    after = sessions[np.minimum(at, len(sessions) - 1)] if len(sessions) else sessions
    in_hole = after - date.to_numpy()[order][:-1] > _HOLE if len(sessions) else inside
    ratio = split[1:] / split[:-1]
    paid = close[:-1] * (1.0 - price[:-1] / price[1:]) / ratio
    rows = []
    for row in np.flatnonzero(inside):
        day = sessions[at[row]]
        if abs(ratio[row] - 1.0) > 1e-6:
            rows.append((symbol, day, "split", _ratio(float(ratio[row]))))
        if paid[row] > _LEAST and not in_hole[row]:
            rows.append((symbol, day, "dividend", round(float(paid[row]), 6)))
    return pd.DataFrame(rows, columns=["symbol", "ex_session", "kind", "value"])


def _ratio(value: float) -> float:
    """A ratio of rounded factors as the whole number it must have been."""
    for exact in (round(value), 1.0 / round(1.0 / value) if value < 1 else 0.0):
        if exact and abs(value / exact - 1.0) < 1e-4:
            return float(exact)
    return value


def raw_prices(
    bars: pd.DataFrame, actions: pd.DataFrame, undo: Literal["splits", "splits_and_dividends"]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    r"""Bars as they were traded, and the actions per share as traded.

    Parameters
    ----------
    bars
        Adjusted backward from their last session; volume in shares of that session.
    actions
        ``split`` ratios; ``dividend`` per share of the last session (split adjusted).

    Notes
    -----
    With factor :math:`f = 1` at the last session and the adjusted close A before a dividend d,
    :math:`f_{before} = f / (1 + f d / A)`: the close before was reduced by :math:`1 - d / S`, where
    S is what it was adjusted for splits only. Then prices are multiplied by the splits to come.
    """
    parts, paid = [], []
    by_symbol = dict(iter(actions.groupby("symbol", sort=True)))
    for symbol, rows in bars.groupby("symbol", sort=True):
        own = by_symbol.get(symbol)
        ordered = rows.sort_values("session", kind="stable")
        if own is None:
            parts.append(ordered)
            continue
        factor, ahead = _factors(ordered, own, dividends=undo == "splits_and_dividends")
        prices = {name: ordered[name] * (ahead / factor) for name in _PRICES if name in ordered}
        if "volume" in ordered:
            prices["volume"] = ordered["volume"] / ahead
        parts.append(ordered.assign(**prices))
        paid.append(_as_traded(own))
    raw = pd.concat(parts, ignore_index=True)
    return raw, pd.concat(paid, ignore_index=True) if paid else actions


def _factors(
    bars: pd.DataFrame, actions: pd.DataFrame, *, dividends: bool
) -> tuple[FloatArray, FloatArray]:
    """Dividend factor and product of the splits after each bar, shape (T,)."""
    session, close = bars["session"].to_numpy(), bars["close"].to_numpy()
    row = np.searchsorted(session, actions["ex_session"].to_numpy())
    kind, value = actions["kind"].to_numpy(), actions["value"].to_numpy()
    ahead, factor = np.ones(len(session)), np.ones(len(session))
    for at, ratio in zip(row[kind == "split"], value[kind == "split"], strict=True):
        ahead[:at] *= ratio
    if not dividends:
        return factor, ahead
    paid = [(at, cash) for at, cash in zip(row, value, strict=True)]
    for at, cash in sorted(
        (pair for pair, name in zip(paid, kind, strict=True) if name == "dividend"), reverse=True
    ):
        before = np.flatnonzero(~np.isnan(close[:at]))
        if len(before) == 0 or at >= len(session):
            continue
        f, adjusted = factor[before[-1]], close[before[-1]]
        factor[:at] = f / (1.0 + f * cash / adjusted)
    return factor, ahead


def _as_traded(actions: pd.DataFrame) -> pd.DataFrame:
    """Dividends times the splits after their ex-session."""
    splits = actions[actions["kind"] == "split"]
    later: pd.Series[Any] = actions["ex_session"].map(
        lambda day: float(splits["value"][splits["ex_session"] > day].prod())
    )
    paid = actions["kind"] == "dividend"
    return actions.assign(value=actions["value"].where(~paid, actions["value"] * later))

"""The trades of two runs matched to one another: made by one only, or by both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from backtest.report import describe

if TYPE_CHECKING:
    from backtest.result import Result

_SAME = 1e-9  # relative: prices nearer than this are the same
_FOREVER = pd.Timestamp.max.tz_localize("UTC")
_COLUMNS = (
    "symbol", "side", "entry", "exit", "entry_session", "exit_session", "shares", "entry_price",
    "exit_price", "pnl", "open",
)  # fmt: skip


class TradeGroup(NamedTuple):
    """Trades of one fate: how many, and what each run made on them in its own currency."""

    label: str
    trades: int
    first: float
    second: float

    @property
    def difference(self) -> float:
        """What the second run made more."""
        return self.second - self.first


@dataclass(frozen=True, eq=False)
class TradeDifferences:
    """Trades of two runs, matched.

    Attributes
    ----------
    groups
        Made in the first only, in the second only, in both at other prices, in both at the same.
    rest
        Profit that belongs to no trade: interest and financing.
    total
        Profit of each run; the groups and the rest add up to it.
    table
        Every pair or single trade that is not the same in both: ``symbol``, ``side``, ``made`` (one
        of ``first``, ``second``, ``both``) and each run's columns with ``_1`` and ``_2``.
    is_one_currency
        Whether the runs' profits can be subtracted at all.
    """

    groups: tuple[TradeGroup, ...]
    rest: TradeGroup
    total: TradeGroup
    table: pd.DataFrame
    is_one_currency: bool

    def as_dict(self) -> dict[str, object]:
        """Give counts and profits for JSON."""
        keys = ("first_only", "second_only", "other_prices", "same_prices", "rest", "total")
        return {
            key: {"trades": group.trades, "first": group.first, "second": group.second}
            for key, group in zip(keys, (*self.groups, self.rest, self.total), strict=True)
        }


def trade_differences(first: Result, second: Result) -> TradeDifferences:
    """Match the trades of two runs.

    A trade is in both where both opened one in the same symbol and direction in the same session;
    of the rest, those that were open at the same time, earliest first.
    """
    table = matched(first.trades, second.trades)
    profits = [
        table[f"pnl_{run}"].where(table[f"pnl_{run}"].notna(), 0.0).to_numpy() for run in (1, 2)
    ]
    is_same = np.asarray(_is_same(table))
    made = table["made"].to_numpy()
    groups = [
        _group(label, rows, profits)
        for label, rows in (
            ("Made by A only", made == "first"),
            ("Made by B only", made == "second"),
            ("Made by both, at other prices", (made == "both") & ~is_same),
            ("Made by both, at the same prices", (made == "both") & is_same),
        )
    ]
    earned = [_profit(result) for result in (first, second)]
    rest = [profit - float(own.sum()) for profit, own in zip(earned, profits, strict=True)]
    return TradeDifferences(
        groups=tuple(groups),
        rest=TradeGroup("In no trade: interest, financing", 0, *rest),
        total=TradeGroup("Profit", len(table), *earned),
        table=table[~is_same].reset_index(drop=True),
        is_one_currency=describe.currency_of(first) == describe.currency_of(second),
    )


def matched(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """Trades of both in rows, ordered by entry and symbol; columns end in ``_1`` and ``_2``."""
    one, two = (_numbered(trades) for trades in (first, second))
    keys = ["symbol", "side", "entry_session", "nth"]
    pairs = one[keys].merge(two[keys], on=keys)
    left = one.merge(pairs, on=keys, how="left", indicator=True)["_merge"].to_numpy() != "both"
    right = two.merge(pairs, on=keys, how="left", indicator=True)["_merge"].to_numpy() != "both"
    one["pair"] = _pair_numbers(one, pairs, keys)
    two["pair"] = _pair_numbers(two, pairs, keys)
    found = _overlapping(one[left], two[right])
    for number, (a, b) in enumerate(found, start=len(pairs)):
        one.loc[a, "pair"] = number
        two.loc[b, "pair"] = number
    count = len(pairs) + len(found)
    # What has no partner gets a number of its own, so that the outer join keeps it alone.
    alone = one["pair"].isna()
    one.loc[alone, "pair"] = np.arange(count, count + alone.sum())
    count += int(alone.sum())
    alone = two["pair"].isna()
    two.loc[alone, "pair"] = np.arange(count, count + alone.sum())
    table = one.merge(two, on="pair", how="outer", suffixes=("_1", "_2"))
    in_first, in_second = table["symbol_1"].notna(), table["symbol_2"].notna()
    table["made"] = np.where(in_first & in_second, "both", np.where(in_first, "first", "second"))
    for key in ("symbol", "side"):
        table[key] = table[f"{key}_1"].where(in_first, table[f"{key}_2"])
    table["entry"] = table["entry_1"].where(in_first, table["entry_2"])
    ordered = table.sort_values(["entry", "symbol"], kind="stable")
    return ordered.drop(columns=["pair", "nth_1", "nth_2"]).reset_index(drop=True)


def _numbered(trades: pd.DataFrame) -> pd.DataFrame:
    """Trades with ``nth``: several of one symbol may open in one session."""
    table = trades[list(_COLUMNS)].reset_index(drop=True)
    table[["symbol", "side"]] = table[["symbol", "side"]].astype(str)
    return table.assign(nth=table.groupby(["symbol", "side", "entry_session"]).cumcount())


def _pair_numbers(trades: pd.DataFrame, pairs: pd.DataFrame, keys: list[str]) -> np.ndarray:
    numbered = pairs.assign(pair=np.arange(len(pairs), dtype=np.float64))
    return trades[keys].merge(numbered, on=keys, how="left")["pair"].to_numpy()


def _overlapping(one: pd.DataFrame, two: pd.DataFrame) -> list[tuple[int, int]]:
    """Pairs of rows open at the same time in the same symbol and direction, each row once."""
    shared = one.reset_index().merge(
        two.reset_index(), on=["symbol", "side"], suffixes=("_1", "_2")
    )
    ends = [shared[f"exit_{run}"].where(~shared[f"open_{run}"], _FOREVER) for run in (1, 2)]
    together = (shared["entry_1"] < ends[1]) & (shared["entry_2"] < ends[0])
    shared = shared[together].sort_values(["entry_1", "entry_2", "symbol"], kind="stable")
    taken: tuple[set[int], set[int]] = set(), set()
    found = []
    for a, b in zip(shared["index_1"].tolist(), shared["index_2"].tolist(), strict=True):
        if a not in taken[0] and b not in taken[1]:
            taken[0].add(a)
            taken[1].add(b)
            found.append((a, b))
    return found


def _is_same(table: pd.DataFrame) -> pd.Series:
    """Whether both made the trade, at the same prices; an open one by its entry alone."""
    same = table["made"] == "both"
    for column in ("entry_price", "exit_price"):
        one, two = table[f"{column}_1"], table[f"{column}_2"]
        near = (one - two).abs() <= _SAME * one.abs()
        same &= near | (one.isna() & two.isna())
    return same


def _group(label: str, rows: np.ndarray, profits: list[np.ndarray]) -> TradeGroup:
    return TradeGroup(label, int(rows.sum()), *(float(own[rows].sum()) for own in profits))


def _profit(result: Result) -> float:
    cash = result.config["portfolio"]["cash"]["amount"]
    return float(result.nav["nav"].iloc[-1]) - float(cash)

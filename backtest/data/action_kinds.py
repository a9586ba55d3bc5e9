"""Kinds of corporate action: which columns each has, and what makes no sense in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from backtest.data.parse import nearest

Problem = tuple[str, "pd.Series[bool]", str]
"""Column, the rows, what is wrong with them."""


@dataclass(frozen=True, slots=True)
class ActionKind:
    """What a kind of action needs beside ``value``."""

    price: bool | None = False  # needed, allowed (None) or refused
    symbol_to: bool = False  # needed, else refused
    pay_date: bool = False  # allowed, else refused
    is_ratio: bool = False  # value is above 0
    in_prices: bool = True  # adjusted prices have it in them already


ACTION_KINDS: Mapping[str, ActionKind] = {
    "split": ActionKind(is_ratio=True),
    "dividend": ActionKind(pay_date=True),
    "scrip": ActionKind(price=True, pay_date=True),
    "in_kind": ActionKind(price=None, symbol_to=True, is_ratio=True),
    "rights": ActionKind(price=True, is_ratio=True),
    "open_offer": ActionKind(price=True, is_ratio=True),
    "ticker_change": ActionKind(symbol_to=True, is_ratio=True, in_prices=False),
    "takeover": ActionKind(in_prices=False),
    "delisting": ActionKind(in_prices=False),
    "lot_size": ActionKind(is_ratio=True, in_prices=False),
}
"""Every kind that the ``actions`` table may name."""


def action_problems(
    actions: pd.DataFrame, instruments: pd.DataFrame, *, adjusted: bool
) -> Iterator[Problem]:
    """What is wrong with the rows of ``actions``: kinds, columns they need, targets, dates."""
    kinds = actions["kind"]
    for kind in sorted(set(kinds) - {"", *ACTION_KINDS}):
        known = ", ".join(ACTION_KINDS)
        message = f"must be one of {known}, got {kind!r}{nearest(kind, ACTION_KINDS)}"
        yield "kind", kinds == kind, message
    if adjusted:
        inside = [kind for kind, needs in ACTION_KINDS.items() if needs.in_prices]
        message = f"adjusted prices have these in them already, leave them out: {', '.join(inside)}"
        yield "kind", kinds.isin(inside), message
    for kind, needs in ACTION_KINDS.items():
        yield from _column_problems(kind, needs, actions, kinds == kind)
    early = actions["pay_date"] < actions["ex_session"]
    yield "pay_date", early, "lies before ex_session"
    yield from _target_problems(actions, instruments)


def _column_problems(
    kind: str, needs: ActionKind, actions: pd.DataFrame, mine: pd.Series[bool]
) -> Iterator[Problem]:
    price, target = actions["price"], actions["symbol_to"]
    if needs.price is False:
        yield "price", mine & price.notna(), f"says nothing of {kind}: leave it empty"
    else:
        missing = price.isna() if needs.price else mine & False
        yield "price", mine & (missing | (price <= 0)), f"of {kind} must be above 0"
    if needs.symbol_to:
        yield "symbol_to", mine & (target == ""), f"missing: what does {kind} give?"
    else:
        yield "symbol_to", mine & (target != ""), f"says nothing of {kind}: leave it empty"
    if not needs.pay_date:
        late = mine & actions["pay_date"].notna()
        yield "pay_date", late, f"says nothing of {kind}: it is settled on its ex_session"


def _target_problems(actions: pd.DataFrame, instruments: pd.DataFrame) -> Iterator[Problem]:
    """Targets that are no instrument, the symbol itself, or of another exchange or currency."""
    target, symbol = actions["symbol_to"], actions["symbol"]
    given = target != ""
    known = target.isin(instruments["symbol"])
    for name in sorted(set(target[given & ~known])):
        hint = nearest(name, instruments["symbol"])
        yield "symbol_to", target == name, f"no instrument is called {name!r}{hint}"
    yield "symbol_to", given & (target == symbol), "is the symbol itself"
    table = instruments.drop_duplicates("symbol").set_index("symbol")
    for column in ("exchange", "currency"):
        ours, theirs = _looked_up(table[column], symbol), _looked_up(table[column], target)
        other = given & known & symbol.isin(instruments["symbol"]) & (ours != theirs)
        yield "symbol_to", other, f"has another {column} than the symbol"


def _looked_up(values: pd.Series[Any], keys: pd.Series[Any]) -> np.ndarray[Any, Any]:
    """``values`` by key, empty text where there is none."""
    return keys.map(values).fillna("").to_numpy(dtype=object)

"""Corporate actions of a bundle by column and own session."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from backtest.data.arrays import BarArrays
from backtest.data.bundle import Bundle
from backtest.kernels.codes import (
    CLAIM,
    IN_KIND,
    OPEN_OFFER,
    RIGHTS,
    SCRIP,
    TAKEOVER,
    TICKER_CHANGE,
)
from backtest.kernels.marks import ex_rights

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int32]

_KINDS = {
    "dividend": CLAIM,  # with a later pay_date; without one it is no deal but an action
    "scrip": SCRIP,
    "in_kind": IN_KIND,
    "rights": RIGHTS,
    "open_offer": OPEN_OFFER,
    "takeover": TAKEOVER,
    "ticker_change": TICKER_CHANGE,
}


@dataclass(frozen=True, eq=False)
class Actions:
    """What actions do to a share's price, one entry per instrument and ex-session, (column, row).

    ``split`` is new shares per old share (1 for none), ``dividend`` the gross cash, or its worth,
    per share as traded on the ex-session (0 for none), ``paid`` the part that is credited there;
    ``fresh`` the new shares offered per share at ``issue`` (0 for none); ``fixed`` what a share is
    worth from then on (NaN for none). ``ptr[j]:ptr[j + 1]`` are the entries of column j.
    """

    ptr: IntArray
    column: IntArray
    row: IntArray
    split: FloatArray
    dividend: FloatArray
    paid: FloatArray
    fresh: FloatArray
    issue: FloatArray
    fixed: FloatArray

    @property
    def table(self) -> FloatArray:
        """The numbers that move a mark, shape (A, 5), as `fill_marks` takes them."""
        parts = (self.split, self.dividend, self.fresh, self.issue, self.fixed)
        return np.ascontiguousarray(np.column_stack(parts))

    def after(self, k: int, price: float) -> float:
        """A last close after action ``k``; NaN stays NaN unless the action says what it is."""
        if not np.isnan(self.fixed[k]):
            return float(self.fixed[k])
        price = ex_rights(price / self.split[k], self.fresh[k], self.issue[k])
        return float(np.maximum(price - self.dividend[k], 0.0))

    def close_after(self, mark: FloatArray, column: int, row: int) -> float:
        """Last close before session ``row``, after that session's actions; NaN for none."""
        price = float(mark[row - 1, column]) if row > 0 else np.nan
        for k in range(self.ptr[column], self.ptr[column + 1]):
            if self.row[k] == row:
                price = self.after(k, price)
        return price


@dataclass(frozen=True, eq=False)
class Deals:
    """What actions do to a holding beyond splits and cash at once, in order of the table.

    ``row`` is the own session at whose OPEN it happens, ``pay_row`` that of a later payment (-1 for
    none), ``target`` the column that is given (-1 for none), ``ratio`` and ``price`` are the
    action's, ``factor`` what a rights issue takes prices down to. ``price`` of shares given is what
    one is worth.
    """

    kind: IntArray
    column: IntArray
    target: IntArray
    row: IntArray
    pay_row: IntArray
    ratio: FloatArray
    price: FloatArray
    factor: FloatArray

    @property
    def need_prices(self) -> bool:
        """Whether something is given whose worth follows from bars."""
        return bool(np.isin(self.kind, [IN_KIND, TICKER_CHANGE]).any())

    def priced(self, bars: BarArrays, actions: Actions, mark: FloatArray) -> Deals:
        """With the worth of a share that is given, as it is known at that OPEN.

        In kind: its open, else its last close, else the price that the table gives, else nothing.
        A ticker without bars of its own so far: the old one's last close per new share.
        """
        price = self.price.copy()
        for k, (kind, column, target, row) in enumerate(
            zip(self.kind, self.column, self.target, self.row, strict=True)
        ):
            if kind == TICKER_CHANGE:
                is_new = bool(np.isnan(bars.close[:row, target]).all())
                last = actions.close_after(mark, column, row) / self.ratio[k]
                price[k] = last if is_new else np.nan
            elif kind == IN_KIND and target >= 0:
                known = (bars.open[row, target], actions.close_after(mark, target, row), price[k])
                price[k] = next((float(one) for one in known if not np.isnan(one)), 0.0)
        return replace(self, price=price)

    def with_factors(self, actions: Actions, mark: FloatArray) -> Deals:
        """With the part of its last close that a share is worth ex rights."""
        factor = np.ones(len(self.kind))
        for k in np.flatnonzero(np.isin(self.kind, [RIGHTS, OPEN_OFFER])):
            column, row = self.column[k], self.row[k]
            own = slice(actions.ptr[column], actions.ptr[column + 1])
            split = float(actions.split[own][actions.row[own] == row][0])
            before = mark[row - 1, column] / split if row > 0 else np.nan
            if before > 0:
                factor[k] = ex_rights(before, self.ratio[k], self.price[k]) / before
        return replace(self, factor=factor)


def deals_of(bundle: Bundle, bars: BarArrays) -> Deals:
    """The deals of a bundle that fall into the sessions of ``bars``."""
    found = list(_deals(bundle, bars))
    whole = pd.DataFrame(found, columns=["kind", "column", "target", "row", "pay_row", "a", "b"])
    kind, column, target, row, pay_row = whole.iloc[:, :5].to_numpy(dtype=np.int32).T
    ratio, price = whole.iloc[:, 5:].to_numpy(dtype=np.float64).T
    return Deals(kind, column, target, row, pay_row, ratio, price, np.ones(len(found)))


def _deals(bundle: Bundle, bars: BarArrays) -> Iterator[tuple[float, ...]]:
    columns = {symbol: j for j, symbol in enumerate(bars.symbols)}
    table = bundle.actions[bundle.actions["kind"].isin(list(_KINDS))]
    for entry in table.to_dict("records"):
        column, target = columns[entry["symbol"]], columns.get(entry["symbol_to"], -1)
        row = _row_of(bars, column, np.datetime64(entry["ex_session"], "D"))
        pay_row = -1
        if not pd.isna(entry["pay_date"]):
            later = _row_of(bars, column, np.datetime64(entry["pay_date"], "D"))
            pay_row = later if later > row else -1
        late = entry["kind"] != "dividend" or pay_row > row
        gives = target >= 0 or _KINDS[entry["kind"]] != TICKER_CHANGE
        if row < len(bars.close) and late and gives:
            kind = _KINDS[entry["kind"]]
            yield kind, column, target, row, pay_row, entry["value"], entry["price"]


def actions_of(bundle: Bundle, bars: BarArrays, deals: Deals) -> Actions:
    """What all actions do to prices: splits and cash from the table, the rest from ``deals``."""
    found: dict[tuple[int, int], dict[str, float]] = {}

    def entry(column: int, row: int) -> dict[str, float]:
        usual = {"split": 1.0, "dividend": 0.0, "paid": 0.0, "fresh": 0.0, "issue": 0.0}
        return found.setdefault((column, row), {**usual, "fixed": np.nan})

    columns = {symbol: j for j, symbol in enumerate(bars.symbols)}
    table = bundle.actions[bundle.actions["kind"].isin(["split", "dividend"])]
    for symbol, session, kind, value in zip(
        table["symbol"], table["ex_session"].to_numpy(), table["kind"], table["value"], strict=True
    ):
        column = columns[symbol]
        own = entry(column, _row_of(bars, column, session))
        if kind == "split":
            own["split"] *= value
        else:
            own["dividend"] += value
            own["paid"] += value
    for k in range(len(deals.kind)):
        _add_deal(entry, deals, k)
    keys = sorted(found)
    owner = np.array([column for column, _ in keys], dtype=np.int32)
    names = ("split", "dividend", "paid", "fresh", "issue", "fixed")
    values = {name: np.array([found[key][name] for key in keys], float) for name in names}
    return Actions(
        ptr=np.searchsorted(owner, np.arange(len(bars.symbols) + 1)).astype(np.int32),
        column=owner,
        row=np.array([row for _, row in keys], dtype=np.int32),
        **values,
    )


def _row_of(bars: BarArrays, column: int, session: np.datetime64) -> int:
    """Ordinal of ``session`` (a date), or of the next, in the calendar of the column's exchange."""
    dates = bars.sessions[bars.exchanges[bars.column_exchange[column]]].dates
    return int(np.searchsorted(dates, session.astype("datetime64[D]")))


def _add_deal(entry: Callable[[int, int], dict[str, float]], deals: Deals, k: int) -> None:
    """Write what deal ``k`` does to prices."""
    kind, row = deals.kind[k], int(deals.row[k])
    ratio, price = float(deals.ratio[k]), float(deals.price[k])
    if kind == TICKER_CHANGE:
        entry(int(deals.target[k]), row)["fixed"] = price
        return
    own = entry(int(deals.column[k]), row)
    if kind == CLAIM:
        own["paid"] -= ratio
    elif kind == SCRIP:
        own["dividend"] += ratio
    elif kind == IN_KIND:
        own["dividend"] += 0.0 if np.isnan(price) else ratio * price
    elif kind == TAKEOVER:
        own["fixed"] = ratio
    else:
        together = own["fresh"] + ratio
        own["issue"] = (own["fresh"] * own["issue"] + ratio * price) / together
        own["fresh"] = together

"""Tables of a bundle: their columns, and how a raw table becomes a typed one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from backtest.calendars import exchange_problem
from backtest.data.action_kinds import action_problems
from backtest.data.parse import Column, Kind, blank, nearest, parse_column
from backtest.errors import Fault

Tables = Mapping[str, pd.DataFrame]

_SHOWN = 3

EXTRA = "extra_"
"""Tables, columns and keys that begin so are the user's own: they are not read."""

KNOWN_AT = "known_at"
"""From when a row is known; in tables other than facts, of a later version of it."""

_PANDAS_INDEX = "__index_level_"


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its columns, the columns of its key, the order of its rows.

    A versioned table may have a column ``known_at`` besides: see ``versions.py``.
    """

    columns: Mapping[str, Column]
    key: tuple[str, ...]
    order: tuple[str, ...]
    required: bool = False
    versioned: bool = True


def _all(kind: Kind) -> Column:
    return Column(kind, required=True, filled=True)


TABLES: Mapping[str, Table] = {
    "instruments": Table(
        columns={
            "symbol": _all("text"),
            "name": Column("text", default=""),
            "exchange": _all("text"),
            "currency": _all("text"),
            "kind": _all("text"),
            "sector": Column("text", default=""),
            "board": Column("text", default=""),
            "share_class": Column("text", default=""),
            "lot_size": Column("number", default=1.0),
            "listed": Column("date"),
            "delisted": Column("date"),
            "offer_price": Column("number"),
            "oversubscription": Column("number"),
            "one_lot_success": Column("number"),
            "ipo_mechanism": Column("text", default=""),
            "offer_size": Column("number"),
            "cornerstone_share": Column("number"),
        },
        key=("symbol",),
        order=("exchange", "symbol"),
        required=True,
    ),
    "bars": Table(
        columns={
            "symbol": _all("text"),
            "session": _all("date"),
            "open": Column("number"),
            "high": Column("number"),
            "low": Column("number"),
            "close": Column("number", required=True),
            "volume": Column("number"),
        },
        key=("symbol", "session"),
        order=("symbol", "session"),
        required=True,
    ),
    "actions": Table(
        columns={
            "symbol": _all("text"),
            "ex_session": _all("date"),
            "kind": _all("text"),
            "value": _all("number"),
            "price": Column("number"),
            "symbol_to": Column("text", default=""),
            "pay_date": Column("date"),
        },
        key=("symbol", "ex_session", "kind"),
        order=("symbol", "ex_session", "kind"),
    ),
    "facts": Table(
        columns={
            "symbol": Column("text", required=True, default=""),
            "field": _all("text"),
            "period": _all("date"),
            "known_at": _all("instant"),
            "value": _all("number"),
        },
        key=("symbol", "field", "period", "known_at"),
        order=("field", "symbol", "known_at", "period"),
        versioned=False,
    ),
    "fx": Table(
        columns={
            "base": _all("text"),
            "quote": _all("text"),
            "date": _all("date"),
            "rate": _all("number"),
        },
        key=("base", "quote", "date"),
        order=("base", "quote", "date"),
    ),
    "rates": Table(
        columns={"currency": _all("text"), "date": _all("date"), "rate": _all("number")},
        key=("currency", "date"),
        order=("currency", "date"),
    ),
}
"""The tables in the order in which faults are told."""

FLOWS = "southbound_"
"""What names of facts about Stock Connect southbound begin with."""
ELIGIBLE = "southbound_eligible"
"""Fact: 1 from the day it may be bought on through either channel, 0 from when no longer; with
``_shanghai`` or ``_shenzhen`` behind it, through that channel."""
WEIGHT = "weight_in_"
"""What names of facts about members of an index begin with: their shares of it, summing to 1."""
SHORTABLE = "shortable"
"""Fact: 1 from the day it may be sold short on, 0 from when no longer; in Hong Kong whether it is a
Designated Security. One for any instrument of an exchange says that no other of it may be."""
BORROW_RATE = "borrow_rate"
"""Fact: what borrowing the share costs a year, a fraction of its value, from the day on."""
SHARE_CLASSES = ("h", "red_chip", "other")
"""Of a share listed in Hong Kong, for the tax on its dividends."""


class SourceInfo(BaseModel):
    """What a bundle was fetched from, so that it can be updated."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(description="the source's name")
    symbols: tuple[str, ...] = Field(description="what it was asked for")
    start: date = Field(description="from which date on")
    retrieved: datetime = Field(description="when it was last asked")


class BundleInfo(BaseModel):
    """What ``bundle.yaml`` says of its tables."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, description="the bundle's name, shown with every result")
    description: str = Field("", description="where the data is from, and its known defects")
    prices: Literal["raw", "adjusted"] = Field(
        description="raw: as traded, with split and dividend actions; adjusted: for both, backward"
    )
    simulated: bool = Field(False, description="a made-up market: every page says so")
    per_share: tuple[str, ...] = Field((), description="facts that splits divide")
    forward: tuple[str, ...] = Field((), description="facts known before their period, by nature")
    caveats: tuple[str, ...] = Field(
        (), description="what the source could not know: every run on the data says so"
    )
    sources: tuple[SourceInfo, ...] = Field(
        (), description="what it was fetched from; backtest data fetch writes it"
    )


def read_info(raw: object, file: str) -> tuple[BundleInfo | None, list[Fault]]:
    """``bundle.yaml``, parsed, or None with every fault of it."""
    if not isinstance(raw, Mapping):
        return None, [Fault("", "must be a map with at least name and prices", file)]
    named = {str(key): raw[key] for key in raw if not str(key).startswith(EXTRA)}
    try:
        return BundleInfo.model_validate(named), []
    except ValidationError as error:
        return None, [_info_fault(dict(detail), file) for detail in error.errors()]


def _info_fault(detail: Mapping[str, Any], file: str) -> Fault:  # pydantic's own error record
    where = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        hint = nearest(where, BundleInfo.model_fields)
        return Fault(where, f"unknown key{hint or '; name your own keys extra_...'}", file)
    if detail["type"] == "missing":
        return Fault(where, "missing", file)
    return Fault(where, f"{detail['msg'].lower()}, got {detail['input']!r}", file)


def read_table(
    name: str, raw: pa.Table, file: str
) -> tuple[pd.DataFrame, npt.NDArray[np.bool_], list[Fault]]:
    """Typed frame of table ``name``, which of its rows are sound, and the faults of the others.

    Every known column is there: text as str, numbers as float64, dates as datetime64[ns] without a
    zone, instants as datetime64[ns, UTC]. What could not be read is missing in the frame. Without a
    required column there are no rows.
    """
    table = TABLES[name]
    names = [column for column in raw.column_names if not column.startswith(_PANDAS_INDEX)]
    faults = _column_faults(name, names, file)
    if any(names.count(column) > 1 for column in table.columns) or any(
        column.required and key not in names for key, column in table.columns.items()
    ):
        return empty_table(name), np.zeros(0, dtype=bool), faults
    series: dict[str, pd.Series[Any]] = {}
    sound = np.ones(len(raw), dtype=bool)
    columns = dict(table.columns)
    if table.versioned and KNOWN_AT in names:
        columns = {KNOWN_AT: Column("instant"), **columns}
    for key, column in columns.items():
        if key not in names:
            series[key] = blank(column, len(raw))
            continue
        values, bad, problem = parse_column(raw[key], column.kind)
        where = f"{name}.{key}"
        if problem:
            rows = "" if bad.all() else f" in {_rows(bad)}"
            faults.append(Fault(where, f"{problem}{rows}", file))
        if column.default is not None and column.kind != "text":
            values = values.fillna(column.default)
        missing = _is_missing(values) & ~bad
        if KNOWN_AT in series and column.kind == "number":  # a later version may take a row back
            missing &= series[KNOWN_AT].isna().to_numpy()
        if column.filled and missing.any():
            faults.append(Fault(where, f"missing in {_rows(missing)}", file))
        sound &= ~(bad | (missing & column.filled))
        series[key] = values
    return pd.DataFrame(series), sound, faults


def _rows(wrong: npt.NDArray[np.bool_]) -> str:
    """``row 3`` or ``rows 3, 7, 9 and 2 more``: rows of a file, from 1 below the header."""
    rows = np.flatnonzero(wrong) + 1
    shown = ", ".join(str(row) for row in rows[:_SHOWN])
    more = f" and {len(rows) - _SHOWN:,} more" if len(rows) > _SHOWN else ""
    return f"row{'s' * (len(rows) > 1)} {shown}{more}"


def empty_table(name: str) -> pd.DataFrame:
    """Table ``name`` without rows, every column typed."""
    return pd.DataFrame({key: blank(column, 0) for key, column in TABLES[name].columns.items()})


def _column_faults(name: str, found: list[str], file: str) -> list[Fault]:
    known = dict(TABLES[name].columns)
    if TABLES[name].versioned:
        known[KNOWN_AT] = Column("instant")
    faults = []
    for column in found:
        if column in known or column.startswith(EXTRA):
            continue
        hint = nearest(column, known) or f"; name your own columns {EXTRA}..."
        faults.append(Fault(f"{name}.{column}", f"unknown column{hint}", file))
    faults += [
        Fault(f"{name}.{column}", "is there more than once", file)
        for column in dict.fromkeys(found)
        if found.count(column) > 1
    ]
    faults += [
        Fault(f"{name}.{key}", "required column is missing", file)
        for key, column in known.items()
        if column.required and key not in found
    ]
    return faults


def _is_missing(values: pd.Series[Any]) -> npt.NDArray[np.bool_]:
    if isinstance(values.dtype, pd.StringDtype):
        return (values == "").to_numpy(dtype=bool)
    return values.isna().to_numpy()


def value_faults(
    tables: Tables, info: BundleInfo | None
) -> tuple[dict[str, npt.NDArray[np.bool_]], list[Fault]]:
    """Which rows of instruments and actions have values that make no sense, and their faults.

    These are always errors: an unknown exchange or class of shares, a lot or offer price not above
    0, a delisting before the listing, an action that `action_problems` finds senseless, a field
    that bundle.yaml names and the facts do not have.
    """
    wrong = {name: np.zeros(len(tables[name]), dtype=bool) for name in ("instruments", "actions")}
    faults: list[Fault] = []

    def tell(name: str, column: str, rows: pd.Series[bool], message: str) -> None:
        if rows.any():
            symbols = tables[name]["symbol"][rows].tolist()
            shown = ", ".join(symbols[:_SHOWN]) + (" ..." if len(symbols) > _SHOWN else "")
            count = f"{len(symbols)} row{'s' * (len(symbols) > 1)}"
            faults.append(Fault(f"{name}.{column}", f"{message} ({count}: {shown})"))
            wrong[name] |= rows.to_numpy(dtype=bool)

    instruments, actions = tables["instruments"], tables["actions"]
    for exchange in sorted(set(instruments["exchange"]) - {""}):
        problem = exchange_problem(exchange)
        if problem:
            tell("instruments", "exchange", instruments["exchange"] == exchange, problem)
    for column in ("lot_size", "offer_price"):
        least = f"must be above 0, got {instruments[column].min()}"
        tell("instruments", column, instruments[column] <= 0, least)
    early = instruments["delisted"] < instruments["listed"]
    tell("instruments", "delisted", early, "lies before listed")
    for name in sorted(set(instruments["share_class"]) - {"", *SHARE_CLASSES}):
        hint = nearest(name, SHARE_CLASSES)
        message = f"must be {', '.join(SHARE_CLASSES)} or nothing, got {name!r}{hint}"
        tell("instruments", "share_class", instruments["share_class"] == name, message)
    adjusted = info is not None and info.prices == "adjusted"
    for column, rows, message in action_problems(actions, instruments, adjusted=adjusted):
        tell("actions", column, rows, message)
    return wrong, [*faults, *_field_faults(tables, info)]


def _field_faults(tables: Tables, info: BundleInfo | None) -> list[Fault]:
    fields = set(tables["facts"]["field"])
    if info is None or not fields:
        return []
    return [
        Fault(key, f"no fact is named {name!r}{nearest(name, fields)}")
        for key, names in (("per_share", info.per_share), ("forward", info.forward))
        for name in names
        if name not in fields
    ]

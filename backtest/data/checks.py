"""Checks of a bundle's tables: what is found is an error, a warning, or dropped.

Checks run in the order of ``run_checks``, and each looks at what the checks before it left: rows
that were dropped, and rows of a check set to ``error``, are not told twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pandas as pd

from backtest.calendars import Sessions, sessions, timezone
from backtest.data.action_kinds import ACTION_KINDS
from backtest.data.bar_checks import check_bars
from backtest.data.findings import Finding, Found
from backtest.data.move_checks import check_moves
from backtest.data.rows import session_rows, sort_rows, symbol_columns
from backtest.data.schema import ELIGIBLE, FLOWS, TABLES, Tables
from backtest.data.settings import Action, CheckName
from backtest.errors import DataError, Fault

if TYPE_CHECKING:
    from backtest.data.arrays import BarArrays
    from backtest.data.bundle import Bundle

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Checked:
    """Tables after their checks, sorted, with what was found."""

    tables: Tables
    findings: tuple[Finding, ...]
    faults: tuple[Fault, ...]


def run_checks(
    tables: Tables, checks: Mapping[CheckName, Action], *, forward: Iterable[str] = ()
) -> Checked:
    """Every check on every table; ``tables`` in the order of their files, exchanges known."""
    found = Found(checks)
    tables = dict(tables)
    late = found.drop("unsorted_facts", "facts", tables["facts"], unsorted_facts(tables["facts"]))
    tables["facts"] = late
    for name, frame in tables.items():
        tables[name] = _without_duplicates(found, name, sort_rows(name, frame))
    tables = _known_symbols(found, tables)
    for name in ("bars", "actions", "fx"):
        wrong = nonpositive_price(name, tables[name])
        tables[name] = found.drop("nonpositive_price", name, tables[name], wrong)
    ahead = known_before_period(tables["facts"], tables["instruments"], tuple(forward))
    tables["facts"] = found.drop("known_before_period", "facts", tables["facts"], ahead)
    early = flow_known_early(tables["facts"])
    tables["facts"] = found.drop("flow_known_early", "facts", tables["facts"], early)
    try:
        spans = session_tables(tables)
    except DataError as error:
        return Checked(tables, tuple(found.findings), (*found.faults, *error.faults))
    tables["actions"] = _actions_on_sessions(found, tables, spans)
    tables["bars"] = check_bars(found, tables["bars"], tables["instruments"], spans)
    tables["bars"], tables["actions"] = check_moves(found, tables, spans)
    return Checked(tables, tuple(found.findings), tuple(found.faults))


def session_tables(tables: Tables) -> dict[str, Sessions]:
    """Sessions of each exchange over the bars and actions of the bundle."""
    days = pd.concat([tables["bars"]["session"], tables["actions"]["ex_session"]])
    if days.empty:
        return {}
    first, last = days.min().date(), days.max().date()
    return sessions_of(tables["instruments"], first, last)


def sessions_of(instruments: pd.DataFrame, first: date, last: date) -> dict[str, Sessions]:
    """Sessions of each exchange that the instruments name; every fault of a calendar at once."""
    spans: dict[str, Sessions] = {}
    faults: list[Fault] = []
    for exchange in sorted(set(instruments["exchange"])):
        try:
            spans[exchange] = sessions(exchange, first, last)
        except DataError as error:
            faults += error.faults
    if faults:
        raise DataError("calendar", faults)
    return spans


def _without_duplicates(found: Found, name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """duplicate_keys: rows whose key stands more than once; the copies are counted.

    ``drop`` keeps one of exact copies and none where the copies disagree; ``warn`` keeps the last
    in the order of their values. Either way the order of the file does not matter.
    """
    if len(frame) < 2:
        return frame
    keys = list(TABLES[name].key)
    copies = frame.duplicated(keys, keep="last").to_numpy()
    if not copies.any():
        return frame
    if found.actions["duplicate_keys"] != "drop":
        found.drop("duplicate_keys", name, frame, copies)
        return frame[~copies].reset_index(drop=True)
    exact = frame.drop_duplicates(keep="last")
    kept = exact[~exact.duplicated(keys, keep=False)].index
    gone = np.ones(len(frame), dtype=bool)
    gone[kept.to_numpy()] = False
    return found.drop("duplicate_keys", name, frame, gone)


def _known_symbols(found: Found, tables: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """unknown_symbol: rows of bars, actions and facts without an instrument.

    They can belong to no column: ``warn`` leaves them out too, and market-wide facts are fine.
    """
    for name in ("bars", "actions", "facts"):
        frame = tables[name]
        unknown = symbol_columns(frame["symbol"], tables["instruments"]) < 0
        if name == "facts":
            unknown &= (frame["symbol"] != "").to_numpy(dtype=bool)
        found.drop("unknown_symbol", name, frame, unknown)
        if unknown.any():
            tables[name] = frame[~unknown].reset_index(drop=True)
    return tables


def unsorted_facts(facts: pd.DataFrame) -> BoolArray:
    """Rows known before a row above them of the same symbol, field and period."""
    if facts.empty:
        return np.zeros(0, dtype=bool)
    known = facts["known_at"].dt.tz_localize(None).astype("int64")
    groups = known.groupby([facts["symbol"], facts["field"], facts["period"]], sort=False)
    return np.asarray(known < groups.cummax(), dtype=bool)


def nonpositive_price(name: str, frame: pd.DataFrame) -> BoolArray:
    """Rows with a price, rate or ratio not above 0, or a negative volume or payment."""
    if name == "bars":
        wrong = frame["volume"].to_numpy() < 0
        for column in ("open", "high", "low", "close"):
            wrong |= frame[column].to_numpy() <= 0
        return wrong
    if name == "fx":
        return (frame["rate"] <= 0).to_numpy()
    ratios = [kind for kind, needs in ACTION_KINDS.items() if needs.is_ratio]
    is_ratio = frame["kind"].isin(ratios).to_numpy(dtype=bool)
    value: FloatArray = frame["value"].to_numpy()
    senseless: BoolArray = (value < 0) | (is_ratio & (value == 0))
    return senseless


def known_before_period(
    facts: pd.DataFrame, instruments: pd.DataFrame, forward: tuple[str, ...]
) -> BoolArray:
    """Facts known on a date before their period, in the zone of the instrument's exchange.

    A market-wide fact belongs to no zone: it is wrong only if it is so in the zone of every
    exchange. Fields in ``forward`` (guidance, calendars) are known early by nature.
    """
    wrong = np.zeros(len(facts), dtype=bool)
    if facts.empty:
        return wrong
    columns = symbol_columns(facts["symbol"], instruments)
    exchanges = instruments["exchange"].to_numpy()
    ours = np.where(columns >= 0, exchanges[columns] if len(exchanges) else "", "")
    market_wide = columns < 0
    wrong[market_wide] = True
    for exchange in sorted(set(exchanges)):
        zone: ZoneInfo = timezone(exchange)
        local = facts["known_at"].dt.tz_convert(zone).dt.tz_localize(None).dt.normalize()
        early = (local < facts["period"]).to_numpy()
        wrong[ours == exchange] = early[ours == exchange]
        wrong[market_wide] &= early[market_wide]
    wrong &= ~facts["field"].isin(list(forward)).to_numpy()
    return wrong


def flow_known_early(facts: pd.DataFrame) -> BoolArray:
    """Southbound figures known before Hong Kong's close of their period: none is published then.

    What may be dealt in is announced ahead and none of them.
    """
    field = facts["field"]
    flows = (field.str.startswith(FLOWS) & ~field.str.startswith(ELIGIBLE)).to_numpy(dtype=bool)
    wrong = np.zeros(len(facts), dtype=bool)
    if not flows.any():
        return wrong
    days = facts["period"].to_numpy()[flows].astype("datetime64[D]")
    own = sessions("XHKG", days.min().item(), days.max().item())
    row = own.rows_of(days)
    shut = row < 0  # on a day without a session nothing is published before the next one's close
    row[shut] = np.searchsorted(own.dates, days[shut])
    known = facts["known_at"].dt.tz_convert(None).to_numpy()[flows].astype("datetime64[ns]")
    close = np.append(own.close, np.datetime64("NaT", "ns"))
    wrong[flows] = known < close[row]
    return wrong


def _actions_on_sessions(
    found: Found, tables: Tables, spans: Mapping[str, Sessions]
) -> pd.DataFrame:
    """not_a_session for actions: an error unless it was set, for a split lost is a wrong NAV.

    With ``warn`` the action takes effect at the next session.
    """
    actions = tables["actions"]
    rows = session_rows(actions["symbol"], actions["ex_session"], tables["instruments"], spans)
    return found.drop("not_a_session", "actions", actions, rows < 0)


def bundle_volume_missing(bundle: Bundle, arrays: BarArrays) -> dict[str, BoolArray]:
    """volume_missing, for each exchange and each of its sessions.

    True where every tradable instrument (no index) whose volume is known has zero volume, and at
    least one is known: that zero is no halt, and neither stops a fill nor an exit.
    """
    tradable = (bundle.instruments["kind"] != "index").to_numpy(dtype=bool)
    missing = {}
    for number, exchange in enumerate(arrays.exchanges):
        columns = np.flatnonzero((arrays.column_exchange == number) & tradable)
        volume = arrays.volume[: len(arrays.sessions[exchange])]
        if len(columns) == 0:
            missing[exchange] = np.zeros(len(volume), dtype=bool)
            continue
        # Columns of one exchange stand together: a slice, not a copy.
        volume = volume[:, columns[0] : columns[-1] + 1][:, columns - columns[0]]
        missing[exchange] = (volume == 0).any(axis=1) & ~(volume > 0).any(axis=1)
    return missing

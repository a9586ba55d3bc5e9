"""What of a bundle's tables was known at an instant."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Literal

import numpy as np
import pandas as pd

from backtest.calendars import local_midnights, sessions
from backtest.data.rows import names_and_days, symbol_columns
from backtest.data.schema import Tables
from backtest.errors import DataError, Fault

_LONGEST_HOLIDAY = timedelta(days=40)
_PAST = {"bars": "session", "facts": "known_at", "fx": "date", "rates": "date"}
_SHOWN = 5


def instant_of(as_of: date | datetime) -> pd.Timestamp:
    """``as_of`` as an instant in UTC: a date is its end, a time without a zone is UTC."""
    if not isinstance(as_of, datetime):
        return pd.Timestamp(as_of, tz="UTC") + pd.Timedelta(days=1)
    stamp = pd.Timestamp(as_of)
    return stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp.tz_convert("UTC")


def keep_known(tables: Tables, at: pd.Timestamp) -> dict[str, pd.DataFrame]:
    """Rows known at ``at`` or before.

    A bar is known from its session's CLOSE, an action from the OPEN of its ex-session, a fact from
    ``known_at``, fx and rates from the end of their UTC date, an instrument from 00:00 local of
    ``listed``; a ``delisted`` that lies ahead is NaT. What belongs to an instrument that is not
    known goes with it. Rows on no session count as known when the last session before them is past.
    """
    instruments = tables["instruments"]
    listed = known_midnights(instruments, "listed") <= _naive(at)
    gone = known_midnights(instruments, "delisted") > _naive(at)
    instruments = instruments.assign(delisted=instruments["delisted"].mask(gone))
    known = listed | instruments["listed"].isna().to_numpy()
    kept = {**tables, "instruments": instruments[known]}
    if not known.all():
        ahead = instruments["symbol"][~known]
        for name in ("bars", "actions", "facts"):
            kept[name] = kept[name][~kept[name]["symbol"].isin(ahead)]
    kept["bars"] = _until(kept["bars"], "session", instruments, at, "close")
    kept["actions"] = _until(kept["actions"], "ex_session", instruments, at, "open")
    kept["facts"] = kept["facts"][kept["facts"]["known_at"] <= at]
    for name in ("fx", "rates"):
        kept[name] = kept[name][kept[name]["date"] + pd.Timedelta(days=1) <= _naive(at)]
    return {name: frame.reset_index(drop=True) for name, frame in kept.items()}


def known_midnights(
    instruments: pd.DataFrame, column: Literal["listed", "delisted"]
) -> np.ndarray[tuple[int, ...], np.dtype[np.datetime64]]:
    """UTC instant at which each instrument's date begins at its exchange; NaT where not given."""
    instants = np.full(len(instruments), np.datetime64("NaT"), dtype="datetime64[ns]")
    exchanges = instruments["exchange"].to_numpy()
    for exchange in set(exchanges):
        mine = exchanges == exchange
        instants[mine] = local_midnights(exchange, instruments[column].to_numpy()[mine])
    return instants


def last_known_session(
    exchange: str, at: pd.Timestamp, event: Literal["open", "close"]
) -> np.datetime64:
    """Date of the exchange's latest session whose OPEN or CLOSE is not after ``at``.

    Beyond the calendar's horizon everything up to the date of ``at`` counts as known.
    """
    until = at.date() + timedelta(days=1)
    try:
        span = sessions(exchange, at.date() - _LONGEST_HOLIDAY, until)
    except DataError:
        return np.datetime64(at.date(), "D")
    times = span.open if event == "open" else span.close
    count = int(np.searchsorted(times, _naive(at), side="right"))
    return span.dates[count - 1] if count else np.datetime64(at.date() - _LONGEST_HOLIDAY, "D")


def _until(
    frame: pd.DataFrame,
    column: str,
    instruments: pd.DataFrame,
    at: pd.Timestamp,
    event: Literal["open", "close"],
) -> pd.DataFrame:
    """Rows up to the last session known, each by its own exchange."""
    exchanges = sorted(set(instruments["exchange"]))
    limits = {exchange: last_known_session(exchange, at, event) for exchange in exchanges}
    by_column = np.array(
        [limits[exchange] for exchange in instruments["exchange"]]
        + [np.datetime64(at.date() - timedelta(days=1), "D")],  # of no instrument: whole UTC days
        dtype="datetime64[D]",
    )
    known = frame[column].to_numpy() <= by_column[symbol_columns(frame["symbol"], instruments)]
    return frame if known.all() else frame[known]


def _naive(at: pd.Timestamp) -> np.datetime64:
    """``at``, in UTC, as numpy writes it."""
    return np.datetime64(at.tz_convert("UTC").tz_localize(None).as_unit("ns").to_datetime64())


def dated_after(tables: Tables, day: date) -> list[Fault]:
    """A fault for each table with rows of days after ``day``, which nobody can know by then.

    Instruments and actions are left aside: listings and dividends are announced beforehand.
    """
    faults = []
    for name, column in _PAST.items():
        names, days = names_and_days(name, tables[name])
        late = days.astype("datetime64[D]") > np.datetime64(day, "D")
        if not late.any():
            continue
        count, symbols = int(late.sum()), sorted({str(symbol) for symbol in names[late]})
        who = ", ".join(symbol or "market-wide" for symbol in symbols[:_SHOWN])
        who += f" and {len(symbols) - _SHOWN} more" if len(symbols) > _SHOWN else ""
        last = np.datetime_as_string(days[late].max(), "D")
        rows = f"{count:,} row{'s' * (count != 1)} of {who}, the last of {last}"
        faults.append(Fault(f"{name}.{column}", f"{rows}: later than {day}; mend the dates"))
    return faults


def latest_today() -> date:
    """Today's date where the day begins first, 14 hours ahead of UTC: none is later anywhere."""
    return datetime.now(timezone(timedelta(hours=14))).date()

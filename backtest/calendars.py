"""Sessions of an exchange: dates, opens and closes in UTC, with dated corrections."""

from __future__ import annotations

import difflib
import hashlib
import importlib.metadata
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from backtest.calendar_cache import kept
from backtest.errors import DataError, Fault

Times = npt.NDArray[np.datetime64]
IntArray = npt.NDArray[np.int64]

_FILE = Path(__file__).with_name("calendars.yaml")
_EARLIEST, _ALL_HAVE_BEGUN = 1990, 2000
_PER_YEAR_FIRST, _PER_YEAR_LAST = date(2016, 1, 1), date(2025, 12, 31)


@dataclass(frozen=True, eq=False)
class Sessions:
    """Sessions of one exchange in order: arrays of one length.

    ``dates`` is datetime64[D], the exchange's own dates; ``open`` and ``close`` are datetime64[ns]
    in UTC, half days and daylight saving included. A ``24/7`` session closes at the next midnight.
    """

    exchange: str
    dates: Times
    open: Times
    close: Times

    def __len__(self) -> int:
        return len(self.dates)

    def rows_of(self, dates: Times) -> IntArray:
        """Ordinal of each date (datetime64), -1 where it is no session, shape as given."""
        days = dates.astype("datetime64[D]")
        if len(self.dates) == 0:
            return np.full(days.shape, -1, dtype=np.int64)
        rows = np.searchsorted(self.dates, days).astype(np.int64)
        at = np.minimum(rows, len(self.dates) - 1)
        return np.where(self.dates[at] == days, at, -1)


def sessions(exchange: str, first: date, last: date) -> Sessions:
    """All sessions of ``exchange`` from ``first`` to ``last``, both included.

    Days before the calendar's own beginning (XSHG 1990-12-03) hold no sessions.

    Parameters
    ----------
    exchange
        A name that ``exchange_calendars`` knows: ``XHKG``, ``XSHG``, ``XNYS``, ``24/7``, ...
    first, last
        Dates of the exchange.

    Raises
    ------
    DataError
        The exchange is unknown, or ``last`` lies beyond the calendar's horizon.

    Notes
    -----
    The sessions are those of ``exchange_calendars`` without the whole days that
    ``calendars.yaml`` lists as shut.
    """
    if last < first:
        raise ValueError(f"last ({last}) lies before first ({first})")
    start = min(_EARLIEST, first.year - first.year % 10)
    whole = _whole(exchange, start, max(last.year, _ALL_HAVE_BEGUN))
    rows = slice(
        int(np.searchsorted(whole.dates, np.datetime64(first, "D"))),
        int(np.searchsorted(whole.dates, np.datetime64(last, "D"), side="right")),
    )
    return Sessions(exchange, whole.dates[rows], whole.open[rows], whole.close[rows])


@lru_cache(maxsize=64)
def sessions_per_year(exchange: str) -> float:
    """Average sessions per 365.25 days over the ten years 2016 to 2025, rounded to a whole number.

    XHKG 246, XSHG 243, XNYS 251, 24/7 365.
    """
    days = (_PER_YEAR_LAST - _PER_YEAR_FIRST).days + 1
    count = len(sessions(exchange, _PER_YEAR_FIRST, _PER_YEAR_LAST))
    return float(round(count * 365.25 / days))


def timezone(exchange: str) -> ZoneInfo:
    """Time zone of ``exchange``; raises DataError when the exchange is unknown."""
    zones = _corrections()["zones"]
    if exchange in zones:
        return ZoneInfo(str(zones[exchange]))
    return ZoneInfo(str(_calendar(exchange, 2020, 2020).tz))


def local_midnights(exchange: str, dates: Times) -> Times:
    """UTC instant (datetime64[ns]) at which each date begins at the exchange; NaT stays NaT."""
    import pandas as pd

    naive = pd.DatetimeIndex(dates.astype("datetime64[ns]"))
    local = naive.tz_localize(timezone(exchange), ambiguous=True, nonexistent="shift_forward")
    return local.tz_convert("UTC").tz_localize(None).to_numpy().astype("datetime64[ns]")


def known_exchanges() -> tuple[str, ...]:
    """Names that can be used as an exchange, sorted."""
    import exchange_calendars

    return tuple(sorted(exchange_calendars.get_calendar_names()))


def exchange_problem(exchange: str) -> str:
    """Problem with an exchange's name, with the nearest known names; empty where there is none."""
    if exchange in _corrections()["zones"]:
        return ""
    known = known_exchanges()
    if exchange in known:
        return ""
    near = difflib.get_close_matches(exchange.upper(), known, n=3, cutoff=0.6)
    hint = (
        f"did you mean {' or '.join(repr(name) for name in near)}?"
        if near
        else ("use a name of exchange_calendars such as 'XHKG', 'XSHG', 'XNYS' or '24/7'")
    )
    return f"unknown exchange {exchange!r}; {hint}"


@lru_cache(maxsize=1)
def calendar_version() -> str:
    """Version of the package and fingerprint of the corrections: what sessions depend on."""
    corrections = hashlib.sha256(_FILE.read_bytes()).hexdigest()[:12]
    return f"exchange_calendars {importlib.metadata.version('exchange_calendars')}+{corrections}"


@lru_cache(maxsize=1)
def _corrections() -> dict[str, Any]:  # a YAML document: nested, of mixed types
    from ruamel.yaml import YAML

    loaded: dict[str, Any] = YAML(typ="safe").load(_FILE.read_text(encoding="utf-8"))
    return loaded


def _closed(exchange: str) -> Times:
    names = {exchange, _canonical(exchange)}
    days = [entry["date"] for entry in _corrections()["closed"] if entry["exchange"] in names]
    return np.array(days, dtype="datetime64[D]")


def _canonical(exchange: str) -> str:
    """``XHKG`` for its alias ``HKEX``."""
    import exchange_calendars

    return str(exchange_calendars.resolve_alias(exchange))


@lru_cache(maxsize=64)
def _whole(exchange: str, first_year: int, last_year: int) -> Sessions:
    """Sessions of whole years, corrected; the arrays are read-only because they are shared."""
    parts = (calendar_version(), _code_version(), exchange, first_year, last_year)
    arrays = kept(parts, lambda: _made(exchange, first_year, last_year))
    for array in arrays.values():
        array.setflags(write=False)
    return Sessions(exchange, **arrays)


def _made(exchange: str, first_year: int, last_year: int) -> dict[str, Times]:
    """Dates, opens and closes of `Sessions`, by name."""
    schedule = _calendar(exchange, first_year, last_year).schedule
    dates = schedule.index.to_numpy().astype("datetime64[D]")
    open_ = ~np.isin(dates, _closed(exchange))
    times = {
        name: schedule[name].dt.tz_localize(None).to_numpy().astype("datetime64[ns]")[open_]
        for name in ("open", "close")
    }
    return {"dates": dates[open_], **times}


@lru_cache(maxsize=1)
def _code_version() -> str:
    """Of what makes sessions beside the package: pandas' holidays, this file."""
    pandas = importlib.metadata.version("pandas")
    return f"pandas {pandas} {hashlib.sha256(Path(__file__).read_bytes()).hexdigest()}"


def _calendar(exchange: str, first_year: int, last_year: int) -> Any:  # the package has no types
    """Calendar of the package over whole years, cut to its beginning; beyond its end a fault."""
    import exchange_calendars

    problem = exchange_problem(exchange)
    if problem:
        raise DataError("calendar", [Fault(exchange, problem)])
    first, last = f"{first_year}-01-01", f"{last_year}-12-31"
    with _quiet():
        try:
            return exchange_calendars.get_calendar(exchange, start=first, end=last)
        except ValueError:
            bounds = exchange_calendars.get_calendar(exchange, start="2020-01-01", end="2020-12-31")
        begins, ends = bounds.bound_min(), bounds.bound_max()
        if ends is not None and last_year > ends.year:
            raise DataError("calendar", [_beyond_horizon(exchange, f"{ends:%Y-%m-%d}", last_year)])
        if begins is not None:
            first = max(first, f"{begins:%Y-%m-%d}")
        return exchange_calendars.get_calendar(exchange, start=first, end=last)


def _beyond_horizon(exchange: str, ends: str, year: int) -> Fault:
    return Fault(
        exchange,
        f"sessions of {year} are asked for, but the calendar ends on {ends}; "
        "a newer exchange_calendars may know more",
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Without warnings: what exchange_calendars deprecates inside changes no session."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield

"""What a source says now against what a bundle holds: new rows, and new versions of old ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from backtest.data.known import last_known_session
from backtest.data.rows import symbol_columns
from backtest.data.schema import KNOWN_AT, TABLES, WEIGHT
from backtest.data.versions import current_rows

BoolArray = npt.NDArray[np.bool_]

SAME = 1e-6
"""Numbers that differ by less than this fraction are the same figure, rounded elsewhere."""

_LEAST_LOST, _SHARE_LOST = 5, 0.02
"""An answer that lacks more of the bars that are there, in number and as a share, is a half one."""


@dataclass(frozen=True)
class Moment:
    """Between which instants an update brings its news; both UTC."""

    since: pd.Timestamp
    """The last time the source was asked."""

    now: pd.Timestamp


def half_answers(old: pd.DataFrame, new: pd.DataFrame) -> dict[str, str]:
    """Symbols whose new bars lack many of the old ones, with what is wrong."""
    held = old[current_rows("bars", old, None)]
    held = held[held["symbol"].isin(new["symbol"])]
    both = held.merge(
        new[["symbol", "session"]], on=["symbol", "session"], how="left", indicator=True
    )
    lost = both["_merge"].eq("left_only").groupby(both["symbol"]).agg(["sum", "size"])
    bad = lost[(lost["sum"] > _LEAST_LOST) & (lost["sum"] > _SHARE_LOST * lost["size"])]
    return {
        str(symbol): f"the answer lacks {row['sum']:,} of the {row['size']:,} bars that are there"
        for symbol, row in bad.iterrows()
    }


def revised(
    old: Mapping[str, pd.DataFrame], new: Mapping[str, pd.DataFrame], moment: Moment
) -> dict[str, pd.DataFrame]:
    """Tables with the news at their end; no row of ``old`` is changed or lost.

    A row that could not have been there at ``moment.since`` stands as if it had always been known.
    One that could have, and was not, or was other, is known from ``moment.now`` on. Actions that
    the source no longer has are taken back from then on.
    """
    both = dict(old)
    instruments = new.get("instruments", old["instruments"])
    for name, frame in new.items():
        if name == "facts":
            both[name] = _with_facts(old[name], frame, moment)
            continue
        both[name] = _appended(old[name], _news(name, old[name], frame, moment, instruments))
    if "bars" in new:
        actions = new.get("actions", old["actions"].iloc[:0])
        gone = _withdrawn(old["actions"], actions, new["bars"])
        both["actions"] = _appended(both["actions"], gone.assign(value=np.nan, known_at=moment.now))
    return both


def _news(
    name: str,
    old: pd.DataFrame,
    new: pd.DataFrame,
    moment: Moment,
    instruments: pd.DataFrame,
) -> pd.DataFrame:
    """Rows of ``new`` that the table does not hold yet, with the instant they are known from."""
    key = list(TABLES[name].key)
    held = old[current_rows(name, old, None)].drop(columns=KNOWN_AT, errors="ignore")
    held = held.drop_duplicates(key, keep="last")
    values = [column for column in new.columns if column not in key]
    both = new.merge(held, on=key, how="left", suffixes=("", "_held"), indicator=True)
    fresh = both["_merge"].eq("left_only").to_numpy()
    changed = np.zeros(len(both), dtype=bool)
    for column in values:
        if f"{column}_held" not in both:
            continue
        was = both[f"{column}_held"]
        changed |= _differs(both[column], was) & ~fresh
    # What the source does not say stays as it was.
    for column in held.columns.difference(key):
        was = both[f"{column}_held"] if f"{column}_held" in both else both[column]
        now = both[column]
        both[column] = now.where(~_is_blank(now), was) if column in values else was
    late = changed | (fresh & _could_have_been(name, new, moment.since, instruments))
    rows = both[[*key, *held.columns.difference(key, sort=False)]]
    return rows.assign(known_at=_instants(late, moment.now))[fresh | changed]


def _instants(late: BoolArray, now: pd.Timestamp) -> pd.DatetimeIndex:
    """``now`` where late, else missing."""
    found = np.full(len(late), np.datetime64("NaT"), dtype="datetime64[ns]")
    found[late] = now.tz_localize(None).to_datetime64()
    return pd.DatetimeIndex(found, tz="UTC")


def _could_have_been(
    name: str, rows: pd.DataFrame, since: pd.Timestamp, instruments: pd.DataFrame
) -> BoolArray:
    """Rows that were known by nature at ``since``."""
    if name == "instruments":
        return np.ones(len(rows), dtype=bool)
    if name in ("fx", "rates"):
        ended = rows["date"] + pd.Timedelta(days=1) <= since.tz_localize(None)
        return np.asarray(ended, dtype=bool)
    column, event = ("session", "close") if name == "bars" else ("ex_session", "open")
    limits = {
        exchange: last_known_session(exchange, since, "close" if event == "close" else "open")
        for exchange in sorted(set(instruments["exchange"]))
    }
    by_row = np.array(
        [*(limits[exchange] for exchange in instruments["exchange"]), np.datetime64("NaT", "D")],
        dtype="datetime64[D]",
    )
    past: BoolArray = rows[column].to_numpy() <= by_row[symbol_columns(rows["symbol"], instruments)]
    return past


def _withdrawn(old: pd.DataFrame, new: pd.DataFrame, bars: pd.DataFrame) -> pd.DataFrame:
    """Actions that are held, and that an answer over their date does not have."""
    held = old[current_rows("actions", old, None)]
    span = bars.groupby("symbol")["session"].agg(["min", "max"])
    first, last = held["symbol"].map(span["min"]), held["symbol"].map(span["max"])
    inside = (held["ex_session"] > first) & (held["ex_session"] <= last)
    inside &= held["kind"] != "delisting"
    held = held[inside]
    key = list(TABLES["actions"].key)
    there = held[key].merge(new[key].drop_duplicates(), on=key, how="left", indicator=True)
    return held[there["_merge"].eq("left_only").to_numpy()]


def _with_facts(old: pd.DataFrame, new: pd.DataFrame, moment: Moment) -> pd.DataFrame:
    """Facts, with those that are new, or other than the last that was known."""
    key = ["symbol", "field", "period"]
    held = old.sort_values("known_at", kind="stable").drop_duplicates(key, keep="last")
    new = pd.concat([new, *_left(held, new)], ignore_index=True)
    both = new.merge(held, on=key, how="left", suffixes=("", "_held"), indicator=True)
    fresh = both["_merge"].eq("left_only").to_numpy()
    changed = _differs(both["value"], both["value_held"]) & ~fresh
    late = changed | (fresh & (both["known_at"] <= moment.since).to_numpy())
    news = new.assign(known_at=new["known_at"].mask(late, moment.now))
    return _appended(old, news[fresh | changed])


def _left(held: pd.DataFrame, new: pd.DataFrame) -> list[pd.DataFrame]:
    """Weights of 0 on the new list's day for members of an index that it no longer has.

    Without them the last weight known of a member that left would stay for ever.
    """
    found = []
    for field, rows in new[new["field"].str.startswith(WEIGHT)].groupby("field"):
        day = rows["period"].max()
        before = held[(held["field"] == field) & (held["period"] < day)]
        last = before.sort_values("period", kind="stable").drop_duplicates("symbol", keep="last")
        here = rows.loc[rows["period"] == day, "symbol"]
        gone = last.loc[~last["symbol"].isin(here) & (last["value"] != 0.0), "symbol"]
        known_at = rows.loc[rows["period"] == day, "known_at"].max()
        if len(gone):
            found.append(
                pd.DataFrame(
                    {
                        "symbol": gone,
                        "field": field,
                        "period": day,
                        "known_at": known_at,
                        "value": 0.0,
                    }
                )
            )
    return found


def _differs(now: pd.Series[Any], was: pd.Series[Any]) -> BoolArray:
    """Where both are known and are not the same."""
    known = ~_is_blank(now)
    if pd.api.types.is_numeric_dtype(now):
        a, b = now.to_numpy(dtype=np.float64), was.to_numpy(dtype=np.float64)
        with np.errstate(invalid="ignore"):
            same = np.abs(a - b) <= SAME * np.maximum(np.abs(a), np.abs(b))
        return np.asarray(known & ~same, dtype=bool)
    return np.asarray(known & (now != was).to_numpy(), dtype=bool)


def _is_blank(values: pd.Series[Any]) -> BoolArray:
    blank = values.isna()
    if pd.api.types.is_string_dtype(values):
        blank |= values == ""
    return blank.to_numpy(dtype=bool)


def _appended(old: pd.DataFrame, news: pd.DataFrame) -> pd.DataFrame:
    if news.empty:
        return old
    if KNOWN_AT not in old and news[KNOWN_AT].isna().all():
        news = news.drop(columns=KNOWN_AT)
    return pd.concat([old, news], ignore_index=True)

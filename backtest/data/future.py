"""Bundles whose future was cut off or changed, to prove that nobody looked at it."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from backtest.calendars import sessions
from backtest.data.bundle import Bundle
from backtest.data.known import keep_known, known_midnights
from backtest.data.rows import symbol_columns
from backtest.errors import DataError, Fault

BoolArray = npt.NDArray[np.bool_]

_LISTING = (
    "offer_price",
    "oversubscription",
    "one_lot_success",
    "offer_size",
    "cornerstone_share",
)


def cut(bundle: Bundle, at: pd.Timestamp, *, keep: Collection[str] = ()) -> Bundle:
    """Bundle as it was known at ``at`` (UTC), later listings removed too.

    The same rule as ``data.as_of``, but on tables that were checked already.

    Parameters
    ----------
    keep
        Symbols that stay as instruments though they list later, with the facts known of them and no
        other data: those that a config names, so that it can still be read, and what was offered.

    Raises
    ------
    DataError
        Nothing was known yet.
    """
    tables = keep_known(bundle.tables, at)
    if tables["instruments"].empty or tables["bars"].empty:
        raise DataError(bundle.name, [Fault("bars", f"nothing is known at {at.isoformat()}")])
    facts = bundle.facts
    told = facts["symbol"].isin([*tables["instruments"]["symbol"], *keep, ""])
    tables["facts"] = facts[told & (facts["known_at"] <= at)].reset_index(drop=True)
    tables["instruments"] = _with_named(tables["instruments"], bundle.instruments, keep)
    content = _mark(bundle, "cut", at.isoformat())
    return _with(bundle, tables, content, as_of=at)


def perturb(bundle: Bundle, after: pd.Timestamp, seed: int) -> Bundle:
    """``bundle`` with every value that became known after ``after`` (UTC) changed.

    Bars, facts, fx, rates, actions and the listing data of later listings; which rows there are
    stays as it is (``cut`` removes them). An open known by ``after`` stays. The bars remain bars:
    above 0, low <= open, close <= high; NaN stays NaN.
    """
    rng = np.random.default_rng(seed)
    instant = np.datetime64(after.tz_convert("UTC").tz_localize(None).as_unit("ns").to_datetime64())
    changed = {
        "bars": _bars(bundle, instant, rng),
        "actions": _actions(bundle, instant, rng),
        "facts": _facts(bundle.facts, (bundle.facts["known_at"] > after).to_numpy(), rng),
        "fx": _scaled(bundle.fx, "rate", _later(bundle.fx, instant), rng),
        "rates": _shifted(bundle.rates, "rate", _later(bundle.rates, instant), rng),
        "instruments": _listings(bundle, instant, rng),
    }
    content = _mark(bundle, "perturb", f"{after.isoformat()} {seed}")
    return _with(bundle, changed, content, as_of=bundle.as_of)


def _with_named(known: pd.DataFrame, whole: pd.DataFrame, names: Collection[str]) -> pd.DataFrame:
    """``known``, in the order of ``whole``, with the instruments of ``names`` that list later."""
    ahead = whole["symbol"].isin(names) & ~whole["symbol"].isin(known["symbol"])
    if not ahead.any():
        return known
    bare = whole[ahead].assign(**dict.fromkeys(_LISTING, np.nan))
    bare["delisted"] = np.datetime64("NaT")
    both = pd.concat([known, bare.astype(known.dtypes)], ignore_index=True)
    order = np.argsort(symbol_columns(both["symbol"], whole), kind="stable")
    return both.iloc[order].reset_index(drop=True)


def _with(
    bundle: Bundle, tables: Mapping[str, pd.DataFrame], content: str, *, as_of: pd.Timestamp | None
) -> Bundle:
    return replace(
        bundle,
        instruments=tables["instruments"],
        bars=tables["bars"],
        actions=tables["actions"],
        facts=tables["facts"],
        fx=tables["fx"],
        rates=tables["rates"],
        hash=content,
        as_of=as_of,
        path=None,
    )


def _mark(bundle: Bundle, what: str, how: str) -> str:
    return hashlib.sha256(f"{bundle.hash} {what} {how}".encode()).hexdigest()


def _later(table: pd.DataFrame, instant: np.datetime64) -> BoolArray:
    """Rates are known from the end of their UTC date."""
    return (table["date"] + pd.Timedelta(days=1)).to_numpy() > instant


def _events(
    bundle: Bundle, frame: pd.DataFrame, column: str
) -> tuple[npt.NDArray[np.datetime64], npt.NDArray[np.datetime64]]:
    """OPEN and CLOSE of each row's session; rows on no session take the next one's."""
    names, codes = np.unique(bundle.instruments["exchange"].to_numpy(str), return_inverse=True)
    owners = codes[symbol_columns(frame["symbol"], bundle.instruments)]
    opens = np.full(len(frame), np.datetime64("NaT"), dtype="datetime64[ns]")
    closes = opens.copy()
    days = frame[column].to_numpy().astype("datetime64[D]")
    for code in np.unique(owners):
        mine = owners == code
        span = sessions(str(names[code]), days[mine].min().item(), days[mine].max().item())
        if len(span) == 0:
            continue
        at = np.minimum(np.searchsorted(span.dates, days[mine]), len(span) - 1)
        opens[mine], closes[mine] = span.open[at], span.close[at]
    return opens, closes


def _bars(bundle: Bundle, instant: np.datetime64, rng: np.random.Generator) -> pd.DataFrame:
    bars = bundle.bars
    opens, closes = _events(bundle, bars, "session")
    late, unopened = closes > instant, opens > instant
    count = len(bars)
    level = rng.uniform(0.5, 1.5, count)
    new: dict[str, npt.NDArray[Any]] = {
        "open": np.where(unopened, bars["open"] * level * _wiggle(rng, count), bars["open"]),
        "close": np.where(late, bars["close"] * level * _wiggle(rng, count), bars["close"]),
        "volume": np.where(
            late & bars["volume"].notna(),
            np.floor(bars["volume"] * rng.uniform(0.1, 3.0, count)) + rng.integers(1, 1000, count),
            bars["volume"],
        ),
    }
    above = np.fmax(new["open"], new["close"]) * rng.uniform(1.01, 1.2, count)
    below = np.fmin(new["open"], new["close"]) * rng.uniform(0.8, 0.99, count)
    new["high"] = np.where(late & bars["high"].notna(), above, bars["high"])
    new["low"] = np.where(late & bars["low"].notna(), below, bars["low"])
    return bars.assign(**new)


def _actions(bundle: Bundle, instant: np.datetime64, rng: np.random.Generator) -> pd.DataFrame:
    opens, _ = _events(bundle, bundle.actions, "ex_session")
    moved = _scaled(bundle.actions, "value", opens > instant, rng)
    return _scaled(moved, "price", opens > instant, rng)


def _facts(facts: pd.DataFrame, late: BoolArray, rng: np.random.Generator) -> pd.DataFrame:
    """Another size and at times another sign; a zero moves too."""
    value = facts["value"].to_numpy()
    other = -value * rng.uniform(0.5, 2.0, len(value)) + rng.uniform(0.01, 1.0, len(value))
    kept = np.where(rng.random(len(value)) < 0.5, other, value + np.abs(value) + 1.0)
    return facts.assign(value=np.where(late, kept, value))


def _scaled(
    table: pd.DataFrame, column: str, late: BoolArray, rng: np.random.Generator
) -> pd.DataFrame:
    value = table[column].to_numpy()
    return table.assign(**{column: np.where(late, value * _wiggle(rng, len(value)), value)})


def _shifted(
    table: pd.DataFrame, column: str, late: BoolArray, rng: np.random.Generator
) -> pd.DataFrame:
    """Rates may be 0 or below: moved, not scaled."""
    value = table[column].to_numpy()
    return table.assign(
        **{column: np.where(late, value + rng.uniform(0.001, 0.05, len(value)), value)}
    )


def _listings(bundle: Bundle, instant: np.datetime64, rng: np.random.Generator) -> pd.DataFrame:
    """Instruments with other offer prices and odds for what is listed later."""
    table = bundle.instruments
    late = known_midnights(table, "listed") > instant
    for column in _LISTING:
        table = _scaled(table, column, late, rng)
    return table


def _wiggle(rng: np.random.Generator, count: int) -> npt.NDArray[np.float64]:
    """Factors that are never 1: 0.7 to 0.97 or 1.03 to 1.4."""
    down = rng.random(count) < 0.5
    return np.where(down, rng.uniform(0.7, 0.97, count), rng.uniform(1.03, 1.4, count))

"""Exchange and interest rates as they were known."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from backtest.data.bundle import Bundle
from backtest.data.findings import Finding, places_of
from backtest.data.rows import of_instruments
from backtest.data.settings import DEFAULT_ACTIONS
from backtest.errors import Fault

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

STALE_DAYS = 7
"""A rate older than this many calendar days is no rate."""


def fx_rates(
    fx: pd.DataFrame,
    currency: str,
    into: str,
    times: pd.DatetimeIndex,
    *,
    via: Iterable[str] = ("USD",),
) -> FloatArray:
    """Units of ``into`` for one unit of ``currency`` as known at ``times`` (UTC), shape (T,).

    A rate of date d is known from 00:00 UTC of d + 1. At each time the pair itself counts, else its
    inverse, else one cross through the currencies of ``via`` in their order. NaN where there is
    none, or its date (of either leg) lies more than 7 days before the time's UTC date.

    Examples
    --------
    With USD/HKD 7.8 and CNY/USD 0.14, one CNY is 7.8 x 0.14 = 1.092 HKD.
    """
    if currency == into:
        return np.ones(len(times))
    days = _utc_days(times)
    rates = _pair(fx, currency, into, days)
    for middle in via:
        if middle in (currency, into) or not np.isnan(rates).any():
            continue
        crossed = _pair(fx, currency, middle, days) * _pair(fx, middle, into, days)
        rates = np.where(np.isnan(rates), crossed, rates)
    return rates


def rate_known(rates: pd.DataFrame, currency: str, times: pd.DatetimeIndex) -> FloatArray:
    """Annual interest rate of ``currency`` known at ``times`` (UTC), as a fraction, shape (T,).

    A rate of date d is known from 00:00 UTC of d + 1 and holds until the next. 0.0 before the first
    and for a currency without rates.
    """
    table = rates[rates["currency"] == currency]
    return _last_known(table, _utc_days(times), stale_days=None, missing=0.0)


def fx_gaps(
    bundle: Bundle,
    currency: str,
    times: pd.DatetimeIndex,
    *,
    symbols: Iterable[str] | None = None,
    via: Iterable[str] = ("USD",),
) -> Finding | None:
    """missing_fx: at which of ``times`` a currency cannot be turned into ``currency``; else None.

    The currencies are those of ``symbols``, by default of every instrument.
    """
    instruments = bundle.instruments
    if symbols is not None:
        instruments = instruments[instruments["symbol"].isin(list(symbols))]
    names: list[str] = []
    days: list[npt.NDArray[np.datetime64]] = []
    for other in sorted(set(instruments["currency"])):
        lacking = np.isnan(fx_rates(bundle.fx, other, currency, times, via=via))
        dates = np.unique(_utc_days(times)[lacking])
        names += [f"{other}/{currency}"] * len(dates)
        days.append(dates.astype("datetime64[D]"))
    if not names:
        return None
    action = bundle.checks.get("missing_fx", DEFAULT_ACTIONS["missing_fx"])
    return Finding("missing_fx", action, "fx", places_of(names, np.concatenate(days)), 0)


def check_fx(
    bundle: Bundle,
    currency: str,
    times: pd.DatetimeIndex,
    *,
    symbols: Iterable[str] | None = None,
) -> list[Fault]:
    """Faults of missing_fx for a portfolio in ``currency``, unless the check was set otherwise.

    With ``warn`` there is no fault: ``fx_gaps`` tells what was found, and a price without a rate
    has no value in the portfolio's currency (NaN). ``drop`` is done by ``without_fx_gaps``.
    """
    finding = fx_gaps(bundle, currency, times, symbols=symbols)
    return [] if finding is None or finding.action != "error" else [finding.as_fault()]


def without_fx_gaps(bundle: Bundle, currency: str, times: pd.DatetimeIndex) -> Bundle:
    """Bundle without the instruments that missing_fx set to ``drop`` drops; else ``bundle`` itself.

    Dropped are all instruments of a currency that cannot be converted at some of ``times``.
    """
    finding = fx_gaps(bundle, currency, times)
    if finding is None or finding.action != "drop":
        return bundle
    lacking = [pair.partition("/")[0] for pair in finding.symbols]
    gone = bundle.instruments["currency"].isin(lacking)
    tables = of_instruments(bundle.tables, bundle.instruments[~gone])
    content = hashlib.sha256(f"{bundle.hash} without {lacking}".encode()).hexdigest()
    return replace(
        bundle,
        instruments=tables["instruments"],
        bars=tables["bars"],
        actions=tables["actions"],
        facts=tables["facts"],
        hash=content,
        findings=(*bundle.findings, replace(finding, dropped=int(gone.sum()))),
        path=None,
    )


def _utc_days(times: pd.DatetimeIndex) -> IntArray:
    """Days since 1970 of each time's UTC date."""
    naive = times if times.tz is None else times.tz_convert("UTC").tz_localize(None)
    return naive.to_numpy().astype("datetime64[D]").astype(np.int64)


def _pair(fx: pd.DataFrame, base: str, quote: str, days: IntArray) -> FloatArray:
    direct = fx[(fx["base"] == base) & (fx["quote"] == quote)]
    rates = _last_known(direct, days, stale_days=STALE_DAYS, missing=np.nan)
    if not np.isnan(rates).any():
        return rates
    inverse = fx[(fx["base"] == quote) & (fx["quote"] == base)]
    turned = 1.0 / _last_known(inverse, days, stale_days=STALE_DAYS, missing=np.nan)
    return np.where(np.isnan(rates), turned, rates)


def _last_known(
    table: pd.DataFrame, days: IntArray, *, stale_days: int | None, missing: float
) -> FloatArray:
    """Rate of the last date before each day; ``table`` sorted by date."""
    found = np.full(len(days), missing)
    if table.empty:
        return found
    dates = table["date"].to_numpy().astype("datetime64[D]").astype(np.int64)
    # Known from the end of its date: on day t the rates of t - 1 and before.
    at = np.searchsorted(dates, days, side="left") - 1
    known = at >= 0
    if stale_days is not None:
        known &= days - dates[at] <= stale_days
    found[known] = table["rate"].to_numpy()[at[known]]
    return found

"""Stock Connect southbound: which days it trades, what it may hold, what is kept from dividends.

Sources and what is doubted of them stand in ``connect.yaml``.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import BaseModel, ConfigDict

from backtest.account import Account
from backtest.calendars import Sessions, local_midnights, sessions
from backtest.data.in_force import in_force
from backtest.data.schema import ELIGIBLE
from backtest.market.model import Dated, Status
from backtest.units import Fraction

Mask = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]

HONG_KONG = ("XHKG", "HKEX")
MAINLAND = ("XSHG", "XSHE")
SEASONING = 126
"""Sessions since listing before which a share counts as not eligible where no fact tells: reviews
of the index that eligibility hangs on are half-yearly."""

_FILE = Path(__file__).with_name("connect.yaml")
_FULL_DAY = np.timedelta64(5, "h")  # a half day of Hong Kong is 2.5 hours long
_SETTLES_AFTER = 2  # settlement days


class _Start(Dated):
    name: str


class _Tax(BaseModel):
    """What is kept from the dividends of one share class; none was changed so far."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    share_class: str
    rate: Fraction
    status: Status
    source: str


@lru_cache(maxsize=1)
def _rules() -> tuple[tuple[_Start, ...], Dated, dict[str, tuple[_Tax, ...]]]:
    from ruamel.yaml import YAML

    read = YAML(typ="safe").load(_FILE.read_text(encoding="utf-8"))
    return (
        tuple(_Start.model_validate(entry) for entry in read["channels"]),
        Dated.model_validate(read["every_common_session"]),
        {
            holder: tuple(_Tax.model_validate(entry) for entry in entries)
            for holder, entries in read["dividend_tax"].items()
        },
    )


def southbound_days(own: Sessions) -> Mask:
    """Which of Hong Kong's sessions southbound trades on, shape (sessions,).

    Both markets trade; until 24 April 2023 no session of Hong Kong between the trade and its
    settlement may be a mainland holiday either. Before 17 November 2014 there is none.

    Raises
    ------
    DataError
        When the sessions reach beyond the mainland's calendar.
    """
    starts, every, _ = _rules()
    if len(own) == 0:
        return np.zeros(0, dtype=np.bool_)
    first, last = own.dates[0].item(), own.dates[-1].item()
    mainland = sessions("XSHG", first, last)
    common = np.isin(own.dates, mainland.dates)
    early = own.dates < np.datetime64(every.since)
    if early.any():
        common &= ~early | ~_before_holiday(own)
    return common & (own.dates >= np.datetime64(min(start.since for start in starts)))


def _before_holiday(own: Sessions) -> Mask:
    """Whether a mainland holiday lies between a session and its settlement, up to both."""
    beyond = own.dates[-1].item() + timedelta(days=20)
    _, every, _ = _rules()
    until = min(beyond, max(every.since + timedelta(days=20), own.dates[0].item()))
    home = sessions(own.exchange, own.dates[0].item(), until)
    settles = home.dates[home.close - home.open >= _FULL_DAY]
    away = ~np.isin(home.dates, sessions("XSHG", own.dates[0].item(), until).dates)
    count = np.concatenate(([0], np.cumsum(away)))
    at = np.searchsorted(settles, own.dates, side="right") + _SETTLES_AFTER - 1
    end = settles[np.minimum(at, len(settles) - 1)]
    begins = np.searchsorted(home.dates, own.dates, side="right")
    ends = np.searchsorted(home.dates, np.maximum(end, own.dates), side="right")
    return np.asarray(count[ends] > count[np.minimum(begins, ends)])


def shut_sessions(account: Account, own: Sessions) -> Mask:
    """Sessions of an exchange that the account cannot deal on, shape (sessions,)."""
    if account.calendar == "exchange" or own.exchange not in HONG_KONG:
        return np.zeros(len(own), dtype=np.bool_)
    return ~southbound_days(own)


def tells_eligibility(facts: pd.DataFrame) -> bool:
    """Whether there is any fact on what the channels may buy."""
    return bool(facts["field"].isin(_fields(("shanghai", "shenzhen"))).any())


def eligible(
    account: Account,
    facts: pd.DataFrame,
    instruments: pd.DataFrame,
    decisions: pd.DatetimeIndex,
    age: FloatArray,
) -> Mask:
    """What the account's channels may hold at each decision, shape (decisions, instruments).

    A fact holds from the local midnight of its period, or from when it was known if that is later.
    Without any such fact every Hong Kong stock counts as eligible once it has been listed for
    `SEASONING` sessions, and nothing else of Hong Kong does. Mainland shares need no channel; other
    exchanges are out of reach.

    Parameters
    ----------
    instruments
        Exchange and kind by symbol, in column order.
    age
        Sessions since listing at each decision, shape (decisions, instruments), NaN unknown.
    """
    home = np.asarray(instruments["exchange"].isin(HONG_KONG))
    if not account.channels:
        return np.ones((len(decisions), len(instruments)), dtype=np.bool_)
    mask = np.zeros((len(decisions), len(instruments)), dtype=np.bool_)
    mask[:, np.asarray(instruments["exchange"].isin(MAINLAND))] = True
    starts = {start.name: start.since for start in _rules()[0]}
    times = decisions.tz_convert(None).to_numpy().astype("datetime64[ns]")
    table = instruments.rename_axis("symbol").reset_index()
    if not tells_eligibility(facts):
        stock = home & np.asarray(instruments["kind"] == "stock")
        open_from = min(starts[channel] for channel in account.channels)
        begun = times >= local_midnights("XHKG", np.array([open_from], "datetime64[D]"))[0]
        seasoned = np.isnan(age) | (age >= SEASONING)
        return np.asarray(mask | (stock[None, :] & begun[:, None] & seasoned))
    for channel in account.channels:
        begun = times >= local_midnights("XHKG", np.array([starts[channel]], "datetime64[D]"))[0]
        for field in (ELIGIBLE, f"{ELIGIBLE}_{channel}"):
            told = in_force(facts[facts["field"] == field], table, times) > 0  # unknown: not
            mask |= told & home[None, :] & begun[:, None]
    return mask


def _fields(channels: tuple[str, ...]) -> list[str]:
    return [ELIGIBLE, *(f"{ELIGIBLE}_{channel}" for channel in channels)]


def dividend_taxes(account: Account, instruments: pd.DataFrame) -> FloatArray | None:
    """Share kept from each instrument's dividends, shape (N,); None where the portfolio says it.

    NaN where the account has no rate of its own: outside Hong Kong.
    """
    if account.dividend_tax == "portfolio":
        return None
    rates = {tax.share_class: tax.rate for tax in _rules()[2][account.dividend_tax]}
    home = instruments["exchange"].isin(HONG_KONG)
    return np.where(home, instruments["share_class"].map(rates).to_numpy(np.float64), np.nan)


def doubts(
    account: Account, facts: pd.DataFrame, instruments: pd.DataFrame, *, dividends: bool
) -> Iterator[str]:
    """Sentences on what is assumed of an account's rules.

    Parameters
    ----------
    instruments
        Those that the run may hold.
    dividends
        Whether any of them pays dividends that tax could be kept from.
    """
    home = instruments[instruments["exchange"].isin(HONG_KONG)]
    if account.channels and not tells_eligibility(facts):
        yield (
            f"The bundle has no fact {ELIGIBLE!r}: every Hong Kong stock counts as eligible for "
            f"Stock Connect {SEASONING} sessions after its listing, and no ETF does."
        )
    if account.calendar == "southbound":
        every = _rules()[1]
        yield (
            f"Southbound trades on every common session from {every.since} on: the first day is "
            "not verified."
        )
    if account.dividend_tax == "portfolio" or not dividends:
        return
    taxes = {tax.share_class: tax for tax in _rules()[2][account.dividend_tax]}
    for name in sorted(set(home["share_class"])):
        tax = taxes[name]
        if tax.status == "unverified":
            who = f"shares of class {name}" if name else "shares whose class the bundle leaves out"
            yield (
                f"{100 * tax.rate:g} % is kept from dividends of {who}: {tax.source}; not verified."
            )

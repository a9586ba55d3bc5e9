"""Who is listed in the sample market: instruments and their fixed traits, before any price."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from backtest.data.sample_draws import (
    BoolArray,
    DateArray,
    FloatArray,
    IntArray,
    along,
    picks,
    uniforms,
)

SEASONED = 60
LISTINGS_BY_YEAR = {
    2016: 2, 2017: 3, 2018: 8, 2019: 4, 2020: 8, 2021: 8,
    2022: 3, 2023: 3, 2024: 4, 2025: 9, 2026: 8,
}  # fmt: skip
# Added to a listing's appetite for shares, about 0 to 1: how hot the primary market was.
HEAT_BY_YEAR = {
    2016: 0.05, 2017: 0.10, 2018: 0.00, 2019: 0.08, 2020: 0.25,
    2021: 0.12, 2022: -0.10, 2023: -0.05, 2024: 0.08, 2025: 0.20,
}  # fmt: skip
HOT_FROM, HOT = np.datetime64("2025-08-04"), 0.52  # since the new allotment rules
SECTORS = (
    "Internet", "Software", "Semiconductors", "Hardware", "Electric Vehicles", "Fintech",
    "Biotech", "Telecom",
)  # fmt: skip
_LOTS = (5000.0, 2000.0, 1000.0, 500.0, 400.0, 200.0, 100.0, 50.0)
# Quantiles of the first-day return: 27 % close below the offer, median 7 %, a fat right tail.
_POP_AT = (0.0, 0.10, 0.27, 0.50, 0.70, 0.85, 0.95, 1.0)
_POP = (-0.28, -0.15, 0.0, 0.07, 0.18, 0.40, 0.85, 1.60)


@dataclass(frozen=True, eq=False)
class Halt:
    """Sessions without a bar of one column: ``last`` is the last of them."""

    column: int
    first: str
    last: str


# Suspensions of seasoned stocks: most wait for an announcement, some for an inquiry.
HALTS = (
    Halt(4, "2017-03-20", "2017-03-24"), Halt(9, "2018-05-14", "2018-05-15"),
    Halt(13, "2019-09-09", "2019-10-18"), Halt(17, "2020-11-30", "2020-12-02"),
    Halt(22, "2021-08-02", "2021-08-06"), Halt(28, "2022-04-01", "2022-09-16"),
    Halt(35, "2023-06-12", "2023-06-13"), Halt(41, "2024-04-02", "2024-06-28"),
    Halt(47, "2025-03-10", "2025-03-12"), Halt(53, "2026-01-19", "2026-01-21"),
    Halt(31, "2019-04-01", "2020-12-31"), Halt(44, "2022-04-01", "2023-11-30"),
    Halt(19, "2021-06-07", "2021-06-09"), Halt(19, "2021-10-01", "2021-10-08"),
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Delisting:
    """The end of one column; ``value`` is paid per share, None where nobody knows."""

    column: int
    date: str
    value: float | None


TAKEOVER = 19  # the seasoned column that is bought out after its halt, at a premium
TAKEOVER_FIRST, TAKEOVER_LAST = "2021-06-10", "2021-09-30"  # trades near the offer between
TAKEOVER_PREMIUM = 0.35
DELISTINGS = (
    Delisting(31, "2020-12-31", None),  # cancelled after 18 months of suspension, value unknown
    Delisting(44, "2023-11-30", 0.05),  # wound up: a little cash per share
    Delisting(TAKEOVER, "2021-10-08", None),  # its value is the offer, set from the price
)


@dataclass(frozen=True, eq=False)
class Plan:
    """Fixed traits of the N Hong Kong stocks, seasoned first, then listings by date."""

    symbols: tuple[str, ...]
    names: tuple[str, ...]
    sectors: tuple[str, ...]
    start: FloatArray  # price before the first session; the offer price of a listing
    lot: FloatArray
    beta_us: FloatArray  # to the US technology return of last night
    beta_hk: FloatArray  # to the Hong Kong factor
    sigma: FloatArray  # own volatility per session
    anchor: FloatArray  # normal earnings yield
    payout: FloatArray  # yearly dividend yield
    weight: FloatArray  # in the index; 0 for listings
    turnover: FloatArray  # ordinary turnover per session, HKD
    first: IntArray  # row of the first session
    eligible: IntArray  # row from which southbound buying is published; a large number for never
    oversubscription: FloatArray  # NaN for seasoned stocks, like the next two
    one_lot_success: FloatArray
    first_day: FloatArray
    appetite_rank: FloatArray  # of the oversubscription, from 0 to 1; NaN for seasoned stocks
    offer_size: FloatArray  # HKD million raised
    cornerstone_share: FloatArray  # of the offer
    mechanism: tuple[str, ...]  # that divided the offer; empty for seasoned stocks


def plan_stocks(seed: int, dates: DateArray, *, ipo_pop: bool) -> Plan:
    """Hong Kong stocks of a market with the sessions ``dates``."""
    first = np.concatenate([np.zeros(SEASONED, dtype=np.int64), _listing_rows(seed, dates)])
    count, fresh = len(first), np.arange(len(first)) >= SEASONED
    listings = count - SEASONED
    start = along(uniforms(seed, "hk start", count), (0, 0.3, 0.7, 1), (4.0, 12.0, 45.0, 150.0))
    start = np.where(start < 10.0, np.rint(start * 100) / 100, np.rint(start * 10) / 10)
    appetite, first_day = _demand(seed, dates[first[SEASONED:]], ipo_pop=ipo_pop)
    many = along(
        appetite,
        (0.0, 0.1, 0.25, 0.4, 0.55, 0.7, 0.85, 1.0, 1.1),
        (0.8, 2.0, 6.0, 15.0, 50.0, 250.0, 1000.0, 2000.0, 4000.0),
    )
    success = along(
        many,
        (1.0, 5.0, 15.0, 50.0, 100.0, 300.0, 1000.0, 2000.0),
        (1.0, 0.9, 0.6, 0.35, 0.2, 0.1, 0.03, 0.01),
    )
    unknown = np.full(SEASONED, np.nan)
    loss_makers = uniforms(seed, "hk loss maker", count) < np.where(fresh, 0.35, 0.10)
    yields = along(uniforms(seed, "hk yield", count), (0, 0.5, 1), (0.015, 0.045, 0.13))
    payers = (uniforms(seed, "hk payer", count) < 0.6) & ~loss_makers & ~fresh
    sectors = tuple(SECTORS[i % len(SECTORS)] for i in range(count))
    return Plan(
        symbols=tuple(_symbol(i) for i in range(count)),
        names=tuple(f"Simulated {_name(i, sectors[i])}" for i in range(count)),
        sectors=sectors,
        start=start,
        lot=_lots(start, along(uniforms(seed, "hk lot", count), (0, 1), (4000.0, 14000.0))),
        beta_us=0.30 + 0.30 * uniforms(seed, "hk beta us", count),
        beta_hk=0.70 + 0.60 * uniforms(seed, "hk beta hk", count),
        sigma=np.where(fresh, 0.019, 0.014) + 0.008 * uniforms(seed, "hk sigma", count),
        anchor=np.where(loss_makers, -0.3 * yields, yields),
        payout=np.where(payers, 0.01 + 0.03 * uniforms(seed, "hk payout", count), 0.0),
        weight=np.where(fresh, 0.0, 0.2 + uniforms(seed, "hk weight", count)),
        turnover=along(uniforms(seed, "hk turnover", count), (0, 0.7, 1), (3e7, 2e8, 1.5e9)),
        first=first,
        eligible=_eligible(seed, first),
        oversubscription=np.concatenate([unknown, np.rint(many * 100) / 100]),
        one_lot_success=np.concatenate([unknown, np.rint(success * 1000) / 1000]),
        first_day=np.concatenate([unknown, first_day]),
        appetite_rank=np.concatenate([unknown, _ranks(appetite) / max(listings - 1, 1)]),
        offer_size=np.concatenate([unknown, _offer_sizes(seed, listings)]),
        cornerstone_share=np.concatenate([unknown, _cornerstones(seed, listings)]),
        mechanism=("",) * SEASONED + _mechanisms(seed, dates[first[SEASONED:]]),
    )


def _offer_sizes(seed: int, listings: int) -> FloatArray:
    """HKD million raised, whole; half of the offers raise less than 900."""
    drawn = uniforms(seed, "hk offer size", listings)
    return np.rint(along(drawn, (0.0, 0.25, 0.5, 0.8, 1.0), (80.0, 350.0, 900.0, 3000.0, 12000.0)))


def _cornerstones(seed: int, listings: int) -> FloatArray:
    """Share of the offer that cornerstones took: none in every third, at most 70 %."""
    drawn = uniforms(seed, "hk cornerstones", listings)
    return np.rint(along(drawn, (0.0, 0.33, 0.34, 1.0), (0.0, 0.0, 0.2, 0.7)) * 1000) / 1000


def _mechanisms(seed: int, listed: DateArray) -> tuple[str, ...]:
    """How each offer was divided: by PN18 to 11 August 2025; since then mostly by B, as it was."""
    drawn = uniforms(seed, "hk mechanism", len(listed))
    since = np.select([drawn < 0.8, drawn < 0.9], ["b", "18c"], "a")
    return tuple(np.where(listed < np.datetime64("2025-08-12"), "pn18", since).tolist())


def halted(dates: DateArray, columns: int) -> BoolArray:
    """Sessions x columns: suspended that session."""
    out = np.zeros((len(dates), columns), dtype=np.bool_)
    for halt in HALTS:
        inside = (dates >= np.datetime64(halt.first)) & (dates <= np.datetime64(halt.last))
        out[inside, halt.column] = True
    return out


def last_rows(dates: DateArray, columns: int) -> IntArray:
    """Row of the last session of each column: the one of its delisting, else the last of all."""
    out = np.full(columns, len(dates) - 1, dtype=np.int64)
    for delisting in DELISTINGS:
        out[delisting.column] = row_of(dates, delisting.date)
    return out


def row_of(dates: DateArray, day: str) -> int:
    """Row of the last session not after ``day``."""
    return int(np.searchsorted(dates, np.datetime64(day), side="right")) - 1


def _symbol(column: int) -> str:
    return f"S{column + 1:03d}.HK" if column < SEASONED else f"I{column - SEASONED + 1:03d}.HK"


def _name(column: int, sector: str) -> str:
    if column < SEASONED:
        return f"{sector} {column + 1:02d}"
    return f"{sector} Listing {column - SEASONED + 1:02d}"


def _lots(price: FloatArray, value: FloatArray) -> FloatArray:
    """Board lots: the largest worth no more than ``value``."""
    out = np.full(len(price), _LOTS[-1])
    for lot in reversed(_LOTS):
        out = np.where(lot * price <= value, lot, out)
    return out


def _listing_rows(seed: int, dates: DateArray) -> IntArray:
    """Rows of the first sessions of all listings, sorted; several may share a week or a day."""
    years = dates.astype("datetime64[Y]").astype(np.int64) + 1970
    rows = []
    for year, count in LISTINGS_BY_YEAR.items():
        inside = np.nonzero(years == year)[0]
        # A listing needs a history before it and a life after it.
        inside = inside[(inside >= 40) & (inside < len(dates) - 25)]
        at = uniforms(seed, f"listings {year}", count) * len(inside)
        rows.append(inside[at.astype(np.int64)])
    return np.sort(np.concatenate(rows), kind="stable")


def _demand(seed: int, listed: DateArray, *, ipo_pop: bool) -> tuple[FloatArray, FloatArray]:
    """Appetite for each listing, about 0 to 1, and its first-day return, a fraction.

    The returns are the quantiles of one table, dealt out by a score: with the effect the score is
    mostly appetite, without it luck alone, and the table has no skew and no mean.
    """
    count = len(listed)
    years = listed.astype("datetime64[Y]").astype(np.int64) + 1970
    heat = np.asarray([HEAT_BY_YEAR.get(int(year), HOT) for year in years])
    heat = np.where(listed >= HOT_FROM, HOT, heat)
    appetite = np.maximum(0.55 * uniforms(seed, "ipo appetite", count) + heat, 0.0)
    luck = uniforms(seed, "ipo luck", count)
    score = appetite + 0.9 * luck if ipo_pop else luck
    quantile = (_ranks(score) + 0.5) / count
    return appetite, along(quantile, _POP_AT, _POP) if ipo_pop else 0.4 * (quantile - 0.5)


def _ranks(values: FloatArray) -> FloatArray:
    """Ranks from 0, ties by position."""
    out = np.empty(len(values))
    out[np.argsort(values, kind="stable")] = np.arange(len(values))
    return out


def _eligible(seed: int, first: IntArray) -> IntArray:
    """Row from which each stock is open to southbound buying: two thirds of them, some later."""
    count = len(first)
    chosen = uniforms(seed, "eligible", count) < np.where(np.arange(count) < SEASONED, 0.7, 0.4)
    wait = picks(seed, "eligible wait", (0.0, 0.0, 0.0, 490.0, 980.0), count).astype(np.int64)
    wait = np.where(first > 0, first + 120, wait)
    return np.where(chosen, wait, np.int64(10**9))

import numpy as np
import pandas as pd
import pytest

from backtest.clock import ClockSettings, build_clock
from backtest.data.arrays import bar_arrays
from backtest.data.bundle import Bundle
from backtest.data.grid import build_grid
from backtest.panel import build_panel
from backtest.panel.universe import UniverseSettings

HOME = {"exchange": "XHKG", "currency": "HKD", "kind": "stock"}
ABROAD = {"exchange": "XNYS", "currency": "USD", "kind": "stock"}


def rows_of(symbol, bars, start):
    """One row per weekday from ``start``; a bar is a close, (open, high, low, close, volume), None.

    No holiday of Hong Kong or New York falls on the weekdays from 2024-01-02 to 2024-01-12.
    """
    sessions = pd.bdate_range(start, periods=len(bars))
    for session, bar in zip(sessions, bars, strict=True):
        if bar is not None:
            prices = bar if isinstance(bar, tuple) else (bar, bar, bar, bar, 100.0)
            yield (symbol, session, *prices)


def facts_of(rows):
    """(symbol, field, period, known_at, value) as a table, in the order in which they came out."""
    table = pd.DataFrame(rows, columns=["symbol", "field", "period", "known_at", "value"])
    table["period"] = pd.to_datetime(table["period"])
    table["known_at"] = pd.to_datetime(table["known_at"], utc=True, format="ISO8601")
    return table.sort_values("known_at", kind="stable", ignore_index=True)


@pytest.fixture
def panel():
    """The panel over symbols given as lists of bars from 2024-01-02 on."""

    def make(bars, *, about=None, start="2024-01-02", actions=(), facts=(), fx=(), per_share=(),
             universe=None, clock=None, currency="HKD", known_after=0, **bounds):  # fmt: skip
        names = ["symbol", "session", "open", "high", "low", "close", "volume"]
        about = about or {}
        instruments = [{"symbol": s, **HOME, **about.get(s, {})} for s in bars]
        rows = [row for symbol, own in bars.items() for row in rows_of(symbol, own, start)]
        table = pd.DataFrame(instruments)
        for name in {"listed", "delisted"} & set(table.columns):
            table[name] = pd.to_datetime(table[name])
        bundle = Bundle.from_frames(
            name="tiny",
            instruments=table,
            bars=pd.DataFrame(rows, columns=names).astype(dict.fromkeys(names[2:], np.float64)),
            actions=actions_of(actions),
            facts=facts_of(facts),
            fx=dated(fx, ["base", "quote", "date", "rate"]),
            per_share=per_share,
            checks={"padding": "warn", "stale_run": "warn"},
        )
        arrays = bar_arrays(bundle)
        settings = ClockSettings(**(clock or {}))
        timed = build_clock(arrays.sessions, settings, close_known_after=known_after, **bounds)
        return build_panel(
            bundle,
            build_grid(bundle, arrays),
            timed,
            universe=UniverseSettings(**(universe or {})),
            currency=currency,
        )

    return make


def actions_of(rows):
    """(symbol, ex_session, kind, value) as a table; a fifth entry has columns of the kind."""
    plain = dated([row[:4] for row in rows], ["symbol", "ex_session", "kind", "value"])
    more = [dict(*row[4:]) for row in rows]
    wide = {name: [one.get(name) for one in more] for one in more for name in one}
    return plain.assign(**wide)


def dated(rows, names):
    table = pd.DataFrame(rows, columns=names)
    for name in {"ex_session", "date"} & set(names):
        table[name] = pd.to_datetime(table[name])
    return table.astype({names[-1]: np.float64})


@pytest.fixture
def abroad():
    return ABROAD


@pytest.fixture
def values():
    """The numbers of a column as a list, NaN as None."""

    def of(frame, symbol="A"):
        column = frame[symbol] if isinstance(frame, pd.DataFrame) else frame
        return [None if pd.isna(value) else value for value in column]

    return of

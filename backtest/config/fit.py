"""What a config asks of its data, held against what is there."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date

import numpy as np
import pandas as pd

from backtest.calendars import Sessions, sessions
from backtest.clock import Clock
from backtest.config.model import RunConfig
from backtest.data.arrays import BarArrays
from backtest.data.bundle import Bundle, load_bundle
from backtest.data.fx import fx_rates
from backtest.data.grid import Grid
from backtest.errors import DataError, Fault, FaultyInput, NoBundleError
from backtest.panel import Panel
from backtest.units import Money


def bundle_of(config: RunConfig) -> Bundle:
    """The bundle that ``config`` names.

    Raises
    ------
    DataError
        With every fault of the bundle; where there is none, with the line that names it.
    """
    try:
        return load_bundle(config.data)
    except NoBundleError as error:
        message = "; ".join(fault.message for fault in error.faults)
        advice = "give yours with --set data.bundle=PATH"
        fault = Fault("data.bundle", f"{config.data.bundle}: {message}; {advice}")
        raise DataError("data", [config.placed(fault)]) from None


@contextmanager
def placed(config: RunConfig) -> Iterator[None]:
    """Faults in what ``config`` asks of the data are told at its lines."""
    try:
        yield
    except FaultyInput as error:
        raise type(error)(error.title, [config.placed(item) for item in error.faults]) from None


def with_own_cash(config: RunConfig, bundle: Bundle, clock: Clock) -> RunConfig:
    """``config`` with its cash in the portfolio's currency, at the fx known at the first decision.

    Raises
    ------
    DataError
        When the bundle has no such rate then.
    """
    cash, currency = config.portfolio.cash, config.portfolio.currency
    if cash.currency in (None, currency):
        return config
    first = pd.DatetimeIndex([clock.decisions[clock.first]], tz="UTC")
    rate = float(fx_rates(bundle.fx, cash.currency, currency, first)[0])
    if math.isnan(rate):
        problem = f"is in {cash.currency}; there is no {cash.currency}/{currency} rate"
        mend = f"set portfolio.currency: {cash.currency}, or add the rate to the bundle's fx"
        fault = Fault("portfolio.cash", f"{problem} on {first[0]:%Y-%m-%d}; {mend}")
        raise DataError(f"bundle '{bundle.name}'", [fault])
    own = Money(amount=cash.amount * rate, currency=currency)
    portfolio = config.portfolio.model_copy(update={"cash": own})
    made = config.model_copy(update={"portfolio": portfolio})
    made._written.update(config._written)
    made._places = config._places
    return made


def check_fit(config: RunConfig, bundle: Bundle, spans: Mapping[str, Sessions]) -> None:
    """Raise DataError where the bundle has no such benchmark, base exchange or period.

    ``spans`` are the bundle's sessions by exchange.
    """
    faults = [*_benchmark(config, bundle), *_period(config, spans), *_turnover(config, bundle)]
    if faults:
        raise DataError(f"bundle '{bundle.name}'", faults)


def check_opens(config: RunConfig, bundle: Bundle, grid: Grid, panel: Panel) -> None:
    """Raise DataError where orders fill at the open and the universe has what never shows one."""
    if config.execution.fill != "open":
        return
    held = panel.universe.to_numpy().any(axis=0)
    blind = np.isnan(grid.bars.open).all(axis=0) & ~np.isnan(grid.bars.close).all(axis=0)
    symbols = [s for s, bad in zip(grid.bars.symbols, np.asarray(held & blind), strict=True) if bad]
    if symbols:
        shown = ", ".join(symbols[:5]) + (f" and {len(symbols) - 5} more" if symbols[5:] else "")
        raise DataError(
            f"bundle '{bundle.name}'",
            [
                Fault(
                    "bars.open",
                    f"{shown} in the universe without any open, and execution.fill is open; "
                    "set execution.fill: close, or leave them out of the universe",
                )
            ],
        )


def outside_data(config: RunConfig, bars: BarArrays) -> Iterator[str]:
    """Say where ``data.start`` and ``data.end`` ask for sessions that the base exchange lacks."""
    base = config.clock.base
    columns = np.flatnonzero(bars.column_exchange == bars.exchanges.index(base))
    dates = bars.sessions[base].dates
    known = ~np.isnan(bars.close[: len(dates), columns[0] : columns[-1] + 1]).all(axis=1)
    if not known.any():
        return
    first, last = dates[known][0].item(), dates[known][-1].item()
    start, end = config.data.start, config.data.end
    if start is not None and _has_session(base, start, first):
        yield f"data.start is {start}, but the bars of {base} begin on {first}."
    if end is not None and _has_session(base, last, end):
        yield f"data.end is {end}, but the bars of {base} end on {last}."


def _has_session(exchange: str, since: date, until: date) -> bool:
    """Whether there is a session besides the one end that is known to be one."""
    if until <= since:
        return False
    try:
        return len(sessions(exchange, since, until)) > 1
    except DataError:  # beyond the calendar's horizon: so far away that there is one
        return True


def _benchmark(config: RunConfig, bundle: Bundle) -> Iterator[Fault]:
    known = list(bundle.instruments["symbol"])
    if config.benchmark is not None and config.benchmark not in known:
        near = difflib.get_close_matches(config.benchmark, known, n=1)
        hint = f"; did you mean '{near[0]}'?" if near else ""
        yield Fault("benchmark", f"'{config.benchmark}' is not in the bundle{hint}")


def _turnover(config: RunConfig, bundle: Bundle) -> Iterator[Fault]:
    """A bound in a currency that nothing can be turned into would let nothing through."""
    least = config.universe.min_turnover
    own = least.currency if least is not None else None
    there = {*bundle.instruments["currency"], *bundle.fx["base"], *bundle.fx["quote"]}
    if own not in {None, config.portfolio.currency, *there}:
        yield Fault("universe.min_turnover", f"is in {own}, which the bundle has no rates of")


def _period(config: RunConfig, spans: Mapping[str, Sessions]) -> Iterator[Fault]:
    base, start, end = config.clock.base, config.data.start, config.data.end
    if base not in spans:
        there = ", ".join(sorted(spans))
        mend = f"set clock: {{base: {min(spans)}}}" if len(spans) == 1 else "set one of these"
        said = f"is {base}, but the bundle has instruments on {there} only; {mend}"
        yield Fault("clock.base", said)
        return
    dates = spans[base].dates
    if len(dates) == 0:
        yield Fault("clock.base", f"is {base}, which has no session in the data")
    elif start is not None and start > dates[-1].item():
        yield Fault("data.start", f"is {start}, but the data end on {dates[-1]}")
    elif end is not None and end < dates[0].item():
        yield Fault("data.end", f"is {end}, but the data begin on {dates[0]}")
    elif start is not None and end is not None and not _between(spans[base], start, end):
        yield Fault("data.start", f"no session of {base} from {start} to {end}")


def _between(span: Sessions, start: date, end: date) -> bool:
    return bool(((span.dates >= np.datetime64(start)) & (span.dates <= np.datetime64(end))).any())

"""What a run's pages need of the market beside the account, small enough to be saved with it.

The tearsheet is drawn again from the saved files alone, without bundle or strategy: what it shows
of either is cut out here, once, while both are at hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from backtest.calendars import timezone
from backtest.ipo.allotment import regimes_of
from backtest.report.brinson_frame import brinson_frame
from backtest.report.event_study import event_frames

if TYPE_CHECKING:
    import numpy.typing as npt

    from backtest.clock import Clock
    from backtest.data.bundle import Bundle
    from backtest.data.grid import Grid
    from backtest.panel import Panel
    from backtest.strategy import Strategy

MARGIN = 20
"""Own sessions of prices before a trade's entry and after its exit."""

_AMERICA = "America/New_York"
_PRICES = ("session", "close", "volume", "split")


def context_of(
    bundle: Bundle,
    grid: Grid,
    clock: Clock,
    panel: Panel,
    *,
    strategy: Strategy,
    weights: pd.DataFrame,
    trades: pd.DataFrame,
    positions: pd.DataFrame,
    benchmark: str | None,
    currency: str,
    fill: str,
    source: str | None,
) -> dict[str, pd.DataFrame]:
    """Frames by the name of the file that holds them; one that would be empty is left out.

    Parameters
    ----------
    weights
        What the strategy wanted, rows and columns of the panel.
    trades, positions
        As in :class:`backtest.result.Result`.
    currency
        The portfolio's.
    fill
        ``open`` or ``close``: the price that an event is measured from.
    source
        Symbol that the strategy takes for its US source, if it names one.

    Returns
    -------
    dict
        ``instruments``: name, exchange, currency, kind and sector of what was traded or had an
        event. ``prices``: see `traded_prices`. ``overnight``: see `overnight_returns`. ``events``
        and ``event_path``: see :func:`backtest.report.event_study.event_frames`. ``brinson``: see
        :func:`backtest.report.brinson_frame.brinson_frame`.
    """
    found = event_frames(
        grid,
        clock,
        panel,
        strategy=strategy,
        weights=weights,
        offers=bundle.instruments["offer_price"].to_numpy(dtype=np.float64),
        regimes=regimes_of(bundle.instruments),
        benchmark=benchmark,
        fill=fill,
    )
    found["prices"] = traded_prices(grid, clock, trades)
    found["brinson"] = brinson_frame(
        bundle,
        grid,
        clock,
        panel,
        positions=positions,
        benchmark=benchmark,
        currency=currency,
    )
    found["overnight"] = overnight_returns(bundle, grid, clock, panel, named=source)
    others = [found[name]["symbol"] for name in ("events", "overnight") if name in found]
    seen = {benchmark}.union(trades["symbol"], *others)
    columns = ["symbol", "name", "exchange", "currency", "kind", "sector"]
    table = bundle.instruments.loc[bundle.instruments["symbol"].isin(seen), columns]
    found["instruments"] = table.reset_index(drop=True)
    return {name: frame for name, frame in sorted(found.items()) if len(frame)}


def traded_prices(grid: Grid, clock: Clock, trades: pd.DataFrame) -> pd.DataFrame:
    """Bars around each trade, from `MARGIN` own sessions before its entry to as many after.

    Returns
    -------
    DataFrame
        ``symbol``, ``session`` (of its own exchange), ``close`` and ``volume`` as traded, and
        ``split``: how many shares one share of the instrument's first bar has become by then, so
        that close x split is one line without jumps. Nothing lies after the run's last base close.
    """
    bars = grid.bars
    kept: dict[str, list[npt.NDArray[np.generic]]] = {name: [] for name in _PRICES}
    symbols: list[str] = []
    entries, exits = (
        trades[name].to_numpy().astype("datetime64[D]")
        for name in ("entry_session", "exit_session")
    )
    order = np.argsort(trades["symbol"].to_numpy().astype(str), kind="stable")
    names = trades["symbol"].to_numpy()[order].astype(str)
    for symbol, begin, stop in _runs(names):
        column, mine = grid.columns[symbol], order[begin:stop]
        sessions = bars.sessions[bars.exchanges[bars.column_exchange[column]]]
        end = int(np.searchsorted(sessions.close, clock.time[-1], side="right"))
        wanted = _around(entries[mine], exits[mine], sessions.dates.astype("datetime64[D]"), end)
        rows = np.flatnonzero(wanted & ~np.isnan(bars.close[: wanted.size, column]))
        symbols += [symbol] * rows.size
        kept["session"].append(sessions.dates[rows].astype("datetime64[ns]"))
        kept["close"].append(bars.close[rows, column])
        kept["volume"].append(bars.volume[rows, column])
        kept["split"].append(_splits(grid, column, wanted.size)[rows])
    if not symbols:
        return pd.DataFrame({"symbol": pd.array([], dtype="str")})
    values = {name: np.concatenate(parts) for name, parts in kept.items()}
    return pd.DataFrame({"symbol": pd.array(symbols, dtype="str"), **values})


def overnight_returns(
    bundle: Bundle, grid: Grid, clock: Clock, panel: Panel, *, named: str | None
) -> pd.DataFrame:
    """What US prices did between one decision and the next, for each session of the run.

    Only where the base exchange is elsewhere: at home there is no night between. The source is the
    one the strategy names, else the US index, else the US fund, with the most bars.

    Returns
    -------
    DataFrame
        ``session``, ``symbol`` of the source, ``return`` (compounded over the US sessions that
        became known since the decision before, 0.0 without one), ``us_sessions`` (their count);
        empty without a source.
    """
    symbol = _us_source(bundle, grid, named)
    if symbol is None or timezone(clock.base).key == _AMERICA:
        return pd.DataFrame({"symbol": pd.array([], dtype="str")})
    run = slice(clock.first, clock.last + 1)
    return pd.DataFrame(
        {
            "session": clock.index[run].to_numpy(),
            "symbol": pd.array([symbol] * (clock.last + 1 - clock.first), dtype="str"),
            "return": panel.returns[symbol].to_numpy()[run],
            "us_sessions": panel.new_bars[symbol].to_numpy()[run],
        }
    )


def _us_source(bundle: Bundle, grid: Grid, named: str | None) -> str | None:
    table = bundle.instruments
    american = [name for name in table["exchange"].unique() if timezone(name).key == _AMERICA]
    table = table[table["exchange"].isin(american)]
    if named in set(table["symbol"]):
        return named
    bars = (~np.isnan(grid.bars.close)).sum(axis=0)
    for kind in ("index", "etf"):
        symbols = table.loc[table["kind"] == kind, "symbol"].tolist()
        if symbols:
            return str(max(symbols, key=lambda symbol: bars[grid.columns[symbol]]))
    return None


def _runs(names: npt.NDArray[np.str_]) -> Iterator[tuple[str, int, int]]:
    """Each name of a sorted array with the rows from its first to behind its last."""
    if not len(names):
        return
    begins = np.flatnonzero(np.concatenate(([True], names[1:] != names[:-1]))).tolist()
    for begin, end in zip(begins, [*begins[1:], len(names)], strict=True):
        yield str(names[begin]), begin, end


def _around(
    entries: npt.NDArray[np.datetime64],
    exits: npt.NDArray[np.datetime64],
    dates: npt.NDArray[np.datetime64],
    end: int,
) -> npt.NDArray[np.bool_]:
    """Rows from `MARGIN` before each entry to `MARGIN` after each exit, below ``end``."""
    last = dates[end - 1] if end else dates[0]
    exits = np.where(np.isnat(exits), last, exits)
    begin = np.maximum(np.searchsorted(dates, entries) - MARGIN, 0)
    stop = np.minimum(np.searchsorted(dates, exits, side="right") + MARGIN, end)
    edges = np.zeros(end + 1, dtype=np.int64)
    np.add.at(edges, np.minimum(begin, end), 1)
    np.add.at(edges, stop, -1)
    return np.asarray(np.cumsum(edges)[:end] > 0)


def _splits(grid: Grid, column: int, size: int) -> npt.NDArray[np.float64]:
    """Shares that one share of the first bar has become, by row."""
    factor = np.ones(size)
    acts = grid.actions
    for k in range(acts.ptr[column], acts.ptr[column + 1]):
        factor[acts.row[k] :] *= acts.split[k]
    return factor

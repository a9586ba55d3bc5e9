"""The door to vectorbt: a run as its Portfolio, and the same weights traded by it.

vectorbt is imported here and nowhere else, and only when a function is called. Every argument of
its constructors is given by name, so that none of its global settings decides anything; they are
neither read nor written. Its licence carries a Commons Clause: read it before commercial use.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from backtest.calendars import sessions
from backtest.report.account import number, section

if TYPE_CHECKING:
    from backtest.result import Result

FloatArray = npt.NDArray[np.float64]

_SPLIT = 1e-6  # a share count that moves by more of itself without a fill was split


@dataclass(frozen=True, eq=False)
class Trading:
    """What an account did by another engine: NAV (T,) and shares held (T, N) after each session."""

    nav: FloatArray
    shares: FloatArray


def to_vectorbt(result: Result) -> Any:  # vectorbt has no types
    r"""The trades of a finished run as a ``vectorbt.Portfolio``, for a notebook.

    Rows are the run's sessions, columns the symbols it traded, one group with shared cash; prices,
    fees and cash in the portfolio's currency. Fees hold all that a fill paid, fx cost included.
    Shares and prices are in units before the splits that happened while they were held.

    Notes
    -----
    vectorbt knows trades only. Dividends, interest, borrow and cash for fractions are left out, so

    .. math:: NAV_t = value_t + \sum_{s \le t} (\text{other cash of } s)

    with the other kinds of ``result.ledger``. Between holdings, and before the first, ``close`` is
    the last price at which the symbol was held (before it, the first fill's): nothing is held then,
    and vectorbt's own benchmark over these prices means nothing. Its annual figures assume 365
    sessions a year unless told otherwise, for example
    ``portfolio.sharpe_ratio(year_freq=pd.Timedelta(days=246))``; the run's own are in
    ``result.metrics``.
    """
    index = pd.DatetimeIndex(result.nav["session"], name="session")
    symbols = pd.Index(sorted(result.fills["symbol"].unique()), name="symbol")
    fills = _placed(result, index)
    units = _units(result, fills, index, symbols)
    close = _closes(result, fills, index, symbols) * units
    cash = number(section(section(result.config, "portfolio"), "cash").get("amount"))
    with _vectorbt() as vbt:
        from vectorbt.portfolio.enums import log_dt, order_dt

        return vbt.Portfolio(
            wrapper=vbt.ArrayWrapper(
                index=index,
                columns=symbols,
                ndim=2,
                freq="1D",
                column_only_select=False,
                group_select=True,
                grouped_ndim=None,
                group_by=True,
            ),
            close=close,
            order_records=_records(fills, units, symbols, order_dt),
            log_records=np.empty(0, dtype=log_dt),
            init_cash=np.array([cash]),
            cash_sharing=True,
            call_seq=None,
            fillna_close=False,
            trades_type="exittrades",
            engine="numba",
        )


def trade_in_vectorbt(
    weights: pd.DataFrame,
    prices: FloatArray,
    marks: FloatArray,
    closes: FloatArray,
    *,
    cash: float,
    fee: float,
) -> Trading:
    """Bring an account to ``weights`` of its value, row by row, in vectorbt.

    Parameters
    ----------
    weights
        Wanted shares of NAV at each row's fills, shape (T, N); NaN is no order.
    prices
        What orders fill at, shape (T, N); NaN is no fill.
    marks
        What positions count at when the row's orders are sized; never NaN where something is held.
    closes
        What positions count at after each row.
    cash, fee
        Initial cash; fee as a fraction of each fill's value.
    """
    frame = pd.DataFrame(np.nan_to_num(closes), index=weights.index, columns=weights.columns)
    sizes = weights.to_numpy(dtype=np.float64)
    with _vectorbt() as vbt:
        portfolio = vbt.Portfolio.from_orders(
            close=frame,  # 0 for an unknown close: nothing is held there
            size=sizes,
            size_type="targetpercent",
            direction="longonly",
            price=prices,
            fees=fee,
            fixed_fees=0.0,
            slippage=0.0,
            min_size=0.0,
            max_size=np.inf,
            size_granularity=np.nan,
            reject_prob=0.0,
            lock_cash=True,
            allow_partial=True,
            raise_reject=False,
            log=False,
            val_price=marks,
            init_cash=cash,
            cash_sharing=True,
            call_seq="auto",
            ffill_val_price=True,
            update_value=False,
            max_orders=max(1, int(np.count_nonzero(~np.isnan(sizes)))),
            max_logs=1,
            init_temp_records=False,
            seed=None,  # nothing is drawn; a number would seed numpy for everyone
            group_by=True,
            broadcast_kwargs={
                "align_index": False,
                "align_columns": False,
                "index_from": "strict",
                "columns_from": "strict",
            },
            wrapper_kwargs={
                "column_only_select": False,
                "group_select": True,
                "grouped_ndim": None,
            },
            freq="1D",
            attach_call_seq=False,
            engine="numba",
            fillna_close=False,
            trades_type="exittrades",
        )
        return Trading(
            nav=np.asarray(portfolio.value(), dtype=np.float64),
            shares=np.asarray(portfolio.assets(), dtype=np.float64),
        )


def _placed(result: Result, index: pd.DatetimeIndex) -> pd.DataFrame:
    """Fills with the row of the session on whose NAV they show."""
    base = sessions(str(result.manifest["base"]), index[0].date(), index[-1].date())
    filled = result.fills["filled_at"].dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()
    return result.fills.assign(row=np.searchsorted(base.close, filled, side="left"))


def _units(
    result: Result, fills: pd.DataFrame, index: pd.DatetimeIndex, symbols: pd.Index[str]
) -> pd.DataFrame:
    """Shares that one share of the beginning has become by each session, from the share counts.

    A count that changes by more than the session's fills was split; one that vanishes without a
    fill (paid as a fraction, written off) is left alone.
    """
    held = _wide(result.positions, "shares", index, symbols).fillna(0.0)
    traded = pd.DataFrame(0.0, index=index, columns=symbols)
    sums = fills.groupby(["row", "symbol"])["shares"].sum().unstack(fill_value=0)  # noqa: PD010
    traded.loc[index[sums.index], sums.columns] = sums.to_numpy()
    before = held.shift(1, fill_value=0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = ((held - traded) / before).where((before != 0.0) & (held != traded), 1.0)
    ratio = ratio.where((ratio - 1.0).abs() > _SPLIT, 1.0).where(ratio > 0.0, 1.0)
    return ratio.cumprod()


def _closes(
    result: Result, fills: pd.DataFrame, index: pd.DatetimeIndex, symbols: pd.Index[str]
) -> pd.DataFrame:
    """Marks in the portfolio's currency while held, the last price otherwise."""
    held = result.positions
    marks = held.assign(mark=held["value"] / held["shares"])
    known = _wide(marks, "mark", index, symbols)
    last = fills.assign(paid=fills["price"] * fills["fx"]).groupby(["row", "symbol"])["paid"].last()
    paid = last.unstack().reindex(columns=symbols)  # noqa: PD010
    paid.index = index[paid.index]
    known = known.where(known.notna(), paid.reindex(index))
    first = paid.bfill().iloc[0]
    return known.ffill().fillna(first)


def _wide(
    table: pd.DataFrame, name: str, index: pd.DatetimeIndex, symbols: pd.Index[str]
) -> pd.DataFrame:
    wide = table.pivot_table(index="session", columns="symbol", values=name, aggfunc="last")
    return wide.reindex(index=index, columns=symbols)


def _records(
    fills: pd.DataFrame, units: pd.DataFrame, symbols: pd.Index[str], dtype: np.dtype[Any]
) -> npt.NDArray[Any]:
    """Fills as vectorbt's order records: by column, then in order of time."""
    column = symbols.get_indexer(pd.Index(fills["symbol"]))
    order = np.lexsort((np.arange(len(fills)), column))
    told = fills.iloc[order]
    records = np.zeros(len(told), dtype=dtype)
    grown = units.to_numpy()[told["row"], column[order]]
    shares = told["shares"].to_numpy()
    records["id"] = np.arange(len(told))
    records["col"] = column[order]
    records["idx"] = told["row"]
    records["size"] = np.abs(shares) / grown
    records["price"] = told["price"].to_numpy() * told["fx"].to_numpy() * grown
    records["fees"] = told["fees"].to_numpy() * told["fx"].to_numpy() + told["fx_cost"].to_numpy()
    records["side"] = np.where(shares > 0.0, 0, 1)
    return records


@contextlib.contextmanager
def _vectorbt() -> Iterator[Any]:
    """The package, loaded and used without its warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import vectorbt

        yield vectorbt

"""What was known at each decision, as frames."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from backtest.account import Account
from backtest.calendars import timezone
from backtest.clock import Clock
from backtest.data.arrays import BarArrays
from backtest.data.bundle import Bundle
from backtest.data.checks import bundle_volume_missing
from backtest.data.grid import Grid
from backtest.errors import StrategyError
from backtest.panel import facts as pit
from backtest.panel.knowledge import Known, known_rows
from backtest.panel.listings import application_mask, life_mask, offered_mask, since_listing
from backtest.panel.splits import in_first_shares, splits_so_far
from backtest.panel.universe import UniverseSettings, may_be_offered, universe_mask

FloatArray = npt.NDArray[np.float64]
ListingField = Literal[
    "offer_price", "oversubscription", "one_lot_success", "offer_size", "cornerstone_share"
]


class Panel:
    """Frames of decisions x instruments; a value is there only if it was known at that decision.

    Rows are the base sessions from the bundle's first to the run's last, labelled by session and
    made at ``decisions`` (UTC). Columns are the bundle's symbols by (exchange, symbol). Every frame
    is read-only: work on a copy. NaN means not known.
    """

    def __init__(
        self,
        bundle: Bundle,
        grid: Grid,
        clock: Clock,
        universe: UniverseSettings,
        currency: str,
        *,
        account: Account,
        applications: npt.NDArray[np.int64] | None = None,
    ) -> None:
        self._bundle = bundle
        self._grid = grid
        self._clock = clock
        self._universe = universe
        self._currency = currency
        self._account = account
        self._within: Panel | None = None
        self._parts: dict[str, Panel] = {}
        self._applications = applications
        self._known: dict[str, Known] = {}
        self._cache: dict[tuple[str, str], pd.DataFrame] = {}
        self._market_cache: dict[tuple[str, str], pd.Series[float]] = {}

    @property
    def clock(self) -> Clock:
        """The run's clock, with this panel's schedule."""
        return self._clock

    @cached_property
    def sessions(self) -> pd.DatetimeIndex:
        """Labels of the rows: base sessions, without time zone."""
        return self._clock.index

    @cached_property
    def decisions(self) -> pd.DatetimeIndex:
        """When each row's decision is made, UTC."""
        return pd.DatetimeIndex(self._clock.decisions, tz="UTC", name="decision")

    @cached_property
    def symbols(self) -> pd.Index[str]:
        """All symbols of the bundle, in column order."""
        return pd.Index(list(self._grid.bars.symbols), name="symbol")

    @cached_property
    def instruments(self) -> pd.DataFrame:
        """Name, exchange, currency, kind and sector by symbol: what never changes."""
        table = self._bundle.instruments.set_index("symbol")
        return (
            table[["name", "exchange", "currency", "kind", "sector"]].reindex(self.symbols).copy()
        )

    @cached_property
    def rebalance(self) -> pd.Series[bool]:
        """Which decisions may send orders; weights of the others are ignored."""
        return pd.Series(self._clock.can_rebalance.copy(), index=self.sessions, name="rebalance")

    @cached_property
    def universe(self) -> pd.DataFrame:
        """What may be held: never an index, nor what is not listed or applied for by then."""
        mask = universe_mask(
            self,
            self._universe,
            self._currency,
            bars=self._history(),
            fx=self._bundle.fx,
            known=lambda values: self._take(values, opened=False),
            account=self._account,
            facts=self._bundle.facts,
        )
        table, rows = self._bundle.instruments, self._applications
        allowed = may_be_offered(self, self._universe)
        mask |= offered_mask(table, self._local_days(), rows, allowed, self._shape)
        if self._within is not None:
            mask &= self._within.universe.to_numpy()
        return self._frame(mask)

    @property
    def subscribes(self) -> bool:
        """Whether new listings are applied for: ``execution.ipo_entry: subscribe``."""
        return self._applications is not None

    @cached_property
    def applications(self) -> pd.DataFrame:
        """True at the one decision of each new listing that can apply for it.

        Nowhere without ``execution.ipo_entry: subscribe``. Only its name is known by then.
        """
        allowed = may_be_offered(self, self._universe)
        return self._frame(application_mask(self._applications, allowed, self._shape))

    @cached_property
    def close(self) -> pd.DataFrame:
        """The last close known, after the splits and dividends known since."""
        return self._frame(self._take(self._grid.mark, opened=True))

    @cached_property
    def open(self) -> pd.DataFrame:
        """The open of the last bar whose CLOSE is known."""
        return self._last_bar("open")

    @cached_property
    def high(self) -> pd.DataFrame:
        """The high of the last bar known."""
        return self._last_bar("high")

    @cached_property
    def low(self) -> pd.DataFrame:
        """The low of the last bar known."""
        return self._last_bar("low")

    @cached_property
    def volume(self) -> pd.DataFrame:
        """The volume of the last bar known, shares as traded then."""
        return self._last_bar("volume")

    @cached_property
    def adjusted_close(self) -> pd.DataFrame:
        """Closes adjusted forward from the first bar: dividends reinvested, splits undone.

        Tomorrow's dividend never changes yesterday's number, as it does where prices are
        adjusted backward.
        """
        return self._frame(self._take(self._grid.total_return, opened=False))

    @cached_property
    def returns(self) -> pd.DataFrame:
        """Total return in local currency from the previous row's last known price to this row's.

        No new session of an exchange gives 0.0, several their compound; NaN where an end is not
        known.
        """
        index = self.adjusted_close.to_numpy()
        out = np.full(index.shape, np.nan)
        with np.errstate(divide="ignore", invalid="ignore"):
            out[1:] = index[1:] / index[:-1] - 1.0
        return self._frame(out)

    @cached_property
    def new_bars(self) -> pd.DataFrame:
        """Own sessions that became known since the previous row; on the first row, none."""
        out = np.zeros((len(self.sessions), len(self.symbols)))
        for exchange, columns in self._by_exchange():
            closed = self._rows(exchange).closed
            out[1:, columns] = np.diff(closed)[:, None]
        return self._frame(out)

    @cached_property
    def sessions_since_listing(self) -> pd.DataFrame:
        """Own sessions since the first, 0 on it; NaN before it and where ``listed`` is unknown.

        Sessions before the bundle's first count too, from 1990 on.
        """
        today = [(columns, self._rows(name).today) for name, columns in self._by_exchange()]
        return self._frame(since_listing(self._grid.listed, today, self._shape))

    def listing(self, field: ListingField) -> pd.DataFrame:
        """A field of the listing, such as ``offer_price``; NaN before the listing."""
        values = self._bundle.instruments[field].to_numpy(dtype=np.float64)
        return self._frame(np.where(self.is_listed, values, np.nan))

    @cached_property
    def is_listed(self) -> npt.NDArray[np.bool_]:
        """True from 00:00 local of ``listed`` (always, where unknown) to 00:00 of ``delisted``."""
        return life_mask(self._bundle.instruments, self._local_days(), self._shape)

    def has_fact(self, field: str) -> Literal["symbol", "market"] | None:
        """Whether the bundle has ``field`` by symbol, market-wide only, or not at all."""
        symbols = self._bundle.facts.loc[self._bundle.facts["field"] == field, "symbol"]
        if symbols.empty:
            return None
        return "symbol" if bool((symbols != pit.MARKET).any()) else "market"

    def fact(self, field: str) -> pd.DataFrame:
        """The latest period known, at its latest restatement.

        Fields that the bundle lists as ``per_share`` are divided by the splits since.
        """
        return self._fact_frame("fact", field, self._latest_per_share)

    def flow(self, field: str) -> pd.DataFrame:
        """Sum of what became known since the previous row; NaN where nothing came."""
        return self._fact_frame("flow", field, lambda rows: pit.arrivals(rows, self._shape))

    def age(self, field: str) -> pd.DataFrame:
        """Whole days since the first publication of the latest period known."""
        return self._fact_frame("age", field, self._ages)

    def market_fact(self, field: str) -> pd.Series[float]:
        """As `fact`, for the market-wide records of ``field``."""
        return self._market_series("fact", field, pit.latest)

    def market_flow(self, field: str) -> pd.Series[float]:
        """As `flow`, for the market-wide records of ``field``."""
        return self._market_series("flow", field, pit.arrivals)

    def _rows(self, exchange: str) -> Known:
        """Which sessions of ``exchange`` each decision knows, as rows of its calendar."""
        if exchange not in self._known:
            own = self._grid.bars.sessions[exchange]
            self._known[exchange] = known_rows(
                own, self._clock.decisions, self._local_dates(exchange)
            )
        return self._known[exchange]

    def _local_days(self) -> list[tuple[slice, npt.NDArray[np.datetime64]]]:
        return [(columns, self._local_dates(name)) for name, columns in self._by_exchange()]

    @property
    def _shape(self) -> tuple[int, int]:
        return len(self.sessions), len(self.symbols)

    def _by_exchange(self) -> list[tuple[str, slice]]:
        bars = self._grid.bars
        edges = np.searchsorted(bars.column_exchange, np.arange(len(bars.exchanges) + 1))
        return [
            (name, slice(int(edges[i]), int(edges[i + 1]))) for i, name in enumerate(bars.exchanges)
        ]

    def _local_dates(self, exchange: str) -> npt.NDArray[np.datetime64]:
        local = self.decisions.tz_convert(timezone(exchange)).tz_localize(None)
        return local.to_numpy().astype("datetime64[D]")

    def _take(self, values: FloatArray, *, opened: bool) -> FloatArray:
        """``values`` at the last session each decision knows closed.

        ``opened`` applies the splits and dividends of a session that is open at the decision.
        """
        out = np.full(self._shape, np.nan)
        for exchange, columns in self._by_exchange():
            known = self._rows(exchange)
            seen = known.closed >= 0
            out[seen, columns] = values[known.closed[seen], columns]
            if opened and (known.opened > known.closed).any():
                self._apply_open_actions(out, known, columns)
        return out

    def _apply_open_actions(self, out: FloatArray, known: Known, columns: slice) -> None:
        acts = self._grid.actions
        low, high = acts.ptr[columns.start], acts.ptr[columns.stop]
        for k in range(int(low), int(high)):
            column, row = acts.column[k], acts.row[k]
            rows = np.flatnonzero((known.opened == row) & (known.closed == row - 1))
            for at in rows:
                out[at, column] = acts.after(k, float(out[at, column]))

    def _history(self) -> BarArrays:
        """The bars that filters count in; volume that a whole exchange lacks is unknown, not 0."""
        bars = self._grid.bars
        if self._universe.min_turnover is None:
            return bars
        missing = bundle_volume_missing(self._bundle, bars)
        if not any(lacks.any() for lacks in missing.values()):
            return bars
        volume = bars.volume.copy()
        for exchange, columns in self._by_exchange():
            rows = np.flatnonzero(missing[exchange])
            volume[rows, columns] = np.nan
        return replace(bars, volume=volume)

    def _last_bar(self, field: Literal["open", "high", "low", "volume"]) -> pd.DataFrame:
        bars = self._grid.bars
        values = getattr(bars, field)
        filled = pd.DataFrame(np.where(np.isnan(bars.close), np.nan, values)).ffill().to_numpy()
        return self._frame(self._take(filled, opened=False))

    def _latest_per_share(self, rows: pit.FactRows) -> FloatArray:
        return pit.latest(rows, self._shape)

    def _ages(self, rows: pit.FactRows) -> FloatArray:
        now = self.decisions.tz_convert(None).to_numpy().astype("datetime64[ns]").astype(np.int64)
        days = now / (24 * 3600 * 1e9)
        return np.floor(days[:, None] - pit.first_published(rows, self._shape))

    def _fact_frame(
        self, view: str, field: str, build: Callable[[pit.FactRows], FloatArray]
    ) -> pd.DataFrame:
        if (view, field) not in self._cache:
            rows = pit.fact_rows(self._records(field), self._grid.columns, self.decisions)
            if view == "fact" and field in self._bundle.per_share:
                values = build(in_first_shares(rows, self._grid))
                values = values / splits_so_far(self._grid, self._clock.decisions, self._shape)
            else:
                values = build(rows)
            self._cache[view, field] = self._frame(values)
        return self._cache[view, field]

    def _records(self, field: str) -> pd.DataFrame:
        table = self._bundle.facts
        records = table[table["field"] == field]
        if records.empty:
            known = ", ".join(sorted(table["field"].unique())) or "none"
            raise StrategyError(
                f"The bundle '{self._bundle.name}' has no fact '{field}'; it has: {known}."
            )
        return records

    def _market_series(
        self,
        view: str,
        field: str,
        build: Callable[[pit.FactRows, tuple[int, int]], FloatArray],
    ) -> pd.Series[float]:
        if (view, field) not in self._market_cache:
            rows = pit.fact_rows(self._records(field), {pit.MARKET: 0}, self.decisions)
            values = build(rows, (len(self.sessions), 1))[:, 0]
            values.flags.writeable = False
            series = pd.Series(values, self.sessions, name=field, copy=False)
            self._market_cache[view, field] = series
        return self._market_cache[view, field]

    def _frame(self, values: npt.NDArray[np.generic]) -> pd.DataFrame:
        values.flags.writeable = False
        return pd.DataFrame(values, index=self.sessions, columns=self.symbols, copy=False)


def build_panel(
    bundle: Bundle,
    grid: Grid,
    clock: Clock,
    *,
    universe: UniverseSettings,
    currency: str,
    account: Account = Account(),  # noqa: B008 - frozen
    applications: npt.NDArray[np.int64] | None = None,
) -> Panel:
    """The panel of a run.

    Parameters
    ----------
    currency
        The portfolio's, for amounts in universe filters.
    account
        Through whom is dealt: what Stock Connect does not take is outside the universe.
    applications
        Row of the decision that applies for each column, -1 for none; None where new listings are
        not subscribed to.
    """
    return Panel(
        bundle, grid, clock, universe, currency, account=account, applications=applications
    )

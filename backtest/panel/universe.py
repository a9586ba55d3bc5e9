"""Which instruments may be held at a decision."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, field_validator

from backtest.account import Account
from backtest.connect import eligible
from backtest.data.arrays import BarArrays
from backtest.data.fx import fx_rates
from backtest.errors import ConfigError, Fault
from backtest.units import Money, Sessions

if TYPE_CHECKING:
    from backtest.panel import Panel

_TURNOVER_WINDOW = 20
_TURNOVER_VALUES = 10

FloatArray = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


class UniverseSettings(BaseModel):
    """Filters on what was known at each decision; an instrument must pass all that are set.

    An index is a signal and never held. Before ``listed`` and from ``delisted`` on an instrument is
    outside whatever the filters say.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    exchange: tuple[str, ...] = Field(
        (), description="exchanges such as XHKG; none given means all of the bundle's"
    )
    kind: tuple[str, ...] = Field(
        (), description="kinds such as stock or etf; none means all but index"
    )
    sector: tuple[str, ...] = Field((), description="sectors; none given means all")
    symbols: tuple[str, ...] = Field((), description="only these symbols; none given means all")
    exclude: tuple[str, ...] = Field((), description="symbols left out")
    min_history: Sessions = Field(0, ge=0, description="bars known at the decision, at least")
    min_turnover: Money | None = Field(
        None,
        description="median of close x volume over the last 20 own sessions known (at least 10 "
        "values), at least; unknown volume fails; without a currency in the portfolio's",
    )
    listed_at_least: Sessions | None = Field(
        None, ge=0, description="sessions since listing, at least; unknown listing dates pass"
    )
    listed_at_most: Sessions | None = Field(
        None, ge=0, description="sessions since listing, at most; unknown listing dates fail"
    )

    @field_validator("exchange", "kind", "sector", "symbols", "exclude", mode="before")
    @classmethod
    def _one_is_a_list(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value


class Known(Protocol):
    """Values laid out as the grid -> the same at the last session each decision knows."""

    def __call__(self, values: FloatArray) -> FloatArray:
        """Shape (S, N) in, (decisions, N) out; a new array."""


def universe_mask(
    panel: Panel,
    settings: UniverseSettings,
    currency: str,
    *,
    bars: BarArrays,
    fx: pd.DataFrame,
    known: Known,
    account: Account,
    facts: pd.DataFrame,
) -> Mask:
    """True where an instrument may be held, shape (decisions, instruments).

    Parameters
    ----------
    currency
        The portfolio's: what ``min_turnover`` is measured in.
    bars, fx, known
        The history that history filters count in, and how to see it from a decision.
    account, facts
        Through whom is dealt, and what is known of what that account may hold.

    Raises
    ------
    ConfigError
        When a filter names a symbol, exchange, kind or sector that the bundle does not have.
    """
    _check_names(panel, settings)
    mask = panel.is_listed & _static(panel, settings)[None, :]
    if settings.min_history:
        count = np.cumsum(~np.isnan(bars.close), axis=0).astype(np.float64)
        mask &= np.nan_to_num(known(count)) >= settings.min_history
    if settings.min_turnover is not None:
        turnover = known(_turnover(bars))
        measure = settings.min_turnover.currency or currency
        for own in panel.instruments["currency"].unique():
            if own != measure:
                columns = np.asarray(panel.instruments["currency"] == own)
                turnover[:, columns] *= fx_rates(fx, str(own), measure, panel.decisions)[:, None]
        mask &= turnover >= settings.min_turnover.amount
    age = None
    if settings.listed_at_least is not None or settings.listed_at_most is not None:
        age = panel.sessions_since_listing.to_numpy()
    if age is not None and settings.listed_at_least is not None:
        mask &= np.isnan(age) | (age >= settings.listed_at_least)
    if age is not None and settings.listed_at_most is not None:
        mask &= age <= settings.listed_at_most
    if account.channels:
        age = panel.sessions_since_listing.to_numpy()
        mask &= eligible(account, facts, panel.instruments, panel.decisions, age)
    return mask


def may_be_offered(panel: Panel, settings: UniverseSettings) -> Mask:
    """True for what may be applied for before it lists, shape (instruments,).

    What a new listing can never pass, a history, turnover or age, keeps it out as it does then.
    """
    aged = settings.min_history or settings.min_turnover is not None or settings.listed_at_least
    return _static(panel, settings) & (not aged)


def _check_names(panel: Panel, settings: UniverseSettings) -> None:
    faults = []
    table = panel.instruments
    for field in ("exchange", "kind", "sector", "symbols", "exclude"):
        known = table.index if field in ("symbols", "exclude") else table[field].dropna().unique()
        for name in getattr(settings, field):
            if name not in known:
                near = difflib.get_close_matches(name, [str(item) for item in known], n=1)
                hint = f"; did you mean '{near[0]}'?" if near else ""
                faults.append(Fault(f"universe.{field}", f"'{name}' is not in the bundle{hint}"))
    if faults:
        raise ConfigError("universe", faults)


def _static(panel: Panel, settings: UniverseSettings) -> Mask:
    table = panel.instruments
    mask = np.array(table["kind"] != "index", dtype=np.bool_)
    for field in ("exchange", "kind", "sector"):
        if getattr(settings, field):
            mask &= np.asarray(table[field].isin(getattr(settings, field)), dtype=np.bool_)
    if settings.symbols:
        mask &= np.asarray(table.index.isin(settings.symbols), dtype=np.bool_)
    if settings.exclude:
        mask &= ~np.asarray(table.index.isin(settings.exclude), dtype=np.bool_)
    return mask


def _turnover(bars: BarArrays) -> FloatArray:
    value = pd.DataFrame(bars.close * bars.volume)
    return value.rolling(_TURNOVER_WINDOW, min_periods=_TURNOVER_VALUES).median().to_numpy()

"""The currencies of an account: their names, rates and settlement."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from backtest.clock import Clock
from backtest.data.bundle import Bundle
from backtest.data.fx import rate_known
from backtest.execution import Portfolio
from backtest.market.rules import CompiledRules
from backtest.market.settlement import settlement_rows

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Money:
    """Currencies by name, the portfolio's first; each column's; whether cash is kept in them."""

    names: tuple[str, ...]
    of_column: IntArray
    kept: bool

    @classmethod
    def of(cls, bundle: Bundle, portfolio: Portfolio) -> Money:
        """The currencies of a bundle's instruments."""
        names = currencies_of(bundle, portfolio)
        own = [names.index(currency) for currency in bundle.instruments["currency"]]
        return cls(tuple(names), np.array(own, dtype=np.int64), portfolio.fx == "keep")


def currencies_of(bundle: Bundle, portfolio: Portfolio) -> list[str]:
    """The portfolio's currency, then the instruments' in column order."""
    return list(dict.fromkeys([portfolio.currency, *bundle.instruments["currency"]]))


def has_rates(bundle: Bundle, currency: str) -> bool:
    """Whether the bundle has interest rates of a currency."""
    return bool((bundle.rates["currency"] == currency).any())


def purse_rates(bundle: Bundle, currencies: list[str], closes: pd.DatetimeIndex) -> FloatArray:
    """Annual rates known at base closes, shape (T, C); NaN for a currency that has none."""
    columns = [
        rate_known(bundle.rates, own, closes)
        if has_rates(bundle, own)
        else np.full(len(closes), np.nan)
        for own in currencies
    ]
    return np.ascontiguousarray(np.column_stack(columns))


def hedge_rates(bundle: Bundle, currencies: list[str], closes: pd.DatetimeIndex) -> FloatArray:
    """Annual rates that forwards are made of, shape (T, C).

    Without rates of either currency a forward is at spot: both count as the portfolio's.
    """
    rates = purse_rates(bundle, currencies, closes)
    if not has_rates(bundle, currencies[0]):
        return np.zeros(rates.shape)
    return np.ascontiguousarray(np.where(np.isnan(rates), rates[:, :1], rates))


def settlement(rules: CompiledRules, clock: Clock) -> npt.NDArray[np.int32]:
    """By exchange and own session, the one at whose open a sale's cash is there; shape (X, S)."""
    longest = max(len(own) for own in clock.sessions.values())
    rows = np.tile(np.arange(longest, dtype=np.int32), (len(clock.exchanges), 1))
    for x, exchange in enumerate(clock.exchanges):
        own = clock.sessions[exchange]
        if exchange in rules.markets:
            rows[x, : len(own)] = settlement_rows(rules.markets[exchange], own)
    return rows

"""Instruments of the symbols that a source has prices of."""

from __future__ import annotations

from collections.abc import Mapping as Tables

import pandas as pd

from backtest.errors import DataError, Fault
from backtest.sources.mapping import Instruments
from backtest.sources.suffixes import home_of

_HOME = ("exchange", "currency", "kind")
_SHOWN = 5


def instruments_of(
    tables: Tables[str, pd.DataFrame], common: Instruments, title: str
) -> pd.DataFrame:
    """Instruments given, and one for every symbol of the bars.

    Exchange, currency and kind are those of the files, else those of ``common``, else what the
    symbol's suffix implies.
    """
    given = tables.get("instruments")
    symbols = sorted(set(tables["bars"]["symbol"])) if "bars" in tables else []
    if given is None:
        found = pd.DataFrame({"symbol": pd.Series(symbols, dtype="str")})
    else:
        more = sorted(set(symbols) - set(given["symbol"]))
        found = pd.concat([given, pd.DataFrame({"symbol": more})], ignore_index=True)
    homes = {symbol: home_of(symbol) for symbol in found["symbol"]}
    for place, name in enumerate(_HOME):
        own = found[name].fillna("") if name in found else pd.Series("", index=found.index)
        implied = found["symbol"].map(
            {
                symbol: getattr(common.symbols.get(symbol), name, "")
                or getattr(common, name)
                or (home[place] if home else "")
                for symbol, home in homes.items()
            }
        )
        found[name] = own.where(own != "", implied).astype("str")
    _all_at_home(found, title)
    return found


def _all_at_home(found: pd.DataFrame, title: str) -> None:
    faults = []
    for name in _HOME:
        lost = found["symbol"][found[name] == ""].tolist()
        if lost:
            shown = ", ".join(lost[:_SHOWN]) + (" ..." if len(lost) > _SHOWN else "")
            message = f"is not known of {len(lost)} symbols: {shown}; set instruments.{name}"
            faults.append(Fault(f"instruments.{name}", message))
    if faults:
        raise DataError(title, faults)

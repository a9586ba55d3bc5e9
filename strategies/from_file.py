"""Weights computed elsewhere, read from a CSV or parquet file.

Hypothesis: the file's. The engine adds what a research notebook leaves out: lots, costs, caps.

References: none; the file's author has them. Its SHA-256 is part of the run's fingerprint.

Two forms, told apart by the columns. Wide: ``session``, then one column per symbol. Long:
``session, symbol, weight``. A number is the wanted share of NAV at the decision of that session,
exactly 0 sells out, empty is no order. A weight is *for* the decision of its session: with
``decide: before_open`` it must have been made before that session's open. Sessions before the
panel's first or after its last row are outside and ignored; symbols that have weights only there
too.

Fails when: the weights know the future, which no check here can see: ``backtest check`` can cut
the bundle's future, not the file's. A wide row of numbers trades every name at every session;
leave cells empty where nothing is to be done.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import Field

from backtest import Panel, Strategy
from backtest.errors import StrategyError

_SHOWN = 5


class FromFile(Strategy):
    path: Path = Field(description="CSV or parquet file of weights; relative to the YAML")

    def inputs(self) -> tuple[Path, ...]:
        return (self.path,)

    def target_weights(self, panel: Panel) -> pd.DataFrame:
        table = self._read()
        try:
            sessions = pd.DatetimeIndex(pd.to_datetime(table["session"], format="ISO8601"))
            table = table.assign(session=sessions.tz_localize(None).as_unit("ns"))
            values = table.set_index("session")
            if set(table.columns) == {"session", "symbol", "weight"}:
                # unstack refuses a (session, symbol) that is given twice, as it should
                values = table.set_index(["session", "symbol"])["weight"].unstack()  # noqa: PD010
            values = values.astype(float)
        except (ValueError, TypeError) as error:
            said = "; ".join(_unreadable(table)) or str(error)
            raise StrategyError(f"{self.path}: cannot be read as weights: {said}.") from error
        inside = (values.index >= panel.sessions[0]) & (values.index <= panel.sessions[-1])
        values = values[inside].dropna(axis=1, how="all")
        self._check(values, panel)
        return values.reindex(index=panel.close.index, columns=panel.close.columns)

    def _read(self) -> pd.DataFrame:
        if not self.path.is_file():
            raise StrategyError(f"{self.path}: no such file; strategy.params.path names it.")
        try:
            if self.path.suffix == ".parquet":
                table = pd.read_parquet(self.path)
            elif self.path.suffix == ".csv":
                table = pd.read_csv(self.path, dtype={"session": str, "symbol": str})
            else:
                raise StrategyError(f"{self.path}: expected a .csv or .parquet file.")
        except (ValueError, OSError) as error:  # pandas names the line of a CSV
            raise StrategyError(f"{self.path}: cannot be read: {str(error).strip()}.") from error
        table = table if "session" in table.columns else table.reset_index()
        if "session" not in table.columns:
            raise StrategyError(f"{self.path}: has no column 'session'.")
        return table

    def _check(self, values: pd.DataFrame, panel: Panel) -> None:
        """Every symbol and session that the panel does not have, at once."""
        symbols = sorted(str(symbol) for symbol in set(values.columns) - set(panel.symbols))
        sessions = [f"{day:%Y-%m-%d}" for day in values.index.difference(panel.sessions)]
        twice = sorted({f"{day:%Y-%m-%d}" for day in values.index[values.index.duplicated()]})
        faults = [
            f"{what}: {', '.join(found)}"
            for what, found in (
                ("symbols not in the bundle", symbols),
                ("not sessions of the base exchange", sessions),
                ("sessions given twice", twice),
            )
            if found
        ]
        if faults:
            raise StrategyError(f"{self.path}: " + "; ".join(faults) + ".")


def _unreadable(table: pd.DataFrame) -> list[str]:
    """What is no session, no number or there twice; rows count from 1 below the header."""
    sessions = pd.to_datetime(table["session"], format="ISO8601", errors="coerce", utc=True)
    found = [
        f"row {row + 1}: session {table['session'].iloc[row]!r} is no date such as 2024-06-28"
        for row in np.flatnonzero(sessions.isna())
    ]
    for column in table.columns.difference(["session", "symbol"], sort=False):
        numbers = pd.to_numeric(table[column], errors="coerce")
        found += [
            f"row {row + 1}: {column} {table[column].iloc[row]!r} is no number"
            for row in np.flatnonzero(numbers.isna() & table[column].notna())
        ]
    if "symbol" in table.columns:
        twice = np.flatnonzero(table.duplicated(["session", "symbol"]))
        found += [f"row {row + 1}: its session and symbol are there twice" for row in twice]
    return [*found[:_SHOWN], f"{len(found) - _SHOWN} more"] if len(found) > _SHOWN else found

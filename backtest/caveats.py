"""What a reader must be told before believing a run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from backtest.clock import Clock
from backtest.config import RunConfig
from backtest.config.fit import outside_data
from backtest.connect import doubts
from backtest.data.bundle import Bundle
from backtest.data.checks import bundle_volume_missing
from backtest.data.fx import fx_gaps
from backtest.data.grid import Grid
from backtest.market.doubts import in_short
from backtest.result import BY_RIGHT

if TYPE_CHECKING:
    import numpy.typing as npt

    from backtest.engine import Simulation
    from backtest.market.rules import CompiledRules

_SHOWN = 5


def caveats(
    config: RunConfig,
    bundle: Bundle,
    grid: Grid,
    clock: Clock,
    *,
    held: npt.NDArray[np.bool_],
    rules: CompiledRules,
    outcome: Simulation,
) -> list[str]:
    """One sentence for everything about market, data, rules or benchmark that is not as it seems.

    Parameters
    ----------
    held
        Columns that the universe holds at some decision of the run, shape (N,).
    """
    found = []
    if bundle.simulated:
        found.append("Simulated market: nothing here is evidence about a real one.")
    if outcome.bankrupt:
        found.append(
            "The account went bankrupt: positions were written off, NAV is 0 from then on."
        )
    if outcome.fills.empty:
        found.append("No order was filled.")
    found += bundle.caveats
    found += outside_data(config, grid.bars)
    found += [finding.message for finding in bundle.findings]
    found += _fx(config, bundle, clock, held)
    found += in_short(doubt for own in rules.doubts.values() for doubt in own)
    table = bundle.instruments[held]
    paying = bundle.actions[bundle.actions["kind"] == "dividend"]["symbol"]
    found += doubts(
        config.account, bundle.facts, table, dividends=bool(table["symbol"].isin(paying).any())
    )
    if config.execution.sizing == "decision":
        found += uncapped(bundle, grid, outcome.fills)
    if config.benchmark is not None:
        kinds = bundle.instruments.set_index("symbol")["kind"]
        if kinds.get(config.benchmark) == "index":
            found.append(
                f"The benchmark {config.benchmark} is a price index: it leaves dividends out."
            )
    if bundle.prices == "adjusted":
        found.append(
            "Prices are adjusted: per-share fees, lots and ratios to facts are approximate."
        )
    return found


def uncapped(bundle: Bundle, grid: Grid, fills: pd.DataFrame) -> Iterator[str]:
    """Say which fills no volume could cap, because it is missing or zero for a whole exchange."""
    dealt = fills[~fills["reason"].isin([*BY_RIGHT, "offer"])]
    bars, columns = grid.bars, grid.columns
    missing = bundle_volume_missing(bundle, bars)
    column = dealt["symbol"].map(columns).to_numpy(dtype=np.int64)
    times = dealt["filled_at"].dt.tz_convert(None).to_numpy().astype("datetime64[ns]")
    unknown = np.zeros(len(dealt), dtype=np.bool_)
    for number, exchange in enumerate(bars.exchanges):
        mine = bars.column_exchange[column] == number
        # Where one session closes as the next opens (24/7) the next one's volume is looked at.
        row = np.searchsorted(bars.sessions[exchange].open, times[mine], side="right") - 1
        unknown[mine] = np.isnan(bars.volume[row, column[mine]]) | missing[exchange][row]
    if unknown.any():
        symbols = sorted(set(dealt["symbol"][unknown]))
        who = ", ".join(symbols[:_SHOWN])
        who += f" and {len(symbols) - _SHOWN} more" if len(symbols) > _SHOWN else ""
        count = int(unknown.sum())
        yield (
            f"{count:,} fill{'s' * (count != 1)} of {who} on unknown volume: "
            "execution.max_participation did not cap them."
        )


def _fx(
    config: RunConfig, bundle: Bundle, clock: Clock, held: npt.NDArray[np.bool_]
) -> Iterator[str]:
    """What missing_fx finds where it is set to warn: the bundle alone cannot tell."""
    if bundle.checks.get("missing_fx") != "warn":
        return
    times = pd.DatetimeIndex(clock.time, tz="UTC")
    symbols = bundle.instruments["symbol"][held]
    finding = fx_gaps(bundle, config.portfolio.currency, times, symbols=symbols)
    if finding is not None:
        yield finding.message

"""Rules that a market file holds back, switched on by a run."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from datetime import date

from backtest.errors import MarketError
from backtest.market.model import MarketRules, TickTable


def with_options(market: MarketRules, options: Mapping[str, date]) -> MarketRules:
    """``market`` with each of its ``options`` in force from the day that is given.

    Such a rule counts as unverified, and a run that trades under it warns.

    Raises
    ------
    MarketError
        For a name that the file has not, or a day that is not after its last dated entry.
    """
    ticks = list(market.ticks)
    for name, day in sorted(options.items()):
        if name not in market.options:
            near = difflib.get_close_matches(name, market.options, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            known = ", ".join(market.options) or "none"
            raise MarketError(
                f"market.options: {market.name!r} has no option {name!r}{hint}; it has: {known}"
            )
        option = market.options[name]
        at = next(k for k, entry in enumerate(ticks) if entry.kinds == option.kinds)
        last = ticks[at].dated[-1].since
        if day <= last:
            raise MarketError(
                f"market.options.{name}: must be after {last}, where the table before it "
                f"begins, got {day}"
            )
        table = TickTable.model_validate(
            {"from": day, "status": "unverified", "source": option.source, "bands": option.bands}
        )
        dated = [*ticks[at].dated, table]
        ticks[at] = ticks[at].model_copy(update={"dated": dated})
    return market.model_copy(update={"ticks": ticks}) if options else market

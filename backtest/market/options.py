"""Rules that a market file holds back, switched on by a run."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from backtest.errors import MarketError
from backtest.market.model import MarketRules, OrderSize, OrderSizes, RuleOption, TickTable


def with_options(market: MarketRules, options: Mapping[str, date]) -> MarketRules:
    """``market`` with each of its ``options`` in force from the day that is given.

    Such a rule counts as unverified, and a run that trades under it warns.

    Raises
    ------
    MarketError
        For a name that the file has not, or a day that is not after its last dated entry.
    """
    check_options([market], options)
    ticks, sizes = list(market.ticks), list(market.order_sizes)
    for name, day in sorted(options.items()):
        option = market.options[name]
        if option.bands is None:
            sizes.insert(0, _sizes(option, day))
            continue
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
    if not options:
        return market
    return market.model_copy(update={"ticks": ticks, "order_sizes": sizes})


def check_options(markets: Sequence[MarketRules], options: Iterable[str]) -> None:
    """Refuse names of ``options`` that none of ``markets`` has, all of them at once."""
    known = {name: market.name for market in markets for name in market.options}
    have = "; ".join(f"{name} ({market})" for name, market in known.items()) or "none"
    faults = []
    for name in sorted(set(options) - set(known)):
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        who = " nor ".join(repr(market) for market in dict.fromkeys(m.name for m in markets))
        verb = "neither " if " nor " in who else ""
        faults.append(f"{verb}{who} has an option {name!r}{hint}")
    if faults:
        raise MarketError(f"market.options: {'; '.join(faults)}; there is: {have}")


def _sizes(option: RuleOption, day: date) -> OrderSizes:
    """Order sizes of an option from ``day`` on."""
    size = OrderSize.model_validate(
        {
            "from": day,
            "status": "unverified",
            "source": option.source,
            "least": option.least,
            "step": option.step,
        }
    )
    return OrderSizes(boards=option.boards, dated=[size])


def with_odd_lots(market: MarketRules, discount: float) -> MarketRules:
    """``market`` with ``discount``, a fraction, on odd lots where they are sold apart.

    Nothing publishes such a discount: the rule counts as unverified, and a run that sets it warns.
    """
    if discount == 0.0 or not market.odd_lots:
        return market
    odd = [
        entry.model_copy(update={"discount": discount, "status": "unverified"})
        for entry in market.odd_lots
    ]
    return market.model_copy(update={"odd_lots": odd})

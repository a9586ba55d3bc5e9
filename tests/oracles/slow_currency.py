"""The slow simulator's exchange rate gains: each holding walked from rate to rate."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from tests.oracles.slow_account import Account, Fill
from tests.oracles.slow_money import Entry
from tests.oracles.slow_tables import ONE, ZERO

PAID = {"dividend", "fraction"}


class Walk:
    """What is held of each instrument, in its currency, since the last change of it or base close.

    Between two changes the gain is what is held times the move of the rate; at a base close what
    the holding is worth beyond that is what its price earned.
    """

    def __init__(self, account: Account) -> None:
        self.account, self.tables = account, account.tables
        symbols = [i.symbol for i in account.tables.instruments]
        self.invested = dict.fromkeys(symbols, ZERO)
        self.rate = dict.fromkeys(symbols, ONE)

    def to_close(
        self, time: datetime, fills: list[Fill], entries: list[Entry]
    ) -> tuple[Decimal, Decimal, Decimal]:
        """Return the gains of prices, of rates and of forwards since the last base close."""
        moves = [(f.filled, f.symbol, -f.shares * f.reference) for f in fills]
        paying = [e for e in entries if e.kind in PAID or e.component == "income"]
        moves += [(e.time, e.symbol, e.local) for e in paying]
        local, fx = ZERO, ZERO
        for when, symbol, flow in sorted(moves, key=lambda move: move[0]):
            fx += self._on(symbol, when)
            self.invested[symbol] -= flow
        for instrument in self.tables.instruments:
            symbol, shares = instrument.symbol, self.account.held(instrument.symbol)
            worth = shares * self.account.mark(instrument) if shares else ZERO
            worth += sum((c.local for c in self.account.claims if c.instrument == instrument), ZERO)
            if worth == self.invested[symbol] == 0:
                continue
            fx += self._on(symbol, time)
            local += (worth - self.invested[symbol]) * self.rate[symbol]
            self.invested[symbol] = worth
        told = {"revaluation": ZERO, "hedge": ZERO, "write_off": ZERO}
        for entry in entries:
            if entry.kind in told:
                told[entry.kind] += entry.amount
        return local + told["write_off"], fx + told["revaluation"], told["hedge"]

    def _on(self, symbol: str, time: datetime) -> Decimal:
        """Move to the rate of a time; return what that makes of the holding."""
        currency = next(i.currency for i in self.tables.instruments if i.symbol == symbol)
        before, self.rate[symbol] = self.rate[symbol], self.tables.fx(currency, time)
        return self.invested[symbol] * (self.rate[symbol] - before)

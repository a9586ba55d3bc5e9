"""Who trades: an account at the exchange, or one of the mainland's through Stock Connect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from backtest.units import Money

Channel = Literal["shanghai", "shenzhen"]

KINDS: Mapping[str, Mapping[str, object]] = {
    "offshore": {"channels": [], "calendar": "exchange", "dividend_tax": "offshore"},
    "southbound": {
        "channels": ["shanghai", "shenzhen"],
        "calendar": "southbound",
        "dividend_tax": "southbound",
    },
}
"""What one word for an account stands for."""

_CURRENCY = {"southbound": "CNY"}
_AMOUNTS = (("portfolio", "cash"), ("universe", "min_turnover"))  # of the portfolio's currency


class Account(BaseModel):
    """Who trades; one word, offshore or southbound, sets all of it.

    southbound also sets ``portfolio.currency`` to CNY; amounts without a currency keep the one they
    had.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    channels: tuple[Channel, ...] = Field(
        (),
        description="Stock Connect channels that Hong Kong shares are dealt through: only what is "
        "eligible may be held; none given means straight at the exchange",
    )
    calendar: Literal["exchange", "southbound"] = Field(
        "exchange",
        description="when Hong Kong orders can fill: at every session, or on southbound trading "
        "days only; an order waits for the next one",
    )
    dividend_tax: Literal["portfolio", "offshore", "southbound"] = Field(
        "portfolio",
        description="what is kept from Hong Kong dividends: portfolio.withholding, or the rates of "
        "such a holder by share class",
    )

    @model_validator(mode="before")
    @classmethod
    def _read(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        if value not in KINDS:
            raise ValueError(f"must be {' or '.join(KINDS)}, or a map of settings")
        return dict(KINDS[value])


def with_account(settings: Mapping[str, Any]) -> dict[str, Any]:  # Any: as written in the YAML
    """``settings`` of a run with the currency that the word under ``account`` brings along."""
    plain = dict(settings)
    word = plain.get("account")
    currency = _CURRENCY.get(word) if isinstance(word, str) else None
    portfolio = plain.get("portfolio", {})
    if currency is None or not isinstance(portfolio, Mapping):
        return plain
    before = portfolio.get("currency", "HKD")
    plain["portfolio"] = {**portfolio, "currency": currency}
    for section, key in _AMOUNTS:
        part = plain.get(section)
        if isinstance(part, Mapping) and part.get(key) is not None:
            plain[section] = {**part, key: _in(part[key], before)}
    return plain


def _in(amount: object, currency: object) -> object:
    """``amount`` with ``currency`` where it has none; what is no amount of money stays."""
    try:
        money = Money.model_validate(amount)
    except ValidationError:
        return amount
    return {"amount": money.amount, "currency": money.currency or currency}

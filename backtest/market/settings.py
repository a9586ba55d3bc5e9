"""Which market rules a run trades under, as settings."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, model_validator

from backtest.units import Fraction

_FROZEN = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Brokerage(BaseModel):
    """What the broker takes of each fill, in the instrument's currency; nothing unless set.

    ``rate x value + per_share x shares + fixed``, at least ``min``, at most ``max``.
    """

    model_config = _FROZEN

    rate: Fraction = Field(0.0, ge=0, description="share of the fill's value, such as '0.03%'")
    per_share: float = Field(0.0, ge=0, description="per share, in the instrument's currency")
    fixed: float = Field(0.0, ge=0, description="per fill, in the instrument's currency")
    min: float = Field(0.0, ge=0, description="least per fill, in the instrument's currency")
    max: float | None = Field(None, gt=0, description="most per fill; none = no limit")

    @model_validator(mode="after")
    def _ordered(self) -> Brokerage:
        if self.max is not None and self.max < self.min:
            raise ValueError(f"max {self.max:g} is below min {self.min:g}")
        return self


class MarketChoice(BaseModel):
    """A market's rules with a broker's charges on top."""

    model_config = _FROZEN

    use: str = Field(
        "auto",
        min_length=1,
        description="'auto' (each exchange's own file), a market's name, or a YAML file",
    )
    brokerage: Brokerage | None = Field(None, description="the broker's charges; none by default")
    options: dict[str, date] = Field(
        {},
        description="rules that the market's file holds back because their first day is not "
        "verified, each with the day from which it is to hold",
    )
    odd_lot_discount: Fraction = Field(
        0.0,
        ge=0,
        lt=1,
        description="how far below the price of whole lots the part of a sale that is no whole lot "
        "goes, such as '5%', in markets that trade odd lots apart from the main book (Hong Kong); "
        "no source gives a figure, and 0 flatters accounts that hold odd lots",
    )


def _read_choice(value: object) -> str | MarketChoice:
    if isinstance(value, MarketChoice):
        return value
    if isinstance(value, str):
        if not value.strip():
            raise ValueError("must be 'auto', a market's name or a YAML file, got an empty text")
        return value
    if isinstance(value, Mapping):
        return MarketChoice.model_validate(dict(value))
    raise ValueError(
        f"must be a market's name, a YAML file, or a map with 'use' and 'brokerage', got {value!r}"
    )


_Choice = Annotated[str | MarketChoice, BeforeValidator(_read_choice)]


def _read_settings(value: object) -> str | MarketChoice | dict[str, str | MarketChoice]:
    if isinstance(value, Mapping) and not set(MarketChoice.model_fields) & set(value):
        if not value:
            raise ValueError("must name at least one exchange, got an empty map")
        return TypeAdapter(dict[str, _Choice]).validate_python(dict(value))
    return _read_choice(value)


MarketSettings = Annotated[
    str | MarketChoice | dict[str, str | MarketChoice], BeforeValidator(_read_settings)
]
"""``auto``, a market's name, a YAML file, a `MarketChoice`, or a map from exchange to these."""

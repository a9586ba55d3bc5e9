"""How new listings are subscribed and traded on their first day, as settings."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from backtest.units import Fraction


class IpoSettings(BaseModel):
    """Subscriptions (``ipo_entry: subscribe``), and the first day of whatever is new."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    account: Literal["retail", "placing"] = Field(
        "retail",
        description="retail: the public tranche, cash for all that is applied for, a ballot; "
        "placing: a fixed share of what is wanted, cash for that only",
    )
    allotment: Literal["expectation", "draw"] = Field(
        "expectation", description="expected lots of a ballot, fractional, or one seeded draw"
    )
    seed: int = Field(0, ge=0, description="of the draws, with each symbol: order does not matter")
    handling_fee: float = Field(
        0.0, ge=0, description="the broker's, per application, in the instrument's currency"
    )
    financed: Fraction = Field(
        0.0,
        ge=0,
        lt=1,
        description="share of an application's amount that the broker lends, on top of "
        "the weight, which is the money of one's own",
    )
    rate: Fraction = Field(
        0.0, ge=0, description="annual interest on what is lent, act/365, allotted or not"
    )
    placed: Fraction = Field(
        0.1, gt=0, le=1, description="share of what is wanted that a placing account gets"
    )
    first_day: Literal["fill", "open", "close", "typical"] = Field(
        "fill",
        description="price of orders in an instrument's listing session: as execution.fill says, "
        "its open, its close, or (high + low + close) / 3 at its close, for a VWAP",
    )
    first_day_participation: Fraction | None = Field(
        None,
        gt=0,
        le=1,
        description="largest share of the listing session's volume, below max_participation",
    )

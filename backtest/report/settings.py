"""What the tearsheet shows, as settings."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from backtest.units import Fraction


class TearsheetSettings(BaseModel):
    """What the tearsheet shows; none of it changes a fill."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str | None = Field(None, description="heading of the page; none means the run's name")
    theme: Literal["auto", "light", "dark"] = Field(
        "auto", description="colours; auto follows the reader's system"
    )
    risk_free: Literal["rates"] | Fraction = Field(
        0.0,
        description="annual rate that Sharpe and its like are measured against: a fraction such as "
        "0.03 or '3%', or 'rates' for the bundle's own",
    )
    top: int = Field(10, ge=1, description="rows of each table of best, worst and largest")
    quantstats: bool = Field(
        False, description="write the standard quantstats report beside the tearsheet"
    )

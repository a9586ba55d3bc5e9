"""What a YAML may say of sleeves: which strategies share the portfolio, how it is divided."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from backtest.clock import Every
from backtest.panel.universe import UniverseSettings
from backtest.strategy import StrategySettings
from backtest.units import Fraction, Sessions

NAME = "sleeves"
"""What a run of sleeves has as its strategy's name."""

SleeveName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$", max_length=40)]

_FROZEN = ConfigDict(frozen=True, extra="forbid")


class SleeveSettings(BaseModel):
    """One strategy of several in a portfolio."""

    model_config = _FROZEN

    strategy: StrategySettings = Field(description="which strategy, with which parameters")
    universe: UniverseSettings | None = Field(
        None, description="what this sleeve may hold, within the run's universe"
    )
    rebalance: Every = Field(
        "session",
        description="decisions that this sleeve may send orders at: the run's first, then the "
        "first of each local calendar period, or every Nth",
    )
    share: Fraction | None = Field(
        None, ge=0, le=1, description="share of NAV given to it, with allocation.method: fixed"
    )


class AllocationSettings(BaseModel):
    """How NAV is divided among the sleeves."""

    model_config = _FROZEN

    method: Literal["equal", "fixed", "inverse_volatility", "risk_parity", "skfolio"] = Field(
        "equal",
        description="equal shares; each sleeve's own; proportional to 1 / volatility; equal "
        "contributions to variance; or an optimizer of skfolio",
    )
    rebalance: Every = Field(
        "month",
        description="decisions at which NAV is divided anew: the run's first, then the first of "
        "each local calendar period, or every Nth; shares drift in between",
    )
    window: Sessions = Field(
        120,
        ge=10,
        description="latest decisions whose paper returns count; shares are equal until half of "
        "them are known",
    )
    volatility_target: Fraction | None = Field(
        None,
        gt=0,
        description="volatility a year, a fraction, that all shares are scaled to by the past of "
        "the paper returns; the scale is at most portfolio.max_gross",
    )
    optimizer: Literal[
        "risk_budgeting", "hierarchical_risk_parity", "minimum_variance", "maximum_diversification"
    ] = Field("hierarchical_risk_parity", description="of skfolio, with method: skfolio")

"""How decisions become fills, as settings: execution, portfolio, exits."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from backtest.ipo.settings import IpoSettings
from backtest.units import Bps, Fraction, Money, Sessions

_FROZEN = ConfigDict(frozen=True, extra="forbid")


class Slippage(BaseModel):
    """Price given up against the trader; the three parts add."""

    model_config = _FROZEN

    bps: Bps = Field(0.0, ge=0, description="of the reference price, in basis points")
    ticks: float = Field(
        0.0, ge=0, description="in ticks of the instrument's table; raw prices only"
    )
    impact: float = Field(
        0.0,
        ge=0,
        description="square-root impact: impact x sigma x sqrt(shares / V), with sigma the daily "
        "volatility and V the median volume of the last 20 sessions",
    )


class Execution(BaseModel):
    """How orders are sized and filled."""

    model_config = _FROZEN

    fill: Literal["open", "close"] = Field("open", description="the event at which orders fill")
    sizing: Literal["decision", "fill"] = Field(
        "decision",
        description="size on what is known at the decision, or on the fill event's own prices "
        "(for cross-checks only: it uses prices before they can be known)",
    )
    unfilled: Literal["lapse", "carry"] = Field(
        "lapse", description="what becomes of what could not be filled"
    )
    slippage: Slippage = Field(Slippage(), description="price given up against the trader")
    max_participation: Fraction = Field(
        0.1, gt=0, le=1, description="largest share of a bar's volume that one instrument may take"
    )
    whole_shares: bool = Field(
        False, description="whole shares on adjusted prices too, where the lot is 1"
    )
    fx_cost_bps: Bps = Field(
        0.0, ge=0, description="cost of converting a foreign fill or dividend, in basis points"
    )
    ipo_entry: Literal["market", "offer", "subscribe"] = Field(
        "market",
        description="buy new listings at their first trade; at the offer by expected allotment; or "
        "by a subscription before the listing that locks cash, as execution.ipo says",
    )
    ipo: IpoSettings = Field(
        IpoSettings(), description="subscriptions, and the first day of new listings"
    )


class Portfolio(BaseModel):
    """The account that the strategy's weights are traded in."""

    model_config = _FROZEN

    cash: Money = Field(Money(amount=1_000_000.0), description="initial cash, such as '5m HKD'")
    currency: str = Field("HKD", pattern=r"^[A-Z]{3}$", description="currency of cash and NAV")
    fx: Literal["convert", "keep"] = Field(
        "convert",
        description="foreign proceeds and dividends: converted at once, or kept in their currency "
        "until a buy takes them",
    )
    fx_hedge: Fraction = Field(
        0.0,
        ge=0,
        le=1,
        description="share of what is held in other currencies that is sold forward, rolled at "
        "every base close",
    )
    fx_hedge_cost: Fraction = Field(
        0.0, ge=0, description="annual cost of the forwards beyond the rate differential, act/365"
    )
    spend_unsettled: bool = Field(
        True, description="may buys be paid with the proceeds of sales that have not settled?"
    )
    band: Fraction = Field(
        0.0, ge=0, lt=1, description="orders below this share of NAV are skipped, exits apart"
    )
    max_gross: float = Field(1.0, gt=0, description="largest sum of absolute weights")
    short: bool = Field(False, description="may weights be negative?")
    margin: Fraction = Field(
        0.5,
        ge=0,
        description="cash kept against shorts beyond their proceeds, share of their value",
    )
    borrow: Fraction = Field(
        0.0,
        ge=0,
        description="annual cost of borrowed shares, act/365, where no fact borrow_rate says it",
    )
    short_tick_rule: bool = Field(
        False,
        description="refuse short sales at a price below the previous close, where the market has "
        "a tick rule (Hong Kong): a stand-in, for its best ask and its auctions' reference price "
        "are in no daily bar, and it refuses many orders that a desk would have got done",
    )
    rate_spread: Fraction = Field(
        0.0, ge=0, description="taken off the rate cash earns, added to the rate debt pays"
    )
    withholding: Fraction | dict[str, Fraction] = Field(
        0.0, description="tax kept from dividends: one fraction, or one by exchange"
    )
    rights: Literal["lapse", "sell", "take_up"] = Field(
        "lapse",
        description="what becomes of rights: lost; sold at the open less the price of the issue; "
        "or taken up as far as the cash goes and the rest sold. An open offer cannot be sold",
    )
    scrip: Literal["cash", "shares"] = Field(
        "cash", description="what is chosen where a dividend can be had in shares"
    )
    halt_haircut: Fraction = Field(
        0.0,
        ge=0,
        lt=1,
        description="taken off the mark of a holding for every own session without a bar, until "
        "the next one",
    )
    halt_writeoff_months: int | None = Field(
        None,
        ge=1,
        description="months without a bar after which a holding is marked at 0; Hong Kong may "
        "cancel a listing after 18",
    )
    delisting_recovery: Fraction = Field(
        1.0,
        ge=0,
        le=1,
        description="share of the last close paid where no delisting value is given",
    )


class Exits(BaseModel):
    """Exit rules that watch the path; all are off unless set."""

    model_config = _FROZEN

    stop_loss: Fraction | None = Field(
        None, gt=0, lt=1, description="sell at this fall from the average fill price"
    )
    take_profit: Fraction | None = Field(
        None, gt=0, description="sell at this rise over the average fill price"
    )
    trailing_stop: Fraction | None = Field(
        None, gt=0, lt=1, description="sell at this fall from the highest high since entry"
    )
    max_sessions: Sessions | None = Field(
        None, ge=1, description="sell this many own sessions after the first entry's"
    )

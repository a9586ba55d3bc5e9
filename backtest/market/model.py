"""A market file as a validated value: every rule dated, with its source and status."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    model_validator,
)

from backtest.units import Fraction

RESERVED = ("brokerage", "subscription", "fees")  # columns of the fills that are not a market's

_FROZEN = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

Status = Literal["verified", "computed", "unverified"]


class Dated(BaseModel):
    """Something that holds from a day on, until the next entry of its list.

    ``verified``: read in the source. ``computed``: follows from verified figures. ``unverified``:
    the figure or its first day is general knowledge or a third party's; a run that uses it warns.
    """

    model_config = _FROZEN

    since: date = Field(alias="from", description="first day on which it holds")
    status: Status = Field(description="verified, computed or unverified")
    source: str = Field(min_length=1, description="where the figure and its first day are from")


D = TypeVar("D", bound=Dated)


def in_force(dated: Sequence[D], day: date) -> D | None:
    """Entry that holds on ``day``; none before the first."""
    return next((entry for entry in reversed(dated) if entry.since <= day), None)


def _ascending(dated: list[D]) -> list[D]:
    for earlier, later in pairwise(dated):
        if later.since <= earlier.since:
            raise ValueError(
                f"entries must ascend by 'from': {later.since} stands after {earlier.since}"
            )
    return dated


class FeeRate(Dated):
    """``rate x value + per_share x shares + fixed``, then the bounds, then the rounding."""

    rate: Fraction = Field(0.0, ge=0, description="share of the fill's value, such as '0.0027%'")
    per_share: float = Field(0.0, ge=0, description="per share")
    fixed: float = Field(0.0, ge=0, description="per fill")
    min: float = Field(0.0, ge=0, description="least per fill")
    max: float | None = Field(None, gt=0, description="most per fill; none = no limit")
    round: Literal["up", "nearest"] | None = Field(
        None, description="up to a multiple of 'unit', or to the nearest one, half up"
    )
    unit: float | None = Field(None, gt=0, description="unit of the rounding, such as 0.01")

    @model_validator(mode="after")
    def _consistent(self) -> FeeRate:
        if (self.round is None) != (self.unit is None):
            raise ValueError("'round' and 'unit' go together")
        if self.max is not None and self.max < self.min:
            raise ValueError(f"max {self.max:g} is below min {self.min:g}")
        return self

    @property
    def is_nothing(self) -> bool:
        """Whether nobody pays anything."""
        return self.rate == self.per_share == self.fixed == self.min == 0.0


class Exemption(Dated):
    """A kind of instrument that does not pay the fee from a day on."""

    kind: str = Field(min_length=1, description="kind of instrument, such as etf")


class Fee(BaseModel):
    """One component of the costs of a fill; entries of the same name add up in one column."""

    model_config = _FROZEN

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="column of the fills, fee_<name>")
    side: Literal["both", "buy", "sell"] = Field("both", description="who pays")
    kinds: list[str] = Field([], description="kinds of instrument that pay; empty = every kind")
    exempt: list[Exemption] = Field([], description="kinds that do not pay from a day on")
    before: Literal["assume", "none"] = Field(
        "assume",
        description="before the first entry: assume that entry, with a warning, or no such fee",
    )
    dated: Annotated[list[FeeRate], AfterValidator(_ascending)] = Field(min_length=1)

    @model_validator(mode="after")
    def _not_reserved(self) -> Fee:
        if self.name in RESERVED:
            raise ValueError(f"a fee may not be called {self.name!r}; that name is taken")
        return self


class Band(BaseModel):
    """A range of prices with one tick: above a price, up to and including the next band's."""

    model_config = _FROZEN

    above: float = Field(ge=0, description="the band begins just above this price")
    size: float = Field(gt=0, description="the tick")
    status: Status | None = Field(None, description="where it differs from the table's")


def _bands(bands: list[Band]) -> list[Band]:
    if bands[0].above != 0.0:
        raise ValueError(f"the first band must begin above 0, got {bands[0].above:g}")
    for lower, upper in pairwise(bands):
        if upper.above <= lower.above:
            raise ValueError(f"bands must ascend: {upper.above:g} stands after {lower.above:g}")
        if upper.size < lower.size:
            raise ValueError(f"ticks must not fall: {upper.size:g} stands after {lower.size:g}")
    return bands


class TickTable(Dated):
    """Ticks by price from a day on."""

    bands: Annotated[list[Band], AfterValidator(_bands)] = Field(min_length=1)


class Ticks(BaseModel):
    """Tick tables of some kinds of instrument; the first entry of the file that fits counts."""

    model_config = _FROZEN

    kinds: list[str] = Field([], description="kinds of instrument; empty = every kind")
    dated: Annotated[list[TickTable], AfterValidator(_ascending)] = Field(min_length=1)


class OrderSize(Dated):
    """Sizes that orders may have, in place of the instruments' lots."""

    least: float = Field(gt=0, description="least shares of an order; a smaller rest is sold whole")
    step: float = Field(gt=0, description="orders are multiples of it: the lot")


class OrderSizes(BaseModel):
    """Order sizes of some boards; the first entry of the file that fits counts."""

    model_config = _FROZEN

    boards: list[str] = Field([], description="boards; empty = every board")
    dated: Annotated[list[OrderSize], AfterValidator(_ascending)] = Field(min_length=1)


class RuleOption(BaseModel):
    """A rule whose figures or first day nobody verified: it holds from a day that a run names.

    Either ticks, with ``bands``, or order sizes, with ``least`` and ``step``.
    """

    model_config = _FROZEN

    description: str = Field(min_length=1, description="what it is, and what is doubted")
    source: str = Field(min_length=1, description="where the figures are from")
    kinds: list[str] = Field([], description="kinds of the entry of 'ticks' that it continues")
    bands: Annotated[list[Band], Field(min_length=1), AfterValidator(_bands)] | None = None
    boards: list[str] = Field([], description="boards whose order sizes it sets")
    least: float | None = Field(None, gt=0, description="least shares of an order")
    step: float | None = Field(None, gt=0, description="orders are multiples of it")

    @model_validator(mode="after")
    def _one_rule(self) -> RuleOption:
        sizes = self.least is not None and self.step is not None
        if (self.least is None) != (self.step is None) or sizes == (self.bands is not None):
            raise ValueError("an option has either 'bands' or both 'least' and 'step'")
        return self


class OddLots(Dated):
    """How what is no whole lot is sold."""

    apart: bool = Field(description="true: not in the main book, usually at a discount")
    discount: Fraction = Field(
        0.0, ge=0, lt=1, description="below the price of whole lots; a run's odd_lot_discount"
    )


class PriceLimit(Dated):
    """Largest move of a session from the previous close."""

    limit: Fraction = Field(gt=0, lt=1, description="share of the previous close, such as '10%'")
    free_sessions: int = Field(0, ge=0, description="first sessions since listing without a limit")
    first_day_up: Fraction | None = Field(
        None, gt=0, description="in the listing session instead: largest rise over the offer price"
    )
    first_day_down: Fraction | None = Field(
        None, gt=0, lt=1, description="the same: largest fall below the offer price"
    )
    unit: float = Field(gt=0, description="the limit price is rounded to a multiple of this")

    @model_validator(mode="after")
    def _first_day_whole(self) -> PriceLimit:
        if (self.first_day_up is None) != (self.first_day_down is None):
            raise ValueError("'first_day_up' and 'first_day_down' go together")
        if self.first_day_up is not None and self.free_sessions:
            raise ValueError("a first day with a band is no free session")
        return self


class PriceLimits(BaseModel):
    """Limits of some kinds and boards; the first entry of the file that fits counts."""

    model_config = _FROZEN

    kinds: list[str] = Field([], description="kinds of instrument; empty = every kind")
    boards: list[str] = Field([], description="boards; empty = every board")
    dated: Annotated[list[PriceLimit], AfterValidator(_ascending)] = Field(min_length=1)


class TPlusOne(Dated):
    """Whether shares bought in a session may not be sold in it."""

    holds: bool = Field(description="true: they may not")


class ShortTickRule(Dated):
    """Whether a share may not be sold short below a price of the market's own."""

    holds: bool = Field(description="true: it may not, if the run says so")


class Settlement(Dated):
    """When the cash of a sale is in the account."""

    days: int = Field(ge=0, description="settlement days after the sale's session; 0 = at once")
    half_days: bool = Field(True, description="whether a half day is a settlement day")


class Subscription(Dated):
    """What a subscriber of a new listing pays and gets."""

    fee: Fraction = Field(ge=0, description="on top of the offer price, such as '1.0085%'")
    factor: float = Field(
        1.0,
        gt=0,
        description="allotted = wanted / max(1, oversubscription x factor); 1 = pro rata",
    )
    close_sessions: int = Field(
        5, ge=1, description="sessions from the close of applications to the listing"
    )
    mechanism: str = Field(
        "", description="allotment mechanism of an instrument that names none; empty = pro rata"
    )


class ClawbackStep(BaseModel):
    """What the public tranche becomes from an oversubscription on."""

    model_config = _FROZEN

    at: float = Field(gt=0, description="times the first public tranche was covered, at least")
    share: Fraction = Field(gt=0, le=1, description="public tranche then, share of the offer")


class Mechanism(Dated):
    """How much of an offer the public gets; ``name`` is what ``ipo_mechanism`` calls it."""

    name: str = Field(min_length=1, description="such as pn18, a, b, 18c")
    initial: Fraction = Field(gt=0, le=1, description="public tranche at first, share of the offer")
    steps: list[ClawbackStep] = Field([], description="clawback, ascending; empty: none")

    @model_validator(mode="after")
    def _ascends(self) -> Mechanism:
        for lower, upper in pairwise(self.steps):
            if upper.at <= lower.at or upper.share < lower.share:
                raise ValueError(f"{self.name}: steps must ascend, at {upper.at:g}")
        return self


class ClosingAuction(Dated):
    """When the official close is known."""

    minutes: int = Field(ge=0, description="after the session's end")


class Boards(Dated):
    """Boards that have rules of their own, and how a board is read from the symbol."""

    names: list[str] = Field(min_length=1, description="the boards that instruments may name")
    default: str = Field(description="board of an instrument that names none and fits no prefix")
    prefixes: dict[str, str] = Field({}, description="opening digits of a symbol -> board")

    @model_validator(mode="after")
    def _known(self) -> Boards:
        for board in (self.default, *self.prefixes.values()):
            if board not in self.names:
                raise ValueError(f"board {board!r} is not among 'names': {', '.join(self.names)}")
        return self


class MarketRules(BaseModel):
    """The rules of one market; ``name`` is its file's, ``sha256`` that of the file's bytes."""

    model_config = _FROZEN

    description: str = Field(
        min_length=1, description="what the file covers and what it leaves out"
    )
    currency: str | None = Field(
        None, pattern=r"^[A-Z]{3}$", description="currency of the amounts; none = no amounts"
    )
    exchanges: list[str] = Field(
        [], description="exchanges that trade under these rules with 'market: auto'"
    )
    closing_auction: ClosingAuction | None = Field(None, description="none: known at the close")
    boards: Boards | None = Field(None, description="none: boards make no difference")
    fees: list[Fee] = Field([], description="statutory and exchange costs, in the order of charge")
    ticks: list[Ticks] = Field([], description="price steps; none = any price")
    options: dict[str, RuleOption] = Field(
        {}, description="rules that are off unless a run switches them on"
    )
    price_limits: list[PriceLimits] = Field([], description="daily price limits; none = no limit")
    order_sizes: list[OrderSizes] = Field([], description="in place of lots; none = the lots")
    odd_lots: Annotated[list[OddLots], AfterValidator(_ascending)] = Field(
        [], description="sale of odd lots; empty: with whole lots, at their price"
    )
    t_plus_one: Annotated[list[TPlusOne], AfterValidator(_ascending)] = Field(
        [], description="empty: what is bought may be sold at once"
    )
    short_tick_rule: Annotated[list[ShortTickRule], AfterValidator(_ascending)] = Field(
        [], description="price of short sales, off unless a run switches it on; empty: any price"
    )
    settlement: Annotated[list[Settlement], AfterValidator(_ascending)] = Field(
        [], description="settlement of cash; empty: at once"
    )
    ipo: Annotated[list[Subscription], AfterValidator(_ascending)] = Field(
        [], description="subscription of new listings; empty: no fee, pro rata"
    )
    allotment: list[Mechanism] = Field(
        [], description="mechanisms that divide an offer between the public and the placing"
    )

    @model_validator(mode="after")
    def _boards_known(self) -> MarketRules:
        names = self.boards.names if self.boards else []
        for limits in self.price_limits:
            for board in limits.boards:
                if board not in names:
                    raise ValueError(f"price_limits: board {board!r} is not among boards.names")
        sized = [entry.boards for entry in self.order_sizes]
        sized += [option.boards for option in self.options.values()]
        if odd := [board for boards in sized for board in boards if board not in names]:
            raise ValueError(f"order sizes: board {odd[0]!r} is not among boards.names")
        for name, option in self.options.items():
            if option.bands is not None and all(e.kinds != option.kinds for e in self.ticks):
                raise ValueError(f"options.{name}: no entry of 'ticks' is of the same kinds")
        return self

    @model_validator(mode="after")
    def _mechanisms_known(self) -> MarketRules:
        names = ["", *(mechanism.name for mechanism in self.allotment)]
        for terms in self.ipo:
            if terms.mechanism not in names:
                raise ValueError(f"ipo: mechanism {terms.mechanism!r} is not among 'allotment'")
        return self

    _name: str = PrivateAttr("")
    _sha256: str = PrivateAttr("")

    def model_post_init(self, context: Any, /) -> None:  # Any: pydantic's signature
        """Take name and hash from the validation context, where the file's reader puts them."""
        if context:
            self._name = context.get("name", "")
            self._sha256 = context.get("sha256", "")

    @property
    def name(self) -> str:
        """Name of the market: that of its file, without ``.yaml``."""
        return self._name

    @property
    def sha256(self) -> str:
        """SHA-256 of the file's bytes, in hex."""
        return self._sha256

    @property
    def close_known_after(self) -> int:
        """Minutes from the end of a session until its close is known."""
        return self.closing_auction.minutes if self.closing_auction else 0

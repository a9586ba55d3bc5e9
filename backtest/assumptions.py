"""The assumptions of a run that flatter its result."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from backtest.config import RunConfig
from backtest.connect import HONG_KONG
from backtest.data.in_force import exchanges_told
from backtest.data.schema import BORROW_RATE, SHORTABLE
from backtest.data.settings import HINDSIGHT
from backtest.execution import Execution, Portfolio
from backtest.ipo.settings import IpoSettings
from backtest.market.settings import Brokerage, MarketChoice

if TYPE_CHECKING:
    from backtest.data.bundle import Bundle


@dataclass(frozen=True, slots=True)
class DataFacts:
    """What the assumptions of a run depend on besides its settings."""

    adjusted: bool
    """Prices are adjusted for splits and dividends."""
    simulated: bool
    rates: bool
    """The bundle has interest rates in the portfolio's currency."""
    foreign: bool
    """Something tradable is in another currency than the portfolio."""
    dividends: bool
    """Some dividend has no date of payment."""
    survivors: bool
    """No instrument was delisted within the bundle."""
    actions: frozenset[str] = frozenset()
    """The kinds of corporate action that it has."""
    exchanges: frozenset[str] = frozenset()
    """Where something tradable is listed."""
    without_short_list: frozenset[str] = frozenset()
    """Those of them of whose shares no fact says whether they may be sold short."""
    borrow_rates: bool = False
    """Facts say what it costs to borrow anything tradable."""


def data_facts(bundle: Bundle, config: RunConfig) -> DataFacts:
    """The facts of a bundle, seen through the fixed filters of the config's universe."""
    table = bundle.instruments
    tradable = table[table["kind"] != "index"]
    for field in ("exchange", "kind", "sector"):
        if getattr(config.universe, field):
            tradable = tradable[tradable[field].isin(getattr(config.universe, field))]
    if config.universe.symbols:
        tradable = tradable[tradable["symbol"].isin(config.universe.symbols)]
    tradable = tradable[~tradable["symbol"].isin(config.universe.exclude)]
    actions = bundle.actions[bundle.actions["symbol"].isin(tradable["symbol"])]
    currency = config.portfolio.currency
    exchanges = frozenset(tradable["exchange"])
    rated = bundle.facts.loc[bundle.facts["field"] == BORROW_RATE, "symbol"]
    return DataFacts(
        adjusted=bundle.prices == "adjusted",
        simulated=bundle.simulated,
        rates=bool((bundle.rates["currency"] == currency).any()),
        foreign=bool((tradable["currency"] != currency).any()),
        dividends=bool(((actions["kind"] == "dividend") & actions["pay_date"].isna()).any()),
        survivors=bool(tradable["delisted"].isna().all()),
        actions=frozenset(actions["kind"]),
        exchanges=exchanges,
        without_short_list=exchanges - set(exchanges_told(bundle.facts, SHORTABLE, table)),
        borrow_rates=bool(tradable["symbol"].isin(rated).all()),
    )


def optimistic_assumptions(config: RunConfig, facts: DataFacts | None = None) -> list[str]:
    """Every assumption that makes the result better than it could have been, a sentence each.

    Parameters
    ----------
    facts
        What the data adds; None leaves out what cannot be known without it.
    """
    found = [*_of_fills(config.execution), *_of_fees(config), *_of_account(config)]
    found += [*_of_money(config), *_of_shorts(config.portfolio, facts)]
    if facts is not None:
        found += _of_data(config, facts)
    if config.execution.fx_cost_bps == 0 and (facts is None or facts.foreign):
        found.append(
            "Foreign fills and dividends are converted at no cost (execution.fx_cost_bps)."
        )
    hindsight = sorted(name for name in HINDSIGHT if config.data.checks.get(name) == "drop")
    if hindsight:
        found.append(
            f"Rows are dropped by rules that see later ones: {', '.join(hindsight)} (data.checks)."
        )
    return found


def _of_fills(execution: Execution) -> Iterator[str]:
    slippage = execution.slippage
    if not (slippage.bps or slippage.ticks or slippage.impact):
        yield (
            "No slippage: every fill gets its reference price, however large (execution.slippage)."
        )
    elif not slippage.impact:
        yield "No market impact: large orders pay what small ones pay (execution.slippage.impact)."
    if execution.sizing == "fill":
        yield (
            "Orders are sized on the prices they fill at, before anyone can know them, and no "
            "order is capped by volume (execution.sizing: fill)."
        )
    elif execution.max_participation == 1:
        yield "An order may take the whole volume of a bar (execution.max_participation)."
    if execution.ipo_entry == "offer":
        yield (
            "New listings are bought at the offer price: an expected, fractional allotment instead "
            "of a ballot, and no cash locked up (execution.ipo_entry: offer)."
        )
    if execution.ipo_entry == "subscribe":
        yield from _of_subscriptions(execution.ipo)
    if execution.ipo.first_day == "typical":
        yield (
            "Orders of a first day fill at (high + low + close) / 3, a proxy of the day's VWAP "
            "that no order is sure to get (execution.ipo.first_day: typical)."
        )


def _of_money(config: RunConfig) -> Iterator[str]:
    portfolio = config.portfolio
    if portfolio.spend_unsettled:
        yield (
            "Sales pay for the buys of the same auction, and of every later one before their cash "
            "has settled (portfolio.spend_unsettled)."
        )
    if portfolio.fx_hedge and portfolio.fx_hedge_cost == 0:
        yield "Forwards cost the rate differential and no more (portfolio.fx_hedge_cost)."


def _of_subscriptions(ipo: IpoSettings) -> Iterator[str]:
    if ipo.account == "placing":
        yield (
            f"A placing gets {ipo.placed:.0%} of what is wanted, of every listing alike "
            "(execution.ipo.placed)."
        )
        return
    if ipo.allotment == "expectation":
        yield (
            "An application gets its expected lots, a fraction, instead of one draw of the ballot "
            "(execution.ipo.allotment)."
        )
    if ipo.handling_fee == 0:
        yield "Applications bear no handling fee (execution.ipo.handling_fee)."
    if ipo.financed and ipo.rate == 0:
        yield "What the broker lends for applications costs nothing (execution.ipo.rate)."


def _of_fees(config: RunConfig) -> Iterator[str]:
    if config.market == "frictionless":
        yield "No fees at all (market: frictionless)."
        return
    charged = [brokerage_of(choice) for choice in _choices(config)]
    if not any(charged):
        yield "No brokerage: only the markets' own fees are charged (market.brokerage)."
    elif not all(charged):
        yield "Some markets are without brokerage (market)."


def _of_account(config: RunConfig) -> Iterator[str]:
    portfolio = config.portfolio
    if portfolio.delisting_recovery == 1:
        yield (
            "What is delisted pays its whole last close where the data has no better value "
            "(portfolio.delisting_recovery)."
        )
    taxes = portfolio.withholding
    kept = config.account.dividend_tax != "portfolio"
    if not kept and (not taxes or (isinstance(taxes, dict) and not any(taxes.values()))):
        yield "Dividends bear no tax (portfolio.withholding)."


def _of_shorts(portfolio: Portfolio, facts: DataFacts | None) -> Iterator[str]:
    if not portfolio.short:
        return
    yield "What may be sold short can be borrowed, as much of it and for as long as it is wanted."
    if facts is None or facts.without_short_list:
        where = "" if facts is None else f" of {', '.join(sorted(facts.without_short_list))}"
        yield f"Every share{where} may be sold short: no fact {SHORTABLE!r} says which."
    if not portfolio.short_tick_rule and (facts is None or facts.exchanges & set(HONG_KONG)):
        yield (
            "Short sales fill at any price: Hong Kong's tick rule is off "
            "(portfolio.short_tick_rule)."
        )
    if portfolio.borrow == 0 and not (facts is not None and facts.borrow_rates):
        yield (
            "Borrowed shares cost nothing where no fact "
            f"{BORROW_RATE!r} says what (portfolio.borrow)."
        )


def _of_data(config: RunConfig, facts: DataFacts) -> Iterator[str]:
    currency = config.portfolio.currency
    if not facts.rates:
        yield f"No rates for {currency} in the bundle: cash earns nothing, and debt is free."
    elif config.portfolio.rate_spread == 0:
        yield f"Cash earns the whole {currency} rate, debt pays no more (portfolio.rate_spread)."
    if facts.rates and config.tearsheet.risk_free == 0:
        yield (
            "What idle cash earns counts as skill: Sharpe and its like are measured against 0 "
            f"while the bundle pays {currency} rates (tearsheet.risk_free: rates)."
        )
    if facts.dividends:
        yield "Dividends are credited on the ex-date, not on the later day of payment."
    yield from _of_actions(config, facts)
    if facts.survivors:
        yield "Survivors only: nothing in the universe was ever delisted in this data."
    if facts.adjusted:
        yield (
            "Prices are adjusted: lots, per-share fees and ratios to facts are approximate, ticks "
            "and price limits are off."
        )


def _of_actions(config: RunConfig, facts: DataFacts) -> Iterator[str]:
    rights = config.portfolio.rights
    if rights != "lapse" and facts.actions & {"rights", "open_offer"}:
        yield (
            "Rights are sold at what the open makes them worth, or taken up, at no cost and on the "
            f"ex-date, before they trade (portfolio.rights: {rights})."
        )
    if "in_kind" in facts.actions or (
        config.portfolio.scrip == "shares" and "scrip" in facts.actions
    ):
        yield "Shares given instead of cash may be sold from the ex-date on, before they arrive."


def _choices(config: RunConfig) -> list[str | MarketChoice]:
    return list(config.market.values()) if isinstance(config.market, dict) else [config.market]


def brokerage_of(choice: str | MarketChoice) -> Brokerage | None:
    """The broker's charges, None where they come to nothing."""
    brokerage = choice.brokerage if isinstance(choice, MarketChoice) else None
    if brokerage is None or not (
        brokerage.rate or brokerage.per_share or brokerage.fixed or brokerage.min
    ):
        return None
    return brokerage

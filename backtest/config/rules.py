"""Settings that cannot stand together."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from backtest.config.document import KeyPath, near_file, nearest, shown
from backtest.config.model import RunConfig
from backtest.market.files import list_markets
from backtest.market.settings import MarketChoice
from backtest.sleeves.settings import NAME, AllocationSettings
from backtest.strategy import StrategySettings

Clash = tuple[KeyPath, str]
"""Where the fault is shown, and what it is."""

_ROUNDING = 1e-9  # of a sum of shares


def clashes(config: RunConfig, sound: frozenset[str]) -> Iterator[Clash]:
    """Faults between settings, among the sections that are ``sound`` in themselves."""
    for sections, rule in _RULES:
        if sound.issuperset(sections):
            yield from rule(config)


def _knowledge(config: RunConfig) -> Iterator[Clash]:
    data = config.data
    if data.as_of is not None and data.start:
        known = data.as_of.date() if isinstance(data.as_of, datetime) else data.as_of
        if known < data.start:
            yield (
                ("data", "as_of"),
                f"is before data.start: {known} < {data.start}; nothing is left",
            )


def _account(config: RunConfig) -> Iterator[Clash]:
    portfolio = config.portfolio
    if not portfolio.cash.amount > 0:
        yield ("portfolio", "cash"), f"must be above 0, got {portfolio.cash}"
    if portfolio.max_gross > 1 and not portfolio.short:
        yield (
            ("portfolio", "max_gross"),
            f"must be at most 1 in a cash account, got {portfolio.max_gross:g}; only with "
            "portfolio.short: true may the weights' absolute values sum to more",
        )
    largest = portfolio.max_gross * (2 if portfolio.short else 1)
    if portfolio.band >= largest:
        yield (
            ("portfolio", "band"),
            f"must be below the largest order that max_gross allows, {largest:g} of NAV, got "
            f"{portfolio.band:g}",
        )
    taxes = portfolio.withholding
    for place, tax in taxes.items() if isinstance(taxes, dict) else [("", taxes)]:
        if not 0 <= tax <= 1:
            at = ("portfolio", "withholding", place) if place else ("portfolio", "withholding")
            yield at, f"must be from 0 to 1, got {tax:g}"


def _southbound(config: RunConfig) -> Iterator[Clash]:
    if config.account.calendar == "southbound" and config.execution.sizing == "fill":
        yield (
            ("execution", "sizing"),
            "'fill' cannot be combined with account.calendar: southbound, whose orders wait; use "
            "sizing: decision",
        )
    if not config.account.channels:
        return
    at: KeyPath = ("account",)
    if config.execution.ipo_entry != "market":
        yield at, "Stock Connect has no part in new listings; use execution.ipo_entry: market"
    if config.portfolio.short:
        yield at, "nothing is sold short through Stock Connect here; use portfolio.short: false"


def _universe(config: RunConfig) -> Iterator[Clash]:
    universe = config.universe
    least, most = universe.listed_at_least, universe.listed_at_most
    if least is not None and most is not None and least > most:
        yield ("universe", "listed_at_least"), f"is above universe.listed_at_most: {least} > {most}"
    both = sorted(set(universe.symbols) & set(universe.exclude))
    if both:
        yield ("universe", "exclude"), f"names what universe.symbols names too: {', '.join(both)}"


def _rebalance(config: RunConfig) -> Iterator[Clash]:
    every = config.clock.rebalance
    if isinstance(every, int) and every < 1:
        yield ("clock", "rebalance"), f"must be at least 1 session, got {every}"


def _sleeves(config: RunConfig) -> Iterator[Clash]:
    if config.sleeves is None:
        if config.allocation != AllocationSettings():
            yield ("allocation",), "divides NAV among sleeves, but there are none"
        return
    if config.strategy != StrategySettings(name=NAME):
        yield ("strategy",), "cannot stand beside sleeves; give it as one of them, or leave it out"
    if config.clock.rebalance != "session":
        message = "must be session where there are sleeves; each has a rebalance of its own"
        yield ("clock", "rebalance"), message
    for every, at in [
        (config.allocation.rebalance, ("allocation", "rebalance")),
        *((one.rebalance, ("sleeves", name, "rebalance")) for name, one in config.sleeves.items()),
    ]:
        if isinstance(every, int) and every < 1:
            yield at, f"must be at least 1 session, got {every}"
    fixed = config.allocation.method == "fixed"
    shares = {name: one.share for name, one in config.sleeves.items()}
    for name, share in shares.items():
        at = ("sleeves", name, "share")
        if fixed and share is None:
            yield at, "is required with allocation.method: fixed"
        if not fixed and share is not None:
            yield at, f"is of no use with allocation.method: {config.allocation.method}"
    total = math.fsum(share for share in shares.values() if share is not None)
    if fixed and total > 1.0 + _ROUNDING:
        yield ("sleeves",), f"shares must sum to at most 1, got {total:g}"


def _sizing(config: RunConfig) -> Iterator[Clash]:
    if config.execution.sizing != "fill":
        return
    at = ("execution", "sizing")
    if any(value is not None for _, value in config.exits):
        yield at, "'fill' cannot be combined with exits; use sizing: decision"
    if config.execution.unfilled == "carry":
        yield at, "'fill' cannot be combined with unfilled: carry; use sizing: decision"


def _offer(config: RunConfig) -> Iterator[Clash]:
    entry = config.execution.ipo_entry
    if entry == "offer" and config.clock.decide == "after_close":
        yield (
            ("execution", "ipo_entry"),
            "'offer' needs clock.decide: before_open; after the listing day's close it is too late",
        )
    if entry == "subscribe" and (config.portfolio.fx == "keep" or config.portfolio.fx_hedge):
        yield (
            ("execution", "ipo_entry"),
            "'subscribe' locks cash of portfolio.currency: it cannot be combined with "
            "portfolio.fx: keep or portfolio.fx_hedge",
        )
    ipo = config.execution.ipo
    if config.execution.sizing == "fill" and (entry == "subscribe" or ipo.first_day != "fill"):
        yield (
            ("execution", "sizing"),
            "'fill' cannot be combined with ipo_entry: subscribe or ipo.first_day; use sizing: "
            "decision",
        )
    if ipo.first_day == "fill" and ipo.first_day_participation is not None:
        yield (
            ("execution", "ipo", "first_day_participation"),
            "needs ipo.first_day: open, close or typical",
        )
    if ipo.first_day == "open" and config.clock.decide == "after_close":
        yield (
            ("execution", "ipo", "first_day"),
            "'open' needs clock.decide: before_open; a listing is decided on in its first session",
        )


def _market(config: RunConfig) -> Iterator[Clash]:
    market = config.market
    choices = market if isinstance(market, dict) else {"": market}
    for exchange, choice in choices.items():
        use = choice.use if isinstance(choice, MarketChoice) else choice
        at: KeyPath = ("market", exchange) if exchange else ("market",)
        at = (*at, "use") if isinstance(choice, MarketChoice) else at
        known = list_markets()
        if use == "auto" or use in known:
            continue
        if use.endswith((".yaml", ".yml")) or "/" in use or "\\" in use:
            if not Path(use).is_file():
                yield at, f"no such file: {shown(Path(use))}{near_file(Path(use))}"
        else:
            names = ", ".join(["auto", *known])
            yield at, f"no market is called '{use}'{nearest(use, list(known))}; known are {names}"


_Rule = Callable[[RunConfig], Iterator[Clash]]
_RULES: tuple[tuple[tuple[str, ...], _Rule], ...] = (
    (("data",), _knowledge),
    (("portfolio",), _account),
    (("account", "execution", "portfolio"), _southbound),
    (("universe",), _universe),
    (("clock",), _rebalance),
    (("sleeves", "allocation", "clock", "strategy"), _sleeves),
    (("execution", "exits"), _sizing),
    (("execution", "clock", "portfolio"), _offer),
    (("market",), _market),
)

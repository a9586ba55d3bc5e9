"""A configuration in sentences."""

from __future__ import annotations

import sys
from pathlib import Path

from backtest.assumptions import DataFacts, brokerage_of, data_facts, optimistic_assumptions
from backtest.clock import Every
from backtest.config import RunConfig
from backtest.config.document import shown
from backtest.execution import Execution, Exits, Portfolio
from backtest.ipo.settings import IpoSettings
from backtest.market.settings import MarketChoice
from backtest.sleeves.composite import Sleeves
from backtest.strategy import Strategy
from backtest.units import Money

__all__ = ["DataFacts", "data_facts", "explain", "optimistic_assumptions"]


def explain(config: RunConfig) -> dict[str, str]:
    """What will be run, a paragraph for each part of it, in reading order."""
    return {
        "Run": _run(config),
        "Data": _data(config),
        "Universe": _universe(config),
        "Strategy": _strategy(config),
        "Decisions": _decisions(config),
        "Orders": _orders(config),
        "Fills": _fills(config.execution),
        "Costs": _costs(config),
        "Account": _account(config),
        "Exits": _exits(config.exits),
        "Benchmark": _benchmark(config),
    }


def _run(config: RunConfig) -> str:
    text = f"{config.name}: {config.description}" if config.description else config.name
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _data(config: RunConfig) -> str:
    data = config.data
    name = (
        "The simulated market that ships with the project"
        if data.bundle == "sample"
        else f"The bundle {shown(Path(data.bundle))}"
    )
    first = f"from {data.start}" if data.start else "from its first session"
    last = f"to {data.end}" if data.end else "to its last"
    text = f"{name}, traded {first} {last}; earlier bars and facts are history to look back on."
    if data.as_of:
        text += f" Nothing that became known after {data.as_of} is seen."
    if data.checks:
        said = ", ".join(f"{check}: {action}" for check, action in sorted(data.checks.items()))
        text += f" Data checks set by hand: {said}."
    return text


def _universe(config: RunConfig) -> str:
    universe = config.universe
    rules = [
        f"{field} {' or '.join(getattr(universe, field))}"
        for field in ("exchange", "kind", "sector")
        if getattr(universe, field)
    ]
    if universe.symbols:
        rules.append(f"only {', '.join(universe.symbols)}")
    if universe.exclude:
        rules.append(f"not {', '.join(universe.exclude)}")
    if universe.min_history:
        rules.append(f"at least {universe.min_history} bars so far")
    if universe.min_turnover is not None:
        least = _money(universe.min_turnover, config.portfolio.currency)
        rules.append(f"a median of at least {least} traded a session, over the last 20")
    if universe.listed_at_least is not None:
        rules.append(f"listed for at least {universe.listed_at_least} sessions")
    if universe.listed_at_most is not None:
        rules.append(f"listed for at most {universe.listed_at_most} sessions")
    if not rules:
        return "Everything that is listed at the decision may be held, except indices."
    return (
        f"May be held: {'; '.join(rules)}. Judged at each decision by what is known then; what "
        "leaves is sold at the next rebalance. Indices are signals only."
    )


def _strategy(config: RunConfig) -> str:
    made = config.made_strategy()
    if isinstance(made, Sleeves):
        return _sleeves(made, config)
    return _one_strategy(config.strategy.name, made)


def _sleeves(made: Sleeves, config: RunConfig) -> str:
    """Each sleeve, and how they share the account."""
    parts = [
        f"{name}: {_one_strategy(one.strategy.name, made.strategies[name])} "
        f"{_own_schedule(one.rebalance)}"
        + (
            f" It has {_percent(one.share or 0.0)} of NAV."
            if config.allocation.method == "fixed"
            else ""
        )
        + (" It has a universe of its own." if one.universe is not None else "")
        for name, one in made.sleeves.items()
    ]
    return f"{len(parts)} sleeves in one account. " + " ".join([*parts, _allocation(config)])


def _allocation(config: RunConfig) -> str:
    rule = config.allocation
    shares = {
        "equal": "equally",
        "fixed": "by the shares given",
        "inverse_volatility": "in proportion to 1 / volatility",
        "risk_parity": "so that each contributes equally to variance",
        "skfolio": f"by skfolio's {rule.optimizer.replace('_', ' ')}",
    }[rule.method]
    past = f", from the last {rule.window} paper returns known"
    text = f"NAV is divided {shares}"
    text += past if rule.method not in ("equal", "fixed") else ""
    text += f" {_times(rule.rebalance)}."
    if rule.volatility_target is not None:
        text += f" All shares are scaled to a volatility of {_percent(rule.volatility_target)} a "
        text += f"year by the same past, at most to {config.portfolio.max_gross:g}."
    return text + " Opposite orders are netted; a sleeve's NaN leaves its holding alone."


def _own_schedule(every: Every) -> str:
    if every in ("session", 1):
        return "It may order at every decision."
    return f"It may order {_times(every)}."


def _times(every: Every) -> str:
    if every in ("session", 1):
        return "at every decision"
    if isinstance(every, int):
        return f"at the run's first decision and at one in {every} from there"
    return f"at the run's first decision and at the first of each {every}"


def _one_strategy(name: str, strategy: Strategy) -> str:
    about = (sys.modules[type(strategy).__module__].__doc__ or "").strip().split("\n")[0]
    text = f"{name}: {about}" if about else f"{name}."
    params = ", ".join(f"{name} = {_value(value)}" for name, value in strategy)
    return f"{text} With {params}." if params else text


def _value(value: object) -> str:
    """A parameter as one would write it in the YAML; paths as seen from here."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Path):
        return shown(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(item) for item in value)}]"
    return str(value)


def _decisions(config: RunConfig) -> str:
    clock = config.clock
    when = (
        f"30 minutes before each open of {clock.base}, on all that is known by then, other "
        "markets' last closes included"
    )
    if clock.decide == "after_close":
        when = f"at each close of {clock.base} (once it is official), that close included"
    return f"Made {when}. {_schedule(config)}"


def _schedule(config: RunConfig) -> str:
    every = config.clock.rebalance
    if config.sleeves is not None:
        return "Each sleeve has its own schedule."
    if config.made_strategy().own_schedule:
        return "Orders may be sent at any of them: the strategy chooses."
    if every in ("session", 1):
        return "Orders may be sent at every one of them."
    if isinstance(every, int):
        return f"Orders may be sent at the run's first and at one in {every} from there."
    return f"Orders may be sent at the run's first and at the first of each {every}."


def _orders(config: RunConfig) -> str:
    execution, portfolio = config.execution, config.portfolio
    on = "NAV and prices of the fill" if execution.sizing == "fill" else "NAV and last known prices"
    text = f"Sized on {on}, rounded toward zero to whole lots"
    text += (
        ", whole shares even on adjusted prices."
        if execution.whole_shares
        else " (on adjusted prices a lot of 1 means fractions)."
    )
    if portfolio.band:
        text += f" Orders below {_percent(portfolio.band)} of NAV are skipped, exits apart."
    if portfolio.short:
        return (
            text
            + f" Absolute weights may sum to at most {portfolio.max_gross:g}; shorts are allowed."
        )
    return text + f" Weights may sum to at most {portfolio.max_gross:g}; none may be negative."


def _fills(execution: Execution) -> str:
    left = "waits for the next one" if execution.unfilled == "carry" else "lapses"
    text = (
        f"At the next {execution.fill} of the instrument's own exchange, at that price plus "
        f"slippage; what cannot fill there {left}."
    )
    if execution.sizing == "decision":
        text += f" At most {_percent(execution.max_participation)} of a bar's volume is taken."
    if execution.ipo_entry == "offer":
        text += " New listings are bought at the offer price, by expected allotment."
    elif execution.ipo_entry == "subscribe":
        text += _subscription(execution.ipo)
    else:
        text += f" New listings are bought at their first {_first_price(execution)}."
    if execution.ipo.first_day != "fill":
        text += f" In its listing session an instrument is traded at its {_first_price(execution)}"
        part = execution.ipo.first_day_participation
        text += f", at most {_percent(part)} of the volume." if part else "."
    return text


def _subscription(ipo: IpoSettings) -> str:
    if ipo.account == "placing":
        return (
            f" New listings are placed: {_percent(ipo.placed)} of what is wanted, at the offer "
            "price; its cash is locked until the listing."
        )
    lent = f", {_percent(ipo.financed)} of it lent at {_percent(ipo.rate)}" if ipo.financed else ""
    how = "a seeded draw" if ipo.allotment == "draw" else "expectation"
    return (
        " New listings are applied for before they list: cash for the whole application is locked "
        f"until then{lent}; lots come by {how}."
    )


def _first_price(execution: Execution) -> str:
    day = execution.ipo.first_day
    if day == "typical":
        return "typical price, (high + low + close) / 3"
    return execution.fill if day == "fill" else day


def _costs(config: RunConfig) -> str:
    slippage = config.execution.slippage
    parts = [f"{slippage.bps:g} bps"] if slippage.bps else []
    parts += (
        [f"{slippage.ticks:g} tick{'' if slippage.ticks == 1 else 's'}"] if slippage.ticks else []
    )
    parts += [f"square-root impact x {slippage.impact:g}"] if slippage.impact else []
    text = f"Fees: {_market(config)}. Slippage: {' + '.join(parts) or 'none'}."
    cost = config.execution.fx_cost_bps
    return text + f" Converting foreign money: {f'{cost:g} bps' if cost else 'free'}."


def _market(config: RunConfig) -> str:
    if isinstance(config.market, dict):
        return ", ".join(f"{name}: {_choice(item)}" for name, item in sorted(config.market.items()))
    return _choice(config.market)


def _choice(choice: str | MarketChoice) -> str:
    use = choice.use if isinstance(choice, MarketChoice) else choice
    text = (
        "as each exchange charged on the day"
        if use == "auto"
        else f"by the rules of {Path(use).name}"
    )
    if isinstance(choice, MarketChoice) and choice.odd_lot_discount:
        text += f", odd lots sold {_percent(choice.odd_lot_discount)} lower where they trade apart"
    brokerage = brokerage_of(choice)
    if brokerage is None:
        return text + (", no brokerage" if use != "frictionless" else "")
    terms = [f"{_percent(brokerage.rate)} of value"] if brokerage.rate else []
    terms += [f"{brokerage.per_share:g} a share"] if brokerage.per_share else []
    terms += [f"{brokerage.fixed:g} a fill"] if brokerage.fixed else []
    terms += [f"at least {brokerage.min:g}"] if brokerage.min else []
    terms += [f"at most {brokerage.max:g}"] if brokerage.max is not None else []
    return f"{text}, plus brokerage of {', '.join(terms)}"


def _account(config: RunConfig) -> str:
    portfolio = config.portfolio
    start = f"Starts with {_money(portfolio.cash, portfolio.currency)} in cash"
    text = f"{start}, which no buy takes below zero."
    if portfolio.short:
        text = (
            f"{start}. A short keeps its proceeds and {_percent(portfolio.margin)} of its value "
            f"in cash, and costs {_percent(portfolio.borrow)} a year where no fact 'borrow_rate' "
            "says otherwise; what a fact 'shortable' keeps off the list is not sold short."
        )
        if portfolio.short_tick_rule:
            text += " In Hong Kong nothing is sold short below the previous close."
    text += f" Cash earns the bundle's {portfolio.currency} rate"
    text += f" less {_percent(portfolio.rate_spread)}." if portfolio.rate_spread else "."
    text += _money_rules(portfolio)
    if config.account.channels:
        text += f" Deals in Hong Kong through Stock Connect ({', '.join(config.account.channels)})."
    if config.account.calendar == "southbound":
        text += " Orders wait for the next southbound trading day."
    taxes = portfolio.withholding
    if config.account.dividend_tax != "portfolio":
        kept = f"what a holder {config.account.dividend_tax} pays by share class"
    elif isinstance(taxes, dict):
        kept = ", ".join(f"{place} {_percent(tax)}" for place, tax in sorted(taxes.items()))
    else:
        kept = _percent(taxes) if taxes else ""
    text += f" Tax on dividends: {kept or 'none'}."
    paid = _percent(portfolio.delisting_recovery)
    return (
        text + f" A delisted holding pays the data's value for it, else {paid} of its last close."
    )


def _money_rules(portfolio: Portfolio) -> str:
    """What is said of cash in other currencies and of settlement, where it is not the usual."""
    text = ""
    if portfolio.fx == "keep":
        text += " Foreign cash stays in its currency until a buy takes it, and earns its rate."
    if portfolio.fx_hedge:
        text += (
            f" {_percent(portfolio.fx_hedge)} of what is held in other currencies is sold forward"
        )
        text += (
            f", at {_percent(portfolio.fx_hedge_cost)} a year" if portfolio.fx_hedge_cost else ""
        )
        text += "."
    if not portfolio.spend_unsettled:
        text += " Buys are paid with settled cash only, and only that earns interest."
    return text


def _exits(exits: Exits) -> str:
    rules = []
    if exits.stop_loss is not None:
        rules.append(f"a fall of {_percent(exits.stop_loss)} from the average fill")
    if exits.take_profit is not None:
        rules.append(f"a rise of {_percent(exits.take_profit)} over it")
    if exits.trailing_stop is not None:
        rules.append(f"a fall of {_percent(exits.trailing_stop)} from the highest high since entry")
    if exits.max_sessions is not None:
        rules.append(f"{exits.max_sessions} sessions after entry")
    if not rules:
        return "None: only the strategy, the universe or a delisting closes a position."
    return (
        f"A position is closed by {', or '.join(rules)}. It is not bought again until the "
        "strategy has given it a weight of exactly 0."
    )


def _benchmark(config: RunConfig) -> str:
    free = config.tearsheet.risk_free
    rate = "the bundle's rates" if isinstance(free, str) else f"{_percent(free)} a year"
    if config.benchmark is None:
        return f"None. Risk-free rate: {rate}."
    name = f"{config.benchmark}, in {config.portfolio.currency}"
    return f"{name}. Risk-free rate: {rate}."


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.6g} %"


def _money(money: Money, currency: str) -> str:
    return f"{money.amount:,.15g} {money.currency or currency}"

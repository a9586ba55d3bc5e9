"""A configuration in sentences."""

from __future__ import annotations

from pathlib import Path

from backtest.assumptions import DataFacts, brokerage_of, data_facts, optimistic_assumptions
from backtest.config import RunConfig
from backtest.config.document import shown
from backtest.execution import Execution, Exits
from backtest.market.settings import MarketChoice
from backtest.strategy import load_strategy
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
        "the simulated market"
        if data.bundle == "sample"
        else f"the bundle {shown(Path(data.bundle))}"
    )
    first = f"from {data.start}" if data.start else "from its first session"
    last = f"to {data.end}" if data.end else "to its last"
    text = f"Decisions and NAV on {name}, {first} {last}; what lies before is history only."
    if data.as_of:
        text += f" Nothing that became known after {data.as_of} is seen."
    for check, action in sorted(data.checks.items()):
        text += f" The check {check} is set to {action}."
    return text


def _universe(config: RunConfig) -> str:
    universe = config.universe
    rules = [
        f"{field} {', '.join(getattr(universe, field))}"
        for field in ("exchange", "kind", "sector", "symbols")
        if getattr(universe, field)
    ]
    if universe.exclude:
        rules.append(f"not {', '.join(universe.exclude)}")
    if universe.min_history:
        rules.append(f"at least {universe.min_history} bars known")
    if universe.min_turnover is not None:
        least = _money(universe.min_turnover, config.portfolio.currency)
        rules.append(f"a median turnover of at least {least}")
    if universe.listed_at_least is not None:
        rules.append(f"listed for at least {universe.listed_at_least} sessions")
    if universe.listed_at_most is not None:
        rules.append(f"listed for at most {universe.listed_at_most} sessions")
    if not rules:
        return "Everything listed in the bundle may be held, indices apart."
    return f"May be held, as known at each decision: {'; '.join(rules)}. Indices never."


def _strategy(config: RunConfig) -> str:
    params = ", ".join(f"{name} = {value}" for name, value in load_strategy(config.strategy))
    return f"{config.strategy.name} with {params}." if params else f"{config.strategy.name}."


def _decisions(config: RunConfig) -> str:
    clock = config.clock
    when = f"30 minutes before each open of {clock.base}, knowing every event already past"
    if clock.decide == "after_close":
        when = f"at each close of {clock.base}, knowing that close"
    every = clock.rebalance
    which = f"one in {every}" if isinstance(every, int) else f"the first of each {every}"
    if every in ("session", 1):
        which = "every one of them"
    return f"Made {when}; {which} may send orders."


def _orders(config: RunConfig) -> str:
    execution, portfolio = config.execution, config.portfolio
    on = "NAV and prices of the fill" if execution.sizing == "fill" else "NAV and last known prices"
    text = f"Sized on {on}, in whole lots"
    text += ", whole shares even on adjusted prices." if execution.whole_shares else "."
    if portfolio.band:
        text += f" Orders below {_percent(portfolio.band)} of NAV are skipped, exits apart."
    gross = f" Absolute weights may sum to {portfolio.max_gross:g}"
    return text + gross + (", short ones included." if portfolio.short else "; none is short.")


def _fills(execution: Execution) -> str:
    left = "waits for the next" if execution.unfilled == "carry" else "lapses"
    text = (
        f"At the next {execution.fill} of the instrument's own exchange; what cannot fill {left}."
    )
    if execution.sizing == "decision":
        text += f" At most {_percent(execution.max_participation)} of a bar's volume is taken."
    if execution.ipo_entry == "offer":
        return text + " New listings are bought at the offer, by expected allotment."
    return text + " New listings are bought at their first trade."


def _costs(config: RunConfig) -> str:
    slippage = config.execution.slippage
    parts = [f"{slippage.bps:g} bps"] if slippage.bps else []
    parts += (
        [f"{slippage.ticks:g} tick{'' if slippage.ticks == 1 else 's'}"] if slippage.ticks else []
    )
    parts += [f"square-root impact x {slippage.impact:g}"] if slippage.impact else []
    text = f"Market rules: {_market(config)}. Slippage: {' + '.join(parts) or 'none'}."
    return text + f" Conversion: {config.execution.fx_cost_bps:g} bps."


def _market(config: RunConfig) -> str:
    if isinstance(config.market, dict):
        return ", ".join(f"{name}: {_choice(item)}" for name, item in sorted(config.market.items()))
    return _choice(config.market)


def _choice(choice: str | MarketChoice) -> str:
    use = choice.use if isinstance(choice, MarketChoice) else choice
    text = "each exchange's own" if use == "auto" else Path(use).name
    brokerage = brokerage_of(choice)
    if brokerage is None:
        return text
    terms = [f"{_percent(brokerage.rate)} of value"] if brokerage.rate else []
    for field, unit in (("per_share", "a share"), ("fixed", "a fill"), ("min", "at least")):
        amount = getattr(brokerage, field)
        terms += [f"{amount:g} {unit}"] if amount else []
    terms += [f"{brokerage.max:g} at most"] if brokerage.max is not None else []
    return f"{text} with brokerage of {', '.join(terms) or 'nothing'}"


def _account(config: RunConfig) -> str:
    portfolio = config.portfolio
    text = f"{_money(portfolio.cash, portfolio.currency)} in cash; cash never goes below zero."
    if portfolio.short:
        text = (
            f"{_money(portfolio.cash, portfolio.currency)}; shorts keep their proceeds and "
            f"{_percent(portfolio.margin)} of their value in cash, and cost "
            f"{_percent(portfolio.borrow)} a year."
        )
    if portfolio.rate_spread:
        text += f" Interest at the rate less {_percent(portfolio.rate_spread)}."
    taxes = portfolio.withholding
    if isinstance(taxes, dict):
        kept = ", ".join(f"{place} {_percent(tax)}" for place, tax in sorted(taxes.items()))
    else:
        kept = _percent(taxes)
    text += f" Tax on dividends: {kept or 'none'}."
    return text + f" Delisting pays {_percent(portfolio.delisting_recovery)} of the last close."


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
        return "None: only the strategy and the universe close a position."
    return f"Positions are closed by {', or '.join(rules)}; then blocked until a weight of 0."


def _benchmark(config: RunConfig) -> str:
    free = config.tearsheet.risk_free
    rate = "the bundle's rates" if isinstance(free, str) else f"{_percent(free)} a year"
    return f"{config.benchmark or 'None'}; risk-free {rate}."


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.6g} %"


def _money(money: Money, currency: str) -> str:
    return f"{money.amount:,.15g} {money.currency or currency}"

"""The numbers of a tearsheet's first screen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from backtest.report import formats
from backtest.report.catalogue import look_up

_SHORT = 12  # letters of a benchmark's name that leave room for its number


class Headline(NamedTuple):
    """A large number: its label, its value, up to three lines that put it in proportion."""

    label: str
    value: str
    beside: tuple[str, ...]
    is_loss: bool = False


def headlines(metrics: Mapping[str, object], *, currency: str, benchmark: str) -> list[Headline]:
    """Eight numbers, each with its interval and the benchmark's own where there are such."""
    name = benchmark if len(benchmark) <= _SHORT else "benchmark"
    from_few = annualised_words(metrics)

    def made(
        path: tuple[str, str], label: str, show: Callable[[object], str], *more: str
    ) -> Headline:
        value, market = look_up(metrics, path), look_up(metrics, ("benchmark", path[1]))
        is_theirs = path[0] == "benchmark"
        beside = (
            interval(metrics, path[1], show),
            f"{name} {show(market)}" if name and market is not None and not is_theirs else "",
            *more,
        )
        # A drawdown is always below zero: colour would say nothing.
        is_loss = path[1] != "max_drawdown" and formats.as_float(value) < 0.0
        return Headline(label, show(value), tuple(line for line in beside if line), is_loss)

    return [
        made(("return", "cagr"), "CAGR", formats.percent, _years(metrics)),
        made(
            ("return", "total_return"), "Total return", formats.percent, _profit(metrics, currency)
        ),
        made(("risk", "sharpe"), "Sharpe", formats.number, _error(metrics), from_few),
        made(("drawdowns", "max_drawdown"), "Max drawdown", formats.percent, _recovery(metrics)),
        made(("risk", "volatility"), "Volatility", formats.percent, from_few),
        made(("risk", "sortino"), "Sortino", formats.number, from_few),
        made(("drawdowns", "calmar"), "Calmar", formats.number, _growth(metrics)),
        made(("benchmark", "alpha"), "Alpha a year", formats.percent, _beta(metrics), from_few)
        if look_up(metrics, ("benchmark", "alpha")) is not None
        else _time_under_water(metrics),
    ]  # fmt: skip


def dealings(metrics: Mapping[str, object]) -> list[Headline]:
    """Say what was held, dealt and paid for it."""

    def at(*path: str) -> object:
        return look_up(metrics, path)

    from_few = f"({annualised})" if (annualised := annualised_words(metrics)) else ""
    names = formats.number(at("trading", "average_names"), 1)
    held, paid = at("trades", "average_sessions"), at("costs", "total", "bps_of_traded_value")
    wins = at("trades", "win_rate")
    closed = formats.show(at("trades", "closed_trades"), "count")
    return [
        Headline(
            "Gross exposure",
            formats.percent(at("trading", "gross_exposure"), 1),
            (f"{names} names on average",),
        ),
        Headline(
            "Turnover a year",
            formats.percent(at("trading", "turnover_per_year"), 0),
            (" ".join(("one-way, of NAV", from_few)).strip(),),
        ),
        Headline(
            "Closed trades",
            closed,
            ()
            if wins is None
            else (
                f"{formats.percent(wins, 1)} won",
                f"held {formats.number(held, 1)} sessions on average",
            ),
        ),
        Headline(
            "Costs a year",
            formats.bps(at("costs", "total", "bps_of_nav_per_year")),
            (
                " ".join(("of NAV, financing apart", from_few)).strip(),
                f"{formats.bps(paid)} of traded value"
                if paid is not None
                else "nothing was traded",
            ),
        ),
    ]


def interval(metrics: Mapping[str, object], name: str, show: Callable[[object], str]) -> str:
    """``90 %: 1.20 % to 3.40 %``; empty where there is none."""
    bounds = look_up(metrics, ("inference", "intervals", "measures", name))
    if not isinstance(bounds, list) or None in bounds:
        return ""
    level = formats.percent(look_up(metrics, ("inference", "intervals", "level")), 0)
    low, high = (show(end) for end in bounds)
    return f"{level}: {low.removesuffix(' %') if high.endswith(' %') else low} to {high}"


def _years(metrics: Mapping[str, object]) -> str:
    years = look_up(metrics, ("conventions", "years"))
    if years is None:
        return ""
    return _growth(metrics) or f"over {formats.number(years, 1)} years"


def annualised_words(metrics: Mapping[str, object]) -> str:
    """What a year's figure was made from, where that is less than a year; else empty."""
    if look_up(metrics, ("conventions", "short")) is None:
        return ""
    count = look_up(metrics, ("conventions", "sessions"))
    return f"annualised from {formats.counted(int(formats.as_float(count)), 'session')}"


def _growth(metrics: Mapping[str, object]) -> str:
    """Why there is no yearly growth; empty where there is."""
    if look_up(metrics, ("conventions", "short")) is None:
        return ""
    return "less than a year: not annualised"


def _profit(metrics: Mapping[str, object], currency: str) -> str:
    profit = formats.number(look_up(metrics, ("return", "profit_amount")), 0)
    return f"profit {profit} {currency}".rstrip()


def _error(metrics: Mapping[str, object]) -> str:
    if look_up(metrics, ("conventions", "idle")) is not None:
        return "nothing was held: there is no risk"
    error = look_up(metrics, ("inference", "sharpe_error_hac"))
    return f"standard error {formats.number(error)}" if error is not None else ""


def _beta(metrics: Mapping[str, object]) -> str:
    beta = formats.number(look_up(metrics, ("benchmark", "beta")))
    around = interval(metrics, "beta", formats.number)
    return f"beta {beta}" + (f", {around}" if around else "")


def _time_under_water(metrics: Mapping[str, object]) -> Headline:
    share = look_up(metrics, ("drawdowns", "time_under_water"))
    longest = formats.show(look_up(metrics, ("drawdowns", "longest_days")), "count")
    return Headline(
        "Time under water", formats.percent(share, 1), ("of sessions", f"longest {longest} days")
    )


def _recovery(metrics: Mapping[str, object]) -> str:
    worst = look_up(metrics, ("drawdowns", "deepest"))
    if not isinstance(worst, Mapping):
        return ""
    recovery = worst.get("recovery")
    end = f"recovered {formats.day(recovery)}" if recovery else "not recovered"
    return f"trough {formats.day(worst.get('trough'))}, {end}"

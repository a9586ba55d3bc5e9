"""The eight numbers of a tearsheet's first screen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from backtest.report import formats
from backtest.report.catalogue import look_up

_SHORT = 12  # letters of a benchmark's name that leave room for its number


class Headline(NamedTuple):
    """A large number: its label, its value, up to two lines that put it in proportion."""

    label: str
    value: str
    beside: tuple[str, ...]
    is_loss: bool = False


def headlines(metrics: Mapping[str, object], *, currency: str, benchmark: str) -> list[Headline]:
    """Eight numbers, the benchmark's own beside where it has one."""
    return [*_gains(metrics, currency, benchmark), *_means(metrics)]


def _gains(metrics: Mapping[str, object], currency: str, benchmark: str) -> list[Headline]:
    """Say what was earned, and at what risk."""
    name = benchmark if len(benchmark) <= _SHORT else "benchmark"
    error = look_up(metrics, ("inference", "sharpe_error_hac"))
    beta = look_up(metrics, ("benchmark", "beta"))
    profit = formats.number(look_up(metrics, ("return", "profit_amount")), 0)
    found = []
    for label, path, second in (
        ("CAGR", ("return", "cagr"), _years(metrics)),
        ("Total return", ("return", "total_return"), f"profit {profit} {currency}".rstrip()),
        (
            "Sharpe",
            ("risk", "sharpe"),
            f"standard error {formats.number(error)}" if error is not None else "",
        ),
        ("Max drawdown", ("drawdowns", "max_drawdown"), _recovery(metrics)),
        (
            "Volatility",
            ("risk", "volatility"),
            f"beta {formats.number(beta)}" if beta is not None else "",
        ),
    ):
        show = formats.number if label == "Sharpe" else formats.percent
        value, market = look_up(metrics, path), look_up(metrics, ("benchmark", path[-1]))
        first = f"{name} {show(market)}" if name and market is not None else ""
        # A drawdown is always below zero: colour would say nothing.
        is_loss = label != "Max drawdown" and formats.as_float(value) < 0.0
        beside = tuple(line for line in (first, second) if line)
        found.append(Headline(label, show(value), beside, is_loss))
    return found


def _means(metrics: Mapping[str, object]) -> list[Headline]:
    """Say what was held, dealt and paid for it."""

    def at(*path: str) -> object:
        return look_up(metrics, path)

    paid, held = at("costs", "total", "bps_of_traded_value"), at("trades", "average_sessions")
    names = formats.number(at("trading", "average_names"), 1)
    return [
        Headline(
            "Gross exposure",
            formats.percent(at("trading", "gross_exposure"), 1),
            (f"{names} names on average",),
        ),
        Headline(
            "Turnover a year",
            formats.percent(at("trading", "turnover_per_year"), 0),
            ("one-way, of NAV",)
            if held is None
            else (f"held {formats.number(held, 1)} sessions on average", "one-way, of NAV"),
        ),
        Headline(
            "Costs a year",
            formats.bps(at("costs", "total", "bps_of_nav_per_year")),
            (
                f"{formats.bps(paid)} of traded value"
                if paid is not None
                else "nothing was traded",
                "of NAV, financing apart",
            ),
        ),
    ]


def _years(metrics: Mapping[str, object]) -> str:
    years = look_up(metrics, ("conventions", "years"))
    if years is None:
        return ""
    if formats.as_float(years) < 1.0:
        return "extrapolated: less than a year"
    return f"over {formats.number(years, 1)} years"


def _recovery(metrics: Mapping[str, object]) -> str:
    worst = look_up(metrics, ("drawdowns", "deepest"))
    if not isinstance(worst, Mapping):
        return ""
    recovery = worst.get("recovery")
    end = f"recovered {formats.day(recovery)}" if recovery else "not recovered"
    return f"trough {formats.day(worst.get('trough'))}, {end}"

"""The measures that pages show: where each is in ``metrics.json``, its label, its form."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from backtest.report import formats

Path = tuple[str, ...]


class Measure(NamedTuple):
    """One measure; ``beside`` is where the benchmark's own is, empty where it has none.

    ``when`` reads what belongs behind the label, such as a date, from the same value.
    """

    path: Path
    label: str
    show: Callable[[object], str]
    beside: Path = ()
    when: Callable[[object], str] | None = None


class Group(NamedTuple):
    """Measures under one heading."""

    title: str
    measures: tuple[Measure, ...]


def look_up(metrics: Mapping[str, object], path: Path) -> object:
    """Value at ``path``; None where there is none."""
    value: object = metrics
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def leaves(metrics: Mapping[str, object], at: Path = ()) -> Iterator[Path]:
    """Paths of all values that are no mapping."""
    for key, value in metrics.items():
        if isinstance(value, Mapping):
            yield from leaves(value, (*at, key))
        else:
            yield (*at, key)


def _percent(value: object) -> str:
    return formats.percent(value)


def _short(value: object) -> str:
    return formats.percent(value, 1)


def _number(value: object) -> str:
    return formats.number(value)


def _fine(value: object) -> str:
    return formats.number(value, 4)


def _count(value: object) -> str:
    return formats.show(value, "count")


def _mean(value: object) -> str:
    return formats.number(value, 1)


def _amount(value: object) -> str:
    return formats.number(value, 0)


def _years(value: object) -> str:
    return f"{formats.number(value, 1)} years" if value is not None else formats.UNKNOWN


def _return(value: object) -> str:
    """Return of a period or trade."""
    return formats.percent(value.get("return") if isinstance(value, Mapping) else None)


def _rate(value: object) -> str:
    """Show a rate, or the word for rates that vary."""
    return value if isinstance(value, str) else formats.percent(value)


def _date(length: int) -> Callable[[object], str]:
    """Date of a period, of which ``length`` signs are shown: a year 4, a month 7, a day 10."""

    def show(value: object) -> str:
        return formats.day(value.get("date"))[:length] if isinstance(value, Mapping) else ""

    return show


def _symbol(value: object) -> str:
    return str(value.get("symbol", "")) if isinstance(value, Mapping) else ""


def _of(section: str, *measures: tuple[str, str, Callable[[object], str]]) -> tuple[Measure, ...]:
    """Measures of one section; a dot in a key goes one deeper."""
    return tuple(Measure((section, *key.split(".")), label, show) for key, label, show in measures)


def _both(section: str, key: str, label: str, show: Callable[[object], str]) -> Measure:
    return Measure((section, key), label, show, ("benchmark", key))


GROUPS = (
    Group(
        "Return",
        (
            _both("return", "total_return", "Total return", _percent),
            _both("return", "cagr", "CAGR", _percent),
            *_of(
                "return",
                ("mean_per_year", "Mean per year, not compounded", _percent),
                ("profit_amount", "Profit", _amount),
                ("trailing.1m", "Last month", _percent),
                ("trailing.3m", "Last 3 months", _percent),
                ("trailing.6m", "Last 6 months", _percent),
                ("trailing.1y", "Last year", _percent),
                ("trailing.3y", "Last 3 years, a year", _percent),
                ("trailing.5y", "Last 5 years, a year", _percent),
                ("trailing.10y", "Last 10 years, a year", _percent),
            ),
        ),
    ),
    Group(
        "Best and worst",
        (
            *(
                Measure(("return", key), label, _return, when=_date(length))
                for key, label, length in (
                    ("best_session", "Best session", 10),
                    ("worst_session", "Worst session", 10),
                    ("best_month", "Best month", 7),
                    ("worst_month", "Worst month", 7),
                    ("best_year", "Best year", 4),
                    ("worst_year", "Worst year", 4),
                )
            ),
            *_of(
                "return",
                ("hit_rate_session", "Sessions ahead of cash, of those invested", _short),
                ("hit_rate_week", "Weeks ahead of cash, of those invested", _short),
                ("hit_rate_month", "Months ahead of cash, of those invested", _short),
                ("longest_gain_sessions", "Invested sessions ahead of cash in a row, most", _count),
                ("longest_loss_sessions", "Invested sessions behind cash in a row, most", _count),
            ),
        ),
    ),
    Group(
        "Risk",
        (
            _both("risk", "volatility", "Volatility", _percent),
            *_of("risk", ("downside_deviation", "Downside deviation", _percent)),
            _both("risk", "sharpe", "Sharpe", _number),
            *_of(
                "risk",
                ("sortino", "Sortino", _number),
                ("var_95", "VaR 95 %, session", _percent),
                ("es_95", "Expected shortfall 95 %", _percent),
                ("skew", "Skewness", _number),
                ("kurtosis", "Kurtosis, normal is 3", _number),
                ("tail_ratio", "Tail ratio", _number),
            ),
        ),
    ),
    Group(
        "Drawdown",
        (
            _both("drawdowns", "max_drawdown", "Max drawdown", _percent),
            *_of(
                "drawdowns",
                ("calmar", "Calmar", _number),
                ("recovery_factor", "Recovery factor", _number),
                ("ulcer_index", "Ulcer index", _percent),
                ("average_depth", "Average depth", _percent),
                ("latest_drawdown", "At the end", _percent),
                ("time_under_water", "Time under water", _short),
                ("longest_days", "Longest, days", _count),
                ("episode_count", "Episodes", _count),
            ),
        ),
    ),
    Group(
        "Is it luck?",
        _of(
            "inference",
            ("sharpe_per_session", "Sharpe, per session", _fine),
            ("sharpe_annual", "Sharpe, a year", _number),
            ("sharpe_autocorrelation_adjusted", "Sharpe, autocorrelation counted", _number),
            ("sharpe_error_iid", "Sharpe's error, independent", _number),
            ("sharpe_error_mertens", "Sharpe's error, skewed", _number),
            ("sharpe_error_hac", "Sharpe's error, autocorrelated", _number),
            ("hac_lags", "Autocorrelations counted", _count),
            ("probabilistic_sharpe", "Probability that it is above 0", _short),
            ("confidence", "Confidence of the record needed", _short),
            ("min_track_record_years", "Record needed", _years),
            ("min_track_record_sessions", "Record needed, sessions", _amount),
            ("observations", "Record there is, sessions", _count),
            ("trials", "Trials known", _count),
            ("deflated_sharpe", "Probability beyond the luck of the best", _short),
        ),
    ),
    Group(
        "Rolling year",
        _of(
            "risk",
            ("rolling_year.window_sessions", "Window, sessions", _count),
            ("rolling_year.best_return", "Best", _percent),
            ("rolling_year.worst_return", "Worst", _percent),
            ("rolling_year.share_positive", "Windows ahead of cash, of those invested", _short),
            ("rolling_year.latest_return", "Return, latest", _percent),
            ("rolling_year.latest_volatility", "Volatility, latest", _percent),
            ("rolling_year.latest_sharpe", "Sharpe, latest", _number),
            ("rolling_year.latest_beta", "Beta, latest", _number),
        ),
    ),
    Group(
        "Against the benchmark",
        _of(
            "benchmark",
            ("excess_total_return", "Excess total return", _percent),
            ("excess_cagr", "Excess CAGR", _percent),
            ("alpha", "Alpha, a year", _percent),
            ("beta", "Beta", _number),
            ("correlation", "Correlation", _number),
            ("tracking_error", "Tracking error", _percent),
            ("information_ratio", "Information ratio", _number),
            ("up_capture_session", "Up capture, sessions", _number),
            ("down_capture_session", "Down capture, sessions", _number),
            ("up_capture_month", "Up capture, months", _number),
            ("down_capture_month", "Down capture, months", _number),
            ("share_of_months_ahead", "Months ahead", _short),
            ("paired_sessions", "Sessions compared", _count),
            ("dropped_sessions", "Sessions without it", _count),
        ),
    ),
    Group(
        "Holding and dealing",
        _of(
            "trading",
            ("gross_exposure", "Gross exposure", _short),
            ("net_exposure", "Net exposure", _short),
            ("largest_gross_exposure", "Gross exposure, largest", _short),
            ("time_in_market", "Time in the market", _short),
            ("average_names", "Names held", _mean),
            ("largest_names", "Names held, most", _count),
            ("effective_names", "Names, effective", _mean),
            ("average_largest_weight", "Largest weight, average", _short),
            ("largest_weight", "Largest weight ever", _short),
            ("turnover_per_year", "Turnover a year, one-way", _short),
            ("traded_amount", "Value traded", _amount),
            ("fills", "Fills", _count),
            ("orders", "Orders", _count),
            ("average_stale_share", "NAV at stale prices, average", _percent),
            ("largest_stale_share", "NAV at stale prices, most", _percent),
        ),
    ),
    Group(
        "Trades",
        (
            *_of(
                "trades",
                ("closed_trades", "Closed", _count),
                ("open_trades", "Still open", _count),
                ("closed_pnl", "Profit, closed", _amount),
                ("open_pnl", "Profit, open", _amount),
                ("win_rate", "Won", _short),
                ("payoff_ratio", "Payoff ratio", _number),
                ("profit_factor", "Profit factor", _number),
                ("expectancy_pnl", "Average profit", _amount),
                ("expectancy_return", "Average return", _percent),
                ("average_win_pnl", "Average win", _amount),
                ("average_loss_pnl", "Average loss", _amount),
                ("average_sessions", "Sessions held, average", _mean),
                ("median_sessions", "Sessions held, median", _mean),
                ("average_mae", "Worst point, average", _percent),
                ("average_mfe", "Best point, average", _percent),
                ("longest_winning_count", "Most wins in a row", _count),
                ("longest_losing_count", "Most losses in a row", _count),
                ("five_best_share_of_wins", "Five best, of all wins", _short),
            ),
            Measure(("trades", "best_trade"), "Best", _return, when=_symbol),
            Measure(("trades", "worst_trade"), "Worst", _return, when=_symbol),
        ),
    ),
    Group(
        "Costs",
        _of(
            "costs",
            ("total.amount", "All costs, financing apart", _amount),
            ("total.bps_of_traded_value", "bps of traded value", _number),
            ("total.bps_of_nav_per_year", "bps of NAV a year", _mean),
        ),
    ),
)

CONVENTIONS: tuple[tuple[str, str, Callable[[object], str]], ...] = (
    ("sessions_per_year", "Sessions per year", _count),
    ("base", "Calendar", str),
    ("currency", "Currency", str),
    ("initial_cash", "Initial cash", _amount),
    ("start", "Start", str),
    ("compounding", "Returns", str),
    ("annualised", "Annualised", str),
    ("short", "Less than a year", str),
    ("idle", "No exposure", str),
    ("ahead", "Ahead of cash", str),
    ("years", "Elapsed years", _number),
    ("elapsed", "Elapsed time", str),
    ("risk_free", "Risk-free rate", _rate),
    ("risk_free_mean_per_year", "Risk-free, mean a year", _percent),
    ("costs", "Costs", str),
    ("tail", "VaR and shortfall", str),
    ("moments", "Skewness, kurtosis", str),
)  # fmt: skip

ELSEWHERE = frozenset(
    {"headline", "periods", "conventions", "episodes", "deepest", "orders_by_status", "by_reason",
     "costs", "benchmark", "excess_kurtosis", "intervals",
     "attribution", "crises", "extremes", "dealing", "events"}
)  # fmt: skip
"""Keys whose values stand elsewhere on the page, or twice in the metrics."""

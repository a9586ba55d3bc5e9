"""Result to one self-contained HTML page.

The page shows what the result holds: measures from ``result.metrics``, series from its frames. It
makes no request, holds no time of its making, and the same result gives the same bytes.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from backtest.report import describe, figures, provenance, series, tables
from backtest.report import tables_dealing as dealing
from backtest.report import tables_events as after
from backtest.report import tables_origin as origin
from backtest.report.application_section import application_table
from backtest.report.currency_section import currency_table
from backtest.report.headlines import dealings, headlines
from backtest.report.page import Chart, embed, embed_charts, render, write_text
from backtest.report.series import Series, rows_of, section
from backtest.report.sleeve_section import sleeve_table, sleeve_words
from backtest.report.trade_records import MOST_TRADES, trade_records

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backtest.result import Result

_FEWEST_MONTHS = 12  # below, the distribution is of sessions
_SHORTEST_CHART = 2


def write_tearsheet(result: Result, path: str | Path) -> Path:
    """Write the tearsheet of ``result`` to ``path`` in one step; returns the path."""
    return write_text(Path(path), tearsheet_html(result))


def tearsheet_html(result: Result) -> str:
    """Tearsheet of ``result``: one HTML page that works offline, below 7 MB."""
    daily = series.series_of(result)
    charts = charts_of(result, daily)
    return render(
        "tearsheet.html",
        theme=str(section(result.config, "tearsheet").get("theme") or "auto"),
        charts=charts,
        chart_data=embed_charts(list(charts.values())),
        trade_data=embed(trade_records(result, describe.currency_of(result))),
        **_head(result),
        **_returns(result),
        **_origin(result),
        **_holdings(result),
        **_events(result),
        **_provenance(result),
    )


def charts_of(result: Result, daily: Series) -> dict[str, Chart]:
    """Page's charts by name; one without anything to show is left out."""
    currency, metrics = describe.currency_of(result), result.metrics
    benchmark = describe.benchmark_of(result) or "Benchmark"
    years = rows_of(section(metrics, "periods").get("years"))
    found: list[Chart | None] = [
        figures.nav_chart(daily, currency=currency, benchmark=benchmark),
        figures.yearly_chart(years, benchmark=benchmark),
        _distribution(result, daily, benchmark),
        None if result.positions.empty else figures.exposure_chart(result, daily),
        figures.positions_chart(result, daily, top=_top(result)),
        figures.sharpe_chart(
            section(metrics, "inference"),
            section(metrics, "inference", "intervals", "measures").get("sharpe"),
        ),
    ]
    window = round(daily.account.sessions_per_year)
    if len(daily.dates) >= window and has_moved(daily):
        found.append(figures.rolling_chart(daily, window=window))
    spillover = section(metrics, "attribution", "spillover")
    if spillover.get("beta") is not None:
        nights = rows_of(spillover.get("nights"))
        source = str(spillover.get("source"))
        found.append(figures.nights_chart(nights, source=source, benchmark=benchmark))
    if series.costs(metrics):
        found.append(figures.costs_chart(tables.waterfall(metrics), currency=currency))
    events = section(metrics, "events")
    if events and result.context.get("events") is not None:
        word = event_word(result)
        path = rows_of(events.get("path"))
        found.append(figures.path_chart(path, word=word, benchmark=benchmark))
        columns = event_returns(events)
        found.append(figures.spread_chart(result.context["events"], columns, word=word))
    return {chart.name: chart for chart in found if chart is not None}


def has_moved(daily: Series) -> bool:
    """Whether the account ever gained or lost anything."""
    return bool((daily.account.returns != 0.0).any())


def event_word(result: Result) -> str:
    """What one event is called."""
    return str(section(result.manifest, "event").get("name") or "event")


def event_returns(events: Mapping[str, object]) -> list[tuple[str, str]]:
    """The first session's return and the one at the main horizon: column and label of each."""
    horizon = events.get("horizon")
    is_listing = section(events, "all").get("offer_return") is not None
    first = (
        ("offer_return", "First close over offer")
        if is_listing
        else ("return_0", "The entry session")
    )
    return [first, (f"return_{horizon}", f"{horizon} session{'s' * (horizon != 1)} after entry")]


def _distribution(result: Result, daily: Series, benchmark: str) -> Chart | None:
    months = rows_of(section(result.metrics, "periods").get("months"))
    whole = [row for row in months if not row.get("partial")]
    if len(whole) >= _FEWEST_MONTHS and has_moved(daily):
        return figures.months_chart(whole, benchmark=benchmark)
    if len(daily.dates) < _SHORTEST_CHART or not has_moved(daily):
        return None
    account = daily.account
    pairs = zip(account.returns.tolist(), account.benchmark_returns.tolist(), strict=True)
    rows = [{"return": mine, "benchmark": theirs} for mine, theirs in pairs]
    return figures.months_chart(rows, benchmark=benchmark, unit="session")


def _head(result: Result) -> dict[str, object]:
    currency, benchmark = describe.currency_of(result), describe.benchmark_of(result)
    here, elsewhere = describe.rule_doubts(result)
    return {
        "title": describe.title_of(result),
        "description": str(result.config.get("description") or ""),
        "currency": currency,
        "benchmark": benchmark,
        "facts": describe.facts(result),
        "badges": describe.badges(result),
        "headlines": headlines(result.metrics, currency=currency, benchmark=benchmark),
        "dealings": dealings(result.metrics),
        "intervals": tables.interval_words(result.metrics),
        "checks": describe.checks(result),
        "optimistic": describe.sentences(result, "optimistic"),
        "warnings": describe.warnings(result),
        "doubts_here": here,
        "doubts_elsewhere": elsewhere,
    }


def _returns(result: Result) -> dict[str, object]:
    metrics, benchmark = result.metrics, describe.benchmark_of(result)
    return {
        "years": tables.month_table(metrics),
        "episodes": tables.episode_table(metrics),
        "extremes": origin.extreme_tables(metrics, benchmark),
        "crises": origin.crisis_table(metrics, benchmark),
        "crisis_sources": origin.crisis_sources(metrics),
        "is_simulated": bool(section(result.manifest, "bundle").get("simulated")),
        "measures": tables.measure_tables(metrics),
        "luck": tables.luck_table(metrics),
        "luck_conventions": tables.luck_conventions(metrics),
    }


def _origin(result: Result) -> dict[str, object]:
    metrics, currency = result.metrics, describe.currency_of(result)
    benchmark = describe.benchmark_of(result)
    return {
        "profit": origin.profit_table(metrics, currency),
        "sleeves": sleeve_table(metrics, currency),
        "sleeve_words": sleeve_words(metrics),
        "currencies": currency_table(metrics, currency),
        "groups": origin.group_tables(metrics, currency),
        "same_for_all": origin.same_for_all(metrics),
        "contributors": origin.contributor_tables(metrics, currency),
        "split": origin.split_table(metrics, benchmark),
        "spillover": origin.spillover_table(metrics, benchmark),
        "brinson": origin.brinson_table(metrics),
        "brinson_words": origin.brinson_words(metrics),
        "brinson_field": f"weight_in_{benchmark}",
    }


def _holdings(result: Result) -> dict[str, object]:
    metrics, currency = result.metrics, describe.currency_of(result)
    return {
        "positions": tables.position_table(metrics),
        "holding": dealing.holding_table(metrics, currency),
        "costs": tables.cost_table(metrics, currency),
        "cost_years": dealing.cost_year_table(metrics, currency),
        "dealing": dealing.dealing_facts(metrics, currency),
        "orders": dealing.order_table(metrics, currency),
        "fates": dealing.fate_words(metrics),
        "reasons": tables.reason_table(metrics, currency),
        "trades_count": len(result.trades),
        "trades_shown": min(len(result.trades), MOST_TRADES),
    }


def _events(result: Result) -> dict[str, object]:
    events, word = section(result.metrics, "events"), event_word(result)
    benchmark = describe.benchmark_of(result)
    fractions = section(result.manifest, "event").get("fractions")
    named = [str(name) for name in fractions] if isinstance(fractions, list) else []
    return {
        "events": events,
        "event_word": word,
        "event_outcomes": after.outcome_table(events, word, benchmark),
        "event_horizons": after.horizon_table(events, word, benchmark),
        "applications": application_table(result.metrics, describe.currency_of(result)),
        "event_regimes": after.regime_table(events, benchmark),
        "event_years": after.cohort_table(events, benchmark),
        "event_groups": after.groupings(events, named, benchmark),
        "event_first_day": after.first_day_words(events),
    }


def _provenance(result: Result) -> dict[str, object]:
    return {
        "conventions": tables.convention_rows(result.metrics),
        "findings": provenance.findings_table(result),
        "provenance": provenance.provenance(result),
        "config": provenance.config_yaml(result.config),
        "command": provenance.command(result),
        "has_quantstats": bool(section(result.config, "tearsheet").get("quantstats")),
    }


def _top(result: Result) -> int:
    setting = section(result.config, "tearsheet").get("top")
    return setting if isinstance(setting, int) else 10

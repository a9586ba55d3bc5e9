"""Result to one self-contained HTML page.

The page shows what the result holds: measures from ``result.metrics``, series from its frames. It
makes no request, holds no time of its making, and the same result gives the same bytes.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from backtest.report import describe, figures, provenance, series, tables
from backtest.report.headlines import headlines
from backtest.report.page import Chart, embed, embed_charts, render, write_text
from backtest.report.series import Series, rows_of, section

if TYPE_CHECKING:
    from backtest.result import Result


def write_tearsheet(result: Result, path: str | Path) -> Path:
    """Write the tearsheet of ``result`` to ``path`` in one step; returns the path."""
    return write_text(Path(path), tearsheet_html(result))


def tearsheet_html(result: Result) -> str:
    """Tearsheet of ``result``: one HTML page that works offline, below 7 MB."""
    daily = series.series_of(result)
    metrics, settings = result.metrics, section(result.config, "tearsheet")
    currency, benchmark = describe.currency_of(result), describe.benchmark_of(result)
    setting = settings.get("top")
    top = setting if isinstance(setting, int) else 10
    charts = charts_of(result, daily)
    contributions = series.contributions(result)
    return render(
        "tearsheet.html",
        title=describe.title_of(result),
        description=str(result.config.get("description") or ""),
        theme=str(settings.get("theme") or "auto"),
        currency=currency,
        benchmark=benchmark,
        facts=describe.facts(result),
        badges=describe.badges(result),
        headlines=headlines(metrics, currency=currency, benchmark=benchmark),
        checks=describe.checks(result),
        optimistic=describe.sentences(result, "optimistic"),
        warnings=describe.sentences(result, "warnings"),
        rule_warnings=provenance.rule_warnings(result),
        charts=charts,
        years=tables.month_table(metrics),
        episodes=tables.episode_table(metrics),
        measures=tables.measure_tables(metrics),
        contributors=tables.contributor_tables(contributions, top),
        positions=tables.position_table(contributions, top),
        costs=tables.cost_table(metrics, currency),
        orders=tables.order_table(result, currency),
        reasons=tables.reason_table(metrics, currency),
        conventions=tables.convention_rows(metrics),
        findings=provenance.findings_table(result),
        provenance=provenance.provenance(result),
        config=provenance.config_yaml(result.config),
        command=provenance.command(result),
        has_quantstats=bool(settings.get("quantstats")),
        trades_count=len(result.trades),
        chart_data=embed_charts(list(charts.values())),
        trade_data=embed(tables.trade_records(result, currency)),
    )


def charts_of(result: Result, daily: Series) -> dict[str, Chart]:
    """Page's charts by name; one without anything to show is left out."""
    currency = describe.currency_of(result)
    benchmark = describe.benchmark_of(result) or "Benchmark"
    years = rows_of(section(result.metrics, "periods").get("years"))
    found = [
        figures.nav_chart(daily, currency=currency, benchmark=benchmark),
        figures.yearly_chart(years, benchmark=benchmark),
        figures.exposure_chart(result, daily),
    ]
    window = round(daily.account.sessions_per_year)
    if len(daily.dates) >= window:
        found.append(figures.rolling_chart(daily, window=window))
    if series.costs(result.metrics):
        steps = tables.waterfall(result.metrics)
        found.append(figures.costs_chart(steps, currency=currency))
    return {chart.name: chart for chart in found}

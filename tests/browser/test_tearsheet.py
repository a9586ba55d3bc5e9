"""A tearsheet's numbers are those of metrics.json; its trades are searched, sorted and opened."""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest

from backtest.report.catalogue import GROUPS, look_up
from tests.browser.conftest import ALL_SHEETS, SHEETS
from tests.browser.numbers import says

# What the first screen calls a number, and where metrics.json has it.
HEADLINES = {
    "CAGR": ("return", "cagr"),
    "Total return": ("return", "total_return"),
    "Sharpe": ("risk", "sharpe"),
    "Max drawdown": ("drawdowns", "max_drawdown"),
    "Volatility": ("risk", "volatility"),
    "Sortino": ("risk", "sortino"),
    "Calmar": ("drawdowns", "calmar"),
    "Alpha a year": ("benchmark", "alpha"),
    "Time under water": ("drawdowns", "time_under_water"),
    "Gross exposure": ("trading", "gross_exposure"),
    "Turnover a year": ("trading", "turnover_per_year"),
    "Closed trades": ("trades", "closed_trades"),
    "Costs a year": ("costs", "total", "bps_of_nav_per_year"),
}

SCREEN = """() => Object.fromEntries(
  [...document.querySelectorAll(".figures8 > div, .strip > div")].map((item) => [
    item.querySelector("dt").textContent,
    [item.querySelector(".value, b").textContent, item.querySelector("dd").innerText],
  ]))"""

MEASURES = """() => [...document.querySelectorAll("#measures table")].flatMap((table) =>
  [...table.tBodies[0].rows].map((row) =>
    [table.caption.textContent, ...[...row.cells].map((cell) => cell.textContent)]))"""

MONTHS = """() => [...document.querySelectorAll(".months tbody tr")].map((row) =>
  [...row.cells].map((cell) => cell.textContent))"""

# What is drawn of the strategy in a chart's first panel; long lists are kept once for all charts.
DRAWN = """(figure) => {
  const { y } = charts.figures[figure].data.find((item) =>
    (item.yaxis ?? "y") === "y" && (item.line?.color ?? "@strategy") === "@strategy");
  return "$" in y ? charts.lists[y.$] : y;
}"""


@pytest.fixture(scope="module", params=ALL_SHEETS)
def sheet(browser, path_of, request):
    """Each tearsheet in the browser, with the metrics beside it."""
    path = path_of(request.param)
    context = browser.new_context()
    page = context.new_page()
    page.goto(path.as_uri())
    yield page, json.loads(path.with_name("metrics.json").read_text("utf-8"))
    context.close()


def test_every_headline_number_equals_metrics_json(sheet):
    page, metrics = sheet
    screen = page.evaluate(SCREEN)
    assert len(screen) == 12
    for label, (text, _) in screen.items():
        value = look_up(metrics, HEADLINES[label])
        assert says(text, value), (label, text, value)


def test_every_interval_on_the_first_screen_equals_metrics_json(sheet):
    page, metrics = sheet
    intervals = look_up(metrics, ("inference", "intervals", "measures")) or {}
    screen = page.evaluate(SCREEN)
    for label, (_, around) in screen.items():
        key = HEADLINES[label][-1]
        if HEADLINES[label][0] not in ("return", "risk", "drawdowns", "benchmark"):
            continue
        found = re.search(
            r"^90\s%: (\S+) to (\S+)(\s%)?", around.replace("\u00a0", " "), re.MULTILINE
        )
        bounds = intervals.get(key)
        if not bounds or None in bounds:
            assert found is None, label
            continue
        unit = found[3] or ""
        assert says(found[1] + unit, bounds[0]), (label, around, bounds)
        assert says(found[2] + unit, bounds[1]), (label, around, bounds)


def test_every_measure_in_the_tables_equals_metrics_json(sheet):
    page, metrics = sheet
    known = {
        (group.title, measure.label): measure for group in GROUPS for measure in group.measures
    }
    rows = page.evaluate(MEASURES)
    assert rows
    for title, label, *texts in rows:
        [measure] = [
            found
            for (group, name), found in known.items()
            if group == title and (label == name or (found.when and label.startswith(f"{name}, ")))
        ]
        for text, path in zip(texts, (measure.path, measure.beside), strict=False):
            value = look_up(metrics, path) if path else None
            value = value["return"] if isinstance(value, dict) else value
            assert says(text, value), (title, label, text, value)


def test_every_month_and_year_equals_metrics_json(sheet):
    page, metrics = sheet
    months = {item["month"]: item["return"] for item in metrics["periods"]["months"]}
    years = {str(item["year"]): item["return"] for item in metrics["periods"]["years"]}
    rows = page.evaluate(MONTHS)
    assert [row[0].rstrip(" *") for row in rows] == sorted(years)
    for head, *cells in rows:
        year = head.rstrip(" *")
        for number, text in enumerate(cells[:12], start=1):
            value = months.get(f"{year}-{number:02d}")
            assert says(text + " %" if text.strip() else text, value), (year, number, text, value)
        assert says(cells[12] + " %", years[year])


def test_the_nav_that_is_drawn_ends_at_the_final_nav(sheet):
    page, metrics = sheet
    last = [value for value in page.evaluate(DRAWN, "nav") if value is not None][-1]
    assert last == pytest.approx(metrics["headline"]["final_nav"], rel=1e-5)


def test_the_years_that_are_drawn_equal_metrics_json(sheet):
    page, metrics = sheet
    drawn = page.evaluate(DRAWN, "yearly")
    stated = [100.0 * item["return"] for item in metrics["periods"]["years"]]
    assert drawn == pytest.approx(stated, rel=1e-5, abs=1e-9)


class TestTrades:
    @pytest.fixture
    def trades(self, visit):
        opened = visit(SHEETS[0])
        holder = opened.page.locator("[data-records='trade-data']")
        holder.scroll_into_view_if_needed()
        return opened, holder

    def column(self, holder, at):
        return holder.locator("tbody tr").evaluate_all(
            "(rows, at) => rows.map((row) => row.cells[at]?.textContent)", at
        )

    def test_a_head_sorts_both_ways_and_says_so(self, trades):
        opened, holder = trades
        heads = [text.strip() for text in holder.locator("thead th").all_inner_texts()]
        at = next(place for place, text in enumerate(heads) if text.startswith("Return"))
        head = holder.locator("thead th").nth(at)
        for way in ("descending", "ascending"):
            head.locator("button").click()
            assert head.get_attribute("aria-sort") == way
            values = [float(text.split()[0]) for text in self.column(holder, at)]
            assert len(values) == 25
            assert values == sorted(values, reverse=way == "descending")
        assert holder.locator("thead th[aria-sort]").count() == 1
        assert opened.said == []

    def test_a_search_leaves_the_rows_that_fit_and_counts_them(self, trades):
        _, holder = trades
        holder.locator("select").select_option("500")
        symbols = self.column(holder, 0)
        symbol, count = Counter(symbols).most_common(1)[0]
        assert 1 < count < len(symbols) <= 500
        holder.locator("input[type=search]").fill(symbol.lower())
        assert self.column(holder, 0) == [symbol] * count
        assert f"{count} trades" in holder.locator("[role=status]").inner_text()
        holder.locator("input[type=search]").fill("no such symbol anywhere")
        assert self.column(holder, 0) == []

    def test_the_next_page_shows_the_next_rows(self, trades):
        _, holder = trades
        first = [self.column(holder, at) for at in (0, 2)]
        holder.get_by_role("button", name="Next").click()
        assert [self.column(holder, at) for at in (0, 2)] != first
        holder.get_by_role("button", name="Previous").click()
        assert [self.column(holder, at) for at in (0, 2)] == first

    def test_a_trade_opens_its_price_with_entry_and_exit(self, trades):
        opened, holder = trades
        button = holder.locator("button.opener").first
        button.click()
        assert button.get_attribute("aria-expanded") == "true"
        chart = holder.locator("[data-figure^='trade-']")
        chart.locator("svg .trace path").first.wait_for(state="attached")
        assert chart.locator("svg .trace .points path").count() >= 2
        button.click()
        assert button.get_attribute("aria-expanded") == "false"
        assert holder.locator("[data-figure^='trade-']").count() == 0
        assert opened.said == []


class TestCharts:
    def test_a_logarithmic_scale_is_a_click_away(self, visit):
        opened = visit(SHEETS[0])
        figure = opened.page.locator("figure", has=opened.page.locator("[data-figure=nav]"))
        figure.get_by_role("button", name="Log").click()
        kind = opened.measure(
            "() => document.querySelector('[data-figure=nav]')._fullLayout.yaxis.type"
        )
        assert kind == "log"
        assert opened.said == []

    def test_a_key_of_the_legend_hides_its_line(self, visit):
        opened = visit(SHEETS[0])
        figure = opened.page.locator("figure", has=opened.page.locator("[data-figure=nav]"))
        key = figure.locator("button.key").first
        lines = figure.locator("svg .scatterlayer .trace")
        before = lines.count()
        key.click()
        assert key.get_attribute("aria-pressed") == "false"
        assert lines.count() < before
        key.click()
        assert lines.count() == before

    def test_a_chart_has_the_colours_of_the_theme(self, visit):
        opened = visit(SHEETS[0])
        colours = []
        for theme in ("light", "dark"):
            opened.look(theme=theme)
            colours.append(
                opened.measure(
                    "() => document.querySelector('[data-figure=nav] .js-line').style.stroke"
                )
            )
        assert colours[0] != colours[1]

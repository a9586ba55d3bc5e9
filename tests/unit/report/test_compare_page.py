"""The page of a comparison: its numbers are the runs', and it is laid out for their count."""

from __future__ import annotations

import html
import json
import re

import numpy as np
import pytest

from backtest.report import formats
from backtest.report.compare import compare_html, compare_results
from backtest.report.compare_figures import overlay_chart
from backtest.report.compare_rolling import costs_so_far, rolling_chart
from backtest.report.compare_tables import pictures


def own_part(page):
    """The page without the chart library."""
    return page[: page.index('id="charts"')]


def table_under(page, start):
    """Rows of the first table after ``start``, as lists of text."""
    part = page[page.index(start) :]
    part = part[: part.index("</table>")]
    rows = re.findall(r"<tr.*?</tr>", part, re.DOTALL)
    clean = re.compile(r'<span class="hidden">.*?</span>|<[^>]+>', re.DOTALL)
    return [
        [
            html.unescape(clean.sub("", cell)).strip()
            for cell in re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL)
        ]
        for row in rows
    ]


@pytest.fixture
def many(make_result):
    return [make_result(80, name=f"run_{number:02d}", seed=number) for number in range(12)]


def headline(result):
    found = result.metrics
    return [
        formats.percent(found["return"]["cagr"]),
        formats.percent(found["return"]["total_return"]),
        formats.number(found["risk"]["sharpe"]),
        formats.percent(found["drawdowns"]["max_drawdown"]),
        formats.percent(found["risk"]["volatility"]),
        formats.percent(found["trading"]["gross_exposure"], 1),
        formats.percent(found["trading"]["turnover_per_year"], 0),
        formats.bps(found["costs"]["total"]["bps_of_nav_per_year"]),
    ]


@pytest.mark.parametrize("count", [2, 3, 7])
def test_each_run_in_a_column_has_the_numbers_of_its_metrics(make_result, count):
    runs = [make_result(100, name=f"run_{number}", seed=number) for number in range(count)]
    rows = table_under(compare_html(runs), 'id="outcome"')
    for column, run in enumerate(runs, start=1):
        assert [row[column] for row in rows[1:]] == headline(run)


def test_each_run_in_a_row_has_the_numbers_of_its_metrics(many):
    rows = table_under(compare_html(many), 'id="outcome"')
    for row, run in zip(rows[1:], many, strict=True):
        assert [row[0], *row[-8:]] == [run.name, *headline(run)]


def test_each_year_has_the_return_of_the_metrics(make_result):
    runs = [make_result(400, name=name, seed=at) for at, name in enumerate("ab")]
    rows = table_under(own_part(compare_html(runs)).split('id="years"')[1], '<table class="runs">')
    by_year = {row[0]: row[1:] for row in rows[1:]}
    for column, run in enumerate(runs):
        for year in run.metrics["periods"]["years"]:
            assert by_year[year["year"]][column].removesuffix(" *") == formats.percent(
                year["return"]
            )


def test_up_to_seven_runs_have_a_colour_and_more_are_grey_but_the_first(make_result, many):
    few = [make_result(60, name=f"run_{number}", seed=number) for number in range(7)]
    colours = {
        str(trace["line"]["color"]) for trace in overlay_chart(compare_results(few)).figure["data"]
    }
    assert len(colours - {"@benchmark"}) == 7
    colours = {
        str(trace["line"]["color"]) for trace in overlay_chart(compare_results(many)).figure["data"]
    }
    assert colours == {"@benchmark", "@strategy", "@faint/0.5"}


def test_many_runs_have_a_small_picture_each_and_their_keys_in_the_table(many, changed):
    config = many[3].config | {"seed": 7}
    runs = [*many[:3], changed(many[3], config=config), *many[4:]]
    page = own_part(compare_html(runs))
    assert page.count("<svg viewBox=") >= len(runs)
    head, *rows = table_under(page, 'id="outcome"')
    assert head[:3] == ["Run", "strategy.name", "seed"]
    assert [row[2] for row in rows] == ["0", "0", "0", "7", *["0"] * 8]


def test_a_small_picture_rises_where_nav_rises(make_result, changed):
    made = make_result(10, name="a")
    up = changed(made, nav=made.nav.assign(nav=np.linspace(1.0e6, 2.0e6, 10)))
    line = pictures(compare_results([up, made]))[0].line
    heights = [float(point.split(",")[1]) for point in line.split()]
    assert heights == sorted(heights, reverse=True)  # svg counts from the top
    assert len(heights) == 10


def test_a_long_history_of_many_runs_is_drawn_by_weeks_and_says_so(make_result):
    runs = [make_result(2600, name=f"run_{number}", seed=number, trades=5) for number in range(12)]
    chart = overlay_chart(compare_results(runs))
    assert "Drawn every 5 sessions." in chart.note
    drawn = [trace for trace in chart.figure["data"] if trace.get("uid") == "run3x0"]
    assert len(drawn[0]["x"]) == 520
    assert drawn[0]["x"][-1] == runs[3].nav["session"].iloc[-1].strftime("%Y-%m-%d")


def test_costs_so_far_are_shares_of_nav_summed(make_result, changed):
    made = make_result(3, name="a")
    nav = made.nav.assign(
        nav=[100.0, 200.0, 0.0], fees=[1.0, 1.0, 0.0], slippage=[0.0, 1.0, 0.0], fx_cost=0.0
    )
    assert costs_so_far(changed(made, nav=nav)).tolist() == [0.01, 0.02, 0.02]


def test_a_panel_without_a_value_is_left_out(make_result):
    short = [make_result(60, name=name, seed=at) for at, name in enumerate("ab")]
    chart = rolling_chart(compare_results(short))
    assert chart is not None
    titles = [note["text"] for note in chart.figure["layout"]["annotations"]]
    assert titles == ["Costs so far, share of NAV", "Holdings shared with a, 63 sessions"]


def test_a_sharpe_without_risk_does_not_flatten_the_others(make_result, changed):
    made = make_result(600, name="a")
    calm = made.nav.assign(
        nav=1e6 * np.cumprod(np.full(600, 1.0001)) * (1 + 1e-7 * (made.nav.index % 2))
    )
    chart = rolling_chart(compare_results([changed(made, nav=calm), make_result(600, name="b")]))
    assert chart is not None
    assert "Sharpe is cut at ±5" in chart.note
    assert chart.figure["layout"]["yaxis"]["range"][1] == 5.3


def test_every_chart_has_a_table_with_as_many_columns_as_heads(make_result):
    comparison = compare_results([make_result(400, name=name, seed=3) for name in "ab"])
    for chart in (overlay_chart(comparison), rolling_chart(comparison)):
        assert {len(row) for row in chart.table.rows} == {len(chart.table.columns)}


def test_two_runs_get_the_command_that_explains_them(make_result):
    first, second = make_result(60, name="a"), make_result(60, name="b")
    page = own_part(compare_html([first, second]))
    assert "backtest compare a/3f9a1c7e52d04b88 b/3f9a1c7e52d04b88 --why" in page
    assert "--why" not in own_part(compare_html([first, first]))  # nothing differs
    assert "--why" not in own_part(compare_html([first, second, second]))


def test_trades_of_two_runs_are_on_their_page_only(make_result):
    first, second = make_result(60, name="a"), make_result(60, name="b", seed=2)
    assert 'id="trades"' in own_part(compare_html([first, second]))
    assert 'id="trades"' not in own_part(compare_html([first, second, second]))


def test_parameters_that_only_one_strategy_has_are_folded(make_result, changed):
    first, second = make_result(60, name="a"), make_result(60, name="b")
    config = second.config | {"strategy": {"name": "b", "params": {"drop": 0.05, "top": 3}}}
    page = own_part(compare_html([first, changed(second, config=config)]))
    assert "2 parameters that not all of the strategies have" in page
    keys = [row[0] for row in table_under(page, 'class="runs inputs"')]
    assert keys == ["Key", "strategy.name"]


@pytest.mark.parametrize("count", [2, 3, 12])
def test_hostile_names_are_text_wherever_they_stand(make_result, changed, count):
    name = "\"'><img src=x onerror=alert(1)>\u202e</script>" + "y" * 200
    runs = [
        changed(made, manifest=made.manifest | {"name": f"{name}{number}"})
        for number in range(count)
        for made in [make_result(80, name="x", seed=number)]
    ]
    page = compare_html(runs)
    assert "<img src=x" not in page
    assert "\u202e" not in page
    data = page[page.index('id="charts">') + len('id="charts">') :]
    figures = json.loads(data[: data.index("</script>")])["figures"]
    assert set(figures) >= {"overlay", "rolling"}


def test_a_page_of_runs_that_share_no_session_says_so(make_result, changed):
    first, second = make_result(60, name="a"), make_result(60, name="b")
    later = second.nav.assign(session=second.nav["session"] + np.timedelta64(3652, "D"))
    page = own_part(compare_html([first, changed(second, nav=later)]))
    assert "no session" in page
    assert "0 sessions in common; below 60 no test says anything." in page


def test_the_number_of_common_sessions_is_said(make_result, changed):
    first, second = make_result(80, name="a"), make_result(80, name="b", seed=2)
    second = changed(second, nav=second.nav.iloc[10:].reset_index(drop=True))
    page = own_part(compare_html([first, second]))
    assert "70 sessions, of 70 to 80" in page

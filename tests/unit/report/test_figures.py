from __future__ import annotations

import json
import math

import numpy as np
import pytest

from backtest.report import figures, series
from backtest.report.page import embed, embed_charts
from backtest.report.plot import panels, plain


def values(trace):
    return np.asarray(trace["y"], dtype=float)


def test_the_nav_chart_shows_each_close_and_the_benchmark_scaled_to_the_initial_cash(result):
    chart = figures.nav_chart(series.series_of(result), currency="HKD", benchmark="SIMTECH")
    market, _, nav, _ = chart.figure["data"]
    assert values(nav).tolist() == result.nav["nav"].tolist()
    assert values(market).tolist() == (result.nav["benchmark"] * 1_000_000.0).tolist()
    assert len(nav["x"]) == len(result.nav)


def test_the_drawdown_counts_a_loss_on_the_first_day(result, changed):
    nav = result.nav.assign(nav=1_000_000.0)
    nav.loc[0, "nav"] = 900_000.0
    daily = series.series_of(changed(result, nav=nav))
    assert daily.drawdown[0] == pytest.approx(-0.1, abs=1e-15)
    assert daily.drawdown[1] == 0.0


def test_a_benchmark_younger_than_the_run_begins_where_it_is_known(result, changed):
    nav = result.nav.copy()
    nav.loc[:99, "benchmark"] = math.nan
    daily = series.series_of(changed(result, nav=nav))
    assert np.isnan(daily.benchmark_drawdown[:100]).all()
    assert daily.benchmark_drawdown[100] == 0.0
    assert np.isfinite(daily.benchmark_drawdown[100:]).all()


def test_a_run_without_a_benchmark_draws_none(result, changed):
    daily = series.series_of(changed(result, nav=result.nav.drop(columns="benchmark")))
    chart = figures.nav_chart(daily, currency="HKD", benchmark="Benchmark")
    assert [key.label for key in chart.legend] == ["Strategy"]
    assert len(chart.figure["data"]) == 2


def test_years_are_names_of_bars_and_not_points_in_time(result):
    years = [
        {"year": "2023", "return": 0.10, "benchmark": None, "partial": True},
        {"year": "2024", "return": -0.05, "benchmark": None, "partial": False},
    ]
    chart = figures.yearly_chart(years, benchmark="SIMTECH")
    assert chart.figure["layout"]["xaxis"]["type"] == "category"
    assert chart.figure["data"][0]["x"] == ["2023", "2024"]
    assert values(chart.figure["data"][0]).tolist() == [10.0, -5.0]
    assert chart.note == "Part of a year only: 2023."
    assert list(chart.table.rows) == [("2023", "10.00 %"), ("2024", "-5.00 %")]


def test_rolling_measures_are_blank_until_the_window_is_full(result):
    chart = figures.rolling_chart(series.series_of(result), window=100)
    for trace in chart.figure["data"]:
        assert np.isnan(values(trace)[:99]).all()
        assert np.isfinite(values(trace)[99:]).all()
        assert len(trace["x"]) == len(result.nav)


def test_exposure_is_a_share_of_nav_and_unknown_where_nav_is_gone(result, changed):
    nav = result.nav.assign(nav=100.0, cash=50.0, gross=0.5)
    nav.loc[5, "nav"] = 0.0
    shares = series.shares_of_nav(changed(result, nav=nav))
    assert shares["gross"][0] == 0.5
    assert shares["cash"][0] == 0.5
    assert math.isnan(shares["gross"][5])


def test_names_held_counts_the_instruments_of_each_session(result, changed):
    first = result.nav["session"].iloc[0]
    positions = result.positions.iloc[:3].assign(
        session=first, symbol=["A", "B", "C"], shares=[1.0, 0.0, -1.0]
    )
    held = series.names_held(changed(result, positions=positions))
    assert held[0] == 2.0
    assert held[1:].sum() == 0.0


def test_the_waterfall_steps_down_from_gross_to_net():
    rows = [("Gross", 100.0), ("Stamp duty", -20.0), ("Financing", 5.0), ("Net", 85.0)]
    steps, levels = figures.costs_chart(rows, currency="HKD").figure["data"]
    assert steps["y"] == ["Stamp duty", "Financing"]
    assert steps["x"].tolist() == [-20.0, 5.0]
    assert list(steps["base"]) == [100.0, 80.0]
    assert levels["x"] == [100.0, 85.0]


def test_every_chart_has_a_table_for_who_cannot_see_it(result):
    daily = series.series_of(result)
    charts = [
        figures.nav_chart(daily, currency="HKD", benchmark="SIMTECH"),
        figures.rolling_chart(daily, window=50),
        figures.exposure_chart(result, daily),
    ]
    for chart in charts:
        assert len(chart.table.rows) > 0
        assert all(len(row) == len(chart.table.columns) for row in chart.table.rows)


def test_panels_share_one_time_axis_below_the_last():
    layout = panels(
        ["NAV", "Drawdown"], [0.7, 0.3], [{}, {}], first="2024-01-02", last="2024-12-31"
    )
    assert layout["xaxis"]["anchor"] == "y2"
    assert layout["yaxis"]["domain"][0] > layout["yaxis2"]["domain"][1]


def test_markup_in_a_name_is_taken_literally_by_plotly():
    assert plain("<a href='x'>A&B</a>") == "&lt;a href='x'&gt;A&amp;B&lt;/a&gt;"


@pytest.mark.parametrize("text", ["</script>", "<!--", "\u2028", "\u2029", "&amp;", "😀", "\ud800"])
def test_no_text_can_leave_the_script_that_holds_it(text):
    source = str(embed({"name": text}))
    assert source.isascii()
    assert not set("<>&") & set(source)
    assert json.loads(source) == {"name": text}


def test_unknown_numbers_are_null_and_keys_are_sorted():
    assert str(embed({"b": math.nan, "a": np.float64(0.1234567)})) == '{"a":0.123457,"b":null}'


def test_a_long_list_is_embedded_once_however_many_charts_use_it(result):
    daily = series.series_of(result)
    chart = figures.nav_chart(daily, currency="HKD", benchmark="SIMTECH")
    data = json.loads(str(embed_charts([chart])))
    references = [trace["x"]["$"] for trace in data["figures"]["nav"]["data"]]
    assert len(set(references)) == 1
    assert data["lists"][references[0]] == daily.dates

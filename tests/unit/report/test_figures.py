from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest

from backtest.report import figures, series
from backtest.report.figures.holdings import largest_weights, mean_weights
from backtest.report.figures.returns import STILL, bins_of
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


def test_a_year_of_cash_has_no_sharpe_ratio(result, changed):
    nav = result.nav.assign(nav=1_000_000.0 * (1.0 + 1e-6 * np.arange(len(result.nav))))
    chart = figures.rolling_chart(series.series_of(changed(result, nav=nav)), window=100)
    names = [trace["name"] for trace in chart.figure["data"]]
    assert names == ["Return", "Volatility", "Sharpe", "Beta"]
    assert np.isnan(values(chart.figure["data"][2])).all()
    assert np.isfinite(values(chart.figure["data"][0])[99:]).all()
    assert f"{100 * STILL:.1f} %" in chart.note


@pytest.mark.parametrize(
    "returns", [[0.0], [-0.021, 0.034], [1.5, -1.0, 0.2], [1e-7, -1e-7], [0.05, 0.05]]
)
def test_bins_hold_every_return_on_round_edges(returns):
    edges = bins_of(np.array(returns))
    assert edges[0] <= min(returns)
    assert edges[-1] >= max(returns)
    assert np.histogram(returns, edges)[0].sum() == len(returns)
    assert 1 <= edges.size - 1 <= 32
    steps = edges / (edges[1] - edges[0])
    assert steps == pytest.approx(np.round(steps), rel=1e-9, abs=1e-9)


def test_months_are_counted_where_they_fall():
    months = [{"return": x, "benchmark": -x} for x in (0.011, 0.012, -0.05)]
    chart = figures.months_chart(months, benchmark="SIMTECH")
    mine, market = chart.figure["data"]
    assert values(mine).sum() == values(market).sum() == 3
    assert values(mine)[0] == 1
    assert values(market)[-1] == 1


def test_of_too_many_sessions_every_kth_is_drawn_with_the_last_and_the_deepest(make_result):
    result = make_result(9_001, 2, 4)
    daily = series.series_of(result)
    deepest = int(np.argmin(daily.drawdown))
    chart = figures.nav_chart(daily, currency="HKD", benchmark="SIMTECH")
    drawn = chart.figure["data"][2]["x"]
    assert len(drawn) <= 9_001 // 3 + 3
    assert {daily.dates[0], daily.dates[deepest], daily.dates[-1]} <= set(drawn)
    assert chart.note == "One session of 3 is drawn."
    assert len(chart.table.rows) == len(daily.month_ends)


def test_the_largest_weight_of_a_session_is_by_size(result, changed):
    first = result.nav["session"].iloc[0]
    positions = result.positions.iloc[:3].assign(session=first, weight=[0.2, -0.5, 0.1])
    held = largest_weights(changed(result, positions=positions), series.series_of(result))
    assert held[0] == 0.5
    assert held[1:].sum() == 0.0


def test_the_map_of_positions_shows_mean_weights_of_equal_stretches(result, changed):
    sessions = result.nav["session"].iloc[:4].tolist()
    positions = result.positions.iloc[:4].assign(
        session=sessions, symbol=["A", "A", "B", "A"], weight=[0.1, 0.3, 0.2, 0.5]
    )
    run = changed(result, positions=positions)
    edges, weights = mean_weights(run, series.series_of(run), ["A", "B"])
    # 260 sessions in at most 120 stretches: three sessions each.
    assert edges[:2] == [0, 3]
    assert weights[0, 0] == pytest.approx(0.4 / 3, abs=1e-15)
    assert weights[1, 0] == pytest.approx(0.2 / 3, abs=1e-15)
    assert weights[0, 1] == pytest.approx(0.5 / 3, abs=1e-15)


def test_names_on_an_axis_are_cut_and_stay_apart(result, changed):
    long = ["x" * 50 + "1", "x" * 50 + "2"]
    positions = result.positions.iloc[:2].assign(symbol=long, weight=0.5)
    run = changed(result, positions=positions)
    chart = figures.positions_chart(run, series.series_of(run), top=10)
    axis = chart.figure["layout"]["yaxis"]
    assert sorted(axis["tickvals"]) == long
    assert all(len(text) == 22 for text in axis["ticktext"])


def test_a_run_that_held_nothing_has_no_map_of_positions(result, changed):
    run = changed(result, positions=result.positions.iloc[:0])
    assert figures.positions_chart(run, series.series_of(run), top=10) is None


def test_nights_are_named_by_their_range_and_drawn_in_percent():
    nights = [
        {"from": None, "to": -0.01, "sessions": 3, "mean_return": -0.002, "mean_benchmark": -0.01},
        {"from": -0.01, "to": 0.0, "sessions": 0, "mean_return": None, "mean_benchmark": None},
        {"from": 0.0, "to": None, "sessions": 5, "mean_return": 0.001, "mean_benchmark": 0.004},
    ]
    chart = figures.nights_chart(nights, source="QQQ", benchmark="HSI")
    mine, _ = chart.figure["data"]
    assert mine["x"] == ["below -1", "-1 to 0", "above 0"]
    assert values(mine)[[0, 2]].tolist() == [-0.2, 0.1]
    assert [row[0] for row in chart.table.rows] == ["below -1 %", "-1 % to 0 %", "0 % and more"]


def path_row(group, offset, count, mean):
    bounds = {"low": mean - 0.01, "high": mean + 0.01, "q25": mean - 0.05, "q75": mean + 0.05}
    return {
        "group": group, "offset": offset, "count": count, "mean": mean, "market": 0.0, **bounds
    }  # fmt: skip


def test_the_path_begins_where_there_is_a_price_and_shows_what_was_bought():
    path = [path_row(group, k, 0 if k < 0 else size, 0.01 * k)
            for group, size in (("all", 9), ("taken", 4)) for k in range(-5, 6)]  # fmt: skip
    chart = figures.path_chart(path, word="listing", benchmark="HSI")
    mean = chart.figure["data"][-1]
    assert mean["x"] == ["0", "1", "2", "3", "4", "5"]
    assert values(mean)[-1] == 5.0
    assert [key.label for key in chart.legend] == [
        "4 listings bought", "all 9", "HSI, same sessions"
    ]  # fmt: skip


def test_a_path_without_any_buy_is_that_of_all_events():
    path = [path_row("all", k, 9, 0.01 * k) for k in range(3)]
    chart = figures.path_chart(path, word="dip", benchmark="HSI")
    assert chart.legend[0].label == "9 dips"


def test_the_spread_shows_shares_of_the_events_each_once():
    events = pd.DataFrame(
        {
            "taken": [True, False, False, False],
            "return_0": [0.01, 0.02, -0.01, np.nan],
            "return_5": [0.1, -0.2, 0.05, 3.0],
        }
    )
    columns = [("return_0", "The entry session"), ("return_5", "5 sessions after entry")]
    chart = figures.spread_chart(events, columns, word="dip")
    for trace in chart.figure["data"]:
        assert values(trace).sum() == pytest.approx(100.0, abs=1e-9)
    assert [key.label for key in chart.legend] == ["1 dips bought", "all 4"]


def test_the_sharpe_ratio_stands_within_its_intervals():
    inference = {
        "sharpe_annual": 0.5, "sharpe_error_iid": 0.1, "sharpe_error_mertens": None,
        "sharpe_error_hac": 0.2,
    }  # fmt: skip
    chart = figures.sharpe_chart(inference, [0.1, 0.8])
    [data] = chart.figure["data"]
    assert data["y"] == ["Independent, normal", "With memory", "Drawn again in blocks"]
    # 1.645 standard errors on either side hold 90 %.
    assert data["error_x"]["array"][0] == pytest.approx(0.1645, abs=1e-4)
    assert chart.table.rows[-1] == ("Drawn again in blocks", "–", "0.10", "0.80")


def test_returns_that_did_not_vary_have_no_sharpe_chart():
    assert figures.sharpe_chart({"sharpe_annual": None}, None) is None

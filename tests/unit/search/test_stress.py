from __future__ import annotations

import json

import numpy as np
import pytest

from backtest import load_config, run
from backtest.config.change import changed
from backtest.report import formats
from backtest.search.stress import DRAWN, stress, write_stress
from backtest.search.stress_report import by_damage, stress_view, write_stress_page

CONFIG = """
name: stressed
data: {bundle: sample, start: 2022-01-03, end: 2023-12-29}
universe: {exchange: [XHKG], kind: [stock], min_history: 120d}
strategy: {name: spillover_dip, params: {source: X01.US, share: 0.3, flow: null, drop: 0.05}}
market: {use: auto, brokerage: {rate: 0.1%}}
execution: {slippage: {bps: 10}, max_participation: 1%}
portfolio: {cash: 5m HKD}
tearsheet: {risk_free: rates}
"""


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    path = tmp_path_factory.mktemp("stress") / "stressed.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    return load_config(path)


@pytest.fixture(scope="module")
def stressed(config):
    return stress(config, draws=3, names=2, seeds=1, drawn=3)


def of(cases, group):
    return [case for case in cases if case.group == group]


def test_the_first_case_is_the_run_itself(stressed):
    result, cases = stressed
    for name in ("total_return", "sharpe", "max_drawdown"):
        assert cases[0].scores[name] == result.metrics["headline"][name]


def test_dearer_is_worse_and_dearer_still_worse_still(stressed):
    _, cases = stressed
    returns = [case.scores["total_return"] for case in of(cases, "Dearer")]
    assert cases[0].scores["total_return"] > returns[0] > returns[1]


def test_leaving_a_name_out_is_a_run_without_it(config, stressed):
    _, cases = stressed
    case = of(cases, "Without an instrument")[0]
    result = run(changed(config, {"universe.exclude": [case.label]}))
    assert case.scores["total_return"] == result.metrics["headline"]["total_return"]
    assert case.label not in set(result.fills["symbol"])


def test_the_years_left_out_multiply_to_the_whole(stressed):
    """With two years, one without the other and the other without the one make both."""
    _, cases = stressed
    years = of(cases, "Without a year")
    assert [case.label for case in years] == ["2022", "2023"]
    growth = np.prod([1.0 + case.scores["total_return"] for case in years])
    assert growth == pytest.approx(1.0 + cases[0].scores["total_return"], rel=1e-12)


def test_without_the_best_trades_their_profit_is_gone(stressed):
    result, cases = stressed
    best = result.trades["pnl"].max() / 5e6
    case = of(cases, "Without the best trades")[0]
    assert case.scores["total_return"] == pytest.approx(
        cases[0].scores["total_return"] - best, abs=1e-12
    )


def test_a_volume_cap_of_one_percent_leaves_a_large_account_behind(stressed):
    _, cases = stressed
    small, *_, large = of(cases, "Capital")
    assert abs(large.scores["total_return"]) < abs(small.scores["total_return"])


def test_draws_are_the_same_again(config, stressed):
    _, cases = stressed
    _, again = stress(config, draws=3, names=0, seeds=0, drawn=1)
    assert of(cases, "Other parameters") == of(again, "Other parameters")
    assert of(cases, DRAWN)[:1] == of(again, DRAWN)


def test_the_cases_are_written_whole(stressed, tmp_path):
    result, cases = stressed
    path = write_stress(result, cases, out=tmp_path)
    said = json.loads(path.read_text("utf-8"))
    assert len(said["cases"]) == len(cases)
    assert said["fingerprint"] == result.fingerprint
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_the_page_orders_single_changes_by_what_they_leave(stressed):
    result, cases = stressed
    ordered = by_damage(cases)
    rates = [case.scores["cagr"] for case in ordered]
    assert rates == sorted(rates)
    assert not {"As it is", "Other parameters", "Capital", "No effect planted", DRAWN} & {
        case.group for case in ordered
    }
    view = stress_view(result, cases)
    table = view.chapters[0].tables[0][1]
    assert [row[1] for row in table.rows] == [case.label for case in ordered]
    assert table.rows[0][2] == formats.percent(rates[0])
    assert [chapter.name for chapter in view.chapters] == [
        "damage", "parameters", "capital", "markets", "nulls",
    ]  # fmt: skip


def test_a_year_cut_out_leaves_the_rate_of_the_others(stressed):
    """Half of the time is left: its growth, squared, is the growth of as much time as the run's."""
    _, cases = stressed
    total = of(cases, "Without a year")[0].scores
    years = np.log1p(total["total_return"]) / np.log1p(total["cagr"])
    whole = np.log1p(cases[0].scores["total_return"]) / np.log1p(cases[0].scores["cagr"])
    assert years == pytest.approx(whole / 2, rel=0.02)


def test_the_page_is_written_beside_the_cases(stressed, tmp_path):
    result, cases = stressed
    page = write_stress_page(
        result, cases, write_stress(result, cases, out=tmp_path).with_suffix(".html")
    )
    text = page.read_text("utf-8")
    assert "What breaks it?" in text
    assert [p.suffix for p in sorted(page.parent.iterdir())] == [".html", ".json"]


def test_the_page_says_where_the_run_lies_among_drawn_markets(stressed):
    result, cases = stressed
    drawn = of(cases, DRAWN)
    assert len({case.scores["total_return"] for case in drawn}) == 3
    view = stress_view(result, cases)
    chapter = next(chapter for chapter in view.chapters if chapter.name == "markets")
    assert drawn[0].note in chapter.note
    rows = {row[0]: row for row in chapter.tables[0][1].rows}
    for name, title, write in (
        ("cagr", "CAGR", formats.percent),
        ("sharpe", "Sharpe", formats.number),
        ("max_drawdown", "Max drawdown", formats.percent),
    ):
        own = cases[0].scores[name]
        values = sorted(case.scores[name] for case in drawn if name in case.scores)
        assert rows[title][1] == write(own)
        assert rows[title][3] == write(np.median(values))
        assert rows[title][5] == formats.percent(np.mean([v < own for v in values]), 0)

"""Runs of unlike dates are measured over the time that they share."""

from __future__ import annotations

import json

import numpy as np
import pytest

from backtest.report.compare import compare_html, compare_results
from backtest.report.compare_window import PATHS

CAGR, TOTAL, SHARPE, FALL, SPREAD, GROSS, TURNOVER, COSTS = PATHS


@pytest.fixture
def late(make_result, changed):
    """A run of 600 sessions, and another of its last 400 with some noise of its own."""
    long, other = make_result(600, name="long"), make_result(600, name="late", seed=2)
    nav = other.nav.iloc[200:].reset_index(drop=True)
    cash = {"amount": float(other.nav["nav"].iloc[199]), "currency": "HKD"}
    config = other.config | {"portfolio": other.config["portfolio"] | {"cash": cash}}
    held = other.positions[other.positions["session"] >= nav["session"].iloc[0]]
    return long, changed(other, nav=nav, config=config, positions=held)


def test_both_runs_are_measured_from_the_close_before_the_first_common_session(late):
    long, short = late
    values = compare_results([long, short]).values
    nav = long.nav["nav"].to_numpy()
    returns = nav[200:] / nav[199:-1] - 1.0
    days = (long.nav["session"].iloc[-1] - long.nav["session"].iloc[200]).days + 1
    growth = nav[-1] / nav[199]
    # Rounding alone, in all of these.
    assert values[0][TOTAL] == pytest.approx(growth - 1.0, rel=1e-12)
    assert values[0][CAGR] == pytest.approx(growth ** (365.25 / days) - 1.0, rel=1e-12)
    spread = returns.std(ddof=1) * np.sqrt(246)
    assert values[0][SPREAD] == pytest.approx(spread, rel=1e-12)
    assert values[0][SHARPE] == pytest.approx(returns.mean() * 246 / spread, rel=1e-9)
    peak = np.maximum.accumulate(nav[199:])
    assert values[0][FALL] == pytest.approx((nav[199:] / peak - 1.0).min(), rel=1e-12)


def test_what_was_held_dealt_and_paid_is_of_the_common_time_too(late):
    long, short = late
    values = compare_results([long, short]).values
    part = long.nav.iloc[200:]
    years = ((part["session"].iloc[-1] - part["session"].iloc[0]).days + 1) / 365.25
    assert values[0][TURNOVER] == pytest.approx(part["turnover"].sum() / years, rel=1e-12)
    paid = part[["fees", "slippage", "fx_cost"]].to_numpy().sum()
    costs = 1e4 * paid / part["nav"].mean() / years
    assert values[0][COSTS] == pytest.approx(costs, rel=1e-12)
    held = long.positions[long.positions["session"] >= part["session"].iloc[0]]
    assert values[0][GROSS] == pytest.approx(held["weight"].abs().sum() / 400, rel=1e-12)


def test_a_run_that_is_wholly_common_keeps_the_numbers_of_its_metrics(late, changed):
    long, short = late
    from backtest.report.metrics import metrics_of

    short = changed(short, metrics=metrics_of(short))
    values = compare_results([long, short]).values[1]
    for path in (CAGR, TOTAL, SHARPE, FALL, SPREAD, GROSS, TURNOVER, COSTS):
        found = short.metrics
        for key in path:
            found = found[key]
        assert values[path] == pytest.approx(found, rel=1e-9), path


def test_a_difference_lies_where_its_range_was_drawn(late):
    comparison = compare_results(late)
    rows = {row.label: row for row in comparison.pairs}
    first, second = comparison.values
    for label, path in (("Total return", TOTAL), ("CAGR", CAGR), ("Volatility", SPREAD)):
        row = rows[label]
        assert row.difference == f"{100 * (second[path] - first[path]):+,.2f} pp"
        low, high = (
            float(text.removesuffix(" pp").replace(",", "")) for text in (row.low, row.high)
        )
        assert low <= 100 * (second[path] - first[path]) <= high


def test_the_page_the_terminal_and_the_json_say_how_many_sessions(late):
    comparison = compare_results(late)
    [said, *_] = comparison.notes
    assert said.startswith("Measured over the 400 sessions in common, 2016-10-10 to 2018-04-20;")
    page = compare_html(comparison)
    assert said.replace("'", "&#39;") in page
    assert page.count("each run's whole period") >= 2 or page.count("Each run's whole period") >= 1
    given = json.loads(json.dumps(comparison.as_dict()))
    assert given["in_common"]["long"]["cagr"] == comparison.values[0][CAGR]
    assert given["headline"]["long"]["cagr"] == late[0].metrics["return"]["cagr"]


def test_runs_of_the_same_sessions_are_told_no_such_thing(make_result):
    runs = [make_result(300, name=name) for name in "ab"]
    comparison = compare_results(runs)
    assert comparison.notes == ()
    assert comparison.values[0][CAGR] == runs[0].metrics["return"]["cagr"]
    assert "whole period" not in compare_html(comparison)


def test_less_than_a_year_in_common_is_said_and_not_annualised(make_result, changed):
    long, other = make_result(300, name="a"), make_result(300, name="b", seed=2)
    brief = changed(other, nav=other.nav.iloc[200:].reset_index(drop=True))
    comparison = compare_results([long, brief])
    assert any("annualised from 100 sessions" in words for words in comparison.notes)
    [growth] = [row for row in comparison.pairs if row.label == "CAGR"]
    assert (growth.first, growth.second, growth.difference, growth.low) == ("–", "–", "–", "")


def test_runs_without_a_common_session_are_not_subtracted(make_result, changed):
    first, second = make_result(100, name="a"), make_result(300, name="b")
    second = changed(second, nav=second.nav.iloc[150:].reset_index(drop=True))
    comparison = compare_results([first, second])
    assert comparison.notes[0].startswith("No session in common")
    assert {row.difference for row in comparison.pairs} == {"–"}
    assert comparison.as_dict()["in_common"] == {}


def test_a_run_that_was_bankrupt_before_the_common_time_has_no_return_in_it(late, changed):
    long, short = late
    gone = long.nav.assign(nav=long.nav["nav"].where(long.nav.index < 100, 0.0))
    values = compare_results([changed(long, nav=gone), short]).values
    assert all(np.isnan(values[0][path]) for path in (CAGR, TOTAL, SHARPE, FALL, SPREAD))
    assert np.isfinite(values[1][TOTAL])


class TestIdle:
    """Of an account that held nothing there is no ratio to test."""

    @pytest.fixture
    def idle(self, make_result, changed):
        made = make_result(300, name="idle", seed=4)
        interest = 1e6 * np.cumprod(1.0 + np.tile([1e-5, 2e-5, 3e-5], 100))
        nav = made.nav.assign(nav=interest, gross=0.0, net=0.0, turnover=0.0)
        empty = {name: getattr(made, name).iloc[:0] for name in ("positions", "fills", "trades")}
        return changed(made, nav=nav, **empty)

    def test_a_pair_with_one_has_no_test_and_no_range(self, idle, make_result):
        comparison = compare_results([make_result(300, name="a"), idle])
        assert comparison.luck.leads == ()
        assert comparison.luck.reason.startswith("idle held nothing in the sessions in common")
        assert {row.low for row in comparison.pairs} == {""}
        assert "more than luck" not in compare_html(comparison)

    def test_a_ratio_that_was_saved_for_one_before_is_not_shown(self, idle, make_result):
        comparison = compare_results([make_result(300, name="a"), idle])
        [ratio] = [row for row in comparison.pairs if row.label == "Sharpe"]
        assert idle.metrics["risk"]["sharpe"] is not None
        assert (ratio.second, ratio.difference) == ("–", "–")
        assert np.isnan(comparison.overlap.correlation[0, 1])
        assert comparison.notes == (
            "idle held nothing in the sessions in common: there is no ratio to risk.",
        )

    def test_among_three_it_is_in_no_test(self, idle, make_result):
        comparison = compare_results(
            [make_result(300, name="a"), idle, make_result(300, name="c", seed=2)]
        )
        still, moving = comparison.luck.leads
        assert np.isnan(still.ledoit_wolf.value)
        assert np.isfinite(moving.ledoit_wolf.value)
        assert comparison.luck.best.included[1] is None
        assert comparison.luck.as_dict()["idle"] == ["idle"]

    def test_it_is_not_marked_as_the_one_with_the_least_volatility(self, idle, make_result):
        runs = [make_result(300, name="a"), idle, make_result(300, name="c", seed=2)]
        [row] = [row for row in compare_results(runs).headlines if row.label == "Volatility"]
        assert row.best is None

"""Whether runs differ by more than luck, where the answer is known beforehand."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from backtest.report.compare import compare_results
from backtest.report.compare_common import common_of
from backtest.report.compare_luck import luck_of, verdict
from backtest.report.compare_luck_table import luck_table
from backtest.report.compare_noise import noise_of
from backtest.report.metrics import metrics_of
from backtest.report.series import series_of


@pytest.fixture
def runs(make_result, changed):
    """Runs with these returns; the first session is 2016-01-04."""

    def make(*returns):
        found = []
        for name, own in zip("abcdefghijklmnop", returns, strict=False):
            made = make_result(len(own), name=name, trades=1)
            run = changed(made, nav=made.nav.assign(nav=1e6 * np.cumprod(1.0 + own)))
            found.append(changed(run, metrics=metrics_of(run)))
        return found

    return make


@pytest.fixture
def market():
    """Returns of two years that are noise around a small gain."""
    return np.random.default_rng(3).normal(0.0003, 0.01, 500)


def luck(results):
    return luck_of(
        common_of([series_of(run) for run in results]), [run.manifest["name"] for run in results]
    )


def test_a_daily_handicap_of_ten_basis_points_is_no_luck(runs, market):
    dear, cheap = runs(market - np.tile([0.002, 0.0], 250), market)
    found = luck([dear, cheap])
    [lead] = found.leads
    for test in (lead.ledoit_wolf, lead.memmel, lead.bootstrap, lead.studentised):
        assert test.low > 0.0
        assert test.p_value < 0.01
    assert verdict(found).endswith("more than luck, by every test at 90 %.")
    # 20 bps every other of 246 sessions; the noise is in both and cancels.
    assert lead.mean.value == pytest.approx(0.246, abs=1e-12)


def test_two_runs_of_noise_may_differ_by_luck(runs):
    random = np.random.default_rng(5)
    found = luck(runs(*random.normal(0.0, 0.01, (2, 500))))
    [lead] = found.leads
    assert lead.bootstrap.low < 0.0 < lead.bootstrap.high
    assert "it may be luck" in verdict(found)


def test_the_difference_tested_is_that_of_the_sharpe_ratios_in_the_metrics(runs, market):
    first, second = runs(market, market[::-1] * 0.5 + 0.0001)
    [lead] = luck([first, second]).leads
    ratios = [run.metrics["risk"]["sharpe"] for run in (first, second)]
    # Rounding alone: both stand on the same 500 sessions.
    assert lead.bootstrap.value == pytest.approx(ratios[1] - ratios[0], abs=1e-9)
    assert lead.ledoit_wolf.value == pytest.approx(ratios[1] - ratios[0], abs=1e-9)


def test_memmels_interval_is_the_textbook_formula_by_year(runs, market):
    other = 0.5 * market + np.random.default_rng(9).normal(0.0, 0.004, 500)
    first, second = runs(market, other)
    [lead] = luck([first, second]).leads
    a, b = other.mean() / other.std(ddof=1), market.mean() / market.std(ddof=1)
    r = np.corrcoef(market, other)[0, 1]
    error = math.sqrt((2 - 2 * r + (a * a + b * b - 2 * a * b * r * r) / 2) / 500)
    # 1.6449: five percent on either side of the normal.
    reach = 1.6448536 * error * math.sqrt(246)
    assert lead.memmel.high - lead.memmel.value == pytest.approx(reach, rel=1e-6)


def test_a_run_and_itself_cannot_be_told_apart(runs, market):
    found = luck(runs(market, market))
    assert "cannot be told apart" in verdict(found)


def test_a_short_common_history_is_not_tested(runs, market):
    found = luck(runs(market[:59], market[:59] + 0.001))
    assert found.reason == "59 sessions in common; below 60 no test says anything."
    assert luck_table(found, ["a", "b"]).said == (found.reason,)


def test_one_run_alone_is_compared_with_nothing(runs, market):
    assert luck(runs(market)) is None


def test_the_one_of_three_that_gains_every_day_is_alone_in_the_set_of_the_best(runs):
    noise = np.random.default_rng(7).normal(0.0, 0.01, (3, 500))
    found = luck(runs(noise[0], noise[1] + 0.004, noise[2]))
    assert found.best.included == (False, True, False)
    assert found.best.p_value < 0.05
    assert "b" in luck_table(found, "abc").said[1]


def test_copies_of_a_run_are_in_the_set_of_the_best_together(runs):
    noise = np.random.default_rng(7).normal(0.0, 0.01, (3, 500))
    winner = noise[1] + 0.004
    found = luck(runs(noise[0], winner, winner))
    assert found.best.included == (False, True, True)


def test_a_run_that_stands_still_is_in_no_test(runs, market):
    found = luck(runs(market, np.zeros(500), market[::-1]))
    assert math.isnan(found.leads[0].memmel.value)
    assert found.best.included[1] is None


def test_many_runs_are_tested_in_closed_form_alone(runs):
    noise = np.random.default_rng(1).normal(0.0, 0.01, (14, 100))
    found = luck(runs(*noise))
    assert all(lead.bootstrap is None for lead in found.leads)
    assert all(math.isfinite(lead.ledoit_wolf.p_value) for lead in found.leads)


def test_the_tests_are_the_same_every_time(runs, market):
    results = runs(market, market[::-1], -market)
    assert json.dumps(luck(results).as_dict()) == json.dumps(luck(results).as_dict())


class TestBest:
    """The best value is marked only where it leads by more than noise."""

    def noise(self, results):
        return noise_of(common_of([series_of(run) for run in results]))

    def marks(self, results):
        return {row.label: row.best for row in compare_results(results).headlines}

    def test_a_clear_lead_is_marked(self, runs, market):
        found = self.marks(runs(market - 0.001, market))
        assert (found["Sharpe"], found["CAGR"], found["Total return"]) == (1, 1, 1)

    def test_less_volatility_is_better(self, runs, market):
        assert self.marks(runs(market, 0.5 * market))["Volatility"] == 1

    def test_a_lead_within_the_noise_is_not_marked(self, runs):
        random = np.random.default_rng(5)
        found = self.marks(runs(*random.normal(0.0, 0.01, (3, 500))))
        assert found["Sharpe"] is None

    def test_equal_runs_have_no_best(self, runs, market):
        assert set(self.marks(runs(market, market)).values()) == {None}

    def test_what_has_no_better_is_never_marked(self, runs, market):
        found = self.marks(runs(market - 0.001, market))
        assert found["Gross exposure"] is found["Turnover a year"] is None

    def test_runs_that_are_not_alike_have_no_best(self, runs, market, changed):
        first, second = runs(market - 0.001, market)
        second = changed(second, manifest=second.manifest | {"currency": "USD"})
        assert set(self.marks([first, second]).values()) == {None}

    def test_a_pair_has_the_range_of_each_difference(self, runs, market):
        comparison = compare_results(runs(market - 0.001, market))
        rows = {row.label: row for row in comparison.pairs}
        assert rows["Sharpe"].is_clear
        assert rows["Gross exposure"].low == ""
        assert rows["Gross exposure"].difference == "0.00 pp"

    def test_the_same_sessions_are_drawn_for_both_runs(self, runs, market):
        """Twice the return of each session is twice the deviation of each history."""
        both = runs(market, 2.0 * market)
        found = self.noise(both).range_of(("risk", "volatility"), 0, 1)
        single = self.noise(both)._draws_of(0)["volatility"]
        assert found.low == pytest.approx(np.quantile(single, 0.05), rel=1e-12)
        assert found.high == pytest.approx(np.quantile(single, 0.95), rel=1e-12)

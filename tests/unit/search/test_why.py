"""Why two runs differ: contributions add up, and what does not run is said."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from backtest import Result, load_config, run
from backtest.cli import app
from backtest.errors import FaultyInput
from backtest.report.compare import compare_html, compare_results
from backtest.search.rebuild import rebuilt
from backtest.search.why import why

CONFIG = """
name: dips
data: {bundle: sample, start: 2024-01-02, end: 2024-09-30}
universe: {exchange: [XHKG], kind: [stock], min_history: 120d}
strategy: {name: spillover_dip, params: {source: X01.US, hold: 5, drop: 0.03}}
market: {use: auto, brokerage: {rate: 0.03%, min: 3}}
portfolio: {cash: 5m HKD}
"""


@pytest.fixture
def made(tmp_path):
    """A run of the config with some settings changed."""
    path = tmp_path / "dips.yaml"
    path.write_text(CONFIG, encoding="utf-8")

    def make(*overrides: str) -> Result:
        return run(load_config(path, overrides=list(overrides)))

    return make


def adds_up(found):
    for measure in ("total_return", "sharpe"):
        parts = sum(getattr(one, measure) for one in found.contributions)
        assert parts == pytest.approx(getattr(found, measure), abs=1e-9)


def test_fees_and_fill_explain_the_difference_they_make(made):
    dear, free = made(), made("name=free", "market=frictionless", "execution.fill=close")
    found = why(dear, free)
    assert [one.key for one in found.contributions] == ["market", "execution.fill"]
    adds_up(found)
    for measure in ("total_return", "sharpe"):
        ends = [result.metrics["headline"][measure] for result in (dear, free)]
        assert getattr(found, measure) == pytest.approx(ends[1] - ends[0], abs=1e-12)
    # Each contribution is the mean of what the change adds first and what it adds last.
    steps = {step.changed: step.total_return for step in found.steps}
    alone, last = steps[("market",)] - steps[()], steps[("market", "execution.fill")]
    last -= steps[("execution.fill",)]
    assert found.contributions[0].total_return == pytest.approx((alone + last) / 2, abs=1e-12)
    assert found.contributions[0].total_return > 0.0  # dearer fees never help
    assert (found.orders, found.seed, found.notes) == (2, None, ())


def test_one_change_is_the_whole_difference(made):
    found = why(made(), made("execution.slippage.bps=20"))
    [one] = found.contributions
    assert (one.key, one.before, one.after) == ("execution.slippage.bps", "0", "20")
    assert one.total_return == found.total_return < 0.0
    assert len(found.steps) == 2


def test_runs_of_one_config_have_nothing_to_explain(made):
    found = why(made(), made("name=other"))
    assert (found.contributions, found.total_return, found.sharpe) == ((), 0.0, 0.0)


def test_more_than_four_changes_are_sampled_with_errors_and_still_add_up(made):
    two = made(
        "execution.fill=close",
        "execution.slippage.bps=10",
        "strategy.params.window=3",
        "strategy.params.hold=8",
        "exits.stop_loss=5%",
    )
    found = why(made(), two, orders=2, seed=7)
    adds_up(found)
    assert (found.orders, found.seed) == (2, 7)
    assert all(one.total_return_error >= 0.0 for one in found.contributions)
    given = found.as_dict()
    assert set(given["contributions"][0]) >= {"total_return_error", "sharpe_error"}
    assert len(found.steps) == len({step.changed for step in found.steps})  # each once


def test_a_config_that_cannot_be_run_is_named_and_its_orders_left_out(made):
    """Exits do not go with sizing at the fill: sizing has to change first."""
    one = made("execution.sizing=fill", "execution.max_participation=1")
    two = made("exits.stop_loss=5%", "execution.max_participation=1")
    found = why(one, two)
    adds_up(found)
    [failed] = [step for step in found.steps if step.failed]
    assert failed.changed == ("exits.stop_loss",)
    assert "cannot be combined with exits" in failed.failed
    assert found.orders == 1
    assert "1 of 2 orders count" in found.notes[0]


def test_changes_that_run_in_no_order_count_as_one(made):
    one = made("universe.symbols=[S001.HK]", "universe.exclude=[S002.HK]")
    two = made("universe.symbols=[S002.HK]", "universe.exclude=[S001.HK]")
    found = why(one, two)
    [both] = found.contributions
    assert both.key == "universe.symbols + universe.exclude"
    assert both.total_return == found.total_return
    assert "the changes count as one" in found.notes[0]


def test_a_saved_number_that_no_longer_comes_out_is_said(made):
    one, two = made(), made("execution.fill=close")
    headline = one.metrics["headline"] | {"total_return": 9.0}
    old = replace(
        one,
        metrics=one.metrics | {"headline": headline},
        manifest=one.manifest | {"engine": "another"},
    )
    found = why(old, two, names=("old", "two"))
    [note] = found.notes
    assert note.startswith("old does not come out as it was saved: total return 900.00 % then,")
    assert "Changed since: the engine." in note
    adds_up(found)


def test_a_saved_run_is_explained_as_the_one_in_memory(made, tmp_path):
    one, two = made(), made("execution.fill=close")
    saved = [
        Result.load(result.save(tmp_path / "reports" / result.name / result.fingerprint))
        for result in (one, two)
    ]
    assert why(*saved).as_dict() == why(one, two).as_dict()


def test_the_page_shows_the_contributions_and_the_configs_that_were_run(made):
    one, two = made(), made("name=free", "market=frictionless", "execution.fill=close")
    found = why(one, two)
    page = compare_html(replace(compare_results([one, two]), why=found))
    part = page[page.index('id="why"') : page.index('id="trades"')]
    assert f"{100 * found.contributions[0].total_return:+.2f} pp" in part
    assert f"{found.sharpe:+.3f}" in part
    assert "4 configs were run" in part
    assert "--why" not in page[: page.index('id="charts"')]


class TestCommand:
    @pytest.fixture
    def reports(self, made, tmp_path):
        for overrides in ((), ("name=free", "market=frictionless", "execution.fill=close")):
            result = made(*overrides)
            result.save(tmp_path / "reports" / result.name / result.fingerprint)
        return tmp_path / "reports"

    def test_why_in_json_adds_up(self, reports):
        done = CliRunner().invoke(
            app, ["compare", "dips", "free", "--why", "--json", "--reports", str(reports)]
        )
        assert done.exit_code == 0, done.output
        given = json.loads(done.stdout)
        for measure in ("total_return", "sharpe"):
            parts = sum(one[measure] for one in given["why"]["contributions"])
            assert parts == pytest.approx(given["why"]["difference"][measure], abs=1e-9)
        assert [one["key"] for one in given["why"]["contributions"]] == ["market", "execution.fill"]
        assert Path(given["page"]).is_file()

    def test_the_terminal_shows_reasons_and_trades(self, reports, monkeypatch):
        monkeypatch.setenv("COLUMNS", "160")
        done = CliRunner().invoke(
            app, ["compare", "dips", "free", "--why", "--reports", str(reports)]
        )
        for words in ("What differs", "Is the difference luck?", "Together", "Made by both"):
            assert words in done.stdout

    def test_why_explains_two_runs_only(self, reports):
        done = CliRunner().invoke(
            app, ["compare", "dips", "free", "dips", "--why", "--reports", str(reports)]
        )
        assert done.exit_code == 2
        assert "explains two runs, got 3" in done.stderr

    def test_the_page_of_fifty_runs_has_a_name_that_a_disk_can_hold(self, reports):
        runs = ["dips", "free"] * 25
        done = CliRunner().invoke(app, ["compare", *runs, "-q", "--reports", str(reports)])
        assert done.exit_code == 0, done.output
        assert len(Path(done.stdout.strip()).name) < 60


class TestFiles:
    """A saved config names its files relative to a folder that the run does not keep."""

    WEIGHTS = "session,symbol,weight\n2024-01-02,E001.HK,{}\n"

    @pytest.fixture
    def saved(self, tmp_path, monkeypatch):
        folder = tmp_path / "configs" / "deep"
        folder.mkdir(parents=True)
        (folder / "weights.csv").write_text(self.WEIGHTS.format(0.5))
        (folder / "w.yaml").write_text(
            "name: w\ndata: {bundle: sample, start: 2024-01-02, end: 2024-03-28}\n"
            "universe: {kind: [etf]}\n"
            "strategy: {name: from_file, params: {path: weights.csv}}\n"
        )
        result = run(load_config(folder / "w.yaml"))
        monkeypatch.chdir(tmp_path)
        return result

    def test_they_are_found_below_configs(self, saved):
        again = rebuilt(saved)
        assert again.resolved() == saved.config
        assert run(again).fingerprint == saved.fingerprint

    def test_a_file_of_the_same_name_and_other_content_is_passed_over(self, saved):
        Path("weights.csv").write_text(self.WEIGHTS.format(0.9))
        assert run(rebuilt(saved)).fingerprint == saved.fingerprint

    def test_a_file_that_changed_since_is_taken_as_it_is_now(self, saved):
        Path("configs/deep/weights.csv").write_text(self.WEIGHTS.format(0.9))
        found = why(saved, saved, names=("w", "w"))
        assert "Changed since: the strategy's files." in found.notes[0]

    def test_without_them_the_fault_says_how_to_point_to_them(self, saved):
        shutil.move("configs", "elsewhere")
        with pytest.raises(FaultyInput, match="say with --configs DIR"):
            rebuilt(saved)
        assert rebuilt(saved, folders=[Path("elsewhere/deep")]).resolved() == saved.config

from __future__ import annotations

import json
import re

import numpy as np
import pyarrow.parquet as pq
import pytest

from backtest import inference, load_config, run
from backtest.search.statistics import statistics_of
from backtest.search.sweep import best_trials, open_sweep, run_trials
from backtest.search.sweep_paths import fan, parallel
from backtest.search.sweep_report import view_of, write_report

CONFIG = """
name: report
data: {bundle: sample, start: 2022-01-03, end: 2023-12-29}
universe: {exchange: [XHKG], kind: [stock], min_history: 120d}
strategy: {name: spillover_dip, params: {source: X01.US, share: 0.3, flow: null}}
portfolio: {cash: 5m HKD}
tearsheet: {risk_free: rates}
executor: {workers: 1}
sweep:
  keep_nav: true
  grid:
    strategy.params.window: [3, 5]
    strategy.params.drop: [0.03, 0.05, 0.99]
    strategy.params.hold: [5, 10, 0]
"""


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    (folder / "report.yaml").write_text(CONFIG, encoding="utf-8")
    opened, base = open_sweep(load_config(folder / "report.yaml"), out=folder / "reports")
    run_trials(opened, base)
    return opened


def test_trials_are_counted_by_what_became_of_them(sweep):
    statistics, _ = statistics_of(sweep)
    # hold: 0 is refused in a third of 18; a fall of 99 % never comes in a third of the other 12.
    assert (statistics.trials, statistics.failed, statistics.idle) == (12, 6, 4)


def test_luck_is_that_of_the_published_formulas(sweep):
    statistics, rows = statistics_of(sweep)
    active = [row for row in rows if row["status"] == "done" and row["fills"] > 0]
    sharpes = np.array([row["sharpe_per_session"] for row in active])
    best = max(active, key=lambda row: row["sharpe"])
    spread = float(np.std(sharpes, ddof=1))
    luck = spread * inference.expected_maximum(8) * np.sqrt(sweep.sessions_per_year)
    assert statistics.best == best["trial"]
    assert statistics.expected_best_by_luck == pytest.approx(luck, rel=1e-12)
    assert statistics.deflated_sharpe == pytest.approx(
        inference.deflated_sharpe(
            best["sharpe_per_session"],
            best["sessions"],
            skewness=best["skewness"],
            kurtosis=best["kurtosis"],
            trials=8,
            trial_variance=spread**2,
        ),
        rel=1e-12,
    )


def test_overfitting_is_that_of_the_daily_returns(sweep):
    import pyarrow.parquet as pq

    statistics, _ = statistics_of(sweep)
    table = pq.read_table(sweep.table).to_pylist()
    active = [row for row in table if row["status"] == "done" and row["fills"] > 0]
    nav = np.column_stack([[5e6, *row["nav"]] for row in active])
    base = open_sweep(sweep.config, out=sweep.folder.parents[1])[1]
    excess = nav[1:] / nav[:-1] - 1.0 - np.asarray(base.risk_free)[:, None]
    found = inference.probability_of_overfitting(inference.block_sums(excess, blocks=16))
    assert statistics.overfitting == pytest.approx(found.probability, abs=1e-12)


def test_trials_that_move_together_are_one(sweep):
    statistics, _ = statistics_of(sweep)
    assert 1 <= statistics.independent <= 8


def test_the_page_shows_the_best_first_and_asks_for_nothing_outside(sweep):
    page = write_report(sweep).read_text("utf-8")
    statistics, _ = statistics_of(sweep)
    assert "default-src 'none'" in page
    assert not re.search(r"<(?:script|link|img|iframe)[^>]*(?:src|href)=", page)
    heads = re.findall(r'<th scope="row">(?:<a [^>]*>)?(\d+)(?:</a>)?</th>', page)
    assert int(heads[0]) == statistics.best
    assert "hold" in page


def test_the_same_sweep_gives_the_same_page(sweep):
    assert write_report(sweep).read_bytes() == write_report(sweep).read_bytes()


def test_superiority_is_tested_on_all_that_traded_over_cash(sweep):
    """By hand from the table: returns of the trials less the base's risk-free rate."""
    statistics, rows = statistics_of(sweep)
    table = pq.read_table(sweep.table)
    active = [k for k, row in enumerate(rows) if row["status"] == "done" and row["fills"] > 0]
    navs = np.array([table["nav"][k].as_py() for k in active]).T
    cash = pq.read_table(sweep.folder / "base.parquet")["risk_free"].to_numpy()
    assert cash.max() > 0.0
    excess = navs[1:] / navs[:-1] - 1.0 - cash[1:, None]
    seed = sweep.config.seed
    expected = inference.spa(excess, seed=seed).consistent
    assert statistics.superior_ability == expected
    assert statistics.reality_check == inference.reality_check(excess, seed=seed).p_value
    # The best trial loses to cash here: nothing speaks against luck.
    assert expected == 1.0 or excess.mean(axis=0).max() > 0.0


def test_the_base_is_kept_beside_its_trials(sweep):
    base = pq.read_table(sweep.folder / "base.parquet").to_pandas()
    result = run(sweep.config)
    assert base["nav"].tolist() == result.nav["nav"].tolist()
    assert (base["session"].to_numpy() == result.nav["session"].to_numpy()).all()


def test_lines_run_through_every_key_and_the_fan_holds_the_bands(sweep):
    _, rows = statistics_of(sweep)
    active = [row for row in rows if row["status"] == "done" and row["fills"] > 0]
    [chart] = parallel(sweep, active * 2, "sharpe")
    lines = chart.figure["data"]
    assert sum(line["y"].count(None) for line in lines) == 2 * len(active)
    assert chart.table.columns[2:] == ("window", "drop", "hold")
    [drawn] = fan(sweep, [])
    low, high = drawn.figure["data"][0]["y"], drawn.figure["data"][1]["y"]
    assert (np.asarray(low) <= np.asarray(high)).all()
    assert parallel(sweep, active[:5], "sharpe") == []


def test_data_of_survivors_is_told_where_the_best_looks_good(sweep):
    """The sample market has delistings; where the JSON says otherwise, the page does, too."""
    statistics, rows = statistics_of(sweep)
    path = sweep.folder / "sweep.json"
    before = path.read_text("utf-8")
    assert json.loads(before)["survivors_only"] is False
    assert ("note", "Survivors only") not in view_of(sweep, statistics, rows).badges
    try:
        path.write_text(json.dumps(json.loads(before) | {"survivors_only": True}), "utf-8")
        view = view_of(sweep, statistics, rows)
        assert ("note", "Survivors only") in view.badges
        assert "survived" in view.verdicts[-1]
    finally:
        path.write_text(before, "utf-8")


def opened_with(tmp_path, grid: str, name: str = "more", period: str = "2023-01-03"):
    text = CONFIG.replace("name: report", f"name: {name}").replace("2022-01-03", period)
    text = text[: text.index("  grid:")] + f"  grid: {grid}\n"
    (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    opened, base = open_sweep(load_config(tmp_path / f"{name}.yaml"), out=tmp_path / "reports")
    run_trials(opened, base)
    return opened


def test_a_run_that_several_trials_are_counts_once(tmp_path):
    twice = opened_with(tmp_path, "{strategy.params.window: [5, 3, 5, 3, 5]}")
    once = opened_with(tmp_path, "{strategy.params.window: [5, 3]}", "once")
    statistics, _ = statistics_of(twice)
    assert (statistics.trials, statistics.repeated) == (2, 3)
    assert best_trials(twice, 5) == best_trials(once, 5)
    lone, _ = statistics_of(once)
    for name in ("deflated_sharpe", "expected_best_by_luck", "overfitting", "superior_ability"):
        assert getattr(statistics, name) == getattr(lone, name), name
    assert "3 more repeat one of them" in write_report(twice).read_text("utf-8")


def test_the_page_counts_what_other_sweeps_of_the_strategy_tried(tmp_path):
    first = opened_with(tmp_path, "{strategy.params.window: [3, 5, 8]}")
    statistics, rows = statistics_of(first)
    assert statistics.known == 3
    assert statistics.deflated_sharpe_known == statistics.deflated_sharpe
    second = opened_with(tmp_path, "{strategy.params.drop: [0.03, 0.05, 0.04]}", "second")
    ratios = [row["sharpe_per_session"] for row in [*rows, *statistics_of(second)[1]]]
    # One setting is in both: window 5 with the drop that the strategy has by default, if at all.
    ratios = sorted(set(ratios))
    statistics, rows = statistics_of(first)
    best = rows[statistics.best]
    wanted = inference.deflated_sharpe(
        best["sharpe_per_session"],
        best["sessions"],
        skewness=best["skewness"],
        kurtosis=best["kurtosis"],
        trials=len(ratios),
        trial_variance=float(np.var(ratios, ddof=1)),
    )
    assert statistics.known == len(ratios)
    told = f"was tried {len(ratios)} times on this data"
    assert any(told in said for said in view_of(first, statistics, rows).verdicts)
    assert statistics.deflated_sharpe_known == pytest.approx(wanted, rel=1e-12)
    years = inference.min_track_record(
        best["sharpe_per_session"], skewness=best["skewness"], kurtosis=best["kurtosis"]
    )
    assert statistics.min_track_years == pytest.approx(years / first.sessions_per_year)


def test_trials_of_a_period_of_their_own_are_not_set_against_the_cash_of_another(tmp_path):
    grid = "{data.start: ['2023-06-01'], strategy.params.window: [3, 5]}"
    moved = opened_with(tmp_path, grid)
    statistics, _ = statistics_of(moved)
    assert statistics.reality_check is None
    write_report(moved)

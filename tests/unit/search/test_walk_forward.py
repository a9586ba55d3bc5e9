from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from backtest import load_config, run
from backtest.config.change import changed
from backtest.errors import ConfigError
from backtest.search.walk_forward import walk_forward
from backtest.search.walk_report import walk_view, write_walk_page

CONFIG = """
name: walk
data: {bundle: sample, start: 2021-01-04, end: 2023-12-29}
universe: {exchange: [XHKG], kind: [stock], min_history: 120d}
strategy: {name: spillover_dip, params: {source: X01.US, hold: 5}}
portfolio: {cash: 5m HKD}
executor: {workers: 1}
sweep:
  grid:
    strategy.params.window: [3, 5]
    strategy.params.drop: [0.03, 0.06]
walk_forward: {train: 252, test: 126, purge: 5}
"""


@pytest.fixture
def config(tmp_path):
    def make(*overrides: str):
        path = tmp_path / "walk.yaml"
        path.write_text(CONFIG, encoding="utf-8")
        return load_config(path, overrides=overrides)

    return make


@pytest.fixture
def walked(config, tmp_path):
    return lambda *overrides: walk_forward(config(*overrides), out=tmp_path / "reports")


def test_the_run_covers_the_test_windows_and_is_an_ordinary_one(walked):
    walk = walked()
    nav = walk.result.nav
    assert f"{nav['session'].iloc[0]:%Y-%m-%d}" == walk.chosen[0].first
    assert f"{nav['session'].iloc[-1]:%Y-%m-%d}" == walk.chosen[-1].last == "2023-12-29"
    assert (walk.run_folder / "tearsheet.html").is_file()
    assert walk.result.config["strategy"]["name"] == "from_file"
    said = json.loads((walk.folder / "walk-forward.json").read_text("utf-8"))
    assert len(said["windows"]) == len(walk.chosen) == 4


def test_what_was_chosen_is_the_best_of_a_run_over_the_training_window_alone(config, walked):
    walk = walked()
    first = walk.chosen[0]
    base = config()
    sessions = pd.read_parquet(walk.run_folder / "nav.parquet")["session"]
    assert str(sessions.iloc[0].date()) == first.first
    scores = {}
    windows = json.loads((walk.folder / "walk-forward.json").read_text("utf-8"))["windows"]
    begin, end = windows[0]["train"]
    for window in (3, 5):
        for drop in (0.03, 0.06):
            values = {"strategy.params.window": window, "strategy.params.drop": drop}
            dated = changed(base, values | {"data.start": begin, "data.end": end})
            result = run(dated)
            if len(result.fills):  # what never trades is never chosen
                scores[window, drop] = result.metrics["headline"]["sharpe"]
    best = max(scores, key=scores.__getitem__)
    assert tuple(first.params.values()) == best
    assert first.in_sample == scores[best]


def test_a_search_of_one_gives_the_run_of_that_one(config, tmp_path):
    """With nothing to choose the walk holds what the strategy itself would hold."""
    often = ("strategy.params.flow=null", "strategy.params.share=0.2", "strategy.params.drop=0.02")
    one = config("sweep.grid={strategy.params.window: [3]}", "walk_forward.purge=0", *often)
    walk = walk_forward(one, out=tmp_path / "reports")
    alone = changed(one, {"strategy.params.window": 3, "data.start": walk.chosen[0].first})
    result = run(alone)
    # Before its first session the strategy may hold names already, which the walk then buys too.
    settled = slice(30, None)
    ours = walk.result.positions.groupby("session")["symbol"].agg(set)
    theirs = result.positions.groupby("session")["symbol"].agg(set)
    common = ours.index.intersection(theirs.index)[settled]
    assert len(common) > 100
    assert (ours[common] == theirs[common]).mean() > 0.95


def test_stopped_and_called_again_it_gives_the_same(config, tmp_path):
    first = walk_forward(config(), out=tmp_path / "reports")
    again = walk_forward(config(), out=tmp_path / "reports")
    assert first.result.fingerprint == again.result.fingerprint
    assert first.chosen == again.chosen


def test_a_walk_that_trusts_nothing_holds_cash(walked):
    walk = walked("walk_forward.select=deflated", "walk_forward.min_deflated=1.0")
    assert all(one.params is None for one in walk.chosen)
    assert walk.result.fills.empty
    assert np.array_equal(walk.result.nav["nav"], walk.result.nav["cash"])


def test_keys_that_cannot_change_on_the_way_are_refused(config):
    with pytest.raises(ConfigError, match="cannot change on the way of one run"):
        walk_forward(config("sweep.grid={execution.slippage.bps: [0, 5]}"))


def test_both_sections_are_required(config):
    with pytest.raises(ConfigError) as error:
        walk_forward(config("sweep=null", "walk_forward=null"))
    assert {fault.where for fault in error.value.faults} == {"sweep", "walk_forward"}


def test_a_window_earned_what_the_runs_nav_says(walked):
    walk = walked()
    nav = walk.result.nav.set_index("session")["nav"]
    growth = np.prod([1.0 + one.total_return for one in walk.chosen])
    assert growth == pytest.approx(nav.iloc[-1] / 5e6, rel=1e-12)
    second = walk.chosen[1]
    before = nav[nav.index < second.first].iloc[-1]
    assert second.total_return == pytest.approx(nav[second.last] / before - 1.0, rel=1e-12)
    idle = [one for one in walk.chosen if one.sharpe is None]
    gross = walk.result.nav.set_index("session")["gross"]
    assert all(not gross[one.first : one.last].any() for one in idle)


def test_every_trial_is_cross_validated_over_all_sessions(config, tmp_path):
    """Two groups of which one is tested: each half trades what the other half chose."""
    often = ("strategy.params.flow=null", "strategy.params.share=0.2")
    groups = "walk_forward.combinatorial={groups: 4, test_groups: 1}"
    walk = walk_forward(config(groups, "walk_forward.purge=0", *often), out=tmp_path / "reports")
    paths, base = walk.crossed, config(*often)
    assert paths.paths.shape == (1, len(walk.sessions))
    trials = [
        run(changed(base, {"strategy.params.window": window, "strategy.params.drop": drop}))
        for window in (3, 5)
        for drop in (0.03, 0.06)
    ]
    navs = np.array([[5e6, *result.nav["nav"]] for result in trials]).T
    returns = navs[1:] / navs[:-1] - 1.0
    size = len(returns) / 4
    assert abs(size - round(size)) < 1
    train = returns[round(size) :]
    best = int(np.argmax(train.mean(axis=0) / train.std(axis=0)))
    first = slice(0, int(size) - 1)
    assert paths.paths[0, first] == pytest.approx(returns[first, best], abs=1e-12)
    said = json.loads((walk.folder / "walk-forward.json").read_text("utf-8"))["combinatorial"]
    per_year = walk.sessions_per_year
    own = paths.paths[0]
    assert said["sharpes"] == [
        pytest.approx(own.mean() / own.std(ddof=1) * np.sqrt(per_year), rel=1e-9)
    ]


def test_the_page_tells_the_windows_and_leads_to_the_tearsheet(config, tmp_path):
    groups = "walk_forward.combinatorial={groups: 4, test_groups: 2}"
    walk = walk_forward(config(groups), out=tmp_path / "reports")
    page = write_walk_page(walk)
    view = walk_view(walk)
    assert (page.parent / view.link[0]).resolve() == (walk.run_folder / "tearsheet.html").resolve()
    table = view.chapters[0].tables[0][1]
    assert [row[0] for row in table.rows] == [one.first for one in walk.chosen]
    assert [chapter.name for chapter in view.chapters] == ["windows", "stability", "paths"]

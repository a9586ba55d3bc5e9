"""How much runs are one bet, on books small enough to add up by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from backtest.report.compare_common import common_of
from backtest.report.compare_overlap import deepest_falls, overlap_of
from backtest.report.metrics import metrics_of
from backtest.report.series import series_of


def with_nav(make_result, changed, nav, name="a", first="2016-01-04"):
    """A run with these NAVs; the initial cash is 1,000,000."""
    made = make_result(len(nav), name=name, trades=1)
    sessions = pd.bdate_range(first, periods=len(nav))
    run = changed(made, nav=made.nav.assign(nav=nav, session=sessions))
    held = made.positions.iloc[:0]
    run = changed(run, positions=held)
    return changed(run, metrics=metrics_of(run))


def with_books(make_result, changed, books, name):
    """A run that holds these weights: a mapping by symbol for each session."""
    made = make_result(len(books), name=name)
    rows = [
        (session, symbol, weight)
        for session, book in zip(made.nav["session"], books, strict=True)
        for symbol, weight in book.items()
    ]
    frame = pd.DataFrame(rows, columns=["session", "symbol", "weight"])
    frame = frame.assign(shares=1.0, price=1.0, value=frame["weight"])
    return changed(made, positions=frame)


def overlap(runs):
    return overlap_of(runs, common_of([series_of(run) for run in runs]))


def test_holdings_in_common_are_the_smaller_weights_over_the_larger_exposure(make_result, changed):
    first = with_books(make_result, changed, [{"A": 0.5, "B": 0.5}, {"A": 0.4}], "one")
    second = with_books(make_result, changed, [{"A": 0.25, "C": 0.25}, {"A": 0.1, "B": 0.1}], "two")
    found = overlap([first, second])
    # 0.25 of 1.0 on the first day, 0.1 of 0.4 on the second.
    assert found.with_first[1].tolist() == [0.25, 0.25]
    assert found.holdings[0, 1] == found.holdings[1, 0] == 0.25
    assert found.holdings[0, 0] == 1.0


def test_days_on_which_neither_holds_anything_do_not_count(make_result, changed):
    first = with_books(make_result, changed, [{"A": 0.5}, {}, {"A": 0.5}], "one")
    second = with_books(make_result, changed, [{"A": 0.5}, {}, {}], "two")
    found = overlap([first, second])
    assert np.isnan(found.with_first[1][1])
    assert found.holdings[0, 1] == 0.5  # all of it, then nothing


def test_long_and_short_in_one_name_have_nothing_in_common(make_result, changed):
    first = with_books(make_result, changed, [{"A": 0.5, "B": -0.5}], "one")
    second = with_books(make_result, changed, [{"A": -0.5, "B": -0.25}], "two")
    assert overlap([first, second]).with_first[1].tolist() == [0.25]  # only B, on one side


def test_many_names_in_blocks_overlap_as_in_one_go(make_result, changed, monkeypatch):
    runs = [make_result(120, names=30, name=name, seed=seed) for seed, name in enumerate("abc")]
    whole = overlap(runs)
    monkeypatch.setattr("backtest.report.compare_overlap._BLOCK", 50)
    in_blocks = overlap(runs)
    assert np.array_equal(whole.with_first, in_blocks.with_first, equal_nan=True)
    # Sums over blocks round otherwise than one sum.
    assert in_blocks.holdings == pytest.approx(whole.holdings, abs=1e-14)


def test_drawdowns_in_common_are_the_shared_depth_over_all_of_it(make_result, changed):
    one = with_nav(make_result, changed, [1_000_000, 900_000, 800_000, 1_000_000])
    two = with_nav(make_result, changed, [1_000_000, 1_000_000, 900_000, 900_000], name="b")
    # Depths 0, .1, .2, 0 and 0, 0, .1, .1: shared .1 of .1 + .2 + .1.
    assert overlap([one, two]).drawdowns[0, 1] == pytest.approx(0.25, abs=1e-12)


def test_runs_that_never_fall_have_no_drawdowns_in_common(make_result, changed):
    one = with_nav(make_result, changed, [1_000_000, 1_100_000])
    assert np.isnan(overlap([one, one]).drawdowns).all()


def test_correlation_is_that_of_returns_between_common_sessions(make_result, changed):
    up, down = 1.1, 0.9
    one = with_nav(make_result, changed, 1e6 * np.cumprod([up, down, up, down]))
    two = with_nav(make_result, changed, 1e6 * np.cumprod([down, up, down, up]), name="b")
    still = with_nav(make_result, changed, [1e6] * 4, name="c")
    matrix = overlap([one, two, still]).correlation
    assert matrix[0, 1] == pytest.approx(-1.0, abs=1e-12)
    assert np.isnan(matrix[0, 2])


def test_returns_span_what_lies_between_common_sessions(make_result, changed):
    daily = with_nav(make_result, changed, [1.1e6, 1.21e6, 1.331e6])
    sparse = with_nav(make_result, changed, [1.1e6, 1.2e6], name="b")
    sessions = daily.nav["session"]
    sparse = changed(sparse, nav=sparse.nav.assign(session=[sessions[0], sessions[2]]))
    common = common_of([series_of(daily), series_of(sparse)])
    assert common.sessions.size == 2
    assert common.returns[0] == pytest.approx([0.1, 0.21], abs=1e-12)
    assert common.returns[1] == pytest.approx([0.1, 1.2 / 1.1 - 1.0], abs=1e-12)


def test_the_first_common_return_is_from_each_runs_own_session_before(make_result, changed):
    early = with_nav(make_result, changed, [1.0e6, 2.0e6, 3.0e6], first="2016-01-04")
    late = with_nav(make_result, changed, [1.5e6, 3.0e6], first="2016-01-05", name="b")
    common = common_of([series_of(early), series_of(late)])
    assert common.returns.tolist() == [[1.0, 0.5], [0.5, 1.0]]


def test_runs_without_a_session_in_common_have_nothing_to_compare(make_result, changed):
    early = with_nav(make_result, changed, [1.0e6, 2.0e6])
    late = with_nav(make_result, changed, [1.0e6, 2.0e6], first="2020-01-06", name="b")
    common = common_of([series_of(early), series_of(late)])
    assert (common.sessions.size, common.returns.shape) == (0, (2, 0))
    assert np.isnan(overlap([early, late]).correlation).all()


def test_in_a_runs_deepest_fall_the_others_return_from_its_peak_to_its_trough(make_result, changed):
    one = with_nav(make_result, changed, [1.2e6, 0.6e6, 1.3e6])
    two = with_nav(make_result, changed, [1.0e6, 1.1e6, 0.99e6], name="b")
    runs = [one, two]
    first, second = deepest_falls(runs, [series_of(run) for run in runs])
    assert first is not None
    assert second is not None
    assert first.returns == pytest.approx((-0.5, 0.1), abs=1e-12)
    assert first.returns[0] == one.metrics["drawdowns"]["max_drawdown"]
    assert second.returns[0] == pytest.approx(1.3 / 0.6 - 1.0, abs=1e-12)


def test_a_run_that_had_not_begun_has_no_return_in_anothers_fall(make_result, changed):
    one = with_nav(make_result, changed, [1.2e6, 0.6e6, 1.3e6])
    late = with_nav(make_result, changed, [1.0e6, 1.1e6], name="b", first="2016-01-06")
    first, _ = deepest_falls([one, late], [series_of(one), series_of(late)])
    assert first is not None
    assert np.isnan(first.returns[1])

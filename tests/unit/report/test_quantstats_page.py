from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from backtest.errors import RunError
from backtest.report.quantstats_page import (
    quantstats_html,
    quantstats_inputs,
    refuse_what_it_misreads,
)


def test_it_gets_simple_returns_on_naive_sessions_the_first_day_included(result, changed):
    nav = result.nav.assign(nav=1_000_000.0)
    nav.loc[0, "nav"] = 900_000.0
    returns, benchmark = quantstats_inputs(changed(result, nav=nav))
    assert returns.index.tz is None
    assert returns.iloc[0] == pytest.approx(-0.1, abs=1e-15)
    assert returns.index.equals(benchmark.index)


def test_sessions_without_a_benchmark_are_left_out_rather_than_filled(result, changed):
    nav = result.nav.copy()
    nav.loc[:9, "benchmark"] = np.nan
    returns, benchmark = quantstats_inputs(changed(result, nav=nav))
    # Session 10 has the first level, session 11 the first return.
    assert len(returns) == len(benchmark) == len(nav) - 11


def test_returns_that_it_would_take_for_prices_are_refused():
    with pytest.raises(RunError, match="for prices"):
        refuse_what_it_misreads(pd.Series([0.0, 1.5, 0.1]))


def test_a_run_of_two_sessions_is_refused():
    with pytest.raises(RunError, match="at least 3 sessions"):
        refuse_what_it_misreads(pd.Series([0.0, -0.1]))


def test_the_report_is_written_quietly_and_asks_for_nothing_outside(make_result, capfd):
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    page = quantstats_html(make_result(300))
    assert "Key Performance Metrics" in page
    assert "shortcut icon" not in page
    assert "default-src 'none'" in page
    assert capfd.readouterr() == ("", "")
    assert dict(mpl.rcParams) == before

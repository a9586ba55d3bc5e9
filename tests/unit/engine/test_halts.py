"""What a halt leaves of a mark: so much a session, and nothing after so many months."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from backtest.engine.halts import left_by_halts
from backtest.execution import Portfolio

NAN = float("nan")


def bars_of(closes, dates):
    sessions = SimpleNamespace(dates=np.array(dates, dtype="datetime64[D]"))
    return SimpleNamespace(
        close=np.array(closes, dtype=float)[:, None],
        exchanges=("XHKG",),
        column_exchange=np.array([0]),
        sessions={"XHKG": sessions},
    )


def test_without_settings_nothing_is_kept():
    assert left_by_halts(bars_of([1.0], ["2024-01-02"]), Portfolio()).shape == (0, 0)


def test_each_session_without_a_bar_takes_its_part_and_a_bar_gives_it_back():
    days = ["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05", "2024-01-08"]
    left = left_by_halts(bars_of([NAN, 5, NAN, NAN, 5], days), Portfolio(halt_haircut=0.1))
    assert left[:, 0].tolist() == [1, 1, pytest.approx(0.9), pytest.approx(0.81), 1]


def test_eighteen_months_without_a_bar_leave_nothing():
    # Last traded on 31 August 2022: 18 months on is 29 February 2024.
    days = ["2022-08-31", "2022-09-01", "2024-02-28", "2024-02-29", "2024-03-01", "2024-03-04"]
    closes = [5, NAN, NAN, NAN, NAN, 1]
    left = left_by_halts(bars_of(closes, days), Portfolio(halt_writeoff_months=18))
    assert left[:, 0].tolist() == [1, 1, 1, 0, 0, 1]
    assert pd.Timestamp("2022-08-31") + pd.DateOffset(months=18) == pd.Timestamp("2024-02-29")

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from backtest.report import formats


def test_a_fraction_is_shown_in_percent_with_its_sign_and_a_space():
    assert formats.percent(-0.12344) == "-12.34 %"


def test_what_rounds_to_zero_has_no_sign():
    assert formats.percent(-0.00001) == "0.00 %"
    assert formats.number(-0.001, signed=True) == "0.00"


def test_what_is_not_known_is_a_dash():
    assert [formats.percent(math.nan), formats.number(None), formats.bps("x")] == ["–"] * 3
    assert formats.day(pd.NaT) == "–"


def test_thousands_are_told_apart():
    assert formats.number(1234567.0, 0) == "1,234,567"


def test_dates_are_iso_and_missing_ones_a_dash():
    dates = np.array(["2024-08-05", "NaT"], dtype="datetime64[ns]")
    assert formats.days(dates) == ["2024-08-05", "–"]


def test_a_name_is_read_as_words():
    assert formats.label_of("stamp_duty") == "Stamp duty"

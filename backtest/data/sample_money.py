"""Exchange rates and money-market rates of the sample market."""

from __future__ import annotations

import numpy as np
import pandas as pd

from backtest.data.sample_draws import DateArray, FloatArray, decaying_sums, normals

# Money-market rates that start on a day, annual fractions: USD, HKD, CNY. The steps are those of an
# imagined central bank, timed like the policy cycle of these years.
_RATES: dict[str, tuple[float, float, float]] = {
    "2016-06-01": (0.0040, 0.0030, 0.0240),
    "2016-12-15": (0.0065, 0.0060, 0.0250),
    "2017-06-15": (0.0115, 0.0080, 0.0280),
    "2018-03-22": (0.0165, 0.0110, 0.0270),
    "2018-09-27": (0.0215, 0.0190, 0.0250),
    "2019-08-01": (0.0215, 0.0200, 0.0240),
    "2019-10-31": (0.0165, 0.0175, 0.0230),
    "2020-03-16": (0.0015, 0.0080, 0.0180),
    "2020-09-01": (0.0010, 0.0030, 0.0200),
    "2022-03-17": (0.0035, 0.0030, 0.0190),
    "2022-06-16": (0.0160, 0.0090, 0.0170),
    "2022-11-03": (0.0380, 0.0400, 0.0160),
    "2023-05-04": (0.0510, 0.0430, 0.0180),
    "2023-07-27": (0.0530, 0.0480, 0.0170),
    "2024-09-19": (0.0485, 0.0420, 0.0160),
    "2024-12-19": (0.0435, 0.0400, 0.0150),
    "2025-05-12": (0.0430, 0.0150, 0.0140),
    "2025-09-18": (0.0410, 0.0330, 0.0140),
    "2025-12-11": (0.0365, 0.0300, 0.0135),
}


def fx_dates(first: np.datetime64, last: np.datetime64) -> DateArray:
    """Weekdays from a week before ``first`` to ``last``."""
    days = first - 7 + np.arange(int((last - first).astype(np.int64)) + 8)
    return np.asarray(days[np.is_busday(days)])


def usd_hkd(seed: int, dates: DateArray) -> FloatArray:
    """HKD per USD, within the band of the peg, four decimals."""
    sway = decaying_sums(normals(seed, "usd hkd", len(dates)) * 0.003, 0.99)
    return np.asarray(np.rint(np.clip(7.80 + sway, 7.75, 7.85) * 10_000) / 10_000)


def fx_frame(seed: int, dates: DateArray) -> pd.DataFrame:
    """Rows base, quote, date, rate for USD/HKD and CNY/HKD."""
    swing = decaying_sums(normals(seed, "cny hkd", len(dates)) * 0.0022, 0.999)
    cny_hkd = np.rint(np.clip(1.13 + swing, 1.02, 1.28) * 10_000) / 10_000
    day = dates.astype("datetime64[ns]")
    pairs = (("CNY", cny_hkd), ("USD", usd_hkd(seed, dates)))
    parts = [
        pd.DataFrame({"base": base, "quote": "HKD", "date": day, "rate": rate})
        for base, rate in pairs
    ]
    return pd.concat(parts, ignore_index=True)


def rates_frame() -> pd.DataFrame:
    """Rows currency, date, rate: annual, simple, from each change on."""
    days = np.array(list(_RATES), dtype="datetime64[ns]")
    parts = [
        pd.DataFrame(
            {"currency": currency, "date": days, "rate": [row[place] for row in _RATES.values()]}
        )
        for currency, place in (("CNY", 2), ("HKD", 1), ("USD", 0))
    ]
    return pd.concat(parts, ignore_index=True)

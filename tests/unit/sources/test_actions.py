"""Splits and dividends: by hand, and against what companies announced."""

import pandas as pd
import pytest

from backtest.errors import DataError
from backtest.sources.actions import raw_prices, without_repeated
from backtest.sources.importing import import_files
from backtest.sources.mapping import load_preset


def actions(*rows):
    frame = pd.DataFrame(rows, columns=["symbol", "ex_session", "kind", "value"])
    return frame.assign(ex_session=pd.to_datetime(frame["ex_session"]))


def test_a_split_and_a_dividend_are_undone():
    # As traded: 100, then two for one: 50, then 48 without the dividend of 2 per new share.
    # Adjusted: 48; the 50 before the dividend times (1 - 2/50); the 100 too, and halved.
    traded = pd.DataFrame(
        {
            "symbol": "A",
            "session": pd.to_datetime(["2024-01-02", "2024-01-03", "2024-01-04"]),
            "close": [100 / 2 * 0.96, 50 * 0.96, 48.0],
            "volume": [200.0, 150.0, 100.0],
        }
    )
    given = actions(("A", "2024-01-03", "split", 2.0), ("A", "2024-01-04", "dividend", 2.0))
    bars, done = raw_prices(traded, given, "splits_and_dividends")
    assert bars["close"].tolist() == pytest.approx([100.0, 50.0, 48.0], rel=1e-15)
    assert bars["volume"].tolist() == [100.0, 150.0, 100.0]
    assert done["value"].tolist() == [2.0, 2.0]


def test_a_dividend_before_a_split_is_per_old_share():
    # 3 were paid per old share; the source says 1 of today's.
    prices = pd.DataFrame(
        {
            "symbol": "A",
            "session": pd.to_datetime(["2024-01-02", "2024-01-03", "2024-01-04"]),
            "close": [20.0, 19.0, 19.0],
        }
    )
    given = actions(("A", "2024-01-03", "dividend", 1.0), ("A", "2024-01-04", "split", 3.0))
    bars, done = raw_prices(prices, given, "splits")
    assert bars["close"].tolist() == [60.0, 57.0, 19.0]
    assert done["value"].tolist() == [3.0, 3.0]


def test_a_split_entered_twice_is_taken_once():
    given = actions(
        ("A", "2020-10-15", "split", 1.6),
        ("A", "2020-10-16", "split", 1.6),
        ("A", "2021-10-15", "split", 1.6),
        ("B", "2020-10-16", "split", 1.6),
        ("A", "2020-10-15", "dividend", 1.6),
        ("A", "2020-10-16", "dividend", 1.6),
    )
    kept, twice = without_repeated(given)
    assert len(kept) == 5
    assert twice[["symbol", "ex_session"]].to_numpy().tolist() == [
        ["A", pd.Timestamp("2020-10-16")]
    ]


def test_lean_factors_give_the_dividend_and_the_split_that_apple_announced(tmp_path):
    """0.82 a share, ex on 7 August 2020, and four for one on the 31st (its press releases)."""
    import zipfile

    rows = ["20200806", "20200807", "20200828", "20200831"]
    closes = [4556100, 4444500, 4992300, 1290400]
    lines = [
        f"{day} 00:00,{close},{close},{close},{close},10"
        for day, close in zip(rows, closes, strict=True)
    ]
    with zipfile.ZipFile(tmp_path / "daily_aapl.zip", "w") as archive:
        archive.writestr("aapl.csv", "\n".join(lines))
    (tmp_path / "factor_aapl.csv").write_text(
        "20200806,0.9949942,0.25,455.61\n20200828,0.9967882,0.25,499.23\n20501231,0.9967882,1,0\n"
    )
    delivery = import_files(load_preset("lean"), [tmp_path])
    assert delivery.tables["bars"]["close"].tolist() == [455.61, 444.45, 499.23, 129.04]
    rows = delivery.tables["actions"].to_numpy().tolist()
    assert [row[:3] for row in rows] == [
        ["AAPL", pd.Timestamp("2020-08-07"), "dividend"],
        ["AAPL", pd.Timestamp("2020-08-31"), "split"],
    ]
    assert rows[0][3] == pytest.approx(0.82, abs=1e-4)
    assert rows[1][3] == 4.0


def test_nothing_can_be_undone_without_actions(files, mapped):
    with pytest.raises(DataError, match="cannot be undone without an input of actions"):
        mapped(
            files(A__csv="session,close\n2024-01-02,1\n"),
            "name: a\nprices: raw\nturn_raw: splits\ninputs: [{symbol: {file: '(.*)'}}]\n",
        )

"""from_file: weights that somebody else computed."""

import numpy as np
import pandas as pd
import pytest

from backtest.errors import StrategyError
from strategies.from_file import FromFile

WIDE = "session,A,0700\n2024-01-01,0.5,\n2024-01-03,0,0.25\n"
LONG = (
    "session,symbol,weight\n2024-01-01,A,0.5\n2024-01-03,A,0\n2024-01-03,0700,0.25\n2024-01-03,B,\n"
)


@pytest.fixture
def panel(make_panel):
    return make_panel({"0700": [1, 1, 1], "A": [1, 1, 1], "B": [1, 1, 1]})


@pytest.fixture
def weights_of(panel, tmp_path):
    def read(text, suffix=".csv"):
        path = tmp_path / f"weights{suffix}"
        path.write_text(text)
        return FromFile(path=path).target_weights(panel)

    return read


@pytest.mark.parametrize("text", [WIDE, LONG], ids=["wide", "long"])
def test_both_forms_give_the_same_weights(weights_of, text):
    weights = weights_of(text)
    assert weights.columns.tolist() == ["0700", "A", "B"]
    np.testing.assert_array_equal(weights["A"], [0.5, np.nan, 0.0])
    np.testing.assert_array_equal(weights["0700"], [np.nan, np.nan, 0.25])
    assert weights["B"].isna().all()


@pytest.mark.parametrize("text", [WIDE, LONG], ids=["wide", "long"])
def test_parquet_reads_as_csv_does(weights_of, panel, tmp_path, text):
    wanted = weights_of(text)
    table = pd.read_csv(tmp_path / "weights.csv", dtype={"symbol": str}, parse_dates=["session"])
    table.to_parquet(tmp_path / "weights.parquet")
    read = FromFile(path=tmp_path / "weights.parquet").target_weights(panel)
    pd.testing.assert_frame_equal(read, wanted, check_exact=True)


def test_a_frame_saved_with_sessions_as_its_index_is_read(weights_of, panel, tmp_path):
    wanted = weights_of(WIDE)
    wanted.to_parquet(tmp_path / "index.parquet")
    read = FromFile(path=tmp_path / "index.parquet").target_weights(panel)
    pd.testing.assert_frame_equal(read, wanted, check_exact=True)


def test_unknown_symbols_and_sessions_are_all_listed(weights_of):
    text = "session,A,ZZ,YY\n2024-01-01,0.5,0.1,0.1\n2024-01-02T10:00:00,0.1,,\n"
    with pytest.raises(
        StrategyError, match=r"not in the bundle: YY, ZZ; not sessions .*: 2024-01-02"
    ):
        weights_of(text)


def test_sessions_outside_the_panel_are_ignored_with_what_is_only_there(weights_of):
    text = "session,A,NEW\n2023-06-01,1,\n2024-01-02,0.5,\n2030-01-02,1,1\n"
    assert weights_of(text)["A"].dropna().tolist() == [0.5]


def test_a_session_given_twice_is_refused(weights_of):
    with pytest.raises(StrategyError, match="sessions given twice: 2024-01-01"):
        weights_of("session,A\n2024-01-01,1\n2024-01-01,0\n")
    with pytest.raises(StrategyError, match=r"as weights: row 2: its session .* there twice\."):
        weights_of("session,symbol,weight\n2024-01-01,A,1\n2024-01-01,A,0\n")


@pytest.mark.parametrize(
    ("text", "suffix", "words"),
    [
        ("day,A\n2024-01-01,1\n", ".csv", "no column 'session'"),
        ("session,A\n2024-01-01,\n2024-01-02,lots\n", ".csv", "row 2: A 'lots' is no number"),
        (
            "session,symbol,weight\n2024-01-01,A,1\n2024-01-02,A,-\nx,A,1\n",
            ".csv",
            "row 3: session 'x' is no date such as 2024-06-28; row 2: weight '-' is no number",
        ),
        ("session,A\n2024-01-01,1\n2024-01-02,1,2\n", ".csv", "Expected 2 fields in line 3, saw 3"),
        ("no parquet", ".parquet", "cannot be read: "),
        ("session,A\n2024-01-01,1\n", ".txt", "expected a .csv or .parquet file"),
    ],
)
def test_a_file_that_is_no_table_of_weights_says_why(weights_of, text, suffix, words):
    with pytest.raises(StrategyError, match=words):
        weights_of(text, suffix)


def test_a_missing_file_is_named_with_the_setting_that_names_it(panel, tmp_path):
    with pytest.raises(StrategyError, match=r"none\.csv: no such file; strategy\.params\.path"):
        FromFile(path=tmp_path / "none.csv").target_weights(panel)


def test_of_many_cells_that_are_no_weights_the_first_are_told(weights_of):
    rows = "".join(f"2024-01-{day:02d},x\n" for day in range(1, 9))
    with pytest.raises(StrategyError, match=r"row 5: A 'x' is no number; 3 more\."):
        weights_of(f"session,A\n{rows}")


def test_the_file_is_an_input_of_the_run(tmp_path):
    path = tmp_path / "weights.csv"
    assert FromFile(path=path).inputs() == (path,)

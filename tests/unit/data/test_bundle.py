"""Loading from disk: formats, hash, cache, as_of."""

import logging
from datetime import date, datetime

import pandas as pd
import pytest

from backtest.data import bundle as bundle_module
from backtest.data.arrays import bar_arrays
from backtest.data.bundle import Bundle, load_bundle
from backtest.data.schema import TABLES
from backtest.data.settings import DataSettings
from backtest.errors import DataError


@pytest.fixture
def tables(bars, instruments):
    """Two markets with something in every table, and something to find."""
    known = ["2024-01-04T10:00:00Z", "2024-02-01T10:00:00Z"]
    hong_kong = bars("A", [1.0, 300.0, 1.0, 4.0])
    hong_kong.loc[3, "close"] = float("nan")
    listing = instruments(
        "A", "B", exchange=["XHKG", "XNYS"], currency=["HKD", "USD"], name=["Ä & Co, Ltd", ""]
    )
    return {
        "instruments": listing,
        "bars": pd.concat([hong_kong, bars("B", [0.1 + 0.2, 1 / 3, 5e-324])]),
        "actions": pd.DataFrame(
            {"symbol": ["A"], "ex_session": "2024-01-03", "kind": "dividend", "value": 0.1}
        ).assign(ex_session=lambda x: pd.to_datetime(x["ex_session"])),
        "facts": pd.DataFrame(
            {
                "symbol": ["", "A"],
                "field": ["flow", "eps"],
                "period": pd.to_datetime(["2024-01-04", "2023-12-31"]),
                "known_at": pd.to_datetime(known, utc=True),
                "value": [-0.5, 2.0],
            }
        ),
        "fx": pd.DataFrame(
            {"base": ["USD"], "quote": "HKD", "date": pd.to_datetime(["2024-01-02"]), "rate": 7.8}
        ),
        "rates": pd.DataFrame(
            {"currency": ["HKD"], "date": pd.to_datetime(["2024-01-02"]), "rate": 0.04}
        ),
    }


def load(folder, cache, **settings):
    return load_bundle(DataSettings(bundle=str(folder), **settings), cache=cache)


def same(one, other):
    assert one.findings == other.findings
    for name in TABLES:
        pd.testing.assert_frame_equal(one.tables[name], other.tables[name])


def test_csv_and_parquet_give_the_same_tables(write, tables, tmp_path):
    parquet = load(write("p", **tables), tmp_path / "cache")
    csv = load(write("c", suffix=".csv", **tables), tmp_path / "cache")
    same(parquet, csv)
    assert parquet.hash != csv.hash


def test_a_folder_and_the_same_frames_give_the_same_tables(write, tables, tmp_path, bundle):
    loaded = load(write(**tables), tmp_path / "cache")
    frames = dict(tables)
    same(loaded, bundle(frames.pop("bars"), **frames))


def test_a_path_is_relative_to_the_root(write, tables, tmp_path, monkeypatch):
    folder = write("hk", **tables)
    settings = DataSettings(bundle="hk")
    assert load_bundle(settings, root=tmp_path, cache=tmp_path / "cache").path == folder
    monkeypatch.chdir(tmp_path)
    assert load_bundle(settings, cache=tmp_path / "cache").path == folder


def test_the_hash_is_of_the_bytes_of_the_tables_and_nothing_else(write, tables, tmp_path):
    cache = tmp_path / "cache"
    one = load(write("one", **tables), cache)
    two = load(write("two", **tables, extra_notes=tables["rates"]), cache)
    (two.path / "README.md").write_text("where it is from")
    assert one.hash == two.hash == load(two.path, cache).hash
    three = load(write("three", info="name: tiny\nprices: raw\n\n", **tables), cache)
    assert three.hash != one.hash


def test_a_second_load_equals_the_first_and_reads_no_table(write, tables, tmp_path, monkeypatch):
    folder = write(**tables)
    cold = load(folder, tmp_path / "cache")
    arrays = bar_arrays(cold, cache=tmp_path / "cache")

    def fail(*_args):
        raise AssertionError("the tables were read again")

    monkeypatch.setattr(bundle_module, "read_folder", fail)
    warm = load(folder, tmp_path / "cache")
    same(cold, warm)
    assert (warm.hash, warm.name, warm.prices) == (cold.hash, cold.name, cold.prices)
    again = bar_arrays(warm, cache=tmp_path / "cache")
    for name in ("open", "high", "low", "close", "volume"):
        assert getattr(again, name).tobytes() == getattr(arrays, name).tobytes()


def test_other_checks_or_another_as_of_are_another_entry(write, tables, tmp_path):
    folder, cache = write(**tables), tmp_path / "cache"
    assert len(load(folder, cache).bars) == 6
    assert len(load(folder, cache, checks={"spike": "drop"}).bars) == 5
    assert len(load(folder, cache, as_of=date(2024, 1, 2)).bars) == 2
    assert len(load(folder, cache).bars) == 6


def test_a_changed_file_is_seen(write, tables, tmp_path):
    folder, cache = write(**tables), tmp_path / "cache"
    load(folder, cache)
    write(**{**tables, "bars": tables["bars"].iloc[:1]})
    assert len(load(folder, cache).bars) == 1


@pytest.mark.parametrize("harm", ["cut", "flip", "remove", "index"])
def test_a_damaged_cache_is_rebuilt_and_said_so(write, tables, tmp_path, caplog, harm):
    folder, cache = write(**tables), tmp_path / "cache"
    cold = load(folder, cache)
    close = bar_arrays(cold, cache=cache).close.tobytes()
    for file in [*cache.glob("tables-*/bars.arrow"), *cache.glob("arrays-*/close.npy")]:
        data = bytearray(file.read_bytes())
        if harm == "cut":
            file.write_bytes(data[:-8])
        elif harm == "flip":
            data[-8] ^= 1
            file.write_bytes(data)
        elif harm == "remove":
            file.unlink()
        else:
            (file.parent / "index.json").write_text("{")
    with caplog.at_level(logging.WARNING):
        same(load(folder, cache), cold)
        again = bar_arrays(cold, cache=cache)
    assert again.close.tobytes() == close
    if harm != "remove":
        assert caplog.text.count("will be rebuilt") == 2
    caplog.clear()
    same(load(folder, cache), cold)
    assert caplog.text == ""


def test_a_cache_that_cannot_be_written_is_done_without(write, tables, tmp_path, caplog):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    made = load(write(**tables), blocked)
    assert len(made.bars) == 6
    assert bar_arrays(made, cache=blocked).close.shape == (3, 2)
    assert "nothing is kept" in caplog.text


def test_nothing_half_written_is_left_beside_the_entries(write, tables, tmp_path):
    made = load(write(**tables), tmp_path / "cache")
    bar_arrays(made, cache=tmp_path / "cache")
    kinds = sorted(path.name.partition("-")[0] for path in (tmp_path / "cache").iterdir())
    assert kinds == ["arrays", "tables"]
    assert all("." not in path.name for path in (tmp_path / "cache").iterdir())


def test_only_the_entries_used_last_are_kept(write, tables, tmp_path, monkeypatch):
    monkeypatch.setattr("backtest.data.store._ENTRIES_KEPT", 2)
    folder, cache = write(**tables), tmp_path / "cache"
    for day in (2, 3, 4, 5):
        load(folder, cache, as_of=date(2024, 1, day))
    assert len(list(cache.iterdir())) == 2


def test_a_bundle_without_bars_is_a_fault(write, tables, tmp_path):
    with pytest.raises(DataError, match="bars  no row is left at as_of"):
        load(write(**tables), tmp_path / "cache", as_of=date(2023, 12, 1))


def test_as_of_a_date_is_its_end_in_utc(write, tables, tmp_path):
    """The close of New York on the 3rd, 21:00 UTC, is in; fx of the 2nd is known from the 3rd."""
    made = load(write(**tables), tmp_path / "cache", as_of=date(2024, 1, 3))
    assert made.bars.groupby("symbol")["session"].max().dt.day.to_dict() == {"A": 3, "B": 3}
    assert len(made.fx) == len(made.rates) == 1
    assert made.as_of == pd.Timestamp("2024-01-04", tz="UTC")


def test_as_of_before_a_check_that_needs_the_next_session_does_not_find_it(write, tables, tmp_path):
    """On the 3rd nobody knew that the print of the 3rd would be undone."""
    folder, cache = write(**tables), tmp_path / "cache"
    spikes = lambda made: [f for f in made.findings if f.check == "spike"]  # noqa: E731
    assert spikes(load(folder, cache, as_of=date(2024, 1, 3))) == []
    assert len(spikes(load(folder, cache, as_of=date(2024, 1, 4)))) == 1


@pytest.mark.parametrize(
    ("as_of", "last"),
    [
        (datetime(2024, 1, 3, 7, 59), {"A": 2, "B": 2}),
        (datetime(2024, 1, 3, 8, 0), {"A": 3, "B": 2}),
        (datetime(2024, 1, 3, 21, 0), {"A": 3, "B": 3}),
    ],
)
def test_a_bar_is_known_from_the_close_of_its_session(write, tables, tmp_path, as_of, last):
    made = load(write(**tables), tmp_path / "cache", as_of=as_of)
    assert made.bars.groupby("symbol")["session"].max().dt.day.to_dict() == last


def test_an_action_is_known_from_the_open_of_its_ex_session(write, tables, tmp_path):
    folder, cache = write(**tables), tmp_path / "cache"
    assert len(load(folder, cache, as_of=datetime(2024, 1, 3, 1, 29)).actions) == 0
    assert len(load(folder, cache, as_of=datetime(2024, 1, 3, 1, 30)).actions) == 1


def test_a_fact_is_known_from_known_at_and_a_rate_from_the_end_of_its_date(write, tables, tmp_path):
    folder, cache = write(**tables), tmp_path / "cache"
    assert len(load(folder, cache, as_of=datetime(2024, 1, 4, 9, 59)).facts) == 0
    assert len(load(folder, cache, as_of=datetime(2024, 1, 4, 10, 0)).facts) == 1
    early = load(folder, cache, as_of=datetime(2024, 1, 2, 23, 59))
    assert len(early.fx) == len(early.rates) == 0


def test_a_later_listing_goes_with_its_rows_and_a_later_delisting_is_not_known(
    write, tables, tmp_path
):
    listing = tables["instruments"].assign(
        listed=pd.to_datetime([None, "2024-01-03"]), delisted=pd.to_datetime(["2024-01-05", None])
    )
    folder = write(**{**tables, "instruments": listing})
    cache = tmp_path / "cache"
    before = load(folder, cache, as_of=datetime(2024, 1, 3, 4, 59))
    assert before.instruments["symbol"].tolist() == ["A"]
    assert before.bars["symbol"].unique().tolist() == ["A"]
    assert before.facts["symbol"].tolist() == []
    assert before.instruments["delisted"].isna().all()
    # 00:00 in New York is 05:00 UTC.
    after = load(folder, cache, as_of=datetime(2024, 1, 3, 5, 0))
    assert after.instruments["symbol"].tolist() == ["A", "B"]
    # 00:00 of the 5th in Hong Kong is 16:00 UTC of the 4th.
    assert load(folder, cache, as_of=datetime(2024, 1, 4, 16)).instruments["delisted"].notna()[0]


def test_as_of_a_distant_future_changes_nothing(write, tables, tmp_path):
    cache = tmp_path / "cache"
    shanghai = tables["instruments"].assign(exchange=["XHKG", "XSHG"])
    folder = write(**{**tables, "instruments": shanghai})
    same(load(folder, cache), load(folder, cache, as_of=date(2049, 6, 1)))


def test_a_date_as_of_is_the_day_and_midnight_is_an_instant():
    def read(value):
        return DataSettings.model_validate({"bundle": "x", "as_of": value}).as_of

    assert read("2024-06-28") == date(2024, 6, 28)
    assert not isinstance(read("2024-06-28"), datetime)
    assert isinstance(read("2024-06-28T00:00:00"), datetime)
    for value in (date(2024, 6, 28), datetime(2024, 6, 28)):
        settings = DataSettings(bundle="x", as_of=value)
        again = DataSettings.model_validate(settings.model_dump(mode="json"))
        assert type(again.as_of) is type(value)


def test_settings_that_end_before_they_start_are_refused():
    with pytest.raises(ValueError, match=r"end \(2024-01-01\) lies before start"):
        DataSettings(bundle="x", start=date(2024, 1, 2), end=date(2024, 1, 1))


def test_reading_settings_loads_no_pandas():
    import subprocess
    import sys

    code = "import sys, backtest.data; sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_frames_of_polars_and_arrow_give_the_bundle_that_those_of_pandas_give(bars, instruments):
    import polars
    import pyarrow as pa

    given = {"instruments": instruments("A"), "bars": bars("A", [1.0, 2.0])}
    plain = Bundle.from_frames(name="tiny", **given)
    for convert in (polars.from_pandas, pa.Table.from_pandas):
        other = Bundle.from_frames(
            name="tiny", **{name: convert(frame) for name, frame in given.items()}
        )
        assert other.hash == plain.hash
        pd.testing.assert_frame_equal(other.bars, plain.bars)

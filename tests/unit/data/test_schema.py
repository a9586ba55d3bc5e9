import pandas as pd
import pytest

from backtest.data.bundle import Bundle, load_bundle
from backtest.data.settings import DataSettings
from backtest.errors import DataError


def faults(folder, cache):
    with pytest.raises(DataError) as caught:
        load_bundle(DataSettings(bundle=str(folder)), cache=cache)
    return [(fault.where, fault.message) for fault in caught.value.faults]


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def test_an_unknown_table_is_a_fault_with_the_nearest_name(write, bars, instruments, cache):
    folder = write(instruments=instruments("A"), bars=bars("A", [1.0]), action=bars("A", [1.0]))
    assert faults(folder, cache) == [("action", "unknown table; did you mean 'actions'?")]


def test_an_unknown_column_is_a_fault_with_the_nearest_name(write, bars, instruments, cache):
    table = bars("A", [1.0]).rename(columns={"volume": "volumes"})
    folder = write(instruments=instruments("A"), bars=table)
    assert faults(folder, cache) == [("bars.volumes", "unknown column; did you mean 'volume'?")]


def test_tables_columns_and_keys_named_extra_are_the_users_own(write, bars, instruments, cache):
    table = bars("A", [1.0]).assign(extra_vwap=1.0)
    info = "name: tiny\nprices: raw\nextra_licence: none\n"
    folder = write(info=info, instruments=instruments("A"), bars=table, extra_notes=table)
    loaded = load_bundle(DataSettings(bundle=str(folder)), cache=cache)
    assert "extra_vwap" not in loaded.bars


def test_every_fault_of_files_columns_values_and_checks_is_told_at_once(write, bars, cache):
    instruments = pd.DataFrame(
        {
            "symbol": ["A", "B"],
            "exchange": ["XHKG", "XHKX"],
            "currency": ["HKD", "HKD"],
            "kind": ["stock", ""],
            "lot_size": [0.0, 100.0],
        }
    )
    table = pd.concat([bars("A", [1.0, 2.0]), bars("C", [-1.0])])
    folder = write(info="prices: row\nnam: x\n", instruments=instruments, bars=table)
    assert [where for where, _ in faults(folder, cache)] == [
        "name",
        "prices",
        "nam",
        "instruments.kind",
        "instruments.exchange",
        "instruments.lot_size",
        "bars.unknown_symbol",
    ]


def test_a_faulty_instrument_does_not_make_its_bars_unknown(bundle, bars, instruments):
    listing = instruments("A", "B", lot_size=[0.0, 1.0])
    with pytest.raises(DataError) as caught:
        bundle(bars("A", [1.0]), bars("B", [1.0]), instruments=listing)
    assert len(caught.value.faults) == 1


def test_a_fault_of_a_check_stands_beside_a_fault_of_a_value(write, bars, instruments, cache):
    folder = write(
        instruments=instruments("A", "B", lot_size=[1.0, -1.0]), bars=bars("A", [1.0, -1.0])
    )
    assert [where for where, _ in faults(folder, cache)] == [
        "instruments.lot_size",
        "bars.nonpositive_price",
    ]


def test_a_required_table_or_column_that_is_missing_is_told_once(write, bars, instruments, cache):
    folder = write("one", instruments=instruments("A"))
    assert faults(folder, cache) == [("bars", "required table is missing")]
    folder = write("two", instruments=instruments("A"), bars=bars("A", [1.0])[["symbol", "close"]])
    assert faults(folder, cache) == [("bars.session", "required column is missing")]


def test_only_symbol_session_and_close_are_needed(write, bars, instruments, cache):
    folder = write(
        instruments=instruments("A"), bars=bars("A", [1.0])[["symbol", "session", "close"]]
    )
    loaded = load_bundle(DataSettings(bundle=str(folder)), cache=cache)
    assert loaded.bars[["open", "high", "low", "volume"]].isna().all(axis=None)
    assert loaded.instruments["lot_size"].tolist() == [1.0]


def test_the_same_table_as_parquet_and_csv_is_a_fault(write, bars, instruments, cache):
    folder = write(instruments=instruments("A"), bars=bars("A", [1.0]))
    write(suffix=".csv", bars=bars("A", [1.0]))
    assert faults(folder, cache)[0][1] == "is there twice, as bars.csv and as bars.parquet"


@pytest.mark.parametrize(
    "case",
    [
        ("close", "ten", "must be a number, got 'ten' in row 2"),
        ("close", "inf", "must be finite, found infinity in row 2"),
        ("session", "02/01/2024", "must be a date such as 2024-06-28, got '02/01/2024' in row 2"),
        ("session", "2024-01-02T09:30:00", "must be a date such as 2024-06-28"),
        ("session", "", "missing in row 2"),
        ("symbol", "", "missing in row 2"),
    ],
)
def test_a_value_of_a_csv_that_cannot_be_read_is_shown(write, bars, instruments, cache, case):
    column, value, message = case
    table = bars("A", [1.0, 2.0]).astype(str)
    table.loc[1, column] = value
    folder = write(suffix=".csv", instruments=instruments("A"), bars=table)
    found = faults(folder, cache)
    assert found[0][0] == f"bars.{column}"
    assert found[0][1].startswith(message)


def test_of_many_rows_that_cannot_be_read_the_first_are_named(write, bars, instruments, cache):
    table = bars("A", range(1, 9)).astype(str)
    table.loc[[1, 2, 4, 6, 7], "close"] = ["x", "y", "x", "", "z"]
    folder = write(suffix=".csv", instruments=instruments("A"), bars=table)
    assert faults(folder, cache) == [
        ("bars.close", "must be a number, got 'x', 'y', 'z' in rows 2, 3, 5 and 1 more")
    ]


def test_rows_of_a_csv_with_too_many_or_too_few_values_are_named(write, bars, instruments, cache):
    folder = write(suffix=".csv", instruments=instruments("A"), bars=bars("A", range(1, 6)))
    lines = (folder / "bars.csv").read_text().splitlines()
    lines[2] += ",9"
    lines[4] = "A,2024-01-05"
    (folder / "bars.csv").write_text("\n".join(lines) + "\n")
    assert faults(folder, cache) == [
        ("bars", "row 2 has 8 values, row 4 has 2; the header has 7"),
    ]


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("symbol", [700], "must be text, found int64"),
        ("close", [True], "must be a number, found bool"),
        ("session", [20240102], "must be dates without a zone, found int64"),
        ("session", pd.to_datetime(["2024-01-02"], utc=True), "must be dates without a zone"),
        ("session", pd.to_datetime(["2024-01-02 16:00"]), "must be dates without a time of day"),
    ],
)
def test_a_column_of_another_type_is_a_fault(bars, instruments, column, values, message):
    table = bars("A", [1.0]).assign(**{column: values})
    with pytest.raises(DataError) as caught:
        Bundle.from_frames(name="tiny", instruments=instruments("A"), bars=table)
    assert caught.value.faults[0].where == f"bars.{column}"
    assert caught.value.faults[0].message.startswith(message)


def test_a_column_of_mixed_types_is_a_fault(bars, instruments):
    table = bars("A", [1.0, 2.0])
    table["close"] = pd.Series([1.0, "two"], dtype="object")
    with pytest.raises(DataError, match=r"bars  cannot be read"):
        Bundle.from_frames(name="tiny", instruments=instruments("A"), bars=table)


def test_an_exchange_no_calendar_knows_is_told_once_with_a_hint(bundle, bars, instruments):
    with pytest.raises(DataError) as caught:
        bundle(
            bars("A", [1.0]),
            bars("B", [1.0]),
            instruments=instruments("A", "B", exchange=["XHKG", "XHKK"]),
        )
    (fault,) = caught.value.faults
    assert fault.where == "instruments.exchange"
    assert "did you mean" in fault.message
    assert "'XHKG'" in fault.message


def test_an_action_has_one_of_three_kinds(bundle, bars):
    actions = pd.DataFrame(
        {"symbol": ["A"], "ex_session": ["2024-01-02"], "kind": ["dividends"], "value": [1.0]}
    )
    with pytest.raises(DataError, match=r"got 'dividends'; did you mean 'dividend'\?"):
        bundle(bars("A", [1.0]), actions=actions)


def test_adjusted_prices_have_no_splits_beside_them_but_delistings(bundle, bars):
    actions = pd.DataFrame(
        {"symbol": "A", "ex_session": "2024-01-02", "kind": ["split", "delisting"], "value": 2.0}
    )
    with pytest.raises(DataError, match=r"actions.kind  adjusted prices.*\(1 row: A\)"):
        bundle(bars("A", [1.0]), actions=actions, prices="adjusted")
    assert len(bundle(bars("A", [1.0]), actions=actions[1:], prices="adjusted").actions) == 1


def test_a_field_that_no_fact_has_is_a_fault_with_a_hint(bundle, bars):
    facts = pd.DataFrame(
        {
            "symbol": ["A"],
            "field": ["eps_ttm"],
            "period": ["2023-12-31"],
            "known_at": ["2024-01-02T10:00:00Z"],
            "value": [1.0],
        }
    )
    with pytest.raises(DataError, match=r"per_share  no fact is named 'eps_tm'.*'eps_ttm'"):
        bundle(bars("A", [1.0]), facts=facts, per_share=["eps_tm"])


def test_a_delisting_before_the_listing_is_a_fault(bundle, bars, instruments):
    dates = {"listed": ["2024-01-03"], "delisted": ["2024-01-02"]}
    with pytest.raises(DataError, match=r"instruments\.delisted  lies before listed"):
        bundle(bars("A", [1.0]), instruments=instruments("A", **dates))


def test_broken_yaml_is_a_fault_with_its_line(write, bars, instruments, cache):
    folder = write(
        info="name: x\nprices: [raw\n", instruments=instruments("A"), bars=bars("A", [1.0])
    )
    with pytest.raises(DataError) as caught:
        load_bundle(DataSettings(bundle=str(folder)), cache=cache)
    assert caught.value.faults[0].file == "bundle.yaml"
    assert caught.value.faults[0].line == 3


def test_a_file_that_is_no_parquet_is_a_fault(write, instruments, cache):
    folder = write(instruments=instruments("A"))
    (folder / "bars.parquet").write_bytes(b"not parquet at all")
    found = faults(folder, cache)
    assert found[0][0] == "bars"
    assert found[0][1].startswith("cannot be read: ")


def test_a_folder_that_is_not_there_is_a_fault_with_the_nearest(write, bars, instruments, cache):
    folder = write("hk-real", instruments=instruments("A"), bars=bars("A", [1.0]))
    with pytest.raises(DataError, match=r"no such folder; did you mean 'hk-real'\?"):
        load_bundle(DataSettings(bundle="hk_real"), root=folder.parent, cache=cache)
    (folder.parent / "empty").mkdir()
    with pytest.raises(DataError, match=r"it has no bundle\.yaml"):
        load_bundle(DataSettings(bundle="empty"), root=folder.parent, cache=cache)


def test_tables_are_sorted_and_typed_whatever_the_order_of_rows(bars, instruments):
    table = pd.concat([bars("B", [3.0, 4.0]), bars("A", [1.0, 2.0])])
    listing = instruments("B", "C", "A", exchange=["XHKG", "24/7", "XHKG"])
    made = Bundle.from_frames(name="tiny", instruments=listing, bars=table)
    turned = Bundle.from_frames(name="tiny", instruments=listing[::-1], bars=table[::-1])
    assert made.instruments["symbol"].tolist() == ["C", "A", "B"]
    assert made.bars["close"].tolist() == [1.0, 2.0, 3.0, 4.0]
    assert made.bars["session"].dtype == "datetime64[ns]"
    assert made.hash == turned.hash
    pd.testing.assert_frame_equal(made.bars, turned.bars)
    pd.testing.assert_frame_equal(made.instruments, turned.instruments)


def test_an_instant_without_a_zone_is_utc_and_one_with_a_zone_is_converted(bundle, bars):
    def known(value):
        facts = pd.DataFrame(
            {
                "symbol": "A",
                "field": "eps",
                "period": "2023-12-31",
                "known_at": [value],
                "value": 1.0,
            }
        )
        return bundle(bars("A", [1.0]), facts=facts).facts["known_at"]

    for value in (
        "2024-01-02 10:00",
        "2024-01-02T18:00:00+08:00",
        pd.Timestamp("2024-01-02 10:00"),
        pd.Timestamp("2024-01-02 18:00", tz="Asia/Hong_Kong"),
    ):
        assert known(value).tolist() == [pd.Timestamp("2024-01-02 10:00", tz="UTC")]
        assert known(value).dtype == "datetime64[ns, UTC]"


def action_faults(bundle, bars, instruments, kind, **columns):
    table = instruments("A", "B", currency=["HKD", "HKD"])
    row = {"symbol": ["A"], "ex_session": pd.to_datetime(["2024-01-03"]), "kind": [kind]}
    actions = pd.DataFrame({**row, "value": [0.5], **{k: [v] for k, v in columns.items()}})
    with pytest.raises(DataError) as caught:
        bundle(bars("A", [1.0, 1.0]), bars("B", [1.0, 1.0]), instruments=table, actions=actions)
    return [(fault.where, fault.message) for fault in caught.value.faults]


@pytest.mark.parametrize(
    ("action", "fault"),
    [
        (("right", {}), ("actions.kind", "did you mean 'rights'?")),
        (("rights", {}), ("actions.price", "of rights must be above 0")),
        (("rights", {"price": -1.0}), ("actions.price", "of rights must be above 0")),
        (("split", {"price": 1.0}), ("actions.price", "says nothing of split")),
        (("in_kind", {}), ("actions.symbol_to", "missing: what does in_kind give?")),
        (("in_kind", {"symbol_to": "BB"}), ("actions.symbol_to", "no instrument is called 'BB'")),
        (("in_kind", {"symbol_to": "A"}), ("actions.symbol_to", "is the symbol itself")),
        (("takeover", {"symbol_to": "B"}), ("actions.symbol_to", "says nothing of takeover")),
        (("split", {"pay_date": pd.Timestamp("2024-01-05")}), ("actions.pay_date", "settled on")),
        (
            ("dividend", {"pay_date": pd.Timestamp("2024-01-02")}),
            ("actions.pay_date", "lies before"),
        ),
    ],
)
def test_a_senseless_action_is_told_by_its_column(bundle, bars, instruments, action, fault):
    ((where, message),) = action_faults(bundle, bars, instruments, action[0], **action[1])
    assert where == fault[0]
    assert fault[1] in message


def test_what_is_given_trades_on_the_same_exchange_in_the_same_currency(bundle, bars, instruments):
    table = instruments("A", "B", currency=["HKD", "CNY"])
    actions = pd.DataFrame({"symbol": ["A"], "ex_session": pd.to_datetime(["2024-01-03"]),
                            "kind": ["in_kind"], "value": [0.5], "symbol_to": ["B"]})  # fmt: skip
    with pytest.raises(DataError, match="has another currency than the symbol"):
        bundle(bars("A", [1.0, 1.0]), bars("B", [1.0, 1.0]), instruments=table, actions=actions)


def test_adjusted_prices_take_no_rights(bundle, bars, instruments):
    actions = pd.DataFrame({"symbol": ["A"], "ex_session": pd.to_datetime(["2024-01-03"]),
                            "kind": ["rights"], "value": [0.5], "price": [1.0]})  # fmt: skip
    with pytest.raises(DataError, match="have these in them already"):
        bundle(bars("A", [1.0, 1.0]), instruments=instruments("A"), actions=actions,
               prices="adjusted")  # fmt: skip

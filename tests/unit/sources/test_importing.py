"""Files of vendors to tables; every expected number can be read off the files."""

import gzip
import io
import zipfile

import pandas as pd
import pytest

from backtest.errors import ConfigError, DataError
from backtest.sources.importing import import_files
from backtest.sources.mapping import load_mapping, load_preset, preset_names
from backtest.sources.save import save

REORDERED = """Date,Close,Volume,Open,Low,High
2024-03-04,10.1,100,10,9.9,10.2
2024-03-05,10,90,10.1,10,10.3
"""
PLAIN = """
name: mine
prices: adjusted
retrieved: 2024-12-31T00:00:00Z
inputs:
  - columns: {session: Date}
    symbol: {file: "^(.+)$"}
"""


def test_columns_in_any_order_are_taken_by_name(files, mapped):
    bars = mapped(files(**{"0700__HK__csv": REORDERED}), PLAIN).tables["bars"]
    assert bars.iloc[0].to_dict() == {
        "symbol": "0700.HK",
        "session": pd.Timestamp("2024-03-04"),
        "open": 10.0,
        "high": 10.2,
        "low": 9.9,
        "close": 10.1,
        "volume": 100.0,
    }


def test_what_a_suffix_implies_is_overridden_by_what_is_said(files, mapped):
    folder = files(**{"0700__HK__csv": REORDERED, "QQQ__csv": REORDERED})
    said = PLAIN + "instruments: {symbols: {QQQ: {kind: etf, exchange: XNAS}}}\n"
    instruments = mapped(folder, said).tables["instruments"]
    rows = instruments[["symbol", "exchange", "currency", "kind"]].to_numpy().tolist()
    assert rows == [["0700.HK", "XHKG", "HKD", "stock"], ["QQQ", "XNAS", "USD", "etf"]]


def test_a_symbol_of_an_unknown_suffix_is_a_fault(files, mapped):
    with pytest.raises(DataError, match=r"instruments\.exchange.*1 symbols: A\.XX"):
        mapped(files(A__XX__csv=REORDERED), PLAIN)


def test_numbers_and_dates_of_a_chinese_export(files, mapped):
    text = (
        '\ufeff"日期","收盘","交易量"\n"2024-11-8","4,668.26","1.57B"\n"2024-11-7","4,677.64",""\n'
    )
    mapping = """
name: index
prices: adjusted
instruments: {exchange: XHKG, currency: HKD, kind: index}
inputs:
  - columns: {session: 日期, close: 收盘, volume: 交易量}
    constants: {symbol: HSTECH}
"""
    bars = mapped(files(export__csv=text), mapping).tables["bars"]
    assert bars["session"].tolist() == [pd.Timestamp("2024-11-08"), pd.Timestamp("2024-11-07")]
    assert bars["close"].tolist() == [4668.26, 4677.64]
    assert bars["volume"][0] == 1.57e9
    assert pd.isna(bars["volume"][1])


def test_a_wide_file_gives_a_bar_for_each_cell_that_is_filled(files, mapped):
    # LOW and OPEN are tickers here, not prices.
    folder = files(closes__csv="date,LOW,OPEN\n2024-03-04,200,\n2024-03-05,201,2.5\n")
    mapping = "name: w\nprices: adjusted\ninputs: [{wide: close, columns: {session: date}}]\n"
    bars = mapped(folder, mapping).tables["bars"]
    assert bars[["symbol", "close"]].to_numpy().tolist() == [
        ["LOW", 200.0],
        ["LOW", 201.0],
        ["OPEN", 2.5],
    ]


def test_a_time_with_an_offset_is_a_date_of_the_zone_that_is_said(files, mapped):
    # 04:00 UTC is midnight in New York, 21:00 of the day before in Los Angeles.
    folder = files(SPY__csv="Date,Close\n2020-07-27 04:00:00+00:00,250\n")
    with pytest.raises(DataError, match="set time_zone"):
        mapped(folder, PLAIN)
    zoned = PLAIN + "    time_zone: America/New_York\n"
    assert mapped(folder, zoned).tables["bars"]["session"][0] == pd.Timestamp("2020-07-27")
    zoned = PLAIN + "    time_zone: America/Los_Angeles\n"
    assert mapped(folder, zoned).tables["bars"]["session"][0] == pd.Timestamp("2020-07-26")


def test_a_bar_of_a_session_that_had_not_ended_is_left_out_and_told(files, mapped):
    folder = files(SPY__csv="Date,Close\n2024-03-04,500\n2024-03-05,501\n")
    # New York closes at 16:00, which is 21:00 UTC in winter.
    early = mapped(folder, PLAIN.replace("2024-12-31T00:00:00Z", "2024-03-05T20:59:00Z"))
    assert early.tables["bars"]["close"].tolist() == [500.0]
    assert early.notes == ("1 bars of sessions that had not ended at 2024-03-05 20:59 UTC",)
    late = mapped(folder, PLAIN.replace("2024-12-31T00:00:00Z", "2024-03-05T21:00:00Z"))
    assert late.tables["bars"]["close"].tolist() == [500.0, 501.0]


FACTS = """
name: facts
prices: adjusted
inputs:
  - {columns: {session: Date}, files: "*.HK.csv", symbol: {file: "^(.+)$"}}
  - files: eps.csv
    table: facts
    columns: {symbol: code, period: "{year}Q{quarter}"}
    dates: "%YQ%q"
    symbol: {pad: 4, suffix: .HK}
    fields: {eps: value, sales: sales}
    scale: {sales: 1000}
    missing: {eps: [-1]}
    known: {date: published, dates: "%m-%d", time: "18:00", zone: Asia/Hong_Kong}
"""


def test_facts_have_their_period_and_the_instant_at_which_they_became_public(files, mapped):
    folder = files(
        **{"0700__HK__csv": REORDERED},
        eps__csv="year,quarter,code,value,sales,published\n2023,4,00700,2.5,7,03-20\n"
        "2024,1,00700,-1,8,05-15\n",
    )
    facts = mapped(folder, FACTS).tables["facts"].sort_values(["field", "period"])
    rows = facts[["symbol", "field", "period", "known_at", "value"]].to_numpy().tolist()
    first, second = (pd.Timestamp(f"2024-{day}T10:00Z") for day in ("03-20", "05-15"))
    assert rows == [
        ["0700.HK", "eps", pd.Timestamp("2023-12-31"), first, 2.5],
        ["0700.HK", "sales", pd.Timestamp("2023-12-31"), first, 7000.0],
        ["0700.HK", "sales", pd.Timestamp("2024-03-31"), second, 8000.0],
    ]


def test_facts_without_a_date_of_publication_carry_a_caveat(files, mapped):
    folder = files(
        **{"0700__HK__csv": REORDERED},
        eps__csv="year,quarter,code,value,sales,published\n2023,4,00700,2.5,7,03-20\n",
    )
    known = '{date: published, dates: "%m-%d", time: "18:00", zone: Asia/Hong_Kong}'
    delivery = mapped(folder, FACTS.replace(known, "{days: 90}"))
    assert delivery.tables["facts"]["known_at"][0] == pd.Timestamp("2024-03-30T23:59Z")
    assert delivery.info.caveats[-1] == (
        "When eps, sales became public is assumed: 90 days after its period, 23:59 UTC."
    )


def test_members_that_a_later_month_leaves_out_are_out(files, mapped):
    text = "month,symbol\n2024-01,A\n2024-01,B\n2024-02,A\n2024-03,A\n2024-03,B\n"
    mapping = """
name: members
prices: adjusted
inputs:
  - table: facts
    columns: {period: month}
    constants: {field: member, value: 1}
    dates: "%Y-%m"
    known: {days: 31}
    absent: 0
"""
    facts = mapped(files(members__csv=text), mapping).tables["facts"]
    of_b = facts[facts["symbol"] == "B"].sort_values("period")
    assert of_b["period"].dt.month.tolist() == [1, 2, 3]
    assert of_b["value"].tolist() == [1.0, 0.0, 1.0]


def test_every_format_gives_the_same_bars(files, mapped, tmp_path):
    frame = pd.read_csv(io.StringIO(REORDERED))
    plain = mapped(files(A__csv=REORDERED), PLAIN).tables["bars"]
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("inside.csv", REORDERED)
    excel = io.BytesIO()
    frame.assign(Date=pd.to_datetime(frame["Date"])).to_excel(excel, index=False)
    parquet = io.BytesIO()
    frame.assign(Date=pd.to_datetime(frame["Date"])).set_index("Date").to_parquet(parquet)
    others = {
        "A.csv.gz": gzip.compress(REORDERED.encode()),
        "A.txt": REORDERED.replace(",", ";").encode(),
        "A.zip": zipped.getvalue(),
        "A.xlsx": excel.getvalue(),
        "A.parquet": parquet.getvalue(),
        "A.json": frame.to_json(orient="records").encode(),
    }
    for name, data in others.items():
        folder = tmp_path / name.replace(".", "-")
        folder.mkdir()
        (folder / name).write_bytes(data)
        pd.testing.assert_frame_equal(mapped(folder, PLAIN).tables["bars"], plain)


def test_codes_that_a_spreadsheet_has_as_numbers(files, mapped):
    excel = io.BytesIO()
    rows = {"code": [700, None], "date": ["2024-03-04"] * 2, "close": [300, 1]}
    pd.DataFrame(rows).to_excel(excel, index=False)
    mapping = """
name: codes
prices: adjusted
inputs:
  - {columns: {symbol: code, session: date}, symbol: {pad: 4, suffix: .HK}, where: {close: 300}}
"""
    bars = mapped(files(codes__xlsx=excel.getvalue()), mapping).tables["bars"]
    assert bars["symbol"].tolist() == ["0700.HK"]


BAD = {
    "no column": ("Day,Close\n2024-03-04,1\n", r"no column 'Date'.*it has Day, Close"),
    "near column": ("Dates,Close\n2024-03-04,1\n", r"did you mean 'Dates'"),
    "no number": ("Date,Close\n2024-03-04,ten\n", r"close.*must be a number, got 'ten'"),
    "no date": ("Date,Close\n04/03/2024,1\n", r"must be an ISO date, got '04/03/2024'"),
    "a decimal comma": ("Date;Close\n2024-03-04;19,98\n", r"got '19,98'; .* set decimal: ','"),
    "a comma behind a zero": ("Date;Close\n2024-03-04;0,985\n", r"must be a number, got '0,985'"),
    "a row without a date": ("Date,Close\n2024-03-04,1\n,2\n", r"is missing in row 2"),
    "another encoding": ("Date,收\n2024-03-04,1\n".encode("gbk"), r"utf-8-sig: set encoding, as"),
    "half a file": ("Date,Close\n2024-03-04,1\n2024-03", r"half a file"),
    "a web page": ("<html><body>Too many requests</body></html>", r"is a web page"),
    "nothing": ("", r"cannot be read"),
    "a header only": ("Date\n", r"no input says what close is"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_told_by_name_with_what_is_wrong(name, files, mapped):
    text, message = BAD[name]
    with pytest.raises(DataError, match=message):
        mapped(files(A__csv=text), PLAIN)


def test_a_workbook_of_several_sheets_says_which_to_take(files, mapped):
    with pd.ExcelWriter(files() / "A.xlsx") as book:
        for name in ("x", "y"):
            pd.read_csv(io.StringIO(REORDERED)).to_excel(book, sheet_name=name, index=False)
    with pytest.raises(DataError, match=r"has the sheets x, y: set sheet, '\*' for all"):
        mapped(files(), PLAIN)


def test_files_that_fit_no_input_are_counted(files, mapped):
    texts = {f"x{k}__csv": REORDERED for k in range(7)} | {"0700__HK__csv": REORDERED}
    notes = mapped(
        files(**texts), PLAIN.replace("- columns", '- files: "*.HK.csv"\n    columns')
    ).notes
    assert [*notes] == ["7 files fit no input: x0.csv, x1.csv, x2.csv, x3.csv, x4.csv and 2 more"]


def test_all_bad_files_are_told_at_once(files, mapped):
    folder = files(
        A__csv="Day,Close\n2024-03-04,1\n", B__csv="Date,Close\n2024-03-04,x\n", C__csv=REORDERED
    )
    with pytest.raises(DataError) as caught:
        mapped(folder, PLAIN)
    assert [fault.file for fault in caught.value.faults] == ["A.csv", "B.csv"]


WRONG_MAPPINGS = {
    "prices: adjusted\ninputs: [{columns: {clse: x}}]": "did you mean 'close'",
    "prices: adjusted\ninputs: [{table: facts}]": "facts need known",
    "prices: adjusted\nturn_raw: splits\ninputs: [{}]": "set prices: raw",
    "prices: adjusted\nretrieved: 2024-01-01T00:00:00\ninputs: [{}]": "retrieved needs an offset",
    "prices: adjusted\ninputs: [{tabel: bars}]": "did you mean 'table'",
    "prices: adjusted": "inputs  is required",
}


@pytest.mark.parametrize("text", WRONG_MAPPINGS)
def test_a_faulty_mapping_is_told_with_its_line(text, tmp_path):
    path = tmp_path / "m.yaml"
    path.write_text(f"name: m\n{text}\n")
    with pytest.raises(ConfigError, match=WRONG_MAPPINGS[text]):
        load_mapping(path)


def test_an_unknown_preset_is_told_with_the_nearest():
    with pytest.raises(ConfigError.__base__, match="did you mean 'lean'"):
        load_preset("leen")


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_is_a_mapping(name):
    assert load_preset(name).inputs


def test_what_was_there_first_stays_and_holes_are_filled(files, mapped, saved):
    saved(mapped(files(A__csv="Date,Close,Volume\n2024-03-04,10,5\n"), PLAIN))
    later = "Date,Close,Volume\n2024-03-04,99,9\n2024-03-05,11,6\n"
    bars = saved(mapped(files(A__csv=later), PLAIN)).bars
    assert bars["close"].tolist() == [10.0, 11.0]


def test_a_list_of_everything_adds_lots_to_what_is_there_only(files, mapped, saved):
    saved(mapped(files(**{"0700__HK__csv": REORDERED}), PLAIN))
    text = (
        "Stock Code,Name of Securities,Category,Board Lot,Trading Currency\n"
        '00700,TENCENT,Equity,"1,000",HKD\n00001,CKH,Equity,500,HKD\n'
    )
    path = files(list__csv=text) / "list.csv"
    instruments = saved(import_files(load_preset("hkex_securities"), [path])).instruments
    rows = instruments[["symbol", "name", "lot_size"]].to_numpy().tolist()
    assert rows == [["0700.HK", "TENCENT", 1000.0]]


def test_raw_and_adjusted_prices_are_not_mixed(files, mapped, saved):
    saved(mapped(files(A__csv=REORDERED), PLAIN))
    with pytest.raises(DataError, match="the bundle's are adjusted, those to be added raw"):
        saved(mapped(files(A__csv=REORDERED), PLAIN.replace("adjusted", "raw")))


def test_facts_alone_make_no_bundle(files, tmp_path):
    text = "date,mutual_type,net_buy\n2024-03-04,6,12.5\n2024-03-04,5,1\n"
    delivery = import_files(load_preset("stock_connect"), [files(sc__csv=text) / "sc.csv"])
    assert delivery.tables["facts"]["value"].tolist() == [12_500_000.0]
    with pytest.raises(DataError, match="a bundle needs bars"):
        save(delivery, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_the_same_files_give_the_same_bytes(files, mapped, tmp_path):
    folder = files(A__csv=REORDERED, B__csv=REORDERED)
    for name in ("one", "two"):
        save(mapped(folder, PLAIN), tmp_path / name)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_rows_that_stand_in_the_files_twice_count_once_and_are_told(files, mapped):
    text = "Date,Close\n2024-03-04,1\n2024-03-05,2\n"
    folder = files(first__csv=text, second__csv=text + "2024-03-05,3\n")
    delivery = mapped(
        folder,
        "name: m\nprices: adjusted\ninputs: [{columns: {session: Date, close: Close},"
        " constants: {symbol: SPY}}]\n",
    )
    assert delivery.tables["bars"]["close"].tolist() == [1.0, 2.0, 3.0]  # 2 and 3 disagree: stay
    assert "2 rows of bars that stand in the files more than once" in delivery.notes

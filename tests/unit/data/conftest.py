import pandas as pd
import pytest

from backtest.data.bundle import Bundle


def _instruments(*symbols, **columns):
    """One row per symbol: a stock on XHKG in HKD unless a column says otherwise."""
    plain = {"exchange": "XHKG", "currency": "HKD", "kind": "stock"}
    return pd.DataFrame({"symbol": list(symbols), **plain, **columns})


def _bars(symbol, closes, *, start="2024-01-02", **columns):
    """Flat bars of 100 shares on the weekdays from ``start`` (no holiday until 2024-02-12)."""
    close = pd.Series(closes, dtype="float64")
    plain = {"open": close, "high": close, "low": close, "close": close, "volume": 100.0}
    sessions = pd.bdate_range(start, periods=len(close))
    return pd.DataFrame({"symbol": symbol, "session": sessions, **plain, **columns})


def _bundle(*bars, **tables):
    """Bundle of these bars, with a plain instrument for each of their symbols."""
    frame = pd.concat(bars, ignore_index=True)
    tables.setdefault("instruments", _instruments(*frame["symbol"].unique()))
    return Bundle.from_frames(**{"name": "tiny", "bars": frame, **tables})


@pytest.fixture
def instruments():
    return _instruments


@pytest.fixture
def bars():
    return _bars


@pytest.fixture
def bundle():
    return _bundle


@pytest.fixture
def found():
    """(check, table, symbols, rows) of each finding."""

    def of(made):
        return [
            (item.check, item.table, item.symbols, item.count, item.dropped)
            for item in made.findings
        ]

    return of


@pytest.fixture
def write(tmp_path):
    """Write tables and bundle.yaml into a folder."""

    def to(name="market", *, info="name: tiny\nprices: raw\n", suffix=".parquet", **tables):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        (folder / "bundle.yaml").write_text(info)
        for table, frame in tables.items():
            path = folder / f"{table}{suffix}"
            if suffix == ".csv":
                frame.to_csv(path, index=False)
            else:
                frame.to_parquet(path, index=False)
        return folder

    return to

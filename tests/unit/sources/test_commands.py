"""The commands, as a user meets them."""

import json

import pytest
from typer.testing import CliRunner

from backtest.cli import app
from backtest.sources.protocol import Pace, SourceError, Unavailable

CSV = "Date,Close,Open,High,Low,Volume\n2024-03-04,10,10,10,10,5\n2024-03-05,11,11,11,11,5\n"


@pytest.fixture
def command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(app, ["data", *words])


def test_guess_correct_import(command, tmp_path):
    (tmp_path / "prices").mkdir()
    (tmp_path / "prices" / "0001.HK.csv").write_text(CSV)
    done = command("import", "prices", "--guess", "--to", "mapping.yaml")
    assert done.exit_code == 0, done.output
    done = command("import", "prices", "--mapping", "mapping.yaml", "--to", "mine", "--json")
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert said["bundle"] == "mapping"
    assert said["caveats"] == [
        "When the files were made is not known: their last session may be unfinished."
    ]
    again = command("import", "prices", "--guess", "--to", "mapping.yaml")
    assert again.exit_code == 2
    assert "is there already" in again.output


def test_faults_of_the_checks_are_told_and_the_bundle_is_there(command, tmp_path):
    (tmp_path / "0001.HK.csv").write_text(CSV + "2024-03-05,12,12,12,12,5\n")
    done = command("import", "0001.HK.csv", "--preset", "yfinance", "--to", "mine")
    assert done.exit_code == 2
    assert "duplicate_keys" in done.output
    assert (tmp_path / "mine" / "bars.parquet").is_file()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["import", "x.csv", "--to", "m"], "--guess writes a mapping"),
        (["import", "x.csv", "--preset", "yfinance"], "name the bundle's folder"),
        (["import", "x.csv", "--preset", "yfinance", "--to", "m"], "no such file"),
        (["import", "--guess"], "name the files"),
        (["fetch", "yahoo", "--to", "m"], "name a symbol"),
        (["fetch", "yaho", "SPY", "--to", "m"], "there are akshare, yahoo"),
        (["update", "none"], "no such folder"),
    ],
)
def test_a_mistake_is_told_without_a_traceback(command, words, said):
    done = command(*words)
    assert done.exit_code == 2
    assert said in done.output
    assert "Traceback" not in done.output


def test_a_symbol_that_fails_ends_with_1_and_the_others_are_there(command, tmp_path, monkeypatch):
    from backtest.sources import yahoo

    history = yahoo_history()

    class Ticker:
        def __init__(self, ticker):
            self.ticker = ticker

        def history(self, **_):
            return history.iloc[:0] if self.ticker == "NONE" else history

        def get_history_metadata(self):
            return {"currency": "USD"}

    monkeypatch.setattr(yahoo, "_client", lambda _: Ticker)
    monkeypatch.setattr(yahoo.Yahoo, "pace", Pace(pause=0.0, retries=0, backoff=0.0))
    (tmp_path / "list.txt").write_text("SPY  # an ETF\nNONE\n")
    done = command("fetch", "yahoo", "--symbols", "list.txt", "--to", "mine", "--json")
    assert done.exit_code == 1
    said = json.loads(done.stdout)
    assert said["failed"] == {"NONE": "the answer is empty"}
    done = command("update", "mine")
    assert done.exit_code == 0, done.output


def yahoo_history():
    import pandas as pd

    names = ["Open", "High", "Low", "Close", "Adj Close", "Volume", "Dividends", "Stock Splits"]
    index = pd.DatetimeIndex(["2024-03-04", "2024-03-05"], tz="America/New_York", name="Date")
    return pd.DataFrame([[5.0] * 5 + [100, 0.0, 0.0]] * 2, index=index, columns=names)


def test_without_a_network_nothing_is_written(command, tmp_path, monkeypatch):
    from backtest.sources.yahoo import Yahoo

    def dead(self, symbol, start):
        raise Unavailable("Yahoo cannot be reached: no route")

    monkeypatch.setattr(Yahoo, "fetch", dead)
    monkeypatch.setattr(Yahoo, "pace", Pace(pause=0.0, retries=1, backoff=0.0))
    done = command("fetch", "yahoo", "SPY", "--to", "mine")
    assert done.exit_code == 1
    assert "no route" in done.output
    assert "the bundle is as it was" in done.output
    assert list(tmp_path.iterdir()) == []
    assert issubclass(Unavailable, SourceError)


def test_an_import_may_go_to_a_store(command, tmp_path, monkeypatch):
    monkeypatch.setattr("backtest.data.remote.cache_folder", lambda: tmp_path / "cache")
    (tmp_path / "0001.HK.csv").write_text(CSV)
    to = "memory://imported/mine"
    done = command("import", "0001.HK.csv", "--preset", "yfinance", "--to", to)
    assert done.exit_code == 0, done.output
    assert to in done.stdout
    assert "2024-03-04 to 2024-03-05" in command("show", to).output
    refused = command("import", "0001.HK.csv", "--preset", "yfinance", "--to", "nothing://x/mine")
    assert refused.exit_code == 2
    assert "Protocol not known: nothing" in refused.output

"""A bundle's tables, asked with DuckDB."""

import json

import pytest
from typer.testing import CliRunner

from backtest.cli import app
from backtest.data.sql import ask, csv_text
from backtest.errors import FaultyInput


@pytest.fixture
def tiny(bundle, bars):
    return bundle(bars("A", [1.0, 2.0]), bars("B", [5.0]))


def test_a_query_sees_the_tables(tiny):
    text = "select symbol, count(*) as n, max(session) as last from bars group by 1 order by 1"
    answer = ask(tiny, text)
    assert answer.columns == ("symbol", "n", "last")
    assert csv_text(answer) == "symbol,n,last\nA,2,2024-01-03\nB,1,2024-01-02\n"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("selec 1", "syntax error"),
        ("select * from prices", "prices does not exist"),
        ("select * from '/etc/passwd'", "disabled by configuration|does not exist"),
        ("copy bars to 'bars.csv'", "disabled by configuration"),
    ],
)
def test_what_it_must_not_or_cannot_do_is_told(tiny, query, message):
    with pytest.raises(FaultyInput, match=message):
        ask(tiny, query)


def test_the_command_answers_in_json_and_csv(write, bars, instruments):
    folder = write(instruments=instruments("A"), bars=bars("A", [1.0, 2.0]))
    query = "select close from bars order by close"
    done = CliRunner().invoke(app, ["data", "sql", str(folder), query, "--json"])
    assert json.loads(done.stdout) == {"columns": ["close"], "rows": [[1.0], [2.0]]}
    done = CliRunner().invoke(app, ["data", "sql", str(folder), query, "--csv"])
    assert done.stdout == "close\n1.0\n2.0\n"
    early = ["data", "sql", str(folder), query, "--csv", "--as-of", "2024-01-02"]
    assert CliRunner().invoke(app, early).stdout == "close\n1.0\n"

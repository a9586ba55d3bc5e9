"""What a config asks of its data: told at its lines, before anything is simulated."""

from __future__ import annotations

import pandas as pd
import pytest

from backtest.config import RunConfig, load_config
from backtest.config.fit import bundle_of, outside_data
from backtest.data.arrays import bar_arrays
from backtest.errors import ConfigError, DataError
from backtest.runner import prepare, run

DAYS = pd.to_datetime(["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05"])

PLAIN = "name: a\nstrategy: {name: equal_weight}\n"


@pytest.fixture
def config(tmp_path):
    """A config file over two sessions' bars of one Hong Kong name, by its text's last lines."""
    market = tmp_path / "tiny"
    market.mkdir()
    (market / "bundle.yaml").write_text("name: tiny\nprices: raw\n", encoding="utf-8")
    listing = pd.DataFrame(
        {"symbol": ["0005.HK"], "exchange": "XHKG", "currency": "HKD", "kind": "stock"}
    )
    prices = dict.fromkeys(("open", "high", "low", "close"), 10.0)
    bars = pd.DataFrame({"symbol": "0005.HK", "session": DAYS, **prices, "volume": 1e6})
    listing.to_csv(market / "instruments.csv", index=False)
    bars.to_csv(market / "bars.csv", index=False)

    def made(*lines: str, overrides=()) -> RunConfig:
        text = ["name: a", "strategy: {name: equal_weight}", "data:", "  bundle: tiny", *lines]
        (tmp_path / "a.yaml").write_text("\n".join(text) + "\n", encoding="utf-8")
        return load_config(tmp_path / "a.yaml", overrides=overrides)

    return made


@pytest.fixture
def faults():
    """(line, column, where, message) of what cannot be run."""

    def of(config: RunConfig) -> list[tuple[int, int, str, str]]:
        with pytest.raises((ConfigError, DataError)) as told:
            prepare(config)
        assert all(fault.file.endswith("a.yaml") for fault in told.value.faults)
        return [(item.line, item.column, item.where, item.message) for item in told.value.faults]

    return of


def test_a_bundle_that_is_not_there_is_told_at_its_line_with_what_to_do(config, tmp_path):
    (tmp_path / "tiny").rename(tmp_path / "tinny")
    with pytest.raises(DataError) as told:
        bundle_of(config())
    (fault,) = told.value.faults
    assert (fault.file, fault.line, fault.column) == (str(tmp_path / "a.yaml"), 4, 11)
    assert fault.where == "data.bundle"
    assert fault.message == (
        f"{tmp_path / 'tiny'}: no such folder; did you mean 'tinny'?; "
        "give yours with --set data.bundle=PATH"
    )


def test_a_bundle_of_an_override_is_told_as_that(config, tmp_path):
    with pytest.raises(DataError, match=r"--set data\.bundle=x  data\.bundle  .*no such folder"):
        bundle_of(config(overrides=["data.bundle=x"]))


def test_the_file_that_names_the_bundle_is_told_as_one_would_write_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, text in {
        "configs/base/hk.yaml": "data: {bundle: ../../data/hk}\n",
        "configs/real/a.yaml": f"extends: ../base/hk.yaml\n{PLAIN}",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(
        DataError, match=r"  configs/base/hk\.yaml:1:16  data\.bundle  .*data/hk: no"
    ):
        bundle_of(load_config("configs/real/a.yaml"))


def test_a_benchmark_and_a_start_are_told_at_once_with_their_lines(config, faults):
    told = faults(config("  start: 2024-02-01", "benchmark: 0006.HK"))
    assert told == [
        (6, 12, "benchmark", "'0006.HK' is not in the bundle; did you mean '0005.HK'?"),
        (5, 10, "data.start", "is 2024-02-01, but the data end on 2024-01-05"),
    ]


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (
            ["  end: 2023-12-01"],
            (5, 8, "data.end", "is 2023-12-01, but the data begin on 2024-01-02"),
        ),
        (
            ["clock: {base: XNYS}"],
            (
                5,
                15,
                "clock.base",
                "is XNYS, but the bundle has instruments on XHKG only; set clock: {base: XHKG}",
            ),
        ),
        (
            ["universe: {symbols: [0006.HK]}"],
            (
                5,
                21,
                "universe.symbols",
                "'0006.HK' is not in the bundle; did you mean '0005.HK'?",
            ),
        ),
    ],
)
def test_what_the_data_lack_is_told_at_the_line_that_asks(config, faults, lines, told):
    assert faults(config(*lines)) == [told]


def test_configs_that_say_the_same_in_other_lines_are_equal(config):
    assert config("  start: 2024-01-03", "seed: 1") == config("", "  start: 2024-01-03", "seed: 1")


def test_a_period_beyond_the_data_is_warned_of_with_what_there_is(config):
    wide = config("  start: 2023-12-01", "  end: 2052-01-01")
    assert [text for text in run(wide).manifest["warnings"] if text.startswith("data.")] == [
        "data.start is 2023-12-01, but the bars of XHKG begin on 2024-01-02.",
        "data.end is 2052-01-01, but the bars of XHKG end on 2024-01-05.",
    ]


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["  start: 2024-01-02", "  end: 2024-01-05"],
        # A holiday before, a weekend after: no session is missing.
        ["  start: 2024-01-01", "  end: 2024-01-07"],
    ],
)
def test_a_period_that_misses_no_session_is_not_warned_of(config, lines):
    asked = config(*lines)
    assert list(outside_data(asked, bar_arrays(bundle_of(asked)))) == []

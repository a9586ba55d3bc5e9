"""A YAML file becomes one validated value, or every fault in it with its place."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from backtest.config import RunConfig, load_config
from backtest.config.model import ASIDE, SHARED
from backtest.errors import ConfigError, Fault
from backtest.units import Money

TOY = '''
"""Hold the top names."""

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from backtest import Strategy
from backtest.units import Sessions


class Toy(Strategy):
    lookback: Sessions = Field(252, gt=1, description="sessions looked back")
    top: int = Field(10, ge=1, description="names held")
    weights: Path | None = None

    def faults(self, execution, clock):
        return ["toy needs clock.base: XHKG"] if clock.base != "XHKG" else []
'''
OWN = TOY.replace(
    "class Toy(Strategy):", "class Toy(Strategy):\n    own_schedule: ClassVar[bool] = True\n"
)

ROOT = Path(__file__).resolve().parents[2]
RUNS = [path for path in sorted((ROOT / "configs").rglob("*.yaml")) if path.parent.name != "base"]

GOOD = """
name: a-run
data: {bundle: sample}
strategy: {name: toy}
"""


@pytest.fixture(autouse=True)
def _workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "strategies").mkdir()
    (tmp_path / "strategies" / "toy.py").write_text(TOY)
    (tmp_path / "strategies" / "loner.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def to_file(text: str, name: str = "run.yaml") -> Path:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text).lstrip("\n"))
        return path

    return to_file


@pytest.fixture
def faults(write: Callable[..., Path]) -> Callable[..., list[Fault]]:
    def of(text: str, *overrides: str) -> list[Fault]:
        with pytest.raises(ConfigError) as caught:
            load_config(write(text), overrides=overrides)
        return list(caught.value.faults)

    return of


def messages(found: list[Fault]) -> dict[str, str]:
    return {fault.where: fault.message for fault in found}


def at(fault: Fault) -> tuple[str, int, int]:
    return fault.file, fault.line, fault.column


class TestReading:
    def test_three_keys_are_enough_and_the_rest_is_default(self, write):
        config = load_config(write(GOOD))
        assert (config.name, config.clock.base, config.market) == ("a-run", "XHKG", "auto")
        assert config.portfolio.cash == Money(amount=1_000_000)

    def test_values_with_units_are_read_as_people_write_them(self, write):
        config = load_config(
            write(
                GOOD
                + """
execution: {slippage: {bps: 0.1%}, max_participation: 25%}
portfolio: {cash: 5m HKD}
exits: {stop_loss: 250bps, max_sessions: 2w}
universe: {min_turnover: 10m, min_history: 1y}
"""
            )
        )
        assert config.execution.slippage.bps == 10.0
        assert config.execution.max_participation == 0.25
        assert config.portfolio.cash == Money(amount=5_000_000, currency="HKD")
        assert (config.exits.stop_loss, config.exits.max_sessions) == (0.025, 10)
        assert config.universe.min_history == 252

    def test_yaml_is_1_2_so_no_and_off_are_words(self, write):
        assert load_config(write(GOOD + "description: off\n")).description == "off"

    def test_an_empty_section_means_its_defaults(self, write):
        config = load_config(write(GOOD + "exits:\nexecution: {slippage: null}\n"))
        assert config.exits.stop_loss is None
        assert config.execution.slippage.bps == 0.0

    def test_a_config_is_frozen_and_survives_a_process_boundary(self, write):
        config = load_config(write(GOOD))
        assert pickle.loads(pickle.dumps(config)) == config  # noqa: S301 - our own bytes
        with pytest.raises(ValueError, match="frozen"):
            config.name = "b"


class TestExtends:
    def test_maps_merge_deeply_and_scalars_and_lists_replace(self, write):
        write("portfolio: {band: 1%, cash: 2m}\nuniverse: {symbols: [A, B]}\n", "base/b.yaml")
        own = "extends: base/b.yaml\nportfolio: {cash: 3m}\nuniverse: {symbols: [C]}\n"
        config = load_config(write(own + GOOD))
        assert (config.portfolio.band, config.portfolio.cash.amount) == (0.01, 3e6)
        assert config.universe.symbols == ("C",)

    def test_of_several_bases_the_later_wins(self, write):
        write("seed: 1\nportfolio: {band: 1%}\n", "one.yaml")
        write("seed: 2\n", "two.yaml")
        config = load_config(write("extends: [one.yaml, two.yaml]\n" + GOOD))
        assert (config.seed, config.portfolio.band) == (2, 0.01)

    def test_a_base_is_found_beside_the_file_that_names_it(self, write):
        write("seed: 7\n", "base/deep/c.yaml")
        write("extends: deep/c.yaml\n", "base/b.yaml")
        assert load_config(write("extends: base/b.yaml\n" + GOOD)).seed == 7

    def test_a_fault_in_a_base_is_placed_in_the_base(self, write, faults):
        write("portfolio:\n  band: 200%\n", "base/b.yaml")
        (fault,) = faults("extends: base/b.yaml\n" + GOOD)
        assert at(fault) == ("base/b.yaml", 2, 9)
        assert fault.message == "must be below 1, got '200%'"

    def test_a_circle_is_a_fault(self, write, faults):
        write("extends: run.yaml\n", "other.yaml")
        (fault,) = faults("extends: other.yaml\n" + GOOD)
        assert fault.message == "goes round in a circle: run.yaml -> other.yaml -> run.yaml"
        assert at(fault) == ("other.yaml", 1, 10)

    def test_a_missing_base_hints_the_nearest_file(self, write, faults):
        write("seed: 1\n", "base/frictionless.yaml")
        (fault,) = faults("extends: base/frictionles.yaml\n" + GOOD)
        assert fault.message == (
            "no such file: base/frictionles.yaml; did you mean 'frictionless.yaml'?"
        )

    def test_null_drops_what_a_base_says(self, write):
        write("exits: {stop_loss: 5%}\n", "b.yaml")
        config = load_config(write("extends: b.yaml\nexits: null\n" + GOOD))
        assert config.exits.stop_loss is None


class TestOverrides:
    def test_an_override_wins_over_the_file_and_is_read_as_yaml(self, write):
        config = load_config(
            write(GOOD + "seed: 1\n"),
            overrides=[
                "seed=2",
                "strategy.params.top=3",
                "universe.symbols=[A, B]",
                "data.start=2020-01-02",
                "execution.slippage.bps=5bps",
            ],
        )
        assert (config.seed, config.strategy.params["top"]) == (2, 3)
        assert config.universe.symbols == ("A", "B")
        assert str(config.data.start) == "2020-01-02"
        assert config.execution.slippage.bps == 5.0

    def test_an_override_replaces_a_scalar_where_a_map_is_needed(self, write):
        config = load_config(write(GOOD + "market: hk\n"), overrides=["market.XHKG=us"])
        assert config.market == {"XHKG": "us"}

    def test_an_unknown_key_of_an_override_gets_a_hint(self, faults):
        (fault,) = faults(GOOD, "exits.stop_los=3%")
        assert str(fault) == (
            "--set exits.stop_los=3%  exits.stop_los  unknown; did you mean 'stop_loss'?"
        )

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("seed", "must look like key=value or a.b=value"),
            ("=3", "must look like key=value or a.b=value"),
            ("extends=b.yaml", "stands in files only"),
        ],
    )
    def test_a_malformed_override_is_a_fault(self, faults, text, message):
        (fault,) = faults(GOOD, text)
        assert (fault.file, fault.message) == (f"--set {text}", message)

    def test_an_entry_of_a_list_cannot_be_set_alone(self, faults):
        (fault,) = faults(GOOD + "universe: {symbols: [A]}\n", "universe.symbols.0=B")
        assert fault.message == "'universe.symbols' is a list; set it whole, as [a, b]"


class TestFaults:
    def test_all_faults_come_at_once_each_at_its_line_and_column(self, faults):
        found = faults(
            """
            name: ../up
            data: {bundle: sample, start: 2020-02-30}
            strategy:
              name: toy
              params: {lookbak: 20, top: 0}
            execution:
              fill: vwap
              slippage: {bps: abc}
            seed: 1.5
            """
        )
        assert [(fault.where, fault.line, fault.column) for fault in found] == [
            ("name", 1, 7),
            ("data.start", 2, 31),
            ("strategy.params.lookbak", 5, 12),
            ("strategy.params.top", 5, 30),
            ("execution.fill", 7, 9),
            ("execution.slippage.bps", 8, 19),
            ("seed", 9, 7),
        ]
        said = messages(found)
        assert said["data.start"] == "must be a date such as 2020-01-31, got '2020-02-30'"
        assert said["strategy.params.lookbak"] == "unknown; did you mean 'lookback'?"
        assert said["strategy.params.top"] == "must be at least 1, got 0"
        assert said["execution.fill"] == "must be 'open' or 'close', got 'vwap'"
        assert said["execution.slippage.bps"] == (
            "must be basis points such as 10, '10bps' or '0.1%', got 'abc'"
        )
        assert said["seed"] == "must be a whole number, got 1.5"

    def test_the_error_reads_as_a_list_with_places(self, write):
        with pytest.raises(ConfigError) as caught:
            load_config(write(GOOD + "sed: 1\n"))
        assert str(caught.value) == (
            "run.yaml: 1 fault\n  run.yaml:4:1  sed  unknown; did you mean 'seed'?"
        )

    def test_a_required_key_that_is_missing_says_what_it_is(self, faults):
        said = messages(faults("name: a\ndata: {}\n"))
        assert said["strategy"].startswith("is required: ")
        assert said["data.bundle"].startswith("is required: ")

    def test_a_key_at_home_in_another_section_is_pointed_there(self, faults):
        said = messages(faults(GOOD + "execution: {stop_loss: 5%}\n"))
        assert said == {"execution.stop_loss": "unknown here; did you mean 'exits.stop_loss'?"}

    def test_an_unknown_check_hints_the_nearest(self, faults):
        said = messages(
            faults("name: a\ndata: {bundle: sample, checks: {spik: warn}}\nstrategy: {name: toy}\n")
        )
        assert said == {"data.checks.spik": "unknown; did you mean 'spike'?"}

    def test_an_unknown_strategy_hints_the_nearest(self, faults):
        (fault,) = faults(GOOD.replace("toy", "toyy"))
        assert (fault.where, fault.line) == ("strategy.name", 3)
        assert "did you mean 'toy'?" in fault.message

    def test_a_strategy_file_that_does_not_load_is_a_fault(self, faults):
        Path("strategies/broken.py").write_text("import nothing_of_that_name\n")
        (fault,) = faults(GOOD.replace("toy", "broken"))
        assert fault.message == (
            "its file cannot be loaded: ModuleNotFoundError: No module named 'nothing_of_that_name'"
        )

    def test_an_unknown_market_hints_the_nearest(self, faults):
        said = messages(faults(GOOD + "market: {XHKG: frictionles}\n"))
        assert said["market.XHKG"].startswith(
            "no market is called 'frictionles'; did you mean 'frictionless'?"
        )

    def test_true_is_not_the_number_1(self, faults):
        said = messages(
            faults(
                GOOD.replace("toy", "toy, params: {top: true}") + "seed: true\n"
                "market: {XHKG: {use: hk, brokerage: {min: false}}}\n"
            )
        )
        assert said == {
            "strategy.params.top": "must not be true or false, got true",
            "seed": "must not be true or false, got true",
            "market.XHKG.brokerage.min": "must not be true or false, got false",
        }

    def test_a_number_where_text_is_meant_is_to_be_quoted(self, faults):
        said = messages(faults(GOOD + "benchmark: 2800\n"))
        assert said == {"benchmark": "must be text, got 2800; put it in quotes"}

    def test_a_union_is_one_fault_that_names_every_choice(self, faults):
        said = messages(faults(GOOD + "tearsheet: {risk_free: x}\n"))
        assert said == {
            "tearsheet.risk_free": "must be 'rates' or a fraction such as 0.0025, '0.25%' or "
            "'25bps', got 'x'"
        }

    def test_a_fault_inside_a_map_of_a_union_is_placed_inside(self, faults):
        said = messages(faults(GOOD + "portfolio: {withholding: {XHKG: 10 %, XNYS: q}}\n"))
        assert list(said) == ["portfolio.withholding.XNYS"]

    @pytest.mark.parametrize(
        "name", ["../up", "a/b", "", ".hidden", "a b", "-flag", "nul\\x", "x" * 101, "a\n"]
    )
    def test_a_name_that_is_no_plain_folder_is_a_fault(self, faults, name):
        said = messages(faults(GOOD.replace("a-run", json.dumps(name))))
        assert set(said) == {"name"}

    @pytest.mark.parametrize("number", [".nan", ".inf", "-.inf"])
    def test_numbers_are_finite(self, faults, number):
        said = messages(faults(GOOD + f"portfolio: {{max_gross: {number}}}\n"))
        assert said["portfolio.max_gross"] == f"must be a finite number, got {number}"


class TestText:
    def test_a_duplicate_key_is_a_fault_that_names_the_first(self, faults):
        (fault,) = faults(GOOD + "seed: 1\nseed: 2\n")
        assert at(fault) == ("run.yaml", 5, 1)
        assert fault.message == "duplicate key; it already stands in line 4"

    def test_tags_are_not_allowed(self, faults):
        (fault,) = faults(GOOD + "description: !!python/name:os.system x\n")
        assert "is not allowed" in fault.message

    def test_text_that_is_no_yaml_says_where(self, faults):
        (fault,) = faults("name: [a\n")
        assert fault.line == 2
        assert fault.message.startswith("is not YAML: while parsing a flow sequence")

    def test_an_alias_that_holds_itself_is_a_fault(self, faults):
        assert any(
            "may not contain itself" in f.message for f in faults(GOOD + "exits: &a {x: *a}\n")
        )

    def test_aliases_of_aliases_do_not_explode(self, faults):
        bomb = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
        for n in range(1, 8):
            bomb += f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n"
        assert any("100,000 values" in fault.message for fault in faults(bomb))

    @pytest.mark.parametrize("text", ["", "- a\n", "just words\n"])
    def test_a_file_that_is_no_map_is_a_fault(self, faults, text):
        assert faults(text)[0].file == "run.yaml"

    def test_a_file_that_is_not_there_hints_the_nearest(self, write):
        write(GOOD, "configs/momentum.yaml")
        with pytest.raises(ConfigError, match="did you mean 'momentum"):
            load_config("configs/momentun.yaml")

    def test_a_folder_is_no_file(self):
        with pytest.raises(ConfigError, match="strategies"):
            load_config("strategies")

    def test_bytes_that_are_no_utf8_are_a_fault(self, tmp_path):
        Path("x.yaml").write_bytes(b"name: \xff\n")
        with pytest.raises(ConfigError, match="is not UTF-8 text: byte 6 is 0xff"):
            load_config("x.yaml")


class TestClashes:
    @pytest.mark.parametrize(
        ("settings", "where", "message"),
        [
            ("portfolio: {cash: 0}", "portfolio.cash", "must be above 0, got 0"),
            (
                "portfolio: {max_gross: 1.5}",
                "portfolio.max_gross",
                "must be at most 1 in a cash account",
            ),
            (
                "portfolio: {max_gross: 0.2, band: 20%}",
                "portfolio.band",
                "must be below the largest order that max_gross allows, 0.2 of NAV, got 0.2",
            ),
            ("portfolio: {withholding: {XNYS: 130%}}", "portfolio.withholding.XNYS", "from 0 to 1"),
            (
                "universe: {listed_at_least: 9, listed_at_most: 5}",
                "universe.listed_at_least",
                "is above universe.listed_at_most: 9 > 5",
            ),
            ("universe: {symbols: [A], exclude: [A]}", "universe.exclude", "names too: A"),
            ("clock: {rebalance: 0}", "clock.rebalance", "must be at least 1 session, got 0"),
            (
                "execution: {sizing: fill}\nexits: {stop_loss: 5%}",
                "execution.sizing",
                "cannot be combined with exits",
            ),
            (
                "execution: {sizing: fill, unfilled: carry}",
                "execution.sizing",
                "cannot be combined with unfilled: carry",
            ),
            (
                "execution: {ipo_entry: offer}\nclock: {decide: after_close}",
                "execution.ipo_entry",
                "'offer' needs clock.decide: before_open",
            ),
            ("clock: {base: XNYS}", "strategy.name", "toy needs clock.base: XHKG"),
        ],
    )
    def test_settings_that_cannot_stand_together_are_a_fault(
        self, faults, settings, where, message
    ):
        (fault,) = faults(GOOD + settings + "\n")
        assert fault.where == where
        assert message in fault.message

    def test_the_start_may_not_be_after_the_end(self, faults):
        (fault,) = faults(GOOD.replace("sample", "sample, start: 2021-01-01, end: 2020-01-01"))
        assert fault.where.startswith("data")
        assert "2020-01-01" in fault.message

    def test_what_is_known_before_the_start_is_nothing(self, faults):
        (fault,) = faults(GOOD.replace("sample", "sample, start: 2021-01-01, as_of: 2020-01-01"))
        assert fault.where == "data.as_of"

    def test_a_strategy_with_its_own_schedule_takes_no_other(self, faults):
        (fault,) = faults(GOOD.replace("toy", "loner") + "clock: {rebalance: month}\n")
        assert (fault.where, fault.message) == (
            "clock.rebalance",
            "must be session: loner chooses its own decisions",
        )

    def test_clashes_among_sound_sections_are_told_beside_other_faults(self, faults):
        said = messages(faults(GOOD + "portfolio: {cash: 0}\nexecution: {fill: vwap}\n"))
        assert set(said) == {"portfolio.cash", "execution.fill"}


class TestPaths:
    def test_a_bundle_is_relative_to_the_file_that_names_it(self, write, tmp_path):
        write("data: {bundle: ../data/hk}\n", "configs/base/b.yaml")
        text = "extends: base/b.yaml\nname: a\nstrategy: {name: toy, params: {weights: w.csv}}\n"
        config = load_config(write(text, "configs/run.yaml"))
        assert config.data.bundle == str(tmp_path / "configs/data/hk")
        assert config.strategy.params["weights"] == str(tmp_path / "configs/w.csv")
        plain = config.resolved()
        assert plain["data"]["bundle"] == "data/hk"
        assert plain["strategy"]["params"]["weights"] == "w.csv"

    def test_a_path_of_an_override_is_relative_to_the_working_directory(self, write, tmp_path):
        path = write(GOOD, "configs/run.yaml")
        config = load_config(path, overrides=["data.bundle=data/us"])
        assert config.data.bundle == str(tmp_path / "data/us")
        assert config.resolved()["data"]["bundle"] == "../data/us"

    def test_market_files_are_paths_and_market_names_are_not(self, write, tmp_path):
        write("currency: HKD\n", "configs/rules/own.yaml")
        market = "market: {XHKG: hk, XNYS: {use: rules/own.yaml}}\n"
        config = load_config(write(GOOD + market, "configs/run.yaml"))
        assert config.market["XHKG"] == "hk"
        assert config.market["XNYS"].use == str(tmp_path / "configs/rules/own.yaml")
        assert config.resolved()["market"]["XNYS"]["use"] == "rules/own.yaml"

    def test_a_market_file_that_is_not_there_is_a_fault(self, faults):
        assert messages(faults(GOOD + "market: rules/own.yaml\n"))["market"].startswith(
            "no such file"
        )

    def test_an_updated_copy_does_not_fall_back_to_the_path_as_written(self, write):
        config = load_config(write(GOOD.replace("sample", "data/hk")))
        other = config.model_copy(
            update={"data": config.data.model_copy(update={"bundle": "sample"})}
        )
        assert other.resolved()["data"]["bundle"] == "sample"


class TestResolved:
    def test_everything_is_there_defaults_and_strategy_params_too(self, write):
        plain = load_config(write(GOOD)).resolved()
        # A single run reads nothing of how many are made.
        assert list(plain) == [
            name for name in RunConfig.model_fields if name not in (*ASIDE, *SHARED)
        ]
        assert plain["strategy"] == {
            "name": "toy",
            "params": {"lookback": 252, "top": 10, "weights": None},
        }
        assert plain["portfolio"]["cash"] == {"amount": 1_000_000.0, "currency": "HKD"}

    def test_it_is_json_and_reads_back_to_the_same(self, write):
        config = load_config(
            write(
                GOOD.replace(
                    "sample", "sample, start: 2020-01-02, as_of: 2021-01-01, checks: {spike: drop}"
                )
                + "market: {XNYS: us, XHKG: {use: hk, brokerage: {rate: 3bp}}}\n"
                + "exits: {stop_loss: 1%}\n"
            )
        )
        text = json.dumps(config.resolved())
        assert load_config(write(text, "again.yaml")).resolved() == config.resolved()

    def test_the_order_of_keys_in_the_file_makes_no_difference(self, write):
        one = (
            GOOD + "market: {XHKG: hk, XNYS: us}\nportfolio: {withholding: {XNYS: 30%, XHKG: 0}}\n"
        )
        two = (
            "portfolio: {withholding: {XHKG: 0, XNYS: 30%}}\nmarket: {XNYS: us, XHKG: hk}\n" + GOOD
        )
        texts = {json.dumps(load_config(write(text)).resolved()) for text in (one, two)}
        assert len(texts) == 1

    def test_units_make_no_difference(self, write):
        one = load_config(write(GOOD + "portfolio: {cash: 5m HKD, band: 1%}\n"))
        two = load_config(write(GOOD + "portfolio: {cash: 5_000_000, band: 100bps}\n"))
        assert one.resolved() == two.resolved()


@pytest.mark.parametrize("path", RUNS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_config_of_the_project_is_sound(path, monkeypatch):
    monkeypatch.chdir(ROOT)
    plain = load_config(path).resolved()
    assert not Path(plain["data"]["bundle"]).is_absolute()

"""What the command line prints where, and how it ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import backtest
from backtest.cli import app
from backtest.cli.describe import _write
from backtest.cli.screen import Screen
from backtest.errors import (
    ConfigError,
    DataError,
    Fault,
    FaultyInput,
    MarketError,
    RunError,
    StrategyError,
)
from backtest.folders import find_run, run_folders

ROOT = Path(__file__).resolve().parents[2]
GOOD = (
    "name: a-run\ndescription: What for\ndata: {bundle: sample}\nstrategy: {name: equal_weight}\n"
)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.syspath_prepend(str(ROOT))


@pytest.fixture
def call():
    return lambda *words: CliRunner().invoke(app, list(words))


def fresh(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    return done.stdout.strip()


class TestImports:
    def test_help_loads_nothing_heavy(self):
        heavy = "('pandas', 'numpy', 'numba', 'pydantic', 'plotly', 'vectorbt', 'quantstats')"
        code = (
            "import sys\nfrom typer.testing import CliRunner\nfrom backtest.cli import app\n"
            "done = CliRunner().invoke(app, ['--help'])\nassert done.exit_code == 0, done\n"
            f"print([name for name in {heavy} if name in sys.modules])"
        )
        assert fresh(code) == "[]"

    def test_the_public_face_is_six_names_loaded_when_asked_for(self):
        names = ["Panel", "Result", "Strategy", "compare", "load_config", "run"]
        assert backtest.__all__ == names
        assert set(names) <= set(dir(backtest))
        assert fresh("import sys, backtest\nprint('pandas' in sys.modules)") == "False"

    def test_a_name_that_is_not_there_is_an_attribute_error(self):
        with pytest.raises(AttributeError, match="no attribute 'Portfolio'"):
            backtest.Portfolio  # noqa: B018 - the access is the test


class TestFaultyInput:
    def test_faults_go_to_stderr_with_their_places_and_the_code_is_2(self, call):
        Path("a.yaml").write_text(GOOD + "sed: 1\n")
        done = call("run", "a.yaml")
        assert (done.exit_code, done.stdout) == (2, "")
        assert done.stderr == "a.yaml: 1 fault\n  a.yaml:5:1  sed  unknown; did you mean 'seed'?\n"

    def test_the_faults_of_all_files_come_at_once(self, call):
        Path("a.yaml").write_text(GOOD + "sed: 1\n")
        Path("b.yaml").write_text(GOOD + "exits: 5\n")
        done = call("run", "a.yaml", "b.yaml", "c.yaml")
        assert done.exit_code == 2
        assert "a.yaml, b.yaml, c.yaml: 3 faults" in done.stderr

    def test_json_holds_the_faults_apart(self, call):
        Path("a.yaml").write_text(GOOD + "sed: 1\n")
        done = call("run", "a.yaml", "--json")
        (error,) = json.loads(done.stdout)["errors"]
        assert (done.exit_code, error["kind"]) == (2, "ConfigError")
        assert error["faults"] == [
            {
                "file": "a.yaml",
                "line": 5,
                "column": 1,
                "where": "sed",
                "message": "unknown; did you mean 'seed'?",
            }
        ]

    @pytest.mark.parametrize(
        "words",
        [
            ["run"],
            ["run", "nowhere.yaml"],
            ["run", "a.yaml", "--set", "seed"],
            ["explain", "nowhere.yaml"],
            ["compare", "nothing"],
            ["check", "a.yaml", "--engine", "zipline"],
            ["list", "nothing"],
            ["data", "check", "nowhere"],
            ["frobnicate"],
        ],
    )
    def test_a_users_mistake_is_code_2_and_never_a_traceback(self, call, words):
        Path("a.yaml").write_text(GOOD)
        done = call(*words)
        assert done.exit_code == 2
        assert "Traceback" not in done.output


class TestOut:
    """What cannot be written to is refused before anything is loaded or run."""

    @pytest.mark.parametrize("command", ["run", "check", "sweep", "walk-forward", "stress"])
    @pytest.mark.parametrize(
        ("out", "message"),
        [
            ("", "is empty; name a folder, or '.' for the working directory"),
            ("taken", "taken is a file; name a folder"),
            ("taken/below", "taken is a file: nothing can be written below it"),
        ],
    )
    def test_a_folder_that_cannot_be_is_code_2(self, call, command, out, message):
        Path("taken").touch()
        done = call(command, "a.yaml", "--out", out)
        assert done.exit_code == 2
        assert message in " ".join(done.stderr.replace("│", " ").split())
        assert [path.name for path in Path.cwd().iterdir()] == ["taken"]

    @pytest.mark.parametrize(
        "words", [("schema", "--out"), ("compare", "a", "b", "--out"), ("tearsheet", "a", "--pdf")]
    )
    @pytest.mark.parametrize(("out", "message"), [("", "is empty"), (".", ". is a folder")])
    def test_a_file_that_cannot_be_is_code_2(self, call, words, out, message):
        done = call(*words, out)
        assert done.exit_code == 2
        assert message in done.stderr


class TestOutcome:
    @pytest.mark.parametrize(
        ("error", "code"),
        [
            (ConfigError("a.yaml", [Fault("seed", "wrong")]), 2),
            (DataError("hk", [Fault("bars", "wrong")]), 2),
            (FaultyInput("RUN", [Fault("", "wrong")]), 2),
            (MarketError("no market"), 2),
            (StrategyError("weights"), 1),
            (RunError("no session"), 1),
            (PermissionError(13, "Permission denied", "reports"), 1),
        ],
    )
    def test_what_a_user_can_mend_is_text_and_a_code(self, capsys, error, code):
        with pytest.raises(typer.Exit) as ended, Screen().outcome():
            raise error
        assert ended.value.exit_code == code
        assert capsys.readouterr().err

    def test_an_interrupt_is_130(self, capsys):
        with pytest.raises(typer.Exit) as ended, Screen().outcome():
            raise KeyboardInterrupt
        assert ended.value.exit_code == 130
        assert "nothing was left half-written" in capsys.readouterr().err

    def test_a_bug_of_ours_raises_plainly(self):
        with pytest.raises(ZeroDivisionError), Screen().outcome():
            raise ZeroDivisionError

    def test_an_error_in_a_strategys_own_lines_is_told_with_its_line(self, capsys):
        code = compile("def weights():\n    return {}['QQQ']\n", "strategies/mine.py", "exec")
        module: dict[str, object] = {"__name__": "backtest_strategy_mine_0"}
        exec(code, module)  # noqa: S102 - a strategy's file, as it is loaded
        with pytest.raises(typer.Exit) as ended, Screen().outcome():
            module["weights"]()
        assert ended.value.exit_code == 1
        assert capsys.readouterr().err.startswith("strategies/mine.py:2: KeyError: 'QQQ'\n")

    def test_what_a_strategy_asked_for_in_vain_is_told_with_its_line(self, capsys):
        code = compile("def weights(panel):\n\n    return panel()\n", "strategies/mine.py", "exec")
        module: dict[str, object] = {"__name__": "backtest_strategy_mine_0"}
        exec(code, module)  # noqa: S102 - a strategy's file, as it is loaded

        def panel():
            raise RunError("the bundle has no fact 'pe'")

        with pytest.raises(typer.Exit), Screen().outcome():
            module["weights"](panel)
        said = capsys.readouterr().err
        assert said == "the bundle has no fact 'pe'\n  asked for at strategies/mine.py:3\n"

    def test_traceback_lets_every_error_raise(self):
        with pytest.raises(RunError), Screen().outcome(traceback=True):
            raise RunError("no session")


class TestStages:
    def test_each_stage_is_one_line_on_stderr_when_it_ends(self, capsys):
        with Screen().stages() as stages:
            stages("loading")
            stages("simulating")
        printed = capsys.readouterr()
        assert printed.out == ""
        first, second = printed.err.splitlines()
        assert first.startswith("loading ")
        assert second.startswith("simulating ")
        assert first.endswith(" s")

    def test_quiet_is_silent(self, capsys):
        with Screen(quiet=True).stages() as stages:
            stages("loading")
        assert capsys.readouterr().err == ""


def finished(path: str, second: int, sharpe: float = 1.0) -> Path:
    folder = Path(path)
    folder.mkdir(parents=True)
    (folder / "metrics.json").write_text(json.dumps({"headline": {"sharpe": sharpe, "cagr": 0.1}}))
    manifest = folder / "manifest.json"
    manifest.write_text("{}")
    os.utime(manifest, (second, second))
    return folder


class TestRunFolders:
    def test_a_name_means_its_newest_run(self):
        finished("reports/dip/aaaa1111", 100)
        newest = finished("reports/dip/bbbb2222", 200)
        assert find_run("dip", Path("reports")) == newest
        assert find_run("reports/dip", Path("reports")) == newest

    @pytest.mark.parametrize("text", ["dip/aaaa", "aaaa1111", "reports/dip/aaaa1111", "dip/a"])
    def test_a_run_is_found_by_folder_name_and_fingerprint(self, text):
        wanted = finished("reports/dip/aaaa1111", 100)
        finished("reports/dip/bbbb2222", 200)
        assert find_run(text, Path("reports")) == wanted

    def test_a_start_that_fits_two_runs_is_a_fault_that_names_them(self):
        finished("reports/dip/aaaa1111", 100)
        finished("reports/dip/aaaa2222", 200)
        with pytest.raises(FaultyInput, match="more than one run: dip/aaaa2222, dip/aaaa1111"):
            find_run("dip/aaaa", Path("reports"))

    def test_a_run_that_is_not_there_hints_the_nearest_name(self):
        finished("reports/spillover/aaaa1111", 100)
        with pytest.raises(
            FaultyInput, match="no such run below reports; did you mean 'spillover'"
        ):
            find_run("spilover", Path("reports"))

    def test_all_runs_that_are_not_there_are_told_at_once(self, call):
        done = call("compare", "one", "two")
        assert done.exit_code == 2
        assert done.stderr.startswith(
            "RUN: 2 faults\n  one  no such run below reports, which has no"
        )
        assert "\n  two  no such run below reports" in done.stderr

    def test_where_no_name_is_near_the_newest_are_named(self):
        for at, name in enumerate(("a", "b", "c", "d", "e", "f", "g")):
            finished(f"reports/run-{name}/aaaa1111", 100 + at)
        with pytest.raises(
            FaultyInput, match=r"the newest are run-g, run-f.* and 2 more; `backtest"
        ):
            find_run("zzz", Path("reports"))

    def test_a_config_is_no_run(self):
        Path("a.yaml").write_text(GOOD)
        with pytest.raises(
            FaultyInput, match=r"a\.yaml  is a config; `backtest run a\.yaml` makes"
        ):
            find_run("a.yaml", Path("reports"))

    def test_one_run_is_not_compared_and_the_others_are_named(self, call):
        finished("reports/dip/aaaa1111", 100)
        finished("reports/slow/bbbb2222", 200)
        finished("reports/quick/cccc3333", 300)
        done = call("compare", "dip")
        assert done.exit_code == 2
        assert "dip  is one run; give at least two" in done.stderr
        assert "others below reports: quick, slow" in done.stderr
        assert not list(Path("reports").glob("*.html"))

    def test_a_folder_without_a_manifest_is_no_run(self):
        Path("reports/half/done").mkdir(parents=True)
        assert run_folders(Path("reports")) == []


class TestList:
    def test_runs_come_newest_first_with_their_headline(self, call):
        finished("reports/dip/aaaa1111", 100, sharpe=0.5)
        finished("reports/pe/bbbb2222", 200, sharpe=1.5)
        rows = json.loads(call("list", "runs", "--json").stdout)["runs"]
        assert [(row["name"], row["sharpe"]) for row in rows] == [("pe", 1.5), ("dip", 0.5)]
        shown = call("list", "runs").stdout
        assert "10.00 %" in shown
        assert "–" in shown  # of what a run does not have

    def test_strategies_are_described_by_the_first_line_of_their_file(self, call):
        Path("strategies").mkdir()
        Path("strategies/mine.py").write_text('"""Mine alone.\n\nMore."""\n\nimport not_there\n')
        rows = json.loads(call("list", "strategies", "--json").stdout)["strategies"]
        mine = {row["name"]: row for row in rows}["mine"]
        assert (mine["description"], mine["file"]) == ("Mine alone.", "strategies/mine.py")

    def test_configs_are_listed_with_what_they_inherit(self, call):
        Path("configs/base").mkdir(parents=True)
        Path("configs/base/b.yaml").write_text("strategy: {name: equal_weight}\n")
        Path("configs/a.yaml").write_text("extends: base/b.yaml\nname: a\n")
        Path("configs/broken.yaml").write_text("name: [\n")
        rows = json.loads(call("list", "configs", "--json").stdout)["configs"]
        assert [(row["file"], row["name"], row["strategy"]) for row in rows] == [
            ("configs/a.yaml", "a", "equal_weight"),
            ("configs/base/b.yaml", "(base)", "equal_weight"),
            ("configs/broken.yaml", None, None),
        ]

    def test_markets_are_listed_with_their_exchanges(self, call):
        rows = json.loads(call("list", "markets", "--json").stdout)["markets"]
        hong_kong = {row["name"]: row for row in rows}["hk"]
        assert "XHKG" in hong_kong["exchanges"]
        assert hong_kong["currency"] == "HKD"

    def test_nothing_to_list_is_no_failure(self, call):
        done = call("list", "runs")
        assert (done.exit_code, done.stdout) == (0, "No runs here.\n")


class TestExplain:
    def test_it_says_the_run_in_sentences_and_what_is_optimistic(self, call):
        Path("a.yaml").write_text(GOOD)
        done = call("explain", "a.yaml", "--set", "execution.slippage.bps=5")
        assert done.exit_code == 0
        assert "a-run: What for." in done.stdout
        assert "Slippage: 5 bps." in done.stdout
        assert "- No market impact" in done.stdout

    def test_json_holds_the_sentences_and_the_resolved_config(self, call):
        Path("a.yaml").write_text(GOOD)
        said = json.loads(call("explain", "a.yaml", "--json").stdout)
        assert said["sentences"]["Run"] == "a-run: What for."
        assert said["config"]["portfolio"]["currency"] == "HKD"
        assert any("No slippage" in sentence for sentence in said["optimistic"])

    def test_square_brackets_in_a_config_are_shown_as_they_are(self, call):
        Path("a.yaml").write_text(GOOD.replace("What for", "A [bold] idea"))
        assert "A [bold] idea" in call("explain", "a.yaml").stdout


class TestSchema:
    def test_it_is_written_to_stdout_or_to_a_file(self, call):
        printed = call("schema").stdout
        done = call("schema", "--out", "deep/schema.json")
        assert done.stdout == "deep/schema.json\n"
        assert Path("deep/schema.json").read_text() == printed
        assert json.loads(printed)["$schema"].startswith("https://json-schema.org/draft/2020-12/")

    def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(self, monkeypatch):
        path = Path("schema.json")
        path.write_text("old")
        with pytest.raises(UnicodeEncodeError):
            _write(path, "half of it, then \ud800")
        assert [item.name for item in Path().iterdir()] == ["schema.json"]
        assert path.read_text() == "old"


class TestData:
    @pytest.fixture
    def bundle(self) -> Path:
        folder = Path("two")
        folder.mkdir()
        (folder / "bundle.yaml").write_text("name: two\nprices: raw\nsimulated: true\n")
        (folder / "instruments.csv").write_text(
            "symbol,exchange,currency,kind\nAAA,XHKG,HKD,stock\n"
        )
        (folder / "bars.csv").write_text(
            "symbol,session,close\nAAA,2024-01-02,10\nAAA,2024-01-03,11\n"
        )
        return folder

    def test_show_names_what_is_in_it(self, call, bundle):
        done = call("data", "show", "two")
        assert done.exit_code == 0
        assert "XHKG" in done.stdout

    def test_check_lists_the_findings_as_json_too(self, call, bundle):
        said = json.loads(call("data", "check", "two", "--json").stdout)
        assert (said["bundle"], said["findings"]) == ("two", [])

    def test_check_lists_what_it_found_and_ends_with_2_where_rows_lie_in_the_future(
        self, call, bundle
    ):
        ahead = date.today() + timedelta(days=30)
        (bundle / "instruments.csv").write_text(
            "symbol,exchange,currency,kind\nAAA,24/7,HKD,crypto\n"
        )
        with (bundle / "bars.csv").open("a") as bars:
            bars.write(f"AAA,{ahead},12\n")
        done = call("data", "check", "two")
        assert done.exit_code == 2
        assert "10 sessions or more without a bar" in done.stdout
        assert f"  bars.session  1 row of AAA, the last of {ahead}: later than 20" in done.stderr
        said = json.loads(call("data", "check", "two", "--json").stdout)
        assert [finding["check"] for finding in said["findings"]] == ["gap"]
        assert said["errors"][0]["faults"][0]["where"] == "bars.session"

    def test_a_run_that_ends_in_the_future_says_so_in_the_terminal_alone(self, call, bundle):
        ahead = date.today() + timedelta(days=3)
        (bundle / "instruments.csv").write_text(
            "symbol,exchange,currency,kind\nAAA,24/7,HKD,crypto\n"
        )
        days = [ahead - timedelta(days=number) for number in range(9, -1, -1)]
        rows = "".join(f"AAA,{day},10,10\n" for day in days)
        (bundle / "bars.csv").write_text(f"symbol,session,open,close\n{rows}")
        Path("a.yaml").write_text(
            "name: a\ndata: {bundle: two}\nstrategy: {name: equal_weight}\n"
            "clock: {base: 24/7}\nmarket: frictionless\n"
        )
        done = call("run", "a.yaml")
        assert f"warning: the run ends on {ahead}, after today" in done.stderr
        manifest = Path(done.stdout.splitlines()[-1]).with_name("manifest.json")
        assert "today" not in manifest.read_text()
        past = call("run", "a.yaml", "--set", f"data.end={days[2]}")
        assert past.exit_code == 0
        assert "after today" not in past.stderr

    def test_a_bundle_that_breaks_a_check_is_code_2(self, call, bundle):
        (bundle / "bars.csv").write_text("symbol,session,close\nAAA,2024-01-02,-10\n")
        done = call("data", "check", "two")
        assert done.exit_code == 2
        assert "nonpositive_price" in done.stderr

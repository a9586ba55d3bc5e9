"""A config's check: its record, its page, and how the command ends."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from backtest import load_config
from backtest.cli import app
from backtest.report.checked import check_key, check_record, key_of, write_record
from backtest.runner import run, run_to_folder
from backtest.testing import check_config

ROOT = Path(__file__).resolve().parents[3]
CONFIGS = sorted(ROOT.glob("configs/*.yaml"))
BUNDLES = ROOT / ".." / "shared" / "bundles"
REAL = {"spillover_dip_raw": "hk-raw", "low_pe_rotation": "us-pe-real"}

PEEKS = '''"""Tomorrow's winners."""

from backtest import Strategy


class Peeks(Strategy):
    def target_weights(self, panel):
        ahead = panel.adjusted_close.shift(-1) / panel.adjusted_close - 1.0
        best = ahead.where(panel.universe).rank(axis=1, ascending=False) <= 3
        return best * 0.3
'''
BREAKS = '''"""Always wrong."""

from backtest import Strategy


class Breaks(Strategy):
    def target_weights(self, panel):
        return {}["lookback"]
'''


@pytest.fixture
def config(tmp_path, monkeypatch, rough_folder):
    """Write a config of the rough market with this strategy, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "strategies").mkdir()
    (tmp_path / "strategies" / "peeks.py").write_text(PEEKS)
    (tmp_path / "strategies" / "breaks.py").write_text(BREAKS)

    def write(strategy, more=""):
        text = f"name: a-run\ndata: {{bundle: {rough_folder}, start: 2022-02-01}}\n"
        path = tmp_path / f"{strategy}.yaml"
        path.write_text(text + f"strategy: {{name: {strategy}}}\n" + more)
        return path

    return write


def call(*words):
    return CliRunner().invoke(app, ["check", *map(str, words)])


class TestCommand:
    def test_an_honest_strategy_passes_with_code_0_and_the_record_is_named(self, config):
        done = call(config("equal_weight"))
        assert done.exit_code == 0, done.stderr
        assert done.stdout.splitlines()[0].startswith("a-run: passed; asked at ")
        record = Path(done.stdout.splitlines()[-1])
        assert record.parent == Path("reports/checks")
        assert json.loads(record.read_text())["passed"] is True

    def test_a_peeker_fails_with_code_1_and_the_first_moved_weight(self, config):
        done = call(config("peeks"))
        assert done.exit_code == 1
        assert "FAILED  look-ahead, cut" in done.stdout
        assert "with the future cut off after" in done.stdout

    def test_a_faulty_config_is_code_2(self, config):
        done = call(config("equal_weight", "sed: 1\n"))
        assert (done.exit_code, done.stdout) == (2, "")
        assert "did you mean 'seed'?" in done.stderr

    def test_a_bundle_that_is_not_there_is_code_2(self, config):
        assert call(config("equal_weight"), "--set", "data.bundle=nowhere").exit_code == 2

    def test_an_error_in_the_strategy_is_code_1_with_its_line(self, config):
        done = call(config("breaks"))
        assert done.exit_code == 1
        assert "breaks.py:8: KeyError: 'lookback'" in done.stderr

    def test_json_holds_every_claim_and_nothing_else_is_on_stdout(self, config):
        done = call(config("peeks"), "--json")
        told = json.loads(done.stdout)
        assert (done.exit_code, told["passed"], told["name"]) == (1, False, "a-run")
        assert len(told["decisions"]) >= 5
        claims = {claim["name"]: claim for claim in told["claims"]}
        assert not claims["look-ahead, cut"]["passed"]
        assert claims["repeatable"] == {
            "name": "repeatable",
            "means": "the same panel gives the same weights",
            "passed": True,
            "faults": [],
            "notes": [],
        }
        assert Path(told["record"]).is_file()

    def test_quiet_leaves_the_path_alone(self, config):
        done = call(config("equal_weight"), "--quiet", "--out", "elsewhere")
        assert done.stderr == ""
        (line,) = done.stdout.splitlines()
        assert Path(line).parent == Path("elsewhere/checks")

    def test_vectorbt_is_asked_where_it_is_named(self, config):
        done = call(config("equal_weight"), "--engine", "vectorbt", "--json")
        told = json.loads(done.stdout)
        assert done.exit_code == 0, told
        assert told["vectorbt"]["agrees"] is True
        assert told["vectorbt"]["fills"] > 100
        assert told["vectorbt"]["nav"] <= 1e-9
        assert told["claims"][-1]["name"] == "vectorbt"

    def test_the_record_is_the_same_with_and_without_a_second_opinion(self, config):
        path = config("equal_weight")
        first = Path(call(path, "-q").stdout.strip()).read_bytes()
        assert Path(call(path, "-q", "--engine", "vectorbt").stdout.strip()).read_bytes() == first


class TestRecord:
    def test_the_same_check_leaves_the_same_bytes(self, config):
        path = config("equal_weight")
        first = Path(call(path, "-q").stdout.strip()).read_bytes()
        assert Path(call(path, "-q").stdout.strip()).read_bytes() == first

    def test_a_run_finds_the_record_of_its_own_decisions(self, config):
        loaded = load_config(config("equal_weight"))
        assert key_of(run(loaded)) == check_config(loaded).key

    @pytest.mark.parametrize(
        ("setting", "same"),
        [
            ("execution.slippage.bps=50", True),
            ("portfolio.cash=7m HKD", True),
            ("exits.stop_loss=10%", True),
            ("clock.rebalance=month", False),
            ("data.start=2022-03-01", False),
            ("universe.min_history=30", False),
            ("portfolio.short=true", False),
            ("execution.ipo_entry=subscribe", False),
        ],
    )
    def test_what_comes_after_the_weights_needs_no_new_check(self, config, setting, same):
        path = config("equal_weight")
        plain = key_of(run(load_config(path)))
        assert (key_of(run(load_config(path, overrides=[setting]))) == plain) is same

    def test_another_source_of_the_strategy_is_another_key(self, config, tmp_path):
        path = config("peeks")
        before = key_of(run(load_config(path)))
        source = tmp_path / "strategies" / "peeks.py"
        source.write_text(source.read_text().replace("0.3", "0.2"))
        assert key_of(run(load_config(path))) != before

    def test_the_page_says_that_the_check_passed_and_no_number_moves(self, config):
        path = config("equal_weight")
        loaded = load_config(path)
        _, folder = run_to_folder(loaded)
        before = {file.name: file.read_bytes() for file in folder.iterdir()}
        call(path)
        _, again = run_to_folder(loaded)
        assert again == folder
        after = {file.name: file.read_bytes() for file in folder.iterdir()}
        moved = {name for name in before if before[name] != after[name]}
        assert moved <= {"tearsheet.html", "manifest.json"}
        manifests = [json.loads(files["manifest.json"]) for files in (before, after)]
        assert [m.pop("environment") is not None for m in manifests] == [True, True]
        assert manifests[0] == manifests[1]
        assert b"not run" in before["tearsheet.html"]
        assert b"not run" not in after["tearsheet.html"]

    def test_a_page_tells_of_a_check_that_failed(self, config):
        path = config("peeks")
        call(path)
        _, folder = run_to_folder(load_config(path))
        page = (folder / "tearsheet.html").read_text()
        assert '<li class="bad">Look-ahead found</li>' in page
        assert "failed: look-ahead, cut; look-ahead, changed" in page

    def test_every_later_run_of_decisions_that_failed_says_so_in_the_terminal(self, config):
        path = config("peeks")
        run_it = lambda *words: CliRunner().invoke(app, ["run", str(path), *words])  # noqa: E731
        before = run_it()
        assert "Not checked for look-ahead yet: `backtest check` does." in before.stderr
        record = call(path, "-q").stdout.strip()
        for _ in range(2):
            done = run_it("--set", "execution.slippage.bps=7")
            assert done.exit_code == 0
            assert (
                "warning: `backtest check` FAILED for these decisions "
                f"(look-ahead, cut; look-ahead, changed): {record}"
            ) in done.stderr
        said = json.loads(run_it("--json").stdout)
        assert said["runs"][0]["check"] == "failed"

    def test_a_strategy_that_failed_is_remembered_under_other_settings_until_it_is_mended(
        self, config, tmp_path
    ):
        path = config("peeks")
        record = call(path, "-q").stdout.strip()
        later = ["run", str(path), "--set", "data.start=2022-03-01"]
        done = CliRunner().invoke(app, later)
        told = f"warning: `backtest check` FAILED for this strategy under other settings: {record}"
        assert told in done.stderr
        page = Path(done.stdout.splitlines()[-1]).read_text()
        assert '<li class="bad">Look-ahead found</li>' in page
        assert "not run; failed under other settings" in page
        source = tmp_path / "strategies" / "peeks.py"
        source.write_text(source.read_text().replace("shift(-1)", "shift(1)"))
        assert "FAILED" not in CliRunner().invoke(app, later).stderr

    def test_a_run_whose_check_passed_is_not_bothered(self, config):
        path = config("equal_weight")
        call(path)
        done = CliRunner().invoke(app, ["run", str(path)])
        assert "look-ahead" not in done.stderr
        assert "backtest check" not in done.stderr

    def test_no_record_is_none_and_so_is_one_that_cannot_be_read(self, tmp_path):
        assert check_record(tmp_path, "abc") is None
        assert check_record(tmp_path, None) is None
        path = write_record(tmp_path, "abc", {"passed": True})
        assert check_record(tmp_path, "abc") == {"passed": True}
        path.write_text("{")
        assert check_record(tmp_path, "abc") is None
        path.write_text('{"passed": "maybe"}')
        assert check_record(tmp_path, "abc") is None

    def test_a_write_that_fails_leaves_the_old_record(self, tmp_path):
        path = write_record(tmp_path, "abc", {"passed": True})
        with pytest.raises(ValueError, match="JSON"):
            write_record(tmp_path, "abc", {"passed": float("nan")})
        with pytest.raises(UnicodeEncodeError):
            write_record(tmp_path, "abc", {"passed": "\ud800"})
        assert [item.name for item in path.parent.iterdir()] == ["abc.json"]
        assert check_record(tmp_path, "abc") == {"passed": True}

    def test_a_key_needs_all_that_the_weights_depend_on(self):
        with pytest.raises(KeyError):
            check_key({"config": {}})


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_strategy_that_ships_passes_on_its_config(path, monkeypatch):
    monkeypatch.chdir(ROOT)
    report = check_config(load_config(path))
    assert report.passed, str(report)
    assert len(report.decisions) >= 5


@pytest.mark.skipif(not BUNDLES.is_dir(), reason="no real bundles beside the project")
@pytest.mark.parametrize("name", REAL)
def test_real_bundles_pass_with_a_second_opinion(name, monkeypatch):
    monkeypatch.chdir(ROOT)
    config = load_config(
        ROOT / "configs" / "real" / f"{name}.yaml",
        overrides=[f"data.bundle={BUNDLES / REAL[name]}"],
    )
    report = check_config(config, engine="vectorbt")
    assert report.passed, str(report)
    assert report.numbers["vectorbt"]["fills"] > 50


def test_applications_for_listings_pass_too(monkeypatch):
    monkeypatch.chdir(ROOT)
    config = load_config(
        ROOT / "configs" / "ipo_day_one.yaml",
        overrides=[
            "data.start=2025-01-02",
            "execution={fill: open, ipo_entry: subscribe}",
            "strategy.params={hold: 0, cap: 0.2}",
        ],
    )
    report = check_config(config)
    assert report.passed, str(report)
    assert not any("no order at all" in note for note in report.notes)

"""The page of all runs, and what it reads of each."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from backtest import load_config
from backtest.cli import app
from backtest.measures.drawdowns import drawdown
from backtest.report.checked import key_of, write_record
from backtest.report.index import write_index
from backtest.report.index_runs import CACHE, find_runs
from backtest.report.index_summary import sampled
from backtest.report.index_table import line_of
from backtest.result import Result
from backtest.runner import run_to_folder

ROOT = Path(__file__).resolve().parents[3]
HOSTILE = "<img src=x onerror=alert(1)>\"'</script><!--\u2028\u202e👾" + "x" * 200


def days(first, count, step=1):
    return np.datetime64(first) + step * np.arange(count)


def rows_of(page: Path) -> list[str]:
    return re.findall(r"<tr data-path.*?</tr>", page.read_text("utf-8"))


def data_of(reports: Path) -> dict:
    text = (reports / "index-data.js").read_text("ascii")
    head, end = '"use strict";\nvar backtestIndex = ', ";\n"
    assert text.startswith(head)
    assert text.endswith(end)
    return json.loads(text[len(head) : -len(end)])


@pytest.fixture
def save(make_result, tmp_path):
    """Save a made-up run below ``reports`` and return its folder."""

    def make(
        fingerprint="3f9a1c7e52d04b88", *, name="spillover_dip", finished="", result=None, **params
    ):
        made = result or make_result(60, 4, 8, name=name)
        strategy = made.config["strategy"] | {"params": made.config["strategy"]["params"] | params}
        manifest = made.manifest | {"fingerprint": fingerprint, "name": name, "engine": "e5" * 32}
        portfolio = made.config["portfolio"] | {"max_gross": 1.0, "short": False}
        manifest["environment"] = {"finished": finished} if finished else {}
        made = replace(
            made,
            config=made.config | {"strategy": strategy, "name": name, "portfolio": portfolio},
            manifest=manifest,
        )
        return made.save(
            tmp_path / "reports" / name / fingerprint, {"tearsheet.html": "<title>x</title>"}
        )

    return make


@pytest.fixture
def reports(tmp_path):
    (tmp_path / "reports").mkdir()
    return tmp_path / "reports"


class TestRows:
    def test_a_row_has_the_numbers_of_metrics_json(self, save, reports, make_result):
        folder = save(result=make_result(260, 4, 8))
        metrics = json.loads((folder / "metrics.json").read_text("utf-8"))
        [row] = rows_of(write_index(reports))
        for text in (
            f"{100 * metrics['return']['total_return']:.2f} %",
            f"{100 * metrics['return']['cagr']:.2f} %",
            f"{100 * metrics['risk']['volatility']:.2f} %",
            f"{metrics['risk']['sharpe']:.2f}",
            f"{100 * metrics['drawdowns']['max_drawdown']:.2f} %",
            f"{metrics['costs']['total']['bps_of_nav_per_year']:,.1f}",
        ):
            assert f"<bdi>{text}</bdi>" in row
        assert ">Simulated<" in row
        assert "<bdi>3</bdi>" in row  # warnings
        assert "3 optimistic" in row

    def test_a_row_leads_to_the_tearsheet_and_to_nothing_where_there_is_none(self, save, reports):
        folder = save()
        assert (
            'href="./spillover_dip/3f9a1c7e52d04b88/tearsheet.html"'
            in rows_of(write_index(reports))[0]
        )
        (folder / "tearsheet.html").unlink()
        assert "href" not in rows_of(write_index(reports))[0]

    def test_the_last_finished_comes_first_and_what_does_not_say_comes_last(self, save, reports):
        save("a" * 16, finished="2026-01-02T03:04:05Z")
        save("b" * 16)
        save("c" * 16, finished="2026-01-03T00:00:00Z")
        rows = rows_of(write_index(reports))
        assert [re.search(r"dip/(\w)", row)[1] for row in rows] == ["c", "a", "b"]
        assert "2026-01-02" in rows[1]
        assert "03:04" in rows[1]

    def test_runs_of_one_name_are_told_apart_by_the_inputs_that_vary(self, save, reports):
        save("a" * 16, window=5)
        save("b" * 16, window=10)
        rows = rows_of(write_index(reports))
        assert "<bdi>window 5</bdi>" in rows[0]
        assert "<bdi>window 10</bdi>" in rows[1]

    def test_runs_whose_config_is_the_same_are_told_apart_by_their_fingerprints(
        self, save, reports
    ):
        save("a" * 16)
        save("b" * 16)
        assert "<bdi>aaaaaaaa</bdi>" in rows_of(write_index(reports))[0]

    def test_a_look_ahead_check_that_failed_is_said_and_filtered_by(self, save, reports):
        folder = save()
        assert "Look-ahead" not in rows_of(write_index(reports))[0]
        write_record(reports, key_of(Result.load(folder)), {"passed": False})
        assert "Look-ahead found" in rows_of(write_index(reports))[0]
        [item] = [item for item in data_of(reports)["inputs"] if item["key"] == "look_ahead"]
        assert item["values"] == ["failed"]

    def test_comparisons_in_the_folder_are_listed_by_their_titles(self, save, reports):
        save()
        (reports / "compare-ab.html").write_text("<html><title>Comparison of a &amp; b</title>")
        (reports / "compare-cd.html").write_text("no title")
        text = write_index(reports).read_text("utf-8")
        assert '<a href="./compare-ab.html"><bdi>Comparison of a &amp; b</bdi></a>' in text
        assert "<bdi>compare-cd.html</bdi>" in text


class TestWhatIsSkipped:
    def test_half_and_foreign_folders_are_skipped_counted_and_named(self, save, reports):
        save()
        half = save("b" * 16)
        (half / "nav.parquet").unlink()
        broken = save("c" * 16)
        (broken / "metrics.json").write_text("{")
        other = save("d" * 16)
        (other / "manifest.json").write_text("[]")
        torn = save("e" * 16)
        (torn / "nav.parquet").write_bytes(b"PAR1")
        odd = save("f" * 16)
        (odd / "config.yaml").write_text("a: [")
        (reports / "notes").mkdir()
        (reports / "notes" / "x.txt").write_text("x")
        (reports / ".draft").mkdir()
        found = find_runs(reports)
        assert len(found.runs) == 1
        assert {item.path.split("/")[-1][:5]: item.reason for item in found.skipped} == {
            "notes": "no run in it",
            "bbbbb": "incomplete: no nav.parquet",
            "ccccc": "unreadable: metrics.json",
            "ddddd": "unreadable: manifest.json",
            "eeeee": "unreadable: nav.parquet",
            "fffff": "unreadable: config.yaml",
        }
        assert "6 folders skipped" in write_index(reports).read_text("utf-8")

    def test_folders_of_checks_and_sweeps_are_not_counted(self, save, reports):
        save()
        (reports / "checks").mkdir()
        (reports / "spillover_dip" / "sweep-1").mkdir()
        (reports / "only-swept" / "sweep-2").mkdir(parents=True)
        assert find_runs(reports).skipped == ()

    def test_an_empty_folder_has_a_page_that_says_how_to_begin(self, reports):
        text = write_index(reports).read_text("utf-8")
        assert "No run here yet." in text
        assert data_of(reports)["runs"] == []

    def test_a_run_with_less_in_its_manifest_than_now_is_listed_all_the_same(self, save, reports):
        folder = save()
        (folder / "manifest.json").write_text('{"name": "old", "warnings": "none"}')
        [run] = find_runs(reports).runs
        assert (run.name, run.simulated, run.warnings, run.finished) == ("old", None, 0, "")
        assert len(rows_of(write_index(reports))) == 1


class TestBytes:
    def test_the_same_runs_give_the_same_bytes_wherever_and_whenever(self, save, reports, tmp_path):
        save("a" * 16, finished="2026-01-02T03:04:05Z", window=5)
        save("b" * 16, window=10)
        write_index(reports)
        other = tmp_path / "elsewhere"
        shutil.copytree(reports, other, ignore=shutil.ignore_patterns("index*", CACHE))
        for path in other.rglob("*"):
            os.utime(path, (0, 0))
        write_index(other)
        for name in ("index.html", "index-data.js"):
            assert (other / name).read_bytes() == (reports / name).read_bytes()
        assert str(tmp_path) not in (reports / "index.html").read_text("utf-8")

    def test_a_second_page_reads_no_run_again_and_says_the_same(self, save, reports):
        folder = save()
        page = write_index(reports)
        before = page.read_bytes()
        # Other bytes of the same size and time: what is read now would show.
        path = folder / "metrics.json"
        stat = path.stat()
        path.write_text(" " * stat.st_size)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        assert write_index(reports).read_bytes() == before

    def test_a_run_that_changed_is_read_again(self, save, reports):
        save(window=5)
        write_index(reports)
        save(window=77)
        write_index(reports)
        [window] = [item for item in data_of(reports)["inputs"] if item["key"].endswith("window")]
        assert window["values"] == ["77"]

    @pytest.mark.parametrize("text", ["", "[]", '{"made_by": 1}', '{"made_by": "x", "runs": 3}'])
    def test_a_broken_cache_is_as_good_as_none(self, save, reports, text):
        save()
        before = write_index(reports).read_bytes()
        (reports / CACHE).write_text(text)
        assert write_index(reports).read_bytes() == before

    def test_a_cache_that_somebody_wrote_in_is_as_good_as_none(self, save, reports):
        save()
        before = write_index(reports).read_bytes()
        cache = json.loads((reports / CACHE).read_text())
        [entry] = cache["runs"].values()
        entry["summary"] = {"name": "forged"}
        (reports / CACHE).write_text(json.dumps(cache))
        assert write_index(reports).read_bytes() == before


# Runs come one by one, each with its page of all runs.
ARRIVE = """
import sys, time
from pathlib import Path
from backtest.report.index import write_index
parked, go, *folders = map(Path, sys.argv[1:])
while not go.exists():
    time.sleep(0.001)
for folder in folders:
    (parked / folder.name).rename(folder)
    write_index(folder.parents[1])
"""


class TestAtOnce:
    def test_two_processes_that_end_at_once_leave_a_page_with_every_run(self, save, reports):
        folders = [save(f"{at:016x}") for at in range(6)]
        parked = reports.parent / "parked"
        parked.mkdir()
        for folder in folders:
            folder.rename(parked / folder.name)
        go = reports.parent / "go"
        workers = [
            subprocess.Popen([sys.executable, "-c", ARRIVE, parked, go, *half])
            for half in (folders[::2], folders[1::2])
        ]
        go.touch()
        assert [worker.wait() for worker in workers] == [0, 0]
        assert len(rows_of(reports / "index.html")) == len(folders)
        assert len(data_of(reports)["runs"]) == len(folders)
        assert not list(reports.glob(".*.partial"))

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a pipe with a name")
    def test_a_run_that_ends_while_others_are_read_is_in_the_page(self, save, reports):
        slow = save(name="slow") / "config.yaml"
        late = save(name="late")
        late.rename(reports.parent / "parked")
        text = slow.read_text("utf-8")
        slow.unlink()
        os.mkfifo(slow)
        writer = threading.Thread(target=write_index, args=(reports,))
        writer.start()
        with slow.open("w") as pipe:  # opens when the folders are listed and this one is read
            (reports.parent / "parked").rename(late)
            whole = slow.with_name("whole")
            whole.write_text(text, "utf-8")
            whole.rename(slow)
            pipe.write(text)
        writer.join()
        assert len(rows_of(reports / "index.html")) == 2

    def test_threads_of_one_process_do_not_share_a_draft(self, save, reports):
        save()
        problems = []

        def write():
            try:
                write_index(reports)
            except OSError as problem:
                problems.append(problem)

        threads = [threading.Thread(target=write) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert problems == []
        assert len(rows_of(reports / "index.html")) == 1


class TestHostileNames:
    def test_they_are_text_in_the_page_and_in_the_data(self, make_result, changed, save, reports):
        result = make_result(60, 4, 8)
        bundle = result.manifest["bundle"] | {"name": HOSTILE}
        result = changed(
            result,
            manifest=result.manifest | {"bundle": bundle, "currency": HOSTILE},
            config=result.config | {"description": HOSTILE},
        )
        folder = save(result=result, window=HOSTILE)
        manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
        (folder / "manifest.json").write_text(json.dumps(manifest | {"name": HOSTILE}))
        save("b" * 16, window=5)
        (reports / "<img src=x>&\"'").mkdir()
        text = write_index(reports).read_text("utf-8")
        data = (reports / "index-data.js").read_bytes()
        assert "<img" not in text
        assert text.count("<script") == text.count("</script>") == 4
        assert "\u202e" not in text
        assert data.isascii()
        assert not set(b"<>&") & set(data)
        assert HOSTILE in [run["name"] for run in data_of(reports)["runs"]]

    def test_a_folder_with_signs_that_mean_something_in_an_address_is_still_found(
        self, save, reports
    ):
        save("a b#c?d%25")
        [row] = rows_of(write_index(reports))
        assert 'href="./spillover_dip/a%20b%23c%3Fd%2525/tearsheet.html"' in row

    def test_a_folder_whose_name_is_no_text_is_listed(self, save, reports):
        folder = save()
        try:
            folder.rename(folder.with_name(os.fsdecode(b"caf\xe9")))
        except OSError:
            pytest.skip("this file system wants names that are text")
        [row] = rows_of(write_index(reports))
        assert "caf%E9/tearsheet.html" in row


class TestData:
    def test_inputs_that_all_share_are_kept_once_and_others_by_value(self, save, reports):
        save("a" * 16, window=5)
        save("b" * 16, window=10)
        save("c" * 16, window=5)
        write_index(reports)
        inputs = {item["key"]: item for item in data_of(reports)["inputs"]}
        assert inputs["strategy.params.window"]["values"] == ["5", "10"]
        assert inputs["strategy.params.window"]["at"] == [0, 1, 0]
        assert inputs["clock.base"]["values"] == ["XHKG"]
        assert "at" not in inputs["clock.base"]

    def test_ten_years_are_kept_as_month_ends_and_the_deepest_fall_is_the_runs_own(
        self, make_result, save, reports
    ):
        folder = save(result=make_result(2600, 4, 8))
        write_index(reports)
        data = data_of(reports)
        [run] = data["runs"]
        deepest = json.loads((folder / "metrics.json").read_text())["drawdowns"]["max_drawdown"]
        assert run["unit"] == "month"
        assert len(run["levels"]) == len(data["dates"][run["dates"]]) == 120
        assert min(run["falls"]) == pytest.approx(deepest, abs=1e-5)


class TestSampled:
    def test_weeks_end_on_their_last_session_and_keep_their_deepest_fall(self):
        # Monday 2024-01-01 to Sunday 2025-12-28, one session a day: 104 weeks.
        sessions = days("2024-01-01", 728)
        nav = np.full(728, 200.0)
        nav[2] = 100.0
        unit, ends, levels, falls = sampled(sessions, nav, cash=100.0)
        assert unit == "week"
        assert len(ends) == 104
        assert str(ends[0]) == "2024-01-07"
        assert levels.tolist() == [2.0] * 104
        assert falls.tolist() == [-0.5] + [0.0] * 103

    def test_the_first_peak_is_the_initial_cash(self):
        unit, _, levels, falls = sampled(days("2024-01-01", 2), np.array([90.0, 95.0]), cash=100.0)
        assert unit == "session"
        assert levels.tolist() == [0.9, 0.95]
        assert falls == pytest.approx([-0.1, -0.05])

    @pytest.mark.parametrize(
        ("count", "unit"),
        [(170, "session"), (171, "week"), (1300, "month"), (5300, "quarter"), (16000, "year")],
    )
    def test_no_run_takes_more_than_170_points(self, count, unit):
        nav = np.linspace(1.0, 2.0, count)
        found, ends, _, falls = sampled(days("1980-01-01", count), nav, cash=1.0)
        assert found == unit
        assert len(ends) <= 170
        assert falls.min() == drawdown(np.concatenate(([1.0], nav))).min()


class TestLine:
    def test_it_goes_from_the_left_edge_to_the_right_between_lowest_and_highest(self):
        line = line_of([1.0, 2.0, 3.0])
        assert line.points == "2.0,26.0 56.0,14.0 110.0,2.0"
        assert line.base == "26.0"

    def test_it_has_sixty_points_at_most(self):
        assert len(line_of(list(np.linspace(1, 2, 500))).points.split()) == 60

    def test_a_flat_account_is_a_flat_line(self):
        assert line_of([1.0, 1.0]).points == "2.0,26.0 110.0,26.0"

    def test_one_point_is_no_line(self):
        assert line_of([None, 1.0]) is None


class TestWhenItIsWritten:
    def test_after_every_run_and_after_a_comparison(self, reports):
        overrides = ["data.end=2018-03-01"]
        config = load_config(ROOT / "configs" / "buy_and_hold.yaml", overrides=overrides)
        _, folder = run_to_folder(config, out=reports)
        page = reports / "index.html"
        assert len(rows_of(page)) == 1
        [run] = find_runs(reports).runs
        stated = json.loads((folder / "manifest.json").read_text("utf-8"))["environment"]
        assert run.finished == stated["finished"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", run.finished)
        words = ["compare", str(folder), str(folder), "--reports", str(reports)]
        assert CliRunner().invoke(app, words).exit_code == 0
        assert "compare-" in page.read_text("utf-8")

    def test_a_run_stands_where_the_page_cannot_be_written(self, reports, caplog):
        (reports / "index.html").mkdir()  # no file can take its place
        config = load_config(
            ROOT / "configs" / "buy_and_hold.yaml", overrides=["data.end=2018-02-01"]
        )
        _, folder = run_to_folder(config, out=reports)
        assert (folder / "manifest.json").is_file()
        assert "the page of all runs was not written" in caplog.text


class TestCommand:
    def test_it_rewrites_the_page_and_prints_its_path(self, save, reports):
        save()
        done = CliRunner().invoke(app, ["index", "--reports", str(reports)])
        assert done.exit_code == 0
        assert done.stdout.strip() == str(reports / "index.html")
        assert len(rows_of(reports / "index.html")) == 1

    def test_a_folder_that_is_not_there_is_the_users_to_mend(self, tmp_path):
        done = CliRunner().invoke(app, ["index", "--reports", str(tmp_path / "nowhere")])
        assert done.exit_code == 2
        assert "there is no folder" in done.stderr

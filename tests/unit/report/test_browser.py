"""A page printed and drawn by an installed browser, or a plain word that there is none."""

from __future__ import annotations

import json
import shutil
import stat

import pytest
from typer.testing import CliRunner

from backtest.cli import app
from backtest.errors import RunError
from backtest.report.browser import NAMES, VARIABLE, find_browser, write_pdf, write_png
from backtest.report.checked import key_of, write_record

needs_browser = pytest.mark.skipif(
    not any(shutil.which(name) for name in NAMES), reason="no Chromium is installed"
)


@pytest.fixture
def folder(make_result, tmp_path):
    return make_result(60, 4, 8).save(tmp_path / "spillover_dip" / "3f9a1c7e52d04b88")


def call(*words: object):
    return CliRunner().invoke(app, [str(word) for word in words])


def test_without_a_browser_the_error_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RunError, match="Install chromium, name it in BACKTEST_BROWSER"):
        find_browser()


def test_a_browser_can_be_named(monkeypatch, tmp_path):
    program = tmp_path / "my-chrome"
    program.touch()
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv(VARIABLE, str(program))
    assert find_browser() == program


def test_a_named_browser_that_is_none_is_not_replaced_by_another(monkeypatch):
    monkeypatch.setenv(VARIABLE, "/no/such/browser")
    with pytest.raises(RunError, match="/no/such/browser is no program"):
        find_browser()


def test_a_browser_that_writes_nothing_is_an_error(monkeypatch, tmp_path):
    monkeypatch.setenv(VARIABLE, shutil.which("true") or "")
    page = tmp_path / "page.html"
    page.write_text("<p>nothing</p>")
    with pytest.raises(RunError, match=r"The browser wrote no .*page\.pdf"):
        write_pdf(page, tmp_path / "page.pdf")
    assert not list(tmp_path.glob("*.pdf"))


@needs_browser
def test_a_page_becomes_a_pdf_and_a_picture_as_tall_as_it_is(tmp_path):
    page = tmp_path / "page.html"
    page.write_text('<html data-height="345"><style>body{margin:0;height:345px}</style>text</html>')
    assert write_pdf(page, tmp_path / "page.pdf").read_bytes().startswith(b"%PDF-")
    picture = write_png(page, tmp_path / "page.png", width=400).read_bytes()
    assert picture.startswith(b"\x89PNG")
    # IHDR: width and height in big-endian order, by the PNG specification.
    assert int.from_bytes(picture[16:20]) == 400
    assert int.from_bytes(picture[20:24]) == 345


def test_a_saved_run_is_drawn_again_without_running(folder):
    done = call("tearsheet", folder, "--json")
    assert done.exit_code == 0, done.output
    written = json.loads(done.stdout)
    assert written == {"folder": str(folder), "tearsheet": str(folder / "tearsheet.html")}
    assert "spillover_dip" in (folder / "tearsheet.html").read_text("utf-8")


def test_a_pdf_without_a_browser_fails_before_anything_is_written(folder, monkeypatch, tmp_path):
    monkeypatch.setenv(VARIABLE, "/no/such/browser")
    done = call("tearsheet", folder, "--pdf", tmp_path / "page.pdf")
    assert done.exit_code == 1
    assert not (folder / "tearsheet.html").exists()


def test_a_run_that_is_not_there_is_named(tmp_path):
    done = call("tearsheet", "no-such-run", "--reports", tmp_path)
    assert done.exit_code == 2
    assert "no-such-run" in done.output


def test_a_check_that_was_run_since_is_on_the_page_that_is_drawn_again(result, changed, tmp_path):
    portfolio = result.config["portfolio"] | {"max_gross": 1.0, "short": False}
    run = changed(
        result,
        config=result.config | {"portfolio": portfolio},
        manifest=result.manifest | {"engine": "e0" * 32},
    )
    folder = run.save(tmp_path / "spillover_dip" / run.fingerprint)
    key = key_of(run)
    assert key is not None
    write_record(tmp_path, key, {"passed": True, "decisions": ["2016-02-01"], "claims": []})
    assert call("tearsheet", folder).exit_code == 0
    assert "passed, asked again at 1 decision" in (folder / "tearsheet.html").read_text("utf-8")

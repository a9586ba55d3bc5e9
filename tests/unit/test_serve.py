"""The reports on loopback: what is shown, and what is refused."""

from __future__ import annotations

import http.client
import json
import threading
from pathlib import Path

import pytest

from backtest.search.pace import Step
from backtest.search.running import FILE, noted, sweeps_in
from backtest.serve import SWEEPS, SWEEPS_PAGE, server_of


@pytest.fixture
def reports(tmp_path):
    folder = tmp_path / "reports"
    (folder / "a run" / "f00d").mkdir(parents=True)
    (folder / "a run" / "f00d" / "tearsheet.html").write_text("<p>sheet", encoding="utf-8")
    (folder / "index.html").write_text("<p>index", encoding="utf-8")
    (folder / "trials.sqlite").write_bytes(b"SQLite")
    (folder / ".hidden.html").write_text("draft", encoding="utf-8")
    (tmp_path / "secret.html").write_text("secret", encoding="utf-8")
    return folder


@pytest.fixture
def ask(reports):
    """Status, headers and text of the answer to a request."""
    server = server_of(reports, sweeps_in)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()

    def of(path, method="GET", **headers):
        line = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=5)
        host = headers.pop("Host", f"127.0.0.1:{server.server_port}")
        line.putrequest(method, path, skip_host=True)
        line.putheader("Host", host)
        for name, value in headers.items():
            line.putheader(name.replace("_", "-"), value)
        line.endheaders()
        answer = line.getresponse()
        text = answer.read().decode("utf-8", "replace")
        line.close()
        return answer.status, dict(answer.getheaders()), text

    of.port = server.server_port
    yield of
    server.shutdown()
    thread.join()
    server.server_close()


class TestFiles:
    def test_pages_are_shown(self, ask):
        assert ask("/")[0::2] == (200, "<p>index")
        status, headers, text = ask("/a%20run/f00d/tearsheet.html?x=1")
        assert (status, text) == (200, "<p>sheet")
        assert headers["Content-Type"] == "text/html"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"

    def test_a_head_has_the_length_and_no_content(self, ask):
        status, headers, text = ask("/", method="HEAD")
        assert (status, headers["Content-Length"], text) == (200, "8", "")

    @pytest.mark.parametrize(
        "path",
        [
            *("/../secret.html", "/%2e%2e/secret.html", "/a%20run/../../secret.html"),
            *("/..%2fsecret.html", "//etc/passwd", "/%00", "/.hidden.html", "/trials.sqlite"),
            *("/a%20run/", "/a%20run/f00d", "/nothing.html"),
        ],
    )
    def test_nothing_else_is(self, ask, path):
        status, _, text = ask(path)
        assert status == 404
        assert "secret" not in text

    def test_a_link_that_leads_out_is_not_followed(self, ask, reports, tmp_path):
        (reports / "out.html").symlink_to(tmp_path / "secret.html")
        assert ask("/out.html")[0] == 404


class TestRequests:
    @pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
    def test_nothing_can_be_changed(self, ask, method):
        status, headers, _ = ask("/index.html", method=method)
        assert (status, headers["Allow"]) == (405, "GET, HEAD")

    @pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1", ""])
    def test_another_host_is_refused(self, ask, host):
        """A name elsewhere may resolve to this address: its pages must not read the reports."""
        assert ask("/", Host=host)[0] == 403

    def test_localhost_is_this_machine(self, ask):
        assert ask("/", Host=f"localhost:{ask.port}")[0] == 200

    @pytest.mark.parametrize(
        "headers",
        [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec_Fetch_Site": "cross-site"}],
    )
    def test_another_page_is_refused(self, ask, headers):
        assert ask(SWEEPS, **headers)[0] == 403
        assert ask(SWEEPS, Origin=f"http://127.0.0.1:{ask.port}")[0] == 200

    def test_it_listens_on_loopback_alone(self, reports):
        with server_of(reports, sweeps_in) as server:
            assert server.server_address[0] == "127.0.0.1"


class TestSweeps:
    def sweep(self, reports: Path, name: str, *, complete: bool = False) -> Path:
        folder = reports / name / "sweep-beef"
        folder.mkdir(parents=True)
        (folder / "sweep.json").write_text("{}", encoding="utf-8")
        if complete:
            (folder / "trials.parquet").write_bytes(b"")
            (folder / "sweep.html").write_text("<p>sweep", encoding="utf-8")
        return folder

    def test_one_that_runs_is_told_with_how_far_it_is_and_leaves_no_note(self, ask, reports):
        self.sweep(reports, "done", complete=True)
        self.sweep(reports, "a killed one")
        folder = self.sweep(reports, "zebra")
        seen = []
        with noted(folder, seen.append) as note:
            note(Step(3, 12, 1, 2.5))
            status, _, text = ask(SWEEPS)
        assert (status, seen) == (200, [Step(3, 12, 1, 2.5)])
        running, stopped, done = json.loads(text)
        assert running.pop("updated") > 1e9
        assert running == {
            "name": "zebra", "fingerprint": "beef", "state": "running", "page": None,
            "done": 3, "total": 12, "failed": 1, "per_second": 2.5,
        }  # fmt: skip
        assert (stopped["name"], stopped["state"]) == ("a killed one", "stopped")
        assert (done["state"], done["page"]) == ("complete", "done/sweep-beef/sweep.html")
        assert not (folder / FILE).exists()

    def test_half_a_note_is_none(self, reports):
        folder = self.sweep(reports, "half")
        (folder / FILE).write_text('{"done": ', encoding="utf-8")
        assert sweeps_in(reports)[0]["state"] == "stopped"

    def test_the_page_asks_for_the_list(self, ask):
        status, headers, text = ask(SWEEPS_PAGE)
        assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert f'const SOURCE = "{SWEEPS}"' in text

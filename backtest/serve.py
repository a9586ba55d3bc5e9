"""The folder of reports on loopback, to read: nothing is written, started or stopped."""

from __future__ import annotations

import json
from collections.abc import Callable
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

from backtest.report.page import render

HOST = "127.0.0.1"
SWEEPS, SWEEPS_PAGE = "/_sweeps.json", "/_sweeps"

_SERVED = {".html", ".json", ".yaml", ".parquet", ".csv", ".png", ".pdf"}
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "frame-ancestors 'none'",
}

Sweeps = Callable[[Path], list[dict[str, object]]]


def server_of(reports: Path, sweeps: Sweeps, *, port: int = 0) -> ThreadingHTTPServer:
    """A server of ``reports`` on loopback; ``serve_forever`` runs it.

    Parameters
    ----------
    sweeps
        Gives the sweeps below a folder and how far they are.
    port
        0 takes a free one, which ``server_port`` names.

    Raises
    ------
    OSError
        When the port is taken.
    """

    class Handler(_Reader):
        root = reports.resolve()
        list_sweeps = staticmethod(sweeps)

    return ThreadingHTTPServer((HOST, port), Handler)


class _Reader(SimpleHTTPRequestHandler):
    """Answers GET and HEAD for files below a root, to requests that come from this machine's pages.

    A page elsewhere could have a name of its own resolved to this address: whatever asks for
    another host than loopback, or says that it comes from another page, is refused.
    """

    root: Path
    list_sweeps: Sweeps

    def do_GET(self) -> None:
        """Answer with the file, the list of sweeps or its page."""
        self._answer(body=True)

    def do_HEAD(self) -> None:
        """As GET, without the content."""
        self._answer(body=False)

    def _answer(self, *, body: bool) -> None:
        if not self._is_ours():
            return self._refuse(HTTPStatus.FORBIDDEN, "Only pages of this machine may ask.")
        path = unquote(urlsplit(self.path).path)
        if path == SWEEPS:
            text = json.dumps(self.list_sweeps(self.root))
            return self._send(text.encode(), "application/json", body=body)
        if path == SWEEPS_PAGE:
            return self._send(sweeps_html().encode(), "text/html; charset=utf-8", body=body)
        file = self._file(path)
        if file is None:
            hint = " `backtest index` writes the page of all runs." if path == "/" else ""
            return self._refuse(HTTPStatus.NOT_FOUND, f"There is no such page.{hint}")
        return self._send(file.read_bytes(), self.guess_type(file.name), body=body)

    def _is_ours(self) -> bool:
        _, port = self.connection.getsockname()
        hosts = {f"{name}:{port}" for name in (HOST, "localhost", "[::1]")}
        origin = self.headers.get("Origin")
        site = self.headers.get("Sec-Fetch-Site", "none")
        return (
            self.headers.get("Host", "") in hosts
            and (origin is None or urlsplit(origin).netloc in hosts)
            and site in {"none", "same-origin"}
        )

    def _file(self, path: str) -> Path | None:
        """The file that ``path`` names below the root; None for anything else."""
        parts = path.strip("/").split("/")
        if "\0" in path or any(part.startswith(".") for part in parts):
            return None
        file = (self.root / "/".join(parts)).resolve()
        if file.is_dir():
            file = (file / "index.html").resolve()
        inside = file.is_relative_to(self.root) and file.suffix in _SERVED
        return file if inside and file.is_file() else None

    def _send(self, content: bytes, kind: str, *, body: bool) -> None:
        self.send_response(HTTPStatus.OK)
        self._finish(content, kind, body=body)

    def _refuse(self, status: HTTPStatus, text: str) -> None:
        self.send_response(status)
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET, HEAD")
        self._finish(f"{text}\n".encode(), "text/plain; charset=utf-8", body=self.command != "HEAD")

    def _finish(self, content: bytes, kind: str, *, body: bool) -> None:
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(content)

    def _no_method(self) -> None:
        self._refuse(HTTPStatus.METHOD_NOT_ALLOWED, "Nothing can be changed here.")

    do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = _no_method  # noqa: N815 - http.server's names

    def version_string(self) -> str:
        """Say no more than the name."""
        return "portfolio-backtest"

    def log_message(self, *_: object) -> None:
        """Nothing: the terminal is the user's."""


def sweeps_html() -> str:
    """Page that lists the sweeps and asks every two seconds how far they are."""
    return render("sweeps.html", title="Sweeps", theme="auto", source=SWEEPS)

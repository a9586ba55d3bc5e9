"""One set of runs for all tests, and a browser that opens their pages."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from backtest.errors import RunError
from backtest.report.browser import find_browser
from tests.browser.worlds import COMPARED, REAL, RESEARCH, SAMPLE, make_reports

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

EDGES = (
    "no-trade",
    "one-day",
    "all-cash",
    "loss-on-the-first-day",
    "bankrupt",
    "no-benchmark",
    "young-benchmark",
    "forty-years",
    "three-thousand-names",
    "after-the-close",
)
SHEETS = tuple(name.replace("_", "-") for name in SAMPLE)
REAL_SHEETS = ("spillover-dip-hk", "ipo-day-one-hk", "low-pe-rotation-us")
COMPARISONS = tuple(COMPARED)
ALL_SHEETS = (*SHEETS, *REAL_SHEETS, *EDGES, "hostile")
SEARCHES = tuple(RESEARCH)
ALL = (*ALL_SHEETS, *COMPARISONS, *SEARCHES, "index")

DESK, PHONE = (1280, 900), (390, 844)


# Charts are drawn when they come near: the page is scrolled past all of them.
_SCROLL = """async () => {
  for (let at = 0; at < document.body.scrollHeight; at += 500) {
    scrollTo(0, at);
    await new Promise((done) => setTimeout(done, 30));
  }
  scrollTo(0, 0);
  await new Promise((done) => setTimeout(done, 200));
}"""


@dataclass
class Opened:
    """A page in the browser, with what it said, asked for and popped up."""

    page: Page
    path: Path
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    popped: list[str] = field(default_factory=list)
    _seen: tuple[tuple[int, int], str] | None = None

    @property
    def name(self) -> str:
        """Name of the run, or of the page where it is of several."""
        is_sheet = self.path.name == "tearsheet.html"
        return self.path.parents[1].name if is_sheet else self.path.stem

    def measure(self, script: str, argument: Any = None) -> Any:
        """What ``script`` gives in the page."""
        return self.page.evaluate(script, argument)

    def look(self, *, size: tuple[int, int] = DESK, theme: str = "light") -> Opened:
        """The same page at a size and in a theme, everything drawn."""
        if (size, theme) == self._seen:
            return self
        self._seen = size, theme
        self.page.set_viewport_size({"width": size[0], "height": size[1]})
        self.page.emulate_media(color_scheme=theme)
        self.measure(_SCROLL)
        return self


@pytest.fixture(scope="session")
def reports(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Path:
    """The folder of all runs; made once, however many processes share the tests."""
    top = tmp_path_factory.getbasetemp()
    folder = (top.parent if os.environ.get("PYTEST_XDIST_WORKER") else top) / "browser"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "made").exists():
            make_reports(folder)
            (folder / "made").touch()
    return folder / "reports"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium as it is installed; the tests are skipped where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    try:
        program = find_browser()
    except RunError as problem:
        pytest.skip(str(problem))
    # Containers have little shared memory, and Chromium refuses its sandbox to the superuser.
    options = ["--disable-dev-shm-usage", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=program, args=options)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def path_of(reports: Path) -> Callable[[str], Path]:
    """The file of a page by its name; skips what is of data that is not here."""

    def find(name: str) -> Path:
        if name in REAL_SHEETS and not REAL.is_dir():
            pytest.skip("no real bundles beside the project")
        if name in SEARCHES:
            return reports.parent / "research" / f"{name}.html"
        if name == "index" or name in COMPARISONS:
            return reports / f"{name}.html"
        [folder] = (reports / name).iterdir()
        return folder / "tearsheet.html"

    return find


@pytest.fixture
def visit(browser: Browser, path_of: Callable[[str], Path]) -> Iterator[Callable[[str], Opened]]:
    """Open a page by its name; it is closed when the test ends."""
    contexts = []

    def open_page(name: str) -> Opened:
        contexts.append(browser.new_context())
        return opened_in(contexts[-1], path_of(name))

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture(scope="module", params=ALL)
def opened(
    browser: Browser, path_of: Callable[[str], Path], request: pytest.FixtureRequest
) -> Iterator[Opened]:
    """Each page in turn, opened once for all claims that hold for every page."""
    context = browser.new_context()
    yield opened_in(context, path_of(request.param))
    context.close()


def opened_in(context: BrowserContext, path: Path) -> Opened:
    page = context.new_page()
    opened = Opened(page, path)
    page.on("console", lambda message: opened.said.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: opened.said.append(f"error: {error}"))
    page.on("request", lambda request: opened.asked.append(request.url))
    page.on("dialog", lambda dialog: (opened.popped.append(dialog.message), dialog.dismiss()))
    page.goto(path.as_uri())
    return opened.look()

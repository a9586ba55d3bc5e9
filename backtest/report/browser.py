"""A written page as PDF or picture, through a Chromium that is installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from backtest.errors import RunError

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
"""Programs that are looked for, in this order."""

VARIABLE = "BACKTEST_BROWSER"
"""Environment variable that names the program, where it is none of these."""

_WIDTH = 1280
_TALLEST = 16_000  # pixels; a browser draws no taller picture in one piece
_PATIENCE = 120  # seconds
_DRAWN_BY = 10_000  # milliseconds of the page's own clock until its charts are drawn


def find_browser() -> Path:
    """The Chromium that is used.

    Raises
    ------
    RunError
        When there is none.
    """
    named = os.environ.get(VARIABLE)
    for name in (named,) if named else NAMES:
        found = shutil.which(name)
        if found:
            return Path(found)
    looked = f"{VARIABLE}={named} is no program" if named else f"looked for {', '.join(NAMES)}"
    raise RunError(
        f"A PDF or a picture needs Chromium, and none was found ({looked}). Install chromium, name "
        f"it in {VARIABLE}, or open the page in a browser and print it from there."
    )


def write_pdf(page: Path, target: Path) -> Path:
    """Print ``page`` to ``target``, A4; returns it."""
    return _made(page, target, "--no-pdf-header-footer", option="--print-to-pdf")


def write_png(page: Path, target: Path, *, width: int = _WIDTH) -> Path:
    """Draw the whole of ``page``, ``width`` pixels wide, as a picture; returns it."""
    content = _run(page, f"--window-size={width},2000", "--dump-dom")
    found = re.search(r'data-height="(\d+)"', content)
    height = min(int(found.group(1)) if found else 2000, _TALLEST)
    return _made(page, target, f"--window-size={width},{height}", option="--screenshot")


def _made(page: Path, target: Path, *options: str, option: str) -> Path:
    """Let the browser write a file beside ``target``, then move it there in one step."""
    target.parent.mkdir(parents=True, exist_ok=True)
    # Named as the target, for the browser tells a picture's format by its name.
    partial = target.with_name(f".partial-{target.name}")
    said = _run(page, *options, f"{option}={partial.absolute()}")
    if not partial.is_file() or not partial.stat().st_size:
        raise RunError(f"The browser wrote no {target}: {said.strip()[-300:] or 'it said nothing'}")
    partial.replace(target)
    return target


def _run(page: Path, *options: str) -> str:
    """What a headless browser says to ``page``."""
    with TemporaryDirectory(prefix="backtest-browser-", ignore_cleanup_errors=True) as profile:
        command = [
            str(find_browser()),
            "--headless=new",
            "--disable-gpu",
            "--disable-extensions",
            "--disable-background-networking",
            "--no-first-run",
            "--hide-scrollbars",
            f"--user-data-dir={profile}",
            f"--virtual-time-budget={_DRAWN_BY}",
            # Chromium's own sandbox refuses to start for the superuser, as in most containers.
            *(["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []),
            *options,
            page.absolute().as_uri(),
        ]
        try:
            done = subprocess.run(  # noqa: S603 - a list, no shell; the page is ours
                command, capture_output=True, timeout=_PATIENCE, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as problem:
            raise RunError(f"{command[0]} could not draw {page}: {problem}") from problem
    output = done.stdout if "--dump-dom" in options else done.stdout + done.stderr
    return output.decode("utf-8", errors="replace")

"""The documentation as a site: it builds without a warning, and every page is in its menu."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
PAGES = {str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    out = tmp_path_factory.mktemp("site")
    words = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", str(out)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return out


def named(entry):
    """Every page that a part of the menu names."""
    if isinstance(entry, str):
        return {entry}
    parts = entry.values() if isinstance(entry, dict) else entry
    return {page for part in parts for page in named(part)}


def test_every_page_is_in_the_menu():
    settings = YAML(typ="safe").load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    assert named(settings["nav"]) == PAGES


def test_every_page_is_built(site):
    built = {str(page.relative_to(site)) for page in site.rglob("*.html")}
    pages = {page.removesuffix(".md") for page in PAGES}
    names = {
        page.removesuffix("README") + "index" if page.endswith("README") else page for page in pages
    }
    assert built >= {f"{name}.html" for name in names}


def test_no_page_asks_another_host_for_anything(site):
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        for mark in ('src="http', "src='http", 'rel="stylesheet" href="http', "fonts.googleapis"):
            assert mark not in text, page

"""Rows that lose nothing, however narrow the terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from backtest.listing import Listing

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def listing():
    made = Listing(
        ("name", "rows", "meaning"), "checks", right=frozenset({"rows"}), words="meaning"
    )
    made.add_row(
        "close_outside_range", "1,599", "close outside [low, high], and so on and so forth"
    )
    made.add_row("gap", "3", "")
    return made


@pytest.fixture
def shown(listing):
    def at(width: int) -> list[str]:
        console = Console(width=width, color_system=None)
        with console.capture() as captured:
            console.print(listing)
        return [line.rstrip() for line in captured.get().splitlines()]

    return at


def test_where_there_is_room_it_is_a_table(shown):
    assert shown(90) == [
        "checks",
        "name                  rows  meaning",
        "close_outside_range  1,599  close outside [low, high], and so on and so forth",
        "gap                      3",
    ]


def test_words_are_broken_over_lines_before_anything_else_gives_way(shown):
    assert shown(52) == [
        "checks",
        "name                  rows  meaning",
        "close_outside_range  1,599  close outside [low,",
        "                            high], and so on and so",
        "                            forth",
        "gap                      3",
    ]


def test_where_there_is_none_each_row_is_some_lines(shown):
    assert shown(40) == [
        "checks",
        "close_outside_range",
        "  close outside [low, high], and so on",
        "  and so forth",
        "  rows 1,599",
        "gap",
        "  rows 3",
    ]


COMMANDS = [("list", "configs"), ("data", "show", "sample"), ("data", "check", "sample")]


@pytest.mark.parametrize("words", COMMANDS)
def test_a_terminal_of_80_columns_cuts_nothing_off(words):
    """An ellipsis of rich stands where something was cut."""
    ours, theirs = pty.openpty()
    done = subprocess.Popen(
        [sys.executable, "-m", "backtest", *words],
        stdout=theirs, stderr=subprocess.DEVNULL, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80"},
    )  # fmt: skip
    os.close(theirs)
    text = _all_of(ours)
    assert done.wait() == 0
    assert "…" not in text
    assert len(text.splitlines()) > 3


@pytest.mark.parametrize("words", COMMANDS)
def test_in_a_pipe_each_row_is_one_line(words):
    done = subprocess.run(
        [sys.executable, "-m", "backtest", *words], capture_output=True, text=True, check=True,
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80"},
    )  # fmt: skip
    assert "…" not in done.stdout
    lines = done.stdout.splitlines()
    if words == ("list", "configs"):
        assert len(lines) == 1 + len(list((ROOT / "configs").rglob("*.yaml")))
    else:
        assert any(line.startswith("gap ") and line.rstrip().endswith("a bar") for line in lines)


def _all_of(terminal: int) -> str:
    parts = []
    while True:
        try:
            part = os.read(terminal, 65_536)
        except OSError:  # Linux says so when the other end is closed
            break
        if not part:
            break
        parts.append(part)
    os.close(terminal)
    return b"".join(parts).decode()

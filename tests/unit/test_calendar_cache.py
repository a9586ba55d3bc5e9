"""Calendars are kept on disk, and made again where what is kept cannot be used."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from backtest import calendar_cache

DAYS = np.array(["2024-07-01", "2024-07-02"], dtype="datetime64[D]")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(calendar_cache, "user_cache_path", lambda *_, **__: tmp_path)
    return tmp_path


class Made:
    """Counts how often the calendar had to be made."""

    times = 0

    def __call__(self):
        self.times += 1
        return {"dates": DAYS}


def test_a_calendar_is_made_once_for_the_same_parts(home):
    make = Made()
    for _ in range(2):
        arrays = calendar_cache.kept(("XHKG", 2024), make)
        assert arrays.keys() == {"dates"}
        assert arrays["dates"].dtype == DAYS.dtype
        assert arrays["dates"].tolist() == DAYS.tolist()
    assert make.times == 1
    calendar_cache.kept(("XHKG", 2025), make)
    assert make.times == 2
    assert len(list((home / "calendars").iterdir())) == 2


@pytest.mark.parametrize("cut", [0, 10, -10])
def test_a_damaged_file_is_made_again(home, cut, caplog):
    make = Made()
    calendar_cache.kept(("XHKG", 2024), make)
    (file,) = (home / "calendars").iterdir()
    file.write_bytes(file.read_bytes()[:cut])
    assert calendar_cache.kept(("XHKG", 2024), make)["dates"].tolist() == DAYS.tolist()
    assert "made again" in caplog.text
    calendar_cache.kept(("XHKG", 2024), make)
    assert make.times == 2


def test_a_changed_byte_is_noticed(home):
    make = Made()
    calendar_cache.kept(("XHKG", 2024), make)
    (file,) = (home / "calendars").iterdir()
    whole = bytearray(file.read_bytes())
    at = whole.index(DAYS.tobytes())
    whole[at] ^= 1
    file.write_bytes(bytes(whole))
    assert calendar_cache.kept(("XHKG", 2024), make)["dates"].tolist() == DAYS.tolist()
    assert make.times == 2


def test_a_disk_that_cannot_be_written_is_no_fault(home, caplog):
    (home / "calendars").write_text("a file where the folder should be")
    assert calendar_cache.kept(("XHKG", 2024), Made())["dates"].tolist() == DAYS.tolist()
    assert "nothing is kept" in caplog.text

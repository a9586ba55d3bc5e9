"""Compiled kernels are kept apart by the state of their sources."""

from __future__ import annotations

from pathlib import Path

import pytest

from backtest import kernel_cache
from backtest.kernels.simulate import simulate


def test_a_folder_of_the_users_own_is_used_and_still_divided_by_sources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    assert kernel_cache.cache_folder().parent == tmp_path


def test_a_changed_helper_gets_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    kernels = tmp_path / "kernels"
    kernels.mkdir()
    (kernels / "simulate.py").write_text("from helper import fee\n")
    (kernels / "helper.py").write_text("fee = 1\n")
    monkeypatch.setattr(kernel_cache, "__file__", str(tmp_path / "kernel_cache.py"))
    before = kernel_cache.cache_folder()
    assert kernel_cache.cache_folder() == before
    (kernels / "helper.py").write_text("fee = 2\n")
    assert kernel_cache.cache_folder() != before


def test_nothing_is_compiled_in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    assert not kernel_cache.is_compiled()


def test_only_what_numba_keeps_for_these_files_counts_as_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = Path(simulate.stats.cache_path)
    assert folder.parent == kernel_cache.cache_folder()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    elsewhere = kernel_cache.cache_folder() / "kernels_of_another_checkout"
    here = kernel_cache.cache_folder() / folder.name
    for kept, expected in ((elsewhere, False), (here, True)):
        kept.mkdir(parents=True)
        (kept / "simulate.simulate-1.py311.nbi").touch()
        assert kernel_cache.is_compiled() is expected

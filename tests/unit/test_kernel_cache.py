"""Compiled kernels are kept apart by the state of their sources."""

from __future__ import annotations

from pathlib import Path

import pytest

from backtest import kernel_cache


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

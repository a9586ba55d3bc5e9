"""Paths that a command is told to write to, refused before anything is run."""

from __future__ import annotations

import os
from pathlib import Path

import typer


def folder_to_write(text: str) -> Path:
    """``text`` as a folder that can be written below; typer's error where it cannot."""
    path = _to_write(text, "a folder, or '.' for the working directory")
    if path.exists() and not path.is_dir():
        raise typer.BadParameter(f"{text} is a file; name a folder")
    return path


def bundle_to_write(text: str) -> str:
    """``text`` as a bundle to write: a URL, or a folder that can be written below."""
    from backtest.data.settings import is_remote

    return text if is_remote(text) else str(folder_to_write(text))


def file_to_write(text: str) -> Path:
    """``text`` as a file that can be written; typer's error where it cannot."""
    path = _to_write(text, "a file")
    if path.is_dir():
        raise typer.BadParameter(f"{text} is a folder; name a file in it")
    return path


def _to_write(text: str, what: str) -> Path:
    if not text.strip():
        raise typer.BadParameter(f"is empty; name {what}")
    path = Path(text)
    there = next(above for above in (path, *path.absolute().parents) if above.exists())
    if there != path and not there.is_dir():
        raise typer.BadParameter(f"{there} is a file: nothing can be written below it")
    if not os.access(there, os.W_OK):
        raise typer.BadParameter(f"{there} is write-protected")
    return path

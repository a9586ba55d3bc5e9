"""How a file that nobody has described is read: the encoding of its text, its sheets."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pandas as pd

from backtest.errors import DataError
from backtest.sources.files import EXCEL, read_file
from backtest.sources.headings import recognised
from backtest.sources.mapping import Input

_HEADING = (2, 3)
"""Lines that ``yfinance.download(...).to_csv()`` puts between its heading and its rows."""

_ENCODINGS = ("gb18030", "big5hkscs", "cp1252", "utf-16")
_HALF_LATIN = re.compile(r"[A-Za-z][\u4e00-\u9fff]|[\u4e00-\u9fff][A-Za-z]")
"""A Chinese sign beside a Latin letter: an umlaut that was read as half of one."""


def probe(path: Path) -> tuple[pd.DataFrame, Input]:
    """The file's columns, and what it was read with.

    Raises
    ------
    DataError
        The file cannot be read.
    """
    sheet = _sheet(path) if path.suffix.lower() in EXCEL else ""
    try:
        frame, how = _read(path, Input(sheet=sheet))
        has_heading = len(frame) > 0 and str(frame.iloc[0, 0]) == "Ticker"
        return _read(path, Input(skip=list(_HEADING))) if has_heading else (frame, how)
    except DataError:
        # Most bytes are text in any encoding: the one whose headings are known best is taken.
        best: tuple[tuple[int, int], pd.DataFrame, Input] | None = None
        for encoding in _ENCODINGS:
            try:
                frame, how = _read(path, Input(encoding=encoding))
            except DataError:
                continue
            names = list(frame.columns)
            known = recognised(names)
            score = (len(known), -sum(bool(_HALF_LATIN.search(name)) for name in names))
            if "session" in known and (best is None or score > best[0]):
                best = (score, frame, how)
        if best is not None:
            return best[1], best[2]
        raise


def _read(path: Path, how: Input) -> tuple[pd.DataFrame, Input]:
    frame = read_file(path, how)
    frame.columns = [str(column).strip() for column in frame.columns]
    return frame, how


def _sheet(path: Path) -> str:
    """What to take of a workbook: nothing to say of one sheet, all that are alike, or the first."""
    try:
        with pd.ExcelFile(io.BytesIO(path.read_bytes())) as book:
            names = [str(name) for name in book.sheet_names]
            heads = {
                tuple(map(str, pd.read_excel(book, sheet_name=name, nrows=0).columns))
                for name in names
            }
    except (ImportError, ValueError, KeyError, OSError):
        return ""  # read_file says what is wrong with it
    if len(names) < 2:
        return ""
    return "*" if len(heads) == 1 else names[0]

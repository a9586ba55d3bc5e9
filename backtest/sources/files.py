"""Files of many formats as frames of what stands in them."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Any

import pandas as pd
import pyarrow as pa

from backtest.errors import DataError, Fault
from backtest.sources.mapping import Input
from backtest.sources.tickers import is_headed_by_tickers, long_of_tickers

FORMATS = (".csv", ".txt", ".tsv", ".zip", ".parquet", ".pq", ".xlsx", ".xls", ".json")
EXCEL = (".xlsx", ".xls")
_PARQUET = (".parquet", ".pq")


def file_name(path: Path) -> str:
    """Name of a file without its endings: ``AAPL`` for ``AAPL.csv.gz``."""
    name = path.name.removesuffix(".gz")
    return PurePath(name).stem


def files_below(path: Path) -> Iterator[Path]:
    """The file, or the files of known formats below a folder; nothing where there is none."""
    if path.is_dir():
        for inside in sorted(path.rglob("*")):
            if inside.name.removesuffix(".gz").lower().endswith(FORMATS):
                yield inside
    elif path.exists():
        yield path


def read_file(path: Path, how: Input) -> pd.DataFrame:
    """The columns of a file: text where the format has no types, without an index.

    Raises
    ------
    DataError
        The file cannot be read as what its name says.
    """
    ending = PurePath(path.name.removesuffix(".gz")).suffix.lower()
    try:
        if ending in _PARQUET:
            return _without_index(pd.read_parquet(path))
        if ending in EXCEL:
            return _excel(path, how)
        if ending == ".json":
            return _json(path, how)
        if ending == ".zip":
            return pd.concat([_csv(text, how) for text in _members(path)], ignore_index=True)
        if ending in FORMATS:
            data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            return _csv(data, how)
    except ImportError as error:
        message = f"{error.name or error}: pip install 'portfolio-backtest[excel]'"
        raise DataError(path.name, [Fault("", f"needs a package: {message}")]) from None
    except UnicodeDecodeError:
        why = f"is not text in {how.encoding}: set encoding, as gb18030, big5hkscs or cp1252"
        raise DataError(path.name, [Fault("", f"cannot be read: {why}", str(path))]) from None
    except (pa.ArrowException, ValueError, KeyError, OSError, zipfile.BadZipFile) as error:
        why = str(error).partition("\n")[0]
        raise DataError(path.name, [Fault("", f"cannot be read: {why}", str(path))]) from None
    message = f"{ending or 'a file without ending'} is no format known here"
    raise DataError(path.name, [Fault("", f"{message}; there are {', '.join(FORMATS)}", str(path))])


def _without_index(frame: pd.DataFrame) -> pd.DataFrame:
    named = [name for name in frame.index.names if name is not None]
    return frame.reset_index() if named else frame.reset_index(drop=True)


def _csv(data: bytes, how: Input) -> pd.DataFrame:
    text = data.decode(how.encoding)
    if text.lstrip()[:1] == "<":
        raise ValueError("is a web page (it begins with '<'), not a table")
    first = next((line for line in text.splitlines() if line.strip()), "")
    separator = max((",", ";", "\t", "|"), key=first.count)
    if is_headed_by_tickers(text):
        return long_of_tickers(text)
    frame = pd.read_csv(
        io.StringIO(text),
        sep=separator,
        dtype=str,
        keep_default_na=False,
        header=None if how.header else 0,
        names=how.header or None,
        skiprows=[line - 1 for line in how.skip] or None,
        skip_blank_lines=True,
    )
    last = next((line for line in reversed(text.splitlines()) if line.strip()), "")
    if len(next(csv.reader([last], delimiter=separator), [])) < len(frame.columns):
        raise ValueError("its last line has fewer fields than the heading: half a file?")
    return frame


def _members(path: Path) -> Iterator[bytes]:
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.lower().endswith((".csv", ".txt"))]
        if not names:
            raise ValueError("holds no .csv")
        for name in sorted(names):
            yield archive.read(name)


def _excel(path: Path, how: Input) -> pd.DataFrame:
    with pd.ExcelFile(path) as book:
        names = [str(name) for name in book.sheet_names]
        if how.sheet == "" and len(names) > 1:
            raise ValueError(f"has the sheets {', '.join(names[:12])}: set sheet, '*' for all")
        chosen: list[str | int] = [*names] if how.sheet == "*" else [how.sheet or 0]
        frames = [
            pd.read_excel(
                book,
                sheet_name=one,
                header=None if how.header else 0,
                names=how.header or None,
                skiprows=[line - 1 for line in how.skip] or None,
            )
            for one in chosen
        ]
    if how.sheet != "*":
        return frames[0]
    named = [frame.assign(sheet=one) for one, frame in zip(chosen, frames, strict=True)]
    return pd.concat(named, ignore_index=True)


def _json(path: Path, how: Input) -> pd.DataFrame:
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    found: Any = json.loads(raw.decode(how.encoding))  # any JSON document
    for key in how.records.split(".") if how.records else ():
        found = found[key]
    if not isinstance(found, list):
        raise ValueError("the records are no list; set records: the dotted path of the list")
    return pd.DataFrame.from_records(found)

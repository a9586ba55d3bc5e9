"""Files of a bundle's folder, read as they are."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from backtest.data.parse import nearest
from backtest.data.schema import EXTRA, TABLES, BundleInfo, read_info
from backtest.data.settings import is_remote
from backtest.data.write import INFO, finish_replacement
from backtest.errors import Fault, NoBundleError

SAMPLE = "sample"
"""Name of the simulated market that comes with the program."""

_FORMATS = (".parquet", ".csv")
_BLOCK = 1 << 20
_SHOWN = 3


@dataclass
class RawBundle:
    """What the files hold: ``info`` is None where bundle.yaml is faulty."""

    info: BundleInfo | None = None
    tables: dict[str, pa.Table] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)


def find_folder(bundle: str, root: Path | None) -> Path:
    """Folder of ``bundle``: the sample market's, a copy of a URL's, or a path below ``root``."""
    if bundle == SAMPLE:
        from backtest.data.sample import sample_folder

        return sample_folder()
    if is_remote(bundle):
        from backtest.data.remote import local_copy

        return local_copy(bundle)
    folder = ((root or Path.cwd()) / Path(bundle).expanduser()).resolve()
    finish_replacement(folder)
    if (folder / INFO).is_file():
        return folder
    if folder.is_dir():
        fault = Fault("", f"is no bundle: it has no {INFO}", str(folder))
        raise NoBundleError(bundle, [fault])
    beside = [path.name for path in folder.parent.glob("*/")] if folder.parent.is_dir() else []
    hint = nearest(folder.name, [*beside, SAMPLE])
    raise NoBundleError(bundle, [Fault("", f"no such folder{hint}", str(folder))])


def content_hash(folder: Path) -> str:
    """sha256 over name, size and bytes of bundle.yaml and of every table file, by name."""
    digest = hashlib.sha256()
    for path in sorted([folder / INFO, *_table_files(folder)], key=lambda file: file.name):
        digest.update(f"{path.name}\0{path.stat().st_size}\0".encode())
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
    return digest.hexdigest()


def read_folder(folder: Path) -> RawBundle:
    """bundle.yaml and the raw tables, with every fault of their files."""
    raw = RawBundle()
    raw.info, raw.faults = _read_yaml(folder / INFO)
    for path in _table_files(folder):
        name = path.stem
        if name not in TABLES:
            hint = nearest(name, TABLES) or f"; name your own tables {EXTRA}..."
            raw.faults.append(Fault(name, f"unknown table{hint}", path.name))
        elif name in raw.names:
            message = f"is there twice, as {raw.names[name]} and as {path.name}"
            raw.faults.append(Fault(name, message))
        else:
            raw.names[name] = path.name
            try:
                raw.tables[name] = _read_table(path)
            except (pa.ArrowException, OSError, UnicodeDecodeError, StopIteration) as error:
                why = _ragged(path) or f"cannot be read: {str(error).partition(chr(10))[0]}"
                raw.faults.append(Fault(name, why, path.name))
    return raw


def _table_files(folder: Path) -> Iterator[Path]:
    """Files that are tables by their ending, but for the user's own, by name."""
    for path in sorted(folder.iterdir()):
        if path.suffix in _FORMATS and not path.name.startswith((EXTRA, ".")):
            yield path


def _read_table(path: Path) -> pa.Table:
    if path.suffix == ".parquet":
        return pyarrow.parquet.ParquetFile(path).read()
    # Every value as text: what a number or date is, is decided by the schema, as for parquet.
    header = pyarrow.csv.open_csv(path).schema.names
    return pyarrow.csv.read_csv(
        path,
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(header, pa.string()), strings_can_be_null=False
        ),
    )


def _ragged(path: Path) -> str:
    """Which rows of a CSV, from 1 below the header, have another number of values than that."""
    rows: list[pyarrow.csv.InvalidRow] = []

    def note(row: pyarrow.csv.InvalidRow) -> str:
        rows.append(row)
        return "skip"

    if path.suffix == ".csv":
        try:
            # Only one thread knows a row's number.
            pyarrow.csv.read_csv(
                path,
                read_options=pyarrow.csv.ReadOptions(use_threads=False),
                parse_options=pyarrow.csv.ParseOptions(invalid_row_handler=note),
            )
        except (pa.ArrowException, UnicodeDecodeError):
            return ""
    if not rows:
        return ""
    shown = ", ".join(
        f"row {row.number - 1} has {row.actual_columns}{' values' * (number == 0)}"
        for number, row in enumerate(rows[:_SHOWN])
    )
    more = f" and {len(rows) - _SHOWN:,} more" if len(rows) > _SHOWN else ""
    return f"{shown}{more}; the header has {rows[0].expected_columns}"


def _read_yaml(path: Path) -> tuple[BundleInfo | None, list[Fault]]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        loaded: Any = YAML(typ="safe").load(path.read_text(encoding="utf-8"))  # any YAML document
    except MarkedYAMLError as error:
        mark = error.problem_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        return None, [Fault("", f"is no YAML: {error.problem}", path.name, line, column)]
    except (YAMLError, UnicodeDecodeError) as error:
        return None, [Fault("", f"is no YAML: {error}", path.name)]
    return read_info(loaded, path.name)
